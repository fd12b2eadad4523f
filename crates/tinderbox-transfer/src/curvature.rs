//! How the loss of a regression bends: what makes its minimisation take few steps.

use rayon::prelude::*;

use crate::products::{add_weighted_rows, dots};
use crate::softmax_regression::Regression;
use crate::vector::axpy;

/// Rows that the estimate looks at, at least.
const ROWS: usize = 1024;

/// Rows of the matrix that one task computes.
const TASK: usize = 16;

/// Rows that are summed at once: they stay in the processor's cache.
const BLOCK: usize = 64;

/// An estimate of the Hessian that all classes share.
///
/// The Hessian has a block of `D x D` for each pair of classes. Those off the diagonal are left out, and those on it are
/// replaced by their mean, `sum_i h_i x_i x_i^T / n + l2 / n I` with `h_i = mean_k p_ik (1 - p_ik)`, over some of the rows: a
/// minimisation preconditioned by it ends where any other does, after a half to a tenth of the steps.
pub(crate) struct Curvature {
    /// The lower triangle of its Cholesky factor, row by row.
    factor: Vec<f64>,
    width: usize,
    bias: f64,
}

impl Curvature {
    /// The curvature at `parameters`, for a penalty of `ridge` on the mean loss.
    pub(crate) fn at(regression: &Regression<'_>, parameters: &[f64], ridge: f64) -> Self {
        let width = regression.width();
        let stride = (regression.rows.len() / (2 * width).max(ROWS)).max(1);
        let some = regression.on(regression.rows.iter().copied().step_by(stride).collect());
        let total = some.total();
        let bends = some.bends(parameters);
        let mut x = vec![0.0; some.rows.len() * width];
        x.par_chunks_mut(BLOCK * width)
            .zip(some.rows.par_chunks(BLOCK))
            .for_each(|(x, rows)| some.standardise(rows, x));
        let mut factor = vec![0.0; width * width];
        let tasks = factor.par_chunks_mut(TASK * width).enumerate();
        tasks.for_each(|(task, sums)| {
            let (first, rows) = (task * TASK, sums.len() / width);
            let mut weighted = vec![0.0; BLOCK * rows];
            for (x, bends) in x.chunks(BLOCK * width).zip(bends.chunks(BLOCK)) {
                let weighted = &mut weighted[..bends.len() * rows];
                let places = weighted.chunks_exact_mut(rows);
                for ((weighted, x), bend) in places.zip(x.chunks_exact(width)).zip(bends) {
                    let values = &x[first..first + rows];
                    weighted
                        .iter_mut()
                        .zip(values)
                        .for_each(|(w, x)| *w = bend * x);
                }
                add_weighted_rows(weighted, rows, x, width, first + rows, sums);
            }
            sums.iter_mut().for_each(|sum| *sum /= total);
            for row in 0..rows {
                sums[row * width + first + row] += ridge;
            }
        });
        cholesky(&mut factor, width);
        Self {
            factor,
            width,
            // Certain predictions bend nothing.
            bias: (bends.iter().sum::<f64>() / total).max(1e-6),
        }
    }

    /// Divides a gradient by the curvature.
    pub(crate) fn solve(&self, gradient: &mut [f64]) {
        let classes = gradient.len() / (self.width + 1);
        let (weights, bias) = gradient.split_at_mut(classes * self.width);
        let row = |i: usize| &self.factor[i * self.width..(i + 1) * self.width];
        weights.par_chunks_mut(self.width).for_each(|x| {
            for i in 0..x.len() {
                x[i] = (x[i] - dots(&row(i)[..i], &x[..i])) / row(i)[i];
            }
            for i in (0..x.len()).rev() {
                x[i] /= row(i)[i];
                let (above, at) = x.split_at_mut(i);
                axpy(-at[0], &row(i)[..i], above);
            }
        });
        bias.iter_mut().for_each(|b| *b /= self.bias);
    }
}

/// Replaces the lower triangle of a positive definite matrix by its Cholesky factor, row by row.
fn cholesky(matrix: &mut [f64], width: usize) {
    for i in 0..width {
        let (above, rest) = matrix.split_at_mut(i * width);
        let row = &mut rest[..width];
        for j in 0..i {
            let other = &above[j * width..(j + 1) * width];
            row[j] = (row[j] - dots(&row[..j], &other[..j])) / other[j];
        }
        let left = row[i] - dots(&row[..i], &row[..i]);
        // Rounding may leave nothing of it.
        row[i] = left.max(f64::EPSILON * row[i]).sqrt();
    }
}
