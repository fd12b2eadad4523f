//! A folder of pictures.

use std::path::{Path, PathBuf};

use burn::data::dataset::Dataset;

use crate::class_folder::{ClassFolder, FileKind};
use crate::{Content, DataError, DecodeLimits, ImageItem, Labelled, ReadConfig};

const PICTURES: FileKind = FileKind {
    what: "PNG or JPEG files",
    endings: &["jpeg", "jpg", "png"],
};

/// How an [`ImageFolder`] reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFolderConfig {
    /// How large a picture may be.
    pub limits: DecodeLimits,
    /// Whether the folders of the first level are the classes.
    pub labels: bool,
    /// Height and width to which each picture is resized when it is read (bilinear, antialiased), if any.
    pub resize: Option<(usize, usize)>,
    /// As [`ReadConfig`] has it: 1 for grey, 3 for colour, 2 and 4 with alpha, `None` for what each file has.
    pub channels: Option<usize>,
    /// A file that keeps the list of files, if any: a second [`ImageFolder::open`] then looks at the folders alone, unless one of them
    /// has changed. It should not lie in the folder.
    pub index: Option<PathBuf>,
}

impl Default for ImageFolderConfig {
    /// Labels from folders, pictures as they are.
    fn default() -> Self {
        Self {
            limits: DecodeLimits::default(),
            labels: true,
            resize: None,
            channels: None,
            index: None,
        }
    }
}

/// The PNG and JPEG files below a folder, however deep, in the order of the bytes of their relative paths.
///
/// The names of the first level's folders are the classes, sorted by bytes, as far as they hold pictures; a picture beside them has no
/// label. Hidden files and folders (a dot first) are ignored, other files are ignored and counted. A link to a file within the
/// folder counts as a file; a link to a folder within is not followed, since its files are found where they are.
///
/// A file is decoded when its item is asked for, so that one that cannot be read costs one item.
#[derive(Debug, Clone)]
pub struct ImageFolder {
    read: ReadConfig,
    folder: ClassFolder,
}

impl ImageFolder {
    /// Lists the folder.
    ///
    /// # Errors
    /// [`DataError::Io`] when a folder cannot be listed, [`DataError::OutsideRoot`] for a link that leads outside, [`DataError::Empty`] when
    /// there is no picture, [`DataError::Config`] for channels other than 1 to 4 or an empty size.
    pub fn open(root: impl AsRef<Path>, config: ImageFolderConfig) -> Result<Self, DataError> {
        let read = ReadConfig {
            limits: config.limits,
            resize: config.resize,
            channels: config.channels,
        };
        read.validate()?;
        let index = config.index.as_deref();
        let folder = ClassFolder::open(root.as_ref(), PICTURES, config.labels, index)?;
        Ok(Self { read, folder })
    }

    /// How many files were ignored because they are neither PNG nor JPEG nor hidden.
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

impl Dataset<ImageItem, DataError> for ImageFolder {
    fn get(&self, index: usize) -> Result<ImageItem, DataError> {
        Ok(ImageItem {
            image: self.read.file(self.folder.path(index))?,
            label: self.label(index),
            id: self.id(index),
        })
    }

    fn len(&self) -> usize {
        self.folder.len()
    }
}

impl Labelled for ImageFolder {
    fn label(&self, index: usize) -> Option<u32> {
        self.folder.label(index)
    }

    fn class_names(&self) -> &[String] {
        self.folder.class_names()
    }

    fn id(&self, index: usize) -> String {
        self.folder.id(index)
    }
}

impl Content for ImageFolder {
    /// The bytes of the file.
    fn content(&self, index: usize, sink: &mut dyn FnMut(&[u8])) -> Result<(), DataError> {
        self.folder.content(index, sink)
    }
}
