//! SimCLR: contrastive pre-training on pairs of views.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use tinderbox_nn::{Encoder, Input, ProjectionHead, ProjectionHeadConfig};

use crate::batch::ViewBatch;
use crate::error::ObjectiveConfigError;
use crate::nt_xent::Contrast;
use crate::objective::{Objective, StepContext, StepOutput};

/// Configuration of [`SimClr`]; the defaults are those of Chen et al. (2020).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimClrConfig {
    /// Units of the projection's hidden layer; the paper takes the encoder's feature size.
    pub projection_hidden: usize,
    /// Size of the embedding the loss compares (section 2.3).
    #[serde(default = "SimClrConfig::default_projection_dim")]
    pub projection_dim: usize,
    /// Temperature of the loss, positive (0.5 for CIFAR-10, appendix B.9; ImageNet runs use 0.1).
    #[serde(default = "SimClrConfig::default_temperature")]
    pub temperature: f64,
    /// Batch normalisation in the projection's hidden layer, as in the authors' code.
    #[serde(default = "SimClrConfig::default_batch_norm")]
    pub batch_norm: bool,
}

impl SimClrConfig {
    fn default_projection_dim() -> usize {
        128
    }

    fn default_temperature() -> f64 {
        0.5
    }

    fn default_batch_norm() -> bool {
        true
    }

    /// The defaults with a hidden layer of `projection_hidden` units.
    pub fn new(projection_hidden: usize) -> Self {
        Self {
            projection_hidden,
            projection_dim: Self::default_projection_dim(),
            temperature: Self::default_temperature(),
            batch_norm: Self::default_batch_norm(),
        }
    }

    /// Puts a new projection head on `encoder`.
    ///
    /// # Errors
    /// [`ObjectiveConfigError`] for a size of 0 or a temperature that is not positive and finite.
    pub fn init<E: Encoder>(
        &self,
        encoder: E,
        device: &Device,
    ) -> Result<SimClr<E>, ObjectiveConfigError> {
        for (field, size) in [
            ("projection_hidden", self.projection_hidden),
            ("projection_dim", self.projection_dim),
        ] {
            if size == 0 {
                return Err(ObjectiveConfigError::ZeroDimension { field });
            }
        }
        if !(self.temperature > 0.0 && self.temperature.is_finite()) {
            return Err(ObjectiveConfigError::Temperature {
                got: self.temperature,
            });
        }
        let projection = ProjectionHeadConfig {
            input: encoder.feature_dim(),
            hidden: self.projection_hidden,
            output: self.projection_dim,
            batch_norm: self.batch_norm,
        }
        .init(device);
        Ok(SimClr {
            encoder,
            projection,
            temperature: self.temperature,
        })
    }
}

/// An encoder with a projection head, trained by [`nt_xent`](crate::nt_xent()) on two views of each
/// item, such as an image.
///
/// Both views pass the encoder as one batch of `2B`, so batch normalisation sees them together, as
/// in the paper's code. The projection is left behind when the encoder is transferred.
///
/// The metric `contrast_accuracy` is [`contrast_accuracy`](crate::contrast_accuracy).
#[derive(Module, Debug)]
pub struct SimClr<E: Encoder> {
    /// The encoder.
    pub encoder: E,
    /// From features to the embedding the loss compares.
    pub projection: ProjectionHead,
    temperature: f64,
}

impl<E: Encoder> SimClr<E> {
    /// Embeddings of a batch, not normalised.
    ///
    /// # Shapes
    /// - output: `[batch, projection_dim]`
    pub fn embed(&self, input: E::Input) -> Tensor<2> {
        self.projection.forward(self.encoder.forward(input))
    }

    /// The temperature in force.
    pub fn temperature(&self) -> f64 {
        self.temperature
    }
}

impl<E: Encoder> Objective for SimClr<E> {
    type Batch = ViewBatch<E::Input>;
    type Encoder = E;

    /// # Panics
    /// If the batch does not hold exactly two views of one shape.
    fn step(&self, batch: Self::Batch, _at: StepContext) -> StepOutput {
        let views = batch.views.len();
        assert_eq!(views, 2, "SimCLR needs 2 views of each item, got {views}");
        let (left, right) = (batch.views[0].shape(), batch.views[1].shape());
        assert!(
            left == right,
            "SimCLR's views must have one shape, got {:?} and {:?}",
            left.as_slice(),
            right.as_slice()
        );

        let embeddings = self.embed(Input::cat(batch.views));
        let halves = embeddings.chunk(2, 0);
        let contrast = Contrast::new(halves[0].clone(), halves[1].clone());
        let accuracy = contrast.clone().accuracy();
        StepOutput::new(contrast.loss(self.temperature)).with_metric("contrast_accuracy", accuracy)
    }

    fn encoder(&self) -> &E {
        &self.encoder
    }
}
