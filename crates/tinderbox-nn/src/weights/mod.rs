//! Weights by PyTorch's names and layouts, and their safetensors files.

mod error;
mod file;
mod module;
mod state_dict;

pub use error::WeightsError;
pub(crate) use file::write_atomic;
pub(crate) use module::load_common;
pub use module::{LoadReport, load_state_dict};
pub use state_dict::StateDict;
