//! The objective of multinomial logistic regression and its minimum.
//!
//! Shape letters: `N` rows, `D` features (padded to whole vectors), `K` classes.

use rayon::prelude::*;

use crate::curvature::Curvature;
use crate::feature_matrix::FeatureMatrix;
use crate::lbfgs::{Minimum, minimise};
use crate::products::{add_weighted_rows, rows_by_rows, width};
use crate::standardiser::Standardiser;
use crate::vector::{axpy, dot};

/// Rows are summed in at most this many parts, each in one order, and the parts in order: the
/// result does not depend on the number of threads.
const PARTS: usize = 32;

/// Bytes that the gradients of all parts take at most, unless one is larger.
const PART_BYTES: usize = 64 << 20;

/// Rows that are standardised at once: they stay in the processor's cache.
const BLOCK: usize = 32;

/// Rows with labels that all occur. The features stay as they are in memory: a block of them at a time is standardised.
#[derive(Clone)]
pub(crate) struct Regression<'d> {
    features: &'d FeatureMatrix,
    scaler: &'d Standardiser,
    /// A class of `0..classes` for each row of the features.
    labels: &'d [usize],
    /// How much a row of each class counts.
    class_weights: &'d [f64],
    /// What features are multiplied by after the shift.
    factors: Vec<f64>,
    /// The rows that count.
    pub(crate) rows: Vec<usize>,
}

impl<'d> Regression<'d> {
    /// The regression on all rows.
    pub(crate) fn new(
        features: &'d FeatureMatrix,
        scaler: &'d Standardiser,
        labels: &'d [usize],
        class_weights: &'d [f64],
    ) -> Self {
        Self {
            features,
            scaler,
            labels,
            class_weights,
            factors: scaler.scale.iter().map(|scale| 1.0 / scale).collect(),
            rows: (0..features.rows).collect(),
        }
    }

    /// The regression on some of the rows.
    pub(crate) fn on(&self, rows: Vec<usize>) -> Self {
        Self {
            rows,
            ..self.clone()
        }
    }

    /// `K`.
    pub(crate) fn classes(&self) -> usize {
        self.class_weights.len()
    }

    /// `D`.
    pub(crate) fn width(&self) -> usize {
        width(self.features.dim)
    }

    /// The labels of the rows that count.
    pub(crate) fn labels(&self) -> Vec<usize> {
        self.rows.iter().map(|&row| self.labels[row]).collect()
    }

    /// Parameters of a start: all zero, `K * D` weights and `K` biases.
    pub(crate) fn start(&self) -> Vec<f64> {
        vec![0.0; self.classes() * (self.width() + 1)]
    }

    /// Sum of the rows' weights.
    pub(crate) fn total(&self) -> f64 {
        let weights = self.rows.iter().map(|&row| self.weight(row));
        weights.sum()
    }

    fn weight(&self, row: usize) -> f64 {
        self.class_weights[self.labels[row]]
    }

    /// Minimises the penalised mean log-loss from `start`.
    ///
    /// The gradient is that of the mean over rows, so a tolerance means the same for any `N`.
    pub(crate) fn fit(&self, l2: f64, start: Vec<f64>, max_iter: usize, tolerance: f64) -> Minimum {
        // With two classes softmax splits one direction into two opposite weight vectors, whose
        // penalty would be half that of the binary regression, which has one vector.
        let l2 = if self.classes() == 2 { 2.0 * l2 } else { l2 };
        let total = self.total();
        let weights = self.classes() * self.width();
        // With fewer rows than features it would cost more than it saves.
        let curvature = (self.rows.len() >= self.width() && self.classes() > 1)
            .then(|| Curvature::at(self, &start, l2 / total));
        let precondition = curvature
            .as_ref()
            .map(|curvature| |gradient: &mut [f64]| curvature.solve(gradient));
        minimise(
            |parameters, gradient| {
                let loss = self.loss_and_gradient(parameters, gradient);
                gradient.iter_mut().for_each(|g| *g /= total);
                axpy(l2 / total, &parameters[..weights], &mut gradient[..weights]);
                let penalty = 0.5 * l2 * dot(&parameters[..weights], &parameters[..weights]);
                (loss + penalty) / total
            },
            precondition,
            start,
            max_iter,
            tolerance,
        )
    }

    /// The weighted log-loss summed over the rows, and its gradient, which overwrites `gradient`.
    fn loss_and_gradient(&self, parameters: &[f64], gradient: &mut [f64]) -> f64 {
        let weights = self.classes() * self.width();
        let parts = self.walk(
            parameters,
            || (0.0, vec![0.0; parameters.len()]),
            |(sum, gradient), block| {
                *sum += block.losses.iter().sum::<f64>();
                let (of_weights, of_bias) = gradient.split_at_mut(weights);
                let rows = block.probabilities.chunks_exact_mut(self.classes());
                for (row, probabilities) in block.rows.iter().zip(rows) {
                    // Now the gradient with respect to the logits.
                    probabilities[self.labels[*row]] -= 1.0;
                    let weight = self.weight(*row);
                    for (bias, p) in of_bias.iter_mut().zip(probabilities) {
                        *p *= weight;
                        *bias += *p;
                    }
                }
                let (p, width) = (&*block.probabilities, self.width());
                add_weighted_rows(p, self.classes(), block.x, width, width, of_weights);
            },
        );
        gradient.fill(0.0);
        let mut loss = 0.0;
        for (part_loss, part) in parts {
            loss += part_loss;
            axpy(1.0, &part, gradient);
        }
        loss
    }

    /// The weighted log-loss of each row.
    pub(crate) fn losses(&self, parameters: &[f64]) -> Vec<f64> {
        let parts = self.walk(parameters, Vec::new, |losses: &mut Vec<f64>, block| {
            losses.extend_from_slice(block.losses);
        });
        parts.concat()
    }

    /// `mean over k of p_k (1 - p_k)` of each row, weighted: how much the loss bends along its features, as a share of how
    /// much it does where all classes are equally probable times `1 / K`.
    pub(crate) fn bends(&self, parameters: &[f64]) -> Vec<f64> {
        let classes = self.classes() as f64;
        let parts = self.walk(parameters, Vec::new, |bends: &mut Vec<f64>, block| {
            let rows = block.probabilities.chunks_exact(self.classes());
            for (row, probabilities) in block.rows.iter().zip(rows) {
                let bend: f64 = probabilities.iter().map(|p| p * (1.0 - p)).sum();
                bends.push(self.weight(*row) * bend / (classes - 1.0));
            }
        });
        parts.concat()
    }

    /// Standardises rows into `x`, padded.
    pub(crate) fn standardise(&self, rows: &[usize], x: &mut [f64]) {
        for (&row, x) in rows.iter().zip(x.chunks_exact_mut(self.width())) {
            let shifts = self.scaler.mean.iter().zip(&self.factors);
            let values = self.features.row(row).iter().zip(shifts);
            for (x, (value, (mean, factor))) in x.iter_mut().zip(values) {
                *x = (f64::from(*value) - mean) * factor;
            }
        }
    }

    /// Visits all rows in blocks, several parts of them at once, and returns what each part gathered, in order.
    fn walk<T: Send>(
        &self,
        parameters: &[f64],
        fresh: impl Fn() -> T + Sync,
        visit: impl Fn(&mut T, Block<'_>) + Sync,
    ) -> Vec<T> {
        let parts = (PART_BYTES / (8 * parameters.len().max(1))).clamp(1, PARTS);
        let part = self.rows.len().div_ceil(parts).next_multiple_of(2 * BLOCK);
        let (weights, bias) = parameters.split_at(self.classes() * self.width());
        let of_part = |rows: &[usize]| {
            let mut gathered = fresh();
            let mut x = vec![0.0; BLOCK * self.width()];
            let mut probabilities = vec![0.0; BLOCK * self.classes()];
            let mut losses = vec![0.0; BLOCK];
            for rows in rows.chunks(BLOCK) {
                let x = &mut x[..rows.len() * self.width()];
                let probabilities = &mut probabilities[..rows.len() * self.classes()];
                let losses = &mut losses[..rows.len()];
                self.standardise(rows, x);
                rows_by_rows(x, weights, self.width(), self.classes(), probabilities);
                let logits = probabilities.chunks_exact_mut(self.classes());
                for ((&row, logits), loss) in rows.iter().zip(logits).zip(losses.iter_mut()) {
                    logits
                        .iter_mut()
                        .zip(bias)
                        .for_each(|(logit, b)| *logit += b);
                    let at_label = logits[self.labels[row]];
                    *loss = self.weight(row) * (softmax(logits) - at_label);
                }
                visit(
                    &mut gathered,
                    Block {
                        rows,
                        x,
                        probabilities,
                        losses,
                    },
                );
            }
            gathered
        };
        self.rows.par_chunks(part.max(1)).map(of_part).collect()
    }
}

/// Some rows and what the parameters make of them.
struct Block<'b> {
    rows: &'b [usize],
    /// Standardised features.
    x: &'b [f64],
    probabilities: &'b mut [f64],
    /// Weighted log-losses.
    losses: &'b [f64],
}

/// Turns logits into probabilities and returns the logarithm of the sum of their exponentials.
pub(crate) fn softmax(logits: &mut [f64]) -> f64 {
    let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for logit in logits.iter_mut() {
        *logit = (*logit - top).exp();
        sum += *logit;
    }
    logits.iter_mut().for_each(|p| *p /= sum);
    top + sum.ln()
}
