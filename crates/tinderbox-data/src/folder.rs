//! A folder of pictures.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use burn::data::dataset::Dataset;
use fast_image_resize::images::Image as Canvas;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::listing::Listing;
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
    listing: Listing,
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
        let listing = Listing::new(root.as_ref(), &ENDINGS, "PNG or JPEG files", config.labels)?;
        Ok(Self { config, listing })
    }

    /// How many files were ignored because they are neither PNG nor JPEG nor hidden.
    pub fn ignored(&self) -> usize {
        self.listing.ignored
    }

    /// The path of item `index`.
    ///
    /// # Panics
    /// If there is no such item.
    pub fn path(&self, index: usize) -> &Path {
        &self.listing.files[index].path
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
        let entry = &self.listing.files[index];
        Ok(ImageItem {
            image: self.read(&entry.path)?,
            label: entry.label,
            id: entry.id.clone(),
        })
    }

    fn len(&self) -> usize {
        self.listing.files.len()
    }
}

impl Labelled for ImageFolder {
    fn label(&self, index: usize) -> Option<u32> {
        self.listing.files[index].label
    }

    fn class_names(&self) -> &[String] {
        &self.listing.class_names
    }

    fn id(&self, index: usize) -> String {
        self.listing.files[index].id.clone()
    }
}

impl Content for ImageFolder {
    /// The bytes of the file.
    fn content(&self, index: usize, sink: &mut dyn FnMut(&[u8])) -> Result<(), DataError> {
        self.listing.files[index].content(sink)
    }
}
