//! SpecAugment.

use serde::{Deserialize, Serialize};

use crate::views::check_range;
use crate::{DataError, SampleRng};

/// Warps the time of a normalised log-mel spectrogram, and masks bands and frames of it.
///
/// Park et al. 2019, "SpecAugment: A Simple Data Augmentation Method for Automatic Speech Recognition", section 2. The warp moves one frame and
/// resamples what lies before and behind it between neighbours, as many implementations do; the paper's splines bend smoothly. A mask
/// takes the value 0, which is the mean of a normalised spectrogram.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpecAugment {
    /// The most frames by which the warp moves a frame, W; without a warp 0. A spectrogram of less than 2 W + 3 frames is not warped, and
    /// one of little more is stretched by much.
    pub time_warp: usize,
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
    /// The masks of the paper's policy "Switchboard strong" (table 1): 2 of up to 27 bands, 2 of up to 70 frames and a fifth of all. Its
    /// warp, of up to 40 frames, is left out: it was made for utterances of many seconds, and is, of the three, what
    /// the paper's discussion finds to matter least.
    fn default() -> Self {
        Self {
            time_warp: 0,
            frequency_masks: 2,
            frequency_width: 27,
            time_masks: 2,
            time_width: 70,
            time_share: 0.2,
        }
    }
}

impl SpecAugment {
    /// Warps and masks a spectrogram of one band after the other, each of `frames` values.
    ///
    /// The frame that is moved is any that stays clear of both ends, whichever of the distances -W to W it is moved by; the ends stay.
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
        if let Some((from, to)) = moved(frames, self.time_warp, rng) {
            warp(spectrogram, frames, from, to);
        }
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

/// The frame that a warp by at most `most` moves, and where to; none when there is nothing to move or no room.
fn moved(frames: usize, most: usize, rng: &mut SampleRng) -> Option<(usize, usize)> {
    let room = most.checked_mul(2)?.checked_add(2)?;
    let choices = frames.checked_sub(room).filter(|_| most > 0)?;
    if choices == 0 {
        return None;
    }
    let from = most + 1 + rng.below(choices as u64) as usize;
    let to = from - most + rng.below(2 * most as u64 + 1) as usize;
    Some((from, to))
}

/// Resamples each band so that frame `from` comes to lie at `to`, and the first and the last stay.
fn warp(spectrogram: &mut [f32], frames: usize, from: usize, to: usize) {
    let last = frames - 1;
    // Where each frame comes from: a frame, and the share of the next one.
    let source = |frame: usize| {
        let (start, step, old, new) = if frame < to {
            (0, frame, from, to)
        } else {
            (from, frame - to, last - from, last - to)
        };
        let share = (step * old % new) as f32 / new as f32;
        (start + step * old / new, share)
    };
    let sources: Vec<(usize, f32)> = (0..last).map(source).collect();
    let mut old = vec![0.0; frames];
    for band in spectrogram.chunks_exact_mut(frames) {
        old.copy_from_slice(band);
        for (value, (frame, share)) in band.iter_mut().zip(&sources) {
            let (first, second) = (old[*frame], old[frame + 1]);
            *value = first + (second - first) * share;
        }
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
    use proptest::prelude::*;

    const NONE: SpecAugment = SpecAugment {
        time_warp: 0,
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
            ..NONE
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

    /// A spectrogram with two bands after a warp by at most `most`.
    fn warped(band: impl Fn(usize) -> f32, frames: usize, most: usize, seed: u64) -> Vec<f32> {
        let config = SpecAugment {
            time_warp: most,
            ..NONE
        };
        let mut values: Vec<f32> = (0..2 * frames).map(|at| band(at % frames)).collect();
        config.apply(&mut values, frames, &mut SampleRng::new(seed, 0, 0, 0));
        assert_eq!(values.len(), 2 * frames);
        assert_eq!(values[..frames], values[frames..]);
        values.truncate(frames);
        values
    }

    proptest! {
        #[test]
        fn a_warp_keeps_ends_order_and_what_is_constant(
            frames in 1_usize..150, most in 0_usize..60, seed: u64, level in -1e3_f32..1e3, slope in 0.001_f32..10.0,
        ) {
            let ramp = |frame: usize| level + slope * frame as f32;
            let got = warped(ramp, frames, most, seed);
            prop_assert!(got.is_sorted());
            prop_assert_eq!((got[0], got[frames - 1]), (ramp(0), ramp(frames - 1)));
            prop_assert_eq!(warped(|_| level, frames, most, seed), vec![level; frames]);
            // No frame is moved by more than W.
            let moved = warped(|frame| frame as f32, frames, most, seed);
            for (frame, from) in moved.iter().enumerate() {
                prop_assert!((frame as f32 - from).abs() <= most as f32 + 1e-3);
            }
            if most == 0 || frames < 2 * most + 3 {
                prop_assert_eq!(got, (0..frames).map(ramp).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn a_warp_moves_any_frame_to_any_place_and_both_sides_are_straight() {
        let (frames, most) = (30, 3);
        let mut counts = std::collections::BTreeMap::new();
        for seed in 0..4_000 {
            let (from, to) = moved(frames, most, &mut SampleRng::new(seed, 0, 0, 0)).unwrap();
            assert!((4..=25).contains(&from) && from.abs_diff(to) <= most);
            *counts.entry((from, to)).or_insert(0_u32) += 1;
            let got = warped(|frame| frame as f32, frames, most, seed);
            assert_eq!(got[to], from as f32);
            let straight = |part: &[f32]| {
                let step = (part[part.len() - 1] - part[0]) / (part.len() - 1) as f32;
                let steps = part.windows(2).map(|pair| pair[1] - pair[0]);
                steps.into_iter().all(|got| (got - step).abs() < 1e-5)
            };
            assert!(straight(&got[..=to]) && straight(&got[to..]), "{got:?}");
        }
        // 22 frames by 7 distances; five standard deviations of a count are 25 from its mean, 26.
        assert_eq!(counts.len(), 22 * 7);
        assert!(counts.values().all(|count| count.abs_diff(26) <= 25));
    }

    #[test]
    fn without_room_for_a_warp_masks_are_drawn_as_without_one() {
        let config = SpecAugment {
            time_warp: 40,
            ..SpecAugment::default()
        };
        let mut warped = vec![1.0; 40 * 60];
        let mut plain = warped.clone();
        config.apply(&mut warped, 60, &mut SampleRng::new(4, 0, 0, 0));
        SpecAugment::default().apply(&mut plain, 60, &mut SampleRng::new(4, 0, 0, 0));
        assert_eq!(warped, plain);
        let huge = SpecAugment {
            time_warp: usize::MAX,
            ..NONE
        };
        huge.apply(&mut plain, 60, &mut SampleRng::new(4, 0, 0, 0));
        assert_eq!(warped, plain);
    }
}
