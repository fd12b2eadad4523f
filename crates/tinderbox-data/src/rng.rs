//! Randomness that is addressed, never carried.

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};

use crate::normal;

/// A random generator for one use of one item, keyed by `(seed, epoch, index, use)`.
///
/// It is ChaCha with 8 rounds; the four numbers, little-endian, are its 32-byte key. Equal numbers
/// give equal draws on any machine and on any thread, and different numbers give independent draws, so nothing
/// has to be carried from one item to the next and going to any step costs nothing.
///
/// ```
/// use tinderbox_data::SampleRng;
/// let mut a = SampleRng::new(7, 0, 42, SampleRng::VIEW);
/// let mut b = SampleRng::new(7, 0, 42, SampleRng::VIEW);
/// assert_eq!(a.uniform(), b.uniform());
/// ```
#[derive(Debug)]
pub struct SampleRng {
    key: [u8; 32],
    index: u64,
    rng: ChaCha8Rng,
}

impl SampleRng {
    /// The use "random views of an item".
    pub const VIEW: u64 = 0;
    /// The use "order of an epoch"; its index is 0.
    pub const ORDER: u64 = 1;
    /// The use "splits and subsets"; epoch and index name the class.
    pub const SPLIT: u64 = 2;
    /// The use "mixing the items of a batch"; the index names the batch.
    pub const MIX: u64 = 3;

    /// The generator of one use of item `index` in `epoch`.
    pub fn new(seed: u64, epoch: u64, index: u64, use_: u64) -> Self {
        let mut key = [0; 32];
        for (bytes, number) in key.chunks_exact_mut(8).zip([seed, epoch, index, use_]) {
            bytes.copy_from_slice(&number.to_le_bytes());
        }
        Self::from_key(key, index)
    }

    fn from_key(key: [u8; 32], index: u64) -> Self {
        Self {
            key,
            index,
            rng: ChaCha8Rng::from_seed(key),
        }
    }

    /// An independent generator for view number `view` of the same item.
    ///
    /// It depends on this generator's key alone, not on what was drawn from it, and streams of
    /// streams are independent too.
    pub fn stream(&self, view: u64) -> Self {
        let mut parent = ChaCha8Rng::from_seed(self.key);
        // Stream 0 is what this generator itself draws from.
        parent.set_stream(view.wrapping_add(1));
        let mut key = [0; 32];
        parent.fill_bytes(&mut key);
        Self::from_key(key, self.index)
    }

    /// The index of the item that this generator is for.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// A number in `[0, 1)`, a multiple of 2^-24.
    pub fn uniform(&mut self) -> f32 {
        (self.rng.next_u32() >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// A number in `[low, high]`; `high` itself comes only from rounding, or when both are equal.
    pub fn range(&mut self, bounds: std::ops::Range<f32>) -> f32 {
        let value = bounds.start + (bounds.end - bounds.start) * self.uniform();
        value.min(bounds.end.max(bounds.start))
    }

    /// True with probability `p`: never for 0 or less, always for 1 or more.
    pub fn bool(&mut self, p: f32) -> bool {
        self.uniform() < p
    }

    /// A whole number in `0..n`, each equally likely.
    ///
    /// # Panics
    /// If `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "no whole number lies below 0");
        // Lemire 2019, "Fast random integer generation in an interval": multiply, and reject the few
        // low halves that would favour some results.
        let threshold = n.wrapping_neg() % n;
        loop {
            let product = u128::from(self.rng.next_u64()) * u128::from(n);
            if product as u64 >= threshold {
                return (product >> 64) as u64;
            }
        }
    }

    /// Puts the items in a random order, each order equally likely (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last as u64 + 1) as usize;
            items.swap(last, other);
        }
    }

    /// A draw from the normal distribution with mean 0 and standard deviation 1 (Box and Muller).
    pub fn normal(&mut self) -> f32 {
        // 1 - u lies in (0, 1], so that the logarithm is finite.
        let radius = (-2.0 * f64::from(1.0 - self.uniform()).ln()).sqrt();
        let angle = std::f64::consts::TAU * f64::from(self.uniform());
        (radius * angle.cos()) as f32
    }

    /// Fills a slice with draws from the normal distribution with mean 0 and standard deviation 1 (Box and Muller).
    ///
    /// It is many times as fast as [`SampleRng::normal`] for each place, and gives other numbers than that. Draws are addressed as all
    /// others: a generator with equal numbers that has drawn equally much gives the same bits on any machine, and a shorter slice gets
    /// what a longer one begins with. It takes 64 uniform numbers for every 64 places that are begun.
    ///
    /// ```
    /// use tinderbox_data::SampleRng;
    /// let fill = |length| {
    ///     let mut values = vec![0.0; length];
    ///     SampleRng::new(7, 0, 42, SampleRng::VIEW).fill_normal(&mut values);
    ///     values
    /// };
    /// assert_eq!(fill(100), fill(1000)[..100]);
    /// ```
    pub fn fill_normal(&mut self, out: &mut [f32]) {
        for part in out.chunks_mut(normal::BLOCK) {
            let mut block = [0.0; normal::BLOCK];
            block.iter_mut().for_each(|value| *value = self.uniform());
            normal::box_muller(&mut block);
            part.copy_from_slice(&block[..part.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(mut rng: SampleRng) -> Vec<u64> {
        (0..4).map(|_| rng.below(u64::MAX)).collect()
    }

    #[test]
    fn every_part_of_the_key_matters() {
        let base = draws(SampleRng::new(1, 2, 3, 4));
        assert_eq!(base, draws(SampleRng::new(1, 2, 3, 4)));
        for other in [
            SampleRng::new(0, 2, 3, 4),
            SampleRng::new(1, 0, 3, 4),
            SampleRng::new(1, 2, 0, 4),
            SampleRng::new(1, 2, 3, 0),
            SampleRng::new(1, 2, 3, 4).stream(0),
            SampleRng::new(1, 2, 3, 4).stream(1),
            SampleRng::new(1, 2, 3, 4).stream(0).stream(0),
        ] {
            assert_ne!(base, draws(other));
        }
    }

    #[test]
    fn the_key_is_the_four_numbers() {
        let mut key = [0; 32];
        (key[0], key[8], key[16], key[24]) = (1, 2, 3, 4);
        let mut plain = ChaCha8Rng::from_seed(key);
        let mut rng = SampleRng::new(1, 2, 3, 4);
        let expected = (plain.next_u32() >> 8) as f32 / 16_777_216.0;
        assert_eq!(rng.uniform(), expected);
    }

    #[test]
    fn a_stream_does_not_depend_on_earlier_draws() {
        let mut rng = SampleRng::new(1, 2, 3, 4);
        let before = draws(rng.stream(5));
        rng.normal();
        assert_eq!(before, draws(rng.stream(5)));
        assert_eq!(rng.stream(5).index(), 3);
    }

    #[test]
    fn draws_have_the_right_moments() {
        let mut rng = SampleRng::new(9, 0, 0, 0);
        let n = 100_000;
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let uniform: Vec<f64> = (0..n).map(|_| f64::from(rng.uniform())).collect();
        let normal: Vec<f64> = (0..n).map(|_| f64::from(rng.normal())).collect();
        // Five standard errors: 0.2887 / sqrt(n) and 1 / sqrt(n).
        assert!((mean(&uniform) - 0.5).abs() < 0.0046);
        assert!(mean(&normal).abs() < 0.016);
        let squares: Vec<f64> = normal.iter().map(|value| value * value).collect();
        assert!((mean(&squares) - 1.0).abs() < 0.023);
        assert!(uniform.iter().all(|value| (0.0..1.0).contains(value)));
    }

    fn filled(length: usize, seed: u64) -> Vec<f32> {
        let mut values = vec![0.0; length];
        SampleRng::new(seed, 0, 0, 0).fill_normal(&mut values);
        values
    }

    #[test]
    fn filled_draws_are_normal_and_independent() {
        let n = 1_000_000;
        let values: Vec<f64> = filled(n, 9).into_iter().map(f64::from).collect();
        let mean = |power: i32| values.iter().map(|x| x.powi(power)).sum::<f64>() / n as f64;
        // Five standard errors; the variance of x^k is E x^2k - (E x^k)^2, from 1, 3, 15 and 105 for the even moments.
        for (power, expected, variance) in [
            (1, 0.0, 1.0),
            (2, 1.0, 2.0),
            (3, 0.0, 15.0),
            (4, 3.0, 96.0_f64),
        ] {
            let bound = 5.0 * (variance / n as f64).sqrt();
            assert!((mean(power) - expected).abs() < bound, "moment {power}");
        }
        // Neither neighbours nor the two numbers of a pair go together, nor do their sizes.
        for distance in [1, normal::BLOCK / 2] {
            let pairs = || values.iter().zip(&values[distance..]);
            let product = pairs().map(|(a, b)| a * b).sum::<f64>() / n as f64;
            assert!(product.abs() < 5.0 / (n as f64).sqrt(), "{distance}");
            let squares = pairs().map(|(a, b)| (a * a - 1.0) * (b * b - 1.0));
            let squares = squares.sum::<f64>() / n as f64;
            assert!(squares.abs() < 5.0 * 2.0 / (n as f64).sqrt(), "{distance}");
        }
        // Kolmogorov and Smirnov: the distance between the distributions, below this bound in all but one of 10^8 samples.
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let distance = sorted.iter().enumerate().map(|(rank, value)| {
            let expected = normal_below(*value);
            (expected - rank as f64 / n as f64)
                .abs()
                .max(((rank + 1) as f64 / n as f64 - expected).abs())
        });
        let distance = distance.fold(0.0, f64::max);
        assert!(distance < 3.1 / (n as f64).sqrt(), "{distance}");
    }

    /// The probability that a normal number is below `x`, by the series of Marsaglia 2004, "Evaluating the normal distribution", equation 3.
    fn normal_below(x: f64) -> f64 {
        let (mut term, mut sum, mut odd) = (x, x, 1.0);
        while sum + term != sum {
            odd += 2.0;
            term *= x * x / odd;
            sum += term;
        }
        let density = (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt();
        0.5 + sum * density
    }

    #[test]
    fn filled_draws_are_addressed() {
        let long = filled(1000, 3);
        assert!(long.iter().all(|value| value.is_finite()));
        for length in [0, 1, 31, 32, 33, 63, 64, 65, 640, 999] {
            assert_eq!(filled(length, 3), long[..length]);
        }
        assert_ne!(filled(1000, 4), long);
        // Parts of whole blocks are the whole.
        let mut rng = SampleRng::new(3, 0, 0, 0);
        let mut parts = vec![0.0; 1000];
        let (first, second) = parts.split_at_mut(3 * normal::BLOCK);
        rng.fill_normal(first);
        rng.fill_normal(second);
        assert_eq!(parts, long);
    }

    #[test]
    fn below_is_even_and_bool_is_exact_at_its_ends() {
        let mut rng = SampleRng::new(9, 0, 0, 1);
        let mut counts = [0_u32; 6];
        for _ in 0..60_000 {
            counts[rng.below(6) as usize] += 1;
        }
        // Five standard deviations of a count: sqrt(60000 / 6 * 5 / 6) = 91.
        assert!(counts.iter().all(|count| count.abs_diff(10_000) < 456));
        assert!((0..1000).all(|_| !rng.bool(0.0) && rng.bool(1.0)));
    }

    #[test]
    fn a_range_holds_its_bounds() {
        let mut rng = SampleRng::new(9, 0, 0, 2);
        assert!((0..10_000).all(|_| (0.08..=1.0).contains(&rng.range(0.08..1.0))));
        assert_eq!(rng.range(2.0..2.0), 2.0);
    }
}
