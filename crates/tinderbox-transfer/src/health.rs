//! Is an encoder healthy? Figures of its features that need no labels.
//!
//! Every figure but [`alignment`] is of one matrix of features, `rows` vectors of `dim` values, a
//! few hundred to a few thousand of them, taken from data the encoder is not being trained on.
//! Features that are not finite give figures that are not finite, and count as collapsed.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::eigenvalues::symmetric_eigenvalues;
use crate::feature_matrix::FeatureMatrix;
use crate::standardiser::{Scaling, Standardiser};
use crate::vector::{dot, dot_f32, unit_rows};

/// Below this spread, relative to even directions, features are called collapsed: they then share
/// all but 0.25 % of their squared length.
pub const COLLAPSED_SPREAD: f64 = 0.05;

/// The same of features of a language model, whose directions are narrow without a collapse: the mean similarity of two of GPT-2's
/// is about 0.99 in its last layer (Ethayarajh, "How Contextual are Contextualized Word Representations?" (2019), section 4.1).
pub const COLLAPSED_LANGUAGE_SPREAD: f64 = 0.001;

/// Below this effective rank, features are called collapsed: nearly all of them lie on one line.
pub const COLLAPSED_RANK: f64 = 1.5;

/// The figures of one matrix of features, as one evaluation reports them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// See [`embedding_std`].
    pub embedding_std: f64,
    /// See [`effective_rank`].
    pub effective_rank: f64,
    /// See [`uniformity`].
    pub uniformity: f64,
    /// See [`is_collapsed`].
    pub collapsed: bool,
}

impl Health {
    /// Measures features, which count as collapsed below `least_spread`, such as [`COLLAPSED_SPREAD`].
    ///
    /// # Panics
    /// If there are no rows or no columns.
    pub fn of(features: &FeatureMatrix, least_spread: f64) -> Self {
        let (std, rank) = (embedding_std(features), effective_rank(features));
        Self {
            embedding_std: std,
            effective_rank: rank,
            uniformity: uniformity(features),
            collapsed: collapse_verdict(std, rank, features.dim, least_spread),
        }
    }
}

/// The standard deviation of each feature over the rows scaled to length 1, averaged over the
/// features.
///
/// Chen and He, "Exploring Simple Siamese Representation Learning" (2021), section 4.1 and figure
/// 2. In `0..=1 / sqrt(dim)`: the upper end for directions spread evenly, 0 when all rows point one
/// way.
///
/// # Panics
/// If there are no rows or no columns.
pub fn embedding_std(features: &FeatureMatrix) -> f64 {
    assert_not_empty(features, "embedding_std");
    let unit = unit_rows(features);
    let n = unit.rows as f64;
    let mut mean = vec![0.0; unit.dim];
    for row in unit.iter_rows() {
        mean.iter_mut()
            .zip(row)
            .for_each(|(m, &v)| *m += f64::from(v) / n);
    }
    let mut variance = vec![0.0; unit.dim];
    for row in unit.iter_rows() {
        for ((s, m), &v) in variance.iter_mut().zip(&mean).zip(row) {
            *s += (f64::from(v) - m).powi(2) / n;
        }
    }
    variance.iter().map(|v| v.sqrt()).sum::<f64>() / unit.dim as f64
}

/// How many directions the features use: the exponential of the entropy of their singular values.
///
/// ```text
/// exp( -sum_i p_i ln p_i ),   p_i = s_i / sum_j s_j,   s_i the singular values of the centred features
/// ```
///
/// Roy and Vetterli, "The effective rank: a measure of effective dimensionality" (2007), first
/// definition. The singular values are the roots of the covariance's eigenvalues (up to a common factor).
/// Between 1 and `min(dim, rows - 1)`; 0 when all rows are equal. RankMe (Garrido et al. 2023) is
/// the same figure of features that are not centred.
///
/// Takes `rows * m^2 / 2 + 2 m^3` operations, `m` the smaller of `rows` and `dim`.
///
/// # Panics
/// If there are no rows or no columns.
pub fn effective_rank(features: &FeatureMatrix) -> f64 {
    assert_not_empty(features, "effective_rank");
    if features.values.iter().any(|v| !v.is_finite()) {
        return f64::NAN;
    }
    let (rows, dim) = (features.rows, features.dim);
    let mean = Standardiser::fit(features, Scaling::Common).mean;
    let centred: Vec<f64> = features
        .iter_rows()
        .flat_map(|row| row.iter().zip(&mean).map(|(&v, m)| f64::from(v) - m))
        .collect();
    // X X^T and X^T X have the same eigenvalues but for zeros: take the smaller.
    let (vectors, n, length) = if rows <= dim {
        (centred, rows, dim)
    } else {
        let columns = (0..dim)
            .flat_map(|j| (0..rows).map(move |i| (i, j)))
            .map(|(i, j)| centred[i * dim + j])
            .collect();
        (columns, dim, rows)
    };
    let mut products = vec![0.0; n * n];
    products.par_chunks_mut(n).enumerate().for_each(|(i, out)| {
        let of = |i: usize| &vectors[i * length..(i + 1) * length];
        for (j, out) in out.iter_mut().enumerate() {
            // In the same order for (i, j) and (j, i): the matrix is symmetric to the bit.
            *out = dot(of(i.min(j)), of(i.max(j)));
        }
    });
    let eigenvalues = symmetric_eigenvalues(products, n);
    let top = eigenvalues[0];
    // Of equal rows only the rounding of their mean is left.
    let size: f64 = mean.iter().map(|m| m * m).sum::<f64>() * rows as f64;
    if top <= size * (8.0 * f64::EPSILON).powi(2) {
        return 0.0;
    }
    // Eigenvalues that are rounding errors of the largest would count by their roots.
    let floor = top * f64::EPSILON * n as f64;
    let singular: Vec<f64> = eigenvalues
        .iter()
        .filter(|&&v| v > floor)
        .map(|v| v.sqrt())
        .collect();
    let sum: f64 = singular.iter().sum();
    let entropy: f64 = singular.iter().map(|s| -(s / sum) * (s / sum).ln()).sum();
    entropy.exp()
}

/// How far apart two views of an image lie: the mean squared distance of their features, scaled to
/// length 1.
///
/// ```text
/// mean_i | a_i / |a_i|  -  b_i / |b_i| |^2
/// ```
///
/// Wang and Isola, "Understanding Contrastive Representation Learning through Alignment and
/// Uniformity on the Hypersphere" (2020), section 4.1, with alpha 2. In `0..=4`; lower is better,
/// though 0 may be collapse.
///
/// # Panics
/// If the matrices differ in shape, or have no rows or no columns.
pub fn alignment(a: &FeatureMatrix, b: &FeatureMatrix) -> f64 {
    assert_not_empty(a, "alignment");
    assert_eq!(
        (a.rows, a.dim),
        (b.rows, b.dim),
        "alignment: views of {} x {} and {} x {}",
        a.rows,
        a.dim,
        b.rows,
        b.dim
    );
    let (a, b) = (unit_rows(a), unit_rows(b));
    let squares = a.values.iter().zip(&b.values);
    let sum: f64 = squares.map(|(x, y)| f64::from(x - y).powi(2)).sum();
    sum / a.rows as f64
}

/// How evenly features cover the sphere: the logarithm of the mean Gaussian potential of all pairs.
///
/// ```text
/// ln mean_{i < j} exp( -2 | u_i - u_j |^2 ),   u_i = x_i / |x_i|
/// ```
///
/// Wang and Isola (2020), section 4.1, with t = 2. In `-8..=0`; lower is better, 0 is collapse;
/// about
/// -4 for even directions in many dimensions. A single row scores 0. Takes `rows^2 * dim / 2`
/// multiplications.
///
/// # Panics
/// If there are no rows or no columns.
pub fn uniformity(features: &FeatureMatrix) -> f64 {
    assert_not_empty(features, "uniformity");
    let unit = unit_rows(features);
    let n = unit.rows;
    if n == 1 {
        return 0.0;
    }
    let square: Vec<f32> = unit.iter_rows().map(|r| dot_f32(r, r)).collect();
    // One sum a row, added in order, so that the result does not depend on threads.
    let sums: Vec<f64> = (0..n)
        .into_par_iter()
        .map(|i| {
            ((i + 1)..n)
                .map(|j| {
                    let product = dot_f32(unit.row(i), unit.row(j));
                    let distance = f64::from(square[i] + square[j] - 2.0 * product);
                    // `clamp`, unlike `max`, keeps what is not a number.
                    (-2.0 * distance.clamp(0.0, 4.0)).exp()
                })
                .sum()
        })
        .collect();
    let pairs = n as f64 * (n - 1) as f64 / 2.0;
    (sums.iter().sum::<f64>() / pairs).ln()
}

/// Whether features have collapsed: they hardly depend on the input any more, or only along one
/// line.
///
/// True if [`embedding_std`]` * sqrt(dim)` is below [`COLLAPSED_SPREAD`] or, with two features or
/// more, [`effective_rank`] is below [`COLLAPSED_RANK`]; and if either is not a number. The
/// thresholds are set to name clear failures only: features of a classifier that uses as few
/// directions as it has classes are not called collapsed. Watch the curves for what comes before.
///
/// # Panics
/// If there are no rows or no columns.
pub fn is_collapsed(features: &FeatureMatrix) -> bool {
    collapse_verdict(
        embedding_std(features),
        effective_rank(features),
        features.dim,
        COLLAPSED_SPREAD,
    )
}

fn collapse_verdict(
    embedding_std: f64,
    effective_rank: f64,
    dim: usize,
    least_spread: f64,
) -> bool {
    let spread = embedding_std * (dim as f64).sqrt();
    let healthy = spread >= least_spread && (dim == 1 || effective_rank >= COLLAPSED_RANK);
    !healthy
}

#[track_caller]
fn assert_not_empty(features: &FeatureMatrix, figure: &str) {
    assert!(
        features.rows > 0 && features.dim > 0,
        "{figure} of a {} x {} matrix",
        features.rows,
        features.dim
    );
}
