//! An output layer on an encoder that stays as it is.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Tensor, TensorData};
use tinderbox::nn::{Encoder, Input};
use tinderbox::objectives::{LabelledBatch, Objective, StepContext, StepOutput, cross_entropy};
use tinderbox::transfer::{ClassWeights, LinearProbe, LinearProbeConfig};

use crate::classifier::Classifier;
use crate::encoder::{AnyEncoder, AnyInput};
use crate::error::CliError;
use crate::features::Features;
use crate::output::Output;
use crate::progress::{Progress, ProgressMode};
use crate::recipe::ObjectiveRecipe;
use crate::training::{Setup, warn_of_skipped};

/// Logit of a class without labels: its probability is 0, and every number stays finite.
const NEVER: f64 = -1e30;

/// A frozen encoder below a linear classifier.
///
/// The classifier is not trained in steps: it is the linear probe of the encoder's features, [fitted](Self::fitted) at once. The encoder runs
/// in inference mode, batch normalisation and dropout included.
#[derive(Module, Debug)]
pub struct Frozen {
    /// The encoder, which stays as it is.
    pub encoder: AnyEncoder,
    /// From features to one logit a class.
    pub head: Linear,
}

impl Frozen {
    /// An output layer on an encoder.
    pub fn new(encoder: AnyEncoder, head: Linear) -> Self {
        Self { encoder, head }
    }

    /// The same with its output layer fitted to the training items as they are, without random views.
    ///
    /// # Errors
    /// Items that cannot be read, or features that are not finite.
    pub fn fitted(self, setup: &Setup<'_>, output: &Output) -> Result<Self, CliError> {
        let class_weights = match setup.recipe.objective {
            ObjectiveRecipe::Supervised { class_weights, .. } => class_weights,
            _ => ClassWeights::None,
        };
        let config = LinearProbeConfig {
            class_weights,
            ..LinearProbeConfig::default()
        };
        let parts = 2 + config.l2.len() as u64;
        let mut progress = Progress::new(parts, ProgressMode::detect(output.quiet));
        let Setup { inputs, items, .. } = *setup;
        let encoder = self.encoder.valid();
        let features = Features::of(&encoder, inputs, items, setup.device, &mut progress)?;
        let probe = features.probe(&config, setup.data.classes.len(), &mut progress)?;
        progress.finish();
        warn_of_skipped(&features.skipped, items.len(), output);
        if !probe.converged {
            output.warn(&format!(
                "the output layer had not converged after {} iterations",
                probe.iterations
            ));
        }
        Ok(self.with(&probe))
    }

    /// The same with the classifier of a probe.
    fn with(self, probe: &LinearProbe) -> Self {
        let (weights, bias) = probe.affine();
        let (classes, dim) = (bias.len(), weights.len() / bias.len());
        let device = self.head.weight.device();
        // Ours has a row a class, Burn's a column.
        let columns = (0..dim * classes).map(|i| weights[i % classes * dim + i / classes] as f32);
        let weight = TensorData::new(columns.collect::<Vec<f32>>(), [dim, classes]);
        let bias = bias.iter().map(|bias| bias.max(NEVER) as f32);
        let bias = TensorData::new(bias.collect::<Vec<f32>>(), [classes]);
        let head = Linear {
            weight: Param::from_tensor(Tensor::from_data(weight, &device)),
            bias: Some(Param::from_tensor(Tensor::from_data(bias, &device))),
        };
        Self { head, ..self }
    }
}

impl Objective for Frozen {
    type Batch = LabelledBatch<AnyInput>;
    type Encoder = AnyEncoder;

    fn step(&self, batch: Self::Batch, _at: StepContext) -> StepOutput {
        let features = self.encoder.valid().forward(batch.inputs.inner());
        let logits = self.head.forward(Tensor::from_inner(features));
        StepOutput::new(cross_entropy(logits, batch.targets, 0.0))
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
