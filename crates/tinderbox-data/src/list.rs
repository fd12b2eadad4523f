//! A list of pictures in a file.

use std::fs::File;
use std::path::{Component, Path, PathBuf};

use burn::data::dataset::Dataset;

use crate::classes::classes;
use crate::fingerprint::pieces;
use crate::inflate::read_file;
use crate::{Content, DataError, ImageItem, Labelled, ReadConfig};

/// Pictures named by a list, in its order, with or without labels.
///
/// The ending of the list's name says what it is: `.csv` has fields between commas, `.tsv` between tabs, both with quotes as in RFC 4180;
/// every other file has a path a line. The first field is a path relative to the list's folder with `/` between folders, the second,
/// if there is one, the label; further fields are ignored. A first row whose first field is `path` is a head. Empty lines are skipped.
///
/// Classes are the distinct labels: in the order of their values if all are whole numbers, else of their bytes.
///
/// A picture is opened when its item is asked for. Memory is that of the list while it is read, then of its paths.
#[derive(Debug, Clone)]
pub struct ImageList {
    root: PathBuf,
    read: ReadConfig,
    paths: Vec<Box<str>>,
    labels: Vec<Option<u32>>,
    class_names: Vec<String>,
}

impl ImageList {
    /// Reads the list; no picture is opened.
    ///
    /// # Errors
    /// [`DataError::Io`] when the list cannot be read, [`DataError::Format`] with the line for text that is not UTF-8, a row that is not
    /// of the format, and a path that is empty, absolute or leads out of the folder by `..`, [`DataError::Empty`] when it names no
    /// picture, [`DataError::Config`] as [`ReadConfig`] has it.
    pub fn open(list: impl AsRef<Path>, read: ReadConfig) -> Result<Self, DataError> {
        let list = list.as_ref();
        let bytes = read_file(list)?;
        let ending = list.extension().and_then(|ending| ending.to_str());
        let separator = match ending.map(str::to_ascii_lowercase).as_deref() {
            Some("csv") => Some(b','),
            Some("tsv") => Some(b'\t'),
            _ => None,
        };
        let root = list.parent().unwrap_or(Path::new("")).to_path_buf();
        Self::parse(&bytes, separator, root, read).map_err(|error| error.at(list))
    }

    /// [`ImageList::open`] for the bytes of a list, whose paths are relative to `root`; without a separator each line is a path.
    ///
    /// # Errors
    /// As [`ImageList::open`].
    pub fn parse(
        bytes: &[u8],
        separator: Option<u8>,
        root: PathBuf,
        read: ReadConfig,
    ) -> Result<Self, DataError> {
        read.validate()?;
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let rows = match separator {
            Some(separator) => fields(bytes, separator)?,
            None => lines(bytes)?,
        };
        let mut paths = Vec::with_capacity(rows.len());
        let mut labels = Vec::with_capacity(rows.len());
        for (line, path, label) in rows {
            check(&path, line)?;
            paths.push(path.into_boxed_str());
            labels.push(label);
        }
        if paths.is_empty() {
            return Err(DataError::Empty {
                path: crate::error::memory(),
                what: "paths",
                ignored: 0,
            });
        }
        let (labels, class_names) = classes(&labels);
        Ok(Self {
            root,
            read,
            paths,
            labels,
            class_names,
        })
    }

    /// The path of item `index`.
    ///
    /// # Panics
    /// If there is no such item.
    pub fn path(&self, index: usize) -> PathBuf {
        self.root.join(&*self.paths[index])
    }

    /// The path, if no link on its way leads out of the list's folder to something else than a file in it.
    fn checked(&self, index: usize) -> Result<PathBuf, DataError> {
        let path = self.path(index);
        let folder = match self.root.as_os_str() {
            root if root.is_empty() => Path::new("."),
            _ => &self.root,
        };
        let canonical = |path: &Path| {
            path.canonicalize()
                .map_err(|source| DataError::io(path, source))
        };
        let (target, root) = (canonical(&path)?, canonical(folder)?);
        if !target.starts_with(&root) {
            return Err(DataError::OutsideRoot { path, target, root });
        }
        // Pipes and devices are never opened.
        if !target.is_file() {
            let error = DataError::format("kind", "a regular file", "something else");
            return Err(error.at(&path));
        }
        Ok(path)
    }
}

type Row = (u64, String, Option<String>);

fn lines(bytes: &[u8]) -> Result<Vec<Row>, DataError> {
    let mut rows = Vec::new();
    for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if !line.is_empty() {
            rows.push((number, text(line, number)?, None));
        }
    }
    Ok(rows)
}

fn fields(bytes: &[u8], separator: u8) -> Result<Vec<Row>, DataError> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        .from_reader(bytes);
    let mut rows = Vec::new();
    let mut record = csv::ByteRecord::new();
    loop {
        let more = reader.read_byte_record(&mut record).map_err(|error| {
            let line = error.position().map_or(0, csv::Position::line);
            DataError::format("row", "fields", format!("{error} in line {line}"))
        })?;
        if !more {
            return Ok(rows);
        }
        let line = record.position().map_or(0, csv::Position::line);
        let path = text(record.get(0).unwrap_or_default(), line)?;
        if rows.is_empty() && path.eq_ignore_ascii_case("path") {
            continue;
        }
        let label = record.get(1).filter(|label| !label.is_empty());
        let label = label.map(|label| text(label, line)).transpose()?;
        rows.push((line, path, label));
    }
}

fn text(bytes: &[u8], line: u64) -> Result<String, DataError> {
    String::from_utf8(bytes.to_vec()).map_err(|error| {
        let got = format!(
            "{:?} in line {line}",
            String::from_utf8_lossy(error.as_bytes())
        );
        DataError::format("text", "UTF-8", got)
    })
}

/// Refuses what is no path below the folder.
fn check(path: &str, line: u64) -> Result<(), DataError> {
    let below = Path::new(path)
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if below && !path.is_empty() && !path.contains('\0') {
        return Ok(());
    }
    let got = format!("{path:?} in line {line}");
    Err(DataError::format(
        "path",
        "one relative to the list's folder, without `..`",
        got,
    ))
}

impl Dataset<ImageItem, DataError> for ImageList {
    fn get(&self, index: usize) -> Result<ImageItem, DataError> {
        Ok(ImageItem {
            image: self.read.file(&self.checked(index)?)?,
            label: self.labels[index],
            id: self.id(index),
        })
    }

    fn len(&self) -> usize {
        self.paths.len()
    }
}

impl Labelled for ImageList {
    fn label(&self, index: usize) -> Option<u32> {
        self.labels[index]
    }

    fn class_names(&self) -> &[String] {
        &self.class_names
    }

    fn id(&self, index: usize) -> String {
        self.paths[index].to_string()
    }
}

impl Content for ImageList {
    /// The bytes of the file.
    fn content(&self, index: usize, sink: &mut dyn FnMut(&[u8])) -> Result<(), DataError> {
        let path = self.checked(index)?;
        let io = |source| DataError::io(&path, source);
        let file = File::open(&path).map_err(io)?;
        pieces(file, None, sink).map_err(io)
    }
}
