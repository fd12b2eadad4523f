//! The log-mel spectrogram.

use std::f64::consts::TAU;
use std::fmt;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};
use serde::{Deserialize, Serialize};

use super::mel::{MelFilters, MelScale};
use crate::DataError;

/// More than this makes no sense, and a file must not ask for all memory.
const MOST: usize = 1 << 16;

/// How a log-mel spectrogram is made.
///
/// What is left out takes the default: Whisper's (Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision", and its
/// code), which is for 16 kHz.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogMelConfig {
    /// Samples of a frame, which is also the length of the Fourier transform and of its Hann window; even.
    pub n_fft: usize,
    /// Samples from one frame to the next.
    pub hop: usize,
    /// Bands.
    pub mels: usize,
    /// The scale on which they are evenly spaced.
    pub scale: MelScale,
    /// Whether the bands have the same area (`norm="slaney"` in librosa and torchaudio) instead of the same peak.
    pub slaney_norm: bool,
    /// The lower end of the first band, in hertz.
    pub low: f32,
    /// The upper end of the last band, in hertz; half the sample rate if it is left out.
    pub high: Option<f32>,
    /// The power below which a band counts as this much, so that silence has a logarithm; positive.
    pub floor: f32,
}

impl Default for LogMelConfig {
    fn default() -> Self {
        Self {
            n_fft: 400,
            hop: 160,
            mels: 80,
            scale: MelScale::Slaney,
            slaney_norm: true,
            low: 0.0,
            high: None,
            floor: 1e-10,
        }
    }
}

impl LogMelConfig {
    /// Plans the spectrogram of waveforms at `rate` samples a second.
    ///
    /// # Errors
    /// [`DataError::Config`] for a setting outside of its range, and for so many bands that one of them holds no frequency of
    /// the Fourier transform: it would be silent for ever.
    pub fn build(&self, rate: u32) -> Result<LogMel, DataError> {
        for (name, value, least) in [
            ("log_mel.n_fft", self.n_fft, 2),
            ("log_mel.hop", self.hop, 1),
            ("log_mel.mels", self.mels, 1),
        ] {
            if !(least..=MOST).contains(&value) {
                return Err(DataError::config(name, format!("{least} to {MOST}"), value));
            }
        }
        if !self.n_fft.is_multiple_of(2) {
            return Err(DataError::config(
                "log_mel.n_fft",
                "an even number",
                self.n_fft,
            ));
        }
        let nyquist = f64::from(rate) / 2.0;
        let (low, high) = (f64::from(self.low), self.high.map_or(nyquist, f64::from));
        if !(0.0 <= low && low < high && high <= nyquist) {
            let expected =
                format!("ascending numbers from 0 to {nyquist} Hz, half the sample rate");
            let got = format!("{low} and {high}");
            return Err(DataError::config(
                "log_mel.low, log_mel.high",
                expected,
                got,
            ));
        }
        if !(self.floor > 0.0 && self.floor.is_finite()) {
            return Err(DataError::config(
                "log_mel.floor",
                "a positive number",
                self.floor,
            ));
        }
        let bins = self.n_fft / 2 + 1;
        let spacing = f64::from(rate) / self.n_fft as f64;
        let filters = MelFilters::new(
            self.scale,
            self.slaney_norm,
            self.mels,
            (low, high),
            bins,
            spacing,
        );
        if let Some(band) = filters.empty() {
            let expected = format!(
                "fewer, or a larger `n_fft` than {}: band {band} lies between two frequencies",
                self.n_fft
            );
            return Err(DataError::config("log_mel.mels", expected, self.mels));
        }
        let window = (0..self.n_fft)
            .map(|n| (0.5 - 0.5 * (TAU * n as f64 / self.n_fft as f64).cos()) as f32)
            .collect();
        Ok(LogMel {
            config: *self,
            window,
            fourier: RealFftPlanner::new().plan_fft_forward(self.n_fft),
            filters: Arc::new(filters),
        })
    }
}

/// The planned way from a waveform to its log-mel spectrogram.
///
/// Frame `t` is centred on sample `t * hop`, the waveform being mirrored at its ends without repeating the outermost sample, and
/// multiplied by a periodic Hann window. Of its Fourier transform the squared magnitudes are taken, summed under triangular filters, and
/// put through `ln(max(power, floor))`. This is `spectrogram(..., power=2.0, log_mel="log")` of Hugging Face's
/// `transformers.audio_utils`, and, but for that logarithm, librosa's `melspectrogram` with `pad_mode="reflect"` and torchaudio's `MelSpectrogram`.
///
/// It is cheap to clone.
#[derive(Clone)]
pub struct LogMel {
    config: LogMelConfig,
    window: Arc<[f32]>,
    fourier: Arc<dyn RealToComplex<f32>>,
    filters: Arc<MelFilters>,
}

impl LogMel {
    /// What it was built from.
    pub fn config(&self) -> &LogMelConfig {
        &self.config
    }

    /// The fewest samples of a waveform, one more than is mirrored at an end.
    pub fn least_samples(&self) -> usize {
        self.config.n_fft / 2 + 1
    }

    /// Frames of a waveform of so many samples: `1 + samples / hop`.
    pub fn frames(&self, samples: usize) -> usize {
        1 + samples / self.config.hop
    }

    /// The spectrogram, `mels * frames` values, one band after the other from low to high.
    ///
    /// # Panics
    /// If the waveform has fewer samples than [`LogMel::least_samples`].
    pub fn apply(&self, waveform: &[f32]) -> Vec<f32> {
        let LogMelConfig {
            hop, mels, floor, ..
        } = self.config;
        let (samples, least) = (waveform.len(), self.least_samples());
        assert!(
            samples >= least,
            "a waveform of {samples} samples, expected {least} or more"
        );
        let frames = self.frames(samples);
        let mut frame = self.fourier.make_input_vec();
        let mut spectrum = self.fourier.make_output_vec();
        let mut scratch = self.fourier.make_scratch_vec();
        let mut power = vec![0.0; spectrum.len()];
        let mut output = vec![0.0; mels * frames];
        for number in 0..frames {
            self.cut(waveform, number * hop, &mut frame);
            self.fourier
                .process_with_scratch(&mut frame, &mut spectrum, &mut scratch)
                .expect("the buffers are those that the plan made");
            for (power, value) in power.iter_mut().zip(&spectrum) {
                *power = Complex::norm_sqr(value);
            }
            let places = output[number..].iter_mut().step_by(frames);
            for (place, band) in places.zip(self.filters.apply(&power)) {
                *place = band.max(floor).ln();
            }
        }
        output
    }

    /// The samples around `centre` under the window.
    fn cut(&self, waveform: &[f32], centre: usize, frame: &mut [f32]) {
        let half = frame.len() / 2;
        let inside = centre
            .checked_sub(half)
            .and_then(|start| waveform.get(start..start + frame.len()));
        if let Some(values) = inside {
            for ((place, value), weight) in frame.iter_mut().zip(values).zip(&*self.window) {
                *place = value * weight;
            }
            return;
        }
        let last = waveform.len() - 1;
        for (number, (place, weight)) in frame.iter_mut().zip(&*self.window).enumerate() {
            // Mirrored at the beginning, then at the end.
            let from = (centre + number).abs_diff(half);
            let from = last - last.abs_diff(from);
            *place = waveform[from] * weight;
        }
    }
}

impl fmt::Debug for LogMel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("LogMel").field(&self.config).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::testing::{assert_close, fixture, numbers};

    #[test]
    fn spectrograms_agree_with_transformers() {
        let fixture = fixture(include_str!("../../tests/fixtures/log_mel.json"));
        let waveform = numbers(&fixture["waveform"]);
        let cases = fixture["cases"].as_array().unwrap();
        assert_eq!(cases.len(), 5);
        for case in cases {
            let config: LogMelConfig = serde_json::from_value(case["config"].clone()).unwrap();
            let rate = case["rate"].as_u64().unwrap() as u32;
            let log_mel = config.build(rate).unwrap();
            let got = log_mel.apply(&waveform);
            assert_eq!(got.len(), config.mels * log_mel.frames(waveform.len()));
            // A transform in single precision is off by about 1e-6 of the frame's largest magnitude, which matters most
            // where a band lies 60 dB below it.
            assert_close(&got, &numbers(&case["output"]), 1e-3);
        }
    }

    #[test]
    fn a_tone_is_in_its_band_in_every_frame() {
        let config = LogMelConfig::default();
        let log_mel = config.build(16_000).unwrap();
        // The peak of band 30 of 80 on Slaney's scale up to 8 kHz.
        let step = MelScale::Slaney.from_hertz(8_000.0) / 81.0;
        let frequency = MelScale::Slaney.to_hertz(31.0 * step);
        let tone: Vec<f32> = (0..4_000)
            .map(|n| (TAU * frequency * f64::from(n) / 16_000.0).cos() as f32)
            .collect();
        let got = log_mel.apply(&tone);
        let frames = log_mel.frames(4_000);
        assert_eq!((frames, got.len()), (26, 26 * 80));
        for frame in 0..frames {
            let band = |band: usize| got[band * frames + frame];
            let loudest = (0..80).max_by(|a, b| band(*a).total_cmp(&band(*b)));
            assert_eq!(loudest, Some(30), "frame {frame}");
        }
    }

    #[test]
    fn silence_is_the_floor() {
        let config = LogMelConfig {
            floor: 1e-4,
            ..LogMelConfig::default()
        };
        let log_mel = config.build(16_000).unwrap();
        let got = log_mel.apply(&[0.0; 201]);
        assert_eq!(got, vec![1e-4_f32.ln(); 160]);
    }

    #[test]
    #[should_panic(expected = "a waveform of 200 samples, expected 201 or more")]
    fn a_waveform_that_cannot_be_mirrored_panics() {
        LogMelConfig::default()
            .build(16_000)
            .unwrap()
            .apply(&[0.0; 200]);
    }

    #[test]
    fn settings_outside_of_their_range_are_named() {
        let default = LogMelConfig::default();
        for (config, name) in [
            (
                LogMelConfig {
                    n_fft: 401,
                    ..default
                },
                "log_mel.n_fft",
            ),
            (
                LogMelConfig {
                    n_fft: 0,
                    ..default
                },
                "log_mel.n_fft",
            ),
            (LogMelConfig { hop: 0, ..default }, "log_mel.hop"),
            (LogMelConfig { mels: 0, ..default }, "log_mel.mels"),
            (
                LogMelConfig {
                    mels: 200,
                    ..default
                },
                "log_mel.mels",
            ),
            (
                LogMelConfig {
                    high: Some(8_001.0),
                    ..default
                },
                "log_mel.low, log_mel.high",
            ),
            (
                LogMelConfig {
                    low: 9_000.0,
                    ..default
                },
                "log_mel.low, log_mel.high",
            ),
            (
                LogMelConfig {
                    low: f32::NAN,
                    ..default
                },
                "log_mel.low, log_mel.high",
            ),
            (
                LogMelConfig {
                    floor: 0.0,
                    ..default
                },
                "log_mel.floor",
            ),
        ] {
            let error = config.build(16_000).unwrap_err();
            assert!(
                matches!(error, DataError::Config { name: got, .. } if got == name),
                "{error}"
            );
        }
    }
}
