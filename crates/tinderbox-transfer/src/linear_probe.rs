//! The linear probe: multinomial logistic regression on frozen features.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::TransferError;
use crate::feature_matrix::{FeatureMatrix, check_labels};
use crate::softmax_regression::{Rows, linear, softmax};
use crate::standardiser::{Scaling, Standardiser};
use crate::stratified_folds::stratified_folds;

/// Folds of the choice among penalties, when every class has as many labels.
const FOLDS: usize = 5;

/// The penalty taken when too few labels leave nothing to choose by; scikit-learn's default.
const FALLBACK_L2: f64 = 1.0;

/// Configuration of [`LinearProbe`].
///
/// ```text
/// minimise over W, b:   sum_i -log softmax(W x_i + b)[y_i]  +  l2 / 2 * |W|^2
/// ```
///
/// `x` are the features standardised by the training rows ([`Standardiser`]), so **the penalty is
/// on weights of features of deviation 1**; the bias is free. With two classes the penalty is that
/// of the usual binary regression with one weight vector. With [`Scaling::PerFeature`] this is the
/// objective of scikit-learn's `make_pipeline(StandardScaler(), LogisticRegression(C=1/l2))`; with
/// [`Scaling::Common`] that of its `LogisticRegression(C=1/(l2 s^2))` on raw features, `s` being the factor.
///
/// Of several penalties the one of least log-loss in stratified 5-fold cross-validation on the
/// training rows is taken (fewer folds when a class has fewer labels), of equals the larger. The
/// log-loss, not the accuracy, because it does not tie when labels are few. With a class of a
/// single label there is nothing to validate on, and the candidate nearest to 1 (in ratio) is
/// taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LinearProbeConfig {
    /// How features are scaled.
    pub scaling: Scaling,
    /// Candidate penalties, each positive.
    pub l2: Vec<f64>,
    /// Most iterations of a fit.
    pub max_iter: usize,
    /// A fit has converged when no component of the gradient of the mean loss exceeds this.
    pub tolerance: f64,
}

impl Default for LinearProbeConfig {
    /// One factor for all features, five penalties from 0.01 to 100, up to 1,000 iterations, tolerance `1e-6`.
    fn default() -> Self {
        Self {
            scaling: Scaling::Common,
            l2: vec![0.01, 0.1, 1.0, 10.0, 100.0],
            max_iter: 1000,
            tolerance: 1e-6,
        }
    }
}

impl LinearProbeConfig {
    /// Fits a probe; see [`try_fit`](Self::try_fit), which returns what this panics with.
    ///
    /// # Panics
    /// On any [`TransferError`].
    pub fn fit(&self, features: &FeatureMatrix, labels: &[u32], classes: usize) -> LinearProbe {
        match self.try_fit(features, labels, classes) {
            Ok(probe) => probe,
            Err(error) => panic!("linear probe: {error}"),
        }
    }

    /// Fits a probe for labels in `0..classes`, to convergence, by L-BFGS in `f64`.
    ///
    /// Classes without a training label get weights 0 and a bias of minus infinity: probability 0,
    /// never predicted. With labels of one class only, that class has probability 1. The result
    /// does not depend on the number of threads. An iteration takes about `4 * rows * dim *
    /// classes` operations; the memory is that of the features in `f64`, twice while choosing among
    /// penalties.
    ///
    /// # Errors
    /// [`TransferError`] when there are no rows, not one label a row, a label of `classes` or more,
    /// a feature that is not finite, no candidate, or a setting outside its range. Ending without
    /// convergence is no error: see [`LinearProbe::converged`].
    pub fn try_fit(
        &self,
        features: &FeatureMatrix,
        labels: &[u32],
        classes: usize,
    ) -> Result<LinearProbe, TransferError> {
        self.validate()?;
        if classes == 0 {
            return Err(TransferError::NoClasses);
        }
        if features.rows == 0 {
            return Err(TransferError::Empty {
                action: "fit a linear probe to",
            });
        }
        check_labels(features, labels, Some(classes))?;
        features.check_finite()?;
        let scaler = Standardiser::fit(features, self.scaling);

        let mut seen: Vec<usize> = labels.iter().map(|&l| l as usize).collect();
        seen.sort_unstable();
        seen.dedup();
        let rows = Rows {
            values: scaler.apply(features),
            labels: labels
                .iter()
                .map(|&l| seen.partition_point(|&s| s < l as usize))
                .collect(),
            dim: features.dim,
            classes: seen.len(),
        };
        let l2 = self.choose_l2(&rows);
        let fit = rows.fit(l2, rows.start(), self.max_iter, self.tolerance);

        let dim = features.dim;
        let mut weights = vec![0.0; classes * dim];
        let mut bias = vec![f64::NEG_INFINITY; classes];
        for (i, &class) in seen.iter().enumerate() {
            weights[class * dim..(class + 1) * dim].copy_from_slice(&fit.x[i * dim..(i + 1) * dim]);
            bias[class] = fit.x[seen.len() * dim + i];
        }
        Ok(LinearProbe {
            weights,
            bias,
            scaler,
            l2,
            iterations: fit.iterations,
            gradient_norm: fit.gradient_norm,
            converged: fit.converged,
        })
    }

    fn validate(&self) -> Result<(), TransferError> {
        if self.l2.is_empty() {
            return Err(TransferError::NoCandidates);
        }
        let positive = |field, value: f64| {
            if value > 0.0 && value.is_finite() {
                Ok(())
            } else {
                Err(TransferError::Config {
                    field,
                    expected: "a positive finite number",
                    got: value,
                })
            }
        };
        for &l2 in &self.l2 {
            positive("l2", l2)?;
        }
        positive("tolerance", self.tolerance)
    }

    fn choose_l2(&self, rows: &Rows) -> f64 {
        // From the strongest on: each fit starts at the one before, which is close.
        let mut candidates = self.l2.clone();
        candidates.sort_by(|a, b| b.total_cmp(a));
        candidates.dedup();
        if candidates.len() == 1 {
            return candidates[0];
        }
        let folds = if rows.classes < 2 {
            None
        } else {
            stratified_folds(&rows.labels, rows.classes, FOLDS)
        };
        let Some(folds) = folds else {
            let distance = |l2: f64| (l2 / FALLBACK_L2).ln().abs();
            return candidates
                .into_iter()
                .reduce(|best, l2| {
                    if distance(l2) < distance(best) {
                        l2
                    } else {
                        best
                    }
                })
                .unwrap_or(FALLBACK_L2);
        };
        let mut losses = vec![0.0; candidates.len()];
        for fold in folds {
            let train = rows.select(&fold.train);
            let held_out = rows.select(&fold.held_out);
            let mut parameters = rows.start();
            for (loss, &l2) in losses.iter_mut().zip(&candidates) {
                let fit = train.fit(l2, parameters, self.max_iter, self.tolerance);
                *loss += held_out.log_loss(&fit.x);
                parameters = fit.x;
            }
        }
        let mut best = 0;
        for (i, loss) in losses.iter().enumerate() {
            if *loss < losses[best] {
                best = i;
            }
        }
        candidates[best]
    }
}

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

    /// `W x + b` of every row, `classes` values each.
    fn logits(&self, features: &FeatureMatrix) -> Vec<f64> {
        let values = self.scaler.apply(features);
        let parameters: Vec<f64> = [self.weights.as_slice(), &self.bias].concat();
        let mut logits = vec![0.0; features.rows * self.classes()];
        logits
            .par_chunks_mut(self.classes())
            .enumerate()
            .for_each(|(i, logits)| {
                let row = &values[i * features.dim..(i + 1) * features.dim];
                linear(&parameters, row, logits);
            });
        logits
    }
}
