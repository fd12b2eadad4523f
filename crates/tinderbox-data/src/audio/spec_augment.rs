//! SpecAugment.

use serde::{Deserialize, Serialize};

use crate::views::check_range;
use crate::{DataError, SampleRng};

/// Masks bands and frames of a normalised log-mel spectrogram.
///
/// Park et al. 2019, "SpecAugment: A Simple Data Augmentation Method for Automatic Speech Recognition". A mask takes the value 0, which is
/// the mean of a normalised spectrogram. The paper's time warping is left out: it found that this adds little for what it costs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpecAugment {
    /// Masks of bands, the paper's m_F.
    pub frequency_masks: usize,
    /// The most bands of one mask, F.
    pub frequency_width: usize,
    /// Masks of frames, m_T.
    pub time_masks: usize,
    /// The most frames of one mask, T.
    pub time_width: usize,
    /// The most frames of one mask as a share of all, p.
    pub time_share: f32,
}

impl Default for SpecAugment {
    /// The paper's policy "Switchboard strong" (table 1): 2 masks of up to 27 bands, 2 of up to 70 frames and a fifth of all.
    fn default() -> Self {
        Self {
            frequency_masks: 2,
            frequency_width: 27,
            time_masks: 2,
            time_width: 70,
            time_share: 0.2,
        }
    }
}

impl SpecAugment {
    /// Masks a spectrogram of one band after the other, each of `frames` values.
    ///
    /// The width of a mask is any of 0 to the most, its place any at which it fits.
    ///
    /// # Panics
    /// If the values are no whole number of bands, or `frames` is 0.
    pub fn apply(&self, spectrogram: &mut [f32], frames: usize, rng: &mut SampleRng) {
        assert!(
            frames > 0 && spectrogram.len().is_multiple_of(frames),
            "{} values of a spectrogram of {frames} frames",
            spectrogram.len()
        );
        let bands = spectrogram.len() / frames;
        for _ in 0..self.frequency_masks {
            let (start, width) = mask(bands, self.frequency_width, rng);
            spectrogram[start * frames..][..width * frames].fill(0.0);
        }
        let most = self
            .time_width
            .min((self.time_share * frames as f32) as usize);
        for _ in 0..self.time_masks {
            let (start, width) = mask(frames, most, rng);
            for band in spectrogram.chunks_exact_mut(frames) {
                band[start..][..width].fill(0.0);
            }
        }
    }

    pub(super) fn validate(&self) -> Result<(), DataError> {
        check_range("spec_augment.time_share", self.time_share, 0.0, 1.0)?;
        for (name, masks) in [
            ("spec_augment.frequency_masks", self.frequency_masks),
            ("spec_augment.time_masks", self.time_masks),
        ] {
            if masks > 1_000 {
                return Err(DataError::config(name, "at most 1000", masks));
            }
        }
        Ok(())
    }
}

/// The start and the width of a mask of at most `most` of `all`.
fn mask(all: usize, most: usize, rng: &mut SampleRng) -> (usize, usize) {
    let width = rng.below(most.min(all) as u64 + 1);
    let start = rng.below(all as u64 - width + 1);
    (start as usize, width as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: SpecAugment = SpecAugment {
        frequency_masks: 0,
        frequency_width: 0,
        time_masks: 0,
        time_width: 0,
        time_share: 1.0,
    };

    /// Whether each band and each frame of a masked spectrogram of 8 bands and 20 frames is nothing but zeros.
    fn masked(config: &SpecAugment, index: u64) -> (Vec<bool>, Vec<bool>) {
        let mut values = vec![1.0; 160];
        config.apply(&mut values, 20, &mut SampleRng::new(0, 0, index, 0));
        let bands = values.chunks(20).map(|band| band.iter().all(|v| *v == 0.0));
        let bands: Vec<bool> = bands.collect();
        let frame = |frame: usize| values.iter().skip(frame).step_by(20).all(|v| *v == 0.0);
        let frames: Vec<bool> = (0..20).map(frame).collect();
        // A value is masked when its band or its frame is.
        for (place, value) in values.iter().enumerate() {
            assert_eq!(*value == 0.0, bands[place / 20] || frames[place % 20]);
        }
        (bands, frames)
    }

    fn widths(of: impl Fn(u64) -> Vec<bool>) -> Vec<usize> {
        let mut counts = vec![0; 21];
        for index in 0..3_000 {
            let line = of(index);
            let width = line.iter().filter(|masked| **masked).count();
            // One mask is one run.
            let starts = line.windows(2).filter(|pair| !pair[0] && pair[1]).count();
            assert!(starts + usize::from(line[0]) <= 1);
            counts[width] += 1;
        }
        counts
    }

    #[test]
    fn widths_are_even_from_0_to_the_most() {
        let bands = SpecAugment {
            frequency_masks: 1,
            frequency_width: 5,
            ..NONE
        };
        let counts = widths(|index| masked(&bands, index).0);
        // Five standard deviations of a count: sqrt(3000 / 6 * 5 / 6) = 20.
        assert!(
            counts[..=5].iter().all(|count| count.abs_diff(500) < 102),
            "{counts:?}"
        );
        assert_eq!(counts[6..].iter().sum::<usize>(), 0);
        for (time_width, time_share) in [(5, 1.0), (100, 0.25)] {
            let frames = SpecAugment {
                time_masks: 1,
                time_width,
                time_share,
                ..NONE
            };
            let counts = widths(|index| masked(&frames, index).1);
            assert!(
                counts[..=5].iter().all(|count| count.abs_diff(500) < 102),
                "{counts:?}"
            );
            assert_eq!(counts[6..].iter().sum::<usize>(), 0);
        }
    }

    #[test]
    fn every_band_and_frame_may_be_masked_and_all_at_once() {
        let config = SpecAugment {
            frequency_masks: 1,
            frequency_width: 100,
            time_masks: 2,
            time_width: 3,
            time_share: 1.0,
        };
        let (mut bands, mut frames, mut all) = ([false; 8], [false; 20], false);
        for index in 0..500 {
            let (some_bands, some_frames) = masked(&config, index);
            if some_bands.iter().all(|masked| *masked) {
                all = true;
                continue;
            }
            bands
                .iter_mut()
                .zip(some_bands)
                .for_each(|(seen, masked)| *seen |= masked);
            frames
                .iter_mut()
                .zip(some_frames)
                .for_each(|(seen, masked)| *seen |= masked);
        }
        assert!(all && bands == [true; 8] && frames == [true; 20]);
    }
}
