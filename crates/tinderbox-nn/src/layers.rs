//! Burn's layers, run by our kernels. Burn's own modules hold the parameters, so records and names are Burn's.

use burn::nn::conv::Conv2d;
use burn::nn::pool::MaxPool2d;
use burn::nn::{Linear, PaddingConfig2d};
use burn::tensor::Tensor;
use tinderbox_kernels::{self as kernels, Activation, Conv2dOptions, MaxPool2dOptions};

/// A dense layer and its activation, `[..., inputs]` to `[..., outputs]`.
pub(crate) fn dense<const D: usize>(
    layer: &Linear,
    input: Tensor<D>,
    activation: Activation,
) -> Tensor<D> {
    let bias = layer.bias.as_ref().map(|bias| bias.val());
    kernels::linear(input, layer.weight.val(), bias, activation)
}

/// A convolution of images.
pub(crate) fn convolution(layer: &Conv2d, input: Tensor<4>) -> Tensor<4> {
    let options = Conv2dOptions {
        stride: layer.stride,
        padding: symmetric(&layer.padding),
        dilation: layer.dilation,
        groups: layer.groups,
    };
    let bias = layer.bias.as_ref().map(|bias| bias.val());
    kernels::conv2d(input, layer.weight.val(), bias, options)
}

/// Max-pooling, with a ReLU if asked.
pub(crate) fn max_pool(layer: &MaxPool2d, input: Tensor<4>, relu: bool) -> Tensor<4> {
    let options = MaxPool2dOptions {
        kernel: layer.kernel_size,
        stride: layer.stride,
        padding: symmetric(&layer.padding),
        relu,
    };
    kernels::max_pool2d(input, options)
}

/// Images that two layers read. Burn adds the gradients that come back in the order of the axes, and is quick only if the
/// memory has that order; the kernels keep channels last.
pub(crate) fn fork(images: Tensor<4>) -> [Tensor<4>; 2] {
    let channels_last = images.permute([0, 2, 3, 1]);
    [channels_last.clone(), channels_last].map(|images| images.permute([0, 3, 1, 2]))
}

/// Padding above and below, left and right.
///
/// # Panics
/// If the sides differ: no network of this crate has that.
fn symmetric(padding: &PaddingConfig2d) -> [usize; 2] {
    match *padding {
        PaddingConfig2d::Valid => [0, 0],
        PaddingConfig2d::Explicit(top, left, bottom, right) if top == bottom && left == right => {
            [top, left]
        }
        ref other => panic!("padding of {other:?} differs from side to side"),
    }
}
