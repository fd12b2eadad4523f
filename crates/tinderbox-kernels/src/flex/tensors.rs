//! Between Burn's tensors and slices, and the sums that several operations need.

use burn::backend::flex::FlexTensor;
use burn::tensor::{Int, Tensor};

use super::buffer::Buffer;
use super::parallel;

/// Rows that one partial sum of [`column_sums`] takes.
const SUM_ROWS: usize = 256;

/// The tensor with its entries row by row, copied if need be.
pub(crate) fn dense(tensor: FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() {
        tensor
    } else {
        tensor.to_contiguous()
    }
}

/// The entries of a [`dense`] tensor.
pub(crate) fn floats(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("the tensor was made dense")
}

/// The indices in a tensor, each below `bound`.
///
/// # Panics
/// If one is not; the message starts with `name`.
pub(crate) fn indices(tensor: Tensor<1, Int>, bound: usize, name: &str) -> Vec<usize> {
    let data = tensor.into_data();
    let indices = data.iter::<i64>().map(|index| {
        let inside = usize::try_from(index).ok().filter(|index| *index < bound);
        inside.unwrap_or_else(|| panic!("{name} of {index} for {bound} rows or classes"))
    });
    indices.collect()
}

/// The sum of each column of a matrix of `columns` columns.
///
/// Partial sums of a fixed number of rows are added in their order, so the result does not depend on threads.
pub(crate) fn column_sums(matrix: &[f32], columns: usize) -> Buffer {
    let parts = matrix.len().div_ceil(SUM_ROWS * columns).max(1);
    let mut partial = Buffer::new(parts * columns);
    parallel::chunks_mut(&mut partial, columns, |part, sums| {
        let rows = matrix.chunks_exact(columns);
        sums.fill(0.0);
        pulp::Arch::new().dispatch(|| {
            for row in rows.skip(part * SUM_ROWS).take(SUM_ROWS) {
                for (sum, value) in sums.iter_mut().zip(row) {
                    *sum += value;
                }
            }
        });
    });
    add_rows(&partial, columns)
}

/// The sum of the rows of a matrix of `columns` columns, in their order, on this thread: for partial sums.
pub(crate) fn add_rows(partial: &[f32], columns: usize) -> Buffer {
    let mut sums = Buffer::new(columns);
    let mut rows = partial.chunks_exact(columns);
    sums.copy_from_slice(rows.next().expect("there is a partial sum"));
    for row in rows {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
    sums
}
