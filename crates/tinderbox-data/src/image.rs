//! Pictures in memory.

/// The values of a picture.
#[derive(Debug, Clone, PartialEq)]
pub enum Pixels {
    /// Values 0 to 255.
    U8(Vec<u8>),
    /// Values 0 to 1.
    F32(Vec<f32>),
}

impl Pixels {
    /// The number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::U8(values) => values.len(),
            Self::F32(values) => values.len(),
        }
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A picture of `height` x `width` pixels with interleaved channels (H, W, C).
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Values per pixel: 1 for grey, 3 for red, green and blue; others are allowed.
    pub channels: usize,
    /// The values, `height * width * channels` of them.
    pub pixels: Pixels,
}

/// A picture with what is known about it.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageItem {
    /// The picture.
    pub image: Image,
    /// The number of its class, if it has one.
    pub label: Option<u32>,
    /// Its name: the path relative to the data set's root with `/` between folders, or its index.
    pub id: String,
}

/// The weights of red, green and blue in grey (ITU-R BT.601, rounded as torchvision rounds them).
pub const GREY_WEIGHTS: [f32; 3] = [0.2989, 0.587, 0.114];

impl Image {
    /// A picture of these values.
    ///
    /// # Panics
    /// If the number of values is not `height * width * channels`.
    pub fn new(height: usize, width: usize, channels: usize, pixels: Pixels) -> Self {
        let image = Self {
            height,
            width,
            channels,
            pixels,
        };
        image.check();
        image
    }

    /// # Panics
    /// If the number of values is not `height * width * channels`.
    pub(crate) fn check(&self) {
        let Self {
            height,
            width,
            channels,
            ..
        } = *self;
        assert!(
            height * width * channels == self.pixels.len(),
            "a picture of {height} x {width} x {channels} has {} values",
            self.pixels.len()
        );
    }

    /// The values as numbers in 0..1; bytes are divided by 255.
    pub fn into_f32(self) -> Vec<f32> {
        self.check();
        match self.pixels {
            Pixels::U8(values) => values
                .iter()
                .map(|value| f32::from(*value) / 255.0)
                .collect(),
            Pixels::F32(values) => values,
        }
    }

    /// The same picture with `F32` values in 0..1.
    #[must_use]
    pub fn to_f32(self) -> Self {
        Self {
            height: self.height,
            width: self.width,
            channels: self.channels,
            pixels: Pixels::F32(self.into_f32()),
        }
    }

    /// The same picture with another number of channels.
    ///
    /// Grey to colour repeats the value; colour (3 channels) to grey takes the [`GREY_WEIGHTS`]. Nothing
    /// happens when the number is the same already.
    ///
    /// # Panics
    /// For any other pair of numbers.
    #[must_use]
    pub fn with_channels(self, channels: usize) -> Self {
        if self.channels == channels {
            return self;
        }
        let (height, width, from) = (self.height, self.width, self.channels);
        let pixels = match (from, channels) {
            (1, _) => match self.pixels {
                Pixels::U8(values) => Pixels::U8(repeat(&values, channels)),
                Pixels::F32(values) => Pixels::F32(repeat(&values, channels)),
            },
            (3, 1) => match self.pixels {
                Pixels::U8(values) => Pixels::U8(
                    values
                        .chunks_exact(3)
                        .map(|rgb| {
                            let rgb = [rgb[0], rgb[1], rgb[2]].map(f32::from);
                            grey(&rgb).round() as u8
                        })
                        .collect(),
                ),
                Pixels::F32(values) => Pixels::F32(values.chunks_exact(3).map(grey).collect()),
            },
            _ => panic!("a picture of {from} channels cannot become one of {channels}"),
        };
        Self::new(height, width, channels, pixels)
    }
}

/// The grey of a red, green and blue value.
pub(crate) fn grey(rgb: &[f32]) -> f32 {
    GREY_WEIGHTS[0] * rgb[0] + GREY_WEIGHTS[1] * rgb[1] + GREY_WEIGHTS[2] * rgb[2]
}

fn repeat<T: Copy>(values: &[T], times: usize) -> Vec<T> {
    values
        .iter()
        .flat_map(|value| std::iter::repeat_n(*value, times))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_becomes_colour_and_back() {
        let image = Image::new(1, 2, 1, Pixels::U8(vec![10, 200]));
        let colour = image.clone().with_channels(3);
        assert_eq!(colour.pixels, Pixels::U8(vec![10, 10, 10, 200, 200, 200]));
        assert_eq!(colour.with_channels(1), image);
    }

    #[test]
    fn bytes_become_shares() {
        let image = Image::new(1, 3, 1, Pixels::U8(vec![0, 51, 255])).to_f32();
        assert_eq!(image.pixels, Pixels::F32(vec![0.0, 0.2, 1.0]));
    }

    #[test]
    #[should_panic(expected = "a picture of 2 x 2 x 1 has 3 values")]
    fn a_wrong_length_panics_with_both_sizes() {
        Image::new(2, 2, 1, Pixels::U8(vec![0; 3]));
    }
}
