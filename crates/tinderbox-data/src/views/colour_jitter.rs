//! Random changes of colour.

use serde::{Deserialize, Serialize};

use super::colour::{brightness, contrast, hue, saturation};
use super::planes::{Planes, by_planes};
use super::{check_probability, check_range};
use crate::{DataError, Image, SampleRng};

/// Changes brightness, contrast, saturation and hue at random, in random order.
///
/// Factors are uniform in `[max(0, 1 - b), 1 + b]`, the shift of the hue in `[-hue, hue]` turns; each result is clamped to 0..1. These
/// are torchvision's definitions. Saturation and hue exist for 3 channels only; brightness and contrast for any, where the grey
/// towards which contrast goes is the mean of all values (of the weighted grey for 3 channels).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ColourJitter {
    /// Strength of the change of brightness, not negative.
    pub brightness: f32,
    /// Strength of the change of contrast, not negative.
    pub contrast: f32,
    /// Strength of the change of saturation, not negative.
    pub saturation: f32,
    /// The largest shift of the hue, in turns, 0 to 0.5.
    pub hue: f32,
    /// The probability that anything is changed.
    pub p: f32,
}

impl Default for ColourJitter {
    /// SimCLR, appendix A, at its strength 1.
    fn default() -> Self {
        Self::simclr(1.0)
    }
}

impl ColourJitter {
    /// SimCLR, appendix A: brightness, contrast, saturation 0.8 s, hue 0.2 s, in 0.8 of the cases. The paper takes `s` = 1 for
    /// ImageNet and 0.5 for CIFAR-10.
    pub fn simclr(strength: f32) -> Self {
        Self {
            brightness: 0.8 * strength,
            contrast: 0.8 * strength,
            saturation: 0.8 * strength,
            hue: 0.2 * strength,
            p: 0.8,
        }
    }

    /// The picture, changed or not.
    pub fn apply(&self, image: Image, rng: &mut SampleRng) -> Image {
        by_planes(image, |planes| self.change(planes, rng))
    }

    pub(super) fn change(&self, planes: &mut Planes, rng: &mut SampleRng) {
        if !rng.bool(self.p) {
            return;
        }
        let mut order = [0, 1, 2, 3];
        rng.shuffle(&mut order);
        let mut factor = |strength: f32| rng.range((1.0 - strength).max(0.0)..1.0 + strength);
        let [by_brightness, by_contrast, by_saturation] =
            [self.brightness, self.contrast, self.saturation].map(&mut factor);
        let turns = rng.range(-self.hue..self.hue);
        for change in order {
            match change {
                0 => brightness(planes, by_brightness),
                1 => contrast(planes, by_contrast),
                2 => saturation(planes, by_saturation),
                _ => hue(planes, turns),
            }
        }
    }

    pub(super) fn validate(&self) -> Result<(), DataError> {
        check_range("jitter.brightness", self.brightness, 0.0, 1e3)?;
        check_range("jitter.contrast", self.contrast, 0.0, 1e3)?;
        check_range("jitter.saturation", self.saturation, 0.0, 1e3)?;
        check_range("jitter.hue", self.hue, 0.0, 0.5)?;
        check_probability("jitter.p", self.p)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::noise;
    use super::*;

    #[test]
    fn strength_0_and_p_0_are_the_identity() {
        let mut rng = SampleRng::new(0, 0, 0, 0);
        let never = ColourJitter {
            p: 0.0,
            ..ColourJitter::default()
        };
        let nothing = ColourJitter {
            p: 1.0,
            ..ColourJitter::simclr(0.0)
        };
        for channels in [1, 2, 3] {
            let image = noise(6, 5, channels);
            assert_eq!(never.apply(image.clone(), &mut rng), image);
            assert_eq!(nothing.apply(image.clone(), &mut rng), image);
        }
    }

    #[test]
    fn results_stay_within_0_and_1() {
        let jitter = ColourJitter {
            p: 1.0,
            ..ColourJitter::simclr(1.0)
        };
        for index in 0..200 {
            let mut rng = SampleRng::new(0, 0, index, 0);
            for channels in [1, 3] {
                let got = jitter.apply(noise(6, 5, channels), &mut rng).into_f32();
                assert!(got.iter().all(|value| (0.0..=1.0).contains(value)));
            }
        }
    }
}
