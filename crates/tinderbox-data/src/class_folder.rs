//! The files of some kind below a folder, with the folders of the first level as classes.

mod index;
mod listing;
mod passed_over;

use std::ffi::{OsStr, OsString};
use std::fs::File;
#[cfg(any(feature = "audio", feature = "text"))]
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::fingerprint::pieces;
use crate::odd_name::{is_text, shown};
use crate::same_value::Spellings;
use crate::{Content, DataError, Labelled, Ledger, Remark};
use index::indexed;
use listing::list;

/// The kind of files that a [`ClassFolder`] holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileKind {
    /// What they are called in an error.
    pub(crate) what: &'static str,
    /// The endings of their names, in any case, such as `txt` or `txt.gz`.
    pub(crate) endings: &'static [&'static str],
}

impl FileKind {
    fn holds(&self, name: &OsStr) -> bool {
        let name = name.as_encoded_bytes();
        self.endings.iter().any(|ending| {
            let at = name.len().checked_sub(ending.len() + 1);
            at.is_some_and(|at| {
                at > 0 && name[at] == b'.' && name[at + 1..].eq_ignore_ascii_case(ending.as_bytes())
            })
        })
    }
}

/// How a [`ClassFolder`] is listed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options<'a> {
    /// Whether the folders of the first level are the classes.
    pub(crate) labels: bool,
    /// Whether links that lead out of the folder are followed.
    pub(crate) links: bool,
    /// A file that keeps the list of files, if any.
    pub(crate) index: Option<&'a Path>,
}

/// The files of one kind below a folder, however deep, in the order of the bytes of their relative paths.
///
/// The names of the first level's folders are the classes, sorted by bytes, as far as they hold such files; spellings of the same value, such
/// as an accent that is part of its letter or follows it, are one class. A file beside them has no label. Hidden files and folders (a dot
/// first), files of other kinds, pipes and devices are ignored. A link to a file counts as a file; a link to a folder outside is followed,
/// one to a folder within is not, since its files are found where they are. The ledger tells all of this.
#[derive(Debug, Clone)]
pub(crate) struct ClassFolder {
    root: PathBuf,
    files: Vec<Entry>,
    class_names: Vec<String>,
    ignored: usize,
    ledger: Ledger,
}

#[derive(Debug, Clone)]
struct Entry {
    path: PathBuf,
    label: Option<u32>,
}

impl ClassFolder {
    /// Lists the folder, or takes the list in the file `index` if it still holds.
    ///
    /// # Errors
    /// [`DataError::Io`] when a folder cannot be listed, [`DataError::OutsideRoot`] for a link that leads outside if none is to be followed,
    /// [`DataError::Empty`] when there is no such file.
    pub(crate) fn open(
        root: &Path,
        kind: FileKind,
        options: Options<'_>,
    ) -> Result<Self, DataError> {
        let listing = match options.index {
            Some(index) => indexed(root, kind, options.links, index)?,
            None => list(root, kind, options.links)?,
        };
        let ignored = listing.passed_over.others();
        if listing.files.is_empty() {
            return Err(DataError::Empty {
                path: root.to_path_buf(),
                what: kind.what,
                ignored,
            });
        }
        let mut ledger = listing.passed_over.ledger(kind);
        let (labels, class_names) = classes(&listing.files, options.labels, &mut ledger);
        let outside = listing.outside.iter().map(|name| shown(name));
        let becomes = "lead out of the folder, and are followed";
        ledger.add(
            Remark::new("links", listing.outside.len(), becomes)
                .examples(outside)
                .key("data.links = false"),
        );
        let odd = || listing.files.iter().filter(|name| !is_text(name));
        let becomes = "have names that are not UTF-8; their ids have \\xE9 for such a byte";
        ledger.add(
            Remark::new("files", odd().count(), becomes).examples(odd().map(|name| shown(name))),
        );
        let paths = listing.files.iter().map(|name| root.join(name));
        let files = paths.zip(labels).map(|(path, label)| Entry { path, label });
        Ok(Self {
            root: root.to_path_buf(),
            files: files.collect(),
            class_names,
            ignored,
            ledger,
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
fn classes(
    files: &[OsString],
    wanted: bool,
    ledger: &mut Ledger,
) -> (Vec<Option<u32>>, Vec<String>) {
    if !wanted {
        return (vec![None; files.len()], Vec::new());
    }
    let folders: Vec<Option<String>> = files.iter().map(folder).collect();
    let spellings = Spellings::of(folders.iter().flatten().map(String::as_str));
    let names = spellings.names();
    let number = |folder: &Option<String>| {
        names
            .binary_search(&spellings.name(folder.as_deref()?))
            .ok()
    };
    let labels: Vec<Option<u32>> = folders
        .iter()
        .map(|folder| number(folder).map(|number| number as u32))
        .collect();
    ledger.add(spellings.remark("folders"));
    if !names.is_empty() {
        let beside = || {
            files
                .iter()
                .zip(&labels)
                .filter(|(_, label)| label.is_none())
        };
        let becomes = "have no label: they lie beside the folders of the classes";
        let remark = Remark::new("files", beside().count(), becomes).of(files.len());
        ledger.add(remark.examples(beside().map(|(name, _)| shown(name))));
    }
    (labels, names.into_iter().map(str::to_owned).collect())
}

/// The folder of the first level that a file lies in.
fn folder(file: &OsString) -> Option<String> {
    let first = Path::new(file).components().next()?;
    (first.as_os_str().len() < file.len()).then(|| shown(first.as_os_str()))
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
        shown(relative.as_os_str())
    }

    /// The folder below that of the class, whatever the class.
    fn group(&self, index: usize) -> Option<String> {
        let path = self.path(index);
        let relative = path.strip_prefix(&self.root).unwrap_or(path);
        let mut folders = relative.parent()?.components();
        folders.nth(1).map(|folder| shown(folder.as_os_str()))
    }

    fn ledger(&self) -> Ledger {
        self.ledger.clone()
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
