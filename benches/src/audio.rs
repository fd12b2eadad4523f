//! Clips of a second, made to inputs on one thread.

use std::error::Error;

use tinderbox::data::audio::{
    AudioAugmentConfig, AudioClip, AudioItem, AudioPreprocess, AudioPreprocessConfig,
    AudioTwoViews, LogMelConfig,
};
use tinderbox::data::{DataError, SampleRng, View};

use crate::measurement::{Measurement, seconds};

const RUNS: usize = 11;

/// Inputs of one run.
const CLIPS: u64 = 500;

pub(crate) fn bench() -> Result<Vec<Measurement>, Box<dyn Error>> {
    let preprocess = |log_mel| {
        AudioPreprocess::new(AudioPreprocessConfig {
            rate: 16_000,
            samples: 16_000,
            log_mel,
        })
    };
    let spectrogram = preprocess(Some(LogMelConfig::default()))?;
    let waveform = preprocess(None)?;
    let augment = AudioAugmentConfig::all();
    let two = AudioTwoViews {
        augment: augment.build(&spectrogram)?,
        preprocess: spectrogram.clone(),
    };
    let plain = |preprocess: AudioPreprocess| {
        move |clip, _| drop(std::hint::black_box(preprocess.apply_owned(clip)))
    };
    Ok(vec![
        measure("audio/log-mel", 16_000, 1, plain(spectrogram))?
            .with_note("16 kHz, 400-point transforms every 160 samples, 80 bands"),
        measure("audio/resample-8k", 8_000, 1, plain(waveform.clone()))?
            .with_note("8 to 16 kHz, waveform"),
        measure("audio/resample-44k", 44_100, 1, plain(waveform))?
            .with_note("44.1 to 16 kHz, waveform"),
        measure("audio/two-views", 16_000, 2, move |clip, rng| {
            let item = AudioItem {
                clip,
                label: None,
                id: String::new(),
            };
            drop(std::hint::black_box(two.apply(item, rng)));
        })?
        .with_note("shift, gain, noise, log-mel, SpecAugment"),
    ])
}

fn measure(
    name: &str,
    rate: u32,
    views: u64,
    work: impl Fn(AudioClip, SampleRng),
) -> Result<Measurement, DataError> {
    let mut rng = SampleRng::new(0, 0, 0, SampleRng::VIEW);
    let samples: Vec<f32> = (0..rate).map(|_| rng.range(-1.0..1.0)).collect();
    let seconds = seconds(RUNS, || {
        for index in 0..CLIPS {
            let clip = AudioClip::new(rate, 1, samples.clone());
            work(clip, SampleRng::new(0, 0, index, SampleRng::VIEW));
        }
        Ok::<_, DataError>(())
    })?;
    let inputs = (views * CLIPS) as f64;
    let rates = seconds.into_iter().map(|seconds| inputs / seconds);
    Ok(Measurement::new(name, "clips/s/core", rates.collect()))
}
