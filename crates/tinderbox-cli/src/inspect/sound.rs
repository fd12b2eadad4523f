//! Clips: lengths, rates, loudness, and a sheet of spectrograms.

use std::collections::BTreeMap;
use std::path::Path;

use burn::data::dataset::Dataset;
use tinderbox::data::audio::{
    AudioAugmentConfig, AudioFolder, AudioFolderConfig, AudioItem, AudioPreprocess,
    AudioPreprocessConfig, AudioTwoViews, LogMelConfig,
};
use tinderbox::data::{Image, Labelled, Pixels, SampleRng, View, contact_sheet, encode_png};

use super::{Chart, Inspection, quoted, range, spread};
use crate::error::CliError;
use crate::table::tidy;

const BINS: usize = 16;
/// Clips on the sheet; each has two views.
const ROWS: usize = 6;
/// A clip whose largest sample is below this is as good as silent: -60 dB.
const SILENT: f32 = 1e-3;

pub(super) fn inspect(folder: &Path) -> Result<Inspection, CliError> {
    let dataset = AudioFolder::open(folder, AudioFolderConfig::default())?;
    let items = dataset.len();
    let (mut seconds, mut peaks, mut examples) = (Vec::new(), Vec::new(), Vec::new());
    let mut rates = BTreeMap::<u32, u64>::new();
    let (mut stereo, mut silent, mut clipped) = (0, 0, 0);
    let (mut looked_at, mut unreadable) = (0, Vec::new());
    let every = items.min(super::SAMPLE).div_ceil(ROWS).max(1);
    for (place, index) in spread(items).enumerate() {
        looked_at += 1;
        let item = match dataset.get(index) {
            Ok(item) => item,
            Err(error) => {
                unreadable.push(error.to_string());
                continue;
            }
        };
        let clip = &item.clip;
        seconds.push(clip.length() as f64 / f64::from(clip.rate));
        *rates.entry(clip.rate).or_default() += 1;
        stereo += usize::from(clip.channels > 1);
        let peak = clip
            .samples
            .iter()
            .fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        peaks.push(20.0 * f64::from(peak.max(1e-6)).log10());
        silent += usize::from(peak < SILENT);
        clipped += usize::from(peak >= 0.9999);
        if place % every == 0 && peak >= SILENT {
            examples.push(item);
        }
    }
    let mut inspection = Inspection {
        kind: "clips",
        ..Inspection::default()
    };
    inspection.fact("folder", folder.display());
    inspection.fact("clips", items);
    inspection.fact("looked into", looked_at);
    inspection.fact("seconds", range(&seconds));
    let each = rates
        .iter()
        .map(|(rate, count)| format!("{rate} ({count})"));
    inspection.fact("samples a second", each.collect::<Vec<_>>().join(", "));
    inspection.fact("more than one channel", stereo);
    inspection.fact("near silence", silent);
    inspection.fact("at full scale", clipped);
    inspection.classes(
        dataset.class_names(),
        (0..items).map(|index| dataset.label(index)),
    );
    inspection.unreadable(&unreadable, looked_at, "clips");
    if rates.len() > 1 {
        inspection.warnings.push(
            "clips have different rates; all are resampled to one, and the lowest of them bounds what can be heard".into(),
        );
    }
    inspection.charts.extend(Chart::histogram(
        "Seconds",
        "Length of a clip; longer ones are cut, shorter ones filled with silence.",
        &seconds,
        BINS,
    ));
    inspection.charts.extend(Chart::histogram(
        "Peak, dB",
        "Largest sample of a clip, 0 is full scale.",
        &peaks,
        BINS,
    ));
    let Some(config) = preprocessing(&rates, &seconds) else {
        return Ok(inspection);
    };
    inspection.recipe = text_of(folder, &config);
    if !examples.is_empty() {
        inspection.sheet = Some(sheet(&examples, config)?);
    }
    Ok(inspection)
}

/// The commonest rate, and a length that nine clips of ten fit into, up to ten seconds.
fn preprocessing(rates: &BTreeMap<u32, u64>, seconds: &[f64]) -> Option<AudioPreprocessConfig> {
    let (rate, _) = rates.iter().max_by_key(|(_, count)| **count)?;
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    let length = sorted.get(sorted.len() * 9 / 10)?.clamp(0.1, 10.0);
    let log_mel = LogMelConfig::default();
    let samples = ((length * f64::from(*rate)) as usize).max(log_mel.n_fft);
    Some(AudioPreprocessConfig {
        rate: *rate,
        samples,
        log_mel: Some(log_mel),
    })
}

fn text_of(folder: &Path, config: &AudioPreprocessConfig) -> String {
    let path = quoted(folder);
    let AudioPreprocessConfig { rate, samples, .. } = config;
    let length = tidy(*samples as f64 / f64::from(*rate));
    format!(
        "# Settings for the library; `pretrain` does not read clips yet.\n[data]\nsource = \"audio-folder\"\npath = {path}\n\n[data.audio]\nrate = {rate} # the commonest\n\
         samples = {samples} # {length} s, which nine clips of ten fit into\n"
    )
}

/// A row for each clip: two random views of its spectrogram.
fn sheet(
    examples: &[AudioItem],
    config: AudioPreprocessConfig,
) -> Result<(Vec<u8>, String), CliError> {
    let preprocess = AudioPreprocess::new(config)?;
    let augment = AudioAugmentConfig::all();
    let augment = augment.build(&preprocess)?;
    let view = AudioTwoViews {
        augment,
        preprocess,
    };
    let mut pictures = Vec::new();
    for (row, item) in examples.iter().take(ROWS).enumerate() {
        let rng = SampleRng::new(0, 0, row as u64, SampleRng::VIEW);
        let sample = view.apply(item.clone(), rng);
        let [_, mels, frames] = sample.shape;
        pictures.extend(
            sample
                .views
                .iter()
                .map(|values| picture(values, mels, frames)),
        );
    }
    let caption = "Each row: two random views of a clip as log-mel spectrograms, low frequencies below: shifted, louder or softer, with noise and \
                   with bands left out.";
    Ok((
        encode_png(&contact_sheet(&pictures, 2)?)?,
        caption.to_owned(),
    ))
}

/// Bright where it is loud, the highest frequency in the first row.
fn picture(values: &[f32], mels: usize, frames: usize) -> Image {
    let least = values.iter().copied().fold(f32::INFINITY, f32::min);
    let most = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let width = (most - least).max(f32::MIN_POSITIVE);
    let rows = values.chunks_exact(frames).rev();
    let pixels = rows.flatten().map(|value| (value - least) / width);
    Image::new(mels, frames, 1, Pixels::F32(pixels.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_what_most_clips_fit_into() {
        let rates = BTreeMap::from([(8_000, 9), (16_000, 1)]);
        let seconds: Vec<f64> = (1..=10).map(f64::from).collect();
        let config = preprocessing(&rates, &seconds).unwrap();
        assert_eq!((config.rate, config.samples), (8_000, 80_000));
        assert!(preprocessing(&BTreeMap::new(), &[]).is_none());
    }

    #[test]
    fn a_spectrogram_is_a_picture_with_low_frequencies_below() {
        let image = picture(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0], 3, 2);
        let expected = [0.8, 1.0, 0.4, 0.6, 0.0, 0.2];
        assert_eq!((image.height, image.width), (3, 2));
        for (got, expected) in image.into_f32().iter().zip(expected) {
            assert!((got - expected).abs() < 1e-6);
        }
    }
}
