//! Hashes of an item.

use burn::data::dataset::Dataset;

use super::LeakConfig;
use crate::views::resized;
use crate::{Content, DataError, Image, ImageItem, Pixels};

/// What is kept of an item.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hashes {
    pub(super) bytes: u128,
    pub(super) pixels: Option<u128>,
    /// None where the picture has no structure, and where it was not asked for.
    pub(super) structure: Option<u64>,
}

pub(super) fn hashes<D>(dataset: &D, index: usize, config: LeakConfig) -> Result<Hashes, DataError>
where
    D: Dataset<ImageItem, DataError> + Content + ?Sized,
{
    let mut hashes = Hashes {
        bytes: bytes(dataset, index)?,
        pixels: None,
        structure: None,
    };
    if config.pixels || config.distance.is_some() {
        let image = dataset.get(index)?.image;
        hashes.pixels = config.pixels.then(|| pixels(&image));
        if config.distance.is_some() {
            hashes.structure = difference_hash(&image);
        }
    }
    Ok(hashes)
}

/// The hash of an item's bytes.
pub(super) fn bytes<D: Content + ?Sized>(dataset: &D, index: usize) -> Result<u128, DataError> {
    let mut hasher = blake3::Hasher::new();
    dataset.content(index, &mut |piece| {
        hasher.update(piece);
    })?;
    Ok(short(&hasher))
}

/// The first 128 bits of BLAKE3 over some pieces, one behind the other.
pub fn hash_of(pieces: &[&[u8]]) -> u128 {
    let mut hasher = blake3::Hasher::new();
    for piece in pieces {
        hasher.update(piece);
    }
    short(&hasher)
}

/// The first 128 bits of a hash.
pub(crate) fn short(hasher: &blake3::Hasher) -> u128 {
    let hash = hasher.finalize();
    let (first, _) = hash.as_bytes().split_at(16);
    first
        .iter()
        .fold(0, |bits, byte| bits << 8 | u128::from(*byte))
}

fn pixels(image: &Image) -> u128 {
    let mut hasher = blake3::Hasher::new();
    for side in [image.height, image.width, image.channels] {
        hasher.update(&(side as u64).to_le_bytes());
    }
    match &image.pixels {
        Pixels::U8(values) => hasher.update(b"u8").update(values),
        Pixels::F32(values) => {
            hasher.update(b"f32");
            let (chunks, rest) = values.as_chunks::<1024>();
            for chunk in chunks {
                hasher.update(chunk.map(f32::to_le_bytes).as_flattened());
            }
            for value in rest {
                hasher.update(&value.to_le_bytes());
            }
            &mut hasher
        }
    };
    short(&hasher)
}

/// 64 bits that say where a picture grows brighter to the right, which resizing, compression and mild changes of colour leave almost
/// as they are.
///
/// The picture is made grey and resized to 8 rows of 9 (antialiased bilinear); bit `8 y + x` is set where pixel `(y, x + 1)` is brighter
/// than `(y, x)`, the lowest bit first. `None` where the picture is empty or says nothing: where all bits are equal, as of one colour.
pub fn difference_hash(image: &Image) -> Option<u64> {
    if image.pixels.is_empty() {
        return None;
    }
    let small = resized(image, (8, 9));
    let grey = match small.channels {
        3 => small.with_channels(1).values,
        // Of other numbers of channels the first stands for all.
        _ => small.values,
    };
    let mut bits = 0_u64;
    for (y, row) in grey.chunks_exact(9).take(8).enumerate() {
        for (x, pair) in row.windows(2).enumerate() {
            bits |= u64::from(pair[1] > pair[0]) << (8 * y + x);
        }
    }
    (bits != 0 && bits != u64::MAX).then_some(bits)
}
