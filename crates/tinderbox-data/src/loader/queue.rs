//! Threads that make batches ahead of time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::make::{Made, Make, Unmade, make_caught};
use crate::DataError;

/// The generation that tells threads to end.
const ENDED: u64 = u64::MAX;

/// A bounded queue of batches, handed out by number.
///
/// Dropping it tells the threads to end and does not wait for them: each ends after the item it is at, however long that item
/// takes to read.
pub(super) struct Queue(Arc<Shared>);

struct Shared {
    maker: Arc<dyn Make>,
    /// How many batches may be begun and not yet taken.
    ahead: u64,
    /// Raised by every seek; what an older generation makes is dropped.
    generation: AtomicU64,
    state: Mutex<State>,
    /// There may be a batch to begin.
    work: Condvar,
    /// A batch is finished.
    done: Condvar,
}

#[derive(Default)]
struct State {
    /// Nothing is made before the first batch is asked for, so that a seek after construction wastes nothing.
    wanted: bool,
    /// The next batch to begin.
    begin: u64,
    /// The next batch to be taken.
    take: u64,
    finished: BTreeMap<u64, Made>,
    /// A thread died outside of what it makes, which must not become a wait for ever.
    died: bool,
}

impl Queue {
    pub(super) fn start(
        maker: Arc<dyn Make>,
        threads: usize,
        ahead: usize,
    ) -> Result<Self, DataError> {
        let queue = Self(Arc::new(Shared {
            maker,
            ahead: ahead as u64,
            generation: AtomicU64::new(0),
            state: Mutex::default(),
            work: Condvar::new(),
            done: Condvar::new(),
        }));
        for number in 0..threads {
            let shared = queue.0.clone();
            let name = format!("tinderbox-data-{number}");
            thread::Builder::new()
                .name(name.clone())
                .spawn(move || {
                    let _watch = Watch(&shared);
                    shared.work();
                })
                .map_err(|source| DataError::io(PathBuf::from(format!("thread {name}")), source))?;
        }
        Ok(queue)
    }

    /// Goes to batch `step` and forgets all that was made.
    pub(super) fn seek(&self, step: u64) {
        let mut state = self.0.lock();
        self.0.generation.fetch_add(1, Ordering::SeqCst);
        *state = State {
            begin: step,
            take: step,
            died: state.died,
            ..State::default()
        };
    }

    /// Waits for batch `step`, the one that is next to be taken.
    pub(super) fn take(&self, step: u64) -> Made {
        let mut state = self.0.lock();
        debug_assert_eq!(state.take, step, "batches are taken in order");
        state.wanted = true;
        self.0.work.notify_all();
        loop {
            if let Some(made) = state.finished.remove(&step) {
                state.take = step + 1;
                self.0.work.notify_all();
                return made;
            }
            if state.died {
                return Made {
                    skipped: Vec::new(),
                    batch: Err(Unmade::Panicked("a thread of the loader died".to_owned())),
                };
            }
            state = self
                .0
                .done
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let _state = self.0.lock();
        self.0.generation.store(ENDED, Ordering::SeqCst);
        self.0.work.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a thread does until the queue is dropped.
    fn work(&self) {
        let mut state = self.lock();
        loop {
            // Read under the lock, where it changes.
            let generation = self.generation.load(Ordering::SeqCst);
            if generation == ENDED {
                return;
            }
            if !state.wanted || state.begin >= state.take.saturating_add(self.ahead) {
                state = self
                    .work
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let step = state.begin;
            state.begin += 1;
            drop(state);
            let cancelled = || self.generation.load(Ordering::Relaxed) != generation;
            let made = make_caught(&*self.maker, step, &cancelled);
            state = self.lock();
            if self.generation.load(Ordering::SeqCst) == generation {
                state.finished.insert(step, made);
                self.done.notify_all();
            }
        }
    }
}

/// Tells the taker when a thread unwinds.
struct Watch<'a>(&'a Shared);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lock().died = true;
            self.0.done.notify_all();
        }
    }
}
