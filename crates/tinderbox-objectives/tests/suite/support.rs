//! What the tests share: devices, addressed numbers, and a check of gradients.

use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use serde_json::Value;
use tinderbox_nn::{StateDict, load_state_dict};

/// A CPU device with gradients.
pub fn device() -> Device {
    Device::flex().autodiff()
}

/// A case of a file in `fixtures/data`.
pub fn case(file: &str, name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/data");
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    assert!(all[name].is_object(), "{file} has no case {name}");
    all[name].clone()
}

/// A matrix from its rows, row by row.
pub fn matrix(values: &[f32], rows: usize) -> Tensor<2> {
    let shape = [rows, values.len() / rows];
    Tensor::from_data(TensorData::new(values.to_vec(), shape), &device())
}

/// The only value of a tensor.
#[track_caller]
pub fn scalar(x: Tensor<1>) -> f32 {
    let values = floats(x);
    assert_eq!(values.len(), 1, "not a scalar: {values:?}");
    values[0]
}

/// All values of a tensor, row by row.
pub fn floats<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.into_data_as::<f32>().try_to_vec().unwrap()
}

/// Numbers in `-1..1` that depend on `seed` and their place alone.
pub fn addressed(seed: u64, n: usize) -> Vec<f32> {
    crate::addressed::uniform(&format!("objectives {seed}"), n)
}

/// The module with every parameter but the fixed positions at its addressed value.
pub fn fill<M: Module>(module: M) -> M {
    let mut dict = StateDict::of(&module);
    for (name, data) in StateDict::of(&module).iter() {
        if !name.ends_with("pos_embed") {
            let values = crate::addressed::weight(name, data.shape().as_slice());
            dict.insert(name, TensorData::new(values, data.shape().clone()));
        }
    }
    load_state_dict(module, &dict, false).unwrap().0
}

/// The gradient of `f` at the matrix of `values`.
pub fn gradient(values: &[f32], rows: usize, f: impl Fn(Tensor<2>) -> Tensor<1>) -> Vec<f32> {
    let x = matrix(values, rows).require_grad();
    let gradients = f(x.clone()).backward();
    floats(x.grad(&gradients).expect("a gradient"))
}

/// Compares the gradient of `f` with central differences of `reference`, the same function in f64
/// written from its formula.
///
/// The differences are taken in f64, so their own error (about 1e-9) is far below the tolerance of
/// 1e-4, that of a composite in f32.
#[track_caller]
pub fn check_gradient(
    values: &[f32],
    rows: usize,
    f: impl Fn(Tensor<2>) -> Tensor<1>,
    reference: impl Fn(&[f64]) -> f64,
) {
    let got = gradient(values, rows, f);
    let mut x: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
    let h = 1e-5;
    for i in 0..x.len() {
        let at = x[i];
        x[i] = at + h;
        let above = reference(&x);
        x[i] = at - h;
        let below = reference(&x);
        x[i] = at;
        let expected = (above - below) / (2.0 * h);
        assert!(
            (f64::from(got[i]) - expected).abs() <= 1e-4 * (1.0 + expected.abs()),
            "gradient {i}: got {}, differences give {expected}",
            got[i]
        );
    }
}

/// Asserts that all values are within `tolerance` of each other, relative to the larger of 1 and
/// the value.
#[track_caller]
pub fn check_close(got: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(got.len(), expected.len(), "lengths");
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        assert!(
            (g - e).abs() <= tolerance * e.abs().max(1.0),
            "value {i}: got {g}, expected {e}"
        );
    }
}
