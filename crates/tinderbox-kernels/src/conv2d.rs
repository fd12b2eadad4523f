//! Convolution of images.

use burn::tensor::{Tensor, module, ops::ConvOptions};

/// Strides, padding, dilation and groups of [`conv2d`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2dOptions {
    /// Steps of the kernel, rows and columns.
    pub stride: [usize; 2],
    /// Zeros around the image: above and below, left and right.
    pub padding: [usize; 2],
    /// Distance of the kernel's taps.
    pub dilation: [usize; 2],
    /// Groups of channels that do not see each other.
    pub groups: usize,
}

impl Default for Conv2dOptions {
    fn default() -> Self {
        Self {
            stride: [1; 2],
            padding: [0; 2],
            dilation: [1; 2],
            groups: 1,
        }
    }
}

/// Cross-correlation, as PyTorch's `conv2d`.
///
/// # Shapes
/// - `input`: `[batch, channels, height, width]`
/// - `weight`: `[outputs, channels / groups, kernel height, kernel width]`
/// - `bias`: `[outputs]`
/// - output: `[batch, outputs, rows, columns]`, `rows = (height + 2 padding - dilation (kernel - 1) - 1) / stride + 1`
///
/// # Panics
/// If the shapes do not fit.
pub fn conv2d(
    input: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    options: Conv2dOptions,
) -> Tensor<4> {
    plain(input, weight, bias, options)
}

/// [`conv2d`] by Burn's own operations.
pub(crate) fn plain(
    input: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    options: Conv2dOptions,
) -> Tensor<4> {
    let Conv2dOptions {
        stride,
        padding,
        dilation,
        groups,
    } = options;
    let options = ConvOptions::new(stride, padding, dilation, groups);
    module::conv2d(input, weight, bias, options)
}
