//! Standardisation.

use serde::{Deserialize, Serialize};

use super::{check_finite, check_moments, check_scale, scale_or_1};
use crate::DataError;
use crate::table::Moments;

/// Turns a number into `(value - mean) / std`.
///
/// The deviation is that of the population, divided by the count, as in scikit-learn's `StandardScaler`. Only numbers that are all equal
/// count as constant; scikit-learn also counts those whose deviation is below the rounding of a sum, at which this scaler's sums do not lose it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandardScaler {
    /// The mean.
    pub mean: f64,
    /// The standard deviation; 1 for numbers that do not vary.
    pub std: f64,
}

impl StandardScaler {
    /// Takes mean and deviation.
    ///
    /// # Errors
    /// [`DataError::Config`] when there are no numbers, or some so large that their squares are infinite.
    pub fn fit(moments: &Moments) -> Result<Self, DataError> {
        check_moments(moments)?;
        // Rounding may leave a deviation to numbers that are all equal.
        let constant = moments.is_constant();
        let scaler = Self {
            mean: if constant {
                moments.min()
            } else {
                moments.mean()
            },
            std: if constant {
                1.0
            } else {
                scale_or_1(moments.variance().sqrt())
            },
        };
        scaler.validate()?;
        Ok(scaler)
    }

    pub(super) fn validate(&self) -> Result<(), DataError> {
        check_finite("mean", self.mean)?;
        check_scale("std", self.std)
    }

    /// The scaled number.
    pub fn transform(&self, value: f64) -> f64 {
        (value - self.mean) / self.std
    }

    /// The number that was scaled.
    pub fn inverse(&self, scaled: f64) -> f64 {
        scaled * self.std + self.mean
    }
}
