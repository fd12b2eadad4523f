//! Which parts of an encoder move when it is fine-tuned, and how fast.

use serde::{Deserialize, Serialize};
use tinderbox_nn::{ImageEncoderConfig, TextEncoderConfig};

use crate::error::TransferError;

/// What the path of every parameter of an objective's encoder begins with.
const ENCODER: &str = "encoder.";

/// The layers of an encoder from input to output, by the names of their modules.
///
/// A parameter belongs to the layer that names the first segment of its path that any layer names:
/// with [`resnet`](Self::resnet), `encoder.layer1.0.conv1.weight` is in `layer1`, not in the stem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerGroups {
    groups: Vec<Vec<String>>,
}

impl LayerGroups {
    /// Groups of module names, the one next to the input first.
    pub fn new<S: Into<String>>(groups: impl IntoIterator<Item = Vec<S>>) -> Self {
        let groups = groups.into_iter();
        Self {
            groups: groups
                .map(|g| g.into_iter().map(Into::into).collect())
                .collect(),
        }
    }

    /// A ResNet's: the stem, then four stages.
    pub fn resnet() -> Self {
        Self::new([
            vec!["conv1", "bn1"],
            vec!["layer1"],
            vec!["layer2"],
            vec!["layer3"],
            vec!["layer4"],
        ])
    }

    /// The reference network's: the convolutions, then the dense layer.
    pub fn reference_cnn() -> Self {
        Self::new([vec!["conv", "deeper"], vec!["fc"]])
    }

    /// A multilayer perceptron's of so many layers.
    pub fn mlp(layers: usize) -> Self {
        Self::new((0..layers).map(|layer| vec![layer.to_string()]))
    }

    /// Those of a configured encoder.
    pub fn of(encoder: &ImageEncoderConfig) -> Self {
        match encoder {
            ImageEncoderConfig::ReferenceCnn { .. } => Self::reference_cnn(),
            ImageEncoderConfig::Resnet18 { .. }
            | ImageEncoderConfig::Resnet34 { .. }
            | ImageEncoderConfig::Resnet50 { .. } => Self::resnet(),
        }
    }

    /// Those of a configured encoder of texts: the embeddings, then its layers.
    pub fn of_text(encoder: &TextEncoderConfig) -> Self {
        let (embeddings, layers) = match encoder {
            TextEncoderConfig::Bert(config) => ("embeddings", config.depth),
            TextEncoderConfig::Recurrent(config) => ("embedding", config.layers),
            TextEncoderConfig::EncoderDecoder(config) => ("embedding", config.depth),
        };
        let layers = (0..layers).map(|layer| vec![layer.to_string()]);
        Self::new(std::iter::once(vec![embeddings.to_string()]).chain(layers))
    }

    /// How many layers lie between a parameter and the loss: 0 for a head, 1 for the encoder's last
    /// layer, and so on to the number of groups for the first.
    ///
    /// A path that does not begin with `encoder.` belongs to a head, whatever it is called: the encoder's layers may have
    /// numbers, and so may heads (`heads.0.weight`). A parameter of the encoder that no group names counts as one of the
    /// first: it moves least.
    pub fn depth_from_top(&self, path: &str) -> usize {
        let Some(inside) = path.strip_prefix(ENCODER) else {
            return 0;
        };
        let group_of = |name: &str| self.groups.iter().position(|g| g.iter().any(|n| n == name));
        let group = inside.split('.').find_map(group_of);
        self.groups.len() - group.unwrap_or(0)
    }
}

/// How the encoder is fine-tuned below a new head.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FineTuneConfig {
    /// Keeps the encoder as it is and trains the head alone; the layer decay then has no part.
    pub freeze: bool,
    /// Factor from each layer to the one below it, in `0..=1` without 0: the head learns at the
    /// full rate, the encoder's last layer at this share of it, the one before at its square
    /// (Howard and Ruder 2018, section 3.2, take 1 / 2.6). `None` trains all at one rate.
    pub layer_decay: Option<f64>,
}

impl FineTuneConfig {
    /// Checks the layer decay.
    ///
    /// # Errors
    /// [`TransferError::Config`] if it is not above 0 and at most 1.
    pub fn validate(&self) -> Result<(), TransferError> {
        match self.layer_decay {
            Some(got) if !(got > 0.0 && got <= 1.0) => Err(TransferError::Config {
                field: "layer_decay",
                expected: "above 0 and at most 1",
                got,
            }),
            _ => Ok(()),
        }
    }

    /// The factor on the learning rate of the parameter at `path`, such as
    /// `encoder.layer1.0.conv1.weight`.
    ///
    /// 0 means that the parameter must not move at all: leave it out of the optimiser, whose weight
    /// decay and momentum would move it otherwise, and run its batch normalisation in evaluation
    /// mode.
    pub fn rate_for(&self, path: &str, layers: &LayerGroups) -> f64 {
        let depth = layers.depth_from_top(path);
        match self.layer_decay {
            _ if depth == 0 => 1.0,
            _ if self.freeze => 0.0,
            Some(decay) => decay.powi(depth as i32),
            None => 1.0,
        }
    }
}
