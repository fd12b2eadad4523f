//! How a picture gets the size of a model's input.

use serde::{Deserialize, Serialize};

use crate::views::{Planes, ResizeFilter, resized_by};
use crate::{DataError, Image};

/// How a picture gets the size of a model's input: another way, or another filter, moves features far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Resizing {
    /// What becomes of the proportions.
    pub aspect: Aspect,
    /// By what new pixels are made of the old ones; always antialiased.
    pub filter: ResizeFilter,
}

/// What becomes of a picture's proportions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Aspect {
    /// Height and width are resized each by itself.
    #[default]
    Squash,
    /// The shorter side becomes this long, the other in proportion, and the middle is cut out; as networks for ImageNet are evaluated.
    Crop {
        /// Pixels, at least as many as the longer side of the input.
        shorter: usize,
    },
}

/// The serialised form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    aspect: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shorter: Option<usize>,
    filter: ResizeFilter,
    antialias: bool,
}

impl From<Resizing> for Stored {
    fn from(value: Resizing) -> Self {
        let (aspect, shorter) = match value.aspect {
            Aspect::Squash => ("squash", None),
            Aspect::Crop { shorter } => ("crop", Some(shorter)),
        };
        Self {
            aspect: aspect.into(),
            shorter,
            filter: value.filter,
            antialias: true,
        }
    }
}

impl TryFrom<Stored> for Resizing {
    type Error = DataError;

    fn try_from(value: Stored) -> Result<Self, DataError> {
        if !value.antialias {
            return Err(DataError::config("resize.antialias", true, false));
        }
        let aspect = match (value.aspect.as_str(), value.shorter) {
            ("squash", None) => Aspect::Squash,
            ("crop", Some(shorter)) => Aspect::Crop { shorter },
            (other, _) => {
                let expected = "squash, or crop with `shorter`";
                return Err(DataError::config("resize.aspect", expected, other));
            }
        };
        let filter = value.filter;
        Ok(Self { aspect, filter })
    }
}

impl Resizing {
    /// Checks what a file or a caller may have got wrong.
    ///
    /// # Errors
    /// [`DataError::Config`] for a shorter side below the size to be cut out.
    pub(crate) fn validate(&self, size: (usize, usize)) -> Result<(), DataError> {
        match self.aspect {
            Aspect::Crop { shorter }
                if shorter < size.0.max(size.1) || shorter > u16::MAX.into() =>
            {
                let expected = format!("{} to 65,535", size.0.max(size.1));
                Err(DataError::config("resize.shorter", expected, shorter))
            }
            _ => Ok(()),
        }
    }

    /// A picture of the size (height, width).
    pub(crate) fn planes(&self, image: &Image, size: (usize, usize)) -> Planes {
        match self.aspect {
            Aspect::Squash => resized_by(image, size, self.filter),
            Aspect::Crop { shorter } => {
                let whole = in_proportion((image.height, image.width), shorter);
                middle(&resized_by(image, whole, self.filter), size)
            }
        }
    }
}

/// The size with the shorter side as given, the longer rounded down as torchvision has it.
fn in_proportion((height, width): (usize, usize), shorter: usize) -> (usize, usize) {
    let longer = |long: usize, short: usize| (shorter * long / short.max(1)).max(shorter);
    match height < width {
        true => (shorter, longer(width, height)),
        false => (longer(height, width), shorter),
    }
}

/// The middle of a picture that is at least as large.
fn middle(planes: &Planes, (height, width): (usize, usize)) -> Planes {
    // Halves are rounded to even, as Python does in torchvision.
    let before = |from: usize, to: usize| ((from - to) as f64 / 2.0).round_ties_even() as usize;
    let (top, left) = (before(planes.height, height), before(planes.width, width));
    let mut values = Vec::with_capacity(planes.channels * height * width);
    for plane in planes.values.chunks_exact(planes.area().max(1)) {
        for row in plane.chunks_exact(planes.width).skip(top).take(height) {
            values.extend_from_slice(&row[left..left + width]);
        }
    }
    Planes {
        height,
        width,
        channels: planes.channels,
        values,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pixels;

    #[test]
    fn the_middle_is_cut_out_of_what_is_resized_in_proportion() {
        assert_eq!(in_proportion((100, 251), 40), (40, 100));
        assert_eq!(in_proportion((300, 100), 40), (120, 40));
        // Columns numbered from 0: the size stays, and the middle four of ten are left.
        let values = (0..40).map(|at| (at % 10) as f32 / 16.0).collect();
        let image = Image::new(4, 10, 1, Pixels::F32(values));
        let resizing = Resizing {
            aspect: Aspect::Crop { shorter: 4 },
            filter: ResizeFilter::Bicubic,
        };
        let planes = resizing.planes(&image, (2, 4));
        let row = [3.0, 4.0, 5.0, 6.0].map(|value: f32| value / 16.0);
        assert_eq!((planes.height, planes.width), (2, 4));
        assert_eq!(planes.values, [row, row].concat());
    }

    #[test]
    fn what_is_written_reads_back_and_what_is_not_known_is_refused() {
        let crop = Resizing {
            aspect: Aspect::Crop { shorter: 256 },
            filter: ResizeFilter::Bicubic,
        };
        let text = serde_json::to_string(&crop).unwrap();
        let expected = r#"{"aspect":"crop","shorter":256,"filter":"bicubic","antialias":true}"#;
        assert_eq!(text, expected);
        for resizing in [crop, Resizing::default()] {
            let text = serde_json::to_string(&resizing).unwrap();
            assert_eq!(serde_json::from_str::<Resizing>(&text).unwrap(), resizing);
        }
        for (part, other) in [
            ("crop", "pad"),
            ("\"shorter\":256,", ""),
            ("bicubic", "nearest"),
            ("true", "false"),
        ] {
            let text = text.replace(part, other);
            assert!(serde_json::from_str::<Resizing>(&text).is_err(), "{text}");
        }
        assert!(crop.validate((224, 256)).is_ok());
        assert!(crop.validate((224, 257)).is_err());
    }
}
