//! The order of an epoch.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::SampleRng;

/// Permutations kept at a time: around the end of an epoch, some threads work in the next.
const KEPT: usize = 2;

/// Which items make which batch of an epoch.
///
/// It is addressed by the number of the epoch and of the batch, so that any batch can be made without those before it.
pub trait BatchOrder: Send + Sync {
    /// How many batches an epoch has, the same in each; at least 1.
    fn batches_per_epoch(&self) -> u64;

    /// The indices of the items of batch `number` of `epoch`.
    ///
    /// # Panics
    /// If an epoch has no such batch.
    fn batch(&self, epoch: u64, number: u64) -> Vec<usize>;
}

/// What epochs are made of, made once each and shared by all threads.
pub(crate) struct Recent<T: ?Sized> {
    epochs: Mutex<VecDeque<(u64, Arc<T>)>>,
}

impl<T: ?Sized> Recent<T> {
    pub(crate) fn new() -> Self {
        Self {
            epochs: Mutex::new(VecDeque::with_capacity(KEPT + 1)),
        }
    }

    /// What belongs to `epoch`. It is made under the lock, so that threads that need the same one wait for it.
    pub(crate) fn get(&self, epoch: u64, make: impl FnOnce() -> Arc<T>) -> Arc<T> {
        let mut epochs = self.epochs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, found)) = epochs.iter().find(|(other, _)| *other == epoch) {
            return found.clone();
        }
        let made = make();
        epochs.push_back((epoch, made.clone()));
        if epochs.len() > KEPT {
            epochs.pop_front();
        }
        made
    }
}

/// A random permutation of the indices of `items` items, keyed by seed and epoch.
pub(crate) fn permutation(items: usize, seed: u64, epoch: u64) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..items).collect();
    SampleRng::new(seed, epoch, 0, SampleRng::ORDER).shuffle(&mut indices);
    indices
}

/// Batches of one size, from the data set's order or from a permutation for each epoch; the last, smaller batch is left out.
pub(super) struct Order {
    items: usize,
    batch: usize,
    /// `None` for the order of the data set.
    seed: Option<u64>,
    recent: Recent<[usize]>,
}

impl Order {
    pub(super) fn new(items: usize, batch: usize, seed: Option<u64>) -> Self {
        Self {
            items,
            batch,
            seed,
            recent: Recent::new(),
        }
    }
}

impl BatchOrder for Order {
    fn batches_per_epoch(&self) -> u64 {
        (self.items / self.batch) as u64
    }

    fn batch(&self, epoch: u64, number: u64) -> Vec<usize> {
        let first = number as usize * self.batch;
        let places = first..first + self.batch;
        match self.seed {
            None => places.collect(),
            Some(seed) => {
                let make = || permutation(self.items, seed, epoch).into();
                self.recent.get(epoch, make)[places].to_vec()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(order: &Order, epoch: u64) -> Vec<usize> {
        let batches = order.batches_per_epoch();
        (0..batches)
            .flat_map(|number| order.batch(epoch, number))
            .collect()
    }

    #[test]
    fn an_epoch_is_a_permutation_and_epochs_differ() {
        let order = Order::new(100, 10, Some(3));
        let first = epoch(&order, 0);
        let mut sorted = first.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert_ne!(first, epoch(&order, 1));
        assert_ne!(first, epoch(&Order::new(100, 10, Some(4)), 0));
        // After other epochs have pushed it out, it is made again, the same.
        order.batch(2, 0);
        order.batch(3, 0);
        assert_eq!(first, epoch(&order, 0));
    }
}
