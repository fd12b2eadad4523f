//! Batches of items of like length.

use std::sync::Arc;

use crate::loader::{BatchOrder, Recent, permutation};
use crate::{DataError, SampleRng};

/// So many batches are sorted by length together; more waste less padding, and mix the data less.
const POOL: usize = 64;

/// An order that puts items of like length into a batch, so that padding wastes little.
///
/// Each epoch permutes all items, sorts runs of 64 batches by length, cuts them into batches and permutes those. Every item comes
/// exactly once an epoch; one batch is smaller if the numbers do not fit. The order is addressed by `(seed, epoch)`.
pub struct BucketOrder {
    lengths: Vec<u32>,
    batch: usize,
    seed: u64,
    recent: Recent<[Vec<usize>]>,
}

impl BucketOrder {
    /// An order of items with these lengths, in batches of `batch`.
    ///
    /// # Errors
    /// [`DataError::Config`] when there are no items or `batch` is 0.
    pub fn new(lengths: Vec<u32>, batch: usize, seed: u64) -> Result<Self, DataError> {
        if batch == 0 {
            return Err(DataError::config("batch", "at least 1", batch));
        }
        if lengths.is_empty() {
            return Err(DataError::config("lengths", "at least one item", 0));
        }
        Ok(Self {
            lengths,
            batch,
            seed,
            recent: Recent::new(),
        })
    }

    fn epoch(&self, epoch: u64) -> Arc<[Vec<usize>]> {
        let mut items = permutation(self.lengths.len(), self.seed, epoch);
        let mut batches = Vec::with_capacity(items.len().div_ceil(self.batch));
        for pool in items.chunks_mut(self.batch.saturating_mul(POOL)) {
            // Stable, so that equal lengths stay in random order.
            pool.sort_by_key(|item| self.lengths[*item]);
            batches.extend(pool.chunks(self.batch).map(<[usize]>::to_vec));
        }
        // Index 0 of this use is the permutation of the items.
        SampleRng::new(self.seed, epoch, 1, SampleRng::ORDER).shuffle(&mut batches);
        batches.into()
    }
}

impl BatchOrder for BucketOrder {
    fn batches_per_epoch(&self) -> u64 {
        self.lengths.len().div_ceil(self.batch) as u64
    }

    fn batch(&self, epoch: u64, number: u64) -> Vec<usize> {
        self.recent.get(epoch, || self.epoch(epoch))[number as usize].clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(order: &BucketOrder, epoch: u64) -> Vec<Vec<usize>> {
        (0..order.batches_per_epoch())
            .map(|number| order.batch(epoch, number))
            .collect()
    }

    proptest! {
        #[test]
        fn every_item_comes_once_and_the_order_is_addressed(
            lengths in prop::collection::vec(0_u32..500, 1..300), batch in 1_usize..9, seed: u64, epoch in 0_u64..5,
        ) {
            let order = BucketOrder::new(lengths.clone(), batch, seed).unwrap();
            let batches = all(&order, epoch);
            let mut items = batches.concat();
            items.sort_unstable();
            prop_assert_eq!(items, (0..lengths.len()).collect::<Vec<_>>());
            prop_assert!(batches.iter().filter(|found| found.len() < batch).count() <= 1);
            all(&order, epoch + 3);
            prop_assert_eq!(&all(&order, epoch), &batches);
            let again = BucketOrder::new(lengths, batch, seed).unwrap();
            prop_assert_eq!(all(&again, epoch), batches);
        }
    }

    #[test]
    fn lengths_in_a_batch_are_alike_and_epochs_differ() {
        let lengths: Vec<u32> = (0..2048).map(|item| item * 7919 % 2048).collect();
        let order = BucketOrder::new(lengths.clone(), 32, 1).unwrap();
        for items in all(&order, 0) {
            let found = items.iter().map(|item| lengths[*item]);
            // One pool holds all: each batch is a run of 32 neighbours.
            assert_eq!(found.clone().max().unwrap() - found.min().unwrap(), 31);
        }
        assert_ne!(all(&order, 0), all(&order, 1));
        assert!(BucketOrder::new(lengths, 0, 1).is_err());
        assert!(BucketOrder::new(Vec::new(), 1, 1).is_err());
    }
}
