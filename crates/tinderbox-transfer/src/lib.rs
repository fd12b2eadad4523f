//! Probes and fine-tuning: what a pre-trained encoder is worth.
//!
//! The mathematics of transfer in plain Rust over features on the host ([`FeatureMatrix`]), in
//! `f64` where it matters. Nothing here is random and no result depends on the number of threads,
//! so a probe of the same features gives the same figures anywhere.
//!
//! | question | answer |
//! |---|---|
//! | what do the features know, without any training? | [`Knn`], [`knn_accuracy`] |
//! | what can a linear classifier read from them? | [`LinearProbeConfig`], [`LinearProbe`] |
//! | how good are predicted classes? | [`Classification`] |
//! | are they healthy? | [`health`] |
//! | is one encoder better than another? | [`stats::paired_interval`] |
//! | what do word vectors know? | [`word_similarity`], [`word_analogies`], [`spearman`] |
//! | how right are extracted answers? | [`exact_match`], [`answer_f1`] |
//! | what is a figure's unit, and which way is better? | [`FigureKind`] |
//! | which layers move in fine-tuning? | [`FineTuneConfig`], [`LayerGroups`] |
//!
//! # Cost
//! A linear probe is fitted to convergence: a second for thousands of rows of hundreds of features, minutes for ImageNet's. [`Knn`] compares every query with every
//! training row.
//!
//! # Example
//! ```
//! use tinderbox_transfer::{FeatureMatrix, LinearProbeConfig, accuracy};
//!
//! // Two classes, told apart by the sign of the first feature.
//! let values = vec![1.0, 0.3, 0.8, -0.2, 1.2, 0.1, -1.0, 0.2, -0.9, -0.3, -1.1, 0.0];
//! let features = FeatureMatrix::new(6, 2, values)?;
//! let labels = [0, 0, 0, 1, 1, 1];
//!
//! let probe = LinearProbeConfig::default().try_fit(&features, &labels, 2)?;
//! assert!(probe.converged);
//! assert_eq!(accuracy(&probe.predict(&features), &labels), 1.0);
//! # Ok::<(), tinderbox_transfer::TransferError>(())
//! ```
#![forbid(unsafe_code)]

mod answer_tests;
mod class_weights;
mod classification;
mod curvature;
mod eigenvalues;
mod error;
mod feature_matrix;
mod figure;
mod fine_tune;
pub mod health;
mod knn;
mod lbfgs;
mod linear_classifier;
mod linear_probe;
mod penalty;
mod products;
mod rank_correlation;
mod softmax_regression;
mod standardiser;
pub mod stats;
mod stratified_folds;
mod vector;
mod word_tests;

pub use answer_tests::{answer_f1, exact_match};
pub use class_weights::ClassWeights;
pub use classification::{
    ClassFigures, Classification, ClassificationTally, balanced_accuracy, majority_share,
};
pub use error::TransferError;
pub use feature_matrix::{FeatureMatrix, accuracy};
pub use figure::{Better, FigureKind, Unit};
pub use fine_tune::{FineTuneConfig, LayerGroups};
pub use health::Health;
pub use knn::{Knn, knn_accuracy};
pub use linear_classifier::LinearProbe;
pub use linear_probe::{LinearProbeConfig, ProbeStage};
pub use rank_correlation::spearman;
pub use standardiser::{Scaling, Standardiser};
pub use stats::PairedDifference;
pub use word_tests::{
    AnalogyQuestion, AnalogyResult, JudgedPair, SimilarityResult, parse_analogies,
    parse_judged_pairs, word_analogies, word_similarity,
};
