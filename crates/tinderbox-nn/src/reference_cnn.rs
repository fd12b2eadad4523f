//! The small convolutional network that pre-training is measured with.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

use crate::encoder::Encoder;
use crate::error::{NnConfigError, at_least_one, probability};

/// Side of the convolution's kernel.
const KERNEL: usize = 3;
/// Side and stride of the pooling.
const POOL: usize = 2;

/// Configuration of [`ReferenceCnn`].
#[derive(Debug, Clone, PartialEq)]
pub struct ReferenceCnnConfig {
    /// Channels of an image.
    pub channels: usize,
    /// Side of a square image, in pixels.
    pub image_size: usize,
    /// Filters of the convolution.
    pub filters: usize,
    /// Units of the dense layer, which are the features.
    pub hidden: usize,
    /// Probability that training drops a feature.
    pub dropout: f64,
}

impl ReferenceCnnConfig {
    pub(crate) const FILTERS: usize = 32;
    pub(crate) const HIDDEN: usize = 128;
    pub(crate) const DROPOUT: f64 = 0.2;

    /// The survey's network: 32 filters, 128 units, dropout 0.2.
    pub fn new(channels: usize, image_size: usize) -> Self {
        Self {
            channels,
            image_size,
            filters: Self::FILTERS,
            hidden: Self::HIDDEN,
            dropout: Self::DROPOUT,
        }
    }

    /// A network with PyTorch's default initialisation, `U(-1/sqrt(fan_in), 1/sqrt(fan_in))` a layer.
    ///
    /// # Errors
    /// [`NnConfigError`] for a size of 0, an image of fewer than 4 pixels a side (convolution and
    /// pooling would leave nothing), or a dropout outside `0..1`.
    pub fn init(&self, device: &Device) -> Result<ReferenceCnn, NnConfigError> {
        at_least_one("channels", self.channels)?;
        at_least_one("filters", self.filters)?;
        at_least_one("hidden", self.hidden)?;
        let minimum = KERNEL - 1 + POOL;
        if self.image_size < minimum {
            return Err(NnConfigError::ImageTooSmall {
                encoder: "reference-cnn",
                minimum,
                got: self.image_size,
            });
        }
        probability(self.dropout)?;
        let side = (self.image_size - (KERNEL - 1)) / POOL;
        Ok(ReferenceCnn {
            conv: Conv2dConfig::new([self.channels, self.filters], [KERNEL; 2]).init(device),
            pool: MaxPool2dConfig::new([POOL; 2]).init(),
            fc: LinearConfig::new(self.filters * side * side, self.hidden).init(device),
            dropout: DropoutConfig { prob: self.dropout }.init(),
            feature_dim: self.hidden,
        })
    }
}

/// Convolution 3 x 3 without padding, ReLU, max-pooling 2 x 2, flatten, dense layer, ReLU, dropout.
///
/// The features are the dense layer's units after ReLU and, in training, dropout. A `Linear` from
/// `hidden` to the number of classes upon them makes exactly the survey's network, whose last layers
/// are dense 128 with ReLU, dropout 0.2, and the output: that `Linear` is what a supervised objective
/// adds as its head, and what another task replaces.
///
/// Flattening is channel-major, `[channel, row, column]`, as PyTorch does it; Keras flattens with the
/// channel last, which is the same function with the dense layer's inputs in another order.
#[derive(Module, Debug)]
pub struct ReferenceCnn {
    /// The convolution.
    pub conv: Conv2d,
    /// The pooling.
    pub pool: MaxPool2d,
    /// The dense layer.
    pub fc: Linear,
    /// Dropout of the features.
    pub dropout: Dropout,
    feature_dim: usize,
}

impl Encoder for ReferenceCnn {
    type Input = Tensor<4>;

    /// Features of a batch of images.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, image_size, image_size]`
    /// - output: `[batch, hidden]`
    ///
    /// # Panics
    /// If the images have other channels or another size than configured.
    fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let maps = self.pool.forward(relu(self.conv.forward(images)));
        let hidden = relu(self.fc.forward(maps.flatten(1, 3)));
        self.dropout.forward(hidden)
    }

    fn feature_dim(&self) -> usize {
        self.feature_dim
    }
}
