//! Whether items of one data set, such as the one for pre-training, are in another one, such as the one for testing.

mod hash;

use std::collections::{HashMap, HashSet};

use burn::data::dataset::Dataset;
use rayon::prelude::*;

use crate::{Content, DataError, ImageItem};

pub(crate) use hash::short;
use hash::{Hashes, bytes, hashes};
pub use hash::{difference_hash, hash_of};

/// What counts as the same picture beside equal bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeakConfig {
    /// Whether files are decoded and equal pixels count, whatever their files look like.
    pub pixels: bool,
    /// How many of the 64 bits of two [`difference_hash`]es may differ; `None` to leave near duplicates out. 0 to 4 finds copies that
    /// were resized or compressed again; from about 10 on, different pictures come near to each other.
    pub distance: Option<u32>,
}

impl Default for LeakConfig {
    /// Bytes, pixels, and a distance of 4 bits.
    fn default() -> Self {
        Self {
            pixels: true,
            distance: Some(4),
        }
    }
}

/// In which way two pictures are the same; the first that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Same {
    /// The bytes of [`Content`] are equal.
    Bytes,
    /// The values of all columns that two tables have in common are equal.
    Values,
    /// Size, channels and values are equal.
    Pixels,
    /// The hashes differ in so many bits.
    Near(u32),
}

/// An item of the second data set that is in the first one too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leak {
    /// Its index in the second data set.
    pub test: usize,
    /// The index of the item of the first data set that is most like it, the first of several.
    pub train: usize,
    /// How they are the same.
    pub same: Same,
}

/// What [`check`] found.
#[derive(Debug, Clone, Default)]
pub struct Leaks {
    /// The items of the second data set that are in the first one, by index.
    pub found: Vec<Leak>,
    /// The items of the first data set that could not be read, by index, and why.
    pub unreadable_train: Vec<(usize, DataError)>,
    /// Those of the second.
    pub unreadable_test: Vec<(usize, DataError)>,
}

/// Finds which items of `test` are in `train`, by as many threads as rayon has.
///
/// Each item is read once, and twice if it is decoded. 100 bytes are kept of it. Near duplicates are found by comparing every
/// item with every other; a hash whose bits are all equal, as of a picture without structure, is near to nothing.
///
/// Bytes and pixels are compared by the first 128 bits of BLAKE3, whose accidents are out of reach.
pub fn check<A, B>(train: &A, test: &B, config: LeakConfig) -> Leaks
where
    A: Dataset<ImageItem, DataError> + Content + ?Sized,
    B: Dataset<ImageItem, DataError> + Content + ?Sized,
{
    let (train, unreadable_train) = all(train.len(), |index| hashes(train, index, config));
    let (test, unreadable_test) = all(test.len(), |index| hashes(test, index, config));
    let first = |of: fn(&Hashes) -> Option<u128>| {
        let mut places = HashMap::new();
        for (index, hashes) in &train {
            if let Some(hash) = of(hashes) {
                places.entry(hash).or_insert(*index);
            }
        }
        places
    };
    let (bytes, pixels) = (
        first(|hashes| Some(hashes.bytes)),
        first(|hashes| hashes.pixels),
    );
    let near = |hash: u64, most: u32| {
        let distances = train.iter().filter_map(|(index, hashes)| {
            let distance = (hashes.structure? ^ hash).count_ones();
            (distance <= most).then_some((Same::Near(distance), *index))
        });
        distances.min()
    };
    let found = test
        .par_iter()
        .filter_map(|(test, hashes)| {
            let equal_bytes = || Some((Same::Bytes, *bytes.get(&hashes.bytes)?));
            let equal_pixels = || Some((Same::Pixels, *pixels.get(&hashes.pixels?)?));
            let alike = || near(hashes.structure?, config.distance?);
            let (same, train) = equal_bytes().or_else(equal_pixels).or_else(alike)?;
            Some(Leak {
                test: *test,
                train,
                same,
            })
        })
        .collect();
    Leaks {
        found,
        unreadable_train,
        unreadable_test,
    }
}

/// Finds which items of `test` are in `train` to the byte, whatever they are, such as rows of tables.
pub fn check_bytes<I, D>(train: &D, test: &D) -> Leaks
where
    D: Dataset<I, DataError> + Content + ?Sized,
{
    let (train, unreadable_train) = all(train.len(), |index| bytes(train, index));
    let (test, unreadable_test) = all(test.len(), |index| bytes(test, index));
    let mut places = HashMap::new();
    for (index, hash) in train {
        places.entry(hash).or_insert(index);
    }
    let leak = |(test, hash): (usize, u128)| {
        Some(Leak {
            test,
            train: *places.get(&hash)?,
            same: Same::Bytes,
        })
    };
    Leaks {
        found: test.into_iter().filter_map(leak).collect(),
        unreadable_train,
        unreadable_test,
    }
}

/// Which of the items `test` have the same hash as one of the items `train`, all of one data set; those without a hash have none.
pub fn on_both_sides(
    train: &[usize],
    test: &[usize],
    hash: impl Fn(usize) -> Option<u128> + Sync,
) -> Vec<usize> {
    if train.is_empty() || test.is_empty() {
        return Vec::new();
    }
    let known: HashSet<u128> = train.par_iter().filter_map(|index| hash(*index)).collect();
    let is_known = |index: &usize| hash(*index).is_some_and(|hash| known.contains(&hash));
    test.par_iter().copied().filter(is_known).collect()
}

/// Bytes by which most items are told apart, so that large ones need not be read whole.
const START: usize = 4096;

/// Which of the items `test` have the same [`Content`] as one of the items `train`; those that cannot be read have none.
///
/// The first bytes of all are read, and the rest of those that begin alike.
pub fn equal_content<D>(items: &D, train: &[usize], test: &[usize]) -> Vec<usize>
where
    D: Content + Sync + ?Sized,
{
    let start = |index| Some(hash_of(&[&items.start(index, START).ok()?]));
    let test = on_both_sides(train, test, start);
    let train = on_both_sides(&test, train, start);
    on_both_sides(&train, &test, |index| bytes(items, index).ok())
}

/// What is kept of the items that can be read, and why others cannot, by index.
type Hashed<H> = (Vec<(usize, H)>, Vec<(usize, DataError)>);

/// What `hash` makes of each of so many items.
fn all<H: Send>(items: usize, hash: impl Fn(usize) -> Result<H, DataError> + Sync) -> Hashed<H> {
    let results: Vec<_> = (0..items)
        .into_par_iter()
        .map(|index| (index, hash(index)))
        .collect();
    let (mut readable, mut unreadable) = (Vec::with_capacity(results.len()), Vec::new());
    for (index, result) in results {
        match result {
            Ok(hashes) => readable.push((index, hashes)),
            Err(error) => unreadable.push((index, error)),
        }
    }
    (readable, unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Blobs(Vec<Option<Vec<u8>>>);

    impl Content for Blobs {
        fn content(&self, index: usize, sink: &mut dyn FnMut(&[u8])) -> Result<(), DataError> {
            match &self.0[index] {
                Some(bytes) => sink(bytes),
                None => return Err(DataError::config("item", "bytes", "none")),
            }
            Ok(())
        }
    }

    #[test]
    fn what_begins_alike_is_equal_only_if_its_end_is() {
        let blob = |end: &[u8]| Some([&[7; START][..], end].concat());
        let items = Blobs(vec![
            blob(b"a"),
            blob(b"b"),
            Some(b"short".to_vec()),
            None,
            blob(b"b"),
            blob(b"c"),
            Some(b"short".to_vec()),
            None,
            blob(b""),
        ]);
        let equal = equal_content(&items, &[0, 1, 2, 3], &[4, 5, 6, 7, 8]);
        assert_eq!(equal, [4, 6]);
        assert!(equal_content(&items, &[0, 1], &[]).is_empty());
        assert!(equal_content(&items, &[], &[4]).is_empty());
    }
}
