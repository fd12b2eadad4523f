//! Splits by chance alone.

use super::{Split, check_share};
use crate::SampleRng;

/// Divides `0..items` by chance, both parts ascending.
///
/// The test part holds `round(test_share * items)` items. The result depends on the number of items, the share and the seed alone.
///
/// # Panics
/// If the share is not within 0..=1.
pub fn random_split(items: usize, test_share: f64, seed: u64) -> Split {
    check_share(test_share);
    let mut order: Vec<usize> = (0..items).collect();
    SampleRng::new(seed, 0, 0, SampleRng::SPLIT).shuffle(&mut order);
    let mut train = order.split_off((test_share * items as f64).round() as usize);
    let mut test = order;
    train.sort_unstable();
    test.sort_unstable();
    Split { train, test }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::testing::assert_partition;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_a_partition_of_the_wanted_size(items in 0_usize..200, share in 0.0_f64..=1.0, seed: u64) {
            let split = random_split(items, share, seed);
            assert_partition(&split, items);
            prop_assert_eq!(split.test.len(), (share * items as f64).round() as usize);
            prop_assert_eq!(random_split(items, share, seed), split);
        }
    }

    #[test]
    fn every_item_is_tested_about_as_often() {
        let mut tested = [0; 10];
        for seed in 0..1000 {
            for index in random_split(10, 0.3, seed).test {
                tested[index] += 1;
            }
        }
        // Each count is binomial, 1000 trials of 0.3: mean 300, deviation 14.5; 6 deviations.
        assert!(tested.iter().all(|count| (213..=387).contains(count)));
    }
}
