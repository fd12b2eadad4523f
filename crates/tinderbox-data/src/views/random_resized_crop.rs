//! Random crops.

use serde::{Deserialize, Serialize};

use super::planes::Planes;
use super::resample::{Rectangle, ResizeFilter, resample};
use super::{check_pair, check_range};
use crate::{DataError, Image, SampleRng};

/// How often a rectangle that does not fit is drawn anew.
const ATTEMPTS: usize = 10;

/// Cuts a random part out of the picture and resizes it (Szegedy et al. 2015, "Going Deeper with Convolutions").
///
/// The share of the area is uniform in `scale`, the logarithm of width / height uniform in that of `ratio`, the place uniform. If ten
/// such rectangles do not fit, it is the largest centred one within `ratio`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomResizedCrop {
    /// Height and width of the result; `None` for the size that comes next (that of `Preprocess`), or else that of the picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<(usize, usize)>,
    /// Bounds of the part's share of the area.
    pub scale: (f32, f32),
    /// Bounds of width / height.
    pub ratio: (f32, f32),
}

impl Default for RandomResizedCrop {
    /// SimCLR, appendix A: areas from 0.08 to 1, ratios from 3/4 to 4/3.
    fn default() -> Self {
        Self {
            size: None,
            scale: (0.08, 1.0),
            ratio: (3.0 / 4.0, 4.0 / 3.0),
        }
    }
}

impl RandomResizedCrop {
    /// The crop, of `size`, or of the picture's own size without one.
    ///
    /// # Panics
    /// If the picture or the size is empty.
    pub fn apply(&self, image: Image, rng: &mut SampleRng) -> Image {
        let size = (image.height, image.width);
        self.cut(&image, size, rng).into_image()
    }

    /// The crop in planes, of its own size, or of `size` if it has none.
    ///
    /// # Panics
    /// As [`RandomResizedCrop::apply`].
    pub(super) fn cut(&self, image: &Image, size: (usize, usize), rng: &mut SampleRng) -> Planes {
        let (height, width) = (image.height, image.width);
        assert!(
            height * width > 0,
            "a picture of {height} x {width} has no parts"
        );
        let size = self.size.unwrap_or(size);
        assert!(size.0 * size.1 > 0, "a crop of {} x {}", size.0, size.1);
        let part = self.rectangle(height, width, rng);
        if part == Rectangle::whole(image) && size == (height, width) {
            return Planes::of(image);
        }
        resample(image, part, size, ResizeFilter::Bilinear)
    }

    fn rectangle(&self, height: usize, width: usize, rng: &mut SampleRng) -> Rectangle {
        let area = (height * width) as f32;
        let logs = (self.ratio.0.ln(), self.ratio.1.ln());
        for _ in 0..ATTEMPTS {
            let target = area * rng.range(self.scale.0..self.scale.1);
            let ratio = rng.range(logs.0..logs.1).exp();
            let part_width = (target * ratio).sqrt().round() as usize;
            let part_height = (target / ratio).sqrt().round() as usize;
            if (1..=width).contains(&part_width) && (1..=height).contains(&part_height) {
                return Rectangle {
                    top: rng.below((height - part_height + 1) as u64) as usize,
                    left: rng.below((width - part_width + 1) as u64) as usize,
                    height: part_height,
                    width: part_width,
                };
            }
        }
        let ratio = width as f32 / height as f32;
        let (part_height, part_width) = if ratio < self.ratio.0 {
            let fitting = (width as f32 / self.ratio.0).round() as usize;
            (fitting.clamp(1, height), width)
        } else if ratio > self.ratio.1 {
            let fitting = (height as f32 * self.ratio.1).round() as usize;
            (height, fitting.clamp(1, width))
        } else {
            (height, width)
        };
        Rectangle {
            top: (height - part_height) / 2,
            left: (width - part_width) / 2,
            height: part_height,
            width: part_width,
        }
    }

    pub(super) fn validate(&self) -> Result<(), DataError> {
        if let Some((height, width)) = self.size
            && (height == 0 || width == 0)
        {
            let got = format!("[{height}, {width}]");
            return Err(DataError::config("crop.size", "positive numbers", got));
        }
        check_pair("crop.scale", self.scale, 0.0, 1.0)?;
        check_range("crop.scale", self.scale.0, f32::MIN_POSITIVE, 1.0)?;
        check_pair("crop.ratio", self.ratio, 0.01, 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::noise;
    use super::*;

    const WHOLE: RandomResizedCrop = RandomResizedCrop {
        size: None,
        scale: (1.0, 1.0),
        ratio: (1.0, 1.0),
    };

    #[test]
    fn the_whole_square_is_the_identity() {
        for channels in [1, 2, 3] {
            let image = noise(9, 9, channels);
            let got = WHOLE.apply(image.clone(), &mut SampleRng::new(0, 0, 0, 0));
            assert_eq!(got, image);
        }
    }

    #[test]
    fn areas_and_ratios_lie_within_their_bounds_and_fill_them() {
        let crop = RandomResizedCrop::default();
        let mut rng = SampleRng::new(0, 0, 0, 0);
        let (mut areas, mut ratios) = (Vec::new(), Vec::new());
        for _ in 0..10_000 {
            let part = crop.rectangle(200, 200, &mut rng);
            assert!(part.top + part.height <= 200 && part.left + part.width <= 200);
            areas.push((part.height * part.width) as f32 / 40_000.0);
            ratios.push(part.width as f32 / part.height as f32);
        }
        let bounds = |values: &[f32]| {
            let low = values.iter().copied().fold(f32::MAX, f32::min);
            (low, values.iter().copied().fold(f32::MIN, f32::max))
        };
        // Sides are rounded to whole pixels, the smallest of which is about 49: 1 % each.
        let (low, high) = bounds(&areas);
        assert!((0.078..0.085).contains(&low) && (0.97..=1.0).contains(&high));
        let (low, high) = bounds(&ratios);
        assert!((0.73..0.77).contains(&low) && (1.3..1.36).contains(&high));
        // A uniform area from 0.08 to 1 has mean 0.54; large parts are rejected when they are not square enough.
        let mean = areas.iter().sum::<f32>() / 10_000.0;
        assert!((0.48..0.55).contains(&mean), "{mean}");
        let logs = ratios.iter().map(|ratio| ratio.ln()).sum::<f32>() / 10_000.0;
        assert!(logs.abs() < 0.01);
    }

    #[test]
    fn a_picture_too_long_for_the_ratios_is_cut_in_its_centre() {
        let crop = RandomResizedCrop {
            scale: (1.0, 1.0),
            ..RandomResizedCrop::default()
        };
        let part = crop.rectangle(10, 100, &mut SampleRng::new(0, 0, 0, 0));
        let expected = Rectangle {
            top: 0,
            left: 43,
            height: 10,
            width: 13,
        };
        assert_eq!(part, expected);
        crop.rectangle(1, 1, &mut SampleRng::new(0, 0, 0, 0));
    }

    #[test]
    fn the_result_has_the_size_asked_for() {
        let crop = RandomResizedCrop {
            size: Some((5, 8)),
            ..RandomResizedCrop::default()
        };
        let image = crop.apply(noise(40, 30, 3), &mut SampleRng::new(0, 0, 0, 0));
        assert_eq!((image.height, image.width, image.channels), (5, 8, 3));
    }
}
