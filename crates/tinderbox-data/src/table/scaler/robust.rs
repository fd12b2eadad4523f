//! Scaling that outliers do not move.

use serde::{Deserialize, Serialize};

use super::{check_finite, check_numbers, check_scale, scale_or_1};
use crate::DataError;
use crate::table::QuantileSketch;

/// Turns a number into `(value - median) / distance`, where `distance` is that of two quantiles.
///
/// Exact, as scikit-learn's `RobustScaler`, as long as the sketch is; beyond, the quantiles are off by its
/// [`rank_error`](QuantileSketch::rank_error) at most.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RobustScaler {
    /// The median.
    pub median: f64,
    /// The distance of the two quantiles; 1 when they are equal.
    pub distance: f64,
}

impl RobustScaler {
    /// The quantiles that are meant when none are given: the quartiles.
    pub const DEFAULT_QUANTILES: [f64; 2] = [0.25, 0.75];

    /// Takes the median and the distance of the quantiles for two ascending shares.
    ///
    /// # Errors
    /// [`DataError::Config`] when the shares are not ascending within 0..=1, when there are no numbers, or infinite ones.
    pub fn fit(sketch: &QuantileSketch, quantiles: [f64; 2]) -> Result<Self, DataError> {
        check_quantiles(quantiles)?;
        let [low, high] = quantiles;
        let found = sketch.quantiles(&[0.0, low, 0.5, high, 1.0]);
        check_numbers(sketch.count(), found[0], found[4])?;
        let scaler = Self {
            median: found[2],
            distance: scale_or_1(found[3] - found[1]),
        };
        scaler.validate()?;
        Ok(scaler)
    }

    pub(super) fn validate(&self) -> Result<(), DataError> {
        check_finite("median", self.median)?;
        check_scale("distance", self.distance)
    }

    /// The scaled number.
    pub fn transform(&self, value: f64) -> f64 {
        (value - self.median) / self.distance
    }

    /// The number that was scaled.
    pub fn inverse(&self, scaled: f64) -> f64 {
        scaled * self.distance + self.median
    }
}

pub(in crate::table) fn check_quantiles(quantiles: [f64; 2]) -> Result<(), DataError> {
    let [low, high] = quantiles;
    if 0.0 <= low && low < high && high <= 1.0 {
        return Ok(());
    }
    let expected = "two ascending shares within 0..=1";
    let got = format!("[{low}, {high}]");
    Err(DataError::config("quantiles", expected, got))
}
