//! Pictures with a plane for each channel, in which form all transforms work.

use crate::image::{GREY_WEIGHTS, grey};
use crate::{Image, Pixels};

/// A picture of values in 0..1 with one channel after the other (C, H, W), as models take it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Planes {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
    /// `channels * height * width` values.
    pub(crate) values: Vec<f32>,
}

impl Planes {
    /// The picture in planes; bytes are divided by 255.
    ///
    /// # Panics
    /// If the number of values is not that of its size.
    pub(crate) fn of(image: &Image) -> Self {
        image.check();
        Self {
            height: image.height,
            width: image.width,
            channels: image.channels,
            values: match &image.pixels {
                Pixels::U8(values) => {
                    planar(values, image.channels, |value| f32::from(value) / 255.0)
                }
                Pixels::F32(values) => planar(values, image.channels, |value| value),
            },
        }
    }

    /// The picture with interleaved channels.
    pub(crate) fn into_image(self) -> Image {
        let area = self.area();
        let values = match self.channels {
            1 => self.values,
            channels => {
                let mut values = vec![0.0; self.values.len()];
                for (channel, plane) in self.values.chunks_exact(area.max(1)).enumerate() {
                    let places = values.iter_mut().skip(channel).step_by(channels);
                    places.zip(plane).for_each(|(out, value)| *out = *value);
                }
                values
            }
        };
        Image::new(self.height, self.width, self.channels, Pixels::F32(values))
    }

    /// Pixels.
    pub(crate) fn area(&self) -> usize {
        self.height * self.width
    }

    /// The channels, in order.
    pub(crate) fn planes_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        let area = self.area().max(1);
        self.values.chunks_exact_mut(area)
    }

    /// Red, green and blue, if there are three channels.
    pub(crate) fn colours(&self) -> Option<[&[f32]; 3]> {
        if self.channels != 3 {
            return None;
        }
        let (red, rest) = self.values.split_at(self.area());
        let (green, blue) = rest.split_at(self.area());
        Some([red, green, blue])
    }

    /// As [`Planes::colours`].
    pub(crate) fn colours_mut(&mut self) -> Option<[&mut [f32]; 3]> {
        let area = self.area();
        if self.channels != 3 {
            return None;
        }
        let (red, rest) = self.values.split_at_mut(area);
        let (green, blue) = rest.split_at_mut(area);
        Some([red, green, blue])
    }

    /// The same picture with another number of channels, as [`Image::with_channels`] has it.
    ///
    /// # Panics
    /// As [`Image::with_channels`].
    pub(crate) fn with_channels(mut self, channels: usize) -> Self {
        match (self.channels, channels) {
            (from, to) if from == to => {}
            (1, _) => self.values = self.values.repeat(channels),
            (3, 1) => {
                let area = self.area();
                let (red, rest) = self.values.split_at_mut(area);
                let (green, blue) = rest.split_at(area);
                for ((red, green), blue) in red.iter_mut().zip(green).zip(blue) {
                    *red = grey(&[*red, *green, *blue]);
                }
                self.values.truncate(area);
            }
            (from, _) => panic!("a picture of {from} channels cannot become one of {channels}"),
        }
        Self { channels, ..self }
    }
}

/// Changes a picture by way of its planes.
pub(super) fn by_planes(image: Image, change: impl FnOnce(&mut Planes)) -> Image {
    let mut planes = Planes::of(&image);
    change(&mut planes);
    planes.into_image()
}

fn planar<T: Copy>(values: &[T], channels: usize, share: impl Fn(T) -> f32) -> Vec<f32> {
    if let (3, (pixels, [])) = (channels, values.as_chunks::<3>()) {
        // Three passes over what the cache holds are vectors; one pass is not.
        let mut planes = Vec::with_capacity(values.len());
        for channel in 0..3 {
            planes.extend(pixels.iter().map(|pixel| share(pixel[channel])));
        }
        return planes;
    }
    (0..channels)
        .flat_map(|channel| values.iter().skip(channel).step_by(channels))
        .map(|value| share(*value))
        .collect()
}

/// The grey of three planes at a place.
#[inline(always)]
pub(super) fn grey_of(red: f32, green: f32, blue: f32) -> f32 {
    GREY_WEIGHTS[0] * red + GREY_WEIGHTS[1] * green + GREY_WEIGHTS[2] * blue
}

#[cfg(test)]
mod tests {
    use super::super::testing::noise;
    use super::*;

    #[test]
    fn there_and_back_is_the_identity() {
        for channels in [1, 2, 3, 5] {
            let image = noise(4, 3, channels);
            assert_eq!(Planes::of(&image).into_image(), image);
        }
        let empty = Image::new(0, 3, 3, Pixels::F32(Vec::new()));
        assert_eq!(Planes::of(&empty).into_image(), empty);
    }

    #[test]
    fn channels_follow_each_other() {
        let bytes = Image::new(1, 2, 3, Pixels::U8(vec![0, 51, 255, 255, 51, 0]));
        let planes = Planes::of(&bytes);
        assert_eq!(planes.values, [0.0, 1.0, 0.2, 0.2, 1.0, 0.0]);
        assert_eq!(planes.colours().unwrap()[1], [0.2, 0.2]);
    }

    #[test]
    fn numbers_of_channels_change_as_those_of_images_do() {
        for (from, to) in [(1, 3), (1, 4), (3, 1), (3, 3), (2, 2)] {
            let image = noise(4, 3, from);
            let got = Planes::of(&image).with_channels(to).into_image();
            assert_eq!(got, image.with_channels(to));
        }
    }
}
