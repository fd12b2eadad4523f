//! Random loss of colour.

use serde::{Deserialize, Serialize};

use super::check_probability;
use super::planes::{Planes, by_planes, grey_of};
use crate::{DataError, Image, SampleRng};

/// Makes a colour picture grey at random and keeps its three channels; pictures of other channels stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomGreyscale {
    /// The probability of grey.
    pub p: f32,
}

impl Default for RandomGreyscale {
    /// SimCLR, appendix A: 0.2.
    fn default() -> Self {
        Self { p: 0.2 }
    }
}

impl RandomGreyscale {
    /// The picture, in colour or grey.
    pub fn apply(&self, image: Image, rng: &mut SampleRng) -> Image {
        by_planes(image, |planes| self.change(planes, rng))
    }

    pub(super) fn change(&self, planes: &mut Planes, rng: &mut SampleRng) {
        let chosen = rng.bool(self.p);
        if let Some([red, green, blue]) = planes.colours_mut().filter(|_| chosen) {
            for ((red, green), blue) in red.iter_mut().zip(&mut *green).zip(&mut *blue) {
                let grey = grey_of(*red, *green, *blue);
                (*red, *green, *blue) = (grey, grey, grey);
            }
        }
    }

    pub(super) fn validate(&self) -> Result<(), DataError> {
        check_probability("greyscale.p", self.p)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::noise;
    use super::*;
    use crate::{GREY_WEIGHTS, Pixels};

    #[test]
    fn colours_have_their_weights() {
        let primary = vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        let image = Image::new(3, 1, 3, Pixels::F32(primary));
        let got = RandomGreyscale { p: 1.0 }.apply(image, &mut SampleRng::new(0, 0, 0, 0));
        let expected: Vec<f32> = GREY_WEIGHTS.iter().flat_map(|w| [*w; 3]).collect();
        assert_eq!(got.into_f32(), expected);
    }

    #[test]
    fn p_0_and_other_channels_are_the_identity() {
        let mut rng = SampleRng::new(0, 0, 0, 0);
        for (channels, p) in [(3, 0.0), (1, 1.0), (2, 1.0)] {
            let image = noise(4, 5, channels);
            assert_eq!(RandomGreyscale { p }.apply(image.clone(), &mut rng), image);
        }
    }
}
