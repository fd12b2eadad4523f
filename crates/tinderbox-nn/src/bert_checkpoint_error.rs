//! Errors of BERT's checkpoints.

use thiserror::Error;

use crate::error::NnConfigError;
use crate::weights::WeightsError;

/// Why a checkpoint cannot be read, made or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BertCheckpointError {
    /// The configuration is no JSON, or lacks something.
    #[error("config.json: {reason}")]
    Config {
        /// What is wrong with it.
        reason: String,
    },
    /// A setting has a value with which [`Bert`](crate::Bert) would compute something else.
    #[error("config.json: {key} must be {expected}, got {got}")]
    Unsupported {
        /// The setting.
        key: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        got: String,
    },
    /// A tensor comes under two names, such as `LayerNorm.gamma` and `LayerNorm.weight`.
    #[error("{name} comes under two names")]
    Twice {
        /// Its name today.
        name: String,
    },
    /// The decoder of words has values of its own.
    #[error("{name} differs from what it is tied to")]
    Untied {
        /// The decoder's tensor.
        name: String,
    },
    /// The encoder is a variant that this format cannot hold.
    #[error("Hugging Face's BERT has no {what}")]
    Variant {
        /// What it has.
        what: &'static str,
    },
    /// A file or its tensors cannot be used.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// No network can be built from the configuration.
    #[error("config.json: {0}")]
    Network(#[from] NnConfigError),
}
