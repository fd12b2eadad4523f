//! What the tests share: fixtures, addressed modules, gradients by name, comparisons.

use std::path::Path;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use serde_json::Value;
use tinderbox_nn::{StateDict, load_state_dict};

use crate::addressed;

/// A CPU device with gradients.
pub fn device() -> Device {
    Device::flex().autodiff()
}

/// A case of `fixtures/data/nn.json`.
pub fn fixture(name: &str) -> Value {
    case("nn.json", name)
}

/// A case of a file in `fixtures/data`.
pub fn case(file: &str, name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/data");
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    assert!(!all[name].is_null(), "{file} has no {name}");
    all[name].clone()
}

/// A number of a case.
pub fn size(case: &Value, key: &str) -> usize {
    case[key]
        .as_u64()
        .unwrap_or_else(|| panic!("the case has no {key}")) as usize
}

pub fn numbers(value: &Value) -> Vec<f64> {
    let values = value.as_array().unwrap();
    values.iter().map(|v| v.as_f64().unwrap()).collect()
}

pub fn shape<const D: usize>(value: &Value) -> [usize; D] {
    let dims: Vec<usize> = numbers(value).into_iter().map(|d| d as usize).collect();
    dims.try_into().unwrap()
}

/// A tensor of addressed numbers.
pub fn uniform<const D: usize>(name: &str, shape: [usize; D], device: &Device) -> Tensor<D> {
    let values = addressed::uniform(name, shape.iter().product());
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// The module with every parameter and statistic at its addressed value.
pub fn fill<M: Module>(module: M) -> M {
    fill_where(module, |_| true)
}

/// The module with the parameters of these names at their addressed values, and the others as they are.
pub fn fill_where<M: Module>(module: M, takes: impl Fn(&str) -> bool) -> M {
    let mut dict = StateDict::of(&module);
    for (name, data) in StateDict::of(&module)
        .iter()
        .filter(|(name, _)| takes(name))
    {
        let values = addressed::weight(name, data.shape().as_slice());
        dict.insert(name, TensorData::new(values, data.shape().clone()));
    }
    load_state_dict(module, &dict, false).unwrap().0
}

/// Gradients of a module's parameters under PyTorch's names and in its layouts.
pub fn gradients<M: Module>(module: M, gradients: &Gradients) -> StateDict {
    struct Replace<'a>(&'a Gradients);
    impl ModuleMapper for Replace<'_> {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            match param.val().grad(self.0) {
                Some(gradient) => param.map(|_| gradient.autodiff()),
                None => param,
            }
        }
    }
    StateDict::of(&module.map(&mut Replace(gradients)))
}

pub fn floats(data: &TensorData) -> Vec<f32> {
    data.clone().convert::<f32>().try_to_vec().unwrap()
}

/// Compares a tensor with its record, see `addressed::record_error`; gives the error.
#[track_caller]
pub fn check_record(name: &str, got: &TensorData, record: &Value, tolerance: f64) -> f64 {
    let norm = record["norm"]
        .as_f64()
        .unwrap_or_else(|| panic!("{name} has no record"));
    let error = addressed::record_error(name, &floats(got), norm, &numbers(&record["entries"]));
    assert!(
        error <= tolerance,
        "{name}: error {error:.2e}, allowed {tolerance:.0e}"
    );
    error
}

/// Compares the output of a module in training, every gradient of `sum(output * cotangent)`, and every
/// statistic; `inputs` are also compared by their gradients. Gives the worst error.
#[track_caller]
pub fn check_training<M: Module, const D: usize, const E: usize>(
    reference: &Value,
    module: M,
    output: Tensor<E>,
    inputs: &[(&str, &Tensor<D>)],
    tolerance: f64,
) -> f64 {
    assert_eq!(output.dims(), shape::<E>(&reference["output_shape"]));
    let mut worst = check_record("output", &output.to_data(), &reference["output"], tolerance);
    let cotangent = uniform("cotangent", output.dims(), &device());
    let backward = (output * cotangent).sum().backward();
    let expected = reference["gradients"].as_object().unwrap();
    let norm = |record: &Value| record["norm"].as_f64().unwrap();
    let largest = expected.values().map(norm).fold(0.0, f64::max);
    let check = |name: &str, got: &TensorData| {
        let record = expected
            .get(name)
            .unwrap_or_else(|| panic!("no gradient of {name}"));
        let entries = numbers(&record["entries"]);
        let error = addressed::gradient_error(name, &floats(got), norm(record), &entries, largest);
        assert!(
            error <= tolerance,
            "gradient of {name}: error {error:.2e}, allowed {tolerance:.0e}"
        );
        error
    };
    for (name, input) in inputs {
        worst = worst.max(check(name, &input.grad(&backward).unwrap().into_data()));
    }
    let state = StateDict::of(&module);
    let got = gradients(module, &backward);
    let statistics = reference["statistics"].as_object();
    let mut seen = inputs.len();
    for name in state.names() {
        let error = match statistics.and_then(|s| s.get(name)) {
            Some(record) => check_record(name, state.get(name).unwrap(), record, tolerance),
            None => {
                seen += 1;
                check(name, got.get(name).unwrap())
            }
        };
        worst = worst.max(error);
    }
    assert_eq!(seen, expected.len(), "gradients compared");
    worst
}

/// Compares all values, each relative to the larger of 1 and itself.
#[track_caller]
pub fn check_close(got: &TensorData, expected: &Value, tolerance: f64) {
    let (got, expected) = (floats(got), numbers(expected));
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.into_iter().zip(expected) {
        let difference = (f64::from(got) - expected).abs();
        assert!(
            difference <= tolerance * expected.abs().max(1.0),
            "got {got}, expected {expected}"
        );
    }
}

/// Compares two tensors, entry by entry.
#[track_caller]
pub fn check_same<const D: usize>(got: Tensor<D>, expected: Tensor<D>, tolerance: f32) {
    assert_eq!(got.dims(), expected.dims());
    let (got, expected) = (floats(&got.into_data()), floats(&expected.into_data()));
    for (got, expected) in got.into_iter().zip(expected) {
        assert!(
            (got - expected).abs() <= tolerance,
            "got {got}, expected {expected}"
        );
    }
}
