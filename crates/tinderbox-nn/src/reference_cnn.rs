//! The small convolutional network that pre-training is measured with.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use tinderbox_kernels::Activation;

use crate::encoder::Encoder;
use crate::error::{NnConfigError, at_least_one, probability};
use crate::layers::{apply, convolution, max_pool};

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
    /// Filters of the first convolution.
    pub filters: usize,
    /// Pairs of a convolution and a pooling, each with twice the filters of the one before.
    pub stages: usize,
    /// Units of the dense layer, which are the features.
    pub hidden: usize,
    /// Probability that training drops a feature.
    pub dropout: f64,
}

impl ReferenceCnnConfig {
    pub(crate) const FILTERS: usize = 32;
    pub(crate) const STAGES: usize = 1;
    pub(crate) const HIDDEN: usize = 128;
    pub(crate) const DROPOUT: f64 = 0.2;

    /// The survey's network: one stage of 32 filters, 128 units, dropout 0.2.
    pub fn new(channels: usize, image_size: usize) -> Self {
        Self {
            channels,
            image_size,
            filters: Self::FILTERS,
            stages: Self::STAGES,
            hidden: Self::HIDDEN,
            dropout: Self::DROPOUT,
        }
    }

    /// A network with PyTorch's default initialisation, `U(-1/sqrt(fan_in), 1/sqrt(fan_in))` a layer.
    ///
    /// # Errors
    /// [`NnConfigError`] for a size of 0, an image too small (the stages would leave nothing: one wants
    /// 4 pixels a side, two want 10), or a dropout outside `0..1`.
    pub fn init(&self, device: &Device) -> Result<ReferenceCnn, NnConfigError> {
        at_least_one("channels", self.channels)?;
        at_least_one("filters", self.filters)?;
        at_least_one("hidden", self.hidden)?;
        at_least_one("stages", self.stages)?;
        probability(self.dropout)?;
        let below = |side: usize| side.saturating_mul(POOL).saturating_add(KERNEL - 1);
        let minimum = (0..self.stages).fold(1, |side, _| below(side));
        if self.image_size < minimum {
            return Err(NnConfigError::ImageTooSmall {
                encoder: "reference-cnn",
                minimum,
                got: self.image_size,
            });
        }
        let (mut channels, mut filters, mut side) = (self.channels, self.filters, self.image_size);
        let mut stage = |width: usize| {
            let conv = Conv2dConfig::new([channels, width], [KERNEL; 2]).init(device);
            side = (side - (KERNEL - 1)) / POOL;
            channels = width;
            conv
        };
        let conv = stage(filters);
        let deeper = (1..self.stages)
            .map(|_| {
                filters *= 2;
                stage(filters)
            })
            .collect();
        Ok(ReferenceCnn {
            conv,
            deeper,
            pool: MaxPool2dConfig::new([POOL; 2]).init(),
            fc: LinearConfig::new(filters * side * side, self.hidden).init(device),
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
/// With more than one stage, convolution, ReLU and pooling repeat, each time with twice the filters: the shape
/// of LeNet (LeCun et al. 1998), which tolerates shifts better.
///
/// Flattening is channel-major, `[channel, row, column]`, as PyTorch does it; Keras flattens with the
/// channel last, which is the same function with the dense layer's inputs in another order.
#[derive(Module, Debug)]
pub struct ReferenceCnn {
    /// The first convolution.
    pub conv: Conv2d,
    /// Those of the further stages.
    pub deeper: Vec<Conv2d>,
    /// The pooling after each.
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
        // The largest value of a window is the same before and after a ReLU.
        let stage = |maps, conv| max_pool(&self.pool, convolution(conv, maps), true);
        let maps = self.deeper.iter().fold(stage(images, &self.conv), stage);
        let hidden = apply(&self.fc, maps.flatten(1, 3), Activation::Relu);
        self.dropout.forward(hidden)
    }

    fn feature_dim(&self) -> usize {
        self.feature_dim
    }
}
