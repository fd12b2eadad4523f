//! Reading whole files, compressed or not, without believing what they claim.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::DataError;
use crate::error::memory;

/// Inflated data may be this many times the size of the compressed data, beyond the first [`FREE`] bytes.
pub(crate) const MAX_RATIO: u64 = 256;

/// Inflated data of this size is accepted from any compressed data.
pub(crate) const FREE: u64 = 1 << 20;

/// All bytes of a regular file, whose memory is that of the file.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, DataError> {
    let io = |source| DataError::io(path, source);
    let mut file = File::open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(DataError::format("kind", "a regular file", "something else").at(path));
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    // A file that grows meanwhile is read as it was.
    (&mut file)
        .take(metadata.len())
        .read_to_end(&mut bytes)
        .map_err(io)?;
    Ok(bytes)
}

/// The body after a header of `header` bytes, where `body_len` tells the length of the body from the header.
///
/// `bytes` may be compressed by gzip. The body must be exactly as long as the header claims; memory grows with the bytes that are there,
/// not with the claim.
pub(crate) fn body(
    bytes: &[u8],
    header: usize,
    body_len: impl FnOnce(&[u8]) -> Result<u64, DataError>,
) -> Result<Vec<u8>, DataError> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        let Some((head, body)) = bytes.split_at_checked(header) else {
            return Err(short("header", header as u64, bytes.len() as u64));
        };
        let expected = body_len(head)?;
        if body.len() as u64 != expected {
            return Err(short("length of the data", expected, body.len() as u64));
        }
        return Ok(body.to_vec());
    }
    let corrupt = |source: std::io::Error| DataError::Decode {
        path: memory(),
        message: format!("gzip: {source}"),
    };
    let mut inflated = MultiGzDecoder::new(bytes);
    let mut head = Vec::with_capacity(header);
    inflated
        .by_ref()
        .take(header as u64)
        .read_to_end(&mut head)
        .map_err(corrupt)?;
    if head.len() < header {
        return Err(short("header", header as u64, head.len() as u64));
    }
    let expected = body_len(&head)?;
    let limit = FREE.saturating_add(MAX_RATIO.saturating_mul(bytes.len() as u64));
    if expected > limit {
        return Err(DataError::TooLarge {
            path: memory(),
            what: "inflated size in bytes",
            limit,
            got: expected,
        });
    }
    let mut body = Vec::new();
    // One byte more than expected tells whether there is too much.
    inflated
        .take(expected + 1)
        .read_to_end(&mut body)
        .map_err(corrupt)?;
    if body.len() as u64 != expected {
        return Err(short("length of the data", expected, body.len() as u64));
    }
    Ok(body)
}

fn short(what: &'static str, expected: u64, got: u64) -> DataError {
    DataError::format(what, format!("{expected} bytes"), format!("{got} bytes"))
}
