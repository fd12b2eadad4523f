//! The files of some kind below a folder, with the folders of the first level as classes.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::{Content, DataError, Labelled};

/// The kind of files that a [`ClassFolder`] holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileKind {
    /// What they are called in an error.
    pub(crate) what: &'static str,
    /// The endings of their names, in any case.
    pub(crate) endings: &'static [&'static str],
}

/// The files of one kind below a folder, however deep, in the order of the bytes of their relative paths.
///
/// The names of the first level's folders are the classes, sorted by bytes, as far as they hold such files; a file beside them has no
/// label. Hidden files and folders (a dot first) are ignored, other files are ignored and counted. A link to a file within the
/// folder counts as a file; a link to a folder within is not followed, since its files are found where they are.
#[derive(Debug, Clone)]
pub(crate) struct ClassFolder {
    files: Vec<Entry>,
    class_names: Vec<String>,
    ignored: usize,
}

#[derive(Debug, Clone)]
struct Entry {
    path: PathBuf,
    id: String,
    label: Option<u32>,
}

impl ClassFolder {
    /// Lists the folder; without `labels` there are no classes.
    ///
    /// # Errors
    /// [`DataError::Io`] when a folder cannot be listed, [`DataError::OutsideRoot`] for a link that leads outside, [`DataError::Empty`] when
    /// there is no such file.
    pub(crate) fn open(root: &Path, kind: FileKind, labels: bool) -> Result<Self, DataError> {
        let (mut relative, ignored) = list(root, kind)?;
        // Components are compared as joined by `/`, on every system.
        relative.sort_by_cached_key(|path| joined(path));
        let class = |path: &Path| -> Option<Vec<u8>> {
            let mut parts = path.iter();
            let first = parts.next()?;
            (labels && parts.next().is_some()).then(|| first.as_encoded_bytes().to_vec())
        };
        let mut classes: Vec<Vec<u8>> = relative.iter().filter_map(|path| class(path)).collect();
        classes.sort();
        classes.dedup();
        let files: Vec<Entry> = relative
            .iter()
            .map(|path| Entry {
                path: root.join(path),
                id: String::from_utf8_lossy(&joined(path)).into_owned(),
                label: class(path)
                    .and_then(|name| classes.binary_search(&name).ok())
                    .map(|number| number as u32),
            })
            .collect();
        if files.is_empty() {
            return Err(DataError::Empty {
                path: root.to_path_buf(),
                what: kind.what,
                ignored,
            });
        }
        Ok(Self {
            files,
            class_names: classes
                .iter()
                .map(|name| String::from_utf8_lossy(name).into_owned())
                .collect(),
            ignored,
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

impl Labelled for ClassFolder {
    fn label(&self, index: usize) -> Option<u32> {
        self.files[index].label
    }

    fn class_names(&self) -> &[String] {
        &self.class_names
    }

    fn id(&self, index: usize) -> String {
        self.files[index].id.clone()
    }
}

impl Content for ClassFolder {
    /// The bytes of the file.
    fn content(&self, index: usize, sink: &mut dyn FnMut(&[u8])) -> Result<(), DataError> {
        let path = self.path(index);
        let io = |source| DataError::io(path, source);
        let mut file = File::open(path).map_err(io)?;
        let mut piece = vec![0; 1 << 16];
        loop {
            match file.read(&mut piece).map_err(io)? {
                0 => return Ok(()),
                length => sink(&piece[..length]),
            }
        }
    }
}

/// The relative paths of all files of the kind, and how many other files there are.
fn list(root: &Path, kind: FileKind) -> Result<(Vec<PathBuf>, usize), DataError> {
    let canonical = root
        .canonicalize()
        .map_err(|source| DataError::io(root, source))?;
    let mut relative = Vec::new();
    let mut ignored = 0;
    let hidden = |name: &OsStr| name.as_encoded_bytes().starts_with(b".");
    let wanted = |path: &Path| has_ending(path, kind.endings);
    let entries = WalkDir::new(root)
        .min_depth(1)
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !hidden(entry.file_name()));
    for entry in entries {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(root).to_path_buf();
            DataError::io(path, error.into())
        })?;
        let mut kind = entry.file_type();
        if kind.is_symlink() {
            match entry.path().canonicalize() {
                Ok(target) if !target.starts_with(&canonical) => {
                    return Err(DataError::OutsideRoot {
                        path: entry.into_path(),
                        target,
                        root: root.to_path_buf(),
                    });
                }
                Ok(target) => {
                    let metadata = target
                        .metadata()
                        .map_err(|source| DataError::io(&target, source))?;
                    kind = metadata.file_type();
                }
                // A link that leads nowhere is a file that cannot be read, if its name says that it is of the kind.
                Err(_) if wanted(entry.path()) => {}
                Err(_) => {
                    ignored += 1;
                    continue;
                }
            }
        }
        if kind.is_dir() {
            continue;
        }
        // Pipes and devices are never opened, whatever their name.
        if wanted(entry.path()) && (kind.is_file() || kind.is_symlink()) {
            let path = entry.path().strip_prefix(root).unwrap_or(entry.path());
            relative.push(path.to_path_buf());
        } else {
            ignored += 1;
        }
    }
    Ok((relative, ignored))
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    path.extension().is_some_and(|ending| {
        endings
            .iter()
            .any(|known| ending.eq_ignore_ascii_case(known))
    })
}

/// The bytes of a relative path with `/` between its parts.
fn joined(path: &Path) -> Vec<u8> {
    let parts: Vec<&[u8]> = path.iter().map(OsStr::as_encoded_bytes).collect();
    parts.join(&b'/')
}
