//! Means and intervals of repeated runs.

use serde::{Deserialize, Serialize};

/// Probability that an interval of this module covers the true value.
const CONFIDENCE: f64 = 0.95;

/// What a normal variable stays within, either way, with that probability.
const NORMAL: f64 = 1.959_963_984_540_054;

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

/// The share of hits over draws and test items, with a 95 % interval that counts both: other draws and other test items would have
/// given another share.
///
/// `draws` holds what each draw hit of the same items, in the same order. With `D` draws of `N` items
///
/// ```text
/// variance of the mean = s^2(means of draws) / D  +  s^2(means of items) / N  -  s^2(what neither explains) / (D N)
/// ```
///
/// by Student's t with the degrees of freedom of Satterthwaite (1946). Items count with two hits and two misses more, so that not even
/// perfection is certain (Agresti and Coull 1998). A single draw says nothing of other draws: its interval counts the items alone.
///
/// # Panics
/// If there are no draws, no items, or not as many in each draw.
pub fn hits_interval(draws: &[&[bool]]) -> Interval {
    let value = |draw: usize, item: usize| f64::from(u8::from(draws[draw][item]));
    crossed(
        items_of(draws),
        draws.len(),
        value,
        &[(2.0, 0.0), (2.0, 1.0)],
    )
}

/// By how much one of two procedures hits more, with a 95 % interval that counts draws and test items as [`hits_interval`] does.
///
/// What a draw, and what an item, has in common cancels. Items count with half a pair more of each kind (Agresti and Min 2005).
///
/// # Panics
/// As [`hits_interval`], or if there are not as many draws or items of both.
pub fn paired_hits_interval(ours: &[&[bool]], theirs: &[&[bool]]) -> PairedDifference {
    assert_eq!(ours.len(), theirs.len(), "pairs of draws");
    let items = items_of(ours);
    assert_eq!(items, items_of(theirs), "pairs of items");
    let sign = |hits: &[&[bool]], draw: usize, item: usize| f64::from(u8::from(hits[draw][item]));
    let value = |draw: usize, item: usize| sign(ours, draw, item) - sign(theirs, draw, item);
    let more = [(0.5, -1.0), (1.0, 0.0), (0.5, 1.0)];
    let Interval { mean, low, high, n } = crossed(items, ours.len(), value, &more);
    PairedDifference { mean, low, high, n }
}

/// How many items each draw has.
fn items_of(draws: &[&[bool]]) -> usize {
    let items = draws.first().map_or(0, |draw| draw.len());
    assert!(items > 0, "an interval of no draws or items");
    let all = draws.iter().all(|draw| draw.len() == items);
    assert!(all, "each draw judges the same items");
    items
}

/// The interval of a mean over draws and items; `more` are items that only the variance counts, each with its weight.
fn crossed(
    items: usize,
    draws: usize,
    value: impl Fn(usize, usize) -> f64,
    more: &[(f64, f64)],
) -> Interval {
    let of_draw = |draw| (0..items).map(|item| value(draw, item)).sum::<f64>() / items as f64;
    let of_item = |item| (0..draws).map(|draw| value(draw, item)).sum::<f64>() / draws as f64;
    let draw_means: Vec<f64> = (0..draws).map(of_draw).collect();
    let item_means: Vec<f64> = (0..items).map(of_item).collect();
    let mean = mean(&draw_means);

    let by_draws = standard_deviation(&draw_means).powi(2) / draws as f64;
    let all = || {
        item_means
            .iter()
            .map(|mean| (1.0, *mean))
            .chain(more.iter().copied())
    };
    let count: f64 = all().map(|(weight, _)| weight).sum();
    let centre = all().map(|(weight, value)| weight * value).sum::<f64>() / count;
    let squares = all().map(|(weight, value)| weight * (value - centre).powi(2));
    let by_items = squares.sum::<f64>() / (count * count);
    let mut rest = 0.0;
    for (draw, draw_mean) in draw_means.iter().enumerate() {
        for (item, item_mean) in item_means.iter().enumerate() {
            rest += (value(draw, item) - draw_mean - item_mean + mean).powi(2);
        }
    }
    let freedom = ((draws - 1) * (items - 1)).max(1);
    let by_both = rest / (freedom * draws * items) as f64;

    let variance = (by_draws + by_items - by_both).max(by_draws).max(by_items);
    let part = |variance: f64, count: usize| variance.powi(2) / (count - 1).max(1) as f64;
    let freedom = variance.powi(2) / (part(by_draws, draws) + part(by_items, items));
    let margin =
        student_t_quantile(0.5 + CONFIDENCE / 2.0, (freedom as usize).max(1)) * variance.sqrt();
    Interval {
        mean,
        low: mean - margin,
        high: mean + margin,
        n: draws,
    }
}

/// The share of hits among items, with its 95 % interval by Wilson's score (1927), which stays within 0 and 1.
///
/// # Panics
/// If there are no items, or more hits than items.
pub fn share_interval(hits: u64, items: u64) -> Interval {
    assert!(items > 0 && hits <= items, "{hits} hits of {items} items");
    let z = NORMAL;
    let (n, mean) = (items as f64, hits as f64 / items as f64);
    let centre = (mean + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let margin = z / (1.0 + z * z / n) * (mean * (1.0 - mean) / n + (z / (2.0 * n)).powi(2)).sqrt();
    Interval {
        mean,
        low: (centre - margin).clamp(0.0, mean),
        high: (centre + margin).clamp(mean, 1.0),
        n: items as usize,
    }
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
