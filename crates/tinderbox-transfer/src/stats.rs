//! Means and intervals of repeated runs.

use serde::{Deserialize, Serialize};

/// Probability that an interval of this module covers the true value.
const CONFIDENCE: f64 = 0.95;

/// The arithmetic mean.
///
/// # Panics
/// If there are no values.
pub fn mean(values: &[f64]) -> f64 {
    assert!(!values.is_empty(), "the mean of no values");
    values.iter().sum::<f64>() / values.len() as f64
}

/// The standard deviation of a sample (divided by `n - 1`); 0 for a single value.
///
/// # Panics
/// If there are no values.
pub fn standard_deviation(values: &[f64]) -> f64 {
    let centre = mean(values);
    let squares: f64 = values.iter().map(|v| (v - centre).powi(2)).sum();
    (squares / (values.len() - 1).max(1) as f64).sqrt()
}

/// A mean with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// Lower end; minus infinity for a single value.
    pub low: f64,
    /// Upper end; infinity for a single value.
    pub high: f64,
    /// Number of values.
    pub n: usize,
}

/// The mean of values that vary from seed to seed, with its 95 % interval by Student's t.
///
/// # Panics
/// If there are no values.
pub fn interval(values: &[f64]) -> Interval {
    let n = values.len();
    let mean = mean(values);
    let margin = if n < 2 {
        f64::INFINITY
    } else {
        let error = standard_deviation(values) / (n as f64).sqrt();
        student_t_quantile(0.5 + CONFIDENCE / 2.0, n - 1) * error
    };
    Interval {
        mean,
        low: mean - margin,
        high: mean + margin,
        n,
    }
}

/// By how much one of two procedures is better, measured on the same seeds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PairedDifference {
    /// Mean of `a - b`.
    pub mean: f64,
    /// Lower end of the 95 % interval; minus infinity for a single pair.
    pub low: f64,
    /// Upper end of the 95 % interval; infinity for a single pair.
    pub high: f64,
    /// Number of pairs.
    pub n: usize,
}

impl PairedDifference {
    /// Whether the interval leaves out 0.
    pub fn is_significant(&self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

/// The mean of `a[i] - b[i]` with its 95 % interval by Student's t.
///
/// What a pair has in common, such as the seed and so the split and the order, cancels.
///
/// # Panics
/// If the lengths differ or there are no pairs.
pub fn paired_interval(a: &[f64], b: &[f64]) -> PairedDifference {
    assert_eq!(
        a.len(),
        b.len(),
        "pairs of {} and {} values",
        a.len(),
        b.len()
    );
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let Interval { mean, low, high, n } = interval(&differences);
    PairedDifference { mean, low, high, n }
}

/// The value that a Student-t variable stays below with probability `p`.
///
/// # Panics
/// If `p` is not strictly between 0 and 1, or there are no degrees of freedom.
pub fn student_t_quantile(p: f64, degrees_of_freedom: usize) -> f64 {
    assert!(p > 0.0 && p < 1.0, "a quantile for probability {p}");
    assert!(degrees_of_freedom > 0, "no degrees of freedom");
    let root = (degrees_of_freedom as f64).sqrt();
    // In the angle theta = atan(t / sqrt(nu)) the range is finite: halve it until it is a point.
    let (mut low, mut high) = (-std::f64::consts::FRAC_PI_2, std::f64::consts::FRAC_PI_2);
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return root * middle.tan();
        }
        if student_t_at_angle(middle, degrees_of_freedom) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// The distribution function of Student's t at `t = sqrt(nu) tan(theta)`.
///
/// For whole degrees of freedom it is a finite sum (Abramowitz and Stegun 1972, 26.7.3 and 26.7.4).
fn student_t_at_angle(theta: f64, nu: usize) -> f64 {
    let (sin, cos) = theta.sin_cos();
    let square = cos * cos;
    let odd = nu % 2 == 1;
    // Terms cos^1, 2/3 cos^3, 2*4/(3*5) cos^5, ... or 1, 1/2 cos^2, 1*3/(2*4) cos^4, ...
    let (mut term, mut sum) = if odd { (cos, 0.0) } else { (1.0, 0.0) };
    let mut k = if odd { 2 } else { 1 };
    while k + usize::from(!odd) <= nu {
        sum += term;
        term *= square * k as f64 / (k + 1) as f64;
        k += 2;
    }
    let within = if odd {
        std::f64::consts::FRAC_2_PI * (theta + sin * sum)
    } else {
        sin * sum
    };
    0.5 + 0.5 * within
}
