//! Splits at a moment in time.

use super::{Split, check_share};
use crate::DataError;

/// Divides the items at one moment: all of the test part is later than all of the training part, both parts ascending by index.
///
/// Items of equal time stay together. Among the moments between two different times, the one is taken that brings the test part nearest to
/// `test_share` of the items, the later one if two are as near; a share strictly between 0 and 1 leaves no part empty unless all times
/// are equal, and then all items are in the training part. Any unit serves that grows with time.
///
/// # Errors
/// [`DataError::Config`] for a time that is no number.
///
/// # Panics
/// If the share is not within 0..=1.
pub fn time_split(times: &[f64], test_share: f64) -> Result<Split, DataError> {
    check_share(test_share);
    if let Some(index) = times.iter().position(|time| time.is_nan()) {
        let got = format!("NaN for item {index}");
        return Err(DataError::config("times", "numbers", got));
    }
    let mut order: Vec<usize> = (0..times.len()).collect();
    order.sort_by(|a, b| times[*a].total_cmp(&times[*b]));
    let wanted = (1.0 - test_share) * times.len() as f64;
    let distance = |cut: usize| (cut as f64 - wanted).abs();
    // At a cut, `order[..cut]` is trained on. Two zeros of different sign are one time.
    let between = (1..times.len()).filter(|cut| times[order[cut - 1]] != times[order[*cut]]);
    let cut = if test_share == 1.0 {
        0
    } else if test_share == 0.0 {
        times.len()
    } else {
        between
            .rev()
            .min_by(|a, b| distance(*a).total_cmp(&distance(*b)))
            .unwrap_or(times.len())
    };
    let mut test = order.split_off(cut);
    let mut train = order;
    train.sort_unstable();
    test.sort_unstable();
    Ok(Split { train, test })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::testing::assert_partition;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_test_is_later(
            times in prop::collection::vec((-4_i8..9).prop_map(f64::from), 0..80), share in 0.0_f64..=1.0,
        ) {
            let split = time_split(&times, share).unwrap();
            assert_partition(&split, times.len());
            let last = split.train.iter().map(|index| times[*index]).fold(f64::NEG_INFINITY, f64::max);
            prop_assert!(split.test.iter().all(|index| times[*index] > last));
        }

        #[test]
        fn different_times_give_the_share(count in 2_usize..60, share in 0.1_f64..0.9) {
            let times: Vec<f64> = (0..count).map(|index| -(index as f64)).collect();
            let split = time_split(&times, share).unwrap();
            let wanted = share * count as f64;
            prop_assert!((split.test.len() as f64 - wanted).abs() <= 1.0);
            prop_assert!(!split.test.is_empty() && !split.train.is_empty());
            // The times fall, so that the test part is the beginning.
            prop_assert_eq!(split.test.clone(), (0..split.test.len()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn equal_times_stay_together() {
        let split = time_split(&[1.0, 2.0, 2.0, 2.0, 2.0, 3.0], 0.5).unwrap();
        assert_eq!(split.test, [5]);
        let split = time_split(&[0.0, -0.0, 0.0], 0.5).unwrap();
        assert!(split.test.is_empty());
    }

    #[test]
    fn a_time_that_is_no_number_is_named() {
        let error = time_split(&[1.0, f64::NAN], 0.5).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`times` is NaN for item 1, expected numbers"
        );
    }
}
