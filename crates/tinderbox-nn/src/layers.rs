//! How Burn's layers, which hold the parameters, are drawn, and applied by our kernels.

use burn::module::Param;
use burn::nn::conv::Conv2d;
use burn::nn::pool::MaxPool2d;
use burn::nn::{Initializer, LayerNorm, Linear, PaddingConfig2d};
use burn::tensor::{Device, Tensor};
use tinderbox_kernels::{
    Activation, Conv2dOptions, MaxPool2dOptions, conv2d, layer_norm, linear, max_pool2d,
};

/// A dense layer with this distribution of its weight and a bias of zeros; Burn would draw the bias, too.
pub(crate) fn dense(
    input: usize,
    output: usize,
    initializer: &Initializer,
    device: &Device,
) -> Linear {
    Linear {
        weight: initializer.init_with([input, output], Some(input), Some(output), device),
        bias: Some(Initializer::Zeros.init([output], device)),
    }
}

/// `activation(x * weight + bias)`.
pub(crate) fn apply<const D: usize>(
    layer: &Linear,
    x: Tensor<D>,
    activation: Activation,
) -> Tensor<D> {
    linear(
        x,
        layer.weight.val(),
        layer.bias.as_ref().map(Param::val),
        activation,
    )
}

/// Normalises the last axis. The module's own epsilon cannot be read, so the model that made it says it again.
pub(crate) fn normalise<const D: usize>(norm: &LayerNorm, x: Tensor<D>, epsilon: f64) -> Tensor<D> {
    let bias = norm
        .beta
        .as_ref()
        .expect("every layer norm here has a bias");
    layer_norm(x, norm.gamma.val(), bias.val(), epsilon)
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
    conv2d(input, layer.weight.val(), bias, options)
}

/// Max-pooling, with a ReLU if asked.
pub(crate) fn max_pool(layer: &MaxPool2d, input: Tensor<4>, relu: bool) -> Tensor<4> {
    let options = MaxPool2dOptions {
        kernel: layer.kernel_size,
        stride: layer.stride,
        padding: symmetric(&layer.padding),
        relu,
    };
    max_pool2d(input, options)
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
