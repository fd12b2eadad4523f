//! Layer normalisation, of a sum if there is a residual.

use burn::tensor::{Tensor, module};

/// `(x - mean) / sqrt(variance + epsilon) * weight + bias` over the last axis (Ba, Kiros and Hinton 2016), with the
/// biased variance.
///
/// # Shapes
/// - `input`, output: `[..., features]`
/// - `weight`, `bias`: `[features]`
///
/// # Panics
/// If the shapes do not fit.
pub fn layer_norm<const D: usize>(
    input: Tensor<D>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
) -> Tensor<D> {
    plain(input, weight, bias, epsilon)
}

/// [`layer_norm`] by Burn's own operations.
pub(crate) fn plain<const D: usize>(
    input: Tensor<D>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
) -> Tensor<D> {
    module::layer_norm(input, weight, Some(bias), epsilon)
}
