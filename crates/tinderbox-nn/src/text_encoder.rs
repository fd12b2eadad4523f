//! The choice of a text encoder at run time.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::bert::{Bert, BertConfig, TokenBatch};
use crate::encoder::{Encoder, TokenEncoder};
use crate::encoder_decoder::{EncoderDecoder, EncoderDecoderConfig};
use crate::error::NnConfigError;
use crate::recurrent_encoder::{RecurrentEncoder, RecurrentEncoderConfig};

/// A text encoder as a recipe names it: a table with `kind` and that kind's keys, all optional.
///
/// How many words there are, the tokeniser says at [`init`](Self::init).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum TextEncoderConfig {
    /// `bert`: see [`Bert`].
    Bert(BertConfig),
    /// `recurrent`: see [`RecurrentEncoder`].
    Recurrent(RecurrentEncoderConfig),
    /// `encoder-decoder`: see [`EncoderDecoder`].
    EncoderDecoder(EncoderDecoderConfig),
}

impl TextEncoderConfig {
    /// The value of `kind`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Bert(_) => "bert",
            Self::Recurrent(_) => "recurrent",
            Self::EncoderDecoder(_) => "encoder-decoder",
        }
    }

    /// The longest sequence that the encoder reads, if there is one.
    pub fn positions(&self) -> Option<usize> {
        match self {
            Self::Bert(config) => Some(config.positions),
            Self::Recurrent(_) | Self::EncoderDecoder(_) => None,
        }
    }

    /// A new encoder for a vocabulary of this many words.
    ///
    /// # Errors
    /// [`NnConfigError`] as [`BertConfig::init`], [`RecurrentEncoderConfig::init`] and [`EncoderDecoderConfig::init`] have it.
    pub fn init(
        &self,
        vocabulary: usize,
        device: &Device,
    ) -> Result<AnyTextEncoder, NnConfigError> {
        match self {
            Self::Bert(config) => config.init(vocabulary, device).map(AnyTextEncoder::Bert),
            Self::Recurrent(config) => config
                .init(vocabulary, device)
                .map(AnyTextEncoder::Recurrent),
            Self::EncoderDecoder(config) => config
                .init(vocabulary, device)
                .map(AnyTextEncoder::EncoderDecoder),
        }
    }
}

/// A text encoder chosen at run time.
///
/// The variant adds no level to the names of a [`StateDict`](crate::StateDict).
// A run holds a handful of encoders, and `Box` is no module: size is no concern.
#[allow(clippy::large_enum_variant)]
#[derive(Module, Debug)]
pub enum AnyTextEncoder {
    /// A [`Bert`].
    Bert(Bert),
    /// A [`RecurrentEncoder`].
    Recurrent(RecurrentEncoder),
    /// An [`EncoderDecoder`].
    EncoderDecoder(EncoderDecoder),
}

impl Encoder for AnyTextEncoder {
    type Input = TokenBatch;

    /// Features of a batch of sequences.
    ///
    /// # Shapes
    /// - output: `[batch, feature_dim]`
    ///
    /// # Panics
    /// If the shapes do not fit, or the sequences are longer than the encoder can read.
    fn forward(&self, batch: TokenBatch) -> Tensor<2> {
        match self {
            Self::Bert(encoder) => encoder.forward(batch),
            Self::Recurrent(encoder) => encoder.forward(batch),
            Self::EncoderDecoder(encoder) => encoder.forward(batch),
        }
    }

    fn feature_dim(&self) -> usize {
        match self {
            Self::Bert(encoder) => encoder.feature_dim(),
            Self::Recurrent(encoder) => encoder.feature_dim(),
            Self::EncoderDecoder(encoder) => encoder.feature_dim(),
        }
    }
}

impl TokenEncoder for AnyTextEncoder {
    fn hidden_states(&self, batch: TokenBatch) -> Tensor<3> {
        match self {
            Self::Bert(encoder) => encoder.hidden_states(batch),
            Self::Recurrent(encoder) => encoder.hidden_states(batch),
            Self::EncoderDecoder(encoder) => encoder.hidden_states(batch),
        }
    }

    fn word_embeddings(&self) -> Tensor<2> {
        match self {
            Self::Bert(encoder) => encoder.word_embeddings(),
            Self::Recurrent(encoder) => encoder.word_embeddings(),
            Self::EncoderDecoder(encoder) => encoder.word_embeddings(),
        }
    }

    fn is_causal(&self) -> bool {
        match self {
            Self::Bert(encoder) => encoder.is_causal(),
            Self::Recurrent(encoder) => encoder.is_causal(),
            Self::EncoderDecoder(encoder) => encoder.is_causal(),
        }
    }

    fn longest(&self) -> Option<usize> {
        match self {
            Self::Bert(encoder) => encoder.longest(),
            Self::Recurrent(encoder) => encoder.longest(),
            Self::EncoderDecoder(encoder) => encoder.longest(),
        }
    }
}
