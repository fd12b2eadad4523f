//! Projection of vectors onto the unit sphere.

use burn::tensor::Tensor;

/// Rows shorter than this count as (nearly) zero; the floor SimCLR's authors use on the norm.
const NORM_FLOOR: f64 = 1e-6;

/// Scales each row to Euclidean length 1.
///
/// `y = x / |x|` for rows with a component of at least `1e-6`, whatever their scale: neither the
/// square of a huge component nor that of a tiny one is ever taken. Shorter rows shrink towards
/// zero instead (`y = x / max(|x|, 5e-7)`), so a zero row stays zero and its gradient stays finite.
///
/// # Shapes
/// - `x`, output: `[rows, dim]`
pub fn l2_normalise(x: Tensor<2>) -> Tensor<2> {
    // The result does not depend on the scale taken out first, so no gradient flows through it.
    let scale = x.clone().detach().abs().max_dim(1).clamp_min(NORM_FLOOR);
    let x = x / scale;
    // Any row that is not nearly zero now has a squared length of at least 1: the clamp, whose
    // gradient is zero where it acts, only touches the others.
    let norm = x.clone().square().sum_dim(1).clamp_min(0.25).sqrt();
    x / norm
}
