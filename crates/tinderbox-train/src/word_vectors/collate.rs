//! From windows to the tensors of the objective.

use burn::tensor::TensorData;
use tinderbox_data::{Collate, PlainBatch};
use tinderbox_kernels::word_vectors::Windows;

/// Collates [`Windows`] for [`Word2Vec`](tinderbox_objectives::Word2Vec): a row for each hidden vector, with the outputs of its window.
///
/// Gives `inputs` and `input_padding` `[B, I]`, `outputs`, `labels` and `output_padding` `[B, O]`, padded to the longest. Windows have
/// no numbers in the data set, so that `indices` is empty. Where no window was drawn, one row of padding stands in.
#[derive(Debug, Clone, Copy, Default)]
pub struct WindowCollate;

impl Collate<Windows> for WindowCollate {
    fn collate(&self, samples: Vec<Windows>) -> PlainBatch {
        let (mut inputs, mut outputs) = (Padded::default(), Padded::default());
        let mut labels: Vec<Vec<f32>> = Vec::new();
        for window in samples.iter().flat_map(Windows::iter) {
            for rows in window.hidden() {
                inputs.rows.push(rows.to_vec());
                outputs.rows.push(window.outputs.to_vec());
                labels.push(window.labels.to_vec());
            }
        }
        if labels.is_empty() {
            inputs.rows.push(Vec::new());
            outputs.rows.push(Vec::new());
            labels.push(Vec::new());
        }
        let width = outputs.width();
        let shape = [labels.len(), width];
        let padded = labels.into_iter().flat_map(|mut labels| {
            labels.resize(width, 0.0);
            labels
        });
        let labels = TensorData::new(padded.collect::<Vec<f32>>(), shape);
        let [inputs, input_padding] = inputs.tensors();
        let [outputs, output_padding] = outputs.tensors();
        let named = [
            ("inputs", inputs),
            ("input_padding", input_padding),
            ("outputs", outputs),
            ("labels", labels),
            ("output_padding", output_padding),
        ];
        PlainBatch {
            indices: Vec::new(),
            tensors: named.map(|(name, data)| (name.to_owned(), data)).to_vec(),
        }
    }
}

#[derive(Default)]
struct Padded {
    rows: Vec<Vec<u32>>,
}

impl Padded {
    /// The longest row, at least 1.
    fn width(&self) -> usize {
        self.rows.iter().map(Vec::len).max().unwrap_or(0).max(1)
    }

    /// The rows with zeros behind them, and 1 where there are such.
    fn tensors(self) -> [TensorData; 2] {
        let shape = [self.rows.len(), self.width()];
        let places = || {
            self.rows
                .iter()
                .flat_map(|row| (0..shape[1]).map(|i| row.get(i)))
        };
        let values: Vec<i64> = places()
            .map(|row| i64::from(row.copied().unwrap_or(0)))
            .collect();
        let padding: Vec<i64> = places().map(|row| i64::from(row.is_none())).collect();
        [values, padding].map(|values| TensorData::new(values, shape))
    }
}
