//! Scaling that keeps zero.

use serde::{Deserialize, Serialize};

use super::{check_moments, check_scale, scale_or_1};
use crate::DataError;
use crate::table::Moments;

/// Divides by the largest absolute value, so that zeros stay zeros and signs stay.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxAbsScaler {
    /// The largest absolute value; 1 when all numbers are 0.
    pub max_abs: f64,
}

impl MaxAbsScaler {
    /// Takes the largest absolute value.
    ///
    /// # Errors
    /// [`DataError::Config`] when there are no numbers, or infinite ones.
    pub fn fit(moments: &Moments) -> Result<Self, DataError> {
        check_moments(moments)?;
        let scaler = Self {
            max_abs: scale_or_1(moments.max_abs()),
        };
        scaler.validate()?;
        Ok(scaler)
    }

    pub(super) fn validate(&self) -> Result<(), DataError> {
        check_scale("max_abs", self.max_abs)
    }

    /// The scaled number.
    pub fn transform(&self, value: f64) -> f64 {
        value / self.max_abs
    }

    /// The number that was scaled.
    pub fn inverse(&self, scaled: f64) -> f64 {
        scaled * self.max_abs
    }
}
