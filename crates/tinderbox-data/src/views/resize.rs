//! Resizing to a fixed size.

use serde::{Deserialize, Serialize};

use super::planes::Planes;
use super::resample::{Rectangle, ResizeFilter, resample};
use crate::Image;

/// Resizes to a fixed size, bilinear and antialiased when shrinking; the proportions may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resize {
    /// Rows of the result.
    pub height: usize,
    /// Columns of the result.
    pub width: usize,
}

impl Resize {
    /// The resized picture; one of the right size is returned as it is, as `F32`.
    ///
    /// # Panics
    /// If a size is 0.
    pub fn apply(&self, image: Image) -> Image {
        let size = (self.height, self.width);
        if (image.height, image.width) == size {
            return image.to_f32();
        }
        resized(&image, size).into_image()
    }
}

/// [`Resize::apply`], to planes.
pub(crate) fn resized(image: &Image, size: (usize, usize)) -> Planes {
    resized_by(image, size, ResizeFilter::Bilinear)
}

/// [`resized`] by another filter.
pub(crate) fn resized_by(image: &Image, size: (usize, usize), filter: ResizeFilter) -> Planes {
    if (image.height, image.width) == size {
        return Planes::of(image);
    }
    resample(image, Rectangle::whole(image), size, filter)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, noise};
    use super::*;
    use crate::Pixels;

    #[test]
    fn the_same_size_is_the_identity() {
        let image = noise(5, 7, 3);
        let same = Resize {
            height: 5,
            width: 7,
        };
        assert_eq!(same.apply(image.clone()), image);
    }

    #[test]
    fn a_constant_stays_constant() {
        for (height, width) in [(1, 1), (3, 50), (50, 3), (31, 17)] {
            let image = Image::new(10, 20, 1, Pixels::F32(vec![0.25; 200]));
            let got = Resize { height, width }.apply(image).into_f32();
            assert_close(&got, &vec![0.25; height * width], 1e-6);
        }
    }

    #[test]
    fn other_numbers_of_channels_go_the_same_way() {
        let image = noise(9, 6, 3);
        let mut wide = Vec::new();
        for pixel in image.clone().into_f32().chunks_exact(3) {
            wide.extend_from_slice(&[pixel[0], pixel[1], pixel[2], pixel[0], 0.5]);
        }
        let wide = Image::new(9, 6, 5, Pixels::F32(wide));
        let size = Resize {
            height: 4,
            width: 11,
        };
        let three = size.apply(image).into_f32();
        let five = size.apply(wide).into_f32();
        for (three, five) in three.chunks_exact(3).zip(five.chunks_exact(5)) {
            assert_eq!(three, &five[..3]);
            assert_eq!(three[0], five[3]);
        }
    }
}
