//! Scalers of one column of numbers.
//!
//! A scaler is fitted from what one pass gathered, [`Moments`] or a [`QuantileSketch`], so that it fits in constant memory and parts can be
//! fitted apart and merged. It is a line: `transform` and `inverse` take any number, and give NaN for NaN. The scale of numbers that do not
//! vary is 1, so that they become the value for "nothing", 0 or the lower end of the range, and their inverse is exact.

mod max_abs;
mod min_max;
mod robust;
mod standard;

use serde::{Deserialize, Serialize};

pub use max_abs::MaxAbsScaler;
pub use min_max::MinMaxScaler;
pub use robust::RobustScaler;
pub use standard::StandardScaler;

pub(super) use min_max::check_range;
pub(super) use robust::check_quantiles;

use super::moments::Moments;
#[cfg(doc)]
use super::quantiles::QuantileSketch;
use crate::DataError;

/// A fitted scaler of any kind.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scaler {
    /// Numbers stay as they are.
    None,
    /// To a range.
    MinMax(MinMaxScaler),
    /// To mean 0 and standard deviation 1.
    Standard(StandardScaler),
    /// To a largest absolute value of 1.
    MaxAbs(MaxAbsScaler),
    /// To median 0 and a distance of 1 between two quantiles.
    Robust(RobustScaler),
}

impl Scaler {
    /// The scaled number; NaN stays NaN.
    pub fn transform(&self, value: f64) -> f64 {
        match self {
            Self::None => value,
            Self::MinMax(scaler) => scaler.transform(value),
            Self::Standard(scaler) => scaler.transform(value),
            Self::MaxAbs(scaler) => scaler.transform(value),
            Self::Robust(scaler) => scaler.transform(value),
        }
    }

    /// The number that `transform` made this of, up to rounding.
    pub fn inverse(&self, scaled: f64) -> f64 {
        match self {
            Self::None => scaled,
            Self::MinMax(scaler) => scaler.inverse(scaled),
            Self::Standard(scaler) => scaler.inverse(scaled),
            Self::MaxAbs(scaler) => scaler.inverse(scaled),
            Self::Robust(scaler) => scaler.inverse(scaled),
        }
    }

    /// Checks the numbers that a file or a caller gave.
    ///
    /// # Errors
    /// [`DataError::Config`] for numbers that are not finite, or out of order, or a scale that is not positive.
    pub fn validate(&self) -> Result<(), DataError> {
        match self {
            Self::None => Ok(()),
            Self::MinMax(scaler) => scaler.validate(),
            Self::Standard(scaler) => scaler.validate(),
            Self::MaxAbs(scaler) => scaler.validate(),
            Self::Robust(scaler) => scaler.validate(),
        }
    }
}

/// Refuses to fit no numbers, infinite ones, and those whose differences are infinite.
fn check_numbers(count: u64, least: f64, largest: f64) -> Result<(), DataError> {
    if count == 0 {
        return Err(DataError::config("numbers", "at least one to fit", "none"));
    }
    if (largest - least).is_finite() {
        return Ok(());
    }
    let got = format!("from {least} to {largest}");
    Err(DataError::config("numbers", "a finite span", got))
}

fn check_moments(moments: &Moments) -> Result<(), DataError> {
    check_numbers(moments.count(), moments.min(), moments.max())
}

fn check_finite(name: &'static str, value: f64) -> Result<(), DataError> {
    if value.is_finite() {
        return Ok(());
    }
    Err(DataError::config(name, "a finite number", value))
}

fn check_scale(name: &'static str, value: f64) -> Result<(), DataError> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(DataError::config(name, "a positive finite number", value))
}

/// The scale of numbers that do not vary is 1.
fn scale_or_1(scale: f64) -> f64 {
    if scale > 0.0 { scale } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::QuantileSketch;
    use proptest::prelude::*;

    /// Every kind, fitted to the same numbers.
    fn fitted(values: &[f64]) -> Vec<Scaler> {
        let moments = Moments::from_iter(values.iter().copied());
        let sketch = QuantileSketch::from_iter(values.iter().copied());
        vec![
            Scaler::None,
            Scaler::MinMax(MinMaxScaler::fit(&moments, [0.0, 1.0]).unwrap()),
            Scaler::MinMax(MinMaxScaler::fit(&moments, [-3.5, 8.0]).unwrap()),
            Scaler::Standard(StandardScaler::fit(&moments).unwrap()),
            Scaler::MaxAbs(MaxAbsScaler::fit(&moments).unwrap()),
            Scaler::Robust(RobustScaler::fit(&sketch, [0.25, 0.75]).unwrap()),
        ]
    }

    /// Numbers of several sizes, offsets and signs, some of them all equal.
    fn numbers() -> impl Strategy<Value = Vec<f64>> {
        let spread = prop_oneof![Just(0.0), Just(1e-9), Just(1.0), Just(1e12)];
        let offset = prop_oneof![Just(0.0), -1e9_f64..1e9];
        (prop::collection::vec(-1.0_f64..1.0, 1..50), spread, offset).prop_map(
            |(units, spread, offset)| units.iter().map(|unit| offset + spread * unit).collect(),
        )
    }

    proptest! {
        #[test]
        fn the_inverse_of_the_transform_is_the_number(values in numbers(), new in -1e9_f64..1e9) {
            for scaler in fitted(&values) {
                for value in values.iter().chain([&new]) {
                    let back = scaler.inverse(scaler.transform(*value));
                    // Relative to the largest number that is subtracted on the way.
                    let scale = values.iter().fold(value.abs(), |most, other| most.max(other.abs()));
                    prop_assert!((back - value).abs() <= 1e-14 * scale, "{scaler:?}: {value} came back as {back}");
                }
            }
        }

        #[test]
        fn ranges_hold(values in numbers()) {
            let scalers = fitted(&values);
            for value in &values {
                prop_assert!((0.0..=1.0).contains(&scalers[1].transform(*value)));
                prop_assert!((-3.5..=8.0).contains(&scalers[2].transform(*value)));
                prop_assert!((-1.0..=1.0).contains(&scalers[4].transform(*value)));
            }
        }

        #[test]
        fn fitted_scalers_are_valid_and_come_back_from_json(values in numbers()) {
            for scaler in fitted(&values) {
                scaler.validate().unwrap();
                let text = serde_json::to_string(&scaler).unwrap();
                prop_assert_eq!(serde_json::from_str::<Scaler>(&text).unwrap(), scaler);
            }
        }
    }

    #[test]
    fn numbers_that_do_not_vary_become_the_value_for_nothing() {
        let scaled: Vec<f64> = fitted(&[7.0; 5])
            .iter()
            .map(|scaler| scaler.transform(7.0))
            .collect();
        assert_eq!(scaled, [7.0, 0.0, -3.5, 0.0, 1.0, 0.0]);
        let zeros: Vec<f64> = fitted(&[0.0])
            .iter()
            .map(|scaler| scaler.transform(0.0))
            .collect();
        assert_eq!(zeros, [0.0, 0.0, -3.5, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn nan_is_left_out_of_the_fit_and_stays() {
        let with = fitted(&[1.0, f64::NAN, 2.0, 4.0]);
        assert_eq!(with, fitted(&[1.0, 2.0, 4.0]));
        for scaler in with {
            assert!(scaler.transform(f64::NAN).is_nan());
        }
    }

    #[test]
    fn what_cannot_be_fitted_is_refused() {
        for values in [
            &[][..],
            &[f64::NAN],
            &[1.0, f64::INFINITY],
            &[-1.7e308, 1.7e308],
        ] {
            let moments = Moments::from_iter(values.iter().copied());
            let sketch = QuantileSketch::from_iter(values.iter().copied());
            assert!(MinMaxScaler::fit(&moments, [0.0, 1.0]).is_err());
            assert!(StandardScaler::fit(&moments).is_err());
            assert!(MaxAbsScaler::fit(&moments).is_err());
            assert!(RobustScaler::fit(&sketch, [0.25, 0.75]).is_err());
        }
        let moments = Moments::from_iter([1.0, 2.0]);
        for range in [
            [1.0, 1.0],
            [2.0, 1.0],
            [0.0, f64::INFINITY],
            [f64::NAN, 1.0],
        ] {
            assert!(MinMaxScaler::fit(&moments, range).is_err());
        }
        let sketch = QuantileSketch::from_iter([1.0, 2.0]);
        for quantiles in [
            [0.5, 0.5],
            [0.75, 0.25],
            [-0.1, 0.5],
            [0.5, 1.1],
            [f64::NAN, 1.0],
        ] {
            assert!(RobustScaler::fit(&sketch, quantiles).is_err());
        }
    }
}
