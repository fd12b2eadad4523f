//! The [`Objective`] trait: what the trainer minimises.

use burn::module::Module;
use burn::tensor::Tensor;
use tinderbox_nn::Encoder;

/// Where in a run a step stands. Everything random in a step derives from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepContext {
    /// Optimiser steps done before this one.
    pub step: u64,
    /// Optimiser steps of the whole run.
    pub total_steps: u64,
    /// Which part of an accumulated batch this is, from 0.
    pub micro_batch: u32,
}

/// What one forward pass of an objective yields.
#[derive(Debug, Clone)]
pub struct StepOutput {
    /// The loss to differentiate, shape `[1]`, a mean over the batch.
    pub loss: Tensor<1>,
    /// Further figures worth a curve, each of shape `[1]`.
    pub metrics: Vec<(&'static str, Tensor<1>)>,
    /// What [`after_update`](Objective::after_update) gets, such as the keys of a queue.
    pub carry: Vec<Tensor<2>>,
}

impl StepOutput {
    /// An output with a loss and no further figures.
    pub fn new(loss: Tensor<1>) -> Self {
        Self {
            loss,
            metrics: Vec::new(),
            carry: Vec::new(),
        }
    }

    /// Adds a named figure of shape `[1]`.
    pub fn with_metric(mut self, name: &'static str, value: Tensor<1>) -> Self {
        self.metrics.push((name, value));
        self
    }

    /// Adds what the objective needs after the update, without a gradient.
    pub fn with_carry(mut self, value: Tensor<2>) -> Self {
        self.carry.push(value.detach());
        self
    }
}

/// A pretext task or a supervised task: an encoder, heads and a loss over a batch.
///
/// All state is part of the module, so that a checkpoint of the module is a checkpoint of the objective: copies of a network are
/// [`Teacher`](tinderbox_nn::Teacher)s, tensors that are kept and not learnt, such as a queue of negatives,
/// [`Buffer`](tinderbox_nn::Buffer)s. A clone of a network shares the ids of its parameters and cannot be trained beside it.
pub trait Objective: Module {
    /// What one step consumes.
    type Batch: Send;
    /// The encoder that is pre-trained.
    type Encoder: Encoder;

    /// The loss of one batch.
    fn step(&self, batch: Self::Batch, at: StepContext) -> StepOutput;

    /// Called once after each optimiser update, for state that follows the weights. `carried` is the
    /// [`carry`](StepOutput::carry) of each micro-batch of the step, in order.
    fn after_update(self, _carried: Vec<Vec<Tensor<2>>>, _at: StepContext) -> Self {
        self
    }

    /// The encoder as it stands.
    fn encoder(&self) -> &Self::Encoder;
}
