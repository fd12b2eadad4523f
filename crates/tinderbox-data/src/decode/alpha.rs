//! Transparency: the last of 2 or 4 channels.

use crate::{Background, Image, Pixels};

/// Lays a picture of 2 or 4 channels over a colour and leaves alpha out; bytes are rounded to nearest. A grey picture over a colour that is
/// not grey becomes coloured. Other pictures stay as they are.
pub(super) fn over(image: Image, background: Background) -> Image {
    let image = match image.channels {
        2 if !background.is_grey() => with_alpha(image, 4),
        2 | 4 => image,
        _ => return image,
    };
    let channels = image.channels;
    let byte = |value: u8, alpha: u8, ground: u8| {
        let (alpha, clear) = (u32::from(alpha), u32::from(255 - alpha));
        ((u32::from(value) * alpha + u32::from(ground) * clear + 127) / 255) as u8
    };
    let share = |value: f32, alpha: f32, ground: f32| value * alpha + ground * (1.0 - alpha);
    let pixels = match &image.pixels {
        Pixels::U8(values) => Pixels::U8(laid(values, channels, background.0, byte)),
        Pixels::F32(values) => {
            let ground = background.0.map(|value| f32::from(value) / 255.0);
            Pixels::F32(laid(values, channels, ground, share))
        }
    };
    Image::new(image.height, image.width, channels - 1, pixels)
}

fn laid<T: Copy>(
    values: &[T],
    channels: usize,
    ground: [T; 3],
    mix: impl Fn(T, T, T) -> T,
) -> Vec<T> {
    let mut out = Vec::with_capacity(values.len() / channels * (channels - 1));
    for pixel in values.chunks_exact(channels) {
        let alpha = pixel[channels - 1];
        let colours = pixel[..channels - 1].iter().zip(ground);
        out.extend(colours.map(|(value, ground)| mix(*value, alpha, ground)));
    }
    out
}

/// A picture of 2 or 4 channels without alpha, its colours as they are; others stay.
pub(super) fn opaque(image: Image) -> Image {
    match &image.pixels {
        _ if ![2, 4].contains(&image.channels) => image,
        Pixels::U8(values) => {
            let (values, _) = parts(values, image.channels - 1, true, 255);
            Image::new(
                image.height,
                image.width,
                image.channels - 1,
                Pixels::U8(values),
            )
        }
        Pixels::F32(values) => {
            let (values, _) = parts(values, image.channels - 1, true, 1.0);
            Image::new(
                image.height,
                image.width,
                image.channels - 1,
                Pixels::F32(values),
            )
        }
    }
}

/// Whether any pixel is not opaque.
pub(super) fn is_seen(image: &Image) -> bool {
    let channels = image.channels;
    let alphas = |len: usize| (channels - 1..len).step_by(channels);
    match &image.pixels {
        _ if ![2, 4].contains(&channels) => false,
        Pixels::U8(values) => alphas(values.len()).any(|at| values[at] < 255),
        Pixels::F32(values) => alphas(values.len()).any(|at| values[at] < 1.0),
    }
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
    fn transparent_pixels_lie_over_the_background() {
        let orange = Background([255, 128, 0]);
        let grey = || Image::new(1, 2, 2, Pixels::U8(vec![9, 255, 9, 0]));
        assert!(is_seen(&grey()));
        let over = |image, ground| over(image, ground).pixels;
        assert_eq!(over(grey(), Background::WHITE), Pixels::U8(vec![9, 255]));
        assert_eq!(over(grey(), orange), Pixels::U8(vec![9, 9, 9, 255, 128, 0]));
        assert_eq!(opaque(grey()).pixels, Pixels::U8(vec![9, 9]));
        let exact = Image::new(1, 1, 2, Pixels::F32(vec![0.0, 0.25]));
        assert_eq!(over(exact, Background::WHITE), Pixels::F32(vec![0.75]));
        let solid = Image::new(1, 1, 4, Pixels::U8(vec![1, 2, 3, 255]));
        assert!(!is_seen(&solid));
        assert_eq!(over(solid, orange), Pixels::U8(vec![1, 2, 3]));
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
