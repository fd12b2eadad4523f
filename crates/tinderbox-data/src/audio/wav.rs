//! Reading WAV files.
//!
//! Microsoft and IBM 1991, "Multimedia Programming Interface and Data Specifications 1.0"; `WAVE_FORMAT_EXTENSIBLE` from Microsoft's
//! "Multiple channel audio data and WAVE files". A file is `RIFF`, a length, `WAVE`, and chunks: four letters, a length, so many bytes,
//! and one more if they are odd. All numbers are little-endian.

use super::AudioClip;
use super::decode::{AudioLimits, check_header};
use crate::DataError;

/// Format tags; an extensible one has its tag in the first two bytes of the sub-format.
const INTEGER: u16 = 1;
const FLOAT: u16 = 3;
const EXTENSIBLE: u16 = 0xfffe;

/// The chunk `fmt `, as far as it matters.
struct Format {
    tag: u16,
    channels: u16,
    rate: u32,
    /// Bytes of a value.
    container: usize,
}

/// Reads the samples of a file that begins with `RIFF`.
pub(super) fn read(bytes: &[u8], limits: &AudioLimits) -> Result<AudioClip, DataError> {
    let kind = bytes.get(8..12).unwrap_or_default();
    if kind != b"WAVE" {
        let got = String::from_utf8_lossy(kind).into_owned();
        return Err(DataError::format("kind of RIFF file", "WAVE", got));
    }
    let format = format(chunk(bytes, b"fmt ")?)?;
    let data = chunk(bytes, b"data")?;
    let moment = format.container * usize::from(format.channels);
    if !data.len().is_multiple_of(moment) {
        let expected = format!("a multiple of {moment} bytes");
        return Err(DataError::format("chunk `data`", expected, data.len()));
    }
    limits.check((data.len() / format.container) as u64)?;
    let samples = values(data, &format)?;
    if let Some(value) = samples.iter().find(|value| !value.is_finite()) {
        return Err(DataError::format("samples", "finite numbers", value));
    }
    Ok(AudioClip::new(format.rate, format.channels.into(), samples))
}

/// The bytes of the first chunk of that name.
///
/// The length of the whole that stands behind `RIFF` is not looked at; writers that were interrupted leave it wrong.
fn chunk<'a>(bytes: &'a [u8], name: &[u8; 4]) -> Result<&'a [u8], DataError> {
    let mut rest = &bytes[12..];
    loop {
        let (Some(found), Some(length)) = (rest.first_chunk::<4>(), number(rest, 4)) else {
            let got = "the end of the file";
            let expected = format!("a chunk `{}`", String::from_utf8_lossy(name));
            return Err(DataError::format("WAV file", expected, got));
        };
        rest = &rest[8..];
        let length = length as usize;
        if found == name {
            return rest.get(..length).ok_or_else(|| {
                let what = if name == b"data" {
                    "chunk `data`, cut short"
                } else {
                    "chunk `fmt `, cut short"
                };
                DataError::format(what, format!("{length} bytes"), rest.len())
            });
        }
        rest = rest
            .get(length.saturating_add(length % 2)..)
            .unwrap_or_default();
    }
}

fn format(chunk: &[u8]) -> Result<Format, DataError> {
    let short = || DataError::format("chunk `fmt `", "16 bytes, 26 if extensible", chunk.len());
    let half = |at| half(chunk, at).ok_or_else(short);
    let mut tag = half(0)?;
    let (channels, block, bits) = (half(2)?, half(12)?, half(14)?);
    let rate = number(chunk, 4).ok_or_else(short)?;
    if tag == EXTENSIBLE {
        tag = half(24)?;
    }
    check_header(rate, channels.into())?;
    let container = usize::from(bits.div_ceil(8));
    let known: &[usize] = match tag {
        INTEGER => &[1, 2, 3, 4],
        FLOAT => &[4, 8],
        _ => {
            let expected = "1 (integers) or 3 (floats)";
            return Err(DataError::format("format tag", expected, tag));
        }
    };
    // Integers of 24 bits may lie in 4 bytes; their low byte is then 0.
    let stored = usize::from(block / channels);
    if stored * usize::from(channels) != usize::from(block)
        || stored < container
        || !known.contains(&stored)
    {
        let expected = format!("values of {known:?} bytes, each {container} or more");
        let got = format!("blocks of {block} bytes for {channels} channels");
        return Err(DataError::format("chunk `fmt `", expected, got));
    }
    Ok(Format {
        tag,
        channels,
        rate,
        container: stored,
    })
}

/// The samples; integers fill their container from the highest bit down.
fn values(data: &[u8], format: &Format) -> Result<Vec<f32>, DataError> {
    Ok(match (format.tag, format.container) {
        (INTEGER, 1) => data
            .iter()
            .map(|byte| (f32::from(*byte) - 128.0) / 128.0)
            .collect(),
        (INTEGER, 2) => words(data, |word| f32::from(i16::from_le_bytes(word)) / 32_768.0),
        (INTEGER, 3) => words(data, |[low, middle, high]: [u8; 3]| {
            scaled([0, low, middle, high])
        }),
        (INTEGER, 4) => words(data, scaled),
        (_, 4) => words(data, f32::from_le_bytes),
        _ => words(data, |word| f64::from_le_bytes(word) as f32),
    })
}

fn words<const N: usize>(data: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    data.as_chunks::<N>()
        .0
        .iter()
        .map(|word| value(*word))
        .collect()
}

fn scaled(word: [u8; 4]) -> f32 {
    (f64::from(i32::from_le_bytes(word)) / 2_147_483_648.0) as f32
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    let found = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_le_bytes(*found))
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let found = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*found))
}
