//! Residual networks with torchvision's names and strides.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Initializer, PaddingConfig2d};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use tinderbox_kernels::{Epilogue, global_average_pool};

use crate::batch_norm::{BatchNorm, BatchNormConfig};
use crate::encoder::Encoder;
use crate::error::{NnConfigError, at_least_one};
use crate::layers::{self, max_pool};

/// How many layers a residual network has (He et al. 2016, table 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResNetDepth {
    /// 2, 2, 2, 2 basic blocks.
    R18,
    /// 3, 4, 6, 3 basic blocks.
    R34,
    /// 3, 4, 6, 3 bottleneck blocks.
    R50,
}

impl ResNetDepth {
    fn blocks(self) -> [usize; 4] {
        match self {
            Self::R18 => [2, 2, 2, 2],
            Self::R34 | Self::R50 => [3, 4, 6, 3],
        }
    }

    /// Channels of a block's output for one of its width: 1, or 4 for bottleneck blocks.
    fn expansion(self) -> usize {
        match self {
            Self::R18 | Self::R34 => 1,
            Self::R50 => 4,
        }
    }
}

/// The first layers of a residual network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stem {
    /// Convolution 3 x 3 with stride 1 and no pooling, for images of about 32 pixels (He et al. 2016,
    /// section 4.2; Chen et al. 2020, appendix B.9).
    Cifar,
    /// Convolution 7 x 7 and max-pooling 3 x 3, both with stride 2: torchvision's, and the default.
    #[default]
    ImageNet,
}

/// Configuration of [`ResNet`].
#[derive(Debug, Clone, PartialEq)]
pub struct ResNetConfig {
    /// The number of layers.
    pub depth: ResNetDepth,
    /// The first layers.
    pub stem: Stem,
    /// Channels of an image.
    pub channels: usize,
    /// Channels after the stem, 64 in the published networks; each later stage doubles them.
    pub width: usize,
}

impl ResNetConfig {
    pub(crate) const WIDTH: usize = 64;

    /// The published network of this depth for images of 3 channels, with torchvision's stem.
    pub fn new(depth: ResNetDepth) -> Self {
        Self {
            depth,
            stem: Stem::ImageNet,
            channels: 3,
            width: Self::WIDTH,
        }
    }

    /// A network initialised as torchvision's: convolutions from the normal distribution of
    /// He et al. 2015 by fan-out, normalisations with weight 1 and bias 0.
    ///
    /// # Errors
    /// [`NnConfigError`] if `channels` or `width` is 0.
    pub fn init(&self, device: &Device) -> Result<ResNet, NnConfigError> {
        at_least_one("channels", self.channels)?;
        at_least_one("width", self.width)?;
        let (kernel, stride) = match self.stem {
            Stem::Cifar => (3, 1),
            Stem::ImageNet => (7, 2),
        };
        let mut stages = Stages {
            depth: self.depth,
            channels: self.width,
            device,
        };
        let [first, second, third, fourth] = self.depth.blocks();
        Ok(ResNet {
            conv1: convolution(self.channels, self.width, kernel, stride, device),
            bn1: BatchNormConfig::new(self.width).init(device),
            maxpool: (self.stem == Stem::ImageNet).then(|| {
                MaxPool2dConfig::new([3, 3])
                    .with_strides([2, 2])
                    .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                    .init()
            }),
            layer1: stages.stage(self.width, first, 1),
            layer2: stages.stage(2 * self.width, second, 2),
            layer3: stages.stage(4 * self.width, third, 2),
            layer4: stages.stage(8 * self.width, fourth, 2),
            feature_dim: stages.channels,
        })
    }
}

/// A convolution without bias whose padding keeps the size at stride 1.
fn convolution(
    input: usize,
    output: usize,
    kernel: usize,
    stride: usize,
    device: &Device,
) -> Conv2d {
    let pad = kernel / 2;
    Conv2dConfig::new([input, output], [kernel; 2])
        .with_stride([stride; 2])
        .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
        .with_bias(false)
        .with_initializer(Initializer::KaimingNormal {
            gain: std::f64::consts::SQRT_2,
            fan_out_only: true,
        })
        .init(device)
}

/// Builds the stages one after another.
struct Stages<'a> {
    depth: ResNetDepth,
    /// Channels that the next block reads.
    channels: usize,
    device: &'a Device,
}

impl Stages<'_> {
    fn stage(&mut self, width: usize, blocks: usize, stride: usize) -> Vec<ResidualBlock> {
        (0..blocks)
            .map(|i| self.block(width, if i == 0 { stride } else { 1 }))
            .collect()
    }

    fn block(&mut self, width: usize, stride: usize) -> ResidualBlock {
        let (input, output) = (self.channels, width * self.depth.expansion());
        self.channels = output;
        let conv =
            |input, output, kernel, stride| convolution(input, output, kernel, stride, self.device);
        let norm = |features| BatchNormConfig::new(features).init(self.device);
        let downsample = (stride != 1 || input != output)
            .then(|| (conv(input, output, 1, stride), norm(output)));
        match self.depth {
            ResNetDepth::R18 | ResNetDepth::R34 => ResidualBlock {
                conv1: conv(input, width, 3, stride),
                bn1: norm(width),
                conv2: conv(width, output, 3, 1),
                bn2: norm(output),
                conv3: None,
                bn3: None,
                downsample,
            },
            ResNetDepth::R50 => ResidualBlock {
                conv1: conv(input, width, 1, 1),
                bn1: norm(width),
                conv2: conv(width, width, 3, stride),
                bn2: norm(width),
                conv3: Some(conv(width, output, 1, 1)),
                bn3: Some(norm(output)),
                downsample,
            },
        }
    }
}

/// A residual block: basic (two convolutions 3 x 3) or, with `conv3`, bottleneck (1 x 1, 3 x 3, 1 x 1).
///
/// A bottleneck has its stride in the 3 x 3 convolution, as torchvision's (called v1.5); the paper has
/// it in the first 1 x 1.
#[derive(Module, Debug)]
pub struct ResidualBlock {
    /// First convolution.
    pub conv1: Conv2d,
    /// Its normalisation.
    pub bn1: BatchNorm,
    /// Second convolution.
    pub conv2: Conv2d,
    /// Its normalisation.
    pub bn2: BatchNorm,
    /// Third convolution of a bottleneck.
    pub conv3: Option<Conv2d>,
    /// Its normalisation.
    pub bn3: Option<BatchNorm>,
    /// Convolution 1 x 1 and normalisation of the shortcut, where stride or channels change.
    pub downsample: Option<(Conv2d, BatchNorm)>,
}

impl ResidualBlock {
    /// `relu(residual(x) + shortcut(x))` (He et al. 2016, equations 1 and 2).
    ///
    /// # Shapes
    /// - `input`: `[batch, channels, height, width]`
    /// - output: `[batch, channels_out, ceil(height / stride), ceil(width / stride)]`
    pub fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let [input, shortcut] = layers::fork(input);
        let shortcut = match &self.downsample {
            Some((conv, norm)) => norm.forward(layers::convolution(conv, shortcut)),
            None => shortcut,
        };
        let last = Epilogue {
            residual: Some(shortcut),
            relu: true,
        };
        let x = layers::convolution(&self.conv1, input);
        let x = layers::convolution(&self.conv2, self.bn1.forward_with(x, Epilogue::relu()));
        match (&self.conv3, &self.bn3) {
            (Some(conv3), Some(bn3)) => {
                let x = layers::convolution(conv3, self.bn2.forward_with(x, Epilogue::relu()));
                bn3.forward_with(x, last)
            }
            _ => self.bn2.forward_with(x, last),
        }
    }
}

/// A residual network (He et al. 2016, "Deep Residual Learning for Image Recognition") up to its global
/// average pooling; torchvision's `fc` is a head and not part of it.
///
/// The features are `8 * width` for depths 18 and 34, `32 * width` for 50.
#[derive(Module, Debug)]
pub struct ResNet {
    /// The stem's convolution.
    pub conv1: Conv2d,
    /// Its normalisation.
    pub bn1: BatchNorm,
    /// The stem's pooling, for [`Stem::ImageNet`].
    pub maxpool: Option<MaxPool2d>,
    /// First stage.
    pub layer1: Vec<ResidualBlock>,
    /// Second stage.
    pub layer2: Vec<ResidualBlock>,
    /// Third stage.
    pub layer3: Vec<ResidualBlock>,
    /// Fourth stage.
    pub layer4: Vec<ResidualBlock>,
    feature_dim: usize,
}

impl Encoder for ResNet {
    type Input = Tensor<4>;

    /// Features of a batch of images, of any size.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, height, width]`
    /// - output: `[batch, feature_dim]`
    ///
    /// # Panics
    /// If the images have other channels than configured.
    fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let x = layers::convolution(&self.conv1, images);
        let mut x = self.bn1.forward_with(x, Epilogue::relu());
        if let Some(maxpool) = &self.maxpool {
            x = max_pool(maxpool, x, false);
        }
        for stage in [&self.layer1, &self.layer2, &self.layer3, &self.layer4] {
            for block in stage {
                x = block.forward(x);
            }
        }
        global_average_pool(x)
    }

    fn feature_dim(&self) -> usize {
        self.feature_dim
    }
}
