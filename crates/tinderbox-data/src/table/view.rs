//! Rows as models see them.

use std::sync::Arc;

use super::items::RowItem;
use super::matrix::Matrix;
use super::swap_noise::SwapNoise;
use crate::{Sample, SampleRng, View};

/// A row as it is, for supervised objectives and for evaluation.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainRow;

impl View<RowItem> for PlainRow {
    type Out = Sample<1>;

    fn apply(&self, item: RowItem, rng: SampleRng) -> Sample<1> {
        Sample {
            shape: [item.values.len()],
            views: vec![item.values],
            label: item.label,
            index: rng.index(),
        }
    }
}

/// A row as it is and the row corrupted, the two views of SCARF (Bahri, Jiang, Tay and Metzler 2022, algorithm 1).
#[derive(Debug, Clone)]
pub struct SwapViews {
    /// The corruption.
    pub noise: SwapNoise,
    /// What it draws from.
    pub table: Arc<Matrix>,
}

impl View<RowItem> for SwapViews {
    type Out = Sample<1>;

    /// # Panics
    /// If the row has not as many values as the table has columns.
    fn apply(&self, item: RowItem, rng: SampleRng) -> Sample<1> {
        let mut corrupted = item.values.clone();
        self.noise.apply(&mut corrupted, &self.table, rng.stream(0));
        let mut sample = PlainRow.apply(item, rng);
        sample.views.push(corrupted);
        sample
    }
}
