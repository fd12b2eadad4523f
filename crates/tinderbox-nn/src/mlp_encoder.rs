//! A multilayer perceptron for rows of numbers, such as those of a table.

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use tinderbox_kernels::Activation;

use crate::encoder::Encoder;
use crate::error::{NnConfigError, at_least_one, probability};
use crate::layers::apply;

/// Configuration of [`MlpEncoder`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MlpEncoderConfig {
    /// Units of each layer; those of the last are the features. Four layers of 256 unless given, as in SCARF
    /// (Bahri et al. 2022, section 4).
    pub hidden: Vec<usize>,
    /// Probability that training drops a unit, after each layer but the last; 0 unless given.
    pub dropout: f64,
}

impl Default for MlpEncoderConfig {
    fn default() -> Self {
        Self {
            hidden: vec![256; 4],
            dropout: 0.0,
        }
    }
}

impl MlpEncoderConfig {
    /// A network for rows of `columns` numbers, with PyTorch's default initialisation of its layers.
    ///
    /// # Errors
    /// [`NnConfigError`] for no layers, a size of 0, or a dropout outside `0..1`.
    pub fn init(&self, columns: usize, device: &Device) -> Result<MlpEncoder, NnConfigError> {
        at_least_one("columns", columns)?;
        at_least_one("hidden", self.hidden.len())?;
        for units in &self.hidden {
            at_least_one("hidden", *units)?;
        }
        probability(self.dropout)?;
        let inputs = std::iter::once(&columns).chain(&self.hidden);
        let layers = inputs
            .zip(&self.hidden)
            .map(|(input, output)| LinearConfig::new(*input, *output).init(device));
        Ok(MlpEncoder {
            layers: layers.collect(),
            dropout: DropoutConfig { prob: self.dropout }.init(),
        })
    }
}

/// Dense layers, each with a ReLU after it.
#[derive(Module, Debug)]
pub struct MlpEncoder {
    /// The layers, at least one.
    pub layers: Vec<Linear>,
    /// Between two of them.
    pub dropout: Dropout,
}

impl Encoder for MlpEncoder {
    type Input = Tensor<2>;

    /// Features of a batch of rows.
    ///
    /// # Shapes
    /// - `rows`: `[batch, columns]`
    /// - output: `[batch, last of hidden]`
    ///
    /// # Panics
    /// If the rows have other columns than configured.
    fn forward(&self, rows: Tensor<2>) -> Tensor<2> {
        let (first, rest) = self.layers.split_first().expect("at least one layer");
        rest.iter()
            .fold(apply(first, rows, Activation::Relu), |x, layer| {
                apply(layer, self.dropout.forward(x), Activation::Relu)
            })
    }

    fn feature_dim(&self) -> usize {
        let last = self.layers.last().expect("at least one layer");
        last.weight.dims()[1]
    }
}
