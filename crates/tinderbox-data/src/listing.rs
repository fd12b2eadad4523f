//! Files of one kind below a folder, with the folders of the first level as classes.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::DataError;

/// The files that were looked for, in the order of the bytes of their relative paths.
#[derive(Debug, Clone)]
pub(crate) struct Listing {
    pub(crate) files: Vec<ListedFile>,
    pub(crate) class_names: Vec<String>,
    /// Files that are something else.
    pub(crate) ignored: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct ListedFile {
    pub(crate) path: PathBuf,
    /// The relative path with `/` between its parts.
    pub(crate) id: String,
    pub(crate) label: Option<u32>,
}

impl ListedFile {
    /// Gives the bytes of the file in pieces.
    pub(crate) fn content(&self, sink: &mut dyn FnMut(&[u8])) -> Result<(), DataError> {
        let io = |source| DataError::io(&self.path, source);
        let mut file = File::open(&self.path).map_err(io)?;
        let mut piece = vec![0; 1 << 16];
        loop {
            match file.read(&mut piece).map_err(io)? {
                0 => return Ok(()),
                length => sink(&piece[..length]),
            }
        }
    }
}

impl Listing {
    /// Lists the files below `root` whose names end with one of `endings`, in any case.
    ///
    /// Hidden files and folders (a dot first) are ignored. A link to a file within the folder counts as a file; a link to a folder
    /// within is not followed, since its files are found where they are. With `labels`, the folders of the first level are the
    /// classes, sorted by bytes, as far as they hold such files.
    pub(crate) fn new(
        root: &Path,
        endings: &[&str],
        what: &'static str,
        labels: bool,
    ) -> Result<Self, DataError> {
        let (mut relative, ignored) = relative_paths(root, endings)?;
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
        let files: Vec<ListedFile> = relative
            .iter()
            .map(|path| ListedFile {
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
                what,
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
}

/// The relative paths of all such files, and how many others there are.
fn relative_paths(root: &Path, endings: &[&str]) -> Result<(Vec<PathBuf>, usize), DataError> {
    let canonical = root
        .canonicalize()
        .map_err(|source| DataError::io(root, source))?;
    let mut relative = Vec::new();
    let mut ignored = 0;
    let hidden = |name: &OsStr| name.as_encoded_bytes().starts_with(b".");
    let entries = WalkDir::new(root)
        .min_depth(1)
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !hidden(entry.file_name()));
    for entry in entries {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(root).to_path_buf();
            DataError::io(path, error.into())
        })?;
        let wanted = ends_with(entry.path(), endings);
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
                // A link that leads nowhere is a file that cannot be read, if its name says that it is one of these.
                Err(_) if wanted => {}
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
        if wanted && (kind.is_file() || kind.is_symlink()) {
            let path = entry.path().strip_prefix(root).unwrap_or(entry.path());
            relative.push(path.to_path_buf());
        } else {
            ignored += 1;
        }
    }
    Ok((relative, ignored))
}

fn ends_with(path: &Path, endings: &[&str]) -> bool {
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
