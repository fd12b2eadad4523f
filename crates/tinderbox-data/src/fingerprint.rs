//! Recognising a data set again.

#[cfg(any(feature = "audio", feature = "image", feature = "text"))]
use std::io::Read;

use burn::data::dataset::Dataset;

use crate::{DataError, Labelled};

/// The bytes that an item is made from.
pub trait Content {
    /// Gives the bytes of item `index`, in one or several pieces.
    ///
    /// # Errors
    /// When they cannot be read.
    ///
    /// # Panics
    /// If there is no such item.
    fn content(&self, index: usize, sink: &mut dyn FnMut(&[u8])) -> Result<(), DataError>;

    /// The first bytes of item `index`, at most so many. A source that can stop early does.
    ///
    /// # Errors
    /// When they cannot be read.
    ///
    /// # Panics
    /// If there is no such item.
    fn start(&self, index: usize, most: usize) -> Result<Vec<u8>, DataError> {
        let mut start = Vec::new();
        self.content(index, &mut |piece| {
            let room = most - start.len();
            start.extend_from_slice(&piece[..piece.len().min(room)]);
        })?;
        Ok(start)
    }
}

/// A BLAKE3 hash, in hexadecimal, of the number of items, the class names, and each item's name, label and content.
///
/// It changes when an item is added, removed, renamed, relabelled or altered by a single bit, and does not change with
/// modification times or with where the data lies. Content is what [`Content`] says: the bytes of a file, or the values in memory.
/// An item that cannot be read counts as such, whatever the cause, so that a damaged item does not keep the rest from being recognised.
///
/// The cost is one pass over all bytes.
pub fn fingerprint<I, D>(dataset: &D) -> String
where
    D: Dataset<I, DataError> + Labelled + Content + ?Sized,
{
    let mut all = blake3::Hasher::new();
    all.update(b"tinderbox data 1");
    all.update(&(dataset.len() as u64).to_le_bytes());
    all.update(&(dataset.class_names().len() as u64).to_le_bytes());
    for name in dataset.class_names() {
        sized(&mut all, name.as_bytes());
    }
    for index in 0..dataset.len() {
        sized(&mut all, dataset.id(index).as_bytes());
        let label = dataset.label(index).map_or(-1, i64::from);
        all.update(&label.to_le_bytes());
        let mut item = blake3::Hasher::new();
        match dataset.content(index, &mut |bytes| {
            item.update(bytes);
        }) {
            Ok(()) => all.update(b"+").update(item.finalize().as_bytes()),
            Err(_) => all.update(b"-"),
        };
    }
    all.finalize().to_hex().to_string()
}

/// The length goes first, so that no two lists of names give the same bytes.
fn sized(hasher: &mut blake3::Hasher, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}

/// Gives `sink` the next `length` bytes, or all that are left.
#[cfg(any(feature = "audio", feature = "image", feature = "text"))]
pub(crate) fn pieces(
    input: impl Read,
    length: Option<u64>,
    sink: &mut dyn FnMut(&[u8]),
) -> std::io::Result<()> {
    let mut input = input.take(length.unwrap_or(u64::MAX));
    let mut piece = vec![0; 1 << 16];
    loop {
        match input.read(&mut piece)? {
            0 => return Ok(()),
            length => sink(&piece[..length]),
        }
    }
}

/// The first bytes of what `pieces` would give, at most `most`.
#[cfg(feature = "image")]
pub(crate) fn first(input: impl Read, most: usize) -> std::io::Result<Vec<u8>> {
    let mut start = Vec::new();
    input.take(most as u64).read_to_end(&mut start)?;
    Ok(start)
}
