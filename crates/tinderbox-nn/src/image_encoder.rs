//! The choice of an image encoder at run time.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::encoder::Encoder;
use crate::error::{NnConfigError, at_least_one};
use crate::reference_cnn::{ReferenceCnn, ReferenceCnnConfig};
use crate::resnet::{ResNet, ResNetConfig, ResNetDepth, Stem};

fn default_filters() -> usize {
    ReferenceCnnConfig::FILTERS
}

fn default_stages() -> usize {
    ReferenceCnnConfig::STAGES
}

fn default_hidden() -> usize {
    ReferenceCnnConfig::HIDDEN
}

fn default_dropout() -> f64 {
    ReferenceCnnConfig::DROPOUT
}

fn default_width() -> usize {
    ResNetConfig::WIDTH
}

/// An image encoder as a recipe names it: a table with `kind` and that kind's keys, all optional.
///
/// What depends on the data (channels, size of an image) is given to [`init`](Self::init) instead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ImageEncoderConfig {
    /// `reference-cnn`: see [`ReferenceCnn`].
    ReferenceCnn {
        /// Filters of the first convolution (32).
        #[serde(default = "default_filters")]
        filters: usize,
        /// Pairs of a convolution and a pooling, each with twice the filters of the one before (1).
        #[serde(default = "default_stages")]
        stages: usize,
        /// Units of the dense layer (128).
        #[serde(default = "default_hidden")]
        hidden: usize,
        /// Probability that training drops a feature (0.2).
        #[serde(default = "default_dropout")]
        dropout: f64,
    },
    /// `resnet18`: see [`ResNet`].
    Resnet18 {
        /// The first layers, `cifar` or `imagenet` (the default).
        #[serde(default)]
        stem: Stem,
        /// Channels after the stem (64).
        #[serde(default = "default_width")]
        width: usize,
    },
    /// `resnet34`: see [`ResNet`].
    Resnet34 {
        /// The first layers, `cifar` or `imagenet` (the default).
        #[serde(default)]
        stem: Stem,
        /// Channels after the stem (64).
        #[serde(default = "default_width")]
        width: usize,
    },
    /// `resnet50`: see [`ResNet`].
    Resnet50 {
        /// The first layers, `cifar` or `imagenet` (the default).
        #[serde(default)]
        stem: Stem,
        /// Channels after the stem (64).
        #[serde(default = "default_width")]
        width: usize,
    },
}

impl ImageEncoderConfig {
    /// The value of `kind`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ReferenceCnn { .. } => "reference-cnn",
            Self::Resnet18 { .. } => "resnet18",
            Self::Resnet34 { .. } => "resnet34",
            Self::Resnet50 { .. } => "resnet50",
        }
    }

    /// A new encoder for images of `channels` channels and `image_size` pixels a side.
    ///
    /// # Errors
    /// [`NnConfigError`] for a size of 0, an image too small for the encoder, or a dropout outside `0..1`.
    pub fn init(
        &self,
        channels: usize,
        image_size: usize,
        device: &Device,
    ) -> Result<AnyImageEncoder, NnConfigError> {
        at_least_one("image_size", image_size)?;
        let resnet = |depth, stem, width| {
            ResNetConfig {
                depth,
                stem,
                channels,
                width,
            }
            .init(device)
            .map(AnyImageEncoder::ResNet)
        };
        match *self {
            Self::ReferenceCnn {
                filters,
                stages,
                hidden,
                dropout,
            } => ReferenceCnnConfig {
                channels,
                image_size,
                filters,
                stages,
                hidden,
                dropout,
            }
            .init(device)
            .map(AnyImageEncoder::ReferenceCnn),
            Self::Resnet18 { stem, width } => resnet(ResNetDepth::R18, stem, width),
            Self::Resnet34 { stem, width } => resnet(ResNetDepth::R34, stem, width),
            Self::Resnet50 { stem, width } => resnet(ResNetDepth::R50, stem, width),
        }
    }
}

/// An image encoder chosen at run time.
///
/// The variant adds no level to the names of a [`StateDict`](crate::StateDict).
// A run holds a handful of encoders, and `Box` is no module: size is no concern.
#[allow(clippy::large_enum_variant)]
#[derive(Module, Debug)]
pub enum AnyImageEncoder {
    /// A [`ReferenceCnn`].
    ReferenceCnn(ReferenceCnn),
    /// A [`ResNet`].
    ResNet(ResNet),
}

impl Encoder for AnyImageEncoder {
    type Input = Tensor<4>;

    /// Features of a batch of images.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, height, width]`
    /// - output: `[batch, feature_dim]`
    ///
    /// # Panics
    /// If the images have other channels, or for the reference network another size, than configured.
    fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        match self {
            Self::ReferenceCnn(encoder) => encoder.forward(images),
            Self::ResNet(encoder) => encoder.forward(images),
        }
    }

    fn feature_dim(&self) -> usize {
        match self {
            Self::ReferenceCnn(encoder) => encoder.feature_dim(),
            Self::ResNet(encoder) => encoder.feature_dim(),
        }
    }
}
