//! Replays a saved step and names the first tensor that is not finite.

use std::path::Path;

use burn::tensor::Device;
use tinderbox_objectives::{Objective, StepContext};

use crate::batch::FromPlain;
use crate::checkpoint::Checkpoint;
use crate::error::TrainError;
use crate::step::{compute, read_batches};
use crate::trainer::{BATCH, MODEL};
use crate::update::{is_finite, non_finite_gradients, non_finite_parameters};

/// What a replay found.
#[derive(Debug, Clone, PartialEq)]
pub struct Replay {
    /// The step.
    pub step: u64,
    /// Its loss.
    pub loss: f64,
    /// The global norm of its gradient.
    pub grad_norm: f64,
    /// Indices of the items in the batches, in order.
    pub items: Vec<u64>,
    /// Tensors with a value that is not finite, in the order of computation: inputs,
    /// parameters, loss and figures, gradients. Empty if the step is sound here.
    pub not_finite: Vec<String>,
}

/// Loads the state and the batches in `folder` and computes the step again, without updating.
///
/// # Errors
/// A folder that is damaged or does not fit the objective.
pub fn replay<O>(
    objective: O,
    folder: &Path,
    seed: u64,
    device: &Device,
) -> Result<Replay, TrainError>
where
    O: Objective,
    O::Batch: FromPlain,
{
    let checkpoint =
        Checkpoint::read(folder).map_err(|reason| TrainError::incompatible(folder, reason))?;
    let objective = checkpoint.load_module(MODEL, objective)?;
    let batches = read_batches(&folder.join(BATCH))?;
    let mut not_finite = Vec::new();
    for (micro, batch) in batches.iter().enumerate() {
        for (name, data) in &batch.tensors {
            if !is_finite(data) {
                not_finite.push(format!("input {name} of micro-batch {micro}"));
            }
        }
    }
    let parameters = non_finite_parameters(&objective);
    not_finite.extend(
        parameters
            .into_iter()
            .map(|path| format!("parameter {path}")),
    );
    let at = StepContext {
        step: checkpoint.state.step,
        total_steps: checkpoint.state.total_steps,
        micro_batch: 0,
    };
    let computed = compute(&objective, &batches, seed, at, device);
    if !computed.loss.is_finite() {
        not_finite.push("loss".to_string());
    }
    let figures = computed
        .metrics
        .iter()
        .filter(|(_, value)| !value.is_finite());
    not_finite.extend(figures.map(|(name, _)| format!("figure {name}")));
    let gradients = non_finite_gradients(&objective, &computed.grads);
    not_finite.extend(
        gradients
            .into_iter()
            .map(|path| format!("gradient of {path}")),
    );
    Ok(Replay {
        step: at.step,
        loss: computed.loss,
        grad_norm: computed.grad_norm,
        items: batches
            .iter()
            .flat_map(|batch| batch.indices.clone())
            .collect(),
        not_finite,
    })
}
