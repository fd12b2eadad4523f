//! Batch normalisation against PyTorch's, and its state.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use tinderbox_nn::{BatchNorm, BatchNormConfig, StateDict, load_state_dict};

use crate::support::{
    check_close, check_record, device, fill, fixture, floats, gradients, shape, uniform,
};

const TOLERANCE: f64 = 1e-5;

/// Three steps of training and an evaluation.
#[track_caller]
fn check<const D: usize>(case: &str, features: usize) {
    let reference = fixture(case);
    let dims = shape::<D>(&reference["input"]);
    let norm = fill(BatchNormConfig::new(features).init(&device()));
    for (i, step) in reference["steps"].as_array().unwrap().iter().enumerate() {
        let input = uniform(&format!("input{i}"), dims, &device()).require_grad();
        let output = norm.forward(input.clone());
        check_record("output", &output.to_data(), &step["output"], TOLERANCE);
        let cotangent = uniform(&format!("cotangent{i}"), dims, &device());
        let backward = (output * cotangent).sum().backward();
        let of_input = input.grad(&backward).unwrap().into_data();
        check_record("input", &of_input, &step["gradients"]["input"], TOLERANCE);
        let got = gradients(norm.clone(), &backward);
        for name in ["weight", "bias"] {
            let record = &step["gradients"][name];
            check_record(name, got.get(name).unwrap(), record, TOLERANCE);
        }
        let state = StateDict::of(&norm);
        for name in ["running_mean", "running_var"] {
            check_close(state.get(name).unwrap(), &step[name], TOLERANCE);
        }
    }
    let input = uniform("evaluated", dims, &Device::flex());
    let output = norm.valid().forward(input).into_data();
    check_record("output", &output, &reference["evaluation"], TOLERANCE);
}

#[test]
fn vectors_agree_over_three_steps() {
    check::<2>("batch_norm_1d", 5);
}

#[test]
fn images_agree_over_three_steps() {
    check::<4>("batch_norm_2d", 3);
}

fn running_var(norm: &BatchNorm) -> Vec<f32> {
    floats(&norm.running_var.value().into_data())
}

/// A step of training that moves the statistics.
fn train(norm: &BatchNorm) {
    norm.forward(uniform("input", [6, 2], &device()) * 3.0);
}

/// Burn's `RunningState` shares its value between clones: training a clone changed the original.
#[test]
fn a_clone_and_a_valid_copy_are_independent() {
    let norm = BatchNormConfig::new(2).init(&device());
    let (copy, valid) = (norm.clone(), norm.valid());
    train(&norm);
    assert_ne!(running_var(&norm), [1.0, 1.0]);
    assert_eq!(running_var(&copy), [1.0, 1.0]);
    assert_eq!(running_var(&valid), [1.0, 1.0]);
}

/// Burn's `RunningState` is mapped in place: loading weights into a clone changed the original.
#[test]
fn loading_into_a_clone_leaves_the_original() {
    let norm = BatchNormConfig::new(2).init(&device());
    let trained = norm.clone();
    train(&trained);
    let (loaded, _) = load_state_dict(norm.clone(), &StateDict::of(&trained), false).unwrap();
    assert_eq!(running_var(&loaded), running_var(&trained));
    assert_eq!(running_var(&norm), [1.0, 1.0]);
}

/// Burn's `RunningState` lags by a step when visited: a checkpoint missed the last update.
#[test]
fn the_state_dict_holds_the_last_step() {
    let norm = BatchNormConfig::new(2).init(&device());
    train(&norm);
    let dict = StateDict::of(&norm);
    let valid = norm.valid();
    assert_eq!(
        floats(dict.get("running_var").unwrap()),
        running_var(&valid)
    );
    assert_ne!(running_var(&valid), [1.0, 1.0]);
}

#[test]
fn evaluation_and_a_frozen_layer_leave_the_statistics() {
    let norm = BatchNormConfig::new(2).init(&device());
    let frozen = norm.clone().freeze();
    train(&frozen);
    assert_eq!(running_var(&frozen), [1.0, 1.0]);
    norm.valid()
        .forward(uniform("input", [6, 2], &Device::flex()));
    assert_eq!(running_var(&norm), [1.0, 1.0]);
    // Of one row there is no variance, but evaluation needs none.
    norm.valid()
        .forward(Tensor::<2>::ones([1, 2], &Device::flex()));
    // Thawed, it trains again, and its statistics still ask for no gradient.
    let thawed = frozen.unfreeze();
    train(&thawed);
    assert_ne!(running_var(&thawed), [1.0, 1.0]);
    assert!(!thawed.running_var.value().is_require_grad());
}

#[test]
fn training_goes_on_after_valid_and_train() {
    let norm = BatchNormConfig::new(2).init(&device());
    train(&norm);
    let again = norm.valid().train();
    assert_eq!(running_var(&again), running_var(&norm));
    train(&again);
    train(&norm);
    assert_eq!(running_var(&again), running_var(&norm));
}

#[test]
fn a_burn_record_restores_the_statistics() {
    let norm = BatchNormConfig::new(2).init(&device());
    train(&norm);
    let record = norm.clone().into_record();
    let restored = BatchNormConfig::new(2).init(&device()).load_record(record);
    assert_eq!(running_var(&restored), running_var(&norm));
}

#[test]
#[should_panic(expected = "at least 2 values a channel, got shape [1, 2]")]
fn one_value_a_channel_has_no_variance_to_train_with() {
    let norm = BatchNormConfig::new(2).init(&device());
    norm.forward(Tensor::<2>::ones([1, 2], &device()));
}

#[test]
#[should_panic(expected = "over 2 features got an input of shape [4, 3]")]
fn another_number_of_features_panics_with_both() {
    let norm = BatchNormConfig::new(2).init(&device());
    norm.forward(Tensor::<2>::ones([4, 3], &device()));
}

#[test]
fn a_constant_channel_gives_its_bias_and_finite_gradients() {
    let norm = BatchNormConfig::new(2).init(&device());
    let input = Tensor::<2>::full([4, 2], 7.0, &device()).require_grad();
    let output = norm.forward(input.clone());
    assert_eq!(floats(&output.to_data()), [0.0; 8]);
    let backward = (output * uniform("cotangent", [4, 2], &device()))
        .sum()
        .backward();
    let gradient = floats(&input.grad(&backward).unwrap().into_data());
    assert!(gradient.iter().all(|g| g.is_finite()), "{gradient:?}");
}
