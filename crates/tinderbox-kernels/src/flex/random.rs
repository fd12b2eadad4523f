//! Which entries a dropout drops: a function of a key and an entry's place, so that the backward pass computes the same mask and
//! no thread waits for another's numbers.

use burn::tensor::{Device, Distribution, Tensor};

/// Bits of the number that an entry's fate is read from.
const BITS: u32 = 24;

/// The mask of one dropout.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mask {
    key: u64,
    /// Numbers below it drop.
    threshold: u32,
    /// What the kept entries are multiplied by.
    scale: f32,
}

/// The numbers of one row of a mask.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    first: u32,
    second: u32,
    threshold: u32,
    scale: f32,
}

impl Mask {
    /// A mask that drops with this probability, to the nearest multiple of 2^-24. Its key comes from Burn's generator, so
    /// that the seed of the device determines it.
    pub(crate) fn draw(probability: f64, device: &Device) -> Self {
        let uniform = Distribution::Uniform(0.0, 1.0);
        let drawn = Tensor::<1>::random([2], uniform, &device.clone().inner()).into_data();
        // Each is a multiple of 2^-24.
        let key = drawn.iter::<f64>().fold(0, |key, number| {
            key << 32 | (number * f64::from(1 << BITS)) as u64
        });
        Self::new(probability, key)
    }

    pub(crate) fn new(probability: f64, key: u64) -> Self {
        Self {
            key,
            threshold: (probability * f64::from(1 << BITS)).round() as u32,
            scale: (1.0 - probability).recip() as f32,
        }
    }

    /// A row of it; rows of a number are alike in nothing but their key.
    pub(crate) fn row(&self, row: usize) -> Row {
        let mixed = mix(self.key ^ mix(row as u64));
        Row {
            first: mixed as u32,
            second: (mixed >> 32) as u32,
            threshold: self.threshold,
            scale: self.scale,
        }
    }
}

impl Row {
    /// What the entry at this place is multiplied by: 0 if it is dropped.
    #[inline(always)]
    pub(crate) fn factor(&self, place: u32) -> f32 {
        // Three multiplications and shifts of Ettinger's `triple32`, whose bias is below 0.03, with half of the row's key before
        // it and half within.
        let mut x = place.wrapping_add(self.first);
        x = (x ^ (x >> 17)).wrapping_mul(0xed5a_d4bb);
        x = (x ^ (x >> 11)).wrapping_mul(0xac4c_1b51);
        x = (x ^ (x >> 15)).wrapping_add(self.second);
        x = x.wrapping_mul(0x3184_8bab);
        x ^= x >> 14;
        let kept = x >> (32 - BITS) >= self.threshold;
        if kept { self.scale } else { 0.0 }
    }
}

/// The finaliser of SplitMix64.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Deviations of a count from its mean, in standard deviations of independent draws.
    fn deviations(count: usize, draws: usize, probability: f64) -> f64 {
        let draws = draws as f64;
        let deviation = (draws * probability * (1.0 - probability)).sqrt();
        (count as f64 - draws * probability).abs() / deviation
    }

    #[test]
    fn the_share_of_dropped_entries_is_the_probability() {
        for (key, probability) in [(1, 0.1), (2, 0.5), (3, 0.9), (4, 0.01)] {
            let mask = Mask::new(probability, key);
            let dropped = |row, places: u32| {
                let row = mask.row(row);
                (0..places)
                    .filter(|place| row.factor(*place) == 0.0)
                    .count()
            };
            // One long row, and the first places of many rows.
            let long = dropped(0, 1 << 22);
            assert!(
                deviations(long, 1 << 22, probability) < 4.0,
                "{long} of {probability}"
            );
            let short: usize = (0..1 << 18).map(|row| dropped(row, 16)).sum();
            assert!(
                deviations(short, 1 << 22, probability) < 4.0,
                "{short} of {probability}"
            );
        }
    }

    #[test]
    fn entries_near_each_other_are_independent() {
        const ROWS: usize = 512;
        const PLACES: u32 = 512;
        for key in [0, 1, 1 << 32, 0x1234_5678_9abc_def0] {
            let mask = Mask::new(0.5, key);
            let next = Mask::new(0.5, key + 1);
            let dropped = |mask: &Mask, row: usize, place: u32| mask.row(row).factor(place) == 0.0;
            let mut both = [0; 8];
            for row in 0..ROWS {
                for place in 0..PLACES {
                    let pairs = [
                        dropped(&mask, row, place + 1),
                        dropped(&mask, row, place + 2),
                        dropped(&mask, row, place + 16),
                        dropped(&mask, row, place ^ 256),
                        dropped(&mask, row + 1, place),
                        dropped(&mask, row + 1, place + 1),
                        dropped(&mask, row ^ 256, place),
                        dropped(&next, row, place),
                    ];
                    if dropped(&mask, row, place) {
                        both.iter_mut()
                            .zip(pairs)
                            .for_each(|(both, pair)| *both += usize::from(pair));
                    }
                }
            }
            for (pair, both) in both.into_iter().enumerate() {
                // Pairs overlap, so the bound is a wide one.
                let deviation = deviations(both, ROWS * PLACES as usize, 0.25);
                assert!(deviation < 5.0, "pair {pair} of key {key}: {deviation}");
            }
        }
    }

    #[test]
    fn the_seed_of_the_device_determines_the_key() {
        let device = Device::flex().autodiff();
        let keys = [1, 1, 2].map(|seed| {
            device.seed(seed);
            [(); 2].map(|()| Mask::draw(0.5, &device).key)
        });
        assert_eq!(keys[0], keys[1]);
        assert_ne!(keys[0], keys[2]);
        assert_ne!(keys[0][0], keys[0][1]);
    }
}
