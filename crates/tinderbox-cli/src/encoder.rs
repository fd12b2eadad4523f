//! The encoders that a recipe can name, and what they read, chosen at run time.

use burn::module::Module;
use burn::tensor::{Device, Shape, Tensor};
use serde::{Deserialize, Serialize};
use tinderbox::data::PlainBatch;
use tinderbox::nn::{
    AnyImageEncoder, AnyTextEncoder, BertConfig, Encoder, EncoderDecoder, ImageEncoderConfig,
    Input, MlpEncoder, MlpEncoderConfig, NnConfigError, TextEncoderConfig, TokenBatch,
    TokenEncoder,
};
use tinderbox::train::{PlainInput, view_data};
use tinderbox::transfer::LayerGroups;

use crate::inputs::Target;

/// What an encoder reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Modality {
    /// Images.
    Image,
    /// Rows of a table.
    Row,
    /// Texts.
    Text,
}

impl Modality {
    /// The items in words, several of them.
    pub fn items(self) -> &'static str {
        match self {
            Self::Image => "images",
            Self::Row => "rows",
            Self::Text => "texts",
        }
    }
}

/// The shape of one item as an encoder reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum InputShape {
    /// A square image.
    Image(ImageShape),
    /// A row of numbers.
    Row {
        /// How many.
        columns: usize,
    },
    /// A sequence of tokens.
    Text {
        /// How many different ones there are.
        vocabulary: usize,
        /// The most of a sequence.
        length: usize,
    },
}

/// What images are made into before a network sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageShape {
    /// Channels, 1 or 3.
    pub channels: usize,
    /// Height and width.
    pub size: usize,
}

impl InputShape {
    /// The axes of one item.
    pub fn dims(self) -> Vec<usize> {
        match self {
            Self::Image(ImageShape { channels, size }) => vec![channels, size, size],
            Self::Row { columns } => vec![columns],
            Self::Text { length, .. } => vec![length],
        }
    }
}

/// An encoder with its sizes, as a recipe and `tinderbox.json` have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum EncoderConfig {
    /// One for images.
    Image(ImageEncoderConfig),
    /// One for rows.
    Row(RowEncoderConfig),
    /// One for texts.
    Text(TextEncoderConfig),
}

/// An encoder of rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum RowEncoderConfig {
    /// `mlp`: see [`MlpEncoder`].
    Mlp(MlpEncoderConfig),
}

impl EncoderConfig {
    /// The value of `kind`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Image(config) => config.name(),
            Self::Row(RowEncoderConfig::Mlp(_)) => "mlp",
            Self::Text(config) => config.name(),
        }
    }

    /// What it reads.
    pub fn modality(&self) -> Modality {
        match self {
            Self::Image(_) => Modality::Image,
            Self::Row(_) => Modality::Row,
            Self::Text(_) => Modality::Text,
        }
    }

    /// A new encoder of items of a shape.
    ///
    /// # Errors
    /// Sizes that do not fit the items.
    ///
    /// # Panics
    /// If the items are of another modality.
    pub fn init(&self, shape: InputShape, device: &Device) -> Result<AnyEncoder, NnConfigError> {
        match (self, shape) {
            (Self::Image(config), InputShape::Image(ImageShape { channels, size })) => {
                config.init(channels, size, device).map(AnyEncoder::Image)
            }
            (Self::Row(RowEncoderConfig::Mlp(config)), InputShape::Row { columns }) => {
                config.init(columns, device).map(AnyEncoder::Row)
            }
            (Self::Text(config), InputShape::Text { vocabulary, .. }) => {
                config.init(vocabulary, device).map(AnyEncoder::Text)
            }
            _ => panic!("{} cannot read {shape:?}", self.name()),
        }
    }

    /// The encoder of ELECTRA's generator below a discriminator of this configuration: half as wide, with half the heads (Clark et al. 2020,
    /// section 3.2: a quarter to a half works best). An encoder of other items is left as it is.
    pub fn generator(&self) -> Self {
        match self {
            Self::Text(TextEncoderConfig::Bert(config)) => {
                let heads = (config.heads / 2).max(1);
                Self::Text(TextEncoderConfig::Bert(BertConfig {
                    width: (config.width / 2).next_multiple_of(2 * heads),
                    heads,
                    ffn: config.ffn.div_ceil(2),
                    ..config.clone()
                }))
            }
            other => other.clone(),
        }
    }

    /// The same with features of their own length: over features of length 1, an output layer learns slowly.
    pub fn with_free_features(&self) -> Self {
        match self {
            Self::Text(TextEncoderConfig::Bert(config)) => {
                Self::Text(TextEncoderConfig::Bert(BertConfig {
                    normalise: false,
                    ..config.clone()
                }))
            }
            other => other.clone(),
        }
    }

    /// Its layers from input to output.
    pub fn layer_groups(&self) -> LayerGroups {
        match self {
            Self::Image(config) => LayerGroups::of(config),
            Self::Row(RowEncoderConfig::Mlp(config)) => LayerGroups::mlp(config.hidden.len()),
            Self::Text(config) => LayerGroups::of_text(config),
        }
    }

    /// The prefix of an output layer's weights: the published one where the encoder's family has one.
    pub fn head_name(&self, of: Target) -> &'static str {
        match self {
            Self::Text(_) if of == Target::Answers => "qa_outputs",
            // The reference network's own dense layer is `fc`.
            Self::Image(ImageEncoderConfig::ReferenceCnn { .. }) | Self::Row(_) => "output",
            Self::Image(_) => "fc",
            Self::Text(_) => "classifier",
        }
    }
}

/// A batch of what some encoder reads.
// Batches are few: size is no concern.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone)]
pub enum AnyInput {
    /// Images, `[batch, channels, height, width]`.
    Images(Tensor<4>),
    /// Rows, `[batch, columns]`.
    Rows(Tensor<2>),
    /// Sequences of tokens.
    Tokens(TokenBatch),
}

impl From<TokenBatch> for AnyInput {
    fn from(batch: TokenBatch) -> Self {
        Self::Tokens(batch)
    }
}

impl Input for AnyInput {
    fn cat(batches: Vec<Self>) -> Self {
        let (mut images, mut rows, mut tokens) = (Vec::new(), Vec::new(), Vec::new());
        for batch in batches {
            match batch {
                Self::Images(batch) => images.push(batch),
                Self::Rows(batch) => rows.push(batch),
                Self::Tokens(batch) => tokens.push(batch),
            }
        }
        match (images.is_empty(), rows.is_empty()) {
            (false, _) => Self::Images(Input::cat(images)),
            (_, false) => Self::Rows(Input::cat(rows)),
            _ => Self::Tokens(Input::cat(tokens)),
        }
    }

    fn shape(&self) -> Shape {
        match self {
            Self::Images(batch) => batch.shape(),
            Self::Rows(batch) => batch.shape(),
            Self::Tokens(batch) => batch.shape(),
        }
    }

    fn inner(self) -> Self {
        match self {
            Self::Images(batch) => Self::Images(batch.inner()),
            Self::Rows(batch) => Self::Rows(batch.inner()),
            Self::Tokens(batch) => Self::Tokens(batch.inner()),
        }
    }
}

impl PlainInput for AnyInput {
    fn of_view(batch: &PlainBatch, view: usize, device: &Device) -> Option<Self> {
        match view_data(batch, view).map(|data| data.shape().len()) {
            None => PlainInput::of_view(batch, view, device).map(Self::Tokens),
            Some(2) => PlainInput::of_view(batch, view, device).map(Self::Rows),
            Some(_) => PlainInput::of_view(batch, view, device).map(Self::Images),
        }
    }
}

/// An encoder that a recipe chose.
///
/// The variant adds no level to the names of a [`StateDict`](tinderbox::nn::StateDict).
// A run holds a handful of encoders, and `Box` is no module: size is no concern.
#[allow(clippy::large_enum_variant)]
#[derive(Module, Debug)]
pub enum AnyEncoder {
    /// One for images.
    Image(AnyImageEncoder),
    /// One for rows.
    Row(MlpEncoder),
    /// One for texts.
    Text(AnyTextEncoder),
}

impl Encoder for AnyEncoder {
    type Input = AnyInput;

    /// Features of a batch, `[batch, feature_dim]`.
    ///
    /// # Panics
    /// If the input is of another modality or shape than configured.
    fn forward(&self, input: AnyInput) -> Tensor<2> {
        match (self, input) {
            (Self::Image(encoder), AnyInput::Images(batch)) => encoder.forward(batch),
            (Self::Row(encoder), AnyInput::Rows(batch)) => encoder.forward(batch),
            (Self::Text(encoder), AnyInput::Tokens(batch)) => encoder.forward(batch),
            (_, input) => panic!("the encoder cannot read a batch {:?}", input.shape()),
        }
    }

    fn feature_dim(&self) -> usize {
        match self {
            Self::Image(encoder) => encoder.feature_dim(),
            Self::Row(encoder) => encoder.feature_dim(),
            Self::Text(encoder) => encoder.feature_dim(),
        }
    }
}

impl AnyEncoder {
    /// # Panics
    /// If it reads no texts: recipes are refused that put an objective on texts on another encoder.
    fn text(&self) -> &AnyTextEncoder {
        match self {
            Self::Text(encoder) => encoder,
            _ => panic!("the encoder reads no texts"),
        }
    }
}

impl AsRef<EncoderDecoder> for AnyEncoder {
    /// # Panics
    /// If it cannot write: recipes are refused that have it denoise.
    fn as_ref(&self) -> &EncoderDecoder {
        match self.text() {
            AnyTextEncoder::EncoderDecoder(encoder) => encoder,
            _ => panic!("the encoder has no decoder"),
        }
    }
}

impl TokenEncoder for AnyEncoder {
    fn hidden_states(&self, batch: TokenBatch) -> Tensor<3> {
        self.text().hidden_states(batch)
    }

    fn word_embeddings(&self) -> Tensor<2> {
        self.text().word_embeddings()
    }

    fn is_causal(&self) -> bool {
        self.text().is_causal()
    }

    fn longest(&self) -> Option<usize> {
        self.text().longest()
    }
}
