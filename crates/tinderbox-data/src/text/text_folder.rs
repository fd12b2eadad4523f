//! A folder of text files.

use std::path::Path;

use burn::data::dataset::Dataset;
use rayon::prelude::*;

use super::document::Document;
use super::plain_text::{Damage, damage, foreign_encoding, text_of};
use super::unpack::unpacked;
use crate::class_folder::{ClassFolder, FileKind, Options};
use crate::{Content, DataError, Labelled, Ledger};

/// How a [`TextFolder`] reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFolderConfig {
    /// The endings of text files, in any case, without a dot.
    pub endings: &'static [&'static str],
    /// Whether the folders of the first level are the classes.
    pub labels: bool,
    /// Whether links that lead out of the folder are followed; false for data from strangers.
    pub links: bool,
    /// A file with more bytes is refused when it is asked for.
    pub max_bytes: u64,
    /// Whether bytes that are no text become U+FFFD instead of an error.
    pub lossy: bool,
}

impl Default for TextFolderConfig {
    /// `txt` files of at most 16 MiB, compressed by gzip or zstd or not, labels from folders, strict.
    fn default() -> Self {
        Self {
            endings: &["txt", "txt.gz", "txt.zst"],
            labels: true,
            links: true,
            max_bytes: 16 << 20,
            lossy: false,
        }
    }
}

/// The text files below a folder, however deep, in the order of the bytes of their relative paths; each is a document.
///
/// The names of the first level's folders are the classes, sorted by bytes; a file beside them has no label. What is not read is in
/// the ledger: hidden files and folders (a dot first), files of other kinds, pipes and devices. A link to a file counts as a file; a link to
/// a folder outside is followed, one to a folder within is not, since its files are found where they are.
///
/// A file is read when its item is asked for, so that one that cannot be read costs one item.
#[derive(Debug, Clone)]
pub struct TextFolder {
    config: TextFolderConfig,
    files: ClassFolder,
}

impl TextFolder {
    /// Lists the folder.
    ///
    /// # Errors
    /// [`DataError::Io`] when a folder cannot be listed, [`DataError::OutsideRoot`] for a link that leads outside if none is to be followed,
    /// [`DataError::Empty`] when there is no text file.
    pub fn open(root: impl AsRef<Path>, config: TextFolderConfig) -> Result<Self, DataError> {
        let kind = FileKind {
            what: "text files",
            endings: config.endings,
        };
        let options = Options {
            labels: config.labels,
            links: config.links,
            index: None,
        };
        let files = ClassFolder::open(root.as_ref(), kind, options)?;
        Ok(Self { config, files })
    }

    /// How many files were ignored because they are neither text files nor hidden.
    pub fn ignored(&self) -> usize {
        self.files.ignored()
    }

    /// The bytes of a file, unpacked.
    fn bytes(&self, index: usize) -> Result<Vec<u8>, DataError> {
        let (path, limit) = (self.files.path(index), self.config.max_bytes);
        let bytes = unpacked(self.files.read(index, limit)?, limit, path)?;
        if bytes.len() as u64 > limit {
            return Err(DataError::TooLarge {
                path: path.to_path_buf(),
                what: "size of the text in bytes",
                limit,
                got: bytes.len() as u64,
            });
        }
        Ok(bytes)
    }

    fn text(&self, index: usize) -> Result<String, DataError> {
        let bytes = self.bytes(index)?;
        let wrong = |at: usize, got: String| DataError::Line {
            path: self.files.path(index).to_path_buf(),
            line: 1 + memchr::memchr_iter(b'\n', &bytes[..at]).count() as u64,
            what: "text".to_owned(),
            expected: "UTF-8 without NUL".to_owned(),
            got,
        };
        if let Some(encoding) = foreign_encoding(&bytes) {
            return Err(wrong(0, encoding.to_owned()));
        }
        text_of(bytes.trim_ascii_end(), self.config.lossy)
            .map_err(|no_text| wrong(no_text.at, no_text.place_in(&bytes)))
    }

    /// What is wrong with the bytes of a file, if it is no text.
    fn damage(&self, index: usize) -> Option<&'static str> {
        let bytes = match self.bytes(index) {
            Ok(bytes) => bytes,
            Err(DataError::TooLarge { .. }) => return Some("more bytes than a text may have"),
            Err(_) => return Some("what cannot be read"),
        };
        match foreign_encoding(&bytes) {
            Some(_) => Some("another encoding than UTF-8"),
            None => damage(&bytes).map(|damage| damage.got),
        }
    }
}

impl Dataset<Document, DataError> for TextFolder {
    fn get(&self, index: usize) -> Result<Document, DataError> {
        Ok(Document {
            text: self.text(index)?,
            second: None,
            words: Vec::new(),
            answers: Vec::new(),
            label: self.label(index),
            id: self.id(index),
        })
    }

    fn len(&self) -> usize {
        self.files.len()
    }
}

impl Labelled for TextFolder {
    fn label(&self, index: usize) -> Option<u32> {
        self.files.label(index)
    }

    fn class_names(&self) -> &[String] {
        self.files.class_names()
    }

    fn id(&self, index: usize) -> String {
        self.files.id(index)
    }

    fn group(&self, index: usize) -> Option<String> {
        self.files.group(index)
    }

    /// Files that are ignored, and files that are no text; it reads them all.
    fn ledger(&self) -> Ledger {
        let mut ledger = self.files.ledger();
        let found: Vec<Option<&'static str>> = (0..self.len())
            .into_par_iter()
            .map(|index| self.damage(index))
            .collect();
        let mut damage = Damage::default();
        for (index, found) in found.into_iter().enumerate() {
            if let Some(got) = found {
                damage.add(got, || self.id(index));
            }
        }
        ledger.extend(damage.remarks(self.len(), self.config.lossy, str::to_owned));
        ledger
    }
}

impl Content for TextFolder {
    /// The bytes of the file.
    fn content(&self, index: usize, sink: &mut dyn FnMut(&[u8])) -> Result<(), DataError> {
        self.files.content(index, sink)
    }
}
