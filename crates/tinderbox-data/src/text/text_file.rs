//! One large file of text, JSON lines or paragraphs as a data set of documents.

use std::path::Path;

use burn::data::dataset::Dataset;
use rayon::prelude::*;
use serde_json::Value;

use super::document::Document;
use super::document_index::{Boundary, DocumentIndex};
use super::mapped_file::MappedFile;
use super::plain_text::{json_fault, text_of};
use super::unpack::map;
use crate::classes::{Classes, classes};
use crate::odd_name::shown;
use crate::{Content, DataError, Labelled, Ledger, Remark};

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
    /// Whether a blank line is an item, too, which cannot be read, so that there are as many items as lines; of [`TextUnit::Line`] only.
    pub blank_lines: bool,
}

impl Default for TextFileConfig {
    /// Lines of at most 16 MiB but for blank ones, strict.
    fn default() -> Self {
        Self {
            unit: TextUnit::Line,
            max_bytes: 16 << 20,
            lossy: false,
            blank_lines: false,
        }
    }
}

/// A file of any size as a data set of documents. It is memory-mapped, and an index tells where documents begin; the id of a document is the
/// line at which it begins, counted from 1.
///
/// Opening reads the file once to make the index, which takes 8 bytes of memory a document; nothing is written beside the file. One that is
/// compressed by gzip or zstd is unpacked first, to a file without a name in the folder for temporary files.
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
    corpus: MappedFile,
    index: DocumentIndex,
    labels: Option<Vec<Option<u32>>>,
    class_names: Vec<String>,
    ledger: Ledger,
}

impl TextFile {
    /// Opens a file.
    ///
    /// # Errors
    /// [`DataError::Io`] when it cannot be read; [`DataError::Format`] when it is in
    /// another encoding than UTF-8, or is compressed and damaged or unpacks to more than 256 times its size; [`DataError::Empty`] when there is
    /// no document.
    pub fn open(path: impl AsRef<Path>, config: TextFileConfig) -> Result<Self, DataError> {
        let path = path.as_ref();
        let boundary = match config.unit {
            TextUnit::Paragraph => Boundary::BlankLine,
            TextUnit::Line if config.blank_lines => Boundary::AnyLine,
            TextUnit::Line | TextUnit::JsonLine { .. } => Boundary::Line,
        };
        let corpus = map(path)?;
        let index = DocumentIndex::of(corpus.bytes(), boundary);
        if index.lines == index.blank {
            return Err(DataError::Empty {
                path: path.to_path_buf(),
                what: "text",
                ignored: 0,
            });
        }
        let mut file = Self {
            config,
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
    pub fn damaged(&self) -> usize {
        self.index.damage.count()
    }

    /// The bytes of a document, without white space at its end.
    fn raw(&self, index: usize) -> &[u8] {
        let (start, end) = self.index.span(index);
        let bytes = &self.corpus.bytes()[start..end];
        if self.config.unit == TextUnit::Paragraph {
            return bytes.trim_ascii_end();
        }
        // Blank lines may follow; they are no part of the line.
        let line = memchr::memchr(b'\n', bytes).map_or(bytes, |at| &bytes[..at]);
        line.trim_ascii_end()
    }

    pub(super) fn text(&self, index: usize) -> Result<String, DataError> {
        let bytes = self.raw(index);
        if bytes.len() as u64 > self.config.max_bytes {
            let expected = format!("at most {} bytes", self.config.max_bytes);
            let got = format!("{} bytes", bytes.len());
            return Err(self.wrong(index, 0, "length", expected, got));
        }
        if bytes.is_empty() {
            return Err(self.wrong(index, 0, "text", "one".into(), "a blank line".into()));
        }
        text_of(bytes, self.config.lossy).map_err(|no_text| {
            let got = no_text.place_in(bytes);
            self.wrong(index, no_text.at, "text", "UTF-8 without NUL".into(), got)
        })
    }

    fn object(&self, index: usize) -> Result<Value, DataError> {
        let text = self.text(index)?;
        serde_json::from_str(&text).map_err(|error| {
            let got = json_fault(&error, text.as_bytes());
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
        let within = &self.raw(index)[..offset];
        DataError::Line {
            path: self.corpus.path().to_path_buf(),
            line: self.index.line(index) + memchr::memchr_iter(b'\n', within).count() as u64,
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

/// Whether the name of a file says that it is a table, or JSON.
fn is_named_as_table(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.to_lowercase();
    let plain = name.strip_suffix(".gz").or(name.strip_suffix(".zst"));
    let plain = plain.unwrap_or(&name);
    let mut endings = [".csv", ".tsv", ".json", ".jsonl", ".ndjson"].iter();
    endings.any(|ending| plain.ends_with(ending))
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
        self.index.line(index).to_string()
    }

    fn place(&self, index: usize) -> Option<String> {
        let name = self.corpus.path().file_name().unwrap_or_default();
        let line = self.index.line(index);
        Some(format!("line {line} of {}", shown(name)))
    }

    /// Blank lines, texts that hold bytes that are no text or too many, and what looks like rows of a table.
    fn ledger(&self) -> Ledger {
        let mut ledger = self.ledger.clone();
        let (all, index) = (self.len(), &self.index);
        let of_lines = self.config.unit != TextUnit::Paragraph;
        if of_lines && !self.config.blank_lines {
            let blank = Remark::new("lines", index.blank, "are blank and no texts");
            ledger.add(blank.of(index.lines));
        }
        let name = shown(self.corpus.path().file_name().unwrap_or_default());
        let place = |line: &str| format!("{line} of {name}");
        ledger.extend(index.damage.remarks(all, self.config.lossy, place));
        let most = self.config.max_bytes;
        let long: Vec<usize> = (0..all)
            .filter(|document| {
                let (start, end) = index.span(*document);
                (end - start) as u64 > most && self.raw(*document).len() as u64 > most
            })
            .collect();
        let becomes = format!("are longer than {most} bytes and are not read");
        let places = long.iter().filter_map(|document| self.place(*document));
        let long = Remark::new("texts", long.len(), becomes)
            .of(all)
            .examples(places);
        ledger.add(long);
        if self.config.unit == TextUnit::Line {
            let [becomes, key] = match is_named_as_table(self.corpus.path()) {
                true => [
                    "are lines of a table or of JSON, read whole: no column is named",
                    "data.text",
                ],
                false => [
                    "hold a tab, as rows of a table or words with tags do, and are read whole, tab and all",
                    "data.source",
                ],
            };
            let count = match key {
                "data.text" => all,
                // A few tabs are white space.
                _ if 2 * index.tabs <= all => 0,
                _ => index.tabs,
            };
            ledger.add(Remark::new("texts", count, becomes).of(all).key(key));
        }
        ledger
    }
}

impl Content for TextFile {
    /// The bytes of the document.
    fn content(&self, index: usize, sink: &mut dyn FnMut(&[u8])) -> Result<(), DataError> {
        sink(self.raw(index));
        Ok(())
    }
}
