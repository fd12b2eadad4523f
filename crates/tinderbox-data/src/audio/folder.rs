//! A folder of sound.

use std::path::Path;

use burn::data::dataset::Dataset;

use super::{AudioItem, AudioLimits, decode};
use crate::class_folder::{ClassFolder, FileKind, Options};
use crate::{Content, DataError, Labelled, Ledger};

const SOUND: FileKind = FileKind {
    what: "WAV or FLAC files",
    endings: &["flac", "wav", "wave"],
};

/// How an [`AudioFolder`] reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioFolderConfig {
    /// How large a clip may be.
    pub limits: AudioLimits,
    /// Whether the folders of the first level are the classes.
    pub labels: bool,
    /// Whether links that lead out of the folder are followed; false for data from strangers.
    pub links: bool,
    /// Whether each clip is mixed down to one channel, the mean of all; else it keeps those it has.
    pub mono: bool,
}

impl Default for AudioFolderConfig {
    /// Labels from folders, clips of one channel.
    fn default() -> Self {
        Self {
            limits: AudioLimits::default(),
            labels: true,
            links: true,
            mono: true,
        }
    }
}

/// The WAV and FLAC files below a folder, however deep, in the order of the bytes of their relative paths.
///
/// The names of the first level's folders are the classes, sorted by bytes; a file beside them has no label. What is not read is in
/// the ledger: hidden files and folders (a dot first), files of other kinds, pipes and devices. A link to a file counts as a file; a link to
/// a folder outside is followed, one to a folder within is not, since its files are found where they are.
///
/// Clips keep their sample rates and lengths; an [`AudioPreprocess`](super::AudioPreprocess) makes these equal.
///
/// A file is decoded when its item is asked for, so that one that cannot be read costs one item.
#[derive(Debug, Clone)]
pub struct AudioFolder {
    config: AudioFolderConfig,
    folder: ClassFolder,
}

impl AudioFolder {
    /// Lists the folder.
    ///
    /// # Errors
    /// [`DataError::Io`] when a folder cannot be listed, [`DataError::OutsideRoot`] for a link that leads outside if none is to be followed, [`DataError::Empty`] when
    /// there is no such file.
    pub fn open(root: impl AsRef<Path>, config: AudioFolderConfig) -> Result<Self, DataError> {
        let options = Options {
            labels: config.labels,
            links: config.links,
            index: None,
        };
        let folder = ClassFolder::open(root.as_ref(), SOUND, options)?;
        Ok(Self { config, folder })
    }

    /// How many files were ignored because they are neither WAV nor FLAC nor hidden.
    pub fn ignored(&self) -> usize {
        self.folder.ignored()
    }

    /// The path of item `index`.
    ///
    /// # Panics
    /// If there is no such item.
    pub fn path(&self, index: usize) -> &Path {
        self.folder.path(index)
    }
}

impl Dataset<AudioItem, DataError> for AudioFolder {
    fn get(&self, index: usize) -> Result<AudioItem, DataError> {
        let limits = &self.config.limits;
        let bytes = self.folder.read(index, limits.max_bytes)?;
        let mut clip = decode(&bytes, limits).map_err(|error| error.at(self.path(index)))?;
        if self.config.mono {
            clip = clip.mono();
        }
        Ok(AudioItem {
            clip,
            label: self.label(index),
            id: self.id(index),
        })
    }

    fn len(&self) -> usize {
        self.folder.len()
    }
}

impl Labelled for AudioFolder {
    fn label(&self, index: usize) -> Option<u32> {
        self.folder.label(index)
    }

    fn class_names(&self) -> &[String] {
        self.folder.class_names()
    }

    fn id(&self, index: usize) -> String {
        self.folder.id(index)
    }

    fn group(&self, index: usize) -> Option<String> {
        self.folder.group(index)
    }

    fn ledger(&self) -> Ledger {
        self.folder.ledger()
    }
}

impl Content for AudioFolder {
    /// The bytes of the file.
    fn content(&self, index: usize, sink: &mut dyn FnMut(&[u8])) -> Result<(), DataError> {
        self.folder.content(index, sink)
    }
}
