//! A fitted linear classifier of features.

use rayon::prelude::*;

use crate::error::TransferError;
use crate::feature_matrix::{FeatureMatrix, check_labels};
use crate::products::{rows_by_rows, width};
use crate::softmax_regression::softmax;
use crate::standardiser::Standardiser;
use crate::vector::dot;

/// Rows that are classified at once.
const BLOCK: usize = 32;

/// A fitted linear classifier of features.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearProbe {
    /// Weights on standardised features, one row of `dim` a class.
    pub weights: Vec<f64>,
    /// One bias a class; minus infinity for a class without training labels.
    pub bias: Vec<f64>,
    /// The standardisation that comes first.
    pub scaler: Standardiser,
    /// The penalty in force: the only or the chosen one.
    pub l2: f64,
    /// Iterations of the final fit.
    pub iterations: usize,
    /// Largest component of the gradient of the mean loss where it ended.
    pub gradient_norm: f64,
    /// Whether that is within the tolerance.
    pub converged: bool,
}

impl LinearProbe {
    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.bias.len()
    }

    /// The most probable class of each row; of equals the lowest.
    ///
    /// # Panics
    /// If the features have another length than those fitted on.
    pub fn predict(&self, features: &FeatureMatrix) -> Vec<u32> {
        let logits = self.logits(features);
        let best = |logits: &[f64]| {
            let mut best = 0;
            for (class, logit) in logits.iter().enumerate() {
                if *logit > logits[best] {
                    best = class;
                }
            }
            best as u32
        };
        logits.chunks(self.classes()).map(best).collect()
    }

    /// The probability of each class, one vector of `classes` a row.
    ///
    /// # Panics
    /// If the features have another length than those fitted on.
    pub fn predict_proba(&self, features: &FeatureMatrix) -> Vec<Vec<f64>> {
        let mut logits = self.logits(features);
        logits
            .chunks_mut(self.classes())
            .map(|logits| {
                softmax(logits);
                logits.to_vec()
            })
            .collect()
    }

    /// The mean of `-log p(label)`, at least 0; infinite if a label had no training rows.
    ///
    /// # Errors
    /// [`TransferError`] when there are no rows, not one label a row or a label of `classes` or
    /// more.
    ///
    /// # Panics
    /// If the features have another length than those fitted on.
    pub fn log_loss(&self, features: &FeatureMatrix, labels: &[u32]) -> Result<f64, TransferError> {
        check_labels(features, labels, Some(self.classes()))?;
        if labels.is_empty() {
            return Err(TransferError::Empty {
                action: "take the log-loss of",
            });
        }
        let mut logits = self.logits(features);
        let sum: f64 = logits
            .chunks_mut(self.classes())
            .zip(labels)
            .map(|(logits, &label)| {
                let at_label = logits[label as usize];
                softmax(logits) - at_label
            })
            .sum();
        Ok(sum / labels.len() as f64)
    }

    /// The same classifier of features as they are: weights, one row of `dim` a class, and one bias a class, with the
    /// standardisation folded in.
    pub fn affine(&self) -> (Vec<f64>, Vec<f64>) {
        let dim = self.scaler.mean.len();
        let mut weights = self.weights.clone();
        let mut bias = self.bias.clone();
        for (class, bias) in bias.iter_mut().enumerate() {
            let weights = &mut weights[class * dim..(class + 1) * dim];
            weights
                .iter_mut()
                .zip(&self.scaler.scale)
                .for_each(|(w, s)| *w /= s);
            *bias -= dot(weights, &self.scaler.mean);
        }
        (weights, bias)
    }

    /// `W x + b` of every row, `classes` values each.
    fn logits(&self, features: &FeatureMatrix) -> Vec<f64> {
        let dim = self.scaler.mean.len();
        assert_eq!(
            features.dim, dim,
            "a probe of {dim} features was given {} of them",
            features.dim
        );
        let mut logits = vec![0.0; features.rows * self.classes()];
        let width = width(dim);
        let mut weights = vec![0.0; self.classes() * width];
        for class in 0..self.classes() {
            let row = &self.weights[class * dim..(class + 1) * dim];
            weights[class * width..][..dim].copy_from_slice(row);
        }
        let blocks = logits.par_chunks_mut(BLOCK * self.classes()).enumerate();
        blocks.for_each(|(block, logits)| {
            let rows = logits.len() / self.classes();
            let mut x = vec![0.0; rows * width];
            for (i, x) in x.chunks_exact_mut(width).enumerate() {
                self.scaler.write(features.row(block * BLOCK + i), x);
            }
            rows_by_rows(&x, &weights, width, self.classes(), logits);
            for logits in logits.chunks_exact_mut(self.classes()) {
                logits
                    .iter_mut()
                    .zip(&self.bias)
                    .for_each(|(logit, b)| *logit += b);
            }
        });
        logits
    }
}
