//! A folder of pictures.

mod index;
mod listing;

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::read::pieces;
use crate::{Content, DataError, DecodeLimits, ImageItem, Labelled, ReadConfig};
use burn::data::dataset::Dataset;
use index::indexed;
use listing::list;

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
    root: PathBuf,
    files: Vec<Entry>,
    class_names: Vec<String>,
    ignored: usize,
}

#[derive(Debug, Clone)]
struct Entry {
    path: PathBuf,
    label: Option<u32>,
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
        let root = root.as_ref();
        let listing = match &config.index {
            Some(index) => indexed(root, index)?,
            None => list(root)?,
        };
        let (relative, ignored) = (listing.files, listing.ignored);
        if relative.is_empty() {
            return Err(DataError::Empty {
                path: root.to_path_buf(),
                what: "PNG or JPEG files",
                ignored,
            });
        }
        let (labels, class_names) = classes(&relative, config.labels);
        let paths = relative.iter().map(|name| root.join(name));
        let files = paths.zip(labels).map(|(path, label)| Entry { path, label });
        Ok(Self {
            read,
            root: root.to_path_buf(),
            files: files.collect(),
            class_names,
            ignored,
        })
    }

    /// How many files were ignored because they are neither PNG nor JPEG nor hidden.
    pub fn ignored(&self) -> usize {
        self.ignored
    }

    /// The path of item `index`.
    ///
    /// # Panics
    /// If there is no such item.
    pub fn path(&self, index: usize) -> &Path {
        &self.files[index].path
    }
}

/// The number of each file's class, which is its folder of the first level, and the names of the classes by number.
fn classes(files: &[OsString], wanted: bool) -> (Vec<Option<u32>>, Vec<String>) {
    fn class(name: &OsString) -> Option<&[u8]> {
        let name = name.as_encoded_bytes();
        let slash = name.iter().position(|byte| *byte == b'/')?;
        Some(&name[..slash])
    }
    if !wanted {
        return (vec![None; files.len()], Vec::new());
    }
    let mut names: Vec<&[u8]> = files.iter().filter_map(class).collect();
    names.sort_unstable();
    names.dedup();
    let number = |name: &OsString| names.binary_search(&class(name)?).ok();
    let labels = files
        .iter()
        .map(|name| number(name).map(|number| number as u32))
        .collect();
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    (labels, names.into_iter().map(text).collect())
}

impl Dataset<ImageItem, DataError> for ImageFolder {
    fn get(&self, index: usize) -> Result<ImageItem, DataError> {
        let entry = &self.files[index];
        Ok(ImageItem {
            image: self.read.file(&entry.path)?,
            label: entry.label,
            id: self.id(index),
        })
    }

    fn len(&self) -> usize {
        self.files.len()
    }
}

impl Labelled for ImageFolder {
    fn label(&self, index: usize) -> Option<u32> {
        self.files[index].label
    }

    fn class_names(&self) -> &[String] {
        &self.class_names
    }

    fn id(&self, index: usize) -> String {
        let path = &self.files[index].path;
        let relative = path.strip_prefix(&self.root).unwrap_or(path);
        relative.to_string_lossy().into_owned()
    }
}

impl Content for ImageFolder {
    /// The bytes of the file.
    fn content(&self, index: usize, sink: &mut dyn FnMut(&[u8])) -> Result<(), DataError> {
        let path = &self.files[index].path;
        let io = |source| DataError::io(path, source);
        let file = File::open(path).map_err(io)?;
        pieces(file, None, sink).map_err(io)
    }
}
