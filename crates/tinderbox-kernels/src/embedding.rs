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
    #[cfg(feature = "flex")]
    if crate::flex::fused::takes(&table) {
        return fast::embedding(table, indices);
    }
    plain(table, indices)
}

/// [`embedding`] by Burn's own operations.
pub(crate) fn plain(table: Tensor<2>, indices: Tensor<1, Int>) -> Tensor<2> {
    table.select(0, indices)
}

#[cfg(feature = "flex")]
mod fast {
    use burn::backend::flex::FlexTensor;
    use burn::tensor::{Int, Tensor};

    use crate::flex::buffer::Buffer;
    use crate::flex::fused::{Gradient, run};
    use crate::flex::parallel::chunks_mut;
    use crate::flex::tensors::{self, dense, floats};

    /// Floats that a task writes, about.
    const TASK: usize = 1 << 14;

    pub(super) fn embedding(table: Tensor<2>, indices: Tensor<1, Int>) -> Tensor<2> {
        let indices = tensors::indices(indices, table.dims()[0], "embedding: an index");
        run(vec![table.into_dispatch()], move |operands, _| {
            forward(operands, indices)
        })
    }

    fn forward(operands: Vec<FlexTensor>, indices: Vec<usize>) -> (FlexTensor, Gradient) {
        let table = dense(operands.into_iter().next().expect("the table"));
        let [rows, size] = [0, 1].map(|axis| table.layout().shape()[axis]);
        let entries = floats(&table);
        let mut output = Buffer::new(indices.len() * size);
        if let Some(task) = TASK.checked_div(size) {
            let task = task.max(1);
            chunks_mut(&mut output, task * size, |i, output| {
                let indices = &indices[i * task..];
                for (to, index) in output.chunks_exact_mut(size).zip(indices) {
                    to.copy_from_slice(&entries[index * size..][..size]);
                }
            });
        }
        let output = output.into_tensor([indices.len(), size]);
        let gradient = move |gradient: FlexTensor, _: &[bool]| {
            let gradient = dense(gradient);
            let sums = scatter(&indices, floats(&gradient), [rows, size]);
            vec![Some(sums.into_tensor([rows, size]))]
        };
        (output, Box::new(gradient))
    }

    /// For each row of the table the sum of the vectors that go there, in their order: one task owns a row, so the
    /// order does not depend on threads.
    fn scatter(indices: &[usize], vectors: &[f32], [rows, size]: [usize; 2]) -> Buffer {
        // The places of each row, by counting: those of row `r` end at `ends[r]`.
        let mut ends = vec![0; rows];
        for index in indices {
            ends[*index] += 1;
        }
        let mut end = 0;
        for count in &mut ends {
            let start = end;
            end += *count;
            *count = start;
        }
        let mut places = vec![0; indices.len()];
        for (place, index) in indices.iter().enumerate() {
            places[ends[*index]] = place;
            ends[*index] += 1;
        }
        let mut sums = Buffer::new(rows * size);
        if size == 0 {
            return sums;
        }
        let task = (TASK / size).max(1);
        chunks_mut(&mut sums, task * size, |i, sums| {
            let first = i * task;
            let mut start = first.checked_sub(1).map_or(0, |row| ends[row]);
            for (sum, end) in sums.chunks_exact_mut(size).zip(&ends[first..]) {
                let vector = |place: &usize| &vectors[place * size..][..size];
                match &places[start..*end] {
                    [] => sum.fill(0.0),
                    [one, others @ ..] => {
                        sum.copy_from_slice(vector(one));
                        for place in others {
                            sum.iter_mut().zip(vector(place)).for_each(|(x, y)| *x += y);
                        }
                    }
                }
                start = *end;
            }
        });
        sums
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::{Device, TensorData};
    use proptest::prelude::*;

    use super::*;
    use crate::flex::testing::check;

    #[test]
    #[should_panic(expected = "an index of 3 for 3 rows or classes")]
    fn an_index_beyond_the_table_panics() {
        let device = Device::flex();
        let table = Tensor::<2>::zeros([3, 2], &device);
        embedding(table, Tensor::from_ints([0, 3], &device));
    }

    #[test]
    #[should_panic(expected = "an index of -1 for 3 rows or classes")]
    fn a_negative_index_panics() {
        let device = Device::flex();
        let table = Tensor::<2>::zeros([3, 2], &device);
        embedding(table, Tensor::from_ints([-1], &device));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn fast_is_plain(
            rows in 1usize..200, size in 1usize..200, transposed: bool,
            indices in prop::collection::vec(0usize..1000, 0..100),
        ) {
            // Burn's own gather fails without indices.
            let count = indices.len();
            prop_assume!(count > 0);
            let indices: Vec<i64> = indices.into_iter().map(|index| (index % rows) as i64).collect();
            let indices = TensorData::new(indices, [count]);
            check(&[rows * size], 1e-5, |leaves, fast| {
                let [table] = leaves.try_into().expect("one");
                let table: Tensor<2> = match transposed {
                    true => table.reshape([size, rows]).transpose(),
                    false => table.reshape([rows, size]),
                };
                let indices = Tensor::from_data(indices.clone(), &table.device());
                let operation = if fast { embedding } else { plain };
                operation(table, indices)
            });
        }
    }

    #[test]
    fn no_indices_give_no_rows() {
        let device = Device::flex().autodiff();
        let table = Tensor::<2>::ones([3, 2], &device).require_grad();
        let indices = Tensor::<1, Int>::from_data(TensorData::new(Vec::<i64>::new(), [0]), &device);
        let output = embedding(table.clone(), indices);
        assert_eq!(output.dims(), [0, 2]);
        let gradient = table.grad(&output.sum().backward()).expect("it is a leaf");
        assert_eq!(gradient.into_data(), TensorData::zeros::<f32, _>([3, 2]));
    }
}
