//! A list of pictures in a file.

mod layout;

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Component, Path, PathBuf};

use burn::data::dataset::Dataset;

use crate::classes::classes;
use crate::decompress::{decompressed, is_compressed, text_error};
use crate::fingerprint::{first, pieces};
use crate::inflate::read_file;
use crate::odd_name::shown;
use crate::{Content, DataError, ImageFolder, ImageItem, Labelled, Ledger, ReadConfig, Remark};
use layout::{Layout, Row, text};

/// How an [`ImageList`] reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageListConfig {
    /// How pictures are read.
    pub read: ReadConfig,
    /// The column of the labels by its name in the head; `None` for the one with a usual name, or else the one behind the path.
    pub labels: Option<String>,
    /// The column of the groups by its name in the head, if there are groups.
    pub group: Option<String>,
    /// Whether paths may be absolute, lead out of the list's folder by `..`, or be links that do; false for data from strangers.
    pub links: bool,
}

impl Default for ImageListConfig {
    /// Labels where they are found, paths that lead anywhere.
    fn default() -> Self {
        Self {
            read: ReadConfig::default(),
            labels: None,
            group: None,
            links: true,
        }
    }
}

/// Pictures named by a list, in its order, with or without labels.
///
/// A line has a path, absolute or relative to the list's folder, and if there are labels, one, divided by commas, semicolons, tabs or
/// blanks. The first line may be a head. How lines are divided, whether there is a head, and in which field paths are, is found by what
/// there is: the first division counts that lets the first line name a file, or else the second. With a head the label is in the
/// column called `label`, `class`, `category` or `target`, else in the one behind the path; further columns are not read. Byte order mark,
/// blank lines, either end of line, and compression by gzip or zstd are of no account; quotes are as in RFC 4180.
///
/// Classes are the distinct labels: in the order of their values if all are whole numbers, else of their bytes.
///
/// A picture is opened when its item is asked for. Memory is that of the list while it is read, then of its paths.
#[derive(Debug, Clone)]
pub struct ImageList {
    root: PathBuf,
    config: ImageListConfig,
    paths: Vec<OsString>,
    labels: Vec<Option<u32>>,
    groups: Vec<Option<String>>,
    class_names: Vec<String>,
    ledger: Ledger,
}

impl ImageList {
    /// Reads the list; no picture is opened.
    ///
    /// # Errors
    /// [`DataError::Io`] when the list cannot be read, [`DataError::Line`] with the first line when no line names a file that is there,
    /// or where no path is to lead elsewhere and one is absolute or leads out of the folder by `..`; [`DataError::Format`] for a row that
    /// is not of the format, [`DataError::Empty`] when it names no picture, [`DataError::Config`] for a column that is not there and
    /// as [`ReadConfig`] has it.
    pub fn open(list: impl AsRef<Path>, config: ImageListConfig) -> Result<Self, DataError> {
        let list = list.as_ref();
        let mut bytes = read_file(list)?;
        let start = &bytes[..bytes.len().min(16)];
        if is_compressed(start).map_err(|error| error.at(list))? {
            let mut unpacked = decompressed(BufReader::new(std::io::Cursor::new(bytes)), list)?;
            bytes = Vec::new();
            unpacked
                .read_to_end(&mut bytes)
                .map_err(|source| text_error(list, source))?;
        }
        Self::parse(&bytes, list, config).map_err(|error| error.at(list))
    }

    /// [`ImageList::open`] for the bytes of a list that would lie at `list`.
    ///
    /// # Errors
    /// As [`ImageList::open`].
    pub fn parse(bytes: &[u8], list: &Path, config: ImageListConfig) -> Result<Self, DataError> {
        config.read.validate()?;
        let root = list.parent().unwrap_or(Path::new("")).to_path_buf();
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let packed = [".gz", ".zst", ".zstd"];
        let name = list.file_name().unwrap_or_default().to_string_lossy();
        let name = name.to_ascii_lowercase();
        let name = packed
            .iter()
            .find_map(|ending| name.strip_suffix(ending))
            .unwrap_or(&name);
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        let place = Place {
            root: &root,
            links: config.links,
        };
        let mut layout = Layout::find(bytes, ending, |field| place.find(field).is_some())?;
        let mut rows = layout.fields.rows(bytes, usize::MAX)?;
        if layout.head.is_some() {
            rows.remove(0);
        }
        if rows.is_empty() {
            return Err(DataError::Empty {
                path: list.to_path_buf(),
                what: "paths",
                ignored: 0,
            });
        }
        match &config.labels {
            Some(name) => layout.label = Some(layout.column("data.labels", name)?),
            None => layout.settle(&rows),
        }
        let group = config.group.as_deref();
        let group = group
            .map(|name| layout.column("data.group", name))
            .transpose()?;
        let paths = place.paths(&rows, layout.path)?;
        let cells = |column: Option<usize>| -> Vec<Option<String>> {
            let cell = |row: &Row| {
                Some(row.1.get(column?)?)
                    .filter(|cell| !cell.is_empty())
                    .map(|cell| text(cell))
            };
            rows.iter().map(cell).collect()
        };
        let (labels, groups) = (cells(layout.label), cells(group));
        let classes = classes(&labels);
        let mut ledger = classes.ledger;
        let mut without = rows
            .iter()
            .zip(&labels)
            .filter(|(_, label)| label.is_none());
        if !classes.names.is_empty() {
            let count = without.clone().count();
            let remark = Remark::new("lines", count, "have no label").of(rows.len());
            ledger.add(remark.examples(without.by_ref().map(|(row, _)| format!("line {}", row.0))));
        }
        let width = rows
            .iter()
            .map(|(_, fields)| fields.len())
            .max()
            .unwrap_or(0);
        let used = [Some(layout.path), layout.label, group];
        let unread = (0..width).filter(|column| !used.contains(&Some(*column)));
        let called = |column: usize| match layout.head.as_ref().and_then(|head| head.get(column)) {
            Some(name) => name.clone(),
            None => format!("column {}", column + 1),
        };
        let unread: Vec<String> = unread.map(called).collect();
        let becomes = match layout.label.filter(|label| *label < width) {
            Some(label) => format!("are not read; the label is in {}", called(label)),
            None => "are not read".to_owned(),
        };
        let remark = Remark::new("columns of the list", unread.len(), becomes).of(width);
        ledger.add(remark.examples(unread).key("data.labels = \"COLUMN\""));
        Ok(Self {
            root,
            config,
            paths,
            labels: classes.numbers,
            groups,
            class_names: classes.names,
            ledger,
        })
    }

    /// Whether a file is a list of pictures by its first lines: one of the first two names a file with the ending of a picture.
    pub fn is_one(path: impl AsRef<Path>) -> bool {
        let path = path.as_ref();
        let start = File::open(path).and_then(|file| first(file, 1 << 16));
        let mut start = start.unwrap_or_default();
        if let Some(end) = start.iter().rposition(|byte| *byte == b'\n') {
            start.truncate(end);
        }
        let list = Self::parse(&start, path, ImageListConfig::default());
        let is_picture = |name: &OsString| {
            let ending = Path::new(name).extension().unwrap_or_default();
            let ending = ending.to_string_lossy().to_ascii_lowercase();
            ImageFolder::ENDINGS.contains(&ending.as_str())
        };
        list.is_ok_and(|list| list.paths.iter().take(2).any(is_picture))
    }

    /// The path of item `index`.
    ///
    /// # Panics
    /// If there is no such item.
    pub fn path(&self, index: usize) -> PathBuf {
        self.root.join(&self.paths[index])
    }

    /// The path, if it is that of a regular file, and of one within the list's folder unless links are followed.
    fn checked(&self, index: usize) -> Result<PathBuf, DataError> {
        let path = self.path(index);
        let canonical = |path: &Path| {
            path.canonicalize()
                .map_err(|source| DataError::io(path, source))
        };
        let target = canonical(&path)?;
        if !self.config.links {
            let root = canonical(match self.root.as_os_str() {
                root if root.is_empty() => Path::new("."),
                _ => &self.root,
            })?;
            if !target.starts_with(&root) {
                return Err(DataError::OutsideRoot { path, target, root });
            }
        }
        // Pipes and devices are never opened.
        if !target.is_file() {
            let error = DataError::format("kind", "a regular file", "something else");
            return Err(error.at(&path));
        }
        Ok(path)
    }
}

/// Where the paths of a list begin.
struct Place<'a> {
    root: &'a Path,
    links: bool,
}

impl Place<'_> {
    /// The path that a field means, if a file is there; where none is, backslashes may divide folders.
    fn find(&self, field: &[u8]) -> Option<OsString> {
        let is_there = |path: &OsString| {
            !path.is_empty() && self.may_read(path) && self.root.join(path).is_file()
        };
        let path = path_of(field);
        if is_there(&path) {
            return Some(path);
        }
        field
            .contains(&b'\\')
            .then(|| path_of(&with_slashes(field)))
            .filter(is_there)
    }

    fn may_read(&self, path: &OsString) -> bool {
        let within = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        self.links || Path::new(path).components().all(within)
    }

    /// The paths of all rows.
    fn paths(&self, rows: &[Row], column: usize) -> Result<Vec<OsString>, DataError> {
        let field = |row: &Row| row.1.get(column).cloned().unwrap_or_default();
        let wrong = |row: &Row, expected: &str| DataError::Line {
            path: crate::error::memory(),
            line: row.0,
            what: "path".into(),
            expected: expected.into(),
            got: format!("{:?}", text(&row.1.join(&b' '))),
        };
        let mut any = false;
        let mut paths = Vec::with_capacity(rows.len());
        for row in rows {
            let field = field(row);
            let as_written = path_of(&field);
            if !self.may_read(&as_written) {
                return Err(wrong(
                    row,
                    "one below the list's folder; `data.links = true` allows others",
                ));
            }
            // One that is there shows that the list was understood; where backslashes may divide folders, each is looked for.
            let look = !any || field.contains(&b'\\');
            let found = if look { self.find(&field) } else { None };
            any |= found.is_some();
            paths.push(found.unwrap_or(as_written));
        }
        match rows.first() {
            Some(first) if !any => Err(wrong(
                first,
                "a file that is there, absolute or relative to the list's folder: a list has a path a line, and a label behind a comma, \
                 tab or blank, with or without a head such as path,label",
            )),
            _ => Ok(paths),
        }
    }
}

fn with_slashes(field: &[u8]) -> Vec<u8> {
    let slash = |byte: &u8| if *byte == b'\\' { b'/' } else { *byte };
    field.iter().map(slash).collect()
}

/// A path from its bytes.
fn path_of(field: &[u8]) -> OsString {
    #[cfg(unix)]
    return std::os::unix::ffi::OsStringExt::from_vec(field.to_vec());
    #[cfg(not(unix))]
    return text(field).into();
}

impl Dataset<ImageItem, DataError> for ImageList {
    fn get(&self, index: usize) -> Result<ImageItem, DataError> {
        Ok(ImageItem {
            image: self.config.read.file(&self.checked(index)?)?,
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
        shown(&self.paths[index])
    }

    fn group(&self, index: usize) -> Option<String> {
        self.groups[index].clone()
    }

    fn ledger(&self) -> Ledger {
        self.ledger.clone()
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

    fn start(&self, index: usize, most: usize) -> Result<Vec<u8>, DataError> {
        let path = self.checked(index)?;
        let start = File::open(&path).and_then(|file| first(file, most));
        start.map_err(|source| DataError::io(&path, source))
    }
}
