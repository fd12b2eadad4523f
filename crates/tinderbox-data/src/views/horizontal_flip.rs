//! Mirror images.

use serde::{Deserialize, Serialize};

use super::check_probability;
use super::planes::{Planes, by_planes};
use crate::{DataError, Image, SampleRng};

/// Swaps left and right at random. Not for text or digits, whose meaning it changes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HorizontalFlip {
    /// The probability of a swap.
    pub p: f32,
}

impl Default for HorizontalFlip {
    /// SimCLR, appendix A: one half.
    fn default() -> Self {
        Self { p: 0.5 }
    }
}

impl HorizontalFlip {
    /// The picture or its mirror image.
    pub fn apply(&self, image: Image, rng: &mut SampleRng) -> Image {
        by_planes(image, |planes| self.change(planes, rng))
    }

    pub(super) fn change(&self, planes: &mut Planes, rng: &mut SampleRng) {
        if rng.bool(self.p) {
            let rows = planes.values.chunks_exact_mut(planes.width.max(1));
            rows.for_each(<[f32]>::reverse);
        }
    }

    pub(super) fn validate(&self) -> Result<(), DataError> {
        check_probability("flip.p", self.p)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::noise;
    use super::*;
    use crate::Pixels;

    #[test]
    fn pixels_swap_and_channels_stay() {
        let image = Image::new(1, 2, 2, Pixels::F32(vec![0.1, 0.2, 0.3, 0.4]));
        let got = HorizontalFlip { p: 1.0 }.apply(image, &mut SampleRng::new(0, 0, 0, 0));
        assert_eq!(got.into_f32(), [0.3, 0.4, 0.1, 0.2]);
    }

    #[test]
    fn twice_is_the_identity_and_p_0_is_too() {
        let mut rng = SampleRng::new(0, 0, 0, 0);
        for channels in [1, 2, 3] {
            let image = noise(4, 5, channels);
            let always = HorizontalFlip { p: 1.0 };
            let once = always.apply(image.clone(), &mut rng);
            assert_ne!(once, image);
            assert_eq!(always.apply(once, &mut rng), image);
            let never = HorizontalFlip { p: 0.0 };
            assert_eq!(never.apply(image.clone(), &mut rng), image);
        }
    }
}
