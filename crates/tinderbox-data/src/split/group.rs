//! Splits that keep groups whole.

use std::collections::BTreeMap;

use super::{Split, check_share};
use crate::SampleRng;

/// Divides the items so that all items of a group are in one part, both parts ascending.
///
/// A group is what must not be seen in training and in the test: a patient, a user, a recording session. In random order, a
/// group goes to the test part if that brings the part's size nearer to `test_share` of the items. A share strictly between 0 and 1 leaves
/// no part empty when there are two groups: then the smallest one moves. The result depends on the groups, the share and the seed alone.
///
/// # Panics
/// If the share is not within 0..=1.
pub fn group_split<G: Ord>(groups: &[G], test_share: f64, seed: u64) -> Split {
    check_share(test_share);
    let mut members = BTreeMap::<&G, Vec<usize>>::new();
    for (index, group) in groups.iter().enumerate() {
        members.entry(group).or_default().push(index);
    }
    let mut members: Vec<Vec<usize>> = members.into_values().collect();
    SampleRng::new(seed, 0, 0, SampleRng::SPLIT).shuffle(&mut members);
    let wanted = test_share * groups.len() as f64;
    let mut size = 0;
    let mut tested = Vec::with_capacity(members.len());
    for group in &members {
        let nearer = |size: usize| (size as f64 - wanted).abs();
        let take = nearer(size + group.len()) < nearer(size);
        size += if take { group.len() } else { 0 };
        tested.push(take);
    }
    let both = test_share > 0.0 && test_share < 1.0 && members.len() > 1;
    if both && tested.iter().all(|take| *take == tested[0]) {
        let smallest = (0..members.len()).min_by_key(|group| members[*group].len());
        tested[smallest.unwrap_or(0)] ^= true;
    }
    let mut split = Split {
        train: Vec::new(),
        test: Vec::new(),
    };
    for (group, take) in members.into_iter().zip(tested) {
        let part = if take {
            &mut split.test
        } else {
            &mut split.train
        };
        part.extend(group);
    }
    split.train.sort_unstable();
    split.test.sort_unstable();
    split
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::testing::assert_partition;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_group_never_crosses(
            groups in prop::collection::vec(0_u8..12, 0..120), share in 0.0_f64..=1.0, seed: u64,
        ) {
            let split = group_split(&groups, share, seed);
            assert_partition(&split, groups.len());
            let tested: Vec<u8> = split.test.iter().map(|index| groups[*index]).collect();
            prop_assert!(split.train.iter().all(|index| !tested.contains(&groups[*index])));
            prop_assert_eq!(group_split(&groups, share, seed), split.clone());
            let mut distinct = groups.clone();
            distinct.sort_unstable();
            distinct.dedup();
            if distinct.len() > 1 && share > 0.0 && share < 1.0 {
                prop_assert!(!split.test.is_empty() && !split.train.is_empty());
            }
        }
    }

    #[test]
    fn the_share_is_near_when_groups_are_small() {
        let groups: Vec<usize> = (0..1000).map(|index| index / 5).collect();
        let split = group_split(&groups, 0.2, 3);
        assert_eq!(split.test.len(), 200);
        assert_ne!(split, group_split(&groups, 0.2, 4));
    }

    #[test]
    fn the_ends_leave_one_part_empty() {
        assert!(group_split(&["a", "b"], 0.0, 1).test.is_empty());
        assert!(group_split(&["a", "b"], 1.0, 1).train.is_empty());
        assert!(group_split(&["a", "a"], 0.5, 1).test.is_empty());
        assert!(group_split::<u8>(&[], 0.5, 1).test.is_empty());
    }
}
