//! The run directory: one folder that holds everything of a run, for one process at a time.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::error::TrainError;

const LOCK: &str = "LOCK";

/// A run directory, locked by this process for as long as the value lives.
///
/// A process that dies leaves no lock behind: the operating system releases it.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    _lock: File,
}

impl RunDir {
    /// Makes the directory and locks it.
    ///
    /// # Errors
    /// [`TrainError::Exists`] if there is one already, unless it is an empty folder.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self, TrainError> {
        let path = path.into();
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(TrainError::io("creating", parent))?;
        }
        match fs::create_dir(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                let empty = fs::read_dir(&path)
                    .map(|mut entries| entries.next().is_none())
                    .unwrap_or(false);
                if !empty {
                    return Err(TrainError::Exists { path });
                }
            }
            Err(error) => return Err(TrainError::io("creating", &path)(error)),
        }
        Self::open(path)
    }

    /// Locks a directory that exists.
    ///
    /// # Errors
    /// [`TrainError::Locked`] if another process works on it.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, TrainError> {
        let path = path.into();
        let lock_path = path.join(LOCK);
        let mut lock = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock_path)
            .map_err(TrainError::io("opening", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = lock.take(64).read_to_string(&mut holder);
                return Err(TrainError::Locked {
                    path,
                    holder: holder.trim().to_string(),
                });
            }
            Err(TryLockError::Error(error)) => {
                return Err(TrainError::io("locking", &lock_path)(error));
            }
        }
        let write = |lock: &mut File| -> std::io::Result<()> {
            lock.set_len(0)?;
            lock.rewind()?;
            writeln!(lock, "{}", std::process::id())
        };
        write(&mut lock).map_err(TrainError::io("writing", &lock_path))?;
        Ok(Self { path, _lock: lock })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path inside the directory.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file whole or not at all.
    ///
    /// # Errors
    /// What the file system says; the file that was there before stays.
    pub fn write(&self, name: impl AsRef<Path>, bytes: &[u8]) -> Result<(), TrainError> {
        write_atomic(&self.path.join(name), bytes)
    }
}

/// Writes a file under a temporary name, syncs it, and renames it into place.
///
/// # Errors
/// What the file system says; the file that was there before stays.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    let as_io = |error: burn_pack::Error| {
        TrainError::io("writing", path)(std::io::Error::other(error.to_string()))
    };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(TrainError::io("creating", parent))?;
    }
    let (target, mut file) = burn_pack::AtomicFile::create(path).map_err(as_io)?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(TrainError::io("writing", path))?;
    drop(file);
    target.commit().map_err(as_io)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_refused_and_a_released_lock_is_free() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("run");
        let first = RunDir::create(&path).unwrap();
        match RunDir::open(&path) {
            Err(TrainError::Locked { holder, .. }) => {
                assert_eq!(holder, std::process::id().to_string());
            }
            other => panic!("expected a lock, got {other:?}"),
        }
        drop(first);
        RunDir::open(&path).unwrap();
    }

    #[test]
    fn an_existing_directory_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("run");
        let run = RunDir::create(&path).unwrap();
        run.write("a/b.txt", b"x").unwrap();
        drop(run);
        assert!(matches!(
            RunDir::create(&path),
            Err(TrainError::Exists { .. })
        ));
    }
}
