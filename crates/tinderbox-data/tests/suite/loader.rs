//! The order of batches, threads, and what happens when something breaks.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use burn::data::dataset::Dataset;
use burn::tensor::TensorData;
use tinderbox_data::{Collate, DataError, Loader, LoaderConfig, PlainBatch, SampleRng, View};

/// Items that are their own index, with whatever trouble a test wants.
#[derive(Default)]
pub struct Numbers {
    pub len: usize,
    pub bad: BTreeSet<usize>,
    pub panics: Option<usize>,
    pub delay: Duration,
    pub reads: AtomicUsize,
}

impl Numbers {
    pub fn new(len: usize) -> Self {
        Self {
            len,
            ..Self::default()
        }
    }
}

impl Dataset<usize, DataError> for Numbers {
    fn get(&self, index: usize) -> Result<usize, DataError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        thread::sleep(self.delay);
        assert!(self.panics != Some(index), "item {index} is cursed");
        if self.bad.contains(&index) {
            return Err(DataError::Decode {
                path: format!("{index}.png").into(),
                message: "cut short".to_owned(),
            });
        }
        Ok(index)
    }

    fn len(&self) -> usize {
        self.len
    }
}

/// The item with a random number.
#[derive(Default)]
pub struct Draw {
    pub panics: bool,
}

impl View<usize> for Draw {
    type Out = (u64, f32);

    fn apply(&self, item: usize, mut rng: SampleRng) -> (u64, f32) {
        assert!(!self.panics, "the view is cursed");
        assert_eq!(rng.index(), item as u64);
        (rng.index(), rng.uniform())
    }
}

/// Counts how many batches were made.
#[derive(Default, Clone)]
pub struct Pairs(pub Arc<AtomicUsize>);

impl Collate<(u64, f32)> for Pairs {
    fn collate(&self, samples: Vec<(u64, f32)>) -> PlainBatch {
        self.0.fetch_add(1, Ordering::SeqCst);
        let draws: Vec<f32> = samples.iter().map(|sample| sample.1).collect();
        let shape = [draws.len()];
        PlainBatch {
            indices: samples.iter().map(|sample| sample.0).collect(),
            tensors: vec![("draw".to_owned(), TensorData::new(draws, shape))],
        }
    }
}

pub fn config(threads: usize) -> LoaderConfig {
    LoaderConfig {
        batch: 4,
        seed: 5,
        threads,
        prefetch: 3,
        shuffle: true,
        max_bad: 0,
    }
}

pub fn open(dataset: Numbers, config: LoaderConfig) -> Loader {
    Loader::new(Arc::new(dataset), Draw::default(), Pairs::default(), config).unwrap()
}

/// Fails instead of hanging.
#[track_caller]
pub fn within<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = channel();
    thread::spawn(move || sender.send(work()));
    receiver.recv_timeout(limit).expect("it hangs or panicked")
}

pub const LONG: Duration = Duration::from_secs(20);

fn take(loader: &mut Loader, count: usize) -> Vec<PlainBatch> {
    (0..count).map(|_| loader.next_batch().unwrap()).collect()
}

#[test]
fn threads_do_not_change_the_batches() {
    let expected = take(&mut open(Numbers::new(30), config(0)), 20);
    for threads in [1, 2, 4] {
        for prefetch in [0, 1, 2, 9] {
            let config = LoaderConfig {
                prefetch,
                ..config(threads)
            };
            let got = within(LONG, move || take(&mut open(Numbers::new(30), config), 20));
            assert_eq!(got, expected);
        }
    }
}

#[test]
fn seek_equals_running_there() {
    let all = take(&mut open(Numbers::new(30), config(0)), 20);
    for threads in [0, 2] {
        let mut loader = open(Numbers::new(30), config(threads));
        for step in [13, 0, 7, 19, 7] {
            loader.seek(step as u64);
            assert_eq!(loader.position(), step as u64);
            assert_eq!(loader.next_batch().unwrap(), all[step]);
        }
        // Far away costs no more than near.
        loader.seek(1 << 40);
        let far = loader.next_batch().unwrap();
        assert_eq!(loader.position(), (1 << 40) + 1);
        assert_eq!(far.indices.len(), 4);
    }
}

#[test]
fn an_epoch_takes_each_item_once_in_an_order_of_its_own() {
    let mut loader = open(Numbers::new(30), config(2));
    assert_eq!(loader.steps_per_epoch(), 7);
    let mut epochs = Vec::new();
    for _ in 0..3 {
        let batches = take(&mut loader, 7);
        let indices: Vec<u64> = batches
            .into_iter()
            .flat_map(|batch| batch.indices)
            .collect();
        let distinct: BTreeSet<u64> = indices.iter().copied().collect();
        assert_eq!(distinct.len(), 28);
        assert!(distinct.iter().all(|index| *index < 30));
        epochs.push(indices);
    }
    assert_ne!(epochs[0], epochs[1]);
    assert_ne!(epochs[1], epochs[2]);
}

#[test]
fn the_seed_and_the_epoch_change_the_views() {
    let draws = |seed, step| {
        let plain = LoaderConfig {
            seed,
            shuffle: false,
            ..config(0)
        };
        let mut loader = open(Numbers::new(8), plain);
        loader.seek(step);
        let batch = loader.next_batch().unwrap();
        assert_eq!(batch.indices, [0, 1, 2, 3]);
        batch.tensors[0].1.as_slice::<f32>().unwrap().to_vec()
    };
    assert_eq!(draws(1, 0), draws(1, 0));
    assert_ne!(draws(1, 0), draws(2, 0));
    assert_ne!(draws(1, 0), draws(1, 2));
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let new = |len, config| {
        let dataset = Arc::new(Numbers::new(len));
        Loader::new(dataset, Draw::default(), Pairs::default(), config).unwrap_err()
    };
    assert_eq!(
        new(3, config(2)).to_string(),
        "3 items, fewer than one batch of 4"
    );
    assert!(matches!(
        new(0, config(0)),
        DataError::TooFew { items: 0, .. }
    ));
    let empty = LoaderConfig {
        batch: 0,
        ..config(0)
    };
    assert!(matches!(new(3, empty), DataError::Config { .. }));
    let threads = new(9, config(1 << 40));
    assert!(matches!(threads, DataError::Config { .. }));
}

#[test]
fn a_panic_is_an_error_in_its_place_and_again_until_seek() {
    for threads in [0, 1, 4] {
        within(LONG, move || {
            let dataset = Numbers {
                panics: Some(17),
                ..Numbers::new(30)
            };
            let plain = LoaderConfig {
                shuffle: false,
                ..config(threads)
            };
            let mut loader = open(dataset, plain);
            take(&mut loader, 4);
            for _ in 0..3 {
                let error = loader.next_batch().unwrap_err();
                let expected = "making a batch panicked: item 17 is cursed";
                assert_eq!(error.to_string(), expected);
                assert_eq!(loader.position(), 4);
            }
            loader.seek(5);
            assert_eq!(loader.next_batch().unwrap().indices, [20, 21, 22, 23]);
        });
    }
}

#[test]
fn a_panicking_view_is_an_error() {
    for threads in [0, 2] {
        within(LONG, move || {
            let dataset = Arc::new(Numbers::new(30));
            let view = Draw { panics: true };
            let mut loader = Loader::new(dataset, view, Pairs::default(), config(threads)).unwrap();
            let error = loader.next_batch().unwrap_err();
            assert!(matches!(error, DataError::Worker { .. }), "{error}");
        });
    }
}

#[test]
fn prefetch_is_bounded_and_starts_with_the_first_request() {
    let made = Pairs::default();
    let dataset = Arc::new(Numbers::new(1000));
    let mut loader = Loader::new(dataset, Draw::default(), made.clone(), config(4)).unwrap();
    let settled = |at_least: usize| {
        let start = Instant::now();
        while made.0.load(Ordering::SeqCst) < at_least && start.elapsed() < LONG {
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_millis(50));
        made.0.load(Ordering::SeqCst)
    };
    assert_eq!(settled(0), 0);
    loader.next_batch().unwrap();
    assert_eq!(settled(4), 4);
    take(&mut loader, 5);
    assert_eq!(settled(9), 9);
}

#[test]
fn dropping_is_quick_and_lets_go_of_the_data() {
    let dataset = Arc::new(Numbers {
        delay: Duration::from_millis(20),
        ..Numbers::new(1000)
    });
    let big = LoaderConfig {
        batch: 100,
        ..config(4)
    };
    let mut loader = Loader::new(dataset.clone(), Draw::default(), Pairs::default(), big).unwrap();
    loader.next_batch().unwrap();
    let start = Instant::now();
    drop(loader);
    // A batch takes 2 s; threads stop after their item.
    assert!(start.elapsed() < Duration::from_millis(500));
    while Arc::strong_count(&dataset) > 1 {
        assert!(start.elapsed() < Duration::from_secs(1), "threads live on");
        thread::sleep(Duration::from_millis(5));
    }
    let reads = dataset.reads.load(Ordering::SeqCst);
    thread::sleep(Duration::from_millis(50));
    assert_eq!(reads, dataset.reads.load(Ordering::SeqCst));
}

#[test]
fn dropping_while_an_item_blocks_does_not_wait_for_it() {
    let dataset = Numbers {
        delay: Duration::from_secs(3),
        ..Numbers::new(8)
    };
    let one = LoaderConfig {
        batch: 1,
        ..config(2)
    };
    let mut loader = open(dataset, one);
    loader.next_batch().unwrap();
    let start = Instant::now();
    drop(loader);
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[test]
fn waiting_is_measured() {
    for threads in [0, 1] {
        let dataset = Numbers {
            delay: Duration::from_millis(5),
            ..Numbers::new(8)
        };
        let mut loader = open(dataset, config(threads));
        assert_eq!(loader.waited(), Duration::ZERO);
        loader.next_batch().unwrap();
        assert!(loader.waited() >= Duration::from_millis(20));
    }
}
