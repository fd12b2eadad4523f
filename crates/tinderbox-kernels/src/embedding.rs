//! Rows of a table by index: word embeddings, and rows of a batch.

use burn::tensor::{Int, Tensor};

/// The rows `table[index]`; the gradient of a row is the sum over the places that took it.
///
/// # Shapes
/// - `table`: `[rows, size]`
/// - `indices`: `[N]`, each below `rows`
/// - output: `[N, size]`
///
/// # Panics
/// On the fast path, if an index is not below `rows`.
pub fn embedding(table: Tensor<2>, indices: Tensor<1, Int>) -> Tensor<2> {
    plain(table, indices)
}

/// [`embedding`] by Burn's own operations.
pub(crate) fn plain(table: Tensor<2>, indices: Tensor<1, Int>) -> Tensor<2> {
    table.select(0, indices)
}
