//! Sound: WAV and FLAC files, resampling, log-mel spectrograms, and random views of clips.
//!
//! An [`AudioFolder`] yields [`AudioItem`]s. An [`AudioPreprocess`] is fitted once and is the only path from a clip to a model's
//! input, in training and in prediction: mixed down to one channel, resampled, brought to one length, turned into a log-mel spectrogram
//! if wanted, and normalised. [`AudioTwoViews`] and [`AudioOneView`] put the random transforms of an [`AudioAugment`] at their
//! places on that path. A spectrogram is a picture of one channel, so that every encoder of pictures takes it and
//! [`ViewCollate`](crate::ViewCollate) collates it as `[batch, 1, mels, frames]`; a [`WaveformCollate`] gives `[batch, samples]`.
//!
//! # Decision: its own reader of WAV
//!
//! The format is a walk over chunks and a table of encodings. The published readers take no 64-bit floats or stumble over the byte that
//! pads an odd chunk. FLAC is claxon's, Fourier transforms are realfft's.
//!
//! ```
//! use tinderbox_data::audio::{
//!     AudioAugmentConfig, AudioClip, AudioItem, AudioPreprocess, AudioPreprocessConfig, AudioTwoViews, LogMelConfig,
//! };
//! use tinderbox_data::{SampleRng, View};
//!
//! let config = AudioPreprocessConfig { rate: 16_000, samples: 16_000, log_mel: Some(LogMelConfig::default()) };
//! let preprocess = AudioPreprocess::new(config)?;
//! let augment = AudioAugmentConfig { random_crop: true, ..AudioAugmentConfig::default() }.build(&preprocess)?;
//! let view = AudioTwoViews { augment, preprocess };
//! // A second and a half of a tone of 440 Hz at 8 kHz.
//! let tone = (0..12_000).map(|n| (n as f32 * 440.0 * std::f32::consts::TAU / 8_000.0).sin());
//! let clip = AudioClip::new(8_000, 1, tone.collect());
//! let item = AudioItem { clip, label: None, id: "tone".to_owned() };
//! let sample = view.apply(item, SampleRng::new(1, 0, 0, SampleRng::VIEW));
//! assert_eq!(sample.shape, [1, 80, 101]);
//! # Ok::<(), tinderbox_data::DataError>(())
//! ```

mod augment;
mod clip;
mod decode;
mod flac;
mod folder;
mod gain;
mod log_mel;
mod mel;
mod noise;
mod preprocess;
mod resample;
mod spec_augment;
mod time_shift;
mod view;
mod wav;

pub use augment::{AudioAugment, AudioAugmentConfig};
pub use clip::{AudioClip, AudioItem};
pub use decode::{AudioLimits, decode};
pub use folder::{AudioFolder, AudioFolderConfig};
pub use gain::Gain;
pub use log_mel::{LogMel, LogMelConfig};
pub use mel::MelScale;
pub use noise::Noise;
pub use preprocess::{AudioPreprocess, AudioPreprocessConfig};
pub use resample::Resampler;
pub use spec_augment::SpecAugment;
pub use time_shift::TimeShift;
pub use view::{AudioOneView, AudioTwoViews, WaveformCollate};
