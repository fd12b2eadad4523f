//! Making one batch.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use burn::data::dataset::Dataset;

use super::{BatchOrder, LoaderConfig, Skipped};
use crate::{Collate, DataError, PlainBatch, SampleRng, View};

/// A batch, or why there is none, and the unreadable items met on the way.
pub(super) struct Made {
    pub(super) skipped: Vec<Skipped>,
    pub(super) batch: Result<PlainBatch, Unmade>,
}

/// Why there is no batch.
pub(super) enum Unmade {
    /// This batch alone met more unreadable items than are allowed.
    TooManyBad,
    /// No item can be read.
    NothingReadable,
    /// The code of the data set, the view or the collation panicked.
    Panicked(String),
    /// Nobody wants it any more.
    Cancelled,
}

/// The loader's view of data set, view and collation, whose types it does not name.
pub(super) trait Make: Send + Sync {
    /// Makes batch `step`, unless `cancelled` says to stop, which it asks before every item.
    fn make(&self, step: u64, cancelled: &dyn Fn() -> bool) -> Made;

    /// Forgets which items are unreadable, but for these.
    fn restore_bad(&self, bad: &[Skipped]);
}

/// [`Make::make`], with a panic turned into a value.
pub(super) fn make_caught(maker: &dyn Make, step: u64, cancelled: &dyn Fn() -> bool) -> Made {
    // What a panic can leave half done is the list of unreadable items, whose single insertions are whole.
    catch_unwind(AssertUnwindSafe(|| maker.make(step, cancelled))).unwrap_or_else(|payload| Made {
        skipped: Vec::new(),
        batch: Err(Unmade::Panicked(message(&*payload))),
    })
}

fn message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

pub(super) struct Maker<I, D: ?Sized, V, C> {
    dataset: Arc<D>,
    view: V,
    collate: C,
    config: LoaderConfig,
    items: usize,
    order: Box<dyn BatchOrder>,
    /// Unreadable items that some thread has met, so that none is read twice.
    bad: Mutex<BTreeMap<usize, String>>,
    item: PhantomData<fn() -> I>,
}

impl<I, D, V, C> Maker<I, D, V, C>
where
    D: Dataset<I, DataError> + ?Sized,
    V: View<I>,
    C: Collate<V::Out>,
{
    pub(super) fn new(
        dataset: Arc<D>,
        view: V,
        collate: C,
        config: LoaderConfig,
        order: Box<dyn BatchOrder>,
    ) -> Self {
        let items = dataset.len();
        Self {
            dataset,
            view,
            collate,
            config,
            items,
            order,
            bad: Mutex::default(),
            item: PhantomData,
        }
    }

    /// The item, or why it cannot be read.
    fn read(&self, index: usize) -> Result<I, String> {
        let known = |bad: &Mutex<BTreeMap<usize, String>>| {
            let bad = bad.lock().unwrap_or_else(PoisonError::into_inner);
            bad.get(&index).cloned()
        };
        if let Some(reason) = known(&self.bad) {
            return Err(reason);
        }
        self.dataset.get(index).map_err(|error| {
            let mut bad = self.bad.lock().unwrap_or_else(PoisonError::into_inner);
            bad.entry(index).or_insert(error.to_string()).clone()
        })
    }
}

impl<I, D, V, C> Make for Maker<I, D, V, C>
where
    D: Dataset<I, DataError> + ?Sized,
    V: View<I>,
    C: Collate<V::Out>,
{
    fn make(&self, step: u64, cancelled: &dyn Fn() -> bool) -> Made {
        let seed = self.config.seed;
        let steps_per_epoch = self.order.batches_per_epoch();
        let epoch = step / steps_per_epoch;
        let places = self.order.batch(epoch, step % steps_per_epoch);
        let mut samples = Vec::with_capacity(places.len());
        let mut skipped = Vec::new();
        let mut met = BTreeSet::new();
        for place in places {
            let mut index = place;
            loop {
                if cancelled() {
                    return unmade(skipped, Unmade::Cancelled);
                }
                match self.read(index) {
                    Ok(item) => {
                        let rng = SampleRng::new(seed, epoch, index as u64, SampleRng::VIEW);
                        samples.push(self.view.apply(item, rng));
                        break;
                    }
                    Err(reason) => {
                        if met.insert(index) {
                            skipped.push(Skipped {
                                index: index as u64,
                                reason,
                            });
                        }
                        if met.len() > self.config.max_bad {
                            return unmade(skipped, Unmade::TooManyBad);
                        }
                        if met.len() == self.items {
                            return unmade(skipped, Unmade::NothingReadable);
                        }
                        index = (index + 1) % self.items;
                    }
                }
            }
        }
        Made {
            skipped,
            batch: Ok(self.collate.collate(samples)),
        }
    }

    fn restore_bad(&self, bad: &[Skipped]) {
        *self.bad.lock().unwrap_or_else(PoisonError::into_inner) = bad
            .iter()
            .map(|skipped| (skipped.index as usize, skipped.reason.clone()))
            .collect();
    }
}

fn unmade(skipped: Vec<Skipped>, why: Unmade) -> Made {
    Made {
        skipped,
        batch: Err(why),
    }
}
