//! IDX files, the format of MNIST and its relatives.
//!
//! A file is a magic number (two zeros, a type, the number of dimensions), the dimensions as big-endian 32-bit numbers, and the values.
//! Read here are bytes in three dimensions (pictures, rows, columns) and in one (labels), compressed by gzip or not.

use std::path::Path;

use crate::error::memory;
use crate::inflate::{body, read_file};
use crate::{DataError, InMemoryImages, Pixels};

/// The code of unsigned bytes.
const UNSIGNED_BYTE: u8 = 0x08;

/// Reads grey pictures and, if a path is given, their labels. Classes are named by their numbers, from 0 to the largest.
///
/// # Errors
/// When a file cannot be read, is no IDX file of the right kind, is not exactly as long as its header claims, inflates to more than 256 times
/// its size, holds no pictures, or when there is not one label for each picture.
pub fn read(images: impl AsRef<Path>, labels: Option<&Path>) -> Result<InMemoryImages, DataError> {
    let images = images.as_ref();
    let pictures = read_file(images)
        .and_then(|bytes| values::<3>(&bytes))
        .map_err(|error| error.at(images))?;
    let labels = labels
        .map(|path| {
            let bytes = read_file(path)?;
            let labels = values::<1>(&bytes).and_then(|labels| matching(&pictures, labels));
            labels.map_err(|error| error.at(path))
        })
        .transpose()?;
    together(pictures, labels).map_err(|error| error.at(images))
}

/// [`read`] for the bytes of the files.
///
/// # Errors
/// As [`read`].
pub fn parse(images: &[u8], labels: Option<&[u8]>) -> Result<InMemoryImages, DataError> {
    let pictures = values::<3>(images)?;
    let labels = labels
        .map(|bytes| matching(&pictures, values::<1>(bytes)?))
        .transpose()?;
    together(pictures, labels)
}

/// The values of a file with their dimensions.
struct Values<const N: usize> {
    dimensions: [usize; N],
    bytes: Vec<u8>,
}

fn values<const N: usize>(bytes: &[u8]) -> Result<Values<N>, DataError> {
    let mut dimensions = [0; N];
    let bytes = body(bytes, 4 + 4 * N, |header| {
        let (magic, sizes) = header.split_at(4);
        let expected = [0, 0, UNSIGNED_BYTE, N as u8];
        if magic != expected {
            let hex = |bytes: &[u8]| -> String {
                bytes.iter().map(|byte| format!("{byte:02x}")).collect()
            };
            return Err(DataError::format(
                "magic number",
                hex(&expected),
                hex(magic),
            ));
        }
        let mut total = 1_u64;
        for (dimension, size) in dimensions.iter_mut().zip(sizes.as_chunks::<4>().0) {
            let size = u32::from_be_bytes(*size);
            *dimension = size as usize;
            total = total.saturating_mul(size.into());
        }
        Ok(total)
    })?;
    Ok(Values { dimensions, bytes })
}

fn matching(pictures: &Values<3>, labels: Values<1>) -> Result<Vec<u8>, DataError> {
    let ([expected, ..], [got]) = (pictures.dimensions, labels.dimensions);
    if expected != got {
        return Err(DataError::format("number of labels", expected, got));
    }
    Ok(labels.bytes)
}

fn together(pictures: Values<3>, labels: Option<Vec<u8>>) -> Result<InMemoryImages, DataError> {
    let [count, height, width] = pictures.dimensions;
    if count == 0 {
        return Err(DataError::Empty {
            path: memory(),
            what: "pictures",
            ignored: 0,
        });
    }
    if height * width == 0 {
        let got = format!("{height} x {width}");
        return Err(DataError::format("size", "at least 1 x 1", got));
    }
    let names = labels.as_ref().map_or(0, |labels| {
        labels.iter().max().map_or(0, |most| usize::from(*most) + 1)
    });
    InMemoryImages::new(
        [height, width, 1],
        Pixels::U8(pictures.bytes),
        labels.map(|labels| labels.into_iter().map(u32::from).collect()),
        (0..names).map(|class| class.to_string()).collect(),
    )
}
