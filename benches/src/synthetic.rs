//! Data made of noise, so that no bench needs a download.

use std::sync::Arc;

use tinderbox::burn::data::dataset::Dataset;
use tinderbox::burn::tensor::TensorData;
use tinderbox::data::{
    Collate, DataError, InMemoryImages, Loader, LoaderConfig, Pixels, PlainBatch, SampleRng, View,
};

/// Seed of all noise.
const SEED: u64 = 0;

/// The word that stands for a masked one.
const MASK: i64 = 4;

/// Labels of the synthetic batches.
pub(crate) const CLASSES: usize = 10;

/// `count` images of random bytes; `shape` is height, width, channels.
pub(crate) fn images(count: usize, shape: [usize; 3]) -> Result<InMemoryImages, DataError> {
    let mut rng = SampleRng::new(SEED, 0, 0, 0);
    let bytes = (0..count * shape.iter().product::<usize>())
        .map(|_| rng.below(256) as u8)
        .collect();
    InMemoryImages::new(shape, Pixels::U8(bytes), None, Vec::new())
}

/// `images` items of `views` views with labels, of normalised random values; `shape` is channels, height, width.
pub(crate) fn batch(
    images: usize,
    views: usize,
    [channels, height, width]: [usize; 3],
) -> PlainBatch {
    let mut rng = SampleRng::new(SEED, 0, 0, 0);
    let mut tensors: Vec<_> = (0..views)
        .map(|view| {
            let values = (0..images * channels * height * width)
                .map(|_| 2.0 * rng.uniform() - 1.0)
                .collect();
            let data = TensorData::new::<f32, _>(values, [images, channels, height, width]);
            (format!("view{view}"), data)
        })
        .collect();
    let labels: Vec<i64> = (0..images)
        .map(|_| rng.below(CLASSES as u64) as i64)
        .collect();
    tensors.push(("label".to_owned(), TensorData::new(labels, [images])));
    PlainBatch {
        indices: (0..images as u64).collect(),
        tensors,
    }
}

/// `count` sentences of `length` words and none shorter, `share` of the words masked.
pub(crate) fn sentences(count: usize, length: usize, vocabulary: usize, share: f64) -> PlainBatch {
    let mut rng = SampleRng::new(SEED, 0, 0, 0);
    let mut word = || rng.below(vocabulary as u64) as i64;
    let words = count * length;
    let mut tokens: Vec<i64> = (0..words).map(|_| word()).collect();
    // Evenly spread: where they lie changes no time.
    let masked = (share * words as f64).round() as usize;
    let positions: Vec<i64> = (0..masked).map(|n| (n * words / masked) as i64).collect();
    let targets: Vec<i64> = (0..masked).map(|_| word()).collect();
    for &position in &positions {
        tokens[position as usize] = MASK;
    }
    let rows = |values: Vec<i64>| TensorData::new(values, [count, length]);
    let tensors = [
        ("tokens", rows(tokens)),
        ("segments", rows(vec![0; words])),
        ("padding", rows(vec![0; words])),
        ("positions", TensorData::new(positions, [masked])),
        ("targets", TensorData::new(targets, [masked])),
    ];
    PlainBatch {
        indices: (0..count as u64).collect(),
        tensors: tensors.map(|(name, data)| (name.to_owned(), data)).into(),
    }
}

/// A loader that hands out the same batch over and over and makes none.
pub(crate) fn ready(batch: PlainBatch) -> Result<Loader, DataError> {
    let items = batch.indices.len();
    let config = LoaderConfig {
        batch: items,
        seed: SEED,
        threads: 1,
        prefetch: 2,
        shuffle: false,
        max_bad: 0,
    };
    Loader::new(Arc::new(Items(items)), Nothing, Ready(batch), config)
}

/// So many items with nothing in them.
struct Items(usize);

impl Dataset<(), DataError> for Items {
    fn get(&self, _index: usize) -> Result<(), DataError> {
        Ok(())
    }

    fn len(&self) -> usize {
        self.0
    }
}

struct Nothing;

impl View<()> for Nothing {
    type Out = ();

    fn apply(&self, _item: (), _rng: SampleRng) {}
}

struct Ready(PlainBatch);

impl Collate<()> for Ready {
    fn collate(&self, _samples: Vec<()>) -> PlainBatch {
        self.0.clone()
    }
}
