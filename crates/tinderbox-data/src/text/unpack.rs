//! Compressed corpora, unpacked once.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use burn_pack::AtomicFile;

use crate::DataError;
use crate::decompress::{decompressed, is_compressed};

/// Whether a file is compressed, told from its first bytes and not from its name.
pub(super) fn is_packed(path: &Path) -> Result<bool, DataError> {
    let io = |source| DataError::io(path, source);
    let mut start = Vec::with_capacity(4);
    let file = File::open(path).map_err(io)?;
    file.take(4).read_to_end(&mut start).map_err(io)?;
    Ok(is_compressed(&start))
}

/// Unpacks `packed` to `plain` in constant memory; `plain` has its name only when it is whole.
///
/// # Errors
/// [`DataError::Decode`] when the compressed data is damaged or unpacks to more than 256 times its size, [`DataError::Io`].
pub(super) fn unpack(packed: &Path, plain: &Path) -> Result<(), DataError> {
    let file = File::open(packed).map_err(|source| DataError::io(packed, source))?;
    let mut reader = decompressed(BufReader::with_capacity(1 << 18, file), packed)?;
    let failed = |source| DataError::io(plain, source);
    let atomic = |error: burn_pack::Error| failed(io::Error::other(error.to_string()));
    let (scratch, mut target) = AtomicFile::create(plain).map_err(atomic)?;
    let mut buffer = vec![0; 1 << 18];
    loop {
        let read = reader
            .read(&mut buffer)
            .map_err(|error| DataError::Decode {
                path: packed.to_path_buf(),
                message: error.to_string(),
            })?;
        if read == 0 {
            break;
        }
        target.write_all(&buffer[..read]).map_err(failed)?;
    }
    target.sync_all().map_err(failed)?;
    drop(target);
    scratch.commit().map_err(atomic)
}
