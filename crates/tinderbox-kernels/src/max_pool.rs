//! Max-pooling of images.

use burn::tensor::{Tensor, module, ops::MaxPoolOptions};

/// The largest value of each window; places outside the image do not count.
///
/// # Shapes
/// - `input`: `[batch, channels, height, width]`
/// - output: `[batch, channels, rows, columns]`, `rows = (height + 2 padding - kernel) / stride + 1`
///
/// # Panics
/// If a window is larger than the padded image.
pub fn max_pool2d(
    input: Tensor<4>,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
) -> Tensor<4> {
    plain(input, kernel, stride, padding)
}

/// [`max_pool2d`] by Burn's own operations.
pub(crate) fn plain(
    input: Tensor<4>,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
) -> Tensor<4> {
    let options = MaxPoolOptions::new(kernel)
        .with_stride(stride)
        .with_padding(padding);
    module::max_pool2d(input, options)
}
