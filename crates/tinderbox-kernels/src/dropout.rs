//! Dropout.

use burn::tensor::{Distribution, Tensor};

/// Sets each entry to 0 with this probability and scales the others by `1 / (1 - probability)` (Srivastava et al.
/// 2014), on autodiff devices; elsewhere the input.
///
/// # Panics
/// If the probability is outside `0..1`.
pub fn dropout<const D: usize>(input: Tensor<D>, probability: f64) -> Tensor<D> {
    assert!(
        (0.0..1.0).contains(&probability),
        "dropout: the probability must be in 0..1, got {probability}"
    );
    if probability == 0.0 || !input.device().is_autodiff() {
        return input;
    }
    plain(input, probability)
}

/// [`dropout`] by Burn's own operations.
pub(crate) fn plain<const D: usize>(input: Tensor<D>, probability: f64) -> Tensor<D> {
    let keep = 1.0 - probability;
    let kept = Tensor::<D>::random(
        input.shape(),
        Distribution::Bernoulli(keep),
        &input.device().inner(),
    );
    input * Tensor::from_inner(kept * keep.recip())
}
