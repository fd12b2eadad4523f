//! Errors of reading, writing and loading weights.

use std::path::PathBuf;

use thiserror::Error;

/// How many names an error lists before it only counts them.
const LISTED: usize = 5;

/// Why weights cannot be read, written or loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file cannot be written; what was at its path before is still there.
    #[error("cannot write {}: {reason}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// A file's content cannot be used.
    #[error("{}: {source}", path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: Box<WeightsError>,
    },
    /// The bytes are no safetensors file, or a damaged one.
    #[error("no valid safetensors: {reason}")]
    Malformed {
        /// What is wrong with them.
        reason: String,
    },
    /// A tensor has elements of a type that no module here has.
    #[error("{name}: elements of type {dtype} are not supported")]
    UnsupportedType {
        /// The tensor.
        name: String,
        /// The type of its elements.
        dtype: String,
    },
    /// A tensor has another shape than the module's.
    #[error("{name}: expected shape {expected:?}, got {got:?}")]
    Shape {
        /// The tensor.
        name: String,
        /// The module's shape, in PyTorch's layout.
        expected: Vec<usize>,
        /// The dictionary's shape.
        got: Vec<usize>,
    },
    /// A tensor holds integers where the module has floats, or the reverse.
    #[error("{name}: expected {expected}, got {got}")]
    Kind {
        /// The tensor.
        name: String,
        /// The module's kind of elements.
        expected: &'static str,
        /// The dictionary's.
        got: &'static str,
    },
    /// The names of the module and of the dictionary are not the same.
    #[error(
        "names differ: missing {}; unexpected {}",
        listed(missing),
        listed(unexpected)
    )]
    Names {
        /// Names of the module that the dictionary lacks.
        missing: Vec<String>,
        /// Names of the dictionary that the module lacks.
        unexpected: Vec<String>,
    },
    /// No name of the module is one of the dictionary: there is nothing to load.
    #[error(
        "no name in common: the network has {}; the weights have {}",
        listed(missing),
        listed(unexpected)
    )]
    NothingInCommon {
        /// The names of the module.
        missing: Vec<String>,
        /// The names of the dictionary.
        unexpected: Vec<String>,
    },
}

fn listed(names: &[String]) -> String {
    let first = names[..names.len().min(LISTED)].join(", ");
    match names.len() {
        0 => "none".into(),
        n if n > LISTED => format!("{first} and {} more", n - LISTED),
        _ => first,
    }
}
