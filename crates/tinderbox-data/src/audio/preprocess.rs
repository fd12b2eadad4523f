//! What every clip goes through before a model hears it, in training and after.

use std::sync::Arc;

use burn::data::dataset::Dataset;
use serde::{Deserialize, Serialize};

use super::{AudioClip, AudioItem, LogMel, LogMelConfig, Resampler};
use crate::DataError;
use crate::readable::visit_readable;

/// The version of the serialised form.
const FORMAT_VERSION: u32 = 1;

/// Values of one input; a file must not ask for all memory.
const MOST_VALUES: usize = 1 << 28;

/// What a model hears of a clip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudioPreprocessConfig {
    /// Samples a second.
    pub rate: u32,
    /// Samples of every input, at that rate.
    pub samples: usize,
    /// How the spectrogram is made; without it the model gets the waveform.
    pub log_mel: Option<LogMelConfig>,
}

/// The deterministic way from a clip to a model's input; written as `preprocessing.json`.
///
/// A longer clip is cut to its middle, its channels are mixed down by their mean, it is resampled when its rate differs, and followed by
/// silence when it is too short. Its log-mel spectrogram is taken, if wanted, and every value is normalised to `(value - mean) / std`, with
/// one mean and one deviation for all.
///
/// It is cheap to clone: plans and filters are shared.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct AudioPreprocess {
    config: AudioPreprocessConfig,
    mean: f32,
    std: f32,
    resampler: Arc<Resampler>,
    log_mel: Option<LogMel>,
}

/// The serialised form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format_version: u32,
    rate: u32,
    samples: usize,
    log_mel: Option<LogMelConfig>,
    mean: f32,
    std: f32,
}

impl From<AudioPreprocess> for Stored {
    fn from(value: AudioPreprocess) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            rate: value.config.rate,
            samples: value.config.samples,
            log_mel: value.config.log_mel,
            mean: value.mean,
            std: value.std,
        }
    }
}

impl TryFrom<Stored> for AudioPreprocess {
    type Error = DataError;

    fn try_from(value: Stored) -> Result<Self, DataError> {
        if value.format_version != FORMAT_VERSION {
            return Err(DataError::config(
                "format_version",
                FORMAT_VERSION,
                value.format_version,
            ));
        }
        let config = AudioPreprocessConfig {
            rate: value.rate,
            samples: value.samples,
            log_mel: value.log_mel,
        };
        Self::new(config)?.normalised(value.mean, value.std)
    }
}

/// Equal settings hear equal things.
impl PartialEq for AudioPreprocess {
    fn eq(&self, other: &Self) -> bool {
        (&self.config, self.mean, self.std) == (&other.config, other.mean, other.std)
    }
}

impl AudioPreprocess {
    /// Without normalisation: mean 0 and standard deviation 1.
    ///
    /// # Errors
    /// [`DataError::Config`] when the rate is 0, when there are no samples or more than 2^28 values, when there are too few samples for one
    /// frame of the spectrogram, and for its settings as [`LogMelConfig::build`] says.
    pub fn new(config: AudioPreprocessConfig) -> Result<Self, DataError> {
        let AudioPreprocessConfig {
            rate,
            samples,
            log_mel,
        } = &config;
        if *rate == 0 {
            return Err(DataError::config("rate", "a positive number", rate));
        }
        let log_mel = log_mel.map(|config| config.build(*rate)).transpose()?;
        let least = log_mel.as_ref().map_or(1, LogMel::least_samples);
        if !(least..=MOST_VALUES).contains(samples) {
            let expected = format!("{least} to {MOST_VALUES}");
            return Err(DataError::config("samples", expected, samples));
        }
        let preprocess = Self {
            resampler: Arc::new(Resampler::new(*rate)),
            log_mel,
            config,
            mean: 0.0,
            std: 1.0,
        };
        // No product of numbers of so few bits overflows.
        let values: u64 = preprocess.shape().map(|size| size as u64).iter().product();
        if values > MOST_VALUES as u64 {
            let expected = format!("at most {MOST_VALUES} values of a spectrogram");
            return Err(DataError::config("samples", expected, values));
        }
        Ok(preprocess)
    }

    /// With this mean and this standard deviation instead of its own.
    ///
    /// # Errors
    /// [`DataError::Config`] when they are not finite, or the deviation is not positive.
    pub fn normalised(self, mean: f32, std: f32) -> Result<Self, DataError> {
        if !mean.is_finite() {
            return Err(DataError::config("mean", "a finite number", mean));
        }
        if !(std.is_finite() && std > 0.0) {
            return Err(DataError::config("std", "a positive number", std));
        }
        Ok(Self { mean, std, ..self })
    }

    /// Takes the mean and the standard deviation over all values of the inputs that the items `indices` make.
    ///
    /// Inputs that do not vary get the standard deviation 1. Items that cannot be read are left out, up to `max_bad` of them. The
    /// sums are of `f64`, in the order of `indices`.
    ///
    /// # Errors
    /// [`DataError::TooManyBad`] when more items cannot be read, [`DataError::Config`] when no item is left, and as [`AudioPreprocess::new`].
    ///
    /// # Panics
    /// If an index is not in the data set.
    pub fn fit<D>(
        dataset: &D,
        indices: &[usize],
        config: AudioPreprocessConfig,
        max_bad: usize,
    ) -> Result<Self, DataError>
    where
        D: Dataset<AudioItem, DataError> + ?Sized,
    {
        let plain = Self::new(config)?;
        // Differences from the first value, so that what does not vary sums up to 0 exactly.
        let mut first = None;
        let (mut count, mut sum, mut squares) = (0_usize, 0.0, 0.0);
        visit_readable(dataset, indices, max_bad, |_, item| {
            let values = plain.apply_owned(item.clip);
            count += values.len();
            for value in values.into_iter().map(f64::from) {
                let difference = value - *first.get_or_insert(value);
                sum += difference;
                squares += difference * difference;
            }
            Ok(())
        })?;
        let shift = sum / count as f64;
        let mean = first.unwrap_or(0.0) + shift;
        let std = (squares / count as f64 - shift * shift).max(0.0).sqrt();
        let std = if std > 1e-6 { std } else { 1.0 };
        plain.normalised(mean as f32, std as f32)
    }

    /// Rate, length and spectrogram.
    pub fn config(&self) -> &AudioPreprocessConfig {
        &self.config
    }

    /// What is subtracted from every value.
    pub fn mean(&self) -> f32 {
        self.mean
    }

    /// By what every value is then divided.
    pub fn std(&self) -> f32 {
        self.std
    }

    /// The shape of the input: `[1, mels, frames]`, or `[1, 1, samples]` for a waveform.
    pub fn shape(&self) -> [usize; 3] {
        let samples = self.config.samples;
        match &self.log_mel {
            Some(log_mel) => [1, log_mel.config().mels, log_mel.frames(samples)],
            None => [1, 1, samples],
        }
    }

    /// The model's input, flattened.
    ///
    /// # Panics
    /// If the clip is not valid (see [`AudioClip::new`]).
    pub fn apply(&self, clip: &AudioClip) -> Vec<f32> {
        self.apply_owned(clip.clone())
    }

    /// [`AudioPreprocess::apply`] without a copy.
    ///
    /// # Panics
    /// As [`AudioPreprocess::apply`].
    pub fn apply_owned(&self, clip: AudioClip) -> Vec<f32> {
        self.features(self.waveform(clip, |spare| spare / 2))
    }

    /// One channel of the wanted rate and length. `start` chooses where a longer clip is cut; it is told by how many samples of the clip's own
    /// rate that can be moved, and gives one of `0..=spare`.
    pub(super) fn waveform(
        &self,
        mut clip: AudioClip,
        start: impl FnOnce(usize) -> usize,
    ) -> Vec<f32> {
        let AudioPreprocessConfig { rate, samples, .. } = self.config;
        let length = clip.length();
        // So many of the clip's own samples become at least the wanted ones.
        let own = (samples as u128 * u128::from(clip.rate)).div_ceil(rate.into());
        if own < length as u128 {
            // Cut first, so that no more is resampled than is heard.
            let own = own as usize;
            let start = start(length - own);
            clip.samples.drain(..start * clip.channels);
            clip.samples.truncate(own * clip.channels);
        }
        let clip = clip.mono();
        let mut waveform = self.resampler.apply(clip.samples, clip.rate);
        waveform.resize(samples, 0.0);
        waveform
    }

    /// The normalised input of a waveform of the wanted rate and length.
    pub(super) fn features(&self, waveform: Vec<f32>) -> Vec<f32> {
        let mut values = match &self.log_mel {
            Some(log_mel) => log_mel.apply(&waveform),
            None => waveform,
        };
        let factor = 1.0 / self.std;
        values
            .iter_mut()
            .for_each(|value| *value = (*value - self.mean) * factor);
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::testing::assert_close;

    fn waveforms(rate: u32, samples: usize) -> AudioPreprocess {
        AudioPreprocess::new(AudioPreprocessConfig {
            rate,
            samples,
            log_mel: None,
        })
        .unwrap()
    }

    fn spectrograms() -> AudioPreprocess {
        AudioPreprocess::new(AudioPreprocessConfig {
            rate: 16_000,
            samples: 8_000,
            log_mel: Some(LogMelConfig::default()),
        })
        .unwrap()
    }

    fn ramp(rate: u32, channels: usize, length: usize) -> AudioClip {
        let values = (0..length * channels).map(|n| (n / channels) as f32);
        AudioClip::new(rate, channels, values.collect())
    }

    #[test]
    fn longer_clips_are_cut_to_their_middle_and_shorter_ones_followed_by_silence() {
        let preprocess = waveforms(8_000, 4);
        assert_eq!(preprocess.shape(), [1, 1, 4]);
        assert_eq!(preprocess.apply(&ramp(8_000, 2, 9)), [2.0, 3.0, 4.0, 5.0]);
        assert_eq!(preprocess.apply(&ramp(8_000, 1, 4)), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(preprocess.apply(&ramp(8_000, 1, 2)), [0.0, 1.0, 0.0, 0.0]);
        assert_eq!(preprocess.apply(&ramp(8_000, 1, 0)), [0.0; 4]);
    }

    #[test]
    fn other_rates_are_resampled_to_the_same_length() {
        let preprocess = waveforms(16_000, 1_000);
        for rate in [8_000, 11_025, 44_100, 48_000] {
            for seconds in [0.03, 0.5] {
                let angle = std::f32::consts::TAU * 500.0 / rate as f32;
                let samples =
                    (0..(seconds * rate as f32) as usize).map(|n| (n as f32 * angle).sin());
                let got = preprocess.apply(&AudioClip::new(rate, 1, samples.collect()));
                assert_eq!(got.len(), 1_000);
                // A tone of amplitude 1 as far as it goes; a 20th for its ends, which ring.
                let heard = (seconds * 16_000.0).min(1_000.0) as usize;
                let power = got.iter().map(|v| v * v).sum::<f32>() / heard as f32;
                assert!(
                    (power - 0.5).abs() < 0.05,
                    "{rate} Hz, {seconds} s: {power}"
                );
                assert!(got[(heard + 1).min(1_000)..].iter().all(|v| *v == 0.0));
            }
        }
    }

    #[test]
    fn spectrograms_are_normalised() {
        let plain = spectrograms();
        assert_eq!(plain.shape(), [1, 80, 51]);
        let clip = ramp(16_000, 1, 8_000);
        let normalised = plain.clone().normalised(-4.0, 2.0).unwrap();
        let expected: Vec<f32> = plain.apply(&clip).iter().map(|v| (v + 4.0) / 2.0).collect();
        assert_close(&normalised.apply(&clip), &expected, 1e-6);
        assert_eq!(plain.apply(&clip).len(), 80 * 51);
    }

    #[test]
    fn the_file_is_versioned_and_checked() {
        let preprocess = spectrograms().normalised(-6.5, 4.25).unwrap();
        let text = serde_json::to_string(&preprocess).unwrap();
        assert_eq!(
            text,
            r#"{"format_version":1,"rate":16000,"samples":8000,"log_mel":{"n_fft":400,"hop":160,"mels":80,"scale":"slaney","slaney_norm":true,"low":0.0,"high":null,"floor":1e-10},"mean":-6.5,"std":4.25}"#
        );
        let read = |text: &str| serde_json::from_str::<AudioPreprocess>(text);
        assert_eq!(read(&text).unwrap(), preprocess);
        assert_ne!(read(&text).unwrap(), spectrograms());
        for (part, other) in [
            ("\"format_version\":1", "\"format_version\":2"),
            ("\"rate\":16000", "\"rate\":0"),
            ("\"samples\":8000", "\"samples\":200"),
            ("\"samples\":8000", "\"samples\":18446744073709551615"),
            ("\"hop\":160", "\"hop\":0"),
            ("\"scale\":\"slaney\"", "\"scale\":\"bark\""),
            ("\"std\":4.25", "\"std\":0.0"),
            ("\"std\":4.25", "\"std\":1e39"),
            ("\"mean\":-6.5", "\"mean\":null"),
            ("\"mean\"", "\"median\""),
        ] {
            let text = text.replace(part, other);
            assert!(read(&text).is_err(), "{text}");
        }
        let waveform = serde_json::to_string(&waveforms(8_000, 100)).unwrap();
        assert_eq!(read(&waveform).unwrap(), waveforms(8_000, 100));
    }

    #[test]
    fn a_spectrogram_of_too_many_values_is_refused() {
        let log_mel = LogMelConfig {
            hop: 1,
            ..LogMelConfig::default()
        };
        let config = AudioPreprocessConfig {
            rate: 16_000,
            samples: 1 << 24,
            log_mel: Some(log_mel),
        };
        let error = AudioPreprocess::new(config).unwrap_err();
        assert!(
            matches!(
                error,
                DataError::Config {
                    name: "samples",
                    ..
                }
            ),
            "{error}"
        );
    }
}
