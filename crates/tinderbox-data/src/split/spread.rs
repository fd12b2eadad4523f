//! A split that keeps the order of the items.

use super::{Split, check_share};

/// Holds out items that are evenly spread, the first of them included: of a share of one in `n`, every `n`-th, of any other,
/// exactly `round(share * items)`. A share above 0 holds out one item at least.
///
/// # Panics
/// If the share is not within 0..=1.
pub fn spread_split(items: usize, share: f64) -> Split {
    check_share(share);
    let one_in = 1.0 / share;
    let whole = (one_in - one_in.round()).abs() < 1e-9 * one_in;
    let held = match (share * items as f64).round() as usize {
        _ if share == 0.0 => 0,
        _ if whole => items.div_ceil(one_in.round() as usize),
        rounded => rounded.clamp(1, items.max(1)).min(items),
    };
    let place = |number: usize| match whole {
        true => number * one_in.round() as usize,
        false => (number as u128 * items as u128 / held as u128) as usize,
    };
    let test: Vec<usize> = (0..held).map(place).collect();
    let mut next = test.iter().peekable();
    let train = (0..items).filter(|item| next.next_if_eq(&item).is_none());
    Split {
        train: train.collect(),
        test,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::split::testing::assert_partition;

    #[test]
    fn a_whole_part_is_every_so_many_th() {
        // As ever: the places that are a multiple of twenty.
        for items in [1, 19, 20, 21, 40, 1009] {
            let every: Vec<usize> = (0..items).step_by(20).collect();
            assert_eq!(spread_split(items, 0.05).test, every, "{items}");
        }
        assert_eq!(spread_split(10, 1.0 / 3.0).test, [0, 3, 6, 9]);
        assert_eq!(spread_split(4, 1.0).test, [0, 1, 2, 3]);
    }

    #[test]
    fn any_other_share_is_rounded() {
        assert_eq!(spread_split(10, 0.4).test, [0, 2, 5, 7]);
        assert_eq!(spread_split(1000, 0.4).test.len(), 400);
        assert_eq!(spread_split(500, 0.3).test.len(), 150);
        assert_eq!(spread_split(500, 0.07).test.len(), 35);
        assert_eq!(spread_split(3, 0.07).test, [0]);
        assert!(spread_split(3, 0.0).test.is_empty());
        assert!(spread_split(0, 0.4).test.is_empty());
    }

    proptest! {
        #[test]
        fn it_is_a_partition_without_gaps(items in 1_usize..400, share in 0.01_f64..0.99) {
            let split = spread_split(items, share);
            assert_partition(&split, items);
            let wanted = (share * items as f64).round().max(1.0);
            prop_assert!((split.test.len() as f64 - wanted).abs() <= 1.0);
            let distances = split.test.windows(2).map(|pair| pair[1] - pair[0]);
            let (least, most) = distances.fold((usize::MAX, 0), |(a, b), d| (a.min(d), b.max(d)));
            prop_assert!(split.test.len() < 2 || most - least <= 1);
        }
    }
}
