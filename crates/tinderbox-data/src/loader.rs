//! Batches in a fixed order from any number of threads.

mod make;
mod order;
mod queue;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use burn::data::dataset::Dataset;
use serde::{Deserialize, Serialize};

use crate::{Collate, DataError, PlainBatch, View};
use make::{Made, Make, Maker, Unmade, make_caught};
pub use order::BatchOrder;
use order::Order;
#[cfg(feature = "text")]
pub(crate) use order::{Recent, permutation};
use queue::Queue;

/// More threads than this are a mistake of the caller.
const MAX_THREADS: usize = 1024;

/// How a [`Loader`] goes through a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoaderConfig {
    /// Items in a batch; the last, smaller batch of an epoch is dropped.
    pub batch: usize,
    /// The seed of the order and of the views.
    pub seed: u64,
    /// Threads that make batches; 0 makes them on the thread that asks.
    pub threads: usize,
    /// How many batches may be begun or finished before they are asked for (at least 1 when there are threads).
    ///
    /// This bounds memory: with `t = min(threads, prefetch)`, a loader holds at most `prefetch + t` batches (a thread has the samples
    /// beside the batch that it makes of them) and `t` raw items, whatever the model or the disk does.
    pub prefetch: usize,
    /// Whether each epoch has a random order of its own.
    pub shuffle: bool,
    /// How many distinct unreadable items are skipped before the loader gives up.
    pub max_bad: usize,
}

/// An item that could not be read and was replaced by the next one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skipped {
    /// Its index in the data set.
    pub index: u64,
    /// Why, as the data set's error says it, which names the file if there is one.
    pub reason: String,
}

/// Hands out the batches of a data set, epoch after epoch, without end.
///
/// Batch `k` belongs to epoch `k / steps_per_epoch`. The order of an epoch is a permutation keyed by seed and epoch, and the view of
/// an item is keyed by seed, epoch and index, so a batch depends on nothing but the data set, the seed and `k`: not on the number of
/// threads, and not on whether the loader came to `k` by itself or by [`Loader::seek`].
///
/// An item that cannot be read is skipped, recorded, and replaced in its place by the item with the next index that can be
/// read (index 0 follows the last).
pub struct Loader {
    maker: Arc<dyn Make>,
    queue: Option<Queue>,
    position: u64,
    steps_per_epoch: u64,
    max_bad: usize,
    skipped: BTreeMap<u64, String>,
    failed: Option<DataError>,
    waited: Duration,
}

impl Loader {
    /// A loader that stands before batch 0. Its threads begin to work when the first batch is asked for.
    ///
    /// # Errors
    /// [`DataError::TooFew`] when there are fewer items than one batch needs, [`DataError::Config`] when the batch size is 0 or
    /// the number of threads is above 1,024, [`DataError::Io`] when the system refuses a thread.
    pub fn new<I, D, V, C>(
        dataset: Arc<D>,
        view: V,
        collate: C,
        config: LoaderConfig,
    ) -> Result<Self, DataError>
    where
        I: 'static,
        D: Dataset<I, DataError> + ?Sized + 'static,
        V: View<I> + 'static,
        C: Collate<V::Out> + 'static,
    {
        let LoaderConfig { batch, seed, .. } = config;
        if batch == 0 {
            return Err(DataError::config("batch", "at least 1", 0));
        }
        let items = dataset.len();
        if items < batch {
            return Err(DataError::TooFew { items, batch });
        }
        let order = Order::new(items, batch, config.shuffle.then_some(seed));
        Self::with_order(dataset, view, collate, config, order)
    }

    /// A loader whose batches `order` puts together, such as batches of items of like length.
    ///
    /// Of `config`, `batch` and `shuffle` are without effect.
    ///
    /// # Errors
    /// [`DataError::TooFew`] when the order has no batches, [`DataError::Config`] when the number of threads is above 1,024,
    /// [`DataError::Io`] when the system refuses a thread.
    pub fn with_order<I, D, V, C>(
        dataset: Arc<D>,
        view: V,
        collate: C,
        config: LoaderConfig,
        order: impl BatchOrder + 'static,
    ) -> Result<Self, DataError>
    where
        I: 'static,
        D: Dataset<I, DataError> + ?Sized + 'static,
        V: View<I> + 'static,
        C: Collate<V::Out> + 'static,
    {
        let threads = config.threads;
        if threads > MAX_THREADS {
            return Err(DataError::config(
                "threads",
                format!("at most {MAX_THREADS}"),
                threads,
            ));
        }
        let steps_per_epoch = order.batches_per_epoch();
        if steps_per_epoch == 0 {
            let items = dataset.len();
            return Err(DataError::TooFew { items, batch: 1 });
        }
        let order = Box::new(order);
        let maker: Arc<dyn Make> = Arc::new(Maker::new(dataset, view, collate, config, order));
        let queue = match threads {
            0 => None,
            _ => Some(Queue::start(
                maker.clone(),
                threads,
                config.prefetch.max(1),
            )?),
        };
        Ok(Self {
            maker,
            queue,
            position: 0,
            steps_per_epoch,
            max_bad: config.max_bad,
            skipped: BTreeMap::new(),
            failed: None,
            waited: Duration::ZERO,
        })
    }

    /// Goes to batch `step`, which [`Loader::next_batch`] then gives. Prefetched batches are dropped, an error is forgotten, and the
    /// skipped items are kept. It costs nothing but, later, the permutation of the epoch.
    pub fn seek(&mut self, step: u64) {
        self.position = step;
        self.failed = None;
        if let Some(queue) = &self.queue {
            queue.seek(step);
        }
    }

    /// The next batch.
    ///
    /// # Errors
    /// [`DataError::TooManyBad`] when more than `max_bad` distinct items could not be read up to and with this batch,
    /// [`DataError::NothingReadable`] when none could, and [`DataError::Worker`] when the data set, the view or the collation panicked. The loader then stays where it is, and
    /// gives the same error until [`Loader::seek`].
    pub fn next_batch(&mut self) -> Result<PlainBatch, DataError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let start = Instant::now();
        let made = match &self.queue {
            None => make_caught(&*self.maker, self.position, &|| false),
            Some(queue) => queue.take(self.position),
        };
        self.waited += start.elapsed();
        let result = self.accept(made);
        match &result {
            Ok(_) => self.position += 1,
            Err(error) => self.failed = Some(error.clone()),
        }
        result
    }

    /// Records skipped items when their batch is handed out, so that the list depends on the position alone and not
    /// on how far the threads are ahead.
    fn accept(&mut self, made: Made) -> Result<PlainBatch, DataError> {
        for Skipped { index, reason } in made.skipped {
            self.skipped.entry(index).or_insert(reason);
        }
        let bad = self.skipped.len();
        let reasons = || self.skipped.values().take(3).cloned().collect();
        let too_many = || DataError::TooManyBad {
            bad,
            max_bad: self.max_bad,
            reasons: reasons(),
        };
        if bad > self.max_bad {
            return Err(too_many());
        }
        made.batch.map_err(|unmade| match unmade {
            Unmade::TooManyBad => too_many(),
            Unmade::NothingReadable => DataError::NothingReadable {
                items: bad,
                reasons: reasons(),
            },
            Unmade::Panicked(message) => DataError::Worker { message },
            Unmade::Cancelled => DataError::Worker {
                message: "the batch was cancelled".to_owned(),
            },
        })
    }

    /// The number of the batch that [`Loader::next_batch`] gives next.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Batches in an epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        self.steps_per_epoch
    }

    /// The total time that [`Loader::next_batch`] kept its callers waiting.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// The items skipped so far, by index.
    pub fn skipped(&self) -> Vec<Skipped> {
        self.skipped
            .iter()
            .map(|(index, reason)| Skipped {
                index: *index,
                reason: reason.clone(),
            })
            .collect()
    }

    /// Takes the list of a run that is resumed: these items are skipped without being read again, and
    /// they count towards `max_bad`. Any other list is forgotten.
    pub fn restore_skipped(&mut self, skipped: Vec<Skipped>) {
        self.maker.restore_bad(&skipped);
        self.skipped = skipped
            .into_iter()
            .map(|skipped| (skipped.index, skipped.reason))
            .collect();
        self.seek(self.position);
    }
}

impl fmt::Debug for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader")
            .field("position", &self.position)
            .field("steps_per_epoch", &self.steps_per_epoch)
            .field("skipped", &self.skipped)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}
