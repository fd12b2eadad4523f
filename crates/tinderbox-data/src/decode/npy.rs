//! NumPy's `.npy` files that hold a picture (NEP 1, "A Simple File Format for NumPy Arrays").

use super::{DecodeLimits, unreadable};
use crate::{DataError, Image, Pixels};

/// The first bytes of every file.
pub(super) const MAGIC: &[u8] = b"\x93NUMPY";

/// A longer header than any that NumPy writes for three dimensions.
const LONGEST_HEADER: usize = 4_096;

/// A picture of `[height, width]` or `[height, width, channels]`, in C order, of bytes, of 16-bit numbers (which become exact shares of
/// 65,535), or of 32-bit floats (which are taken as they are).
pub(super) fn parse(bytes: &[u8], limits: &DecodeLimits) -> Result<Image, DataError> {
    let version = bytes.get(MAGIC.len()).copied();
    let (start, length) = match version {
        Some(1) => (
            10,
            bytes
                .get(8..10)
                .map(|two| usize::from(two[0]) | usize::from(two[1]) << 8),
        ),
        Some(2 | 3) => {
            let four = bytes.get(8..).and_then(<[u8]>::first_chunk::<4>);
            (12, four.map(|four| u32::from_le_bytes(*four) as usize))
        }
        _ => return Err(unreadable("an array of an unknown version")),
    };
    let length = length.ok_or_else(|| unreadable("cut short in its header"))?;
    if length > LONGEST_HEADER {
        let message = format!("its header is {length} bytes long, more than {LONGEST_HEADER}");
        return Err(unreadable(message));
    }
    let header = bytes
        .get(start..start + length)
        .ok_or_else(|| unreadable("cut short in its header"))?;
    let header = std::str::from_utf8(header).map_err(|_| unreadable("its header is no text"))?;
    let of = |key: &str| -> Result<&str, DataError> {
        let (_, rest) = header
            .split_once(&format!("'{key}':"))
            .ok_or_else(|| unreadable(format!("its header lacks '{key}'")))?;
        Ok(rest.trim_start())
    };
    if !of("fortran_order")?.starts_with("False") {
        return Err(unreadable("an array in Fortran's order; save it in C's"));
    }
    let (height, width, channels) = shape(of("shape")?)?;
    limits.check(height, width, channels.saturating_mul(4))?;
    let values = height
        .checked_mul(width)
        .and_then(|area| area.checked_mul(channels))
        .ok_or_else(|| unreadable("an array that is too large"))?;
    let kind = of("descr")?.trim_start_matches('\'').split('\'').next();
    let kind = kind.unwrap_or_default();
    let each = match kind {
        "|u1" => 1,
        "<u2" | ">u2" => 2,
        "<f4" | ">f4" => 4,
        other => {
            let message = format!("an array of '{other}', neither uint8, uint16 nor float32");
            return Err(unreadable(message));
        }
    };
    let body = &bytes[start + length..];
    if values.checked_mul(each) != Some(body.len() as u64) {
        let message = format!(
            "an array of {values} values of {each} bytes has {} bytes",
            body.len()
        );
        return Err(unreadable(message));
    }
    let swapped = kind.starts_with('>');
    let pixels = match each {
        1 => Pixels::U8(body.to_vec()),
        2 => Pixels::F32(two_bytes(body, swapped)),
        _ => Pixels::F32(four_bytes(body, swapped)),
    };
    // All fit into memory, since that many bytes are there.
    Ok(Image::new(
        height as usize,
        width as usize,
        channels as usize,
        pixels,
    ))
}

/// Height, width and channels of `(H, W)` or `(H, W, C)`, none of them 0.
fn shape(text: &str) -> Result<(u64, u64, u64), DataError> {
    let inner = text
        .strip_prefix('(')
        .and_then(|rest| rest.split_once(')'))
        .ok_or_else(|| unreadable("its header lacks a shape"))?
        .0;
    let numbers: Option<Vec<u64>> = inner
        .split(',')
        .map(str::trim)
        .filter(|number| !number.is_empty())
        .map(|number| number.parse().ok().filter(|number| *number > 0))
        .collect();
    match numbers.as_deref() {
        Some([height, width]) => Ok((*height, *width, 1)),
        Some([height, width, channels]) => Ok((*height, *width, *channels)),
        _ => Err(unreadable(format!(
            "an array of shape ({inner}), not (H, W) or (H, W, C)"
        ))),
    }
}

fn two_bytes(body: &[u8], swapped: bool) -> Vec<f32> {
    let number = if swapped {
        u16::from_be_bytes
    } else {
        u16::from_le_bytes
    };
    let (pairs, _) = body.as_chunks::<2>();
    pairs
        .iter()
        .map(|pair| f32::from(number(*pair)) / 65_535.0)
        .collect()
}

fn four_bytes(body: &[u8], swapped: bool) -> Vec<f32> {
    let number = if swapped {
        f32::from_be_bytes
    } else {
        f32::from_le_bytes
    };
    let (fours, _) = body.as_chunks::<4>();
    fours.iter().map(|four| number(*four)).collect()
}
