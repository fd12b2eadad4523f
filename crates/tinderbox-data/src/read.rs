//! From a file or the bytes of one to a picture, for every source of pictures.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x3};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

use crate::decode::decode_to;
use crate::error::memory;
use crate::views::resized;
use crate::{Background, DataError, DecodeLimits, Image, Pixels};

/// How pictures are read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadConfig {
    /// How large a picture may be.
    pub limits: DecodeLimits,
    /// Height and width to which each picture is resized when it is read (bilinear, antialiased), if any.
    pub resize: Option<(usize, usize)>,
    /// 1 for grey, 3 for colour, 2 and 4 for the same with alpha (as the last channel; what has none is opaque), `None` for what each
    /// file has, without alpha.
    pub channels: Option<usize>,
    /// What transparent pixels are laid over, where alpha is not kept.
    pub background: Background,
}

impl ReadConfig {
    /// Checks what a caller may have got wrong.
    ///
    /// # Errors
    /// [`DataError::Config`] for channels other than 1 to 4 or an empty size.
    pub(crate) fn validate(&self) -> Result<(), DataError> {
        let wrong = |channels: &usize| !(1..=4).contains(channels);
        if let Some(channels) = self.channels.filter(wrong) {
            return Err(DataError::config("channels", "1 to 4", channels));
        }
        if let Some((height, width)) = self.resize
            && (height == 0 || width == 0 || height.max(width) > u16::MAX.into())
        {
            let got = format!("{height} x {width}");
            return Err(DataError::config("resize", "1 to 65,535 pixels", got));
        }
        Ok(())
    }

    /// The picture of a file.
    pub(crate) fn file(&self, path: &Path) -> Result<Image, DataError> {
        let io = |source| DataError::io(path, source);
        let file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        self.stream(file, length).map_err(|error| error.at(path))
    }

    /// The picture of the next `length` bytes.
    pub(crate) fn stream(&self, input: impl Read, length: u64) -> Result<Image, DataError> {
        let limit = self.limits.max_bytes;
        if length > limit {
            return Err(DataError::TooLarge {
                path: memory(),
                what: "size of the file in bytes",
                limit,
                got: length,
            });
        }
        let mut bytes = Vec::with_capacity(length as usize);
        let mut input = input.take(length);
        input
            .read_to_end(&mut bytes)
            .map_err(|source| DataError::io(memory(), source))?;
        let image = decode_to(&bytes, &self.limits, self.channels, self.background)?;
        match self.resize {
            Some(size) if size != (image.height, image.width) => shrunk(image, size),
            _ => Ok(image),
        }
    }
}

/// Bytes are resized as bytes, by instructions for them; what has more precision keeps it.
fn shrunk(image: Image, size: (usize, usize)) -> Result<Image, DataError> {
    match (image.channels, &image.pixels) {
        (1, Pixels::U8(_)) => shrunk_bytes::<U8>(image, size),
        (3, Pixels::U8(_)) => shrunk_bytes::<U8x3>(image, size),
        _ => Ok(resized(&image, size).into_image()),
    }
}

/// For one kind of pixel: the call that chooses among all kinds would compile each of them.
fn shrunk_bytes<P: PixelTrait>(
    image: Image,
    (height, width): (usize, usize),
) -> Result<Image, DataError> {
    let failed = |error: &dyn std::fmt::Display| DataError::Decode {
        path: memory(),
        message: format!("resizing: {error}"),
    };
    let Pixels::U8(values) = &image.pixels else {
        unreachable!("called for bytes alone")
    };
    let source = TypedImageRef::<P>::from_buffer(image.width as u32, image.height as u32, values)
        .map_err(|error| failed(&error))?;
    let mut pixels = vec![0; height * width * image.channels];
    let mut target = TypedImage::<P>::from_buffer(width as u32, height as u32, &mut pixels)
        .map_err(|error| failed(&error))?;
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new()
        .resize_typed(&source, &mut target, &options)
        .map_err(|error| failed(&error))?;
    Ok(Image::new(
        height,
        width,
        image.channels,
        Pixels::U8(pixels),
    ))
}
