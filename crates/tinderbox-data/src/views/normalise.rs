//! Normalisation.

use serde::{Deserialize, Serialize};

use super::planes::by_planes;
use crate::Image;

/// Turns each value into `(value - mean) / std` of its channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalise {
    /// The mean of each channel.
    pub mean: Vec<f32>,
    /// The standard deviation of each channel, not 0.
    pub std: Vec<f32>,
}

impl Normalise {
    /// The normalised picture, whose values are no longer in 0..1.
    ///
    /// # Panics
    /// If there is not one mean and one standard deviation for each channel.
    pub fn apply(&self, image: Image) -> Image {
        let channels = image.channels;
        assert!(
            self.mean.len() == channels && self.std.len() == channels,
            "{} means and {} deviations for {channels} channels",
            self.mean.len(),
            self.std.len()
        );
        by_planes(image, |planes| {
            for ((plane, mean), std) in planes.planes_mut().zip(&self.mean).zip(&self.std) {
                for value in plane {
                    *value = (*value - mean) / std;
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pixels;

    #[test]
    fn each_channel_has_its_own_numbers() {
        let image = Image::new(1, 2, 2, Pixels::F32(vec![0.5, 0.5, 1.0, 0.0]));
        let normalise = Normalise {
            mean: vec![0.5, 0.25],
            std: vec![0.25, 0.5],
        };
        assert_eq!(normalise.apply(image).into_f32(), [0.0, 0.5, 2.0, -0.5]);
    }
}
