//! Dense layers and layer normalisations: how Burn's modules, which hold the parameters, are drawn and applied.

use burn::module::Param;
use burn::nn::{Initializer, LayerNorm, Linear};
use burn::tensor::{Device, Tensor};
use tinderbox_kernels::{Activation, layer_norm, linear};

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
