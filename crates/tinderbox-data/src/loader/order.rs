//! The order of an epoch.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::SampleRng;

/// Permutations kept at a time: around the end of an epoch, some threads work in the next.
const KEPT: usize = 2;

/// The orders of epochs, made once each and shared by all threads.
pub(super) struct Order {
    items: usize,
    /// `None` for the order of the data set.
    seed: Option<u64>,
    recent: Mutex<VecDeque<(u64, Arc<[usize]>)>>,
}

impl Order {
    pub(super) fn new(items: usize, seed: Option<u64>) -> Self {
        Self {
            items,
            seed,
            recent: Mutex::new(VecDeque::with_capacity(KEPT + 1)),
        }
    }

    /// The indices at `places` in `epoch`.
    pub(super) fn indices(&self, epoch: u64, places: std::ops::Range<usize>) -> Vec<usize> {
        match self.seed {
            None => places.collect(),
            Some(seed) => self.permutation(seed, epoch)[places].to_vec(),
        }
    }

    fn permutation(&self, seed: u64, epoch: u64) -> Arc<[usize]> {
        // Made under the lock, so that threads that need the same one wait for it.
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, found)) = recent.iter().find(|(other, _)| *other == epoch) {
            return found.clone();
        }
        let mut indices: Vec<usize> = (0..self.items).collect();
        SampleRng::new(seed, epoch, 0, SampleRng::ORDER).shuffle(&mut indices);
        let made: Arc<[usize]> = indices.into();
        recent.push_back((epoch, made.clone()));
        if recent.len() > KEPT {
            recent.pop_front();
        }
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_a_permutation_and_epochs_differ() {
        let order = Order::new(100, Some(3));
        let first = order.indices(0, 0..100);
        let mut sorted = first.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert_ne!(first, order.indices(1, 0..100));
        assert_ne!(first, Order::new(100, Some(4)).indices(0, 0..100));
        // After other epochs have pushed it out, it is made again, the same.
        order.indices(2, 0..1);
        order.indices(3, 0..1);
        assert_eq!(first, order.indices(0, 0..100));
    }
}
