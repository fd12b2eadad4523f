//! Between Burn's tensors and slices, and the sums that several operations need.

use burn::backend::flex::FlexTensor;
use burn::tensor::{Int, Tensor};

use super::buffer::Buffer;
use super::math::vectorised;
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

/// The tensor `[batch, channels, height, width]` with its storage `[batch, height, width, channels]`, copied if need be.
pub(crate) fn channels_last(tensor: FlexTensor) -> FlexTensor {
    let shape: [usize; 4] = std::array::from_fn(|i| tensor.layout().shape()[i]);
    let [n, c, h, w] = shape;
    let wanted = [h * w * c, 1, w * c, c];
    let strides = tensor.layout().strides();
    // The stride of an axis of one entry does not matter.
    let is = |i: usize| shape[i] == 1 || strides[i] == wanted[i] as isize;
    let whole = tensor.layout().start_offset() == 0
        && tensor.bytes().len() == size_of::<f32>() * n * c * h * w;
    if whole && (0..4).all(is) {
        return tensor;
    }
    let tensor = dense(tensor);
    let from = floats(&tensor);
    let mut to = Buffer::new(from.len());
    parallel::chunks_mut(&mut to, (c * h * w).max(1), |image, to| {
        let from = &from[image * c * h * w..][..c * h * w];
        // In squares, so that both sides stay in the first cache.
        const SIDE: usize = 16;
        for first in (0..h * w).step_by(SIDE) {
            let last = (h * w).min(first + SIDE);
            for channels in (0..c).step_by(SIDE) {
                for channel in channels..c.min(channels + SIDE) {
                    for pixel in first..last {
                        to[pixel * c + channel] = from[channel * h * w + pixel];
                    }
                }
            }
        }
    });
    to.into_channels_last(shape)
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
        let from = (part * SUM_ROWS * columns).min(matrix.len());
        let to = matrix.len().min(from + SUM_ROWS * columns);
        sum_rows(&matrix[from..to], sums);
    });
    add_rows(&partial, columns)
}

vectorised! {
    /// The sum of rows, on this thread.
    pub(crate) fn sum_rows<'a>(rows: &'a [f32], sums: &'a mut [f32]) {
        sums.fill(0.0);
        for row in rows.chunks_exact(sums.len()) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value;
            }
        }
    }
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
