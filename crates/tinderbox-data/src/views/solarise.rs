//! Inversion of bright values.

use serde::{Deserialize, Serialize};

use super::planes::{Planes, by_planes};
use super::{check_probability, check_range};
use crate::{DataError, Image, SampleRng};

/// Replaces each value `x` from the threshold on by `1 - x` at random.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Solarise {
    /// The probability of the change.
    pub p: f32,
    /// The smallest value that is inverted, 0 to 1.
    pub threshold: f32,
}

impl Default for Solarise {
    /// The second view of BYOL (Grill et al. 2020, "Bootstrap Your Own Latent", appendix B): 0.2, from 0.5 on.
    fn default() -> Self {
        Self {
            p: 0.2,
            threshold: 0.5,
        }
    }
}

impl Solarise {
    /// The picture, changed or not.
    pub fn apply(&self, image: Image, rng: &mut SampleRng) -> Image {
        by_planes(image, |planes| self.change(planes, rng))
    }

    pub(super) fn change(&self, planes: &mut Planes, rng: &mut SampleRng) {
        if rng.bool(self.p) {
            solarise(planes, self.threshold);
        }
    }

    pub(super) fn validate(&self) -> Result<(), DataError> {
        check_probability("solarise.p", self.p)?;
        check_range("solarise.threshold", self.threshold, 0.0, 1.0)
    }
}

pub(super) fn solarise(planes: &mut Planes, threshold: f32) {
    for value in &mut planes.values {
        *value = if *value >= threshold {
            1.0 - *value
        } else {
            *value
        };
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::noise;
    use super::*;
    use crate::Pixels;

    #[test]
    fn values_from_the_threshold_on_are_inverted() {
        let image = Image::new(1, 4, 1, Pixels::F32(vec![0.0, 0.25, 0.5, 1.0]));
        let always = Solarise {
            p: 1.0,
            ..Solarise::default()
        };
        let got = always.apply(image, &mut SampleRng::new(0, 0, 0, 0));
        assert_eq!(got.into_f32(), [0.0, 0.25, 0.5, 0.0]);
    }

    #[test]
    fn p_0_is_the_identity() {
        let never = Solarise {
            p: 0.0,
            threshold: 0.0,
        };
        let image = noise(4, 5, 3);
        let got = never.apply(image.clone(), &mut SampleRng::new(0, 0, 0, 0));
        assert_eq!(got, image);
    }
}
