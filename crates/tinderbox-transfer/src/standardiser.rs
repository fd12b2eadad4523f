//! Features to mean 0 and standard deviation 1.

use rayon::prelude::*;

use crate::feature_matrix::FeatureMatrix;

/// Shifts and scales each feature by the statistics of the rows it was fitted on.
///
/// The deviation is the population's (divided by `n`). A feature that does not vary is only
/// shifted. The same as scikit-learn's `StandardScaler`.
#[derive(Debug, Clone, PartialEq)]
pub struct Standardiser {
    /// Mean of each feature.
    pub mean: Vec<f64>,
    /// What each feature is divided by: its standard deviation, or 1.
    pub scale: Vec<f64>,
}

impl Standardiser {
    /// Measures the features; without rows it changes nothing.
    pub fn fit(features: &FeatureMatrix) -> Self {
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
        let scale = variance
            .iter()
            .zip(&mean)
            .map(|(v, m)| {
                let deviation = (v / n).sqrt();
                // What is left of a constant is the rounding of its mean.
                let rounding = 10.0 * f64::EPSILON * m.abs();
                if deviation > rounding { deviation } else { 1.0 }
            })
            .collect();
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
                .for_each(|(out, row)| {
                    for (j, o) in out.iter_mut().enumerate() {
                        *o = (f64::from(row[j]) - self.mean[j]) / self.scale[j];
                    }
                });
        }
        out
    }
}
