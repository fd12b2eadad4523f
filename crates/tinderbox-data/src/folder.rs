//! A folder of pictures.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use burn::data::dataset::Dataset;
use fast_image_resize::images::Image as Canvas;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use walkdir::WalkDir;

use crate::views::resize;
use crate::{Content, DataError, DecodeLimits, Image, ImageItem, Labelled, Pixels, decode};

/// File names with these endings are pictures, in any case.
const ENDINGS: [&str; 3] = ["jpeg", "jpg", "png"];

/// How an [`ImageFolder`] reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFolderConfig {
    /// How large a picture may be.
    pub limits: DecodeLimits,
    /// Whether the folders of the first level are the classes.
    pub labels: bool,
    /// Height and width to which each picture is resized when it is read (bilinear, antialiased), if any.
    pub resize: Option<(usize, usize)>,
    /// 1 for grey, 3 for colour, `None` for what each file has.
    pub channels: Option<usize>,
}

impl Default for ImageFolderConfig {
    /// Labels from folders, pictures as they are.
    fn default() -> Self {
        Self {
            limits: DecodeLimits::default(),
            labels: true,
            resize: None,
            channels: None,
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
    config: ImageFolderConfig,
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

impl ImageFolder {
    /// Lists the folder.
    ///
    /// # Errors
    /// [`DataError::Io`] when a folder cannot be listed, [`DataError::OutsideRoot`] for a link that leads outside, [`DataError::Empty`] when
    /// there is no picture, [`DataError::Config`] for channels other than 1 and 3 or an empty size.
    pub fn open(root: impl AsRef<Path>, config: ImageFolderConfig) -> Result<Self, DataError> {
        if let Some(channels) = config
            .channels
            .filter(|channels| ![1, 3].contains(channels))
        {
            return Err(DataError::config("channels", "1 or 3", channels));
        }
        if let Some((height, width)) = config.resize
            && (height == 0 || width == 0 || height.max(width) > u16::MAX.into())
        {
            let got = format!("{height} x {width}");
            return Err(DataError::config("resize", "1 to 65,535 pixels", got));
        }
        let root = root.as_ref();
        let (mut relative, ignored) = list(root)?;
        // Components are compared as joined by `/`, on every system.
        relative.sort_by_cached_key(|path| joined(path));
        let class = |path: &Path| -> Option<Vec<u8>> {
            let mut parts = path.iter();
            let first = parts.next()?;
            (config.labels && parts.next().is_some()).then(|| first.as_encoded_bytes().to_vec())
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
                what: "PNG or JPEG files",
                ignored,
            });
        }
        Ok(Self {
            config,
            files,
            class_names: classes
                .iter()
                .map(|name| String::from_utf8_lossy(name).into_owned())
                .collect(),
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

    fn read(&self, path: &Path) -> Result<Image, DataError> {
        let io = |source| DataError::io(path, source);
        let file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let limit = self.config.limits.max_bytes;
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
        let mut image = decode(&bytes, &self.config.limits).map_err(|error| error.at(path))?;
        if let Some(channels) = self.config.channels {
            image = image.with_channels(channels);
        }
        match self.config.resize {
            Some(size) if size != (image.height, image.width) => {
                resized(image, size).map_err(|error| error.at(path))
            }
            _ => Ok(image),
        }
    }
}

/// The relative paths of all pictures, and how many other files there are.
fn list(root: &Path) -> Result<(Vec<PathBuf>, usize), DataError> {
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
                // A link that leads nowhere is a file that cannot be read, if its name says that it is a picture.
                Err(_) if is_picture(entry.path()) => {}
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
        if is_picture(entry.path()) && (kind.is_file() || kind.is_symlink()) {
            let path = entry.path().strip_prefix(root).unwrap_or(entry.path());
            relative.push(path.to_path_buf());
        } else {
            ignored += 1;
        }
    }
    Ok((relative, ignored))
}

fn is_picture(path: &Path) -> bool {
    path.extension().is_some_and(|ending| {
        ENDINGS
            .iter()
            .any(|known| ending.eq_ignore_ascii_case(known))
    })
}

/// The bytes of a relative path with `/` between its parts.
fn joined(path: &Path) -> Vec<u8> {
    let parts: Vec<&[u8]> = path.iter().map(OsStr::as_encoded_bytes).collect();
    parts.join(&b'/')
}

/// Bytes are resized as bytes, by instructions for them; what has more precision keeps it.
fn resized(image: Image, (height, width): (usize, usize)) -> Result<Image, DataError> {
    let channels = image.channels;
    let kind = match (channels, &image.pixels) {
        (1, Pixels::U8(_)) => PixelType::U8,
        (3, Pixels::U8(_)) => PixelType::U8x3,
        _ => return Ok(resize(image.to_f32(), (height, width))),
    };
    let Pixels::U8(values) = image.pixels else {
        unreachable!("the kind above is one of bytes")
    };
    let failed = |error: &dyn std::fmt::Display| DataError::Decode {
        path: crate::error::memory(),
        message: format!("resizing: {error}"),
    };
    let source = Canvas::from_vec_u8(image.width as u32, image.height as u32, values, kind)
        .map_err(|error| failed(&error))?;
    let mut target = Canvas::new(width as u32, height as u32, kind);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new()
        .resize(&source, &mut target, &options)
        .map_err(|error| failed(&error))?;
    let pixels = Pixels::U8(target.into_vec());
    Ok(Image::new(height, width, channels, pixels))
}

impl Dataset<ImageItem, DataError> for ImageFolder {
    fn get(&self, index: usize) -> Result<ImageItem, DataError> {
        let entry = &self.files[index];
        Ok(ImageItem {
            image: self.read(&entry.path)?,
            label: entry.label,
            id: entry.id.clone(),
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
        self.files[index].id.clone()
    }
}

impl Content for ImageFolder {
    /// The bytes of the file.
    fn content(&self, index: usize, sink: &mut dyn FnMut(&[u8])) -> Result<(), DataError> {
        let path = &self.files[index].path;
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
