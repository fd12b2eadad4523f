//! Many pictures on one, to look at.

use std::io::Cursor;

use ::image::codecs::png::PngEncoder;
use ::image::{ExtendedColorType, ImageEncoder};

use crate::{DataError, Image, Pixels};

/// Pixels between two pictures.
const GAP: usize = 2;

/// Puts pictures side by side, `columns` a row, on white, in colour. A cell is as large as the largest picture.
///
/// To see what a model sees, give it the results of [`Augment::apply_to_size`](crate::Augment::apply_to_size).
///
/// ```
/// use burn::data::dataset::Dataset;
/// use tinderbox_data::{AugmentConfig, SampleRng, contact_sheet, digits, encode_png};
///
/// let augment = AugmentConfig::simclr(0.5).build()?;
/// let digit = digits().get(0)?.image;
/// let view = |index| augment.apply(digit.clone(), &mut SampleRng::new(0, 0, index, SampleRng::VIEW));
/// let views: Vec<_> = (0..12).map(view).collect();
/// let sheet = contact_sheet(&views, 4)?;
/// assert_eq!((sheet.height, sheet.width), (3 * 10 + 2, 4 * 10 + 2));
/// assert!(encode_png(&sheet)?.starts_with(b"\x89PNG"));
/// # Ok::<(), tinderbox_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Config`] when there are no columns or no pictures, or when a picture has neither 1 nor 3 channels.
pub fn contact_sheet(images: &[Image], columns: usize) -> Result<Image, DataError> {
    if columns == 0 {
        return Err(DataError::config("columns", "at least 1", 0));
    }
    if images.is_empty() {
        return Err(DataError::config("images", "at least 1", 0));
    }
    if let Some(image) = images
        .iter()
        .find(|image| ![1, 3].contains(&image.channels))
    {
        return Err(DataError::config("channels", "1 or 3", image.channels));
    }
    let columns = columns.min(images.len());
    let largest = |side: fn(&Image) -> usize| images.iter().map(side).max().unwrap_or(0) + GAP;
    let (cell_height, cell_width) = (largest(|image| image.height), largest(|image| image.width));
    let height = cell_height * images.len().div_ceil(columns) + GAP;
    let width = cell_width * columns + GAP;
    let mut sheet = vec![255; height * width * 3];
    for (place, image) in images.iter().enumerate() {
        let bytes = bytes(&image.clone().with_channels(3));
        let top = cell_height * (place / columns) + GAP;
        let left = cell_width * (place % columns) + GAP;
        for (y, row) in bytes.chunks_exact((image.width * 3).max(1)).enumerate() {
            let start = ((top + y) * width + left) * 3;
            sheet[start..start + row.len()].copy_from_slice(row);
        }
    }
    Ok(Image::new(height, width, 3, Pixels::U8(sheet)))
}

/// A PNG file of a picture of 1 to 4 channels; floats are rounded to bytes.
///
/// # Errors
/// [`DataError::Config`] for other numbers of channels and for an empty picture.
pub fn encode_png(image: &Image) -> Result<Vec<u8>, DataError> {
    image.check();
    let colour = match image.channels {
        1 => ExtendedColorType::L8,
        2 => ExtendedColorType::La8,
        3 => ExtendedColorType::Rgb8,
        4 => ExtendedColorType::Rgba8,
        channels => return Err(DataError::config("channels", "1 to 4", channels)),
    };
    let mut file = Vec::new();
    let encoder = PngEncoder::new(Cursor::new(&mut file));
    encoder
        .write_image(
            &bytes(image),
            image.width as u32,
            image.height as u32,
            colour,
        )
        .map_err(|error| DataError::config("image", "a picture that PNG can hold", error))?;
    Ok(file)
}

fn bytes(image: &Image) -> Vec<u8> {
    match &image.pixels {
        Pixels::U8(values) => values.clone(),
        // Numbers beyond 0..1 become the ends.
        Pixels::F32(values) => values
            .iter()
            .map(|value| (value * 255.0).round() as u8)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DecodeLimits, decode};

    #[test]
    fn pictures_stand_in_rows_on_white() {
        let grey = Image::new(1, 2, 1, Pixels::F32(vec![0.0, 2.0]));
        let red = Image::new(2, 1, 3, Pixels::U8(vec![200, 0, 0, 100, 0, 0]));
        let sheet = contact_sheet(&[grey.clone(), red, grey], 2).unwrap();
        // Cells of 2 x 2 with a gap on each side.
        assert_eq!((sheet.height, sheet.width, sheet.channels), (10, 10, 3));
        let Pixels::U8(values) = &sheet.pixels else {
            panic!("bytes")
        };
        let pixel = |y: usize, x: usize| &values[(y * 10 + x) * 3..][..3];
        assert_eq!(pixel(2, 2), [0, 0, 0]);
        assert_eq!(pixel(2, 3), [255, 255, 255]);
        assert_eq!(pixel(2, 6), [200, 0, 0]);
        assert_eq!(pixel(3, 6), [100, 0, 0]);
        assert_eq!(pixel(6, 2), [0, 0, 0]);
        let dark = values.chunks_exact(3).filter(|pixel| *pixel != [255; 3]);
        assert_eq!(dark.count(), 4);
        let read = decode(&encode_png(&sheet).unwrap(), &DecodeLimits::default()).unwrap();
        assert_eq!(read, sheet);
    }

    #[test]
    fn what_makes_no_sheet_is_refused() {
        let image = Image::new(1, 1, 2, Pixels::U8(vec![0; 2]));
        assert!(contact_sheet(&[], 2).is_err());
        assert!(contact_sheet(std::slice::from_ref(&image), 0).is_err());
        let error = contact_sheet(&[image], 1).unwrap_err().to_string();
        assert_eq!(error, "`channels` is 2, expected 1 or 3");
        let empty = Image::new(0, 0, 1, Pixels::U8(Vec::new()));
        assert!(encode_png(&empty).is_err());
    }
}
