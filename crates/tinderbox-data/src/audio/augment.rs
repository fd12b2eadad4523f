//! The random transforms of a recipe, one after the other.

use serde::{Deserialize, Serialize};

use super::{AudioClip, AudioPreprocess, Gain, Noise, SpecAugment, TimeShift};
use crate::{DataError, SampleRng};

/// Which random transforms are applied; those left out are not.
///
/// Each transform that is named takes the defaults that its type documents for what it leaves out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AudioAugmentConfig {
    /// Whether a clip that is longer than the input is cut at a random place instead of in its middle.
    pub random_crop: bool,
    /// Shift in time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_shift: Option<TimeShift>,
    /// Loudness.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gain: Option<Gain>,
    /// Noise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise: Option<Noise>,
    /// Warp and masks of the spectrogram.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec_augment: Option<SpecAugment>,
}

impl AudioAugmentConfig {
    /// All transforms, each with its defaults.
    pub fn all() -> Self {
        Self {
            random_crop: true,
            time_shift: Some(TimeShift::default()),
            gain: Some(Gain::default()),
            noise: Some(Noise::default()),
            spec_augment: Some(SpecAugment::default()),
        }
    }

    /// The transforms, checked, for inputs that `preprocess` makes.
    ///
    /// # Errors
    /// [`DataError::Config`] with the first setting outside of its range, or for masks where the input is a waveform.
    pub fn build(&self, preprocess: &AudioPreprocess) -> Result<AudioAugment, DataError> {
        let Self {
            random_crop: _,
            time_shift,
            gain,
            noise,
            spec_augment,
        } = self;
        time_shift.as_ref().map_or(Ok(()), TimeShift::validate)?;
        gain.as_ref().map_or(Ok(()), Gain::validate)?;
        noise.as_ref().map_or(Ok(()), Noise::validate)?;
        spec_augment
            .as_ref()
            .map_or(Ok(()), SpecAugment::validate)?;
        if spec_augment.is_some() && preprocess.config().log_mel.is_none() {
            let expected = "a preprocessing with `log_mel`";
            return Err(DataError::config("spec_augment", expected, "for waveforms"));
        }
        Ok(AudioAugment {
            config: self.clone(),
        })
    }
}

/// Random transforms in a fixed order: crop, time shift, gain, noise, all on the waveform at the model's rate, then warp and masks of the
/// normalised spectrogram.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioAugment {
    config: AudioAugmentConfig,
}

impl AudioAugment {
    /// What it was built from.
    pub fn config(&self) -> &AudioAugmentConfig {
        &self.config
    }

    /// A random input of the model: the way of [`AudioPreprocess::apply_owned`] with the transforms at their places.
    ///
    /// # Panics
    /// If the clip is not valid (see [`AudioClip::new`]), or for masks where the input is a waveform.
    pub fn apply(
        &self,
        clip: AudioClip,
        preprocess: &AudioPreprocess,
        rng: &mut SampleRng,
    ) -> Vec<f32> {
        let config = &self.config;
        let mut waveform = preprocess.waveform(clip, |spare| {
            if config.random_crop {
                rng.below(spare as u64 + 1) as usize
            } else {
                spare / 2
            }
        });
        if let Some(time_shift) = &config.time_shift {
            time_shift.apply(&mut waveform, rng);
        }
        if let Some(gain) = &config.gain {
            gain.apply(&mut waveform, rng);
        }
        if let Some(noise) = &config.noise {
            noise.apply(&mut waveform, rng);
        }
        let mut input = preprocess.features(waveform);
        if let Some(spec_augment) = &config.spec_augment {
            assert!(
                preprocess.config().log_mel.is_some(),
                "masks of a spectrogram on a waveform"
            );
            let [_, _, frames] = preprocess.shape();
            spec_augment.apply(&mut input, frames, rng);
        }
        input
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::{AudioPreprocessConfig, LogMelConfig};

    fn preprocess(log_mel: bool) -> AudioPreprocess {
        AudioPreprocess::new(AudioPreprocessConfig {
            rate: 8_000,
            samples: 2_000,
            log_mel: log_mel.then(|| LogMelConfig {
                mels: 32,
                ..LogMelConfig::default()
            }),
        })
        .unwrap()
    }

    fn clip(length: usize) -> AudioClip {
        let mut rng = SampleRng::new(5, 0, 0, 99);
        let samples = (0..length).map(|_| rng.range(-1.0..1.0));
        AudioClip::new(8_000, 1, samples.collect())
    }

    #[test]
    fn equal_keys_give_equal_views_and_others_do_not() {
        let preprocess = preprocess(true);
        let augment = AudioAugmentConfig::all().build(&preprocess).unwrap();
        let view = |index| {
            let mut rng = SampleRng::new(1, 2, index, SampleRng::VIEW);
            augment.apply(clip(3_000), &preprocess, &mut rng)
        };
        assert_eq!(view(5), view(5));
        assert_ne!(view(5), view(6));
        assert!((0..50).all(|index| view(index).iter().all(|value| value.is_finite())));
    }

    #[test]
    fn nothing_named_is_the_preprocessing_alone() {
        for log_mel in [false, true] {
            let preprocess = preprocess(log_mel);
            let augment = AudioAugmentConfig::default().build(&preprocess).unwrap();
            let got = augment.apply(clip(3_001), &preprocess, &mut SampleRng::new(0, 0, 0, 0));
            assert_eq!(got, preprocess.apply(&clip(3_001)));
        }
    }

    #[test]
    fn crops_lie_anywhere_in_the_clip() {
        let preprocess = preprocess(false);
        let config = AudioAugmentConfig {
            random_crop: true,
            ..AudioAugmentConfig::default()
        };
        let augment = config.build(&preprocess).unwrap();
        let clip = clip(2_003);
        let mut seen = [0; 4];
        for index in 0..400 {
            let mut rng = SampleRng::new(0, 0, index, 0);
            let got = augment.apply(clip.clone(), &preprocess, &mut rng);
            let start = (0..4).find(|start| got == clip.samples[*start..start + 2_000]);
            seen[start.expect("a part of the clip")] += 1;
        }
        // Five standard deviations of a count: sqrt(400 / 4 * 3 / 4) = 8.7.
        assert!(
            seen.iter().all(|count: &i32| count.abs_diff(100) < 44),
            "{seen:?}"
        );
    }

    #[test]
    fn a_recipe_names_what_differs_from_the_defaults() {
        let text = r#"{"random_crop": true, "gain": {"p": 1.0}, "spec_augment": {}}"#;
        let config: AudioAugmentConfig = serde_json::from_str(text).unwrap();
        assert_eq!(config.gain.unwrap().decibels, (-18.0, 6.0));
        assert_eq!(config.spec_augment, Some(SpecAugment::default()));
        assert_eq!(config.noise, None);
        for text in [r#"{"echo": {}}"#, r#"{"noise": {"q": 1}}"#] {
            assert!(serde_json::from_str::<AudioAugmentConfig>(text).is_err());
        }
    }

    #[test]
    fn settings_outside_of_their_range_are_named() {
        let preprocess = preprocess(true);
        let check = |change: fn(&mut AudioAugmentConfig), expected: &str| {
            let mut config = AudioAugmentConfig::all();
            change(&mut config);
            let error = config.build(&preprocess).unwrap_err();
            assert_eq!(error.to_string(), expected);
        };
        check(
            |config| config.gain.as_mut().unwrap().decibels = (6.0, -6.0),
            "`gain.decibels` is [6, -6], expected two ascending numbers from -120 to 120",
        );
        check(
            |config| config.noise.as_mut().unwrap().p = f32::NAN,
            "`noise.p` is NaN, expected a number from 0 to 1",
        );
        check(
            |config| config.time_shift.as_mut().unwrap().share = 1.5,
            "`time_shift.share` is 1.5, expected a number from 0 to 1",
        );
        check(
            |config| config.spec_augment.as_mut().unwrap().time_masks = 5_000,
            "`spec_augment.time_masks` is 5000, expected at most 1000",
        );
    }

    #[test]
    fn masks_need_a_spectrogram() {
        let error = AudioAugmentConfig::all()
            .build(&preprocess(false))
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "`spec_augment` is for waveforms, expected a preprocessing with `log_mel`"
        );
    }
}
