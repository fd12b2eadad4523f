//! The supervised objective.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::optim::{GradientsParams, SgdConfig};
use burn::tensor::{Int, Tensor};
use tinderbox_nn::Encoder;
use tinderbox_objectives::{
    LabelledBatch, Objective, ObjectiveConfigError, StepContext, SupervisedConfig, cross_entropy,
    weighted_cross_entropy,
};

use crate::support::{addressed, device, matrix, scalar};

const AT: StepContext = StepContext {
    step: 0,
    total_steps: 1,
    micro_batch: 0,
};

/// An encoder of vectors: one linear layer.
#[derive(Module, Debug)]
struct Flat {
    layer: Linear,
}

impl Encoder for Flat {
    type Input = Tensor<2>;

    fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        self.layer.forward(input)
    }

    fn feature_dim(&self) -> usize {
        6
    }
}

fn flat() -> Flat {
    Flat {
        layer: LinearConfig::new(4, 6).init(&device()),
    }
}

fn batch() -> LabelledBatch<Tensor<2>> {
    LabelledBatch {
        inputs: matrix(&addressed(1, 20), 5),
        targets: Tensor::<1, Int>::from_ints([0, 1, 2, 0, 1], &device()),
    }
}

#[test]
fn a_step_is_cross_entropy_over_the_logits() {
    let objective = SupervisedConfig {
        label_smoothing: 0.1,
        ..SupervisedConfig::new(3)
    }
    .init(flat(), &device())
    .unwrap();
    let batch = batch();
    let logits = objective.logits(batch.inputs.clone());
    assert_eq!(logits.dims(), [5, 3]);
    let expected = scalar(cross_entropy(logits, batch.targets.clone(), 0.1));
    let output = objective.step(batch, AT);
    assert_eq!(scalar(output.loss), expected);
    assert_eq!(output.metrics.len(), 1);
    assert_eq!(output.metrics[0].0, "accuracy");
    assert!(!output.metrics[0].1.is_tracked());
    assert_eq!(objective.encoder().feature_dim(), 6);
}

#[test]
fn gradient_descent_fits_a_small_batch() {
    let mut objective = SupervisedConfig::new(3).init(flat(), &device()).unwrap();
    let mut optimiser = SgdConfig::new().init();
    for _ in 0..400 {
        let loss = objective.step(batch(), AT).loss;
        let gradients = GradientsParams::from_grads(loss.backward(), &objective);
        objective = optimiser.step(0.5, objective, gradients);
    }
    let output = objective.step(batch(), AT);
    assert_eq!(scalar(output.metrics[0].1.clone()), 1.0);
}

#[test]
fn configurations_are_checked_once_and_by_type() {
    let init = |classes, label_smoothing| {
        SupervisedConfig {
            label_smoothing,
            ..SupervisedConfig::new(classes)
        }
        .init(flat(), &device())
        .err()
    };
    assert_eq!(
        init(1, 0.0),
        Some(ObjectiveConfigError::TooFewClasses { got: 1 })
    );
    assert_eq!(
        init(2, -0.1),
        Some(ObjectiveConfigError::LabelSmoothing { got: -0.1 })
    );
    assert!(init(2, f64::NAN).is_some());
    assert_eq!(init(2, 1.0), None);
    let weighted = |class_weights: &[f32]| {
        SupervisedConfig {
            class_weights: class_weights.to_vec(),
            ..SupervisedConfig::new(2)
        }
        .init(flat(), &device())
        .err()
    };
    assert_eq!(weighted(&[0.5, 2.0]), None);
    for got in [&[1.0][..], &[1.0, -1.0], &[0.0, 0.0], &[1.0, f32::INFINITY]] {
        let error = weighted(got).unwrap();
        assert!(matches!(error, ObjectiveConfigError::ClassWeights { .. }));
    }
}

#[test]
fn class_weights_are_those_of_the_loss() {
    let class_weights = vec![0.5, 4.0, 1.0];
    let objective = SupervisedConfig {
        class_weights: class_weights.clone(),
        ..SupervisedConfig::new(3)
    }
    .init(flat(), &device())
    .unwrap();
    let batch = batch();
    let logits = objective.logits(batch.inputs.clone());
    let targets = batch.targets.clone();
    let plain = scalar(cross_entropy(logits.clone(), targets.clone(), 0.0));
    let expected = scalar(weighted_cross_entropy(logits, targets, 0.0, &class_weights));
    assert_ne!(expected, plain);
    assert_eq!(scalar(objective.step(batch, AT).loss), expected);
}

#[test]
fn unknown_keys_are_refused() {
    let config: SupervisedConfig = serde_json::from_str(r#"{"classes": 10}"#).unwrap();
    assert_eq!(config, SupervisedConfig::new(10));
    assert!(serde_json::from_str::<SupervisedConfig>(r#"{"classes": 10, "smooth": 1}"#).is_err());
}
