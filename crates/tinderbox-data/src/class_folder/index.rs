//! A listing kept in a file, so that a large folder is not walked over again.
//!
//! A folder's time changes when a file in it is added, removed or renamed. So a listing is right as long as every folder in it
//! has the time that it had: one look at each folder instead of one at each file.

use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::FileKind;
use super::listing::{Listing, changed, list};
use super::passed_over::PassedOver;
use crate::DataError;

/// The version of the file.
const FORMAT_VERSION: u32 = 2;

/// File systems tell times apart that lie so far from each other.
const TICK: Duration = Duration::from_secs(2);

/// The file behind its first line, which is the hash of the rest.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format_version: u32,
    endings: Vec<String>,
    passed_over: PassedOver,
    folders: Vec<(String, Duration)>,
    files: Vec<String>,
}

/// The listing of `root`: that of the file `index` if it still holds, else a new one, which is written there.
///
/// It is not written when it would not be safe to believe: when there are links, whose targets may change elsewhere, names that are
/// not UTF-8, or folders that changed in the last two seconds. That it cannot be written is no error.
pub(super) fn indexed(
    root: &Path,
    kind: FileKind,
    links: bool,
    index: &Path,
) -> Result<Listing, DataError> {
    if let Some(listing) = read(index, kind).filter(|listing| holds(listing, root)) {
        return Ok(listing);
    }
    let began = SystemTime::now();
    let listing = list(root, kind, links)?;
    if let Some(bytes) = bytes(&listing, kind, began) {
        // Under another name first, so that nobody reads half of it.
        let mut other = index.as_os_str().to_owned();
        other.push(format!(".{}.part", std::process::id()));
        let written = std::fs::write(&other, bytes).and_then(|()| std::fs::rename(&other, index));
        if written.is_err() {
            std::fs::remove_file(&other).ok();
        }
    }
    Ok(listing)
}

fn endings(kind: FileKind) -> Vec<String> {
    kind.endings.iter().copied().map(str::to_owned).collect()
}

fn holds(listing: &Listing, root: &Path) -> bool {
    listing
        .folders
        .par_iter()
        .all(|(folder, time)| changed(&root.join(folder)).is_ok_and(|now| now == *time))
}

fn bytes(listing: &Listing, kind: FileKind, began: SystemTime) -> Option<Vec<u8>> {
    let now = began.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let settled = |(_, time): &(OsString, Duration)| *time + TICK < now;
    if listing.has_links || !listing.folders.iter().all(settled) {
        return None;
    }
    let text = |name: &OsString| name.to_str().map(str::to_owned);
    let folder = |(name, time): &(OsString, Duration)| Some((text(name)?, *time));
    let stored = Stored {
        format_version: FORMAT_VERSION,
        endings: endings(kind),
        passed_over: listing.passed_over.clone(),
        folders: listing.folders.iter().map(folder).collect::<Option<_>>()?,
        files: listing.files.iter().map(text).collect::<Option<_>>()?,
    };
    let body = serde_json::to_vec(&stored).ok()?;
    let mut bytes = blake3::hash(&body).to_hex().as_bytes().to_vec();
    bytes.push(b'\n');
    bytes.extend(body);
    Some(bytes)
}

/// The listing in the file, if there is one and its hash is right.
fn read(index: &Path, kind: FileKind) -> Option<Listing> {
    let bytes = crate::inflate::read_file(index).ok()?;
    let (hash, body) = bytes.split_at_checked(65)?;
    if hash != format!("{}\n", blake3::hash(body).to_hex()).as_bytes() {
        return None;
    }
    let stored: Stored = serde_json::from_slice(body).ok()?;
    if stored.format_version != FORMAT_VERSION || stored.endings != endings(kind) {
        return None;
    }
    let folders = stored.folders.into_iter();
    Some(Listing {
        files: stored.files.into_iter().map(OsString::from).collect(),
        passed_over: stored.passed_over,
        folders: folders.map(|(name, time)| (name.into(), time)).collect(),
        has_links: false,
        outside: Vec::new(),
    })
}

// Elsewhere than on Unix a folder cannot be opened to set its time.
#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const PICTURES: FileKind = FileKind {
        what: "pictures",
        endings: &["jpeg", "jpg", "png"],
    };

    /// A folder whose times lie far back.
    fn settled() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("pictures/a/b")).unwrap();
        for name in ["pictures/x.png", "pictures/a/y.jpg", "pictures/a/b/z.JPEG"] {
            std::fs::write(root.path().join(name), "").unwrap();
        }
        std::fs::write(root.path().join("pictures/a/notes.txt"), "").unwrap();
        for name in ["pictures", "pictures/a", "pictures/a/b"] {
            age(&root.path().join(name));
        }
        root
    }

    fn age(folder: &Path) {
        let past = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        std::fs::File::open(folder)
            .unwrap()
            .set_modified(past)
            .unwrap();
    }

    #[test]
    fn a_second_look_reads_the_file_and_not_the_folder() {
        let root = settled();
        let (pictures, index) = (root.path().join("pictures"), root.path().join("index"));
        let first = indexed(&pictures, PICTURES, true, &index).unwrap();
        assert_eq!(first.files, ["a/b/z.JPEG", "a/y.jpg", "x.png"]);
        assert_eq!(first.passed_over.others(), 1);
        assert_eq!(read(&index, PICTURES).as_ref(), Some(&first));
        // A change that leaves the folder's time as it was goes unseen, which shows that the file was read.
        std::fs::write(pictures.join("a/new.png"), "").unwrap();
        age(&pictures.join("a"));
        assert_eq!(indexed(&pictures, PICTURES, true, &index).unwrap(), first);
    }

    #[test]
    fn what_is_added_removed_or_renamed_is_seen() {
        let root = settled();
        let (pictures, index) = (root.path().join("pictures"), root.path().join("index"));
        let mut count = indexed(&pictures, PICTURES, true, &index)
            .unwrap()
            .files
            .len();
        let changes: [(&dyn Fn(), isize); 4] = [
            (
                &|| std::fs::write(pictures.join("a/b/new.png"), "").unwrap(),
                1,
            ),
            (
                &|| std::fs::remove_file(pictures.join("a/b/new.png")).unwrap(),
                -1,
            ),
            (
                &|| std::fs::rename(pictures.join("x.png"), pictures.join("x.txt")).unwrap(),
                -1,
            ),
            (
                &|| std::fs::remove_dir_all(pictures.join("a/b")).unwrap(),
                -1,
            ),
        ];
        for (change, difference) in changes {
            change();
            count = count.checked_add_signed(difference).unwrap();
            assert_eq!(
                indexed(&pictures, PICTURES, true, &index)
                    .unwrap()
                    .files
                    .len(),
                count
            );
        }
        // The folder has just changed, so this listing was not written over the old one.
        assert_ne!(read(&index, PICTURES).unwrap().files.len(), count);
    }

    #[test]
    fn a_damaged_file_is_made_anew() {
        let root = settled();
        let (pictures, index) = (root.path().join("pictures"), root.path().join("index"));
        let right = indexed(&pictures, PICTURES, true, &index).unwrap();
        let whole = std::fs::read(&index).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            std::fs::write(&index, &damaged).unwrap();
            assert!(read(&index, PICTURES).is_none(), "{at}");
            std::fs::write(&index, &whole[..at]).unwrap();
            assert!(read(&index, PICTURES).is_none(), "{at}");
        }
        assert_eq!(indexed(&pictures, PICTURES, true, &index).unwrap(), right);
        assert_eq!(std::fs::read(&index).unwrap(), whole);
    }

    #[test]
    fn folders_with_links_are_walked_over_each_time() {
        let root = settled();
        let (pictures, index) = (root.path().join("pictures"), root.path().join("index"));
        std::os::unix::fs::symlink("x.png", pictures.join("link.png")).unwrap();
        age(&pictures);
        assert_eq!(
            indexed(&pictures, PICTURES, true, &index)
                .unwrap()
                .files
                .len(),
            4
        );
        assert!(!index.exists());
    }
}
