//! What makes training steps fast: operations that do in one pass what a chain of Burn's does in many.
//!
//! | item | what it does |
//! |---|---|
//! | [`linear`] | dense layer with its ReLU or GELU |
//! | [`conv2d`] | convolution |
//! | [`batch_norm_train`], [`batch_norm`] | batch normalisation with the shortcut's sum and a ReLU |
//! | [`max_pool2d`], [`global_average_pool`] | pooling |
//! | [`layer_norm`] | layer normalisation |
//! | [`attention`] | scaled dot-product attention over heads, with masks and dropout |
//! | [`dropout`] | dropout |
//! | [`embedding`] | rows of a table by index |
//! | [`softmax_cross_entropy`] | cross-entropy by class index |
//! | [`adamw`], [`momentum`], [`lars`], [`sum_of_squares`] | updates of parameters, and what clipping needs |
//! | [`word_vectors`] | updates of word2vec's and GloVe's vectors on the host |
//! | [`keep_freed_memory`] | the C library keeps the memory that a step frees for the next step |
//!
//! Here `unsafe` is denied, and each module that allows it says why.
#![deny(unsafe_code)]

mod attention;
mod batch_norm;
mod conv2d;
mod cross_entropy;
mod dropout;
mod embedding;
#[cfg(feature = "flex")]
mod flex;
mod global_average_pool;
mod layer_norm;
mod linear;
// Without the fast path only some of it is used.
#[cfg_attr(not(feature = "flex"), allow(dead_code, unused_macros, unused_imports))]
mod math;
mod max_pool;
mod memory;
mod optimiser;
mod simd;
pub mod word_vectors;

pub use attention::{AttentionOptions, attention};
pub use batch_norm::{BatchNormOutput, Epilogue, batch_norm, batch_norm_train};
pub use conv2d::{Conv2dOptions, conv2d};
pub use cross_entropy::softmax_cross_entropy;
pub use dropout::dropout;
pub use embedding::embedding;
pub use global_average_pool::global_average_pool;
pub use layer_norm::layer_norm;
pub use linear::{Activation, linear};
pub use max_pool::{MaxPool2dOptions, max_pool2d};
pub use memory::keep_freed_memory;
pub use optimiser::{AdamwStep, LarsStep, MomentumStep, adamw, lars, momentum, sum_of_squares};

#[cfg(feature = "flex")]
#[doc(hidden)]
pub use flex::buffer::buffers_allocated;
