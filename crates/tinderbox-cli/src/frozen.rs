//! Training an output layer on an encoder that stays as it is.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::Tensor;
use tinderbox::nn::{Encoder, Input};
use tinderbox::objectives::{LabelledBatch, Objective, StepContext, StepOutput, cross_entropy};

use crate::classifier::Classifier;
use crate::encoder::{AnyEncoder, AnyInput};

/// A frozen encoder below a linear classifier.
///
/// The encoder runs in inference mode, batch normalisation and dropout included, and gets no
/// gradient: only the output layer learns.
#[derive(Module, Debug)]
pub struct Frozen {
    /// The encoder, which stays as it is.
    pub encoder: AnyEncoder,
    /// From features to one logit a class.
    pub head: Linear,
    label_smoothing: f64,
}

impl Frozen {
    /// An output layer on an encoder.
    pub fn new(encoder: AnyEncoder, head: Linear, label_smoothing: f64) -> Self {
        Self {
            encoder,
            head,
            label_smoothing,
        }
    }
}

impl Objective for Frozen {
    type Batch = LabelledBatch<AnyInput>;
    type Encoder = AnyEncoder;

    fn step(&self, batch: Self::Batch, _at: StepContext) -> StepOutput {
        let features = self.encoder.valid().forward(batch.inputs.inner());
        let logits = self.head.forward(Tensor::from_inner(features));
        StepOutput::new(cross_entropy(logits, batch.targets, self.label_smoothing))
    }

    fn encoder(&self) -> &AnyEncoder {
        &self.encoder
    }
}

impl Classifier for Frozen {
    fn classify(&self, input: AnyInput) -> Tensor<2> {
        self.head.forward(self.encoder.forward(input))
    }
}
