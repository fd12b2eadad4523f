//! Files read through the memory of the operating system.
#![allow(unsafe_code)] // A map of a file is memory that others may change; `MappedFile::open` says what follows from that.

use std::fs::File;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use crate::DataError;

/// A regular file as bytes in memory, of which only what is touched is read.
///
/// The operating system lets go of these pages by itself when memory is short.
#[derive(Debug)]
pub(crate) struct MappedFile {
    path: PathBuf,
    map: Mmap,
}

impl MappedFile {
    /// Maps a file.
    ///
    /// # Errors
    /// [`DataError::Io`] when it cannot be opened or mapped, [`DataError::Format`] when it is no regular file.
    pub(crate) fn open(path: &Path) -> Result<Self, DataError> {
        let io = |source| DataError::io(path, source);
        // Asked before it is opened, since opening a pipe waits for whoever fills it.
        if !std::fs::metadata(path).map_err(io)?.is_file() {
            return Err(DataError::format("kind", "a regular file", "something else").at(path));
        }
        Self::of(&File::open(path).map_err(io)?, path)
    }

    /// Maps an open file, which messages call `path`.
    ///
    /// # Errors
    /// [`DataError::Io`] when it cannot be mapped.
    pub(crate) fn of(file: &File, path: &Path) -> Result<Self, DataError> {
        // SAFETY: the map is only read, as bytes, for which any value is valid, and is unmapped with its owner. What cannot be
        // ruled out is that another process changes the file meanwhile: changed bytes are then checked like any others
        // (nothing that was derived from them is believed), and a file that was cut short ends this process with a signal, as it does
        // in every program that maps files. Files that this crate writes are never changed in place, but replaced by renaming.
        let map = unsafe { Mmap::map(file) }.map_err(|source| DataError::io(path, source))?;
        Ok(Self {
            path: path.to_path_buf(),
            map,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_its_bytes_and_a_folder_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        for content in ["", "abc"] {
            std::fs::write(&path, content).unwrap();
            let file = MappedFile::open(&path).unwrap();
            assert_eq!(file.bytes(), content.as_bytes());
            assert_eq!(file.path(), path);
        }
        assert!(MappedFile::open(folder.path()).is_err());
        assert!(MappedFile::open(&folder.path().join("none")).is_err());
    }
}
