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
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/data/nn.json");
    let text = std::fs::read_to_string(path).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    file[name].clone()
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
    let mut dict = StateDict::default();
    for (name, data) in StateDict::of(&module).iter() {
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
