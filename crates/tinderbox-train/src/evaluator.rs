//! Evaluators: what is measured on a cadence while an objective trains.

use std::sync::Arc;

use burn::tensor::Device;
use tinderbox_data::PlainBatch;
use tinderbox_nn::Encoder;
use tinderbox_objectives::{Objective, StepContext, ViewBatch};
use tinderbox_transfer::health::alignment;
use tinderbox_transfer::{FeatureMatrix, Health, Knn, LinearProbeConfig};

use crate::batch::{FromPlain, PlainInput};
use crate::error::TrainError;
use crate::labelled::{LabelledItems, encode};
use crate::update::scalar;

/// What an evaluator found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Evaluation {
    /// Named figures, such as `knn/accuracy`.
    pub figures: Vec<(String, f64)>,
    /// What should alarm the user.
    pub warnings: Vec<String>,
}

/// Measures an objective, in inference mode, between two steps.
pub trait Evaluator<O: Objective> {
    /// Measures.
    ///
    /// # Errors
    /// What keeps it from measuring; it ends the run.
    fn evaluate(&mut self, objective: &O) -> Result<Evaluation, TrainError>;
}

/// Accuracy of a k-nearest-neighbour vote on the encoder's features, `knn/accuracy` (0 to 1).
pub struct KnnEvaluator {
    /// Items whose labels vote.
    pub train: Arc<LabelledItems>,
    /// Items that are classified.
    pub test: Arc<LabelledItems>,
    /// The vote.
    pub knn: Knn,
    /// Where the encoder is, without autodiff.
    pub device: Device,
}

impl<O> Evaluator<O> for KnnEvaluator
where
    O: Objective,
    O::Encoder: Encoder<Input: PlainInput>,
{
    fn evaluate(&mut self, objective: &O) -> Result<Evaluation, TrainError> {
        let train = encode(objective.encoder(), &self.train, &self.device);
        let test = encode(objective.encoder(), &self.test, &self.device);
        let predicted = self.knn.predict(&train, &self.train.labels, &test);
        let accuracy = self.test.accuracy(&predicted);
        Ok(Evaluation {
            figures: vec![("knn/accuracy".to_string(), accuracy)],
            warnings: Vec::new(),
        })
    }
}

/// Accuracy of a linear probe on the encoder's features, `probe/accuracy` (0 to 1).
pub struct ProbeEvaluator {
    /// Items the probe learns from.
    pub train: Arc<LabelledItems>,
    /// Items that are classified.
    pub test: Arc<LabelledItems>,
    /// Classes.
    pub classes: usize,
    /// The probe.
    pub probe: LinearProbeConfig,
    /// Where the encoder is, without autodiff.
    pub device: Device,
}

impl<O> Evaluator<O> for ProbeEvaluator
where
    O: Objective,
    O::Encoder: Encoder<Input: PlainInput>,
{
    fn evaluate(&mut self, objective: &O) -> Result<Evaluation, TrainError> {
        let train = encode(objective.encoder(), &self.train, &self.device);
        let test = encode(objective.encoder(), &self.test, &self.device);
        let probe = self
            .probe
            .try_fit(&train, &self.train.labels, self.classes)
            .map_err(TrainError::Probe)?;
        let accuracy = self.test.accuracy(&probe.predict(&test));
        let mut warnings = Vec::new();
        if !probe.converged {
            warnings.push(format!(
                "the linear probe had not converged after {} iterations (its gradient is {:.1e}): better features \
                 may have a lower accuracy than worse ones",
                probe.iterations, probe.gradient_norm
            ));
        }
        Ok(Evaluation {
            figures: vec![("probe/accuracy".to_string(), accuracy)],
            warnings,
        })
    }
}

/// The health of a representation on a fixed batch of two views: spread, effective rank,
/// alignment, uniformity, and an alarm when it collapses, once until it has recovered.
pub struct HealthEvaluator<I> {
    views: ViewBatch<I>,
    least_spread: f64,
    remedy: &'static str,
    alarmed: bool,
}

impl<I: PlainInput> HealthEvaluator<I> {
    /// Watches a batch with two views, whose features are called collapsed below a spread, such as
    /// [`COLLAPSED_SPREAD`](tinderbox_transfer::health::COLLAPSED_SPREAD); the alarm says what is to be tried against that.
    pub fn new(
        batch: &PlainBatch,
        device: &Device,
        least_spread: f64,
        remedy: &'static str,
    ) -> Self {
        Self {
            views: ViewBatch::from_plain(batch, device),
            least_spread,
            remedy,
            alarmed: false,
        }
    }
}

impl<I, O> Evaluator<O> for HealthEvaluator<I>
where
    I: PlainInput,
    O: Objective,
    O::Encoder: Encoder<Input = I>,
{
    fn evaluate(&mut self, objective: &O) -> Result<Evaluation, TrainError> {
        let [a, b] = [0, 1].map(|view: usize| {
            let input = self.views.views[view].clone();
            FeatureMatrix::from_tensor(objective.encoder().forward(input))
        });
        let Health {
            embedding_std,
            effective_rank,
            uniformity,
            collapsed,
        } = Health::of(&a, self.least_spread);
        let figures = [
            ("embedding_std", embedding_std),
            ("effective_rank", effective_rank),
            ("alignment", alignment(&a, &b)),
            ("uniformity", uniformity),
        ];
        let figures = figures.map(|(name, value)| (format!("health/{name}"), value));
        let mut warnings = Vec::new();
        if collapsed && !self.alarmed {
            warnings.push(format!(
                "the representation has collapsed (spread {embedding_std:.2e}, effective rank \
                 {effective_rank:.1} of {}); {}",
                a.dim, self.remedy
            ));
        }
        self.alarmed = collapsed;
        let figures = figures.to_vec();
        Ok(Evaluation { figures, warnings })
    }
}

/// The objective's own loss and figures on batches that it is not trained on: `held-out/loss`, and `held-out/NAME` for each figure,
/// means over the batches; or by another name than `held-out`.
pub struct HeldOutEvaluator {
    /// What the names of the figures begin with, such as [`VALIDATION`](Self::VALIDATION).
    pub name: &'static str,
    /// The batches, of one size but for the last.
    pub batches: Vec<PlainBatch>,
    /// Where the objective is, without autodiff.
    pub device: Device,
}

impl HeldOutEvaluator {
    /// What is held out of pre-training.
    pub const HELD_OUT: &'static str = "held-out";
    /// The mean loss of that.
    pub const LOSS: &'static str = "held-out/loss";
    /// What is held out of the labels to learn from.
    pub const VALIDATION: &'static str = "validation";
    /// The mean loss of that.
    pub const VALIDATION_LOSS: &'static str = "validation/loss";
    /// The mean accuracy on that, of an objective that has one.
    pub const VALIDATION_ACCURACY: &'static str = "validation/accuracy";
}

impl<O> Evaluator<O> for HeldOutEvaluator
where
    O: Objective<Batch: FromPlain>,
{
    fn evaluate(&mut self, objective: &O) -> Result<Evaluation, TrainError> {
        let mut figures: Vec<(String, f64)> = Vec::new();
        let mut items = 0.0;
        for (number, batch) in self.batches.iter().enumerate() {
            // What the objective itself draws is the same in every evaluation.
            self.device.seed(number as u64);
            let at = StepContext {
                step: 0,
                total_steps: 1,
                micro_batch: number as u32,
            };
            let weight = batch.indices.len() as f64;
            items += weight;
            let output = objective.step(O::Batch::from_plain(batch, &self.device), at);
            let named = std::iter::once(("loss", output.loss)).chain(output.metrics);
            for (place, (name, value)) in named.enumerate() {
                if number == 0 {
                    figures.push((format!("{}/{name}", self.name), 0.0));
                }
                figures[place].1 += weight * scalar(value);
            }
        }
        for (_, sum) in &mut figures {
            *sum /= items;
        }
        Ok(Evaluation {
            figures,
            warnings: Vec::new(),
        })
    }
}
