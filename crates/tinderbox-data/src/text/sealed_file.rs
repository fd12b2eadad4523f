//! Large files of our own, written once and verified piece by piece.
//!
//! ```text
//! body           the payload, any number of bytes
//! block hashes   BLAKE3, 32 bytes, of each block of 1 MiB of the body, the last block being shorter
//! fields         JSON: what the body is and what it was made from
//! trailer        length of the body, length of the fields (8 bytes each, little-endian),
//!                BLAKE3 of block hashes, fields, both lengths and kind (32 bytes), kind (8 bytes)
//! ```
//!
//! The trailer is last, so that a body is written as it comes, whatever its length.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use burn_pack::AtomicFile;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::mapped_file::MappedFile;
use crate::DataError;

const BLOCK: usize = 1 << 20;
const HASH: usize = blake3::OUT_LEN;
const TRAILER: usize = 8 + 8 + HASH + 8;

/// The fields take a few hundred bytes; more is no file of ours.
const MAX_FIELDS: u64 = 1 << 20;

/// What a file holds, as its last 8 bytes; it changes with the layout of the body.
pub(crate) type Kind = [u8; 8];

/// Writes a file that has its name only when it is whole.
pub(crate) struct SealedWriter {
    path: PathBuf,
    kind: Kind,
    scratch: AtomicFile,
    file: BufWriter<File>,
    length: u64,
    block: blake3::Hasher,
    in_block: usize,
    hashes: Vec<u8>,
}

impl SealedWriter {
    /// Begins a file that will be called `path`, under another name in the same folder.
    pub(crate) fn create(path: &Path, kind: Kind) -> Result<Self, DataError> {
        let (scratch, file) = AtomicFile::create(path).map_err(|error| refused(path, &error))?;
        Ok(Self {
            path: path.to_path_buf(),
            kind,
            scratch,
            file: BufWriter::with_capacity(1 << 18, file),
            length: 0,
            block: blake3::Hasher::new(),
            in_block: 0,
            hashes: Vec::new(),
        })
    }

    /// Appends to the body.
    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> Result<(), DataError> {
        while !bytes.is_empty() {
            let (now, rest) = bytes.split_at(bytes.len().min(BLOCK - self.in_block));
            self.block.update(now);
            self.in_block += now.len();
            self.write_plain(now)?;
            self.length += now.len() as u64;
            if self.in_block == BLOCK {
                self.end_block();
            }
            bytes = rest;
        }
        Ok(())
    }

    /// Ends the file, syncs it and gives it its name.
    pub(crate) fn finish(mut self, fields: &impl Serialize) -> Result<(), DataError> {
        if self.in_block > 0 {
            self.end_block();
        }
        let fields = serde_json::to_vec(fields).map_err(|error| refused(&self.path, &error))?;
        let hashes = std::mem::take(&mut self.hashes);
        let lengths = [
            self.length.to_le_bytes(),
            (fields.len() as u64).to_le_bytes(),
        ];
        let seal = seal(&hashes, &fields, &lengths, self.kind);
        self.write_plain(&hashes)?;
        self.write_plain(&fields)?;
        self.write_plain(&lengths.concat())?;
        self.write_plain(seal.as_bytes())?;
        let kind = self.kind;
        self.write_plain(&kind)?;
        let io = |source| DataError::io(&self.path, source);
        let file = self
            .file
            .into_inner()
            .map_err(|error| io(error.into_error()))?;
        file.sync_all().map_err(io)?;
        drop(file);
        self.scratch
            .commit()
            .map_err(|error| refused(&self.path, &error))
    }

    fn write_plain(&mut self, bytes: &[u8]) -> Result<(), DataError> {
        self.file
            .write_all(bytes)
            .map_err(|source| DataError::io(&self.path, source))
    }

    fn end_block(&mut self) {
        self.hashes.extend(self.block.finalize().as_bytes());
        self.block.reset();
        self.in_block = 0;
    }
}

fn refused(path: &Path, error: &dyn std::fmt::Display) -> DataError {
    DataError::io(path, std::io::Error::other(error.to_string()))
}

fn seal(hashes: &[u8], fields: &[u8], lengths: &[[u8; 8]; 2], kind: Kind) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(hashes).update(fields);
    hasher.update(&lengths[0]).update(&lengths[1]).update(&kind);
    hasher.finalize()
}

/// A file of [`SealedWriter`], memory-mapped.
///
/// Opening it costs the hashes, 32 bytes for each MiB. Each block is verified when it is first touched.
#[derive(Debug)]
pub(crate) struct SealedFile {
    file: MappedFile,
    body: usize,
    hashes: Vec<u8>,
    /// A bit for each block that was verified.
    verified: Vec<AtomicU64>,
}

impl SealedFile {
    /// Opens a file and reads its fields.
    ///
    /// # Errors
    /// [`DataError::Io`], or [`DataError::Format`] when it is not whole or is of another kind.
    pub(crate) fn open<F: DeserializeOwned>(
        path: &Path,
        kind: Kind,
    ) -> Result<(Self, F), DataError> {
        let io = |source| DataError::io(path, source);
        let wrong = |what, expected: String, got: String| {
            Err(DataError::format(what, expected, got).at(path))
        };
        let mut file = File::open(path).map_err(io)?;
        let total = file.metadata().map_err(io)?.len();
        if total < TRAILER as u64 {
            return wrong(
                "length",
                format!("at least {TRAILER} bytes"),
                format!("{total} bytes"),
            );
        }
        let mut trailer = [0; TRAILER];
        file.seek(SeekFrom::Start(total - TRAILER as u64))
            .map_err(io)?;
        file.read_exact(&mut trailer).map_err(io)?;
        let lengths = [number(&trailer, 0), number(&trailer, 1)];
        let ([body, fields], found) = (lengths, &trailer[TRAILER - 8..]);
        if *found != kind {
            let text = |kind: &[u8]| String::from_utf8_lossy(kind).into_owned();
            return wrong("kind", text(&kind), text(found));
        }
        let hashes = body.div_ceil(BLOCK as u64).saturating_mul(HASH as u64);
        let expected = body
            .saturating_add(hashes)
            .saturating_add(fields)
            .saturating_add(TRAILER as u64);
        if fields > MAX_FIELDS || expected != total {
            return wrong(
                "length",
                format!("{expected} bytes"),
                format!("{total} bytes"),
            );
        }
        // Both lengths are now bounded by the length of the file.
        file.seek(SeekFrom::Start(body)).map_err(io)?;
        let mut hashes = vec![0; hashes as usize];
        file.read_exact(&mut hashes).map_err(io)?;
        let mut json = vec![0; fields as usize];
        file.read_exact(&mut json).map_err(io)?;
        let bytes = lengths.map(u64::to_le_bytes);
        if seal(&hashes, &json, &bytes, kind).as_bytes()[..] != trailer[16..16 + HASH] {
            return wrong("seal", "that of its content".into(), "another".into());
        }
        let fields: F = match serde_json::from_slice(&json) {
            Ok(fields) => fields,
            Err(error) => {
                return wrong("fields", "those of this version".into(), error.to_string());
            }
        };
        let file = MappedFile::open(path)?;
        if file.bytes().len() as u64 != total {
            return wrong("length", format!("{total} bytes"), "another".into());
        }
        let blocks = hashes.len() / HASH;
        let sealed = Self {
            file,
            body: body as usize,
            hashes,
            verified: (0..blocks.div_ceil(64))
                .map(|_| AtomicU64::new(0))
                .collect(),
        };
        Ok((sealed, fields))
    }

    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    /// The bytes of the body.
    pub(crate) fn len(&self) -> usize {
        self.body
    }

    /// A part of the body, verified.
    ///
    /// # Errors
    /// [`DataError::Format`] when the part reaches beyond the body or the file was damaged.
    pub(crate) fn bytes(&self, part: Range<usize>) -> Result<&[u8], DataError> {
        if part.start > part.end || part.end > self.body {
            let (expected, got) = (format!("at most {}", self.body), format!("{part:?}"));
            return Err(DataError::format("offset", expected, got).at(self.path()));
        }
        if part.is_empty() {
            return Ok(&[]);
        }
        for block in part.start / BLOCK..=(part.end - 1) / BLOCK {
            let (word, bit) = (&self.verified[block / 64], 1 << (block % 64));
            if word.load(Ordering::Relaxed) & bit == 0 {
                let end = self.body.min((block + 1) * BLOCK);
                self.check(block, &self.file.bytes()[block * BLOCK..end])?;
                word.fetch_or(bit, Ordering::Relaxed);
            }
        }
        Ok(&self.file.bytes()[part])
    }

    fn check(&self, block: usize, bytes: &[u8]) -> Result<(), DataError> {
        if blake3::hash(bytes).as_bytes()[..] == self.hashes[block * HASH..(block + 1) * HASH] {
            return Ok(());
        }
        let got = format!("another at byte {}", block * BLOCK);
        Err(DataError::format("hash of a block", "that of its seal", got).at(self.path()))
    }
}

/// Number `index` of the little-endian numbers in `bytes`.
///
/// # Panics
/// If there is no such number.
pub(crate) fn number(bytes: &[u8], index: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[index * 8..(index + 1) * 8]);
    u64::from_le_bytes(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KIND: Kind = *b"tbxtest1";

    fn write(path: &Path, body: &[u8]) {
        let mut writer = SealedWriter::create(path, KIND).unwrap();
        // In pieces that do not fit blocks.
        for piece in body.chunks(300_001) {
            writer.write(piece).unwrap();
        }
        writer.finish(&body.len()).unwrap();
    }

    fn read(path: &Path) -> Result<Vec<u8>, DataError> {
        let (file, length) = SealedFile::open::<usize>(path, KIND)?;
        assert_eq!(file.len(), length);
        Ok(file.bytes(0..length)?.to_vec())
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 17] {
            let body: Vec<u8> = (0..length).map(|at| ((at * 31) >> 3) as u8).collect();
            write(&path, &body);
            assert_eq!(read(&path).unwrap(), body);
            let (file, _) = SealedFile::open::<usize>(&path, KIND).unwrap();
            assert!(file.bytes(0..length + 1).is_err());
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn damage_in_one_block_costs_that_block() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write(&path, &vec![7; 3 * BLOCK]);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[BLOCK + 5] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let (file, _) = SealedFile::open::<usize>(&path, KIND).unwrap();
        assert!(file.bytes(0..BLOCK).is_ok());
        assert!(file.bytes(BLOCK - 1..BLOCK + 1).is_err());
        assert!(file.bytes(2 * BLOCK..3 * BLOCK).is_ok());
    }

    #[test]
    fn another_kind_and_nothing_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write(&path, b"body");
        let other = SealedFile::open::<usize>(&path, *b"tbxother").unwrap_err();
        assert!(
            other
                .to_string()
                .contains("expected tbxother, got tbxtest1")
        );
        assert!(SealedFile::open::<usize>(&folder.path().join("none"), KIND).is_err());
        assert!(SealedFile::open::<usize>(folder.path(), KIND).is_err());
        // A writer that is dropped leaves nothing.
        drop(SealedWriter::create(&folder.path().join("b"), KIND).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), ends: bool) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a");
            let mut bytes = bytes;
            if ends {
                bytes.extend(KIND);
            }
            std::fs::write(&path, bytes).unwrap();
            prop_assert!(read(&path).is_err());
        }

        #[test]
        fn a_cut_or_flipped_file_is_refused(length in 0_usize..5000, cut: bool, at: prop::sample::Index, bit in 0_u32..8) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a");
            write(&path, &vec![3; length]);
            let mut bytes = std::fs::read(&path).unwrap();
            let at = at.index(bytes.len());
            if cut {
                bytes.truncate(at);
            } else {
                bytes[at] ^= 1_u8 << bit;
            }
            std::fs::write(&path, bytes).unwrap();
            prop_assert!(read(&path).is_err());
        }
    }
}
