//! Walking over a folder, a level of folders at a time, each level in parallel.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::DirEntry;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rayon::prelude::*;

use super::FileKind;
use super::passed_over::{PassedOver, Reason};
use crate::DataError;

/// What a folder holds, however deep.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Listing {
    /// The files' paths relative to the root with `/` between folders, in the order of their bytes.
    pub(super) files: Vec<OsString>,
    /// What is not read, and why.
    pub(super) passed_over: PassedOver,
    /// All folders, the root as an empty path, with the time of their last change.
    pub(super) folders: Vec<(OsString, Duration)>,
    /// Whether any file is a link.
    pub(super) has_links: bool,
    /// The links that lead out of the root and are followed.
    pub(super) outside: Vec<OsString>,
}

/// Lists all files of the kind, by as many threads as rayon has. With `links` those that lead out of the root are followed.
///
/// # Errors
/// [`DataError::Io`] when a folder cannot be listed, [`DataError::OutsideRoot`] for a link that leads outside if none is to be followed.
pub(super) fn list(root: &Path, kind: FileKind, links: bool) -> Result<Listing, DataError> {
    let canonical = root
        .canonicalize()
        .map_err(|source| DataError::io(root, source))?;
    let walk = Walk {
        root,
        canonical: &canonical,
        kind,
        links,
    };
    let mut all = Listing::default();
    // Folders that are walked over, by where they really are: each is read once, so that links in a circle end.
    let mut walked = BTreeSet::from([canonical.clone()]);
    let mut level = vec![OsString::new()];
    while !level.is_empty() {
        let found: Vec<Level> = level
            .into_par_iter()
            .map(|folder| walk.level(folder))
            .collect::<Result<_, _>>()?;
        level = Vec::new();
        let mut linked = Vec::new();
        for found in found {
            all.files.extend(found.listing.files);
            all.passed_over.extend(found.listing.passed_over);
            all.folders.extend(found.listing.folders);
            all.has_links |= found.listing.has_links;
            all.outside.extend(found.listing.outside);
            level.extend(found.below);
            linked.extend(found.linked);
        }
        linked.sort();
        for (folder, target) in linked {
            let known = |other: &PathBuf| target.starts_with(other) || other.starts_with(&target);
            if walked.iter().any(known) {
                all.passed_over.add(Reason::FolderElsewhere, &folder);
            } else {
                walked.insert(target);
                all.outside.push(folder.clone());
                level.push(folder);
            }
        }
    }
    all.files
        .par_sort_unstable_by(|a, b| a.as_encoded_bytes().cmp(b.as_encoded_bytes()));
    all.outside.sort_unstable();
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

/// What a walk looks for.
struct Walk<'a> {
    root: &'a Path,
    canonical: &'a Path,
    kind: FileKind,
    links: bool,
}

/// One folder without those in it.
#[derive(Default)]
struct Level {
    listing: Listing,
    below: Vec<OsString>,
    /// Folders outside of the root that links lead to, by the link's path, and where they really are.
    linked: Vec<(OsString, PathBuf)>,
}

/// What a link leads to.
enum Target {
    Nothing,
    FileWithin,
    FileOutside,
    FolderWithin,
    FolderOutside(PathBuf),
    Other,
}

impl Walk<'_> {
    fn level(&self, folder: OsString) -> Result<Level, DataError> {
        let path = self.root.join(&folder);
        let io = |source| DataError::io(&path, source);
        // Before its entries are read: what is added meanwhile gives it a later time.
        let time = changed(&path)?;
        let mut level = Level::default();
        let passed_over = &mut level.listing.passed_over;
        for entry in path.read_dir().map_err(io)? {
            let entry = entry.map_err(io)?;
            let name = entry.file_name();
            let mut relative = folder.clone();
            if !folder.is_empty() {
                relative.push("/");
            }
            relative.push(&name);
            if name.as_encoded_bytes().starts_with(b".") {
                passed_over.add(Reason::Hidden, &relative);
                continue;
            }
            let kind = entry.file_type().map_err(io)?;
            let mut is_file = kind.is_file();
            if kind.is_symlink() {
                level.listing.has_links = true;
                match self.target(&entry)? {
                    // A link that leads nowhere is a file that cannot be read.
                    Target::Nothing | Target::FileWithin => is_file = true,
                    Target::FileOutside => {
                        is_file = true;
                        if self.kind.holds(&name) {
                            level.listing.outside.push(relative.clone());
                        }
                    }
                    Target::FolderWithin => {
                        passed_over.add(Reason::FolderElsewhere, &relative);
                        continue;
                    }
                    Target::FolderOutside(target) => {
                        level.linked.push((relative, target));
                        continue;
                    }
                    Target::Other => {}
                }
            }
            if kind.is_dir() {
                level.below.push(relative);
            } else if !is_file {
                // Pipes and devices are never opened, whatever their name.
                passed_over.add(Reason::NoFile, &relative);
            } else if self.kind.holds(&name) {
                level.listing.files.push(relative);
            } else {
                passed_over.add(Reason::Ending, &relative);
            }
        }
        level.listing.folders.push((folder, time));
        Ok(level)
    }

    fn target(&self, entry: &DirEntry) -> Result<Target, DataError> {
        let path = entry.path();
        let Ok(target) = path.canonicalize() else {
            return Ok(Target::Nothing);
        };
        let within = target.starts_with(self.canonical);
        if !within && !self.links {
            return Err(DataError::OutsideRoot {
                path,
                target,
                root: PathBuf::from(self.root),
            });
        }
        let metadata = target
            .metadata()
            .map_err(|source| DataError::io(&target, source))?;
        Ok(match (metadata.is_dir(), metadata.is_file()) {
            (true, _) if within => Target::FolderWithin,
            (true, _) => Target::FolderOutside(target),
            (_, true) if within => Target::FileWithin,
            (_, true) => Target::FileOutside,
            _ => Target::Other,
        })
    }
}
