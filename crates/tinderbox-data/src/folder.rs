//! A folder of pictures.

use std::fs::File;
use std::path::{Path, PathBuf};

use burn::data::dataset::Dataset;

use crate::class_folder::{ClassFolder, FileKind, Options};
use crate::fingerprint::first;
use crate::{
    Background, Content, DataError, DecodeLimits, ImageItem, Labelled, Ledger, ReadConfig,
};

const PICTURES: FileKind = FileKind {
    what: "PNG, JPEG, GIF, WebP or BMP files",
    endings: ImageFolder::ENDINGS,
};

/// How an [`ImageFolder`] reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFolderConfig {
    /// How large a picture may be.
    pub limits: DecodeLimits,
    /// Whether the folders of the first level are the classes.
    pub labels: bool,
    /// Whether links that lead out of the folder are followed; false for data from strangers.
    pub links: bool,
    /// Height and width to which each picture is resized when it is read (bilinear, antialiased), if any.
    pub resize: Option<(usize, usize)>,
    /// As [`ReadConfig`] has it: 1 for grey, 3 for colour, 2 and 4 with alpha, `None` for what each file has.
    pub channels: Option<usize>,
    /// What transparent pixels are laid over.
    pub background: Background,
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
            links: true,
            resize: None,
            channels: None,
            background: Background::default(),
            index: None,
        }
    }
}

/// The pictures below a folder (files with one of [`ENDINGS`](Self::ENDINGS)), however deep, in the order of the bytes of their relative paths.
///
/// The names of the first level's folders are the classes, sorted by bytes; a file beside them has no label. What is not read is in
/// the ledger: hidden files and folders (a dot first), files of other kinds, pipes and devices. A link to a file counts as a file; a link to
/// a folder outside is followed, one to a folder within is not, since its files are found where they are.
///
/// A file is decoded when its item is asked for, so that one that cannot be read costs one item.
#[derive(Debug, Clone)]
pub struct ImageFolder {
    read: ReadConfig,
    folder: ClassFolder,
}

impl ImageFolder {
    /// The endings of pictures, in any case. Which format a file has, its content decides.
    pub const ENDINGS: &'static [&'static str] = &[
        "apng", "bmp", "dib", "gif", "jfif", "jif", "jpe", "jpeg", "jpg", "png", "webp",
    ];

    /// Lists the folder.
    ///
    /// # Errors
    /// [`DataError::Io`] when a folder cannot be listed, [`DataError::OutsideRoot`] for a link that leads outside if none is to be followed, [`DataError::Empty`] when
    /// there is no picture, [`DataError::Config`] for channels other than 1 to 4 or an empty size.
    pub fn open(root: impl AsRef<Path>, config: ImageFolderConfig) -> Result<Self, DataError> {
        let read = ReadConfig {
            limits: config.limits,
            resize: config.resize,
            channels: config.channels,
            background: config.background,
        };
        read.validate()?;
        let options = Options {
            labels: config.labels,
            links: config.links,
            index: config.index.as_deref(),
        };
        let folder = ClassFolder::open(root.as_ref(), PICTURES, options)?;
        Ok(Self { read, folder })
    }

    /// How many files were ignored because they are no pictures by their endings, but for hidden ones.
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

    fn group(&self, index: usize) -> Option<String> {
        self.folder.group(index)
    }

    fn ledger(&self) -> Ledger {
        self.folder.ledger()
    }
}

impl Content for ImageFolder {
    /// The bytes of the file.
    fn content(&self, index: usize, sink: &mut dyn FnMut(&[u8])) -> Result<(), DataError> {
        self.folder.content(index, sink)
    }

    fn start(&self, index: usize, most: usize) -> Result<Vec<u8>, DataError> {
        let path = self.folder.path(index);
        let start = File::open(path).and_then(|file| first(file, most));
        start.map_err(|source| DataError::io(path, source))
    }
}
