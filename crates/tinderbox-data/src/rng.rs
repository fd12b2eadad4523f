//! Randomness that is addressed, never carried.

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};

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
