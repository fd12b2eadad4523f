//! NT-Xent, the contrastive loss of SimCLR.
//!
//! Shape letters: `N` images, `D` embedding size.

use burn::tensor::{Bool, Int, Tensor};

use crate::cross_entropy::cross_entropy;
use crate::l2_normalise::l2_normalise;

/// Stands for minus infinity in a logit; SimCLR's published code uses the same number.
const MASKED: f64 = -1e9;

/// The normalised temperature-scaled cross-entropy of two views of each image.
///
/// ```text
/// l(i, j) = -log [ exp(sim(z_i, z_j) / t) / sum_{k != i} exp(sim(z_i, z_k) / t) ]
/// L       = mean of l(i, j) over the 2N ordered positive pairs,   sim(u, v) = u . v / (|u| |v|)
/// ```
///
/// Chen, Kornblith, Norouzi and Hinton, "A Simple Framework for Contrastive Learning of Visual
/// Representations" (2020), equation 1 and algorithm 1. `z` are the rows of `a` followed by those
/// of `b`; row `n` of `a` and row `n` of `b` are positives of each other, all other rows negatives.
///
/// The loss lies in `0..=ln(2N - 1) + 2 / t`; it is `ln(2N - 1)` when all embeddings are equal, and
/// 0 for a single pair, which has no negatives. The lengths of the embeddings do not matter, nor
/// does the order of the pairs, nor which view comes first. Zero vectors are similar to nothing (0)
/// and get finite gradients.
///
/// # Shapes
/// - `a`, `b`: `[N, D]`
/// - output: `[1]`
///
/// # Panics
/// If the shapes of `a` and `b` differ, `N` is 0, or `temperature` is not a positive finite number.
pub fn nt_xent(a: Tensor<2>, b: Tensor<2>, temperature: f64) -> Tensor<1> {
    Contrast::new(a, b).loss(temperature)
}

/// Share of the `2N` embeddings to which their positive is strictly more similar than every
/// negative, in `0..=1`; needs no labels.
///
/// Ties count as wrong, so an encoder that maps everything to one point scores 0 (up to rounding),
/// not what the order of the batch would give it. Chance is `1 / (2N - 1)`; a single pair scores 1.
///
/// # Shapes
/// - `a`, `b`: `[N, D]`, as for [`nt_xent`]
/// - output: `[1]`, without a gradient
///
/// # Panics
/// If the shapes of `a` and `b` differ, or `N` is 0.
pub fn contrast_accuracy(a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
    Contrast::new(a.detach(), b.detach()).accuracy()
}

/// The `2N x 2N` similarities behind both figures, computed once.
#[derive(Debug, Clone)]
pub(crate) struct Contrast {
    /// Cosine similarities `[2N, 2N]`.
    similarity: Tensor<2>,
    /// True on the diagonal, `[2N, 2N]`.
    itself: Tensor<2, Bool>,
    /// The row of each row's positive, `[2N]`.
    positive: Tensor<1, Int>,
}

impl Contrast {
    /// Compares every row of `a` and `b` with every other.
    pub(crate) fn new(a: Tensor<2>, b: Tensor<2>) -> Self {
        let (left, right) = (a.dims(), b.dims());
        assert_eq!(
            left, right,
            "nt_xent: the views must have one shape, got {left:?} and {right:?}"
        );
        let n = left[0];
        assert!(n > 0, "nt_xent: the batch is empty, got shape {left:?}");

        let device = a.device();
        let z = l2_normalise(Tensor::cat(vec![a, b], 0));
        let similarity = z.clone().matmul(z.transpose());
        let itself = Tensor::<2, Bool>::diag_mask([2 * n, 2 * n], 0, &device).bool_not();
        let positive = Tensor::cat(
            vec![
                Tensor::<1, Int>::arange(n as i64..2 * n as i64, &device),
                Tensor::<1, Int>::arange(0..n as i64, &device),
            ],
            0,
        );
        Self {
            similarity,
            itself,
            positive,
        }
    }

    /// [`nt_xent`] of the views.
    pub(crate) fn loss(self, temperature: f64) -> Tensor<1> {
        assert!(
            temperature > 0.0 && temperature.is_finite(),
            "nt_xent: temperature must be a positive finite number, got {temperature}"
        );
        let logits = (self.similarity / temperature).mask_fill(self.itself, MASKED);
        cross_entropy(logits, self.positive, 0.0)
    }

    /// [`contrast_accuracy`] of the views.
    pub(crate) fn accuracy(self) -> Tensor<1> {
        let [rows, _] = self.similarity.dims();
        let similarity = self.similarity.detach().mask_fill(self.itself, MASKED);
        let positive = similarity
            .clone()
            .gather(1, self.positive.reshape([rows, 1]));
        // The positive itself is one of the rows that reach its similarity.
        let reached = similarity.greater_equal(positive).int().sum_dim(1);
        reached.equal_elem(1).float().mean()
    }
}
