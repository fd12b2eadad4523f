//! Scaling to a range.

use serde::{Deserialize, Serialize};

use super::{check_finite, check_moments, scale_or_1};
use crate::DataError;
use crate::table::Moments;

/// Maps the least number to the lower end of a range and the largest to its upper end; others in proportion, also beyond the ends.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MinMaxScaler {
    /// The least number that was fitted.
    pub min: f64,
    /// The largest number that was fitted.
    pub max: f64,
    /// The ends of the range, ascending.
    pub range: [f64; 2],
}

impl MinMaxScaler {
    /// The range that is meant when none is given.
    pub const DEFAULT_RANGE: [f64; 2] = [0.0, 1.0];

    /// Takes the extremes.
    ///
    /// # Errors
    /// [`DataError::Config`] when the ends of the range are not ascending finite numbers, when there are no numbers, or infinite ones.
    pub fn fit(moments: &Moments, range: [f64; 2]) -> Result<Self, DataError> {
        check_moments(moments)?;
        let scaler = Self {
            min: moments.min(),
            max: moments.max(),
            range,
        };
        scaler.validate()?;
        Ok(scaler)
    }

    pub(super) fn validate(&self) -> Result<(), DataError> {
        check_range("range", self.range)?;
        check_finite("max - min", self.max - self.min)?;
        if self.min > self.max {
            let got = format!("{} > {}", self.min, self.max);
            return Err(DataError::config("min", "at most max", got));
        }
        Ok(())
    }

    fn scale(&self) -> f64 {
        scale_or_1(self.max - self.min)
    }

    /// The scaled number.
    pub fn transform(&self, value: f64) -> f64 {
        let [low, high] = self.range;
        let share = (value - self.min) / self.scale();
        let scaled = low + share * (high - low);
        // The upper end itself must not be passed by rounding.
        if share <= 1.0 {
            scaled.min(high)
        } else {
            scaled
        }
    }

    /// The number that was scaled.
    pub fn inverse(&self, scaled: f64) -> f64 {
        let [low, high] = self.range;
        self.min + (scaled - low) / (high - low) * self.scale()
    }
}

/// An ascending pair of finite numbers whose distance is finite.
pub(in crate::table) fn check_range(name: &'static str, range: [f64; 2]) -> Result<(), DataError> {
    let [low, high] = range;
    if low < high && (high - low).is_finite() {
        return Ok(());
    }
    let got = format!("[{low}, {high}]");
    Err(DataError::config(name, "two ascending finite numbers", got))
}
