//! Decoding pictures.

mod alpha;
mod header;
mod npy;

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ::image::codecs::{
    bmp::BmpDecoder, gif::GifDecoder, jpeg::JpegDecoder, png::PngDecoder, webp::WebPDecoder,
};
use ::image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, Limits};

use crate::error::memory;
use crate::{Background, DataError, Image, Pixels};

pub(crate) use header::{Alpha, Header};

/// Deflate inflates a byte to at most 1,032; the rest is room for headers.
const PNG_BYTES_PER_BYTE: u64 = 1_040;

/// A JPEG block of 8 x 8 pixels takes at least one bit.
const JPEG_PIXELS_PER_BYTE: u64 = 512;

/// What GIF packs best is about 2,700 pixels a byte; what other files pack better is without content.
const OTHER_PIXELS_PER_BYTE: u64 = 4_096;

/// Room for the smallest files in the bounds above.
const SLACK: u64 = 1 << 16;

/// How large a picture may be; checked in its header, before memory is taken for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Columns.
    pub max_width: usize,
    /// Rows.
    pub max_height: usize,
    /// Bytes of the decoded picture, counted as 4 for each pixel, or as 4 for each value if they have 16 bits. Decoding may
    /// take about three times as much while it works. A compressed file may not be larger either.
    pub max_bytes: u64,
}

impl Default for DecodeLimits {
    /// 16,384 x 16,384 pixels, and 512 MiB, which is 134 million pixels of 8 bits.
    fn default() -> Self {
        Self {
            max_width: 16_384,
            max_height: 16_384,
            max_bytes: 512 << 20,
        }
    }
}

impl DecodeLimits {
    fn check(&self, width: u64, height: u64, bytes_per_pixel: u64) -> Result<(), DataError> {
        let bytes = width.saturating_mul(height).saturating_mul(bytes_per_pixel);
        for (what, got, limit) in [
            ("width in pixels", width, self.max_width as u64),
            ("height in pixels", height, self.max_height as u64),
            ("decoded size in bytes", bytes, self.max_bytes),
        ] {
            if got > limit {
                return Err(DataError::TooLarge {
                    path: memory(),
                    what,
                    limit,
                    got,
                });
            }
        }
        Ok(())
    }
}

/// Decodes a PNG, JPEG, GIF, WebP, BMP or NPY file to 1 channel (grey) or 3 (red, green, blue), NPY to what it has.
///
/// - What the file holds decides over its name.
/// - Values of 8 bits or fewer become `U8`, values of 16 bits become `F32` without loss.
/// - Palettes become colours, as do the four inks of CMYK. Of an animation or of several pages the first picture is taken.
/// - Transparent pixels are laid over white; a [`ReadConfig`](crate::ReadConfig) can name another [`Background`], or keep alpha. A colour
///   of a PNG that is marked as transparent (`tRNS` without a palette) is shown as it is, as in Pillow's `convert("RGB")`.
/// - The orientation that EXIF notes is applied.
/// - A file that ends early is an error, even where a viewer would show its first half.
/// - NPY files (NumPy) hold `[height, width]` or `[height, width, channels]` in C order, of uint8, uint16 or float32; floats are taken
///   as they are.
///
/// # Errors
/// [`DataError::TooLarge`] when the header claims more than the limits, [`DataError::Decode`] for everything that is not a whole picture,
/// such as a header that claims more pixels than so many bytes can hold.
pub fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<Image, DataError> {
    decode_over(bytes, limits, Background::default())
}

fn decode_over(
    bytes: &[u8],
    limits: &DecodeLimits,
    background: Background,
) -> Result<Image, DataError> {
    if bytes.starts_with(npy::MAGIC) {
        return npy::parse(bytes, limits);
    }
    Ok(alpha::over(all_channels(bytes, limits)?, background))
}

/// [`decode`] over a background to so many channels: 1 or 3, or 2 (grey) or 4 (colour) with alpha; `None` for what the file has.
pub(crate) fn decode_to(
    bytes: &[u8],
    limits: &DecodeLimits,
    channels: Option<usize>,
    background: Background,
) -> Result<Image, DataError> {
    let Some(channels) = channels else {
        return decode_over(bytes, limits, background);
    };
    let wanted_alpha = [2, 4].contains(&channels);
    let image = if wanted_alpha && !bytes.starts_with(npy::MAGIC) {
        all_channels(bytes, limits)?
    } else {
        decode_over(bytes, limits, background)?
    };
    match (image.channels, channels) {
        (from, to) if from == to => Ok(image),
        (1..=4, 2 | 4) => Ok(alpha::with_alpha(image, channels)),
        (1, 3) | (3, 1) => Ok(image.with_channels(channels)),
        (from, to) => Err(unreadable(format!(
            "its {from} channels cannot become {to}"
        ))),
    }
}

/// Whether the bytes begin as an NPY file does.
pub(crate) fn is_npy(bytes: &[u8]) -> bool {
    bytes.starts_with(npy::MAGIC)
}

/// Whether any pixel of a file is not opaque, as it would be read.
pub(crate) fn is_transparent(bytes: &[u8], limits: &DecodeLimits) -> Result<bool, DataError> {
    Ok(alpha::is_seen(&all_channels(bytes, limits)?))
}

/// The picture with alpha, if it has one.
fn all_channels(bytes: &[u8], limits: &DecodeLimits) -> Result<Image, DataError> {
    // The decoders are written not to panic; if one does, one picture is lost and not the run.
    catch_unwind(AssertUnwindSafe(|| decode_caught(bytes, limits)))
        .unwrap_or_else(|_| Err(unreadable("the decoder panicked")))
}

fn decode_caught(bytes: &[u8], limits: &DecodeLimits) -> Result<Image, DataError> {
    let unknown = || unreadable("no PNG, JPEG, GIF, WebP, BMP or NPY file");
    match ::image::guess_format(bytes).map_err(|_| unknown())? {
        ImageFormat::Png => {
            // Width and height always stand here; the decoder would first take memory for a row.
            let number = |at: usize| -> Result<u64, DataError> {
                let found = bytes.get(at..).and_then(<[u8]>::first_chunk::<4>);
                let found = found.ok_or_else(|| unreadable("cut short in its header"))?;
                Ok(u32::from_be_bytes(*found).into())
            };
            limits.check(number(16)?, number(20)?, 4)?;
            let mut inner = Limits::no_limits();
            inner.max_alloc = Some(limits.max_bytes);
            let decoder = PngDecoder::with_limits(Cursor::new(bytes), inner).map_err(failed)?;
            let bits = u64::from(decoder.original_color_type().bits_per_pixel());
            let (width, height) = decoder.dimensions();
            let claimed = (u64::from(width) * bits).div_ceil(8) * u64::from(height);
            plausible(claimed, bytes, PNG_BYTES_PER_BYTE)?;
            let image = finish(decoder, limits)?;
            // Grey (0) and colours (2) have no alpha but that of a marked colour.
            Ok(match bytes.get(25) {
                Some(0 | 2) => alpha::opaque(image),
                _ => image,
            })
        }
        ImageFormat::Jpeg => {
            ends(bytes)?;
            let decoder = JpegDecoder::new(Cursor::new(bytes)).map_err(failed)?;
            let (width, height) = decoder.dimensions();
            limits.check(width.into(), height.into(), 4)?;
            let claimed = u64::from(width) * u64::from(height);
            plausible(claimed, bytes, JPEG_PIXELS_PER_BYTE)?;
            finish(decoder, limits)
        }
        ImageFormat::Gif => other(GifDecoder::new(Cursor::new(bytes)), bytes, limits),
        ImageFormat::WebP => other(WebPDecoder::new(Cursor::new(bytes)), bytes, limits),
        ImageFormat::Bmp => other(BmpDecoder::new(Cursor::new(bytes)), bytes, limits),
        other => Err(unreadable(format!(
            "it is {other:?}, which is not read; PNG, JPEG, GIF, WebP, BMP and NPY are"
        ))),
    }
}

/// The picture of a decoder whose header says how large it is before memory is taken for its pixels.
fn other(
    decoder: Result<impl ImageDecoder, ImageError>,
    bytes: &[u8],
    limits: &DecodeLimits,
) -> Result<Image, DataError> {
    let mut decoder = decoder.map_err(failed)?;
    let (width, height) = decoder.dimensions();
    limits.check(width.into(), height.into(), 4)?;
    let claimed = u64::from(width) * u64::from(height);
    plausible(claimed, bytes, OTHER_PIXELS_PER_BYTE)?;
    let mut inner = Limits::no_limits();
    // It counts what it works with beside the picture.
    inner.max_alloc = Some(limits.max_bytes.saturating_mul(2));
    decoder.set_limits(inner).map_err(failed)?;
    finish(decoder, limits)
}

fn unreadable(message: impl ToString) -> DataError {
    DataError::Decode {
        path: memory(),
        message: message.to_string(),
    }
}

fn failed(error: ImageError) -> DataError {
    unreadable(error)
}

/// Refuses headers that no file of this length can fulfil.
fn plausible(claimed: u64, bytes: &[u8], per_byte: u64) -> Result<(), DataError> {
    let most = (bytes.len() as u64).saturating_mul(per_byte) + SLACK;
    if claimed > most {
        let length = bytes.len();
        let message = format!("its header claims more pixels than {length} bytes can hold");
        return Err(unreadable(message));
    }
    Ok(())
}

fn finish(mut decoder: impl ImageDecoder, limits: &DecodeLimits) -> Result<Image, DataError> {
    let (width, height) = decoder.dimensions();
    let colour = decoder.color_type();
    let channels = u64::from(colour.channel_count());
    let wide = u64::from(colour.bytes_per_pixel()) > channels;
    let per_pixel = if wide { 4 * channels } else { 4 };
    limits.check(width.into(), height.into(), per_pixel)?;
    let orientation = decoder.orientation().map_err(failed)?;
    let mut decoded = DynamicImage::from_decoder(decoder).map_err(failed)?;
    decoded.apply_orientation(orientation);
    let (height, width) = (decoded.height() as usize, decoded.width() as usize);
    let (channels, pixels) = match decoded {
        DynamicImage::ImageLuma8(image) => (1, Pixels::U8(image.into_raw())),
        DynamicImage::ImageRgb8(image) => (3, Pixels::U8(image.into_raw())),
        DynamicImage::ImageLumaA8(image) => (2, Pixels::U8(image.into_raw())),
        DynamicImage::ImageRgba8(image) => (4, Pixels::U8(image.into_raw())),
        DynamicImage::ImageLuma16(image) => (1, Pixels::F32(shares(&image))),
        DynamicImage::ImageRgb16(image) => (3, Pixels::F32(shares(&image))),
        DynamicImage::ImageLumaA16(image) => (2, Pixels::F32(shares(&image))),
        DynamicImage::ImageRgba16(image) => (4, Pixels::F32(shares(&image))),
        DynamicImage::ImageRgb32F(image) => (3, Pixels::F32(image.into_raw())),
        DynamicImage::ImageRgba32F(image) => (4, Pixels::F32(image.into_raw())),
        other => return Err(unreadable(format!("its values are {:?}", other.color()))),
    };
    Ok(Image::new(height, width, channels, pixels))
}

fn shares(values: &[u16]) -> Vec<f32> {
    values
        .iter()
        .map(|value| f32::from(*value) / 65_535.0)
        .collect()
}

/// Walks over the segments of a JPEG file to its end marker, since the decoder fills in what is missing without a word.
fn ends(bytes: &[u8]) -> Result<(), DataError> {
    let cut = || unreadable("cut short: it has no end marker");
    // After the start marker.
    let mut at = 2;
    loop {
        // To the next marker: 0xff, any number of fill bytes 0xff, the code. Compressed data escapes 0xff by 0x00 and holds
        // restart markers, which have no length.
        let code = loop {
            let skipped = bytes
                .get(at..)
                .and_then(|rest| rest.iter().position(|byte| *byte == 0xff));
            at += skipped.ok_or_else(cut)? + 1;
            match *bytes.get(at).ok_or_else(cut)? {
                0x00 | 0xd0..=0xd8 | 0x01 => at += 1,
                0xff => {}
                code => break code,
            }
        };
        if code == 0xd9 {
            return Ok(());
        }
        at += 1;
        let length = bytes
            .get(at..)
            .and_then(<[u8]>::first_chunk::<2>)
            .ok_or_else(cut)?;
        at += usize::from(u16::from_be_bytes(*length)).max(2);
    }
}
