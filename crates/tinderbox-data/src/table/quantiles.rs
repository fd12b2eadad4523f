//! Quantiles in one pass: exact for small data, within a known bound for large.

/// The sketch is exact up to this many numbers. A number takes 8 bytes.
const CAPACITY: usize = 1 << 16;

/// Quantiles of numbers that come one at a time.
///
/// Up to 65,536 numbers are all kept, and quantiles are exact. Beyond, it is a compactor sketch (Manku, Rajagopalan and Lindsay 1998,
/// "Approximate medians and other quantiles in one pass and with limited memory"): a full level is sorted, every second number goes up to the
/// next level with twice the weight, the others are dropped. That misplaces any rank by at most the weight of one number, up or down as the
/// lower or the upper ones are kept. The sketch adds up both bounds and keeps those that favour the smaller, so that nothing is random and
/// [`QuantileSketch::rank_error`] is a guarantee, not a probability: `log2(n / 65,536) / 131,072` of the ranks for `n` numbers pushed in any
/// order, which is 0.003 % for a million and 0.011 % for a billion.
///
/// Memory is 512 KiB for each level that is in use, one for 65,536 numbers and one more for each doubling. NaN is passed over.
///
/// ```
/// use tinderbox_data::table::QuantileSketch;
/// let sketch = QuantileSketch::from_iter([4.0, 1.0, 3.0, 2.0]);
/// assert_eq!(sketch.quantiles(&[0.0, 0.5, 1.0]), [1.0, 2.5, 4.0]);
/// assert_eq!(sketch.rank_error(), 0.0);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct QuantileSketch {
    capacity: usize,
    /// A number of `levels[l]` stands for `2^l` of them.
    levels: Vec<Vec<f64>>,
    count: u64,
    min: f64,
    max: f64,
    /// By how much ranks may be too high, and too low.
    over: u64,
    under: u64,
}

impl Default for QuantileSketch {
    fn default() -> Self {
        Self::with_capacity(CAPACITY)
    }
}

impl QuantileSketch {
    fn with_capacity(capacity: usize) -> Self {
        Self {
            capacity,
            levels: vec![Vec::new()],
            count: 0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            over: 0,
            under: 0,
        }
    }

    /// Takes one number in.
    pub fn push(&mut self, value: f64) {
        if value.is_nan() {
            return;
        }
        self.count += 1;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.levels[0].push(value);
        if self.levels[0].len() > self.capacity {
            self.compact();
        }
    }

    /// Takes in all that `other` has seen. Bounds add up; as long as both together are exact, the result is that of one sketch.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.over += other.over;
        self.under += other.under;
        for (level, numbers) in other.levels.iter().enumerate() {
            if level == self.levels.len() {
                self.levels.push(Vec::new());
            }
            self.levels[level].extend(numbers);
        }
        self.compact();
    }

    /// Halves every level that is too full, from the lowest on.
    fn compact(&mut self) {
        let mut level = 0;
        while level < self.levels.len() {
            if self.levels[level].len() > self.capacity {
                let mut numbers = std::mem::take(&mut self.levels[level]);
                numbers.sort_unstable_by(f64::total_cmp);
                // Pairs need an even number; the last one waits.
                if numbers.len() % 2 == 1 {
                    self.levels[level].extend(numbers.pop());
                }
                let weight = 1_u64 << level;
                let keep_lower = self.over <= self.under;
                if keep_lower {
                    self.over += weight;
                } else {
                    self.under += weight;
                }
                if level + 1 == self.levels.len() {
                    self.levels.push(Vec::new());
                }
                let kept = numbers.into_iter().skip(usize::from(!keep_lower));
                self.levels[level + 1].extend(kept.step_by(2));
            }
            level += 1;
        }
    }

    /// How many numbers there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The most by which the rank of a number is wrong, as a share of the count; 0 when all is exact.
    pub fn rank_error(&self) -> f64 {
        self.over.max(self.under) as f64 / self.count.max(1) as f64
    }

    /// The quantiles for these shares, with linear interpolation between neighbours, as NumPy's `percentile` and scikit-learn have them;
    /// NaN when there are no numbers. Those for 0 and 1 are exact always.
    ///
    /// # Panics
    /// If a share is not within 0..=1.
    pub fn quantiles(&self, shares: &[f64]) -> Vec<f64> {
        let ranked = self.ranked();
        let at = |rank: u64| {
            let place = ranked.partition_point(|(_, below)| *below <= rank);
            // The rank of the first is 0, so that there is one before.
            ranked[place - 1].0
        };
        let quantile = |share: &f64| {
            assert!(
                (0.0..=1.0).contains(share),
                "a share of {share}, expected 0 to 1"
            );
            if self.count == 0 {
                return f64::NAN;
            }
            if *share == 0.0 || *share == 1.0 {
                return if *share == 0.0 { self.min } else { self.max };
            }
            let position = share * (self.count - 1) as f64;
            let low = at(position as u64);
            match position.fract() {
                0.0 => low,
                between => low + (at(position as u64 + 1) - low) * between,
            }
        };
        shares.iter().map(quantile).collect()
    }

    /// How many numbers lie in each of `bins` intervals of equal width between the least and the largest; exact if [`rank_error`] is 0.
    ///
    /// An interval holds its lower end, the last one both. Nothing is returned when there are no numbers, or infinite ones.
    ///
    /// [`rank_error`]: QuantileSketch::rank_error
    pub fn histogram(&self, bins: usize) -> Vec<u64> {
        let width = (self.max - self.min) / bins as f64;
        if self.count == 0 || bins == 0 || !width.is_finite() {
            return Vec::new();
        }
        let mut counts = vec![0; bins];
        for (level, numbers) in self.levels.iter().enumerate() {
            for number in numbers {
                let bin = ((number - self.min) / width) as usize;
                counts[bin.min(bins - 1)] += 1 << level;
            }
        }
        counts
    }

    /// The numbers in order, each with the weight of those before it.
    fn ranked(&self) -> Vec<(f64, u64)> {
        let mut numbers: Vec<(f64, u64)> = Vec::new();
        for (level, values) in self.levels.iter().enumerate() {
            numbers.extend(values.iter().map(|value| (*value, 1 << level)));
        }
        numbers.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut below = 0;
        for (_, weight) in &mut numbers {
            (*weight, below) = (below, below + *weight);
        }
        numbers
    }
}

impl FromIterator<f64> for QuantileSketch {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut sketch = Self::default();
        values.into_iter().for_each(|value| sketch.push(value));
        sketch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SampleRng;
    use proptest::prelude::*;

    const SHARES: [f64; 7] = [0.0, 0.01, 0.25, 0.5, 0.75, 0.99, 1.0];

    /// By how many ranks `value` misses the place `share` of the sorted `values`: 0 when it lies between its neighbours there.
    fn misplaced(sorted: &[f64], value: f64, share: f64) -> f64 {
        let position = share * (sorted.len() - 1) as f64;
        let first = sorted.partition_point(|other| *other < value) as f64;
        let after = sorted.partition_point(|other| *other <= value) as f64;
        (first - position.ceil())
            .max(position.floor() - (after - 1.0).max(0.0))
            .max(0.0)
    }

    #[track_caller]
    fn assert_within_bound(sketch: &QuantileSketch, values: &[f64]) {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        assert_eq!(sketch.count(), values.len() as u64);
        let weights: u64 = (0..)
            .zip(&sketch.levels)
            .map(|(level, numbers)| (numbers.len() as u64) << level)
            .sum();
        assert_eq!(weights, sketch.count());
        // Interpolation takes the next rank too.
        let allowed = sketch.rank_error() * values.len() as f64 + 1.0;
        for (share, value) in SHARES.iter().zip(sketch.quantiles(&SHARES)) {
            let missed = misplaced(&sorted, value, *share);
            assert!(
                missed <= allowed,
                "{share}: {missed} ranks, allowed {allowed}"
            );
        }
    }

    proptest! {
        #[test]
        fn small_data_is_exact_and_parts_merge(parts in prop::collection::vec(prop::collection::vec(-9_i8..9, 0..30), 1..5)) {
            let values: Vec<f64> = parts.concat().into_iter().map(f64::from).collect();
            let whole = QuantileSketch::from_iter(values.iter().copied());
            let mut merged = QuantileSketch::default();
            for part in parts {
                merged.merge(&part.into_iter().map(f64::from).collect());
            }
            prop_assert_eq!(&merged, &whole);
            prop_assert_eq!(whole.rank_error(), 0.0);
            let mut sorted = values;
            sorted.sort_unstable_by(f64::total_cmp);
            if let Some(last) = sorted.len().checked_sub(1) {
                for (share, got) in SHARES.iter().zip(whole.quantiles(&SHARES)) {
                    let position = share * last as f64;
                    let (low, high) = (sorted[position.floor() as usize], sorted[position.ceil() as usize]);
                    prop_assert!((got - (low + (high - low) * position.fract())).abs() < 1e-12);
                }
            }
        }

        #[test]
        fn the_bound_holds_in_any_order_and_after_merges(
            values in prop::collection::vec(-1e3_f64..1e3, 1..600), capacity in 2_usize..20, parts in 1_usize..6, sorted: bool,
        ) {
            let mut values = values;
            if sorted {
                values.sort_unstable_by(f64::total_cmp);
            }
            let mut merged = QuantileSketch::with_capacity(capacity);
            for part in values.chunks(values.len().div_ceil(parts)) {
                let mut sketch = QuantileSketch::with_capacity(capacity);
                part.iter().for_each(|value| sketch.push(*value));
                merged.merge(&sketch);
            }
            assert_within_bound(&merged, &values);
            prop_assert!(merged.levels.iter().all(|level| level.len() <= capacity));
        }
    }

    #[test]
    fn a_million_numbers_stay_within_the_stated_error() {
        let mut rng = SampleRng::new(1, 0, 0, 99);
        let values: Vec<f64> = (0..1_000_000).map(|_| f64::from(rng.normal())).collect();
        let sketch = QuantileSketch::from_iter(values.iter().copied());
        assert_within_bound(&sketch, &values);
        let stated = (1e6_f64 / 65_536.0).log2() / 131_072.0;
        let bound = sketch.rank_error();
        assert!(bound > 0.0 && bound <= stated, "{bound}, stated {stated}");
    }

    #[test]
    fn the_histogram_counts_every_number_once() {
        let sketch = QuantileSketch::from_iter([0.0, 0.5, 1.0, 1.0, 1.9, 4.0, f64::NAN]);
        assert_eq!(sketch.histogram(4), [2, 3, 0, 1]);
        assert_eq!(QuantileSketch::from_iter([2.0; 3]).histogram(2), [3, 0]);
        assert!(QuantileSketch::default().histogram(4).is_empty());
        assert!(QuantileSketch::default().quantiles(&[0.5])[0].is_nan());
    }
}
