//! The files of some kind below a folder, with the folders of the first level as classes.

mod index;
mod listing;

use std::ffi::{OsStr, OsString};
use std::fs::File;
#[cfg(any(feature = "audio", feature = "text"))]
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::fingerprint::pieces;
use crate::{Content, DataError, Labelled};
use index::indexed;
use listing::list;

/// The kind of files that a [`ClassFolder`] holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileKind {
    /// What they are called in an error.
    pub(crate) what: &'static str,
    /// The endings of their names, in any case.
    pub(crate) endings: &'static [&'static str],
}

impl FileKind {
    fn holds(&self, name: &OsStr) -> bool {
        let ending = Path::new(name).extension();
        ending.is_some_and(|ending| {
            let mut known = self.endings.iter();
            known.any(|known| ending.eq_ignore_ascii_case(known))
        })
    }
}

/// The files of one kind below a folder, however deep, in the order of the bytes of their relative paths.
///
/// The names of the first level's folders are the classes, sorted by bytes, as far as they hold such files; a file beside them has no
/// label. Hidden files and folders (a dot first) are ignored, other files are ignored and counted. A link to a file within the
/// folder counts as a file; a link to a folder within is not followed, since its files are found where they are.
#[derive(Debug, Clone)]
pub(crate) struct ClassFolder {
    root: PathBuf,
    files: Vec<Entry>,
    class_names: Vec<String>,
    ignored: usize,
}

#[derive(Debug, Clone)]
struct Entry {
    path: PathBuf,
    label: Option<u32>,
}

impl ClassFolder {
    /// Lists the folder, or takes the list in the file `index` if it still holds; without `labels` there are no classes.
    ///
    /// # Errors
    /// [`DataError::Io`] when a folder cannot be listed, [`DataError::OutsideRoot`] for a link that leads outside, [`DataError::Empty`] when
    /// there is no such file.
    pub(crate) fn open(
        root: &Path,
        kind: FileKind,
        labels: bool,
        index: Option<&Path>,
    ) -> Result<Self, DataError> {
        let listing = match index {
            Some(index) => indexed(root, kind, index)?,
            None => list(root, kind)?,
        };
        if listing.files.is_empty() {
            return Err(DataError::Empty {
                path: root.to_path_buf(),
                what: kind.what,
                ignored: listing.ignored,
            });
        }
        let (labels, class_names) = classes(&listing.files, labels);
        let paths = listing.files.iter().map(|name| root.join(name));
        let files = paths.zip(labels).map(|(path, label)| Entry { path, label });
        Ok(Self {
            root: root.to_path_buf(),
            files: files.collect(),
            class_names,
            ignored: listing.ignored,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// How many files are neither of the kind nor hidden.
    pub(crate) fn ignored(&self) -> usize {
        self.ignored
    }

    /// # Panics
    /// If there is no such item.
    pub(crate) fn path(&self, index: usize) -> &Path {
        &self.files[index].path
    }

    /// The bytes of a file, unless it is larger than `limit`.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::TooLarge`].
    ///
    /// # Panics
    /// If there is no such item.
    #[cfg(any(feature = "audio", feature = "text"))]
    pub(crate) fn read(&self, index: usize, limit: u64) -> Result<Vec<u8>, DataError> {
        let path = self.path(index);
        let io = |source| DataError::io(path, source);
        let file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        if length > limit {
            return Err(DataError::TooLarge {
                path: path.to_path_buf(),
                what: "size of the file in bytes",
                limit,
                got: length,
            });
        }
        let mut bytes = Vec::with_capacity(length as usize);
        file.take(length).read_to_end(&mut bytes).map_err(io)?;
        Ok(bytes)
    }
}

/// The number of each file's class, which is its folder of the first level, and the names of the classes by number.
fn classes(files: &[OsString], wanted: bool) -> (Vec<Option<u32>>, Vec<String>) {
    fn class(name: &OsString) -> Option<&[u8]> {
        let name = name.as_encoded_bytes();
        let slash = name.iter().position(|byte| *byte == b'/')?;
        Some(&name[..slash])
    }
    if !wanted {
        return (vec![None; files.len()], Vec::new());
    }
    let mut names: Vec<&[u8]> = files.iter().filter_map(class).collect();
    names.sort_unstable();
    names.dedup();
    let number = |name: &OsString| names.binary_search(&class(name)?).ok();
    let labels = files
        .iter()
        .map(|name| number(name).map(|number| number as u32))
        .collect();
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    (labels, names.into_iter().map(text).collect())
}

impl Labelled for ClassFolder {
    fn label(&self, index: usize) -> Option<u32> {
        self.files[index].label
    }

    fn class_names(&self) -> &[String] {
        &self.class_names
    }

    fn id(&self, index: usize) -> String {
        let path = self.path(index);
        let relative = path.strip_prefix(&self.root).unwrap_or(path);
        relative.to_string_lossy().into_owned()
    }
}

impl Content for ClassFolder {
    /// The bytes of the file.
    fn content(&self, index: usize, sink: &mut dyn FnMut(&[u8])) -> Result<(), DataError> {
        let path = self.path(index);
        let io = |source| DataError::io(path, source);
        pieces(File::open(path).map_err(io)?, None, sink).map_err(io)
    }
}
