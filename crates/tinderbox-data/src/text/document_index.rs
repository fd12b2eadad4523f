//! Where each document of a large file begins, in a file of its own.
//!
//! The body of the index is `documents + 1` offsets into the corpus (the last one is its length), then the line, counted from 1, at
//! which every [`STRIDE`]th document begins; all are 8 bytes, little-endian.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::plain_text::{TextCheck, bom_length, foreign_encoding};
use super::sealed_file::{Kind, SealedFile, SealedWriter, number};
use crate::DataError;

const KIND: Kind = *b"tbxdocs1";

/// So many documents share one line number; those between are counted from it.
const STRIDE: usize = 1024;

/// Bytes read at a time.
const BUFFER: usize = 1 << 20;

/// A file is recognised by this many pieces of [`SAMPLE`] bytes, evenly spread.
const SAMPLES: u64 = 64;
const SAMPLE: u64 = 4096;

/// What ends a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Boundary {
    /// The end of a line.
    Line,
    /// A blank line.
    BlankLine,
}

/// What a file looked like when it was indexed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileFacts {
    length: u64,
    /// Nanoseconds since 1970, where the system knows.
    modified: Option<i128>,
    /// BLAKE3 of the samples, in hexadecimal.
    samples: String,
}

impl FileFacts {
    /// Looks at a file; the cost does not depend on its length.
    pub(super) fn of(path: &Path) -> Result<Self, DataError> {
        let io = |source| DataError::io(path, source);
        let mut file = File::open(path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        if !metadata.is_file() {
            return Err(DataError::format("kind", "a regular file", "something else").at(path));
        }
        let length = metadata.len();
        let modified = metadata.modified().ok().map(|time| {
            time.duration_since(UNIX_EPOCH)
                .map(|after| after.as_nanos() as i128)
                .unwrap_or_else(|before| -(before.duration().as_nanos() as i128))
        });
        let mut hasher = blake3::Hasher::new();
        let mut piece = Vec::with_capacity(SAMPLE as usize);
        let room = length.saturating_sub(SAMPLE);
        for sample in 0..SAMPLES {
            let at = u128::from(room) * u128::from(sample) / u128::from(SAMPLES - 1);
            file.seek(SeekFrom::Start(at as u64)).map_err(io)?;
            piece.clear();
            (&mut file)
                .take(SAMPLE)
                .read_to_end(&mut piece)
                .map_err(io)?;
            hasher.update(&piece);
        }
        Ok(Self {
            length,
            modified,
            samples: hasher.finalize().to_hex().to_string(),
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    corpus: FileFacts,
    /// The compressed file that the corpus was unpacked from.
    packed: Option<FileFacts>,
    boundary: Boundary,
    documents: usize,
    damaged: u64,
    /// BLAKE3 of the corpus, in hexadecimal.
    content: String,
}

/// An index, memory-mapped and verified.
#[derive(Debug)]
pub(super) struct DocumentIndex {
    file: SealedFile,
    fields: Fields,
}

impl DocumentIndex {
    /// Opens the index at `path` if it is whole and belongs to this corpus.
    ///
    /// # Errors
    /// When it is absent, damaged, of another corpus or of an older state of this one: it has to be built.
    pub(super) fn open(
        path: &Path,
        corpus: &Path,
        packed: Option<&FileFacts>,
        boundary: Boundary,
    ) -> Result<Self, DataError> {
        let (file, fields) = SealedFile::open::<Fields>(path, KIND)?;
        let stale = |what| Err(DataError::format(what, "that of the corpus", "another").at(path));
        if fields.packed.as_ref() != packed {
            return stale("compressed file");
        }
        if fields.boundary != boundary {
            return stale("boundary");
        }
        if fields.corpus != FileFacts::of(corpus)? {
            return stale("state");
        }
        let lines = fields.documents.div_ceil(STRIDE);
        let numbers = fields.documents.checked_add(1 + lines);
        if numbers.and_then(|numbers| numbers.checked_mul(8)) != Some(file.len()) {
            return stale("length");
        }
        file.verify()?;
        Ok(Self { file, fields })
    }

    /// Reads the corpus once, in constant memory, writes its index to `path` and opens it.
    ///
    /// # Errors
    /// [`DataError::Io`]; [`DataError::Line`] when the corpus is in another encoding.
    pub(super) fn build(
        path: &Path,
        corpus: &Path,
        packed: Option<FileFacts>,
        boundary: Boundary,
    ) -> Result<Self, DataError> {
        let io = |source| DataError::io(corpus, source);
        // Taken before, so that a change during the pass makes the index stale.
        let facts = FileFacts::of(corpus)?;
        let mut file = File::open(corpus).map_err(io)?.take(facts.length);
        let mut writer = SealedWriter::create(path, KIND)?;
        let mut scan = Scan::new(boundary);
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; BUFFER];
        let mut filled = 0;
        loop {
            let read = file.read(&mut buffer[filled..]).map_err(io)?;
            filled += read;
            // A few bytes at the start tell the encoding, so short reads are gathered.
            if read > 0 && filled < buffer.len() {
                continue;
            }
            let bytes = &buffer[..filled];
            if scan.position == 0
                && let Some(encoding) = foreign_encoding(bytes)
            {
                return Err(DataError::Line {
                    path: corpus.to_path_buf(),
                    line: 1,
                    what: "encoding".to_owned(),
                    expected: "UTF-8".to_owned(),
                    got: encoding.to_owned(),
                });
            }
            hasher.update(bytes);
            scan.feed(bytes, &mut writer)?;
            if read == 0 {
                break;
            }
            filled = 0;
        }
        scan.end();
        writer.write(&scan.position.to_le_bytes())?;
        for line in &scan.lines {
            writer.write(&line.to_le_bytes())?;
        }
        let fields = Fields {
            corpus: facts,
            packed: packed.clone(),
            boundary,
            documents: scan.documents,
            damaged: scan.damaged,
            content: hasher.finalize().to_hex().to_string(),
        };
        writer.finish(&fields)?;
        Self::open(path, corpus, packed.as_ref(), boundary)
    }

    /// How many documents there are.
    pub(super) fn len(&self) -> usize {
        self.fields.documents
    }

    /// How many documents hold bytes that are no text.
    pub(super) fn damaged(&self) -> u64 {
        self.fields.damaged
    }

    /// BLAKE3 of the corpus, in hexadecimal.
    pub(super) fn content(&self) -> &str {
        &self.fields.content
    }

    /// Where document `index` begins and where the next one does.
    ///
    /// # Errors
    /// [`DataError::Format`] when the index was damaged meanwhile.
    pub(super) fn span(&self, index: usize) -> Result<(usize, usize), DataError> {
        let bytes = self.file.bytes(index * 8..(index + 2) * 8)?;
        Ok((number(bytes, 0) as usize, number(bytes, 1) as usize))
    }

    /// The line at which document `index` begins, counted from 1, in `corpus`.
    ///
    /// # Errors
    /// As for [`DocumentIndex::span`].
    pub(super) fn line(&self, index: usize, corpus: &[u8]) -> Result<u64, DataError> {
        let near = index / STRIDE;
        let at = (self.fields.documents + 1 + near) * 8;
        let line = number(self.file.bytes(at..at + 8)?, 0);
        let (start, end) = (self.span(near * STRIDE)?.0, self.span(index)?.0);
        let between = corpus.get(start..end).unwrap_or_default();
        Ok(line + memchr::memchr_iter(b'\n', between).count() as u64)
    }
}

/// The pass over a corpus: it finds documents and tells which of them are no text.
struct Scan {
    boundary: Boundary,
    position: u64,
    line: u64,
    line_start: u64,
    /// Whether the line in hand has something else than white space so far.
    filled: bool,
    in_document: bool,
    check: TextCheck,
    document_damaged: bool,
    documents: usize,
    damaged: u64,
    lines: Vec<u64>,
}

impl Scan {
    fn new(boundary: Boundary) -> Self {
        Self {
            boundary,
            position: 0,
            line: 1,
            line_start: 0,
            filled: false,
            in_document: false,
            check: TextCheck::default(),
            document_damaged: false,
            documents: 0,
            damaged: 0,
            lines: Vec::new(),
        }
    }

    fn feed(&mut self, bytes: &[u8], writer: &mut SealedWriter) -> Result<(), DataError> {
        let mut at = 0;
        if self.position == 0 {
            at = bom_length(bytes);
            self.line_start = at as u64;
        }
        while at < bytes.len() {
            let newline = memchr::memchr(b'\n', &bytes[at..]).map(|found| at + found);
            let end = newline.unwrap_or(bytes.len());
            self.piece(&bytes[at..end], writer)?;
            at = end;
            if newline.is_some() {
                self.end_line();
                at += 1;
                self.line += 1;
                self.line_start = self.position + at as u64;
            }
        }
        self.position += bytes.len() as u64;
        Ok(())
    }

    fn piece(&mut self, piece: &[u8], writer: &mut SealedWriter) -> Result<(), DataError> {
        self.check.feed(piece);
        if self.filled || piece.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        self.filled = true;
        if !self.in_document {
            self.in_document = true;
            if self.documents.is_multiple_of(STRIDE) {
                self.lines.push(self.line);
            }
            self.documents += 1;
            writer.write(&self.line_start.to_le_bytes())?;
        }
        Ok(())
    }

    fn end_line(&mut self) {
        self.document_damaged |= !self.check.finish();
        if self.boundary == Boundary::Line || !self.filled {
            self.end_document();
        }
        self.filled = false;
    }

    fn end_document(&mut self) {
        self.damaged += u64::from(self.in_document && self.document_damaged);
        self.in_document = false;
        self.document_damaged = false;
    }

    fn end(&mut self) {
        self.end_line();
        self.end_document();
    }
}
