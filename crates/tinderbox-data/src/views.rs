//! Random transforms of pictures.
//!
//! Every transform takes a picture and gives one with values in 0..1 (`F32`; bytes are converted). Default values are those of SimCLR
//! (Chen et al. 2020, "A Simple Framework for Contrastive Learning of Visual Representations", appendix A) where it has the transform.

mod augment;
mod colour;
mod colour_jitter;
mod gaussian_blur;
mod horizontal_flip;
mod normalise;
mod planes;
mod rand_augment;
mod random_affine;
mod random_erasing;
mod random_greyscale;
mod random_resized_crop;
mod resample;
mod resize;
mod simd;
mod solarise;
mod tone;
mod warp;

pub use augment::{Augment, AugmentConfig};
pub use colour_jitter::ColourJitter;
pub use gaussian_blur::GaussianBlur;
pub use horizontal_flip::HorizontalFlip;
pub use normalise::Normalise;
pub use rand_augment::RandAugment;
pub use random_affine::RandomAffine;
pub use random_erasing::RandomErasing;
pub use random_greyscale::RandomGreyscale;
pub use random_resized_crop::RandomResizedCrop;
pub use resample::ResizeFilter;
pub use resize::Resize;
pub use solarise::Solarise;

pub(crate) use planes::Planes;
pub(crate) use resize::{resized, resized_by};
pub(crate) use simd::vectorised;

use crate::DataError;

pub(crate) fn check_probability(name: &'static str, p: f32) -> Result<(), DataError> {
    check_range(name, p, 0.0, 1.0)
}

pub(crate) fn check_range(
    name: &'static str,
    value: f32,
    low: f32,
    high: f32,
) -> Result<(), DataError> {
    if (low..=high).contains(&value) {
        Ok(())
    } else {
        let expected = format!("a number from {low} to {high}");
        Err(DataError::config(name, expected, value))
    }
}

/// An ascending pair within bounds.
pub(crate) fn check_pair(
    name: &'static str,
    (from, to): (f32, f32),
    low: f32,
    high: f32,
) -> Result<(), DataError> {
    if low <= from && from <= to && to <= high {
        Ok(())
    } else {
        let expected = format!("two ascending numbers from {low} to {high}");
        Err(DataError::config(name, expected, format!("[{from}, {to}]")))
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use crate::{Image, Pixels, SampleRng};

    /// A picture of random values.
    pub(super) fn noise(height: usize, width: usize, channels: usize) -> Image {
        let mut rng = SampleRng::new(11, 0, (height * width * channels) as u64, 99);
        let values = (0..height * width * channels).map(|_| rng.uniform());
        Image::new(height, width, channels, Pixels::F32(values.collect()))
    }

    /// A file that a script in `tests/fixtures/` wrote.
    pub(crate) fn fixture(text: &str) -> serde_json::Value {
        serde_json::from_str(text).unwrap()
    }

    pub(crate) fn numbers(value: &serde_json::Value) -> Vec<f32> {
        serde_json::from_value(value.clone()).unwrap()
    }

    #[track_caller]
    pub(crate) fn assert_close(got: &[f32], expected: &[f32], tolerance: f32) {
        assert_eq!(got.len(), expected.len());
        for (place, (got, expected)) in got.iter().zip(expected).enumerate() {
            assert!(
                (got - expected).abs() <= tolerance,
                "value {place}: {got}, expected {expected}"
            );
        }
    }
}
