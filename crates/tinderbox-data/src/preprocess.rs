//! What every picture goes through before a model sees it, in training and after.

use burn::data::dataset::Dataset;
use serde::{Deserialize, Serialize};

use crate::readable::visit_readable;
use crate::views::{Planes, resized};
use crate::{Background, DataError, Image, ImageItem, Resizing};

/// The version of the serialised form.
const FORMAT_VERSION: u32 = 1;

/// The deterministic way from a picture to a model's input; written as `preprocessing.json`.
///
/// Transparent pixels are laid over the background when a file is read. Channels are converted (grey to colour by repetition, colour to grey by weights), the picture is resized when its size differs
/// (antialiased bilinear, unless [`Resizing`] says otherwise), and each channel is normalised to `(value - mean) / std`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Preprocess {
    /// Height and width.
    pub size: (usize, usize),
    /// How a picture gets it.
    pub resize: Resizing,
    /// Channels, 1 or 3 for pictures from files.
    pub channels: usize,
    /// The mean of each channel, in units of full scale (0..1).
    pub mean: Vec<f32>,
    /// The standard deviation of each channel, positive, in the same units.
    pub std: Vec<f32>,
    /// What transparent pixels are laid over when a file is read; `None` in models that were made before it could be chosen, which
    /// read them over black.
    pub background: Option<Background>,
}

/// The serialised form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format_version: u32,
    size: (usize, usize),
    #[serde(default)]
    resize: Resizing,
    channels: usize,
    mean: Vec<f32>,
    std: Vec<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    background: Option<Background>,
}

impl From<Preprocess> for Stored {
    fn from(value: Preprocess) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            size: value.size,
            resize: value.resize,
            channels: value.channels,
            mean: value.mean,
            std: value.std,
            background: value.background,
        }
    }
}

impl TryFrom<Stored> for Preprocess {
    type Error = DataError;

    fn try_from(value: Stored) -> Result<Self, DataError> {
        if value.format_version != FORMAT_VERSION {
            return Err(DataError::config(
                "format_version",
                FORMAT_VERSION,
                value.format_version,
            ));
        }
        let preprocess = Self {
            size: value.size,
            resize: value.resize,
            channels: value.channels,
            mean: value.mean,
            std: value.std,
            background: value.background,
        };
        preprocess.validate()?;
        Ok(preprocess)
    }
}

impl Preprocess {
    /// Size and channels without normalisation: mean 0 and standard deviation 1.
    pub fn plain(size: (usize, usize), channels: usize) -> Self {
        Self {
            size,
            resize: Resizing::default(),
            channels,
            mean: vec![0.0; channels],
            std: vec![1.0; channels],
            background: None,
        }
    }

    /// Takes each channel's mean and standard deviation over all pixels of the items `indices`, after conversion and resizing.
    ///
    /// A channel that does not vary gets the standard deviation 1. Items that cannot be read are left out, up to `max_bad` of them. The
    /// sums are of `f64`, in the order of `indices`.
    ///
    /// # Errors
    /// [`DataError::TooManyBad`] when more items cannot be read, [`DataError::Config`] when the size or the channels are 0, when no item
    /// is left, or when a picture's channels cannot be converted.
    ///
    /// # Panics
    /// If an index is not in the data set.
    pub fn fit<D>(
        dataset: &D,
        indices: &[usize],
        size: (usize, usize),
        channels: usize,
        max_bad: usize,
    ) -> Result<Self, DataError>
    where
        D: Dataset<ImageItem, DataError> + ?Sized,
    {
        let plain = Self::plain(size, channels);
        plain.validate()?;
        let mut sums = vec![(0.0_f64, 0.0_f64); channels];
        let mut read = 0_usize;
        visit_readable(dataset, indices, max_bad, |index, item| {
            let image = item.image;
            let from = image.channels;
            if from != channels && from != 1 && (from, channels) != (3, 1) {
                return Err(DataError::config(
                    "channels",
                    format!("{from}, as item {index} has"),
                    channels,
                ));
            }
            let values = plain.apply(&image);
            for (plane, sum) in values.chunks_exact(size.0 * size.1).zip(&mut sums) {
                for value in plane {
                    let value = f64::from(*value);
                    sum.0 += value;
                    sum.1 += value * value;
                }
            }
            read += 1;
            Ok(())
        })?;
        let count = (read * size.0 * size.1) as f64;
        let mut fitted = plain;
        for (channel, (sum, squares)) in sums.into_iter().enumerate() {
            let mean = sum / count;
            let std = (squares / count - mean * mean).max(0.0).sqrt();
            fitted.mean[channel] = mean as f32;
            // The two sums of a constant cancel down to rounding, about 1e-8.
            fitted.std[channel] = if std > 1e-6 { std as f32 } else { 1.0 };
        }
        Ok(fitted)
    }

    /// Checks what a file or a caller may have got wrong.
    ///
    /// # Errors
    /// [`DataError::Config`] when a size is 0, when there is not one mean and one standard deviation for each channel, or
    /// when they are not finite or not positive.
    pub fn validate(&self) -> Result<(), DataError> {
        let (height, width) = self.size;
        let positive = height
            .checked_mul(width)
            .and_then(|area| area.checked_mul(self.channels))
            .is_some_and(|values| values > 0);
        if !positive {
            let got = format!("{height} x {width} x {}", self.channels);
            return Err(DataError::config("size", "positive dimensions", got));
        }
        self.resize.validate(self.size)?;
        for (name, values) in [("mean", &self.mean), ("std", &self.std)] {
            if values.len() != self.channels {
                let expected = format!("{} values, one for each channel", self.channels);
                return Err(DataError::config(name, expected, values.len()));
            }
            if let Some(value) = values.iter().find(|value| !value.is_finite()) {
                return Err(DataError::config(name, "finite values", value));
            }
        }
        if let Some(value) = self.std.iter().find(|value| **value <= 0.0) {
            return Err(DataError::config("std", "positive values", value));
        }
        Ok(())
    }

    /// The model's input: `channels * height * width` values, one channel after the other.
    ///
    /// # Panics
    /// If the picture's channels cannot become `self.channels`, or if this is not valid.
    pub fn apply(&self, image: &Image) -> Vec<f32> {
        self.normalised(
            self.resize
                .planes(image, self.size)
                .with_channels(self.channels),
        )
    }

    /// [`Preprocess::apply`] of a picture that is not needed any more.
    ///
    /// # Panics
    /// As [`Preprocess::apply`].
    pub fn apply_owned(&self, image: Image) -> Vec<f32> {
        self.apply(&image)
    }

    /// The last step of [`Preprocess::apply`], and a resizing before it where a view has another size.
    ///
    /// # Panics
    /// If there are not as many channels as there are means and deviations.
    pub(crate) fn finish(&self, planes: Planes) -> Vec<f32> {
        if (planes.height, planes.width) == self.size {
            self.normalised(planes)
        } else {
            self.normalised(resized(&planes.into_image(), self.size))
        }
    }

    fn normalised(&self, mut planes: Planes) -> Vec<f32> {
        assert!(
            planes.channels == self.mean.len() && planes.channels == self.std.len(),
            "{} channels, {} means, {} deviations",
            planes.channels,
            self.mean.len(),
            self.std.len()
        );
        for ((plane, mean), std) in planes.planes_mut().zip(&self.mean).zip(&self.std) {
            let factor = 1.0 / std;
            for value in plane {
                *value = (*value - mean) * factor;
            }
        }
        planes.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{InMemoryImages, Pixels, digits};

    #[test]
    fn fitted_pictures_have_mean_0_and_deviation_1() {
        let digits = digits();
        let all: Vec<usize> = (0..digits.len()).collect();
        let preprocess = Preprocess::fit(&digits, &all, (8, 8), 1, 0).unwrap();
        let (mut sum, mut squares) = (0.0_f64, 0.0_f64);
        for index in all {
            for value in preprocess.apply(&digits.get(index).unwrap().image) {
                sum += f64::from(value);
                squares += f64::from(value * value);
            }
        }
        let count = 1_797.0 * 64.0;
        // 1e-5: the mean and deviation are rounded to f32.
        assert!((sum / count).abs() < 1e-5);
        assert!((squares / count - 1.0).abs() < 1e-5);
    }

    #[test]
    fn the_layout_is_one_channel_after_the_other() {
        let pixels = Pixels::F32(vec![0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
        let preprocess = Preprocess {
            mean: vec![0.0, 0.0, 0.1],
            std: vec![1.0, 0.5, 1.0],
            ..Preprocess::plain((1, 2), 3)
        };
        let got = preprocess.apply(&Image::new(1, 2, 3, pixels));
        for (got, expected) in got.iter().zip([0.1, 0.4, 0.4, 1.0, 0.2, 0.5]) {
            assert!((got - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn sizes_and_channels_are_converted() {
        let grey = Image::new(4, 6, 1, Pixels::U8(vec![51; 24]));
        let got = Preprocess::plain((2, 2), 3).apply(&grey);
        assert_eq!(got.len(), 12);
        assert!(got.iter().all(|value| (value - 0.2).abs() < 1e-6));
    }

    #[test]
    fn a_constant_channel_has_deviation_1() {
        let images = InMemoryImages::new([2, 2, 1], Pixels::U8(vec![77; 8]), None, vec![]).unwrap();
        let preprocess = Preprocess::fit(&images, &[0, 1], (2, 2), 1, 0).unwrap();
        assert_eq!(preprocess.std, [1.0]);
    }

    #[test]
    fn the_file_is_versioned_and_checked() {
        let preprocess = Preprocess::plain((8, 8), 1);
        let text = serde_json::to_string(&preprocess).unwrap();
        assert_eq!(
            text,
            concat!(
                r#"{"format_version":1,"size":[8,8],"#,
                r#""resize":{"aspect":"squash","filter":"bilinear","antialias":true},"#,
                r#""channels":1,"mean":[0.0],"std":[1.0]}"#
            )
        );
        let older = r#"{"format_version":1,"size":[8,8],"channels":1,"mean":[0.0],"std":[1.0]}"#;
        assert_eq!(
            serde_json::from_str::<Preprocess>(older).unwrap(),
            preprocess
        );
        assert_eq!(
            serde_json::from_str::<Preprocess>(&text).unwrap(),
            preprocess
        );
        let wrong = [
            ("\"format_version\":1", "\"format_version\":2"),
            ("\"bilinear\"", "\"nearest\""),
            ("\"antialias\":true", "\"antialias\":false"),
            ("\"std\":[1.0]", "\"std\":[0.0]"),
            ("\"std\":[1.0]", "\"std\":[]"),
            ("\"channels\":1", "\"channels\":3"),
            ("[8,8]", "[8,0]"),
            ("\"channels\":1", "\"channels\":1,\"colour\":2"),
        ];
        for (part, other) in wrong {
            let text = text.replace(part, other);
            assert!(serde_json::from_str::<Preprocess>(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn channels_that_cannot_be_converted_are_an_error() {
        let images = InMemoryImages::new([2, 2, 2], Pixels::U8(vec![0; 8]), None, vec![]).unwrap();
        let error = Preprocess::fit(&images, &[0], (2, 2), 3, 0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`channels` is 3, expected 2, as item 0 has"
        );
    }
}
