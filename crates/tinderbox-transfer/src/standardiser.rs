//! Features to mean 0 and standard deviation 1, each by itself or all by one factor.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::feature_matrix::FeatureMatrix;

/// How features are scaled once their means are taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scaling {
    /// All by one factor, so that their mean variance is 1. Distances and angles between rows keep
    /// their proportions, which are what an encoder has learnt.
    #[default]
    Common,
    /// Each by its own deviation, as scikit-learn's `StandardScaler` does: for columns of unlike units.
    PerFeature,
}

/// Shifts and scales features by the statistics of the rows it was fitted on.
///
/// The deviation is the population's (divided by `n`). A feature that does not vary is only
/// shifted.
#[derive(Debug, Clone, PartialEq)]
pub struct Standardiser {
    /// Mean of each feature.
    pub mean: Vec<f64>,
    /// What each feature is divided by: a standard deviation, or 1.
    pub scale: Vec<f64>,
}

impl Standardiser {
    /// Measures the features; without rows it changes nothing.
    pub fn fit(features: &FeatureMatrix, scaling: Scaling) -> Self {
        let n = features.rows.max(1) as f64;
        let mut mean = vec![0.0; features.dim];
        for row in features.iter_rows() {
            mean.iter_mut()
                .zip(row)
                .for_each(|(m, &v)| *m += f64::from(v));
        }
        mean.iter_mut().for_each(|m| *m /= n);
        let mut variance = vec![0.0; features.dim];
        for row in features.iter_rows() {
            for ((s, m), &v) in variance.iter_mut().zip(&mean).zip(row) {
                *s += (f64::from(v) - m).powi(2);
            }
        }
        // What is left of a constant is the rounding of its mean.
        let deviation = |variance: f64, mean: f64| {
            let deviation = (variance / n).sqrt();
            let rounding = 10.0 * f64::EPSILON * mean.abs();
            if deviation > rounding { deviation } else { 1.0 }
        };
        let scale = match scaling {
            Scaling::PerFeature => {
                let each = variance.iter().zip(&mean);
                each.map(|(&v, &m)| deviation(v, m)).collect()
            }
            Scaling::Common => {
                let dim = features.dim.max(1) as f64;
                let largest = mean.iter().fold(0.0, |a: f64, m| a.max(m.abs()));
                let common = deviation(variance.iter().sum::<f64>() / dim, largest);
                vec![common; features.dim]
            }
        };
        Self { mean, scale }
    }

    /// The standardised rows, row by row.
    ///
    /// # Panics
    /// If the features have another length than those fitted on.
    pub fn apply(&self, features: &FeatureMatrix) -> Vec<f64> {
        assert_eq!(
            features.dim,
            self.mean.len(),
            "standardise: features of {} values, fitted on {}",
            features.dim,
            self.mean.len()
        );
        let mut out = vec![0.0; features.values.len()];
        if features.dim > 0 {
            out.par_chunks_mut(features.dim)
                .zip(features.values.par_chunks(features.dim))
                .for_each(|(out, row)| self.write(row, out));
        }
        out
    }

    /// Standardises one row into `out`, which may be longer.
    pub(crate) fn write(&self, row: &[f32], out: &mut [f64]) {
        let shifts = self.mean.iter().zip(&self.scale);
        for (out, (value, (mean, scale))) in out.iter_mut().zip(row.iter().zip(shifts)) {
            *out = (f64::from(*value) - mean) / scale;
        }
    }
}
