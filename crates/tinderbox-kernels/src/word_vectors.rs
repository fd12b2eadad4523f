//! Updates of word vectors on the host, without Burn: word2vec's windows and GloVe's pairs.
//!
//! [`Windows`] says which rows a run of windows trains; [`train_windows`] makes the updates of each as three small products of
//! matrices, on one thread. [`train_pairs`] does the same for GloVe. Rows are padded to a [`stride`] of whole vectors.
//! Who calls them from several threads gives each its own rows, so there is neither a data race nor `unsafe`.

mod pairs;
mod rows;
mod table;
mod update;
mod windows;

pub use pairs::{Pair, PairRates, train_pairs};
pub use rows::{RowSum, add_rows, gather_rows, subtract_rows};
pub use table::Table;
pub use update::{LOSS_EVERY, WindowLoss, Workspace, train_windows};
pub use windows::Windows;

/// Floats of the widest vector.
const LANES: usize = 16;

/// Floats from a row to the next for vectors of `dimension` floats; those beyond `dimension` are zeros.
pub fn stride(dimension: usize) -> usize {
    dimension.next_multiple_of(LANES)
}

#[cfg(test)]
mod tests;
