//! What the first bytes of a file tell about its picture, without decoding it.

use ::image::ImageFormat;

/// Whether a picture has transparent pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alpha {
    /// It has none.
    None,
    /// It may have some; its pixels tell.
    Possible,
    /// One colour is marked as transparent, and is read as it is.
    Key,
}

/// What a file says of its picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) format: ImageFormat,
    /// Whether it has colours, if that is known. A palette is one of colours.
    pub(crate) coloured: Option<bool>,
    pub(crate) alpha: Alpha,
    /// Whether it holds further pictures: an animation, or pages.
    pub(crate) several: bool,
}

impl Header {
    /// The header in a file's first bytes. GIF needs all of them: where [`is_enough`](Self::is_enough) says no, call it again.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let format = ::image::guess_format(bytes).ok()?;
        let plain = Self {
            format,
            coloured: None,
            alpha: Alpha::None,
            several: false,
        };
        Some(match format {
            ImageFormat::Png => png(bytes, plain),
            ImageFormat::Jpeg => Self {
                coloured: jpeg_components(bytes).map(|components| components >= 3),
                ..plain
            },
            ImageFormat::Gif => Self {
                coloured: Some(true),
                alpha: Alpha::Possible,
                several: gif_pictures(bytes) > 1,
                ..plain
            },
            ImageFormat::WebP => webp(bytes, plain),
            ImageFormat::Bmp => Self {
                coloured: Some(true),
                alpha: match bytes.get(28) {
                    Some(32) => Alpha::Possible,
                    _ => Alpha::None,
                },
                ..plain
            },
            _ => return None,
        })
    }

    /// Whether the bytes that it was read from told all, though there may be more in the file.
    pub(crate) fn is_enough(&self) -> bool {
        self.coloured.is_some() && self.format != ImageFormat::Gif
    }

    /// Whether files with such an ending are expected to have this format.
    pub(crate) fn fits(&self, ending: &str) -> bool {
        let ending = match ending {
            "apng" => "png",
            "dib" => "bmp",
            "jfif" | "jif" | "jpe" => "jpg",
            other => other,
        };
        ImageFormat::from_extension(ending).is_none_or(|format| format == self.format)
    }
}

fn be32(bytes: &[u8], at: usize) -> Option<usize> {
    let four = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_be_bytes(*four) as usize)
}

/// The chunks before the pixels.
fn png(bytes: &[u8], plain: Header) -> Header {
    let kind = bytes.get(25).copied();
    let mut header = Header {
        coloured: kind.map(|kind| ![0, 4].contains(&kind)),
        ..plain
    };
    if let Some(4 | 6) = kind {
        header.alpha = Alpha::Possible;
    }
    let mut at = 8;
    loop {
        let (Some(length), Some(name)) = (be32(bytes, at), bytes.get(at + 4..at + 8)) else {
            // They go on beyond these bytes.
            header.coloured = None;
            return header;
        };
        match name {
            b"tRNS" if kind == Some(3) => header.alpha = Alpha::Possible,
            b"tRNS" => header.alpha = Alpha::Key,
            b"acTL" => header.several = be32(bytes, at + 8).is_some_and(|frames| frames > 1),
            b"IDAT" => return header,
            _ => {}
        }
        at = at.saturating_add(length).saturating_add(12);
    }
}

/// The number of components, from the segment that begins the frame.
fn jpeg_components(bytes: &[u8]) -> Option<u8> {
    let mut at = 2;
    loop {
        while *bytes.get(at)? != 0xff {
            at += 1;
        }
        while *bytes.get(at)? == 0xff {
            at += 1;
        }
        let code = bytes[at];
        match code {
            0xc4 | 0xc8 | 0xcc => {}
            0xc0..=0xcf => return bytes.get(at + 8).copied(),
            0x00 | 0x01 | 0xd0..=0xd9 => {
                at += 1;
                continue;
            }
            _ => {}
        }
        let length = bytes.get(at + 1..)?.first_chunk::<2>()?;
        at += 1 + usize::from(u16::from_be_bytes(*length)).max(2);
    }
}

/// How many pictures a GIF file has, as far as its bytes go.
fn gif_pictures(bytes: &[u8]) -> usize {
    let table = |flags: u8| match flags & 0x80 {
        0 => 0,
        _ => 3 << ((flags & 7) + 1),
    };
    let Some(flags) = bytes.get(10) else { return 0 };
    let mut at = 13 + table(*flags);
    let mut pictures = 0;
    loop {
        at += match bytes.get(at) {
            Some(0x2c) => match bytes.get(at + 9) {
                Some(flags) => {
                    pictures += 1;
                    11 + table(*flags)
                }
                None => return pictures,
            },
            Some(0x21) => 2,
            _ => return pictures,
        };
        // Blocks up to an empty one.
        loop {
            match bytes.get(at) {
                Some(0) => break,
                Some(length) => at += 1 + usize::from(*length),
                None => return pictures,
            }
        }
        at += 1;
    }
}

fn webp(bytes: &[u8], plain: Header) -> Header {
    let flags = |at: usize| bytes.get(at).copied().unwrap_or(0);
    let alpha = |seen: bool| if seen { Alpha::Possible } else { Alpha::None };
    let (alpha, several) = match bytes.get(12..16) {
        Some(b"VP8L") => (alpha(flags(24) & 0x10 != 0), false),
        Some(b"VP8X") => (alpha(flags(20) & 0x10 != 0), flags(20) & 0x02 != 0),
        _ => (Alpha::None, false),
    };
    Header {
        coloured: Some(true),
        alpha,
        several,
        ..plain
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use ::image::codecs::{gif::GifEncoder, png::PngEncoder};
    use ::image::{DynamicImage, ExtendedColorType, Frame, ImageEncoder, RgbaImage};

    use super::*;

    fn encoded(image: DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[track_caller]
    fn check(bytes: &[u8], coloured: bool, alpha: Alpha, several: bool) {
        let header = Header::of(bytes).unwrap();
        let got = (header.coloured, header.alpha, header.several);
        assert_eq!(got, (Some(coloured), alpha, several));
    }

    #[test]
    fn headers_tell_colour_and_alpha() {
        use ImageFormat::{Bmp, Jpeg, Png, WebP};
        let kinds: [(DynamicImage, &[ImageFormat], bool, Alpha); 4] = [
            (
                DynamicImage::new_luma8(3, 2),
                &[Png, Jpeg],
                false,
                Alpha::None,
            ),
            (
                DynamicImage::new_rgb8(3, 2),
                &[Png, Jpeg, Bmp, WebP],
                true,
                Alpha::None,
            ),
            (
                DynamicImage::new_luma_a8(3, 2),
                &[Png],
                false,
                Alpha::Possible,
            ),
            (
                DynamicImage::new_rgba8(3, 2),
                &[Png, Bmp, WebP],
                true,
                Alpha::Possible,
            ),
        ];
        for (image, formats, coloured, alpha) in kinds {
            for format in formats {
                check(&encoded(image.clone(), *format), coloured, alpha, false);
            }
        }
    }

    #[test]
    fn an_animation_has_several_pictures() {
        for frames in [1, 3] {
            let mut bytes = Vec::new();
            let mut encoder = GifEncoder::new(&mut bytes);
            let frame = || Frame::new(RgbaImage::from_pixel(9, 5, [7, 8, 9, 255].into()));
            encoder.encode_frames((0..frames).map(|_| frame())).unwrap();
            drop(encoder);
            check(&bytes, true, Alpha::Possible, frames > 1);
        }
    }

    #[test]
    fn what_is_cut_short_is_not_enough() {
        let mut bytes = Vec::new();
        let encoder = PngEncoder::new(&mut bytes);
        encoder
            .write_image(&[1, 2], 2, 1, ExtendedColorType::L8)
            .unwrap();
        assert!(Header::of(&bytes).unwrap().is_enough());
        assert!(!Header::of(&bytes[..36]).unwrap().is_enough());
        assert_eq!(Header::of(b"no picture"), None);
    }

    #[test]
    fn endings_fit_their_formats() {
        let header = Header::of(&encoded(DynamicImage::new_rgb8(1, 1), ImageFormat::Jpeg)).unwrap();
        for ending in ["jpg", "jpeg", "jpe", "jfif", "jif", "unknown"] {
            assert!(header.fits(ending), "{ending}");
        }
        assert!(!header.fits("png"));
    }
}
