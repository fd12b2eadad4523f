//! The SimCLR objective.

use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Tensor, TensorData};
use tinderbox_nn::{AnyImageEncoder, Encoder, ImageEncoderConfig};
use tinderbox_objectives::{
    Objective, ObjectiveConfigError, SimClr, SimClrConfig, StepContext, ViewBatch,
    contrast_accuracy, nt_xent,
};

use crate::support::{addressed, check_close, device, scalar};

const AT: StepContext = StepContext {
    step: 0,
    total_steps: 1,
    micro_batch: 0,
};

fn encoder() -> AnyImageEncoder {
    ImageEncoderConfig::ReferenceCnn {
        filters: 4,
        stages: 1,
        hidden: 16,
        dropout: 0.0,
    }
    .init(1, 8, &device())
    .unwrap()
}

fn objective(batch_norm: bool) -> SimClr<AnyImageEncoder> {
    SimClrConfig {
        projection_hidden: 16,
        projection_dim: 8,
        temperature: 0.2,
        batch_norm,
    }
    .init(encoder(), &device())
    .unwrap()
}

fn images(seed: u64, n: usize) -> Tensor<4> {
    let data = TensorData::new(addressed(seed, n * 64), [n, 1, 8, 8]);
    Tensor::from_data(data, &device())
}

/// Two noisy views of `n` images.
fn views(n: usize) -> ViewBatch {
    let base = images(1, n);
    ViewBatch {
        views: vec![base.clone() + images(2, n) * 0.2, base + images(3, n) * 0.2],
    }
}

#[test]
fn a_step_is_nt_xent_over_the_projections() {
    // Without batch normalisation each embedding depends on its own image alone.
    let objective = objective(false);
    let batch = views(6);
    let a = objective.embed(batch.views[0].clone());
    let b = objective.embed(batch.views[1].clone());
    assert_eq!(a.dims(), [6, 8]);

    let output = objective.step(batch, AT);
    let (name, accuracy) = &output.metrics[0];
    assert_eq!(*name, "contrast_accuracy");
    assert!(!accuracy.is_tracked());
    let expected = contrast_accuracy(a.clone(), b.clone());
    assert_eq!(scalar(accuracy.clone()), scalar(expected));
    check_close(&[scalar(output.loss)], &[scalar(nt_xent(a, b, 0.2))], 1e-5);
    assert_eq!(objective.encoder().feature_dim(), 16);
    assert_eq!(objective.temperature(), 0.2);
}

#[test]
fn the_order_of_the_views_does_not_matter() {
    for batch_norm in [false, true] {
        let objective = objective(batch_norm);
        let batch = views(5);
        let mut swapped = batch.clone();
        swapped.views.reverse();
        check_close(
            &[scalar(objective.step(batch, AT).loss)],
            &[scalar(objective.step(swapped, AT).loss)],
            1e-5,
        );
    }
}

#[test]
fn training_tells_the_images_apart() {
    let mut objective = objective(true);
    let mut optimiser = AdamConfig::new().init();
    let first = scalar(objective.step(views(8), AT).loss);
    for _ in 0..60 {
        let loss = objective.step(views(8), AT).loss;
        let gradients = GradientsParams::from_grads(loss.backward(), &objective);
        objective = optimiser.step(0.01, objective, gradients);
    }
    let output = objective.step(views(8), AT);
    let last = scalar(output.loss);
    assert!(last < 0.5 * first, "from {first} to {last}");
    assert_eq!(scalar(output.metrics[0].1.clone()), 1.0);
}

#[test]
fn every_parameter_gets_a_gradient() {
    let objective = objective(true);
    let loss = objective.step(views(4), AT).loss;
    let gradients = GradientsParams::from_grads(loss.backward(), &objective);
    // Weight and bias of the convolution, the dense layer, the second projection and the
    // normalisation; the first projection has no bias.
    assert_eq!(gradients.len(), 9);
}

#[test]
fn a_batch_of_one_costs_nothing() {
    let output = objective(false).step(views(1), AT);
    assert_eq!(scalar(output.loss), 0.0);
}

#[test]
#[should_panic(expected = "SimCLR needs 2 views of each item, got 1")]
fn one_view_is_refused() {
    objective(false).step(
        ViewBatch {
            views: vec![images(1, 2)],
        },
        AT,
    );
}

#[test]
#[should_panic(expected = "SimCLR's views must have one shape, got [2, 1, 8, 8] and [3, 1, 8, 8]")]
fn views_of_different_batches_are_refused() {
    objective(false).step(
        ViewBatch {
            views: vec![images(1, 2), images(1, 3)],
        },
        AT,
    );
}

#[test]
fn configurations_are_checked_once_and_by_type() {
    #[track_caller]
    fn check(change: impl Fn(&mut SimClrConfig), expected: ObjectiveConfigError) {
        let mut config = SimClrConfig::new(16);
        change(&mut config);
        assert_eq!(config.init(encoder(), &device()).err(), Some(expected));
    }
    for got in [0.0, -1.0, f64::INFINITY] {
        check(
            |c| c.temperature = got,
            ObjectiveConfigError::Temperature { got },
        );
    }
    for (field, change) in [
        (
            "projection_hidden",
            (|c| c.projection_hidden = 0) as fn(&mut SimClrConfig),
        ),
        ("projection_dim", |c| c.projection_dim = 0),
    ] {
        check(change, ObjectiveConfigError::ZeroDimension { field });
    }
    let not_a_number = SimClrConfig {
        temperature: f64::NAN,
        ..SimClrConfig::new(16)
    };
    assert!(not_a_number.init(encoder(), &device()).is_err());
    assert!(SimClrConfig::new(16).init(encoder(), &device()).is_ok());
}

#[test]
fn a_recipe_needs_the_hidden_size_alone() {
    let config: SimClrConfig = serde_json::from_str(r#"{"projection_hidden": 512}"#).unwrap();
    assert_eq!(config, SimClrConfig::new(512));
    assert_eq!((config.projection_dim, config.temperature), (128, 0.5));
    assert!(serde_json::from_str::<SimClrConfig>(r#"{"projection_hidden": 8, "tau": 1}"#).is_err());
}

#[test]
fn the_module_counts_encoder_and_projection() {
    let objective = objective(true);
    assert_eq!(
        objective.num_params(),
        objective.encoder.num_params() + objective.projection.num_params()
    );
}
