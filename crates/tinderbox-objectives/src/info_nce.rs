//! InfoNCE over a batch: each anchor finds its positive among all candidates.
//!
//! Shape letters: `N` anchors, `M` candidates, `D` embedding size.

use burn::tensor::{Int, Tensor};

use crate::cross_entropy::cross_entropy;
use crate::l2_normalise::l2_normalise;

/// Cross-entropy of finding each anchor's positive, with the batch's other candidates as negatives.
///
/// ```text
/// L = mean_n -log [ exp(sim(a_n, c_n) / t) / sum_m exp(sim(a_n, c_m) / t) ],   sim(u, v) = u . v / (|u| |v|)
/// ```
///
/// Gao, Yao and Chen, "SimCSE: Simple Contrastive Learning of Sentence Embeddings" (2021), equation 1, and with `M >
/// N` equation 5, whose hard negatives are the candidates from `N` on; van den Oord et al. 2018, equation 4;
/// sentence-transformers calls it `MultipleNegativesRankingLoss`, with a scale of `1 / t`. Unlike
/// [`nt_xent`](crate::nt_xent()) it goes in one direction, and anchors are not each other's negatives.
///
/// The loss lies in `0..=ln M + 2 / t`; it is `ln M` when all embeddings are equal, and 0 for a single pair. The
/// lengths of the embeddings do not matter. Zero vectors are similar to nothing (0) and get finite gradients.
///
/// # Shapes
/// - `anchors`: `[N, D]`
/// - `candidates`: `[M, D]`, `M >= N`; row `n` is the positive of anchor `n`
/// - output: `[1]`
///
/// # Panics
/// If the shapes do not fit, `N` is 0, or `temperature` is not a positive finite number.
pub fn info_nce(anchors: Tensor<2>, candidates: Tensor<2>, temperature: f64) -> Tensor<1> {
    assert!(
        temperature > 0.0 && temperature.is_finite(),
        "info_nce: temperature must be a positive finite number, got {temperature}"
    );
    let similarity = similarities(anchors, candidates);
    let targets = positives(&similarity);
    cross_entropy(similarity / temperature, targets, 0.0)
}

/// Share of the anchors to which their positive is strictly more similar than every other candidate, in `0..=1`.
///
/// Ties count as wrong, so an encoder that maps everything to one point scores 0 (up to rounding). Chance is `1 /
/// M`; a single pair scores 1.
///
/// # Shapes
/// - `anchors`: `[N, D]`, `candidates`: `[M, D]`, as for [`info_nce`]
/// - output: `[1]`, without a gradient
///
/// # Panics
/// If the shapes do not fit or `N` is 0.
pub fn retrieval_accuracy(anchors: Tensor<2>, candidates: Tensor<2>) -> Tensor<1> {
    let similarity = similarities(anchors.detach(), candidates.detach());
    let [rows, _] = similarity.dims();
    let targets = positives(&similarity).reshape([rows, 1]);
    let positive = similarity.clone().gather(1, targets);
    // The positive itself is one of the candidates that reach its similarity.
    let reached = similarity.greater_equal(positive).int().sum_dim(1);
    reached.equal_elem(1).float().mean()
}

/// Cosine similarities `[N, M]`.
fn similarities(anchors: Tensor<2>, candidates: Tensor<2>) -> Tensor<2> {
    let ([n, size], [m, other]) = (anchors.dims(), candidates.dims());
    assert!(
        n > 0 && m >= n && size == other,
        "info_nce: anchors {:?} need as many candidates or more of their size, got {:?}",
        [n, size],
        [m, other]
    );
    l2_normalise(anchors).matmul(l2_normalise(candidates).transpose())
}

/// The candidate of each anchor: the one in its row.
fn positives(similarity: &Tensor<2>) -> Tensor<1, Int> {
    let [rows, _] = similarity.dims();
    Tensor::arange(0..rows as i64, &similarity.device())
}
