//! A dense layer with its activation.

use burn::tensor::{Tensor, activation, module};

/// What a dense layer applies to its sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Activation {
    /// Nothing.
    #[default]
    Identity,
    /// `max(x, 0)`.
    Relu,
    /// `x * Phi(x)` with the error function, not its approximation by tanh (Hendrycks and Gimpel 2016).
    Gelu,
}

/// `activation(input * weight + bias)`.
///
/// # Shapes
/// - `input`: `[..., inputs]`
/// - `weight`: `[inputs, outputs]`, as Burn's `Linear` holds it
/// - `bias`: `[outputs]`
/// - output: `[..., outputs]`
///
/// # Panics
/// If the shapes do not fit.
pub fn linear<const D: usize>(
    input: Tensor<D>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    activation: Activation,
) -> Tensor<D> {
    plain(input, weight, bias, activation)
}

/// [`linear`] by Burn's own operations.
pub(crate) fn plain<const D: usize>(
    input: Tensor<D>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    activation: Activation,
) -> Tensor<D> {
    let sum = module::linear(input, weight, bias);
    match activation {
        Activation::Identity => sum,
        Activation::Relu => activation::relu(sum),
        Activation::Gelu => activation::gelu(sum),
    }
}
