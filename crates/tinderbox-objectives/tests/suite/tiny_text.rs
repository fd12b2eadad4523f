//! A small BERT and batches of few words, which the tests of several objectives share.

use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Bool, Int, Tensor, TensorData};
use tinderbox_nn::{Bert, BertConfig, StateDict, TokenBatch};
use tinderbox_objectives::{MaskedBatch, Objective, StepContext};

use crate::support::{device, floats};

pub const AT: StepContext = StepContext {
    step: 0,
    total_steps: 1,
    micro_batch: 0,
};
pub const VOCABULARY: usize = 12;

/// One block of 16, without dropout.
pub fn config() -> BertConfig {
    BertConfig {
        width: 16,
        heads: 2,
        ffn: 32,
        depth: 1,
        positions: 6,
        dropout: 0.0,
        attention_dropout: 0.0,
        ..BertConfig::tiny()
    }
}

pub fn bert(config: &BertConfig) -> Bert {
    device().seed(3);
    config.init(VOCABULARY, &device()).unwrap()
}

pub fn integers<const D: usize>(values: &[i64], shape: [usize; D]) -> Tensor<D, Int> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), &device())
}

pub fn booleans(values: &[bool], shape: [usize; 2]) -> Tensor<2, Bool> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), &device())
}

/// Two sequences of which the second ends in two tokens of padding; word 1 is the mask.
pub fn masked(positions: &[i64], targets: &[i64]) -> MaskedBatch {
    MaskedBatch {
        tokens: integers(&[3, 1, 5, 6, 7, 1, 0, 0], [2, 4]),
        segments: integers(&[0, 0, 1, 1, 0, 0, 0, 0], [2, 4]),
        padding: booleans(
            &[false, false, false, false, false, false, true, true],
            [2, 4],
        ),
        positions: integers(positions, [positions.len()]),
        targets: integers(targets, [targets.len()]),
    }
}

/// The same with nothing but padding in the second sequence.
pub fn all_padding(mut batch: MaskedBatch) -> MaskedBatch {
    let padding = [false, false, false, false, true, true, true, true];
    batch.padding = booleans(&padding, [2, 4]);
    batch
}

/// Sequences of one length without padding.
pub fn sentences(words: &[i64], shape: [usize; 2]) -> TokenBatch {
    let tokens = integers(words, shape);
    TokenBatch {
        segments: tokens.zeros_like(),
        tokens,
        padding: None,
        documents: None,
    }
}

/// Asserts that every parameter has a gradient and all of them are finite.
#[track_caller]
pub fn check_finite<O: Objective>(objective: &O, loss: Tensor<1>) {
    let backward = loss.backward();
    let gradients = GradientsParams::from_grads(backward, objective);
    assert_eq!(gradients.len(), StateDict::of(objective).len());
    let moved = AdamConfig::new()
        .init()
        .step(1e-3, objective.clone(), gradients);
    for (name, data) in StateDict::of(&moved).iter() {
        assert!(data.iter::<f32>().all(f32::is_finite), "{name}");
    }
}

/// The objective after some steps of Adam on batches that `batch` makes.
pub fn train<O: Objective>(mut objective: O, steps: usize, batch: impl Fn() -> O::Batch) -> O {
    let mut optimiser = AdamConfig::new().init();
    for _ in 0..steps {
        let loss = objective.step(batch(), AT).loss;
        let gradients = GradientsParams::from_grads(loss.backward(), &objective);
        objective = optimiser.step(0.01, objective, gradients);
    }
    objective
}

/// All parameters, one after another.
pub fn parameters<M: Module>(module: &M) -> Vec<f32> {
    let dict = StateDict::of(module);
    dict.iter()
        .flat_map(|(_, data)| data.iter::<f32>().collect::<Vec<_>>())
        .collect()
}

/// A metric of a step.
#[track_caller]
pub fn metric(output: &tinderbox_objectives::StepOutput, wanted: &str) -> f32 {
    let found = output.metrics.iter().find(|(name, _)| *name == wanted);
    floats(found.unwrap_or_else(|| panic!("no {wanted}")).1.clone())[0]
}
