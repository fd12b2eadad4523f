//! What the tests share: the digits, the fixture, addressed features.

use std::io::Read;

use serde_json::Value;
use tinderbox_transfer::FeatureMatrix;

use crate::addressed::{below, record_error, uniform};

/// A case of `fixtures/data/transfer.json`.
pub fn case(name: &str) -> Value {
    case_of("transfer", name)
}

/// A case of `fixtures/data/word_vectors.json`.
pub fn word_case(name: &str) -> Value {
    case_of("word_vectors", name)
}

fn case_of(script: &str, name: &str) -> Value {
    let path = format!(
        "{}/../../fixtures/data/{script}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(path).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    assert!(all[name].is_object(), "no case {name}");
    all[name].clone()
}

pub fn number(case: &Value, key: &str) -> f64 {
    case[key].as_f64().unwrap()
}

pub fn numbers(case: &Value, key: &str) -> Vec<f64> {
    let values = case[key].as_array().unwrap().iter();
    values.map(|v| v.as_f64().unwrap()).collect()
}

/// Compares a tensor with its record in the fixture.
#[track_caller]
pub fn check_record(name: &str, got: &[f64], case: &Value, tolerance: f64) {
    let got: Vec<f32> = got.iter().map(|&v| v as f32).collect();
    let record = &case[name];
    let entries = numbers(record, "entries");
    let error = record_error(name, &got, number(record, "norm"), &entries);
    assert!(error <= tolerance, "{name}: error {error}");
}

/// scikit-learn's digits, pixels divided by 16, with the split of the fixture.
pub struct Digits {
    pub features: FeatureMatrix,
    pub labels: Vec<u32>,
    pub train: Vec<usize>,
    pub test: Vec<usize>,
}

pub fn digits() -> Digits {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tinderbox-data/src/digits/digits.csv.gz"
    );
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let row: Vec<u32> = line.split(',').map(|v| v.parse().unwrap()).collect();
        values.extend(row[..64].iter().map(|&v| v as f32 / 16.0));
        labels.push(row[64]);
    }
    assert_eq!(labels.len(), 1797);
    let split = below("split", labels.len(), 4);
    let (test, train) = (0..labels.len()).partition(|&i| split[i] == 0);
    Digits {
        features: FeatureMatrix::new(labels.len(), 64, values).unwrap(),
        labels,
        train,
        test,
    }
}

impl Digits {
    /// Features and labels of some rows.
    pub fn part(&self, rows: &[usize]) -> (FeatureMatrix, Vec<u32>) {
        let labels = rows.iter().map(|&i| self.labels[i]).collect();
        (self.features.select(rows), labels)
    }
}

/// `rows` vectors of numbers in `-1..1` that depend on the name alone.
pub fn addressed(name: &str, rows: usize, dim: usize) -> FeatureMatrix {
    FeatureMatrix::new(rows, dim, uniform(name, rows * dim)).unwrap()
}

/// A matrix from rows.
pub fn matrix<const D: usize>(rows: &[[f32; D]]) -> FeatureMatrix {
    FeatureMatrix::new(rows.len(), D, rows.concat()).unwrap()
}

#[track_caller]
pub fn check_close(got: f64, expected: f64, tolerance: f64) {
    assert!(
        (got - expected).abs() <= tolerance * expected.abs().max(1.0),
        "got {got}, expected {expected}"
    );
}

/// The result of `f` on one thread and on three.
pub fn on_one_and_three_threads<T: Send>(f: impl Fn() -> T + Sync) -> (T, T) {
    let run = |threads| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
            .install(&f)
    };
    (run(1), run(3))
}
