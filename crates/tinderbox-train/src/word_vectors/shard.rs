//! What trains a chunk.

use rayon::prelude::*;
use tinderbox_kernels::word_vectors::{
    RowSum, Table, WindowLoss, Windows, Workspace, add_rows, train_windows,
};

use super::local_rows::{LocalRows, part_rows};

/// One of several that train side by side, each its own chunk on its own copies of rows.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) windows: Windows,
    pub(super) inputs: LocalRows,
    pub(super) outputs: LocalRows,
    workspace: Workspace,
    pub(super) loss: WindowLoss,
}

impl Shard {
    pub(super) fn new([input_rows, output_rows]: [usize; 2], stride: usize) -> Self {
        Self {
            windows: Windows::default(),
            inputs: LocalRows::new(input_rows, stride),
            outputs: LocalRows::new(output_rows, stride),
            workspace: Workspace::default(),
            loss: WindowLoss::default(),
        }
    }

    /// Trains the windows that were drawn, and leaves the differences from the tables.
    pub(super) fn train(&mut self, inputs: &[f32], outputs: &[f32], stride: usize, rate: f32) {
        self.inputs.take(self.windows.rows_mut(), inputs);
        self.outputs.take(self.windows.outputs_mut(), outputs);
        self.loss = train_windows(
            &self.windows,
            self.inputs.copies(),
            self.outputs.copies(),
            stride,
            rate,
            &mut self.workspace,
        );
        self.inputs.subtract(inputs);
        self.outputs.subtract(outputs);
    }
}

/// Adds the differences of all shards to a table, in their order.
///
/// Where several shards trained a row, the sum of their differences would go too far: each started from the same values and went as
/// far as its own updates say, which for a frequent word is most of the way. If one update goes a share `step` of what is left, `n` of
/// them in sequence go `1 - e^(-step n)`; so the sum of `m` shards' differences counts
///
/// ```text
/// (1 - e^(-step n)) / sum_i (1 - e^(-step n_i))        n = sum_i n_i
/// ```
///
/// which is 1 for a rare word and `1 / m`, a mean, for a frequent one.
pub(super) fn add(table: &mut Table, stride: usize, step: f32, shards: &[&LocalRows]) {
    let rows_of_part = part_rows(table.len() / stride);
    let exact = |count: u32| -(-step * count as f32).exp_m1();
    let small: [f32; 64] = std::array::from_fn(|count| exact(count as u32));
    let gone = |count: u32| {
        small
            .get(count as usize)
            .copied()
            .unwrap_or_else(|| exact(count))
    };
    let parts = table.par_chunks_mut(rows_of_part * stride).enumerate();
    parts.for_each(|(part, rows)| {
        let mut totals = vec![(0, 0.0); rows_of_part];
        for local in shards {
            for sum in local.differences(part).1 {
                let count = local.count(sum.source);
                let (total, gone_by_shards) = &mut totals[sum.target as usize];
                *total += count;
                *gone_by_shards += gone(count);
            }
        }
        let factors: Vec<f32> = totals
            .into_iter()
            .map(|(total, by_shards)| {
                if by_shards > 0.0 {
                    gone(total) / by_shards
                } else {
                    1.0
                }
            })
            .collect();
        let mut sums = Vec::new();
        for local in shards {
            let (differences, places) = local.differences(part);
            sums.clear();
            sums.extend(places.iter().map(|sum| RowSum {
                factor: factors[sum.target as usize],
                ..*sum
            }));
            add_rows(rows, differences, stride, &sums);
        }
    });
}
