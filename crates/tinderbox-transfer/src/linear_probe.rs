//! The linear probe: multinomial logistic regression on frozen features.

use serde::{Deserialize, Serialize};

use crate::class_weights::ClassWeights;
use crate::error::TransferError;
use crate::feature_matrix::{FeatureMatrix, check_labels};
use crate::linear_classifier::LinearProbe;
use crate::penalty::choose;
use crate::softmax_regression::Regression;
use crate::standardiser::{Scaling, Standardiser};

/// Configuration of [`LinearProbe`].
///
/// ```text
/// minimise over W, b:   sum_i c[y_i] (-log softmax(W x_i + b)[y_i])  +  l2 / 2 * |W|^2
/// ```
///
/// `x` are the features standardised by the training rows ([`Standardiser`]), so **the penalty is
/// on weights of features of deviation 1**; the bias is free; `c` are 1 or balance the classes ([`ClassWeights`]). With two
/// classes the penalty is that of the usual binary regression with one weight vector. With [`Scaling::PerFeature`] this is the
/// objective of scikit-learn's `make_pipeline(StandardScaler(), LogisticRegression(C=1/l2))`; with
/// [`Scaling::Common`] that of its `LogisticRegression(C=1/(l2 s^2))` on raw features, `s` being the factor.
///
/// # Which penalty
/// Of several penalties the one of least log-loss in stratified 5-fold cross-validation on the
/// training rows is taken (fewer when no class has five labels; one fold beyond 5,000 rows, and at most 20,000 of them), **but
/// only if it leads the candidate nearest to 10 by more than the standard error** of that difference over the rows held out.
/// The log-loss, not the accuracy, because it does not tie when labels are few. A single label of a class is always
/// trained on. Where these are most of the rows, or fewer than ten rows are left to validate on, the candidate nearest to 10
/// (in ratio) is taken: four rows of two classes out of ten once chose a penalty that answered for those two alone.
///
/// The error counts because the least loss alone often is that of far too strong a penalty when labels are few: some wrong and
/// certain answers among 16 rows held out outweigh the rest. Such a probe answers nearly by the shares of the classes. With 8
/// labels a class of e-mails, ham or spam, read by a published sentence encoder (all-MiniLM-L6-v2, 20 draws) the least loss had
/// 76.9 %, scikit-learn's default 76.9 to 80.8 % (raw or standardised), this rule 81.1 %; it lay within 1 point of the better of
/// these two on questions, subjective sentences and digits, at 8 labels a class, at 16 to 60 in all, and at 1,000.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LinearProbeConfig {
    /// How features are scaled.
    pub scaling: Scaling,
    /// Candidate penalties, each positive.
    pub l2: Vec<f64>,
    /// How much the rows of each class count.
    pub class_weights: ClassWeights,
    /// Most iterations of a fit.
    pub max_iter: usize,
    /// A fit has converged when no component of the gradient of the mean loss exceeds this; fits that only choose a penalty
    /// end at `1e-4`.
    pub tolerance: f64,
}

impl Default for LinearProbeConfig {
    /// One factor for all features, six penalties from 0.01 to 1,000, up to 1,000 iterations, tolerance `1e-6`.
    fn default() -> Self {
        Self {
            scaling: Scaling::Common,
            l2: vec![0.01, 0.1, 1.0, 10.0, 100.0, 1000.0],
            class_weights: ClassWeights::None,
            max_iter: 1000,
            tolerance: 1e-6,
        }
    }
}

/// What a fit does next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ProbeStage {
    /// It tries a penalty, the `number`th from 0, of at most `of`.
    Choose {
        /// The penalty.
        l2: f64,
        /// Its place.
        number: usize,
        /// How many there are.
        of: usize,
    },
    /// It fits all rows by the penalty in force.
    Fit {
        /// The penalty.
        l2: f64,
        /// The rows.
        rows: usize,
    },
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

    /// Fits a probe for labels in `0..classes`, to convergence, by preconditioned L-BFGS in `f64`.
    ///
    /// Classes without a training label get weights 0 and a bias of minus infinity: probability 0,
    /// never predicted. With labels of one class only, that class has probability 1. The result
    /// does not depend on the number of threads. An iteration takes about `4 * rows * dim *
    /// classes` operations. Beside the features themselves the memory is `dim * (24 * dim + 170 * classes)` bytes and up to
    /// 64 MB: they are standardised a block at a time, and folds are lists of rows.
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
        self.try_fit_watched(features, labels, classes, &mut |_| {})
    }

    /// [`try_fit`](Self::try_fit), telling `watch` what is fitted next.
    ///
    /// # Errors
    /// As [`try_fit`](Self::try_fit).
    pub fn try_fit_watched(
        &self,
        features: &FeatureMatrix,
        labels: &[u32],
        classes: usize,
        watch: &mut dyn FnMut(ProbeStage),
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
        let places: Vec<usize> = labels
            .iter()
            .map(|&l| seen.partition_point(|&s| s < l as usize))
            .collect();
        let class_weights = self.class_weights.of(&places, seen.len());
        let regression = Regression::new(features, &scaler, &places, &class_weights);
        let (l2, start) = choose(self, &regression, watch);
        watch(ProbeStage::Fit {
            l2,
            rows: features.rows,
        });
        let fit = regression.fit(l2, start, self.max_iter, self.tolerance);

        let (dim, width) = (features.dim, regression.width());
        let mut weights = vec![0.0; classes * dim];
        let mut bias = vec![f64::NEG_INFINITY; classes];
        for (i, &class) in seen.iter().enumerate() {
            weights[class * dim..(class + 1) * dim].copy_from_slice(&fit.x[i * width..][..dim]);
            bias[class] = fit.x[seen.len() * width + i];
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
}
