//! The objective of multinomial logistic regression and its minimum.
//!
//! Shape letters: `N` rows, `D` features, `K` classes.

use rayon::prelude::*;

use crate::lbfgs::{Minimum, minimise};
use crate::vector::{axpy, dot};

/// Rows are summed in at most this many parts, each in one order, and the parts in order: the
/// result does not depend on the number of threads.
const PARTS: usize = 32;

/// Rows of the smallest part worth a task.
const SMALLEST_PART: usize = 64;

/// Standardised rows with labels that all occur: `labels` are in `0..classes`.
pub(crate) struct Rows {
    /// `N * D` values.
    pub(crate) values: Vec<f64>,
    /// `N` labels.
    pub(crate) labels: Vec<usize>,
    /// `D`.
    pub(crate) dim: usize,
    /// `K`.
    pub(crate) classes: usize,
}

impl Rows {
    /// Some of the rows.
    pub(crate) fn select(&self, indices: &[usize]) -> Self {
        let mut values = Vec::with_capacity(indices.len() * self.dim);
        for &i in indices {
            values.extend_from_slice(self.row(i));
        }
        Self {
            values,
            labels: indices.iter().map(|&i| self.labels[i]).collect(),
            dim: self.dim,
            classes: self.classes,
        }
    }

    fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.dim..(i + 1) * self.dim]
    }

    /// Parameters of a start: all zero, `K * D` weights and `K` biases.
    pub(crate) fn start(&self) -> Vec<f64> {
        vec![0.0; self.classes * (self.dim + 1)]
    }

    /// Minimises the penalised mean log-loss from `start`.
    ///
    /// The gradient is that of the mean over rows, so a tolerance means the same for any `N`.
    pub(crate) fn fit(&self, l2: f64, start: Vec<f64>, max_iter: usize, tolerance: f64) -> Minimum {
        // With two classes softmax splits one direction into two opposite weight vectors, whose
        // penalty would be half that of the binary regression, which has one vector.
        let l2 = if self.classes == 2 { 2.0 * l2 } else { l2 };
        let n = self.labels.len() as f64;
        let weights = self.classes * self.dim;
        minimise(
            |parameters, gradient| {
                let loss = self.log_loss_and_gradient(parameters, gradient);
                gradient.iter_mut().for_each(|g| *g /= n);
                axpy(l2 / n, &parameters[..weights], &mut gradient[..weights]);
                let penalty = 0.5 * l2 * dot(&parameters[..weights], &parameters[..weights]);
                (loss + penalty) / n
            },
            start,
            max_iter,
            tolerance,
        )
    }

    /// The log-loss summed over the rows, and its gradient, which overwrites `gradient`.
    fn log_loss_and_gradient(&self, parameters: &[f64], gradient: &mut [f64]) -> f64 {
        let n = self.labels.len();
        let part = n.div_ceil(PARTS).max(SMALLEST_PART);
        let starts: Vec<usize> = (0..n).step_by(part).collect();
        let parts: Vec<(f64, Vec<f64>)> = starts
            .par_iter()
            .map(|&start| {
                let mut gradient = vec![0.0; parameters.len()];
                let mut logits = vec![0.0; self.classes];
                let mut loss = 0.0;
                for i in start..(start + part).min(n) {
                    loss += self.row_loss(parameters, i, &mut logits);
                    // The logits now hold the gradient with respect to them.
                    let (weights, bias) = gradient.split_at_mut(self.classes * self.dim);
                    for (class, &g) in logits.iter().enumerate() {
                        bias[class] += g;
                        let weights = &mut weights[class * self.dim..(class + 1) * self.dim];
                        axpy(g, self.row(i), weights);
                    }
                }
                (loss, gradient)
            })
            .collect();
        gradient.fill(0.0);
        let mut loss = 0.0;
        for (part_loss, part) in parts {
            loss += part_loss;
            axpy(1.0, &part, gradient);
        }
        loss
    }

    /// The log-loss of row `i`; leaves `softmax - one_hot(label)` in `logits`.
    fn row_loss(&self, parameters: &[f64], i: usize, logits: &mut [f64]) -> f64 {
        let label = self.labels[i];
        linear(parameters, self.row(i), logits);
        let at_label = logits[label];
        let log_sum = softmax(logits);
        logits[label] -= 1.0;
        log_sum - at_label
    }

    /// The log-loss summed over the rows.
    pub(crate) fn log_loss(&self, parameters: &[f64]) -> f64 {
        let mut logits = vec![0.0; self.classes];
        (0..self.labels.len())
            .map(|i| self.row_loss(parameters, i, &mut logits))
            .sum()
    }
}

/// Writes `W x + b`, for parameters that hold the `K` rows of `W`, then `b`.
pub(crate) fn linear(parameters: &[f64], x: &[f64], logits: &mut [f64]) {
    let (weights, bias) = parameters.split_at(parameters.len() - logits.len());
    for (class, logit) in logits.iter_mut().enumerate() {
        *logit = bias[class] + dot(&weights[class * x.len()..(class + 1) * x.len()], x);
    }
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
