//! Cross-entropy over class indices.
//!
//! Shape letters: `B` batch, `C` classes.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor};
use tinderbox_kernels::softmax_cross_entropy;

/// Mean cross-entropy between logits and class indices, with label smoothing.
///
/// ```text
/// L = mean_b [ (1 - e) * -log p(b, t_b)  +  e / C * sum_c -log p(b, c) ],   p = softmax(logits)
/// ```
///
/// with `e` the label smoothing of Szegedy et al., "Rethinking the Inception Architecture for
/// Computer Vision" (2016), section 7: the target distribution is `1 - e` on the label plus `e`
/// spread evenly over all classes, the label among them. The same as PyTorch's
/// `cross_entropy(logits, targets, label_smoothing=e)`.
///
/// The loss is at least 0, and `ln C` for equal logits. It is computed from a shifted
/// log-softmax, so logits of any finite size are safe.
///
/// # Shapes
/// - `logits`: `[B, C]`
/// - `targets`: `[B]`, each in `0..C` (not checked on every device: that would force a read)
/// - output: `[1]`
///
/// # Panics
/// If `logits` and `targets` differ in `B`, or `label_smoothing` is outside `0..=1`.
pub fn cross_entropy(
    logits: Tensor<2>,
    targets: Tensor<1, Int>,
    label_smoothing: f64,
) -> Tensor<1> {
    let [rows, classes] = logits.dims();
    let [labels] = targets.dims();
    assert_eq!(
        rows, labels,
        "cross_entropy: logits have {rows} rows, but there are {labels} targets"
    );
    assert!(
        (0.0..=1.0).contains(&label_smoothing),
        "cross_entropy: label_smoothing must be between 0 and 1, got {label_smoothing}"
    );
    if label_smoothing == 0.0 {
        return softmax_cross_entropy(logits, targets);
    }
    let log_p = log_softmax(logits, 1);
    // Each part is left out when its weight is 0, so that a class of probability zero
    // (a logit of minus infinity) costs nothing where it plays no part.
    let nll = |log_p: Tensor<2>| log_p.gather(1, targets.reshape([rows, 1])).mean().neg();
    let uniform = |log_p: Tensor<2>| (log_p.sum() / (rows * classes) as f64).neg();
    if label_smoothing == 1.0 {
        uniform(log_p)
    } else {
        nll(log_p.clone()) * (1.0 - label_smoothing) + uniform(log_p) * label_smoothing
    }
}

/// [`cross_entropy`] where the rows of a class count as much as `class_weights` says.
///
/// ```text
/// L = sum_b [ (1 - e) w(t_b) -log p(b, t_b)  +  e / C * sum_c w(c) -log p(b, c) ]  /  sum_b w(t_b)
/// ```
///
/// The same as PyTorch's `cross_entropy(logits, targets, weight=w, label_smoothing=e)`.
///
/// # Shapes
/// - `logits`: `[B, C]`
/// - `targets`: `[B]`, each in `0..C`
/// - `class_weights`: `C` of them, at least one class of the targets with more than 0
/// - output: `[1]`
///
/// # Panics
/// If the sizes differ.
pub fn weighted_cross_entropy(
    logits: Tensor<2>,
    targets: Tensor<1, Int>,
    label_smoothing: f64,
    class_weights: &[f32],
) -> Tensor<1> {
    let [rows, classes] = logits.dims();
    let [labels] = targets.dims();
    assert!(
        rows == labels && classes == class_weights.len(),
        "weighted_cross_entropy: {rows} rows of {classes} classes, {labels} targets, {} weights",
        class_weights.len()
    );
    let weights = Tensor::<1>::from_floats(class_weights, &logits.device());
    let of_rows = weights.clone().select(0, targets.clone());
    let log_p = log_softmax(logits, 1);
    let nll = log_p.clone().gather(1, targets.reshape([rows, 1]));
    let mut loss = (nll.reshape([rows]) * of_rows.clone()).sum() * (label_smoothing - 1.0);
    if label_smoothing > 0.0 {
        let spread = (log_p * weights.reshape([1, classes])).sum();
        loss = loss - spread * (label_smoothing / classes as f64);
    }
    loss / of_rows.sum()
}

/// Share of rows whose largest logit is at the target, in `0..=1`.
///
/// # Shapes
/// - `logits`: `[B, C]`
/// - `targets`: `[B]`
/// - output: `[1]`, without a gradient
pub fn accuracy(logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
    let [rows, _] = logits.dims();
    let predicted = logits.detach().argmax(1).reshape([rows]);
    predicted.equal(targets).float().mean()
}
