//! Means of few values, each of another seed, with half the width of their 95 % interval.

use std::fmt;

/// Student's t at 97.5 % for 1 to 9 degrees of freedom.
const T: [f64; 9] = [
    12.706_205, 4.302_653, 3.182_446, 2.776_445, 2.570_582, 2.446_912, 2.364_624, 2.306_004,
    2.262_157,
];

/// A mean, or a difference of two. Printed as `mean ± half`; `{:.1}` is the digits of both.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    pub mean: f64,
    /// None of one value alone.
    pub half: Option<f64>,
}

/// The mean of the values.
///
/// # Panics
/// If there are none.
pub fn of(values: &[f64]) -> Interval {
    let (mean, error) = moments(values);
    let freedom = values.len() as f64 - 1.0;
    Interval {
        mean,
        half: error.map(|square| t(freedom) * square.sqrt()),
    }
}

/// The mean of `ones` less that of `others`, by Welch's t: nothing pairs a value of one side with one of the other, and the
/// sides may spread differently.
///
/// # Panics
/// If a side has none.
pub fn difference(ones: &[f64], others: &[f64]) -> Interval {
    let ((mean, error), (from, its_error)) = (moments(ones), moments(others));
    let half = error.zip(its_error).map(|(error, its_error)| {
        let all = error + its_error;
        // Welch and Satterthwaite.
        let freedom = all.powi(2)
            / (error.powi(2) / (ones.len() as f64 - 1.0)
                + its_error.powi(2) / (others.len() as f64 - 1.0));
        t(freedom) * all.sqrt()
    });
    Interval {
        mean: mean - from,
        half,
    }
}

/// The mean, and from two values on the square of its standard error.
fn moments(values: &[f64]) -> (f64, Option<f64>) {
    assert!(!values.is_empty(), "a mean is of one value or more");
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let error = (values.len() > 1).then(|| squares / (n - 1.0) / n);
    (mean, error)
}

/// Degrees of freedom are rounded down, and 9 at most: an interval is rather too wide.
fn t(freedom: f64) -> f64 {
    // Of values that are all the same Welch's are no number; the interval is 0 whatever they are.
    T[(freedom as usize).clamp(1, T.len()) - 1]
}

impl Interval {
    /// In other units.
    pub fn times(self, factor: f64) -> Self {
        Self {
            mean: factor * self.mean,
            half: self.half.map(|half| factor * half),
        }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(3);
        if f.sign_plus() {
            write!(f, "{:+.digits$}", self.mean)?;
        } else {
            write!(f, "{:.digits$}", self.mean)?;
        }
        match self.half {
            Some(half) => write!(f, " ± {half:.digits$}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: Interval, mean: f64, half: f64) {
        assert!((found.mean - mean).abs() < 1e-6, "{found:?}");
        assert!((found.half.unwrap() - half).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn the_interval_of_a_mean() {
        // The standard error is 1 / sqrt(3).
        check(of(&[1.0, 2.0, 3.0]), 2.0, 4.302_653 / 3f64.sqrt());
        // It is 1, with one degree of freedom.
        check(of(&[4.0, 6.0]), 5.0, 12.706_205);
        check(of(&[5.0; 4]), 5.0, 0.0);
        assert_eq!(of(&[5.0]).half, None);
    }

    #[test]
    fn the_interval_of_a_difference() {
        // The same spread and count: 4 degrees of freedom, as Student's.
        let half = 2.776_445 * (2f64 / 3.0).sqrt();
        check(difference(&[1.0, 2.0, 3.0], &[5.0, 6.0, 4.0]), -3.0, half);
        // One side does not vary: the other's degrees of freedom.
        let half = 4.302_653 / 3f64.sqrt();
        check(difference(&[1.0, 2.0, 3.0], &[5.0; 3]), -3.0, half);
        check(difference(&[1.0; 3], &[5.0; 3]), -4.0, 0.0);
        assert_eq!(difference(&[1.0], &[2.0, 3.0]).half, None);
    }

    #[test]
    fn many_degrees_of_freedom_count_as_nine() {
        assert_eq!(t(9.0), t(40.0));
        assert_eq!(t(3.9), t(3.0));
    }

    #[test]
    fn printed_with_the_digits_asked_for() {
        let interval = of(&[0.25, 0.75]);
        assert_eq!(format!("{:.1}", interval.times(100.0)), "50.0 ± 317.7");
        assert_eq!(format!("{:+.2}", of(&[0.5])), "+0.50");
    }
}
