//! From an item to the sample that a batch is made of.

use burn::tensor::TensorData;

use super::{AudioAugment, AudioItem, AudioPreprocess};
use crate::{Collate, PlainBatch, Sample, SampleRng, View, ViewCollate};

/// Two random views of each clip, for contrastive objectives.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioTwoViews {
    /// The random transforms.
    pub augment: AudioAugment,
    /// Rate, length, spectrogram and normalisation of the result.
    pub preprocess: AudioPreprocess,
}

impl View<AudioItem> for AudioTwoViews {
    type Out = Sample;

    /// # Panics
    /// As [`AudioAugment::apply`].
    fn apply(&self, item: AudioItem, rng: SampleRng) -> Sample {
        let Self {
            augment,
            preprocess,
        } = self;
        let first = augment.apply(item.clip.clone(), preprocess, &mut rng.stream(0));
        let second = augment.apply(item.clip, preprocess, &mut rng.stream(1));
        sample(vec![first, second], preprocess, item.label, &rng)
    }
}

/// One view of each clip, random or plain, for supervised objectives and for evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioOneView {
    /// The random transforms, or `None` for the clip as it is.
    pub augment: Option<AudioAugment>,
    /// Rate, length, spectrogram and normalisation of the result.
    pub preprocess: AudioPreprocess,
}

impl View<AudioItem> for AudioOneView {
    type Out = Sample;

    /// # Panics
    /// As [`AudioAugment::apply`].
    fn apply(&self, item: AudioItem, rng: SampleRng) -> Sample {
        let view = match &self.augment {
            None => self.preprocess.apply_owned(item.clip),
            Some(augment) => augment.apply(item.clip, &self.preprocess, &mut rng.stream(0)),
        };
        sample(vec![view], &self.preprocess, item.label, &rng)
    }
}

fn sample(
    views: Vec<Vec<f32>>,
    preprocess: &AudioPreprocess,
    label: Option<u32>,
    rng: &SampleRng,
) -> Sample {
    Sample {
        views,
        shape: preprocess.shape(),
        label,
        index: rng.index(),
    }
}

/// Collates samples of waveforms.
///
/// As [`ViewCollate`], but each view is `[batch, samples]`. Spectrograms are collated by [`ViewCollate`] itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct WaveformCollate;

impl Collate<Sample> for WaveformCollate {
    /// # Panics
    /// As [`ViewCollate`], and if a sample is not of one channel and one row.
    fn collate(&self, samples: Vec<Sample>) -> PlainBatch {
        let PlainBatch { indices, tensors } = ViewCollate.collate(samples);
        let flat = |(name, data): (String, TensorData)| {
            let [items, channels, rows, length] = data.shape()[..] else {
                return (name, data);
            };
            assert!(
                channels == 1 && rows == 1,
                "waveforms of {channels} channels and {rows} rows, expected one of each"
            );
            let (bytes, _, kind) = data.into_parts();
            (name, TensorData::from_bytes(bytes, [items, length], kind))
        };
        PlainBatch {
            indices,
            tensors: tensors.into_iter().map(flat).collect(),
        }
    }
}
