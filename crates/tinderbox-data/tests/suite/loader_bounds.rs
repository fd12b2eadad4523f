//! What a loader takes of memory, and that what is slow holds up nothing else.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use burn::data::dataset::Dataset;
use tinderbox_data::{DataError, Loader, LoaderConfig, Sample, SampleRng, View, ViewCollate};

use crate::allocation::peak_of_all;
use crate::loader::{Numbers, open};

const BATCH: usize = 64;
const VALUES: usize = 1 << 15;
const BATCH_BYTES: usize = BATCH * VALUES * 4;

const CONFIG: LoaderConfig = LoaderConfig {
    batch: BATCH,
    seed: 0,
    threads: 2,
    prefetch: 3,
    shuffle: true,
    max_bad: 0,
};

struct Nothing;

impl Dataset<(), DataError> for Nothing {
    fn get(&self, _index: usize) -> Result<(), DataError> {
        Ok(())
    }

    fn len(&self) -> usize {
        4 * BATCH
    }
}

struct Large;

impl View<()> for Large {
    type Out = Sample;

    fn apply(&self, _item: (), rng: SampleRng) -> Sample {
        Sample {
            views: vec![vec![1.0; VALUES]],
            shape: [1, 1, VALUES],
            label: None,
            index: rng.index(),
        }
    }
}

/// Run by the next test, in a process of its own.
#[test]
#[ignore = "measures the whole process; `memory_is_bounded` starts it"]
fn measured_alone() {
    let ((), bytes) = peak_of_all(|| {
        let mut loader = Loader::new(Arc::new(Nothing), Large, ViewCollate, CONFIG).unwrap();
        for _ in 0..12 {
            let batch = loader.next_batch().unwrap();
            // A slow model, which lets the threads go as far ahead as they may.
            std::thread::sleep(Duration::from_millis(40));
            drop(batch);
        }
    });
    println!("peak {bytes} bytes");
}

#[test]
fn memory_is_bounded_however_slow_the_model_is() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "loader_bounds::measured_alone",
            "--ignored",
            "--nocapture",
        ])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let bytes: usize = text
        .split_once("peak ")
        .and_then(|(_, rest)| rest.split_once(" bytes")?.0.parse().ok())
        .unwrap_or_else(|| panic!("{text}"));
    // What the loader's documentation says, and the batch that the model has; 1 MB for all else.
    let most = (CONFIG.prefetch + CONFIG.threads + 1) * BATCH_BYTES + (1 << 20);
    assert!(bytes <= most, "{bytes} bytes, at most {most}");
    // It measured something.
    assert!(bytes > 3 * BATCH_BYTES, "{bytes} bytes");
}

#[test]
fn a_slow_disk_does_not_keep_threads_from_each_other() {
    let delay = Duration::from_millis(10);
    let time = |threads| {
        let dataset = Numbers {
            delay,
            ..Numbers::new(400)
        };
        let config = LoaderConfig {
            batch: 4,
            threads,
            prefetch: 8,
            ..CONFIG
        };
        let mut loader = open(dataset, config);
        let start = Instant::now();
        for _ in 0..16 {
            loader.next_batch().unwrap();
        }
        start.elapsed()
    };
    // 64 items one after the other.
    assert!(time(1) >= 64 * delay);
    // Eight at a time take an eighth; a busy machine may take three times as long.
    let together = time(8);
    assert!(together < 24 * delay, "{together:?}");
}
