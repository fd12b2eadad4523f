//! Decoding WAV and FLAC files.

use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{AudioClip, flac, wav};
use crate::DataError;
use crate::error::memory;

/// Sample rates that a file may have, in hertz. Others are a damaged header, and resampling them would multiply the memory.
const RATES: RangeInclusive<u32> = 1_000..=768_000;

/// How large a clip may be; checked in its header, before memory is taken for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioLimits {
    /// Bytes of the decoded clip, counted as 4 for each value. The file may not be larger either.
    pub max_bytes: u64,
}

impl Default for AudioLimits {
    /// 512 MiB, which is 50 minutes of stereo at 44.1 kHz.
    fn default() -> Self {
        Self {
            max_bytes: 512 << 20,
        }
    }
}

impl AudioLimits {
    /// Refuses more values, over all channels, than the limit allows.
    pub(super) fn check(&self, values: u64) -> Result<(), DataError> {
        let got = values.saturating_mul(4);
        if got > self.max_bytes {
            return Err(DataError::TooLarge {
                path: memory(),
                what: "decoded size in bytes",
                limit: self.max_bytes,
                got,
            });
        }
        Ok(())
    }
}

/// Decodes a WAV or FLAC file, told apart by its first bytes.
///
/// - WAV: integers of 8, 16, 24 and 32 bits, also those of fewer bits in such containers, and floats of 32 and 64.
/// - FLAC: all that has its number of bits in its frames, which is what encoders write for 8, 12, 16, 20 and 24 bits.
/// - Integers are divided by their full scale, so that values lie in -1..1. Floats are kept.
/// - Cover art, tags and other chunks are skipped.
/// - A file that ends before what its header says is an error, even where a player would play its first half.
///
/// # Errors
/// [`DataError::TooLarge`] when the clip is larger than the limits, [`DataError::Format`] for everything that is not a whole clip of at
/// least one sample, with a rate of 1 to 768 kHz and finite values.
pub fn decode(bytes: &[u8], limits: &AudioLimits) -> Result<AudioClip, DataError> {
    let clip = match bytes.first_chunk::<4>() {
        Some(b"RIFF") => wav::read(bytes, limits)?,
        Some(b"fLaC") => {
            // The decoder is written not to panic; if it does, one clip is lost and not the run.
            catch_unwind(AssertUnwindSafe(|| flac::read(bytes, limits)))
                .unwrap_or_else(|_| Err(DataError::format("FLAC stream", "valid", "a panic")))?
        }
        _ => {
            let got = format!("{:02x?}", &bytes[..bytes.len().min(4)]);
            return Err(DataError::format("first bytes", "RIFF or fLaC", got));
        }
    };
    if clip.samples.is_empty() {
        return Err(DataError::format("samples", "at least one", "none"));
    }
    Ok(clip)
}

/// Refuses rates and channels that no clip has.
pub(super) fn check_header(rate: u32, channels: u32) -> Result<(), DataError> {
    if !RATES.contains(&rate) {
        return Err(DataError::format(
            "sample rate in Hz",
            format!("{} to {}", RATES.start(), RATES.end()),
            rate,
        ));
    }
    if channels == 0 {
        return Err(DataError::format("channels", "at least one", channels));
    }
    Ok(())
}
