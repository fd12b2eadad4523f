//! Images a second that the loader makes, and how many times more than a training step eats.

use std::error::Error;
use std::sync::Arc;

use tinderbox::data::{DataError, Loader, LoaderConfig, Preprocess, TwoViews, ViewCollate};

use crate::measurement::{Measurement, seconds, verdict};
use crate::step::{self, BATCH};
use crate::{synthetic, views};

const THREADS: usize = 2;
const RUNS: usize = 11;
const BATCHES: usize = 100;

/// The loader must be this many times as fast as the step, so that no step waits for it.
const TARGET: f64 = 3.0;

/// Two affine views of MNIST's size, from images in memory to a model that does nothing.
pub(crate) fn bench() -> Result<Vec<Measurement>, Box<dyn Error>> {
    let images = synthetic::images(BATCHES * BATCH, [28, 28, 1])?;
    let view = TwoViews {
        augment: views::affine().build()?,
        preprocess: Preprocess::plain((28, 28), 1),
    };
    let config = LoaderConfig {
        batch: BATCH,
        seed: 0,
        threads: THREADS,
        prefetch: THREADS + 2,
        shuffle: true,
        max_bad: 0,
    };
    let mut loader = Loader::new(Arc::new(images), view, ViewCollate, config)?;
    let seconds = seconds(RUNS, || {
        for _ in 0..BATCHES {
            std::hint::black_box(loader.next_batch()?);
        }
        Ok::<_, DataError>(())
    })?;
    drop(loader);
    let images = (BATCHES * BATCH) as f64;
    let rates = seconds
        .into_iter()
        .map(|seconds| images / seconds)
        .collect();
    let made = Measurement::new("loader", "images/s", rates)
        .with_note("2 threads, two affine views of 28 x 28 x 1 bytes, a model that does nothing");

    let eaten = BATCH as f64 / step::bench::simclr_cnn()?[0].median();
    let ratio = made.median() / eaten;
    let note = format!(
        "loader over the {eaten:.0} images/s of simclr-cnn; target at least {TARGET}: {}",
        verdict(ratio >= TARGET)
    );
    let ratio = Measurement::single("loader/ratio", "x", ratio).with_note(note);
    Ok(vec![made, ratio])
}
