//! RandAugment.

use serde::{Deserialize, Serialize};

use super::colour::{brightness, contrast, saturation};
use super::planes::{Planes, by_planes};
use super::solarise::solarise;
use super::tone::{auto_contrast, equalise, posterise, sharpness};
use super::warp::Warp;
use crate::{DataError, Image, SampleRng};

/// Applies some operations out of a list of fourteen, each equally likely, all of one strength (Cubuk et al. 2020, "RandAugment:
/// Practical automated data augmentation with a reduced search space").
///
/// The list, the range of each operation and what it does to floats are torchvision's: nothing, shear, shift and rotation (to the
/// nearest pixel, black outside), brightness, colour, contrast, sharpness, posterise, solarise, automatic contrast, equalise. The sign
/// of those that have one is random. It is meant for pictures of 1 or 3 channels; colour exists for 3 only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandAugment {
    /// How many operations follow each other.
    pub operations: usize,
    /// The strength of each, 0 to 30, of which 30 is the end of the operation's range.
    pub magnitude: u32,
}

impl Default for RandAugment {
    /// 2 operations of magnitude 9, Cubuk et al., section 4.4, for ResNet-50 on ImageNet.
    fn default() -> Self {
        Self {
            operations: 2,
            magnitude: 9,
        }
    }
}

/// The largest magnitude.
const MOST: u32 = 30;

/// An operation with its parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Operation {
    Identity,
    ShearX(f32),
    ShearY(f32),
    TranslateX(f32),
    TranslateY(f32),
    /// Degrees, counter-clockwise.
    Rotate(f32),
    Brightness(f32),
    Colour(f32),
    Contrast(f32),
    Sharpness(f32),
    /// Bits that are kept.
    Posterise(u32),
    Solarise(f32),
    AutoContrast,
    Equalise,
}

impl RandAugment {
    /// The changed picture.
    pub fn apply(&self, image: Image, rng: &mut SampleRng) -> Image {
        by_planes(image, |planes| self.change(planes, rng))
    }

    pub(super) fn change(&self, planes: &mut Planes, rng: &mut SampleRng) {
        for _ in 0..self.operations {
            let number = rng.below(14) as usize;
            let sign = if rng.bool(0.5) { -1.0 } else { 1.0 };
            let strength = self.magnitude as f32 / MOST as f32;
            Operation::new(number, strength, sign, (planes.height, planes.width)).apply(planes);
        }
    }

    pub(super) fn validate(&self) -> Result<(), DataError> {
        if self.magnitude > MOST {
            let expected = format!("0 to {MOST}");
            return Err(DataError::config(
                "rand_augment.magnitude",
                expected,
                self.magnitude,
            ));
        }
        if self.operations > 14 {
            let name = "rand_augment.operations";
            return Err(DataError::config(name, "at most 14", self.operations));
        }
        Ok(())
    }
}

impl Operation {
    /// Operation `number` of torchvision's list; `strength` is the share of its range.
    fn new(number: usize, strength: f32, sign: f32, (height, width): (usize, usize)) -> Self {
        /// The largest shift as a share of the side: 150 of AutoAugment's 331 pixels.
        const SHIFT: f32 = 150.0 / 331.0;
        let signed = |end: f32| sign * strength * end;
        match number {
            0 => Self::Identity,
            1 => Self::ShearX(signed(0.3)),
            2 => Self::ShearY(signed(0.3)),
            3 => Self::TranslateX(signed(SHIFT * width as f32)),
            4 => Self::TranslateY(signed(SHIFT * height as f32)),
            5 => Self::Rotate(signed(30.0)),
            6 => Self::Brightness(1.0 + signed(0.9)),
            7 => Self::Colour(1.0 + signed(0.9)),
            8 => Self::Contrast(1.0 + signed(0.9)),
            9 => Self::Sharpness(1.0 + signed(0.9)),
            10 => Self::Posterise(8 - (4.0 * strength).round_ties_even() as u32),
            11 => Self::Solarise(1.0 - strength),
            12 => Self::AutoContrast,
            _ => Self::Equalise,
        }
    }

    fn apply(self, planes: &mut Planes) {
        match self {
            Self::Identity => {}
            Self::ShearX(by) => Warp::shear_x(by).apply(planes),
            Self::ShearY(by) => Warp::shear_y(by).apply(planes),
            Self::TranslateX(by) => Warp::shift(by.trunc(), 0.0).apply(planes),
            Self::TranslateY(by) => Warp::shift(0.0, by.trunc()).apply(planes),
            Self::Rotate(degrees) => Warp::rotation(degrees).apply(planes),
            Self::Brightness(factor) => brightness(planes, factor),
            Self::Colour(factor) => saturation(planes, factor),
            Self::Contrast(factor) => contrast(planes, factor),
            Self::Sharpness(factor) => sharpness(planes, factor),
            Self::Posterise(bits) => posterise(planes, bits),
            Self::Solarise(threshold) => solarise(planes, threshold),
            Self::AutoContrast => auto_contrast(planes),
            Self::Equalise => equalise(planes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, fixture, noise, numbers};
    use super::*;
    use crate::Pixels;

    /// The numbers are torchvision's, by the functions that its RandAugment calls.
    #[test]
    fn each_operation_agrees_with_the_fixture() {
        let fixture = fixture(include_str!("../../tests/fixtures/rand_augment.json"));
        let input = numbers(&fixture["input"]);
        let size = (12, 9);
        let cases = fixture["cases"].as_array().unwrap();
        assert_eq!(cases.len(), 14 * 3);
        for case in cases {
            let number = case["number"].as_u64().unwrap() as usize;
            let strength = case["magnitude"].as_u64().unwrap() as f32 / MOST as f32;
            let sign = case["sign"].as_f64().unwrap() as f32;
            let operation = Operation::new(number, strength, sign, size);
            let mut planes = Planes::of(&Image::new(size.0, size.1, 3, Pixels::F32(input.clone())));
            operation.apply(&mut planes);
            let got = planes.into_image().into_f32();
            let expected = numbers(&case["output"]);
            eprintln!("{operation:?}");
            // Single precision on both sides, of values up to 1.
            assert_close(&got, &expected, 2e-6);
        }
    }

    #[test]
    fn all_fourteen_are_drawn_and_nothing_is_the_identity() {
        let once = RandAugment {
            operations: 1,
            magnitude: 0,
        };
        let image = noise(8, 8, 3);
        let mut rng = SampleRng::new(0, 0, 0, 0);
        let none = RandAugment {
            operations: 0,
            magnitude: 30,
        };
        assert_eq!(none.apply(image.clone(), &mut rng), image);
        // At magnitude 0 only posterise to 8 bits, automatic contrast and equalise change anything.
        let changed = (0..1_400).filter(|index| {
            let mut rng = SampleRng::new(0, 0, *index, 0);
            let got = once.apply(image.clone(), &mut rng).into_f32();
            let before = image.clone().into_f32();
            let change = got.iter().zip(&before).map(|(a, b)| (a - b).abs());
            change.fold(0.0, f32::max) > 1e-6
        });
        // Three of fourteen, five standard deviations: sqrt(1400 x 3/14 x 11/14) = 15.4.
        let changed = changed.count();
        assert!(changed.abs_diff(300) < 77, "{changed}");
    }

    #[test]
    fn magnitudes_beyond_the_list_are_refused() {
        let strong = RandAugment {
            magnitude: 31,
            ..RandAugment::default()
        };
        let error = strong.validate().unwrap_err().to_string();
        assert_eq!(error, "`rand_augment.magnitude` is 31, expected 0 to 30");
    }
}
