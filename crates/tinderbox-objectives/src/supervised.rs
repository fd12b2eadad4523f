//! Supervised classification: the baseline every pretext task is measured against.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use tinderbox_nn::Encoder;

use crate::batch::LabelledBatch;
use crate::cross_entropy::{accuracy, cross_entropy, weighted_cross_entropy};
use crate::error::ObjectiveConfigError;
use crate::objective::{Objective, StepContext, StepOutput};

/// Configuration of [`Supervised`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupervisedConfig {
    /// Number of classes, at least 2.
    pub classes: usize,
    /// Share of the target spread evenly over all classes, in `0..=1`; 0 unless given.
    #[serde(default)]
    pub label_smoothing: f64,
    /// How much an item of each class counts; none if all count the same.
    #[serde(default)]
    pub class_weights: Vec<f32>,
}

impl SupervisedConfig {
    /// Without label smoothing or class weights.
    pub fn new(classes: usize) -> Self {
        Self {
            classes,
            label_smoothing: 0.0,
            class_weights: Vec::new(),
        }
    }

    /// Puts a new linear head on `encoder`.
    ///
    /// # Errors
    /// [`ObjectiveConfigError`] for fewer than 2 classes, a label smoothing outside `0..=1` or weights that are none.
    pub fn init<E: Encoder>(
        &self,
        encoder: E,
        device: &Device,
    ) -> Result<Supervised<E>, ObjectiveConfigError> {
        if self.classes < 2 {
            return Err(ObjectiveConfigError::TooFewClasses { got: self.classes });
        }
        if !(0.0..=1.0).contains(&self.label_smoothing) {
            return Err(ObjectiveConfigError::LabelSmoothing {
                got: self.label_smoothing,
            });
        }
        let weights = &self.class_weights;
        let are_weights =
            weights.iter().all(|w| w.is_finite() && *w >= 0.0) && weights.iter().any(|w| *w > 0.0);
        if !(weights.is_empty() || weights.len() == self.classes && are_weights) {
            return Err(ObjectiveConfigError::ClassWeights {
                classes: self.classes,
                got: weights.clone(),
            });
        }
        let head = LinearConfig::new(encoder.feature_dim(), self.classes).init(device);
        Ok(Supervised {
            encoder,
            head,
            label_smoothing: self.label_smoothing,
            class_weights: weights.clone(),
        })
    }
}

/// An encoder with a linear classifier, trained by [`cross_entropy`], or with class weights by [`weighted_cross_entropy`].
///
/// The metric `accuracy` is the share of the batch classified right.
#[derive(Module, Debug)]
pub struct Supervised<E: Encoder> {
    /// The encoder.
    pub encoder: E,
    /// From features to one logit a class.
    pub head: Linear,
    label_smoothing: f64,
    #[module(skip)]
    class_weights: Vec<f32>,
}

impl<E: Encoder> Supervised<E> {
    /// Logits of a batch.
    ///
    /// # Shapes
    /// - output: `[batch, classes]`
    pub fn logits(&self, input: E::Input) -> Tensor<2> {
        self.head.forward(self.encoder.forward(input))
    }

    /// The label smoothing in force.
    pub fn label_smoothing(&self) -> f64 {
        self.label_smoothing
    }
}

impl<E: Encoder> Objective for Supervised<E> {
    type Batch = LabelledBatch<E::Input>;
    type Encoder = E;

    fn step(&self, batch: Self::Batch, _at: StepContext) -> StepOutput {
        let logits = self.logits(batch.inputs);
        let accuracy = accuracy(logits.clone(), batch.targets.clone());
        let (targets, smoothing) = (batch.targets, self.label_smoothing);
        let loss = match self.class_weights.as_slice() {
            [] => cross_entropy(logits, targets, smoothing),
            weights => weighted_cross_entropy(logits, targets, smoothing, weights),
        };
        StepOutput::new(loss).with_metric("accuracy", accuracy)
    }

    fn encoder(&self) -> &E {
        &self.encoder
    }
}
