//! Text files that are compressed by gzip or zstd, read as a stream.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::DataError;
use crate::inflate::{FREE, MAX_RATIO};

/// The window that every decoder of zstd should have (RFC 8878, section 3.1.1.1.2); it bounds the memory.
const MAX_WINDOW: u64 = 8 << 20;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What files of other compressions begin with.
const FOREIGN: [(&[u8], &str); 5] = [
    (b"\xfd7zXZ\0", "xz"),
    (b"PK\x03\x04", "zip"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    // The magic number of its first block; the byte before it is a digit.
    (b"1AY&SY", "bzip2"),
];

/// Bytes that tell the compression.
const MAGIC: u64 = 10;

/// Whether the first bytes of a file, ten of them if it has as many, are those of gzip or zstd.
///
/// # Errors
/// [`DataError::Format`] for a compression that is not read.
pub(crate) fn is_compressed(start: &[u8]) -> Result<bool, DataError> {
    if start.starts_with(&GZIP) || start.starts_with(&ZSTD) {
        return Ok(true);
    }
    let of_bzip2 = start.strip_prefix(b"BZh").and_then(|rest| rest.get(1..));
    let start = of_bzip2.unwrap_or(start);
    match FOREIGN.iter().find(|(magic, _)| start.starts_with(magic)) {
        Some((_, name)) => Err(DataError::format("compression", "none, gzip or zstd", name)),
        None => Ok(false),
    }
}

/// The bytes of `file`, decompressed if its first bytes say that it is gzip or zstd.
pub(crate) fn decompressed<R: BufRead + Send + 'static>(
    mut file: R,
    path: &Path,
) -> Result<Box<dyn BufRead + Send>, DataError> {
    let mut magic = Vec::new();
    file.by_ref()
        .take(MAGIC)
        .read_to_end(&mut magic)
        .map_err(|source| DataError::io(path, source))?;
    let packed = is_compressed(&magic).map_err(|error| error.at(path))?;
    let gzip = magic.starts_with(&GZIP);
    let whole = io::Cursor::new(magic).chain(file);
    if !packed {
        return Ok(Box::new(whole));
    }
    let read = Arc::new(AtomicU64::new(0));
    let counted = BufReader::new(Counted {
        inner: whole,
        count: read.clone(),
    });
    let inner: Box<dyn Read + Send> = if gzip {
        Box::new(MultiGzDecoder::new(counted))
    } else {
        Box::new(Zstd::new(counted))
    };
    Ok(Box::new(BufReader::new(Bounded {
        inner,
        read,
        made: 0,
    })))
}

/// The error of reading text: what the operating system said, or what is wrong with the bytes.
pub(crate) fn text_error(path: &Path, source: io::Error) -> DataError {
    if source.raw_os_error().is_some() {
        return DataError::io(path, source);
    }
    DataError::format("compressed data", "a whole stream", source).at(path)
}

/// Counts the bytes that are read through it.
struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Refuses what inflates to far more than was read.
struct Bounded<R> {
    inner: R,
    read: Arc<AtomicU64>,
    made: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let made = self.inner.read(buffer)?;
        self.made = self.made.saturating_add(made as u64);
        let read = self.read.load(Ordering::Relaxed);
        if self.made > FREE.saturating_add(MAX_RATIO.saturating_mul(read)) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!(
                    "{} bytes from {read}, more than {MAX_RATIO} times as many",
                    self.made
                ),
            ));
        }
        Ok(made)
    }
}

/// The frames of a zstd file, one after the other.
struct Zstd<R> {
    source: R,
    decoder: FrameDecoder,
}

impl<R: BufRead> Zstd<R> {
    fn new(source: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MAX_WINDOW);
        Self { source, decoder }
    }

    /// Starts the next frame that holds data; false when there is none.
    fn next_frame(&mut self) -> io::Result<bool> {
        loop {
            if self.source.fill_buf()?.is_empty() {
                return Ok(false);
            }
            match self.decoder.init(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let length = u64::from(length);
                    let skipped =
                        io::copy(&mut self.source.by_ref().take(length), &mut io::sink())?;
                    if skipped < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
        }
    }

    fn check_sum(&self) -> io::Result<()> {
        match self.decoder.get_checksum_from_data() {
            Some(sum) if Some(sum) != self.decoder.get_calculated_checksum() => Err(
                io::Error::new(io::ErrorKind::InvalidData, "zstd: wrong checksum"),
            ),
            _ => Ok(()),
        }
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            }
            if self.decoder.is_finished() {
                self.check_sum()?;
                if !self.next_frame()? {
                    return Ok(0);
                }
            } else {
                self.decoder
                    .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        compress_to_vec(bytes, CompressionLevel::Fastest)
    }

    fn read(bytes: Vec<u8>) -> Result<Vec<u8>, DataError> {
        let path = Path::new("t");
        let mut reader = decompressed(io::Cursor::new(bytes), path)?;
        let mut all = Vec::new();
        reader
            .read_to_end(&mut all)
            .map_err(|source| text_error(path, source))?;
        Ok(all)
    }

    proptest! {
        #[test]
        fn what_was_compressed_comes_back(bytes: Vec<u8>, other: Vec<u8>) {
            let both = [&bytes[..], &other[..]].concat();
            // Several members, or frames, are one text.
            prop_assert_eq!(&read([gzip(&bytes), gzip(&other)].concat()).unwrap(), &both);
            prop_assert_eq!(&read([zstd(&bytes), zstd(&other)].concat()).unwrap(), &both);
        }

        #[test]
        fn no_damage_panics(at: usize, change: u8, keep: usize, gz: bool) {
            let text = b"a,b\n1,2\n3,4\n".repeat(20);
            let mut bytes = if gz { gzip(&text) } else { zstd(&text) };
            let at = at % bytes.len();
            bytes[at] ^= change;
            bytes.truncate(keep % (bytes.len() + 1));
            let _ = read(bytes);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, magic in prop::sample::select(vec![&GZIP[..], &ZSTD[..], &[]])) {
            let _ = read([magic, &bytes].concat());
        }
    }

    #[test]
    fn plain_text_is_as_it_was() {
        for text in ["", "a", "a,b\n"] {
            assert_eq!(read(text.into()).unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn other_compressions_are_named() {
        for (bytes, name) in [
            (&b"\xfd7zXZ\0\0\x04\xe6\xd6"[..], "xz"),
            (b"BZh91AY&SY..", "bzip2"),
            (b"PK\x03\x04\x14\0\0\0", "zip"),
        ] {
            let error = read(bytes.into()).unwrap_err().to_string();
            let expected = format!("t: compression: expected none, gzip or zstd, got {name}");
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn a_skippable_frame_is_skipped() {
        let mut bytes = zstd(b"one");
        bytes.extend(0x184d_2a50_u32.to_le_bytes());
        bytes.extend(3_u32.to_le_bytes());
        bytes.extend(b"xyz");
        bytes.extend(zstd(b"two"));
        assert_eq!(read(bytes.clone()).unwrap(), b"onetwo");
        bytes.truncate(bytes.len() - 4);
        assert!(read(bytes).is_err());
    }

    #[test]
    fn a_bomb_is_refused_by_its_ratio() {
        let zeros = vec![b'0'; 40_000_000];
        for bytes in [gzip(&zeros), zstd(&zeros)] {
            let error = read(bytes).unwrap_err().to_string();
            assert!(error.contains("more than 256 times as many"), "{error}");
        }
    }

    #[test]
    fn a_window_beyond_the_limit_is_refused() {
        // Magic number, a descriptor without content size, a window of 2^31 bytes, and an empty last block.
        let bytes = [&ZSTD[..], &[0x00, 0xa8, 0x01, 0x00, 0x00]].concat();
        let error = read(bytes).unwrap_err().to_string();
        assert!(error.to_lowercase().contains("window"), "{error}");
    }
}
