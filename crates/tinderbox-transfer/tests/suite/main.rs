//! Tests of probes, feature health, intervals and fine-tuning rates.

#[path = "../../../../fixtures/addressed.rs"]
mod addressed;
mod classification;
mod feature_matrix;
mod fine_tune;
mod health;
mod knn;
mod linear_probe;
mod stats;
mod support;
mod word_tests;
