//! Choosing items: so that every class keeps its share, by chance, by group, by time.

mod group;
mod random;
mod spread;
mod time;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};

pub use group::group_split;
pub use random::random_split;
pub use spread::spread_split;
pub use time::time_split;

use crate::SampleRng;

/// The indices of two disjoint parts, each ascending.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Split {
    /// To learn from.
    pub train: Vec<usize>,
    /// To measure on.
    pub test: Vec<usize>,
}

/// Splits all items so that each class has about `test_share` of its items in the test part.
///
/// The test part has `round(test_share * n)` items, but at least one of each class that has two or more, and it leaves at least one
/// item of each class to the training part. A class of a single item is thus only trained on. A share of 0 or 1 leaves one part empty. The
/// result depends on the labels, the share and the seed alone.
///
/// # Panics
/// If the share is not within 0..=1.
pub fn stratified_split(labels: &[u32], test_share: f64, seed: u64) -> Split {
    check_share(test_share);
    let all: Vec<usize> = (0..labels.len()).collect();
    if test_share == 1.0 {
        return Split {
            train: Vec::new(),
            test: all,
        };
    }
    let classes = shuffled_classes(labels, &all, seed);
    let caps: Vec<usize> = classes.iter().map(|class| class.len() - 1).collect();
    let wanted = (test_share * labels.len() as f64).round() as usize;
    let least = usize::from(test_share > 0.0);
    let test = take(&classes, &seats(&classes, &caps, least, wanted));
    let mut is_test = vec![false; labels.len()];
    for index in &test {
        is_test[*index] = true;
    }
    Split {
        train: all.into_iter().filter(|index| !is_test[*index]).collect(),
        test,
    }
}

/// Chooses a share of the candidates so that each class has about that share of its items, ascending.
///
/// Exactly `round(share * n)` of the `n` candidates are chosen when that is at least the number of classes among them, otherwise one of
/// each class. A share of 0 chooses none. With the same seed, the choice for a smaller share is part of the choice for a larger one. `labels`
/// belong to the whole data set, `candidates` are indices into it, and the result holds some of these.
///
/// # Panics
/// If the share is not within 0..=1, or if a candidate has no label.
pub fn stratified_subset(
    labels: &[u32],
    candidates: &[usize],
    share: f64,
    seed: u64,
) -> Vec<usize> {
    check_share(share);
    let classes = shuffled_classes(labels, candidates, seed);
    let caps: Vec<usize> = classes.iter().map(Vec::len).collect();
    let wanted = (share * candidates.len() as f64).round() as usize;
    take(
        &classes,
        &seats(&classes, &caps, usize::from(share > 0.0), wanted),
    )
}

fn check_share(share: f64) {
    assert!(
        (0.0..=1.0).contains(&share),
        "a share of {share}, expected 0 to 1"
    );
}

/// The candidates of each class, by ascending label, each class in its own random order.
fn shuffled_classes(labels: &[u32], candidates: &[usize], seed: u64) -> Vec<Vec<usize>> {
    let mut classes = BTreeMap::<u32, Vec<usize>>::new();
    for index in candidates {
        assert!(
            *index < labels.len(),
            "candidate {index} of {} labels",
            labels.len()
        );
        classes.entry(labels[*index]).or_default().push(*index);
    }
    classes
        .into_iter()
        .map(|(label, mut items)| {
            // The order of the candidates must not matter, only which they are.
            items.sort_unstable();
            SampleRng::new(seed, 0, label.into(), SampleRng::SPLIT).shuffle(&mut items);
            items
        })
        .collect()
}

/// A class that asks for its next seat.
struct Bid {
    size: u128,
    seats: u128,
    class: usize,
}

impl Ord for Bid {
    fn cmp(&self, other: &Self) -> Ordering {
        // size / (2 * seats + 1), compared without division.
        (self.size * (2 * other.seats + 1))
            .cmp(&(other.size * (2 * self.seats + 1)))
            .then(other.class.cmp(&self.class))
    }
}

impl PartialOrd for Bid {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Bid {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Bid {}

/// How many items each class gives: `least` first, then one at a time by Webster's method until `wanted` are given.
///
/// Giving one at a time makes the numbers grow with `wanted`, which largest remainders would not.
fn seats(classes: &[Vec<usize>], caps: &[usize], least: usize, wanted: usize) -> Vec<usize> {
    let mut seats: Vec<usize> = caps.iter().map(|cap| least.min(*cap)).collect();
    let mut given: usize = seats.iter().sum();
    let bid = |class: usize, seats: usize| Bid {
        size: classes[class].len() as u128,
        seats: seats as u128,
        class,
    };
    let mut bids: BinaryHeap<Bid> = (0..classes.len())
        .filter(|class| seats[*class] < caps[*class])
        .map(|class| bid(class, seats[class]))
        .collect();
    while given < wanted {
        let Some(Bid { class, .. }) = bids.pop() else {
            break;
        };
        seats[class] += 1;
        given += 1;
        if seats[class] < caps[class] {
            bids.push(bid(class, seats[class]));
        }
    }
    seats
}

fn take(classes: &[Vec<usize>], seats: &[usize]) -> Vec<usize> {
    let mut chosen: Vec<usize> = classes
        .iter()
        .zip(seats)
        .flat_map(|(class, seats)| &class[..*seats])
        .copied()
        .collect();
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod testing {
    use super::Split;

    #[track_caller]
    pub(super) fn assert_partition(split: &Split, items: usize) {
        assert!(split.train.is_sorted() && split.test.is_sorted());
        let mut all = [&split.train[..], &split.test[..]].concat();
        all.sort_unstable();
        assert_eq!(all, (0..items).collect::<Vec<_>>());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digits;
    use proptest::prelude::*;

    fn counts(labels: &[u32], chosen: &[usize]) -> BTreeMap<u32, usize> {
        let mut counts = BTreeMap::new();
        for index in chosen {
            *counts.entry(labels[*index]).or_default() += 1;
        }
        counts
    }

    #[test]
    fn digits_split_evenly() {
        let labels = crate::labels(&digits()).unwrap();
        let split = stratified_split(&labels, 0.2, 1);
        assert_eq!(split.test.len(), 359);
        for count in counts(&labels, &split.test).values() {
            assert!((35..=37).contains(count));
        }
        assert_ne!(split, stratified_split(&labels, 0.2, 2));
    }

    #[test]
    fn the_ends_leave_one_part_empty() {
        let labels = [0, 1, 0, 1];
        assert!(stratified_split(&labels, 0.0, 1).test.is_empty());
        assert!(stratified_split(&labels, 1.0, 1).train.is_empty());
        assert!(stratified_subset(&labels, &[0, 1], 0.0, 1).is_empty());
        assert_eq!(stratified_subset(&labels, &[3, 1], 1.0, 1), [1, 3]);
        assert_eq!(stratified_split(&[], 0.5, 1).test, [0_usize; 0]);
    }

    #[test]
    #[should_panic(expected = "a share of 1.5, expected 0 to 1")]
    fn a_share_beyond_1_panics() {
        stratified_subset(&[0], &[0], 1.5, 0);
    }

    fn some_labels() -> impl Strategy<Value = Vec<u32>> {
        prop::collection::vec(0_u32..7, 1..200)
    }

    proptest! {
        #[test]
        fn a_split_is_a_partition(labels in some_labels(), share in 0.01_f64..0.99, seed: u64) {
            let split = stratified_split(&labels, share, seed);
            testing::assert_partition(&split, labels.len());
            let train = counts(&labels, &split.train);
            let test = counts(&labels, &split.test);
            for (label, count) in counts(&labels, &(0..labels.len()).collect::<Vec<_>>()) {
                prop_assert!(train.contains_key(&label));
                prop_assert!(count == 1 || test.contains_key(&label));
            }
            prop_assert_eq!(stratified_split(&labels, share, seed), split);
        }

        #[test]
        fn a_subset_has_the_size_and_every_class(
            labels in some_labels(), share in 0.001_f64..1.0, seed: u64, keep in 1_usize..4,
        ) {
            let candidates: Vec<usize> = (0..labels.len()).step_by(keep).collect();
            let classes = counts(&labels, &candidates).len();
            let chosen = stratified_subset(&labels, &candidates, share, seed);
            let wanted = (share * candidates.len() as f64).round() as usize;
            prop_assert_eq!(chosen.len(), wanted.max(classes));
            prop_assert_eq!(counts(&labels, &chosen).len(), classes);
            prop_assert!(chosen.is_sorted());
            prop_assert!(chosen.iter().all(|index| index % keep == 0));
        }

        #[test]
        fn a_smaller_share_is_part_of_a_larger(
            labels in some_labels(), small in 0.01_f64..1.0, factor in 0.0_f64..1.0, seed: u64,
        ) {
            let candidates: Vec<usize> = (0..labels.len()).collect();
            let large = stratified_subset(&labels, &candidates, small, seed);
            let small = stratified_subset(&labels, &candidates, small * factor, seed);
            prop_assert!(small.iter().all(|index| large.contains(index)));
        }
    }
}
