//! Agreement with PyTorch, by the numbers that `fixtures/objectives.py` wrote.

use burn::tensor::{Gradients, Int, Tensor};
use serde_json::Value;
use tinderbox_objectives::{accuracy, contrast_accuracy, cross_entropy, nt_xent};

use crate::addressed::{below, record_error, uniform};
use crate::support::{device, floats, matrix, scalar};

/// The losses take a log-softmax over similarities in f32, the references in f64: the tolerance of
/// a composite.
const TOLERANCE: f64 = 1e-4;

fn case(name: &str) -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/data/objectives.json"
    );
    let text = std::fs::read_to_string(path).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    assert!(all[name].is_object(), "no case {name}");
    all[name].clone()
}

fn size(case: &Value, key: &str) -> usize {
    case[key].as_u64().unwrap() as usize
}

fn number(case: &Value, key: &str) -> f64 {
    case[key].as_f64().unwrap()
}

#[track_caller]
fn check_loss(got: Tensor<1>, case: &Value) -> Gradients {
    let expected = number(case, "loss");
    let value = f64::from(scalar(got.clone()));
    assert!(
        (value - expected).abs() <= TOLERANCE * expected.abs(),
        "loss: got {value}, PyTorch has {expected}"
    );
    got.backward()
}

#[track_caller]
fn check_gradient(name: &str, x: &Tensor<2>, gradients: &Gradients, case: &Value) {
    let record = &case["gradients"][name];
    let entries: Vec<f64> = record["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect();
    let got = floats(x.grad(gradients).unwrap());
    let error = record_error(name, &got, number(record, "norm"), &entries);
    assert!(error <= TOLERANCE, "gradient of {name}: error {error}");
}

#[test]
fn nt_xent_agrees_with_the_definition_in_pytorch() {
    for name in ["nt_xent_half", "nt_xent_tenth", "nt_xent_hundredth"] {
        let case = case(name);
        let (batch, dim) = (size(&case, "batch"), size(&case, "dim"));
        let a = matrix(&uniform("a", batch * dim), batch).require_grad();
        let b = matrix(&uniform("b", batch * dim), batch).require_grad();
        let loss = nt_xent(a.clone(), b.clone(), number(&case, "temperature"));
        let gradients = check_loss(loss, &case);
        check_gradient("a", &a, &gradients, &case);
        check_gradient("b", &b, &gradients, &case);
        let got = f64::from(scalar(contrast_accuracy(a, b)));
        assert!((got - number(&case, "contrast_accuracy")).abs() < 1e-6);
    }
}

#[test]
fn cross_entropy_agrees_with_pytorch() {
    for name in [
        "cross_entropy",
        "cross_entropy_smoothed",
        "cross_entropy_two_classes",
    ] {
        let case = case(name);
        let (batch, classes) = (size(&case, "batch"), size(&case, "classes"));
        let scale = number(&case, "logits_scale") as f32;
        let values: Vec<f32> = uniform("logits", batch * classes)
            .iter()
            .map(|v| v * scale)
            .collect();
        let logits = matrix(&values, batch).require_grad();
        let targets: Vec<i64> = below("targets", batch, classes)
            .iter()
            .map(|&t| t as i64)
            .collect();
        let targets = Tensor::<1, Int>::from_ints(targets.as_slice(), &device());
        let smoothing = number(&case, "label_smoothing");
        let loss = cross_entropy(logits.clone(), targets.clone(), smoothing);
        let gradients = check_loss(loss, &case);
        check_gradient("logits", &logits, &gradients, &case);
        let got = f64::from(scalar(accuracy(logits, targets)));
        assert!((got - number(&case, "accuracy")).abs() < 1e-6);
    }
}
