//! What can go wrong in a run.

use std::path::{Path, PathBuf};

use tinderbox_data::DataError;
use tinderbox_transfer::TransferError;

/// A trainer configured in a way that cannot run.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TrainConfigError {
    /// A value lies outside its range.
    #[error("`{name}` is {value}, expected {expected}")]
    OutOfRange {
        /// The setting.
        name: &'static str,
        /// What was given.
        value: f64,
        /// What is accepted.
        expected: &'static str,
    },
    /// Two parameters of the objective have one id: gradients, updates and averages would mix them up.
    #[error(
        "`{first}` and `{second}` are one parameter to the trainer: an objective that holds a copy of a network \
         holds a `Teacher` of it, not a clone"
    )]
    SharedParameter {
        /// The path of the one that comes first.
        first: String,
        /// The path of the other.
        second: String,
    },
}

/// A run that could not go on.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The configuration cannot run.
    #[error(transparent)]
    Config(#[from] TrainConfigError),
    /// Reading data failed.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A probe could not be fitted, such as to features that are not finite.
    #[error("linear probe: {0}")]
    Probe(#[source] TransferError),
    /// The loss or the gradient of a step is not finite; the update was not made.
    #[error(
        "step {step}: {what} is not finite ({value}); nothing was updated{}",
        saved.as_ref().map(|path| format!("; batch and state saved in {}", path.display())).unwrap_or_default()
    )]
    NotFinite {
        /// The step that failed.
        step: u64,
        /// `loss` or `gradient norm`.
        what: &'static str,
        /// The value found.
        value: f64,
        /// Where the batch and the state before the step were saved.
        saved: Option<PathBuf>,
    },
    /// A stop was asked for where nothing can be saved.
    #[error("stopped by signal {signal}")]
    Stopped {
        /// The signal's number.
        signal: i32,
    },
    /// A file of the run could not be read or written.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was tried, such as "writing".
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The run directory exists already.
    #[error("{} exists", path.display())]
    Exists {
        /// The directory.
        path: PathBuf,
    },
    /// Another process works on the run directory.
    #[error("{} is in use by process {holder}", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
        /// The process that holds it, as it wrote itself down.
        holder: String,
    },
    /// No checkpoint verifies.
    #[error("{} holds no checkpoint that can be used", path.display())]
    NoCheckpoint {
        /// The directory.
        path: PathBuf,
    },
    /// A checkpoint does not fit the objective.
    #[error("checkpoint {}: {reason}", path.display())]
    Incompatible {
        /// The checkpoint.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl TrainError {
    /// Attaches what was tried, and where, to an input or output error.
    pub(crate) fn io(
        action: &'static str,
        path: impl AsRef<Path>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    pub(crate) fn incompatible(path: &Path, reason: impl std::fmt::Display) -> Self {
        Self::Incompatible {
            path: path.to_path_buf(),
            reason: reason.to_string(),
        }
    }
}
