//! The projection head of contrastive learning.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use tinderbox_kernels::{Activation, Epilogue};

use crate::batch_norm::{BatchNorm, BatchNormConfig};
use crate::layers::apply;

/// Configuration of [`ProjectionHead`].
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectionHeadConfig {
    /// Size of the encoder's features.
    pub input: usize,
    /// Units of the hidden layer.
    pub hidden: usize,
    /// Size of the projection.
    pub output: usize,
    /// Batch normalisation between the first layer and the ReLU, as in SimCLR's published code; that
    /// layer then has no bias, which the normalisation would cancel.
    pub batch_norm: bool,
}

impl ProjectionHeadConfig {
    /// A head with PyTorch's default initialisation, `U(-1/sqrt(input), 1/sqrt(input))` a layer.
    pub fn init(&self, device: &Device) -> ProjectionHead {
        ProjectionHead {
            fc1: LinearConfig::new(self.input, self.hidden)
                .with_bias(!self.batch_norm)
                .init(device),
            bn1: self
                .batch_norm
                .then(|| BatchNormConfig::new(self.hidden).init(device)),
            fc2: LinearConfig::new(self.hidden, self.output).init(device),
        }
    }
}

/// `fc2(relu(bn1(fc1(x))))`, a multi-layer perceptron with one hidden layer (Chen et al. 2020,
/// "A Simple Framework for Contrastive Learning of Visual Representations", section 2.1).
#[derive(Module, Debug)]
pub struct ProjectionHead {
    /// From features to hidden units.
    pub fc1: Linear,
    /// Normalisation of the hidden units, if configured.
    pub bn1: Option<BatchNorm>,
    /// From hidden units to the projection.
    pub fc2: Linear,
}

impl ProjectionHead {
    /// Projects features.
    ///
    /// # Shapes
    /// - `features`: `[batch, input]`
    /// - output: `[batch, output]`
    ///
    /// # Panics
    /// If the last axis is not `input`; with batch normalisation in training, if the batch is of 1.
    pub fn forward(&self, features: Tensor<2>) -> Tensor<2> {
        let hidden = match &self.bn1 {
            Some(bn1) => {
                let units = apply(&self.fc1, features, Activation::Identity);
                bn1.forward_with(units, Epilogue::relu())
            }
            None => apply(&self.fc1, features, Activation::Relu),
        };
        apply(&self.fc2, hidden, Activation::Identity)
    }
}
