//! One large file of text, JSON lines or paragraphs as a data set of documents.

use std::path::{Path, PathBuf};

use burn::data::dataset::Dataset;
use rayon::prelude::*;
use serde_json::Value;

use super::document::Document;
use super::document_index::{Boundary, DocumentIndex, FileFacts};
use super::mapped_file::MappedFile;
use super::plain_text::text_of;
use super::unpack::{is_packed, unpack};
use crate::classes::{Classes, classes};
use crate::{Content, DataError, Labelled, Ledger};

/// What a document of a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextUnit {
    /// A line that is not blank.
    Line,
    /// Lines up to a blank line, as in the corpora of BERT.
    Paragraph,
    /// A line that is a JSON object.
    JsonLine {
        /// The field of the text, a string.
        text: String,
        /// The field of the class, a string or a whole number, if there is one. Naming it costs a pass over the file on opening.
        label: Option<String>,
    },
}

/// How a [`TextFile`] reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFileConfig {
    /// What a document is.
    pub unit: TextUnit,
    /// A document with more bytes is refused when it is asked for.
    pub max_bytes: u64,
    /// Whether bytes that are no text become U+FFFD instead of an error.
    pub lossy: bool,
    /// The folder for the index, and for what a compressed file unpacks to; `None` for that of the corpus. Files of different
    /// folders do not get into each other's way.
    pub cache: Option<PathBuf>,
}

impl Default for TextFileConfig {
    /// Lines of at most 16 MiB, strict, with the index beside the corpus.
    fn default() -> Self {
        Self {
            unit: TextUnit::Line,
            max_bytes: 16 << 20,
            lossy: false,
            cache: None,
        }
    }
}

/// A file of any size as a data set of documents. It is memory-mapped, and an index tells where documents begin.
///
/// The first opening reads the file once, in constant memory, and writes the index (`NAME.docs`, 8 bytes a document). Later
/// ones read the index, and of the corpus no more than samples: the index is believed only if it is whole (BLAKE3) and the corpus
/// has the length, the time of modification and the samples that it had; otherwise it is built anew. A file that is compressed by gzip or
/// zstd is unpacked first (`NAME.plain`), again without holding it in memory.
///
/// Text is UTF-8, with or without a byte order mark, and without NUL; white space at the end of a document is left out. A document that
/// is no text or too long is an error with file and line when it is asked for, so that it costs one item, or with `lossy` is
/// read as far as it is text; [`TextFile::damaged`] counts such documents beforehand.
///
/// The file must not be changed while it is open: what is read then is undefined text or an error, and cutting it short ends the
/// process.
#[derive(Debug)]
pub struct TextFile {
    config: TextFileConfig,
    /// What the user named; messages say it.
    path: PathBuf,
    corpus: MappedFile,
    index: DocumentIndex,
    labels: Option<Vec<Option<u32>>>,
    class_names: Vec<String>,
    ledger: Ledger,
}

impl TextFile {
    /// Opens a file, and indexes it if no index fits.
    ///
    /// # Errors
    /// [`DataError::Io`] when it cannot be read or the index cannot be written; [`DataError::Line`] when it is in
    /// another encoding than UTF-8; [`DataError::Empty`] when there is no document; [`DataError::Decode`] for a compressed file
    /// that is damaged or unpacks to more than 256 times its size.
    pub fn open(path: impl AsRef<Path>, config: TextFileConfig) -> Result<Self, DataError> {
        let path = path.as_ref();
        let boundary = match config.unit {
            TextUnit::Paragraph => Boundary::BlankLine,
            TextUnit::Line | TextUnit::JsonLine { .. } => Boundary::Line,
        };
        let (corpus, index) = match is_packed(path)? {
            false => {
                let place = beside(path, config.cache.as_deref(), "docs")?;
                let index = DocumentIndex::open(&place, path, None, boundary)
                    .or_else(|_| DocumentIndex::build(&place, path, None, boundary))?;
                (MappedFile::open(path)?, index)
            }
            true => {
                let packed = FileFacts::of(path)?;
                let place = beside(path, config.cache.as_deref(), "docs")?;
                let plain = beside(path, config.cache.as_deref(), "plain")?;
                // The index vouches for what was unpacked.
                let index =
                    DocumentIndex::open(&place, &plain, Some(&packed), boundary).or_else(|_| {
                        unpack(path, &plain)?;
                        DocumentIndex::build(&place, &plain, Some(packed), boundary)
                    })?;
                (MappedFile::open(&plain)?, index)
            }
        };
        if index.len() == 0 {
            return Err(DataError::Empty {
                path: path.to_path_buf(),
                what: "text",
                ignored: 0,
            });
        }
        let mut file = Self {
            config,
            path: path.to_path_buf(),
            corpus,
            index,
            labels: None,
            class_names: Vec::new(),
            ledger: Ledger::default(),
        };
        if let TextUnit::JsonLine {
            label: Some(field), ..
        } = &file.config.unit
        {
            let found = file.classes(field);
            (file.labels, file.class_names) = (Some(found.numbers), found.names);
            file.ledger = found.ledger;
        }
        Ok(file)
    }

    /// How many documents hold bytes that are no text.
    pub fn damaged(&self) -> u64 {
        self.index.damaged()
    }

    /// The BLAKE3 hash of the file (of what it unpacks to, if it is compressed), in hexadecimal, as of the time it was indexed.
    ///
    /// It costs nothing, where [`fingerprint`](crate::fingerprint) reads every document.
    pub fn content_hash(&self) -> &str {
        self.index.content()
    }

    /// The bytes of a document, without white space at its end.
    fn raw(&self, index: usize) -> Result<&[u8], DataError> {
        let (start, end) = self.index.span(index)?;
        let bytes = self.corpus.bytes().get(start..end).ok_or_else(|| {
            let got = format!("{} bytes", self.corpus.bytes().len());
            DataError::format("length", format!("at least {end} bytes"), got).at(self.corpus.path())
        })?;
        if self.config.unit == TextUnit::Paragraph {
            return Ok(bytes.trim_ascii_end());
        }
        // Blank lines may follow; they are no part of the line.
        let line = memchr::memchr(b'\n', bytes).map_or(bytes, |at| &bytes[..at]);
        Ok(line.trim_ascii_end())
    }

    pub(super) fn text(&self, index: usize) -> Result<String, DataError> {
        let bytes = self.raw(index)?;
        if bytes.len() as u64 > self.config.max_bytes {
            let expected = format!("at most {} bytes", self.config.max_bytes);
            let got = format!("{} bytes", bytes.len());
            return Err(self.wrong(index, 0, "length", expected, got));
        }
        text_of(bytes, self.config.lossy).map_err(|no_text| {
            let got = format!("{} at byte {}", no_text.got, no_text.at);
            self.wrong(index, no_text.at, "text", "UTF-8 without NUL".into(), got)
        })
    }

    fn object(&self, index: usize) -> Result<Value, DataError> {
        let text = self.text(index)?;
        serde_json::from_str(&text).map_err(|error| {
            let got = error.to_string();
            self.wrong(index, 0, "JSON", "an object".into(), got)
        })
    }

    /// An error that names the line `offset` bytes into a document.
    pub(super) fn wrong(
        &self,
        index: usize,
        offset: usize,
        what: &'static str,
        expected: String,
        got: String,
    ) -> DataError {
        let within = self.raw(index).unwrap_or_default().get(..offset);
        let line = self.index.line(index, self.corpus.bytes()).unwrap_or(0)
            + memchr::memchr_iter(b'\n', within.unwrap_or_default()).count() as u64;
        DataError::Line {
            path: self.path.clone(),
            line,
            what: what.to_owned(),
            expected,
            got,
        }
    }

    /// The classes of all documents.
    ///
    /// Whole numbers are in their order if all are such, else names are sorted by bytes. A document that cannot be read has no label.
    fn classes(&self, field: &str) -> Classes {
        let names: Vec<Option<String>> = (0..self.len())
            .into_par_iter()
            .map(|index| match self.object(index).ok()?.get(field)? {
                Value::String(name) => Some(name.clone()),
                Value::Number(number) => Some(number.as_i64()?.to_string()),
                _ => None,
            })
            .collect();
        classes(&names)
    }
}

/// The file with the ending `ending` that belongs to `path`, beside it or in the folder `cache`.
fn beside(path: &Path, cache: Option<&Path>, ending: &str) -> Result<PathBuf, DataError> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    let Some(cache) = cache else {
        name.push(format!(".{ending}"));
        return Ok(path.with_file_name(name));
    };
    std::fs::create_dir_all(cache).map_err(|source| DataError::io(cache, source))?;
    // Two files of one name in two folders have two indexes.
    let whole = path
        .canonicalize()
        .map_err(|source| DataError::io(path, source))?;
    let hash = blake3::hash(whole.as_os_str().as_encoded_bytes()).to_hex();
    name.push(format!(".{}.{ending}", &hash[..16]));
    Ok(cache.join(name))
}

impl Dataset<Document, DataError> for TextFile {
    fn get(&self, index: usize) -> Result<Document, DataError> {
        let text = match &self.config.unit {
            TextUnit::Line | TextUnit::Paragraph => self.text(index)?,
            TextUnit::JsonLine { text: field, .. } => match self.object(index)?.get_mut(field) {
                Some(Value::String(text)) => std::mem::take(text),
                other => {
                    let got = other.map_or("no such field".to_owned(), |value| value.to_string());
                    let expected = format!("a string in `{field}`");
                    // A value may be long; its start tells what it is.
                    let got = got.chars().take(80).collect();
                    return Err(self.wrong(index, 0, "field", expected, got));
                }
            },
        };
        Ok(Document {
            text,
            second: None,
            words: Vec::new(),
            answers: Vec::new(),
            label: self.label(index),
            id: self.id(index),
        })
    }

    fn len(&self) -> usize {
        self.index.len()
    }
}

impl Labelled for TextFile {
    fn label(&self, index: usize) -> Option<u32> {
        self.labels.as_ref().and_then(|labels| labels[index])
    }

    fn class_names(&self) -> &[String] {
        &self.class_names
    }

    fn id(&self, index: usize) -> String {
        index.to_string()
    }

    fn ledger(&self) -> Ledger {
        self.ledger.clone()
    }
}

impl Content for TextFile {
    /// The bytes of the document.
    fn content(&self, index: usize, sink: &mut dyn FnMut(&[u8])) -> Result<(), DataError> {
        sink(self.raw(index)?);
        Ok(())
    }
}
