//! WAV and FLAC files of all kinds, whole and broken.

use std::sync::LazyLock;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tinderbox_data::DataError;
use tinderbox_data::audio::{AudioClip, AudioLimits, decode};

use crate::allocation::peak;

/// A file that libsndfile wrote, and what it reads back from it.
pub struct SoundFile {
    pub kind: String,
    pub bytes: Vec<u8>,
    pub clip: AudioClip,
}

pub static FILES: LazyLock<Vec<SoundFile>> = LazyLock::new(|| {
    let text = include_str!("../fixtures/sound_files.json");
    let fixture: serde_json::Value = serde_json::from_str(text).unwrap();
    let file = |file: &serde_json::Value| {
        let number = |name: &str| file[name].as_u64().unwrap();
        let samples = serde_json::from_value(file["samples"].clone()).unwrap();
        SoundFile {
            kind: file["kind"].as_str().unwrap().to_owned(),
            bytes: BASE64_STANDARD
                .decode(file["bytes"].as_str().unwrap())
                .unwrap(),
            clip: AudioClip::new(number("rate") as u32, number("channels") as usize, samples),
        }
    };
    fixture["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(file)
        .collect()
});

fn file(kind: &str) -> &'static SoundFile {
    FILES.iter().find(|file| file.kind == kind).unwrap()
}

/// A WAV file of chunks, each padded to an even length.
fn riff(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut body = b"WAVE".to_vec();
    for (name, bytes) in chunks {
        body.extend_from_slice(*name);
        body.extend((bytes.len() as u32).to_le_bytes());
        body.extend_from_slice(bytes);
        body.resize(body.len().next_multiple_of(2), 0);
    }
    let mut file = b"RIFF".to_vec();
    file.extend((body.len() as u32).to_le_bytes());
    file.extend(body);
    file
}

/// The chunk `fmt ` of a format tag, channels, rate, bytes of a moment and bits of a value.
fn format(tag: u16, channels: u16, rate: u32, block: u16, bits: u16) -> Vec<u8> {
    let mut chunk = [tag.to_le_bytes(), channels.to_le_bytes()].concat();
    chunk.extend(rate.to_le_bytes());
    chunk.extend(rate.wrapping_mul(block.into()).to_le_bytes());
    chunk.extend([block.to_le_bytes(), bits.to_le_bytes()].concat());
    chunk
}

/// A mono WAV file of 16 bits.
pub fn wav(rate: u32, samples: &[i16]) -> Vec<u8> {
    let data: Vec<u8> = samples
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    riff(&[(b"fmt ", &format(1, 1, rate, 2, 16)), (b"data", &data)])
}

fn decoded(bytes: &[u8]) -> AudioClip {
    decode(bytes, &AudioLimits::default()).unwrap()
}

/// The error of a file, for which next to no memory was taken.
#[track_caller]
fn refused(bytes: &[u8]) -> DataError {
    let (result, taken) = peak(|| decode(bytes, &AudioLimits::default()));
    assert!(taken < 1_000_000, "{taken} bytes for a refusal");
    result.unwrap_err()
}

#[track_caller]
fn says(bytes: &[u8], expected: &str) {
    assert_eq!(refused(bytes).to_string(), format!("<memory>: {expected}"));
}

#[test]
fn files_agree_with_libsndfile() {
    assert_eq!(FILES.len(), 12);
    for file in &*FILES {
        let got = decoded(&file.bytes);
        let expected = &file.clip;
        assert_eq!(
            (got.rate, got.channels),
            (expected.rate, expected.channels),
            "{}",
            file.kind
        );
        assert_eq!(got.length(), 96, "{}", file.kind);
        for (got, expected) in got.samples.iter().zip(&expected.samples) {
            // Eight digits are written, and one rounding separates 32 bits from a float.
            assert!(
                (got - expected).abs() < 1e-7,
                "{}: {got}, expected {expected}",
                file.kind
            );
        }
    }
}

#[test]
fn the_ends_of_the_scale_are_exact() {
    assert_eq!(
        decoded(&wav(8_000, &[i16::MIN, 0, i16::MAX])).samples,
        [-1.0, 0.0, 32_767.0 / 32_768.0]
    );
    let bytes = riff(&[
        (b"fmt ", &format(1, 1, 8_000, 1, 8)),
        (b"data", &[0, 128, 255]),
    ]);
    assert_eq!(decoded(&bytes).samples, [-1.0, 0.0, 127.0 / 128.0]);
    // 20 bits lie in the upper part of 3 bytes, 24 in that of 4.
    let bytes = riff(&[
        (b"fmt ", &format(1, 1, 8_000, 3, 20)),
        (b"data", &[0, 0, 0x40]),
    ]);
    assert_eq!(decoded(&bytes).samples, [0.5]);
    let bytes = riff(&[
        (b"fmt ", &format(1, 1, 8_000, 4, 24)),
        (b"data", &[0, 0, 0, 0xc0]),
    ]);
    assert_eq!(decoded(&bytes).samples, [-0.5]);
    // Floats may pass the full scale.
    let bytes = riff(&[
        (b"fmt ", &format(3, 1, 8_000, 4, 32)),
        (b"data", &1.5_f32.to_le_bytes()),
    ]);
    assert_eq!(decoded(&bytes).samples, [1.5]);
}

#[test]
fn other_chunks_are_skipped_with_their_padding() {
    let data = 77_i16.to_le_bytes();
    let bytes = riff(&[
        (b"LIST", b"odd"),
        (b"fmt ", &format(1, 1, 8_000, 2, 16)),
        (b"cue ", b""),
        (b"bext", b"a name and"),
        (b"data", &data),
        (b"id3 ", b"tags"),
    ]);
    assert_eq!(decoded(&bytes).samples, [77.0 / 32_768.0]);
}

#[test]
fn what_is_wrong_is_said() {
    let fmt = format(1, 1, 8_000, 2, 16);
    let with = |format: &[u8], data: &[u8]| riff(&[(b"fmt ", format), (b"data", data)]);
    says(b"", "first bytes: expected RIFF or fLaC, got []");
    says(
        b"ID3\x04",
        "first bytes: expected RIFF or fLaC, got [49, 44, 33, 04]",
    );
    says(
        b"RIFF\0\0\0\0AVI ",
        "kind of RIFF file: expected WAVE, got AVI ",
    );
    says(b"RIFF", "kind of RIFF file: expected WAVE, got ");
    says(
        &riff(&[(b"fmt ", &fmt)]),
        "WAV file: expected a chunk `data`, got the end of the file",
    );
    says(
        &riff(&[(b"data", &[0; 2])]),
        "WAV file: expected a chunk `fmt `, got the end of the file",
    );
    says(
        &with(&fmt[..15], &[0; 2]),
        "chunk `fmt `: expected 16 bytes, 26 if extensible, got 15",
    );
    let extensible = format(0xfffe, 1, 8_000, 2, 16);
    says(
        &with(&extensible, &[0; 2]),
        "chunk `fmt `: expected 16 bytes, 26 if extensible, got 16",
    );
    says(
        &with(&format(7, 1, 8_000, 1, 8), &[0]),
        "format tag: expected 1 (integers) or 3 (floats), got 7",
    );
    says(
        &with(&format(1, 0, 8_000, 2, 16), &[0; 2]),
        "channels: expected at least one, got 0",
    );
    says(
        &with(&format(1, 1, 0, 2, 16), &[0; 2]),
        "sample rate in Hz: expected 1000 to 768000, got 0",
    );
    says(
        &with(&format(1, 1, u32::MAX, 2, 16), &[0; 2]),
        "sample rate in Hz: expected 1000 to 768000, got 4294967295",
    );
    says(
        &with(&format(1, 1, 8_000, 1, 16), &[0; 2]),
        "chunk `fmt `: expected values of [1, 2, 3, 4] bytes, each 2 or more, got blocks of 1 bytes for 1 channels",
    );
    says(
        &with(&format(3, 1, 8_000, 2, 16), &[0; 2]),
        "chunk `fmt `: expected values of [4, 8] bytes, each 2 or more, got blocks of 2 bytes for 1 channels",
    );
    says(
        &with(&fmt, &[0; 3]),
        "chunk `data`: expected a multiple of 2 bytes, got 3",
    );
    says(&with(&fmt, &[]), "samples: expected at least one, got none");
    let nan = f32::NAN.to_le_bytes();
    says(
        &with(&format(3, 1, 8_000, 4, 32), &nan),
        "samples: expected finite numbers, got NaN",
    );
}

#[test]
fn forged_lengths_take_no_memory() {
    let mut bytes = wav(8_000, &[1; 100]);
    bytes[40..44].copy_from_slice(&u32::MAX.to_le_bytes());
    says(
        &bytes,
        "chunk `data`, cut short: expected 4294967295 bytes, got 200",
    );
    let mut bytes = wav(8_000, &[1; 100]);
    bytes[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
    says(
        &bytes,
        "chunk `fmt `, cut short: expected 4294967295 bytes, got 224",
    );
    // FLAC: the number of samples is the last 36 bits before the checksum of the stream.
    let mut bytes = file("FLAC PCM_16").bytes.clone();
    bytes[22..26].fill(0xff);
    let error = refused(&bytes).to_string();
    assert!(
        error.starts_with("<memory>: decoded size in bytes is 34359738"),
        "{error}"
    );
    // Fewer, but still more than so few bytes can hold.
    let mut bytes = file("FLAC PCM_16").bytes.clone();
    bytes[22..26].copy_from_slice(&10_000_000_u32.to_be_bytes());
    let error = refused(&bytes).to_string();
    assert!(
        error.starts_with("<memory>: FLAC stream: expected at most"),
        "{error}"
    );
    // A block of metadata that claims 16 MB.
    let mut bytes = file("FLAC PCM_16").bytes.clone();
    bytes[43..46].fill(0xff);
    says(
        &bytes,
        "FLAC header: expected a whole one, got the end of the file",
    );
}

#[test]
fn limits_hold_for_what_is_really_there() {
    let limits = AudioLimits { max_bytes: 4 * 96 };
    for kind in ["WAV PCM_16", "FLAC PCM_16"] {
        let error = decode(&file(kind).bytes, &limits).unwrap_err();
        assert!(
            matches!(
                error,
                DataError::TooLarge {
                    limit: 384,
                    got: 768,
                    ..
                }
            ),
            "{error}"
        );
    }
    assert!(decode(&file("FLAC PCM_S8").bytes, &limits).is_ok());
}

#[test]
fn a_flac_header_of_unknown_length_is_read_to_the_end() {
    let file = file("FLAC PCM_24");
    let mut bytes = file.bytes.clone();
    bytes[21] &= 0xf0;
    bytes[22..26].fill(0);
    assert_eq!(decoded(&bytes), decoded(&file.bytes));
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    for file in &*FILES {
        let end = if file.kind.starts_with("WAV") {
            // What follows the samples does not matter.
            let data = file
                .bytes
                .windows(4)
                .position(|four| four == b"data")
                .unwrap();
            let length = *file.bytes[data + 4..].first_chunk().unwrap();
            data + 8 + u32::from_le_bytes(length) as usize
        } else {
            file.bytes.len()
        };
        for length in 0..end {
            refused(&file.bytes[..length]);
        }
    }
}
