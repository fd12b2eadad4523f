//! A toy: a table of numbers, a linear encoder, and the reconstruction of a row from its noisy self.

use std::sync::Arc;

use burn::data::dataset::Dataset;
use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor, TensorData};
use tinderbox_data::{Collate, DataError, Loader, LoaderConfig, PlainBatch, SampleRng, View};
use tinderbox_nn::Encoder;
use tinderbox_objectives::{Objective, StepContext, StepOutput};
use tinderbox_train::{FromPlain, initialise, named};

pub const COLUMNS: usize = 6;

/// Rows on a plane, so that three features can hold them; `poisoned` is a row of NaN.
pub struct Table {
    pub rows: usize,
    pub poisoned: Option<usize>,
    pub unreadable: Option<usize>,
}

impl Dataset<(usize, Vec<f32>), DataError> for Table {
    fn get(&self, index: usize) -> Result<(usize, Vec<f32>), DataError> {
        if self.unreadable == Some(index) {
            return Err(DataError::Worker {
                message: format!("row {index} is torn"),
            });
        }
        let mut rng = SampleRng::new(1, 0, index as u64, 0);
        let (a, b) = (rng.range(-1.0..1.0), rng.range(-1.0..1.0));
        let row = (0..COLUMNS).map(|column| {
            let column = column as f32;
            a * column.cos() + b * column.sin()
        });
        let row: Vec<f32> = match self.poisoned {
            Some(poisoned) if poisoned == index => vec![f32::NAN; COLUMNS],
            _ => row.collect(),
        };
        Ok((index, row))
    }

    fn len(&self) -> usize {
        self.rows
    }
}

pub struct Noise;

impl View<(usize, Vec<f32>)> for Noise {
    type Out = (u64, Vec<f32>, Vec<f32>);

    fn apply(&self, (index, row): (usize, Vec<f32>), mut rng: SampleRng) -> Self::Out {
        let noisy = row
            .iter()
            .map(|value| value + rng.range(-0.1..0.1))
            .collect();
        (index as u64, noisy, row)
    }
}

pub struct Rows;

impl Collate<(u64, Vec<f32>, Vec<f32>)> for Rows {
    fn collate(&self, samples: Vec<(u64, Vec<f32>, Vec<f32>)>) -> PlainBatch {
        let shape = [samples.len(), COLUMNS];
        let noisy: Vec<f32> = samples.iter().flat_map(|sample| sample.1.clone()).collect();
        let clean: Vec<f32> = samples.iter().flat_map(|sample| sample.2.clone()).collect();
        PlainBatch {
            indices: samples.iter().map(|sample| sample.0).collect(),
            tensors: vec![
                ("noisy".to_string(), TensorData::new(noisy, shape)),
                ("clean".to_string(), TensorData::new(clean, shape)),
            ],
        }
    }
}

pub struct RowBatch {
    pub noisy: Tensor<2>,
    pub clean: Tensor<2>,
}

impl FromPlain for RowBatch {
    fn from_plain(batch: &PlainBatch, device: &Device) -> Self {
        let tensor = |name| Tensor::from_data(named(batch, name).clone(), device);
        Self {
            noisy: tensor("noisy"),
            clean: tensor("clean"),
        }
    }
}

#[derive(Module, Debug)]
pub struct LinearEncoder {
    pub linear: Linear,
    dropout: Dropout,
}

impl Encoder for LinearEncoder {
    type Input = Tensor<2>;

    fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        self.dropout.forward(self.linear.forward(input))
    }

    fn feature_dim(&self) -> usize {
        3
    }
}

#[derive(Module, Debug)]
pub struct Denoise {
    pub encoder: LinearEncoder,
    pub decoder: Linear,
}

impl Objective for Denoise {
    type Batch = RowBatch;
    type Encoder = LinearEncoder;

    fn step(&self, batch: RowBatch, _at: StepContext) -> StepOutput {
        let rebuilt = self.decoder.forward(self.encoder.forward(batch.noisy));
        StepOutput::new((rebuilt - batch.clean).square().mean())
    }

    fn encoder(&self) -> &LinearEncoder {
        &self.encoder
    }
}

pub fn denoise(device: &Device, dropout: f64) -> Denoise {
    initialise(device, 7, || Denoise {
        encoder: LinearEncoder {
            linear: LinearConfig::new(COLUMNS, 3).init(device),
            dropout: DropoutConfig::new(dropout).init(),
        },
        decoder: LinearConfig::new(3, COLUMNS).init(device),
    })
}

pub fn loader(table: Table, batch: usize, threads: usize) -> Loader {
    let config = LoaderConfig {
        batch,
        seed: 3,
        threads,
        prefetch: 2,
        shuffle: true,
        max_bad: 1,
    };
    Loader::new(Arc::new(table), Noise, Rows, config).unwrap()
}

pub fn table(rows: usize) -> Table {
    Table {
        rows,
        poisoned: None,
        unreadable: None,
    }
}
