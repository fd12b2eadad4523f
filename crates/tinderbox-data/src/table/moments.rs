//! Mean, variance and extremes in one pass.

/// Count, mean, variance and extremes of numbers that come one at a time, in constant memory.
///
/// The mean and the sum of squared deviations are updated as in Welford 1962, "Note on a method for calculating corrected sums of squares and
/// products", and merged as in Chan, Golub and LeVeque 1983, "Algorithms for computing the sample variance", equation 2.1, so that numbers
/// far from zero lose no precision. NaN is counted as missing and changes nothing else.
///
/// ```
/// use tinderbox_data::table::Moments;
/// let mut left = Moments::from_iter([1e9 + 1.0, 1e9 + 2.0]);
/// left.merge(&Moments::from_iter([1e9 + 3.0, f64::NAN]));
/// assert_eq!((left.count(), left.missing(), left.mean()), (3, 1, 1e9 + 2.0));
/// assert!((left.variance() - 2.0 / 3.0).abs() < 1e-12);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    count: u64,
    missing: u64,
    mean: f64,
    squares: f64,
    min: f64,
    max: f64,
}

impl Default for Moments {
    fn default() -> Self {
        Self {
            count: 0,
            missing: 0,
            mean: 0.0,
            squares: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
        }
    }
}

impl Moments {
    /// Takes one number in.
    pub fn push(&mut self, value: f64) {
        if value.is_nan() {
            self.missing += 1;
            return;
        }
        self.count += 1;
        let before = value - self.mean;
        self.mean += before / self.count as f64;
        self.squares += before * (value - self.mean);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// Takes in all that `other` has seen, as if its numbers had come here, up to rounding.
    pub fn merge(&mut self, other: &Self) {
        self.missing += other.missing;
        if other.count == 0 {
            return;
        }
        let count = self.count + other.count;
        let difference = other.mean - self.mean;
        let (mine, theirs) = (self.count as f64, other.count as f64);
        let share = theirs / count as f64;
        self.mean += difference * share;
        self.squares += other.squares + difference * difference * mine * share;
        self.count = count;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// How many numbers there were, NaN not counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many were NaN.
    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// The mean; 0 when there are no numbers.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The variance of the population (divided by the count); 0 when there are no numbers.
    pub fn variance(&self) -> f64 {
        self.squares / self.count.max(1) as f64
    }

    /// The least number; infinity when there are none.
    pub fn min(&self) -> f64 {
        self.min
    }

    /// The largest number; minus infinity when there are none.
    pub fn max(&self) -> f64 {
        self.max
    }

    /// The largest absolute value; 0 when there are no numbers.
    pub fn max_abs(&self) -> f64 {
        if self.count == 0 {
            return 0.0;
        }
        self.min.abs().max(self.max.abs())
    }

    /// Whether all numbers are equal.
    pub fn is_constant(&self) -> bool {
        self.min >= self.max
    }
}

impl FromIterator<f64> for Moments {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut moments = Self::default();
        values.into_iter().for_each(|value| moments.push(value));
        moments
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn assert_near(got: f64, expected: f64, scale: f64) {
        // 1e-11 of the scale: a few hundred additions of doubles.
        assert!(
            (got - expected).abs() <= 1e-11 * scale,
            "{got}, expected {expected}"
        );
    }

    proptest! {
        #[test]
        fn parts_merged_are_the_whole(
            parts in prop::collection::vec(prop::collection::vec(-1e6_f64..1e6, 0..40), 0..8), offset in -1e9_f64..1e9,
        ) {
            let values: Vec<f64> = parts.concat().into_iter().map(|value| value + offset).collect();
            let whole = Moments::from_iter(values.iter().copied());
            let mut merged = Moments::default();
            for part in &parts {
                merged.merge(&part.iter().map(|value| value + offset).collect());
            }
            prop_assert_eq!((merged.count(), merged.min(), merged.max()), (whole.count(), whole.min(), whole.max()));
            assert_near(merged.mean(), whole.mean(), 1e9);
            // The rounding of 1e9 is 1e-7; it is multiplied by deviations of up to 1e6.
            prop_assert!((merged.variance() - whole.variance()).abs() <= 1e-9 * whole.variance() + 1.0);
        }

        #[test]
        fn one_pass_is_two_passes(values in prop::collection::vec(-1e3_f64..1e3, 1..100)) {
            let moments = Moments::from_iter(values.iter().copied());
            let count = values.len() as f64;
            let mean = values.iter().sum::<f64>() / count;
            let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
            assert_near(moments.mean(), mean, 1e3);
            assert_near(moments.variance(), variance, 1e6);
        }
    }

    #[test]
    fn a_large_offset_keeps_the_variance() {
        // The textbook's sum of squares gives 0 or less here: 1e15 squared has no room for 0.25.
        let values = (0..1000).map(|index| 1e15 + f64::from(index % 2));
        let moments = Moments::from_iter(values);
        assert_near(moments.variance(), 0.25, 1.0);
        assert!(!moments.is_constant());
    }

    #[test]
    fn nan_counts_as_missing() {
        let moments = Moments::from_iter([f64::NAN, 3.0, f64::NAN]);
        assert_eq!((moments.count(), moments.missing()), (1, 2));
        assert_eq!((moments.mean(), moments.variance()), (3.0, 0.0));
        assert!(moments.is_constant());
        assert_eq!(Moments::default().max_abs(), 0.0);
    }
}
