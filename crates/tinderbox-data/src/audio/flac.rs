//! Reading FLAC files with claxon.

use std::io::{Cursor, Read};

use claxon::FlacReader;

use super::AudioClip;
use super::decode::{AudioLimits, check_header};
use crate::DataError;

/// A frame of the streamable subset has at most 16,384 moments, and one of silence takes at least 11 bytes: 1,490 values for each.
const VALUES_PER_BYTE: u64 = 2_048;

/// Bytes of the block STREAMINFO, which is always the first.
const STREAM_INFO: usize = 34;

/// Marks the last block before the frames, in the byte with its kind.
const LAST: u8 = 0x80;

/// Reads the samples of a file that begins with `fLaC`.
pub(super) fn read(bytes: &[u8], limits: &AudioLimits) -> Result<AudioClip, DataError> {
    let (header, frames) = parts(bytes)?;
    let mut reader = FlacReader::new(Cursor::new(header).chain(frames)).map_err(failed)?;
    let info = reader.streaminfo();
    check_header(info.sample_rate, info.channels)?;
    let channels = info.channels as usize;
    let most = (frames.len() as u64).saturating_mul(VALUES_PER_BYTE);
    let check = |moments: u64| {
        let values = moments.saturating_mul(channels as u64);
        limits.check(values)?;
        if values > most {
            let expected = format!("at most {most} values in {} bytes", frames.len());
            return Err(DataError::format("FLAC stream", expected, values));
        }
        Ok(())
    };
    check(info.samples.unwrap_or(0))?;
    let scale = 1.0 / f64::from(info.bits_per_sample - 1).exp2();
    let mut samples = Vec::new();
    let mut blocks = reader.blocks();
    let mut buffer = Vec::new();
    while let Some(block) = blocks.read_next_or_eof(buffer).map_err(failed)? {
        if block.channels() as usize != channels {
            return Err(DataError::format(
                "channels of a frame",
                channels,
                block.channels(),
            ));
        }
        let moments = samples.len() / channels;
        check(moments as u64 + u64::from(block.duration()))?;
        let start = samples.len();
        samples.resize(start + block.duration() as usize * channels, 0.0);
        for channel in 0..channels {
            let places = samples[start..].iter_mut().skip(channel).step_by(channels);
            for (place, value) in places.zip(block.channel(channel as u32)) {
                *place = (f64::from(*value) * scale) as f32;
            }
        }
        buffer = block.into_buffer();
    }
    let got = samples.len() / channels;
    match info.samples {
        Some(expected) if expected != got as u64 => {
            Err(DataError::format("samples of each channel", expected, got))
        }
        _ => Ok(AudioClip::new(info.sample_rate, channels, samples)),
    }
}

/// A header of STREAMINFO alone, and the frames. What lies between, such as cover art, is skipped without being read.
fn parts(bytes: &[u8]) -> Result<(Vec<u8>, &[u8]), DataError> {
    let cut = || DataError::format("FLAC header", "a whole one", "the end of the file");
    let info = bytes.get(4..8 + STREAM_INFO).ok_or_else(cut)?;
    let mut rest = &bytes[4..];
    loop {
        let [kind, length @ ..] = rest.first_chunk::<4>().ok_or_else(cut)?;
        let length = length
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        rest = rest.get(4 + length..).ok_or_else(cut)?;
        if kind & LAST != 0 {
            break;
        }
    }
    let mut header = b"fLaC".to_vec();
    header.extend_from_slice(info);
    header[4] |= LAST;
    Ok((header, rest))
}

fn failed(error: claxon::Error) -> DataError {
    DataError::format("FLAC stream", "whole and valid frames", error)
}
