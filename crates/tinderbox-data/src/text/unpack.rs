//! Files of text that may be compressed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::mapped_file::MappedFile;
use super::plain_text::{bom_length, foreign_encoding};
use crate::DataError;
use crate::decompress::{decompressed, is_compressed, text_error};

/// A file as bytes in memory, of which only what is touched is read; one that is compressed by gzip or zstd unpacks to a file without a name,
/// which is gone with the last that uses it.
///
/// # Errors
/// [`DataError::Io`], or [`DataError::Format`] when it is no regular file, is in another encoding than UTF-8, or is compressed and damaged or
/// unpacks to more than 256 times its size.
pub(super) fn map(path: &Path) -> Result<MappedFile, DataError> {
    let file = MappedFile::open(path)?;
    let start = &file.bytes()[..file.bytes().len().min(START)];
    let file = match is_compressed(start).map_err(|error| error.at(path))? {
        false => file,
        true => {
            let io = |source| DataError::io(path, source);
            let mut plain = tempfile::tempfile().map_err(io)?;
            let mut reader = reader(path)?;
            let mut buffer = vec![0; 1 << 18];
            loop {
                // Who cannot read and who cannot write are told apart.
                let read = reader.read(&mut buffer);
                match read.map_err(|source| text_error(path, source))? {
                    0 => break,
                    read => io::Write::write_all(&mut plain, &buffer[..read]).map_err(io)?,
                }
            }
            MappedFile::of(&plain, path)?
        }
    };
    refuse_foreign(file.bytes(), path)?;
    Ok(file)
}

/// All bytes of a file, unpacked if it is compressed by gzip or zstd, without a byte order mark of UTF-8.
///
/// # Errors
/// [`DataError::Io`], or [`DataError::Format`] when it is no regular file, is in UTF-16 or UTF-32, or is compressed and damaged or
/// unpacks to more than 256 times its size.
pub fn read_unpacked(path: impl AsRef<Path>) -> Result<Vec<u8>, DataError> {
    let path = path.as_ref();
    let metadata = std::fs::metadata(path).map_err(|source| DataError::io(path, source))?;
    if !metadata.is_file() {
        return Err(DataError::format("kind", "a regular file", "something else").at(path));
    }
    let mut bytes = Vec::new();
    let read = reader(path)?.read_to_end(&mut bytes);
    read.map_err(|source| text_error(path, source))?;
    refuse_foreign(&bytes, path)?;
    bytes.drain(..bom_length(&bytes));
    Ok(bytes)
}

/// What `bytes` unpack to, at most `limit` of them and one more.
pub(super) fn unpacked(bytes: Vec<u8>, limit: u64, path: &Path) -> Result<Vec<u8>, DataError> {
    if !is_compressed(&bytes[..bytes.len().min(START)]).map_err(|error| error.at(path))? {
        return Ok(bytes);
    }
    let mut plain = Vec::new();
    let reader = decompressed(io::Cursor::new(bytes), path)?;
    let read = reader.take(limit.saturating_add(1)).read_to_end(&mut plain);
    read.map_err(|source| text_error(path, source))?;
    Ok(plain)
}

/// So many bytes tell the compression.
const START: usize = 16;

fn reader(path: &Path) -> Result<Box<dyn BufRead + Send>, DataError> {
    let file = File::open(path).map_err(|source| DataError::io(path, source))?;
    decompressed(BufReader::with_capacity(1 << 18, file), path)
}

fn refuse_foreign(bytes: &[u8], path: &Path) -> Result<(), DataError> {
    match foreign_encoding(bytes) {
        None => Ok(()),
        Some(encoding) => Err(DataError::format("encoding", "UTF-8", encoding).at(path)),
    }
}
