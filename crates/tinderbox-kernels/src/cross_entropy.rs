//! Softmax cross-entropy by class index.

use burn::tensor::{Int, Tensor, activation::log_softmax};

/// Mean of `-log softmax(logits)[target]` over the rows, from a shifted log-softmax.
///
/// # Shapes
/// - `logits`: `[N, C]`
/// - `targets`: `[N]`, each in `0..C`
/// - output: `[1]`
///
/// # Panics
/// If `logits` and `targets` differ in `N`; on the fast path, if a target is not below `C`.
pub fn softmax_cross_entropy(logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
    let ([rows, _], [labels]) = (logits.dims(), targets.dims());
    assert_eq!(
        rows, labels,
        "cross entropy: logits have {rows} rows, but there are {labels} targets"
    );
    plain(logits, targets)
}

/// [`softmax_cross_entropy`] by Burn's own operations.
pub(crate) fn plain(logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
    let [rows] = targets.dims();
    log_softmax(logits, 1)
        .gather(1, targets.reshape([rows, 1]))
        .mean()
        .neg()
}
