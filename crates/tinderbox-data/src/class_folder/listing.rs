//! Walking over a folder, a level of folders at a time, each level in parallel.

use std::ffi::OsString;
use std::fs::{DirEntry, FileType};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rayon::prelude::*;

use super::FileKind;
use crate::DataError;

/// What a folder holds, however deep.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Listing {
    /// The files' paths relative to the root with `/` between folders, in the order of their bytes.
    pub(super) files: Vec<OsString>,
    /// Other files.
    pub(super) ignored: usize,
    /// All folders, the root as an empty path, with the time of their last change.
    pub(super) folders: Vec<(OsString, Duration)>,
    /// Whether any file is a link.
    pub(super) has_links: bool,
}

/// Lists all files of the kind, by as many threads as rayon has.
pub(super) fn list(root: &Path, kind: FileKind) -> Result<Listing, DataError> {
    let canonical = root
        .canonicalize()
        .map_err(|source| DataError::io(root, source))?;
    let mut all = Listing::default();
    let mut level = vec![OsString::new()];
    while !level.is_empty() {
        let found: Vec<Level> = level
            .into_par_iter()
            .map(|folder| Level::read(root, &canonical, folder, kind))
            .collect::<Result<_, _>>()?;
        level = Vec::new();
        for found in found {
            all.files.extend(found.listing.files);
            all.ignored += found.listing.ignored;
            all.folders.extend(found.listing.folders);
            all.has_links |= found.listing.has_links;
            level.extend(found.below);
        }
    }
    all.files
        .par_sort_unstable_by(|a, b| a.as_encoded_bytes().cmp(b.as_encoded_bytes()));
    Ok(all)
}

/// The time of the last change of a folder: of what it holds, not of what the files in it hold.
pub(super) fn changed(path: &Path) -> Result<Duration, DataError> {
    let time = path.metadata().and_then(|metadata| metadata.modified());
    let time = time.map_err(|source| DataError::io(path, source))?;
    Ok(time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default())
}

/// One folder without those in it.
struct Level {
    listing: Listing,
    below: Vec<OsString>,
}

impl Level {
    fn read(
        root: &Path,
        canonical: &Path,
        folder: OsString,
        wanted: FileKind,
    ) -> Result<Self, DataError> {
        let path = root.join(&folder);
        let io = |source| DataError::io(&path, source);
        // Before its entries are read: what is added meanwhile gives it a later time.
        let time = changed(&path)?;
        let mut level = Self {
            listing: Listing::default(),
            below: Vec::new(),
        };
        for entry in path.read_dir().map_err(io)? {
            let entry = entry.map_err(io)?;
            let name = entry.file_name();
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let mut relative = folder.clone();
            if !folder.is_empty() {
                relative.push("/");
            }
            relative.push(&name);
            let mut kind = entry.file_type().map_err(io)?;
            let is_link = kind.is_symlink();
            if is_link {
                level.listing.has_links = true;
                match resolved(&entry, root, canonical)? {
                    Some(target) if target.is_dir() => continue,
                    Some(target) => kind = target,
                    None => {}
                }
            }
            // A link that leads nowhere is a file that cannot be read; pipes and devices are never opened, whatever their name.
            if kind.is_dir() {
                level.below.push(relative);
            } else if wanted.holds(&name) && (kind.is_file() || kind.is_symlink()) {
                level.listing.files.push(relative);
            } else {
                level.listing.ignored += 1;
            }
        }
        level.listing.folders.push((folder, time));
        Ok(level)
    }
}

/// What a link leads to; `None` where it leads nowhere.
fn resolved(
    entry: &DirEntry,
    root: &Path,
    canonical: &Path,
) -> Result<Option<FileType>, DataError> {
    let path = entry.path();
    let Ok(target) = path.canonicalize() else {
        return Ok(None);
    };
    if !target.starts_with(canonical) {
        return Err(DataError::OutsideRoot {
            path,
            target,
            root: PathBuf::from(root),
        });
    }
    let metadata = target
        .metadata()
        .map_err(|source| DataError::io(&target, source))?;
    Ok(Some(metadata.file_type()))
}
