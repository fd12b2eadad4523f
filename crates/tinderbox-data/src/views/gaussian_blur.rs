//! Blur.

use serde::{Deserialize, Serialize};

use super::planes::{Planes, by_planes};
use super::simd::weighted_lines;
use super::{check_pair, check_probability, check_range};
use crate::{DataError, Image, SampleRng};

/// Blurs at random with a Gaussian of random width.
///
/// The kernel has `2 r + 1` taps with `r = floor(floor(kernel * height) / 2)`, as in SimCLR's code, so that a picture below 20 pixels
/// stays as it is with the default of 0.1. Borders are mirrored without repeating the outermost pixel.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GaussianBlur {
    /// The probability of a blur.
    pub p: f32,
    /// Bounds of the standard deviation, in pixels.
    pub sigma: (f32, f32),
    /// The size of the kernel as a share of the picture's height.
    pub kernel: f32,
}

impl Default for GaussianBlur {
    /// SimCLR, appendix A: one half of the time, deviation from 0.1 to 2, kernel of 10 % of the height.
    fn default() -> Self {
        Self {
            p: 0.5,
            sigma: (0.1, 2.0),
            kernel: 0.1,
        }
    }
}

impl GaussianBlur {
    /// The picture, blurred or not.
    pub fn apply(&self, image: Image, rng: &mut SampleRng) -> Image {
        by_planes(image, |planes| self.change(planes, rng))
    }

    pub(super) fn change(&self, planes: &mut Planes, rng: &mut SampleRng) {
        let chosen = rng.bool(self.p);
        let sigma = rng.range(self.sigma.0..self.sigma.1);
        let radius = (self.kernel * planes.height as f32) as usize / 2;
        if chosen && radius > 0 && !planes.values.is_empty() {
            blur(planes, sigma, radius);
        }
    }

    pub(super) fn validate(&self) -> Result<(), DataError> {
        check_probability("blur.p", self.p)?;
        check_pair("blur.sigma", self.sigma, f32::MIN_POSITIVE, 1e3)?;
        check_range("blur.kernel", self.kernel, 0.0, 1.0)
    }
}

fn weights(sigma: f32, radius: usize) -> Vec<f32> {
    let mut weights: Vec<f32> = (0..=2 * radius)
        .map(|tap| (tap as f32 - radius as f32) / sigma)
        .map(|distance| (-0.5 * distance * distance).exp())
        .collect();
    let sum: f32 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= sum);
    weights
}

/// Where place `i - radius` of a line of `n` lies when the line is mirrored at its ends, as often as needed.
fn mirrored(i: usize, radius: usize, n: usize) -> usize {
    let period = (2 * (n - 1)).max(1) as isize;
    let place = (i as isize - radius as isize).rem_euclid(period) as usize;
    if place < n {
        place
    } else {
        period as usize - place
    }
}

fn blur(planes: &mut Planes, sigma: f32, radius: usize) {
    let (height, width) = (planes.height, planes.width);
    let weights = weights(sigma, radius);
    // Along the rows, from a copy of each row with its mirrored ends, each tap a shift of the copy.
    let shifts: Vec<usize> = (0..weights.len()).collect();
    let mut padded = vec![0.0; width + 2 * radius];
    let mut across = vec![0.0; height * width];
    let mut starts = Vec::with_capacity(weights.len());
    for plane in planes.planes_mut() {
        for (input, out) in plane
            .chunks_exact(width)
            .zip(across.chunks_exact_mut(width))
        {
            padded[radius..][..width].copy_from_slice(input);
            for place in (0..radius).chain(width + radius..width + 2 * radius) {
                padded[place] = input[mirrored(place, radius, width)];
            }
            weighted_lines(out, &padded, &shifts, &weights);
        }
        for (y, out) in plane.chunks_exact_mut(width).enumerate() {
            starts.clear();
            starts.extend(
                shifts
                    .iter()
                    .map(|tap| mirrored(y + tap, radius, height) * width),
            );
            weighted_lines(out, &across, &starts, &weights);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, fixture, noise, numbers};
    use super::*;
    use crate::Pixels;

    fn blurred(image: Image, sigma: f32, radius: usize) -> Image {
        by_planes(image, |planes| blur(planes, sigma, radius))
    }

    #[test]
    fn p_0_and_small_pictures_are_the_identity() {
        let mut rng = SampleRng::new(0, 0, 0, 0);
        let never = GaussianBlur {
            p: 0.0,
            ..GaussianBlur::default()
        };
        let image = noise(40, 30, 3);
        assert_eq!(never.apply(image.clone(), &mut rng), image);
        let always = GaussianBlur {
            p: 1.0,
            ..GaussianBlur::default()
        };
        let small = noise(19, 30, 3);
        assert_eq!(always.apply(small.clone(), &mut rng), small);
        assert_ne!(always.apply(image.clone(), &mut rng), image);
    }

    #[test]
    fn a_tiny_deviation_is_the_identity_and_a_constant_stays() {
        let image = noise(40, 7, 2);
        let got = blurred(image.clone(), 0.01, 2).into_f32();
        assert_eq!(got, image.into_f32());
        let flat = Image::new(30, 2, 1, Pixels::F32(vec![0.3; 60]));
        assert_close(&blurred(flat, 2.0, 5).into_f32(), &[0.3; 60], 1e-6);
    }

    #[test]
    fn blurs_agree_with_the_fixture() {
        let fixture = fixture(include_str!("../../tests/fixtures/blur.json"));
        let cases = fixture["cases"].as_array().unwrap();
        assert_eq!(cases.len(), 3);
        for case in cases {
            let image = Image::new(6, 9, 3, Pixels::F32(numbers(&fixture["input"])));
            let sigma = case["sigma"].as_f64().unwrap() as f32;
            let got = blurred(image, sigma, case["radius"].as_u64().unwrap() as usize);
            // Two sums of 11 products each in single precision.
            assert_close(&got.into_f32(), &numbers(&case["output"]), 1e-6);
        }
    }

    #[test]
    fn ends_are_mirrored_as_often_as_needed() {
        let places: Vec<usize> = (0..11).map(|i| mirrored(i, 4, 3)).collect();
        assert_eq!(places, [0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2]);
        assert!((0..9).all(|i| mirrored(i, 4, 1) == 0));
    }
}
