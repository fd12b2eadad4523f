//! Tinderbox: pre-train on unlabelled data, transfer, and measure whether it paid.
//!
//! This crate is the library's front door: it re-exports the layers by name and forwards Cargo
//! features. It has no logic, so that a program which needs one layer alone can depend on that
//! crate and nothing else.
//!
//! | module | what it holds |
//! |---|---|
//! | [`data`] | data sets, views, the loader |
//! | [`kernels`] | what makes steps fast |
//! | [`nn`] | encoders, heads, weights by their published names |
//! | [`objectives`] | losses and pretext tasks |
//! | [`transfer`] | probes, fine-tuning rates, statistics |
//! | [`train`] | the engine: trainer, checkpoints, evaluators |
//!
//! Features: `flex` (default), `x86-v4`, `wgpu`, `vulkan`, `metal`, `cuda`, `ndarray`, `remote` enable
//! backends, any number at once; a tensor's device says at run time which one it uses.
//! `image` (default) decodes PNG and JPEG files; `audio`, `parquet` and `text` read what their names say.
#![forbid(unsafe_code)]

pub use burn;
pub use tinderbox_data as data;
pub use tinderbox_kernels as kernels;
pub use tinderbox_nn as nn;
pub use tinderbox_objectives as objectives;
pub use tinderbox_train as train;
pub use tinderbox_transfer as transfer;
