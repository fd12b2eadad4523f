//! Compressed corpora, unpacked once.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::Path;

use burn_pack::AtomicFile;
use flate2::bufread::MultiGzDecoder;

use crate::DataError;
use crate::inflate::{FREE, MAX_RATIO};

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zstandard,
}

impl Compression {
    /// Told from the first bytes of a file, not from its name.
    pub(super) fn of(path: &Path) -> Result<Option<Self>, DataError> {
        let io = |source| DataError::io(path, source);
        let mut start = Vec::with_capacity(4);
        File::open(path)
            .map_err(io)?
            .take(4)
            .read_to_end(&mut start)
            .map_err(io)?;
        Ok(match start[..] {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd] => Some(Self::Zstandard),
            _ => None,
        })
    }

    /// Unpacks `packed` to `plain` in constant memory; `plain` has its name only when it is whole.
    ///
    /// # Errors
    /// [`DataError::Decode`] when the compressed data is damaged, [`DataError::TooLarge`] when it unpacks to more than 256 times
    /// its size, [`DataError::Io`].
    pub(super) fn unpack(self, packed: &Path, plain: &Path) -> Result<(), DataError> {
        let io = |source| DataError::io(packed, source);
        let file = File::open(packed).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let limit = FREE.saturating_add(MAX_RATIO.saturating_mul(length));
        let file = BufReader::with_capacity(1 << 18, file);
        let mut reader: Box<dyn Read> = match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(file)),
            // Its window is at most 128 MiB unless one asks for more.
            Self::Zstandard => Box::new(zstd::Decoder::with_buffer(file).map_err(io)?),
        };
        let failed = |source| DataError::io(plain, source);
        let (scratch, mut target) = AtomicFile::create(plain)
            .map_err(|error| failed(std::io::Error::other(error.to_string())))?;
        let mut buffer = vec![0; 1 << 18];
        let mut total = 0;
        loop {
            let read = reader
                .read(&mut buffer)
                .map_err(|error| DataError::Decode {
                    path: packed.to_path_buf(),
                    message: format!("{self:?}: {error}"),
                })?;
            if read == 0 {
                break;
            }
            total += read as u64;
            if total > limit {
                return Err(DataError::TooLarge {
                    path: packed.to_path_buf(),
                    what: "unpacked size in bytes",
                    limit,
                    got: total,
                });
            }
            target.write_all(&buffer[..read]).map_err(failed)?;
        }
        target.sync_all().map_err(failed)?;
        drop(target);
        scratch
            .commit()
            .map_err(|error| failed(std::io::Error::other(error.to_string())))
    }
}
