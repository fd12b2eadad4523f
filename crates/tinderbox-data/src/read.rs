//! From a file or the bytes of one to a picture, for every source of pictures.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use fast_image_resize::images::Image as Canvas;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

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
fn shrunk(image: Image, (height, width): (usize, usize)) -> Result<Image, DataError> {
    let channels = image.channels;
    let kind = match (channels, &image.pixels) {
        (1, Pixels::U8(_)) => PixelType::U8,
        (3, Pixels::U8(_)) => PixelType::U8x3,
        _ => return Ok(resized(&image, (height, width)).into_image()),
    };
    let Pixels::U8(values) = image.pixels else {
        unreachable!("the kind above is one of bytes")
    };
    let failed = |error: &dyn std::fmt::Display| DataError::Decode {
        path: memory(),
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
