//! Blur.

use serde::{Deserialize, Serialize};

use super::{check_pair, check_probability, check_range};
use crate::{DataError, Image, Pixels, SampleRng};

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
        let chosen = rng.bool(self.p);
        let sigma = rng.range(self.sigma.0..self.sigma.1);
        let image = image.to_f32();
        let radius = (self.kernel * image.height as f32) as usize / 2;
        if !chosen || radius == 0 || image.pixels.is_empty() {
            return image;
        }
        blur(image, sigma, radius)
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

fn blur(image: Image, sigma: f32, radius: usize) -> Image {
    let (height, width, channels) = (image.height, image.width, image.channels);
    let weights = weights(sigma, radius);
    let row = width * channels;
    let values = image.into_f32();
    // Along the rows, from a copy of each row with its mirrored ends.
    let mut across = vec![0.0; values.len()];
    let mut padded = vec![0.0; row + 2 * radius * channels];
    for (input, out) in values.chunks_exact(row).zip(across.chunks_exact_mut(row)) {
        padded[radius * channels..][..row].copy_from_slice(input);
        for i in (0..radius).chain(width + radius..width + 2 * radius) {
            let from = mirrored(i, radius, width) * channels;
            padded[i * channels..][..channels].copy_from_slice(&input[from..][..channels]);
        }
        for (tap, weight) in weights.iter().enumerate() {
            add(out, &padded[tap * channels..][..row], *weight);
        }
    }
    let mut result = values;
    for (y, out) in result.chunks_exact_mut(row).enumerate() {
        out.fill(0.0);
        for (tap, weight) in weights.iter().enumerate() {
            let from = mirrored(y + tap, radius, height) * row;
            add(out, &across[from..][..row], *weight);
        }
    }
    Image::new(height, width, channels, Pixels::F32(result))
}

fn add(out: &mut [f32], values: &[f32], weight: f32) {
    for (out, value) in out.iter_mut().zip(values) {
        *out += value * weight;
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, fixture, noise, numbers};
    use super::*;

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
        let got = blur(image.clone(), 0.01, 2).into_f32();
        assert_eq!(got, image.into_f32());
        let flat = Image::new(30, 2, 1, Pixels::F32(vec![0.3; 60]));
        assert_close(&blur(flat, 2.0, 5).into_f32(), &[0.3; 60], 1e-6);
    }

    #[test]
    fn blurs_agree_with_the_fixture() {
        let fixture = fixture(include_str!("../../tests/fixtures/blur.json"));
        let cases = fixture["cases"].as_array().unwrap();
        assert_eq!(cases.len(), 3);
        for case in cases {
            let image = Image::new(6, 9, 3, Pixels::F32(numbers(&fixture["input"])));
            let sigma = case["sigma"].as_f64().unwrap() as f32;
            let got = blur(image, sigma, case["radius"].as_u64().unwrap() as usize);
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
