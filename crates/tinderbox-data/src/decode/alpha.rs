//! Transparency: the last of 2 or 4 channels.

use crate::{Image, Pixels};

/// Multiplies the colours of a picture of 2 or 4 channels by its alpha, which lays it over black, and leaves alpha out; bytes are
/// rounded to nearest. Other pictures stay as they are.
pub(super) fn over_black(image: Image) -> Image {
    let channels = image.channels;
    if ![2, 4].contains(&channels) {
        return image;
    }
    let byte = |value: u8, alpha: u8| ((u32::from(value) * u32::from(alpha) + 127) / 255) as u8;
    let pixels = match &image.pixels {
        Pixels::U8(values) => Pixels::U8(multiplied(values, channels, byte)),
        Pixels::F32(values) => {
            Pixels::F32(multiplied(values, channels, |value, alpha| value * alpha))
        }
    };
    Image::new(image.height, image.width, channels - 1, pixels)
}

fn multiplied<T: Copy>(values: &[T], channels: usize, by: impl Fn(T, T) -> T) -> Vec<T> {
    let mut out = Vec::with_capacity(values.len() / channels * (channels - 1));
    for pixel in values.chunks_exact(channels) {
        let alpha = pixel[channels - 1];
        out.extend(pixel[..channels - 1].iter().map(|value| by(*value, alpha)));
    }
    out
}

/// A picture of 1 to 4 channels as one of 2 (grey) or 4 (colour) of which the last is alpha; what has none is opaque.
pub(super) fn with_alpha(image: Image, channels: usize) -> Image {
    let (height, width) = (image.height, image.width);
    let transparent = [2, 4].contains(&image.channels);
    let colours = image.channels - usize::from(transparent);
    let whole = |pixels| Image::new(height, width, colours, pixels).with_channels(channels - 1);
    let pixels = match image.pixels {
        Pixels::U8(values) => {
            let (values, alpha) = parts(&values, colours, transparent, 255);
            match whole(Pixels::U8(values)).pixels {
                Pixels::U8(values) => Pixels::U8(joined(&values, &alpha)),
                other => other,
            }
        }
        Pixels::F32(values) => {
            let (values, alpha) = parts(&values, colours, transparent, 1.0);
            match whole(Pixels::F32(values)).pixels {
                Pixels::F32(values) => Pixels::F32(joined(&values, &alpha)),
                other => other,
            }
        }
    };
    Image::new(height, width, channels, pixels)
}

/// The colours and the alpha of each pixel.
fn parts<T: Copy>(values: &[T], colours: usize, transparent: bool, full: T) -> (Vec<T>, Vec<T>) {
    let pixels = values.chunks_exact(colours + usize::from(transparent));
    pixels
        .map(|pixel| {
            (
                &pixel[..colours],
                pixel.get(colours).copied().unwrap_or(full),
            )
        })
        .fold(
            (Vec::new(), Vec::new()),
            |(mut values, mut alphas), (colours, alpha)| {
                values.extend_from_slice(colours);
                alphas.push(alpha);
                (values, alphas)
            },
        )
}

fn joined<T: Copy>(values: &[T], alpha: &[T]) -> Vec<T> {
    let colours = values.len() / alpha.len().max(1);
    let mut out = Vec::with_capacity(values.len() + alpha.len());
    for (pixel, alpha) in values.chunks_exact(colours.max(1)).zip(alpha) {
        out.extend_from_slice(pixel);
        out.push(*alpha);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(from: &[u8], channels: usize, expected: &[u8]) {
        let image = Image::new(1, 1, from.len(), Pixels::U8(from.to_vec()));
        let got = with_alpha(image, channels);
        let expected = Pixels::U8(expected.to_vec());
        assert_eq!(got, Image::new(1, 1, channels, expected));
    }

    #[test]
    fn every_picture_becomes_one_with_alpha() {
        check(&[9], 2, &[9, 255]);
        check(&[9], 4, &[9, 9, 9, 255]);
        check(&[9, 7], 2, &[9, 7]);
        check(&[9, 7], 4, &[9, 9, 9, 7]);
        check(&[1, 2, 3], 4, &[1, 2, 3, 255]);
        check(&[1, 2, 3, 4], 4, &[1, 2, 3, 4]);
        check(&[100, 100, 100, 4], 2, &[100, 4]);
        check(&[100, 100, 100], 2, &[100, 255]);
        let exact = Image::new(1, 1, 1, Pixels::F32(vec![0.25]));
        assert_eq!(with_alpha(exact, 2).pixels, Pixels::F32(vec![0.25, 1.0]));
    }
}
