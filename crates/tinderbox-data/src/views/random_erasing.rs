//! Random erasing.

use serde::{Deserialize, Serialize};

use super::planes::{Planes, by_planes};
use super::resample::Rectangle;
use super::{check_pair, check_probability, check_range};
use crate::{DataError, Image, SampleRng};

/// How often a rectangle that does not fit is drawn anew.
const ATTEMPTS: usize = 10;

/// Overwrites a random rectangle (Zhong et al. 2020, "Random Erasing Data Augmentation").
///
/// The share of the area is uniform in `scale`, the logarithm of height / width uniform in that of `ratio`, the place uniform. If ten
/// such rectangles do not fit, nothing is erased. The rectangle is drawn as torchvision draws it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomErasing {
    /// The probability of a rectangle.
    pub p: f32,
    /// Bounds of the rectangle's share of the area.
    pub scale: (f32, f32),
    /// Bounds of height / width.
    pub ratio: (f32, f32),
    /// The value written, 0 (black) to 1; `None` for random values, each uniform from 0 to 1, which the paper found best.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f32>,
}

impl Default for RandomErasing {
    /// Zhong et al., section 5.1, for ImageNet: random values; scale and ratio are those of torchvision, 0.02 to 0.33 and 0.3 to 3.3.
    fn default() -> Self {
        Self {
            p: 0.5,
            scale: (0.02, 0.33),
            ratio: (0.3, 3.3),
            value: None,
        }
    }
}

impl RandomErasing {
    /// The picture, with a rectangle erased or not.
    pub fn apply(&self, image: Image, rng: &mut SampleRng) -> Image {
        by_planes(image, |planes| self.change(planes, rng))
    }

    pub(super) fn change(&self, planes: &mut Planes, rng: &mut SampleRng) {
        if !rng.bool(self.p) {
            return;
        }
        if let Some(part) = self.rectangle(planes.height, planes.width, rng) {
            erase(planes, part, || self.value.unwrap_or_else(|| rng.uniform()));
        }
    }

    fn rectangle(&self, height: usize, width: usize, rng: &mut SampleRng) -> Option<Rectangle> {
        let area = (height * width) as f32;
        let logs = (self.ratio.0.ln(), self.ratio.1.ln());
        for _ in 0..ATTEMPTS {
            let erased = area * rng.range(self.scale.0..self.scale.1);
            let ratio = rng.range(logs.0..logs.1).exp();
            let part_height = (erased * ratio).sqrt().round() as usize;
            let part_width = (erased / ratio).sqrt().round() as usize;
            if part_height < height && part_width < width {
                return Some(Rectangle {
                    top: rng.below((height - part_height + 1) as u64) as usize,
                    left: rng.below((width - part_width + 1) as u64) as usize,
                    height: part_height,
                    width: part_width,
                });
            }
        }
        None
    }

    pub(super) fn validate(&self) -> Result<(), DataError> {
        check_probability("erase.p", self.p)?;
        check_pair("erase.scale", self.scale, 0.0, 1.0)?;
        check_pair("erase.ratio", self.ratio, 0.01, 100.0)?;
        check_range("erase.value", self.value.unwrap_or(0.0), 0.0, 1.0)
    }
}

fn erase(planes: &mut Planes, part: Rectangle, mut value: impl FnMut() -> f32) {
    let width = planes.width;
    for plane in planes.planes_mut() {
        for row in plane
            .chunks_exact_mut(width)
            .skip(part.top)
            .take(part.height)
        {
            row[part.left..part.left + part.width].fill_with(&mut value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, fixture, noise, numbers};
    use super::*;

    /// The numbers are torchvision's.
    #[test]
    fn a_given_rectangle_agrees_with_the_fixture() {
        let fixture = fixture(include_str!("../../tests/fixtures/mixing.json"));
        let case = &fixture["erased"];
        let of = |name: &str| case[name].as_u64().unwrap() as usize;
        let part = Rectangle {
            top: of("top"),
            left: of("left"),
            height: of("height"),
            width: of("width"),
        };
        let values = numbers(&fixture["images"]);
        let mut planes = Planes {
            height: 6,
            width: 5,
            channels: 2,
            values: values[..60].to_vec(),
        };
        let value = case["value"].as_f64().unwrap() as f32;
        erase(&mut planes, part, || value);
        // Nothing is computed.
        assert_close(&planes.values, &numbers(&case["output"]), 1e-7);
    }

    #[test]
    fn the_share_that_is_erased_lies_within_its_bounds() {
        let black = RandomErasing {
            p: 1.0,
            value: Some(0.0),
            ..RandomErasing::default()
        };
        let mut shares = Vec::new();
        for index in 0..2_000 {
            let mut rng = SampleRng::new(0, 0, index, 0);
            let part = black.rectangle(50, 40, &mut rng).unwrap();
            assert!(part.top + part.height <= 50 && part.left + part.width <= 40);
            shares.push((part.height * part.width) as f32 / 2_000.0);
        }
        shares.sort_by(f32::total_cmp);
        // Sides are rounded to whole pixels, the shortest of which is about 3: up to 15 %.
        assert!((0.015..0.025).contains(&shares[0]), "{}", shares[0]);
        assert!((0.31..0.35).contains(&shares[1_999]), "{}", shares[1_999]);
    }

    #[test]
    fn the_rectangle_is_overwritten_in_every_channel_and_the_rest_stays() {
        let part = Rectangle {
            top: 1,
            left: 2,
            height: 2,
            width: 3,
        };
        let image = noise(5, 7, 3);
        let got = by_planes(image.clone(), |planes| erase(planes, part, || 2.0)).into_f32();
        for (place, (got, before)) in got.iter().zip(image.into_f32()).enumerate() {
            let (y, x) = (place / 21, place / 3 % 7);
            let inside = (1..3).contains(&y) && (2..5).contains(&x);
            assert_eq!(*got, if inside { 2.0 } else { before });
        }
    }

    #[test]
    fn random_values_fill_0_to_1_and_p_0_is_the_identity() {
        let noisy = RandomErasing {
            p: 1.0,
            ..RandomErasing::default()
        };
        let image = Image::new(40, 40, 1, crate::Pixels::F32(vec![7.0; 1_600]));
        let got = noisy
            .apply(image, &mut SampleRng::new(0, 0, 3, 0))
            .into_f32();
        let erased: Vec<f32> = got.into_iter().filter(|value| *value != 7.0).collect();
        assert!(erased.len() >= 20);
        assert!(erased.iter().all(|value| (0.0..1.0).contains(value)));
        assert!(erased[0] != erased[1]);
        let never = RandomErasing { p: 0.0, ..noisy };
        let image = noise(4, 5, 3);
        let got = never.apply(image.clone(), &mut SampleRng::new(0, 0, 0, 0));
        assert_eq!(got, image);
    }

    #[test]
    fn what_is_too_small_for_any_rectangle_stays() {
        let always = RandomErasing {
            p: 1.0,
            ..RandomErasing::default()
        };
        let image = noise(1, 1, 1);
        let got = always.apply(image.clone(), &mut SampleRng::new(0, 0, 0, 0));
        assert_eq!(got, image);
    }
}
