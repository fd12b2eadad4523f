//! Errors of BERT's checkpoints.

use std::path::PathBuf;

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
    /// A file beside them is no JSON.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file beside them asks for what is not computed here.
    #[error("{}: {key} must be {expected}, got {got}", path.display())]
    Setting {
        /// The file.
        path: PathBuf,
        /// The setting.
        key: String,
        /// What it must be.
        expected: String,
        /// What it is.
        got: String,
    },
    /// The table of words has fewer rows than the tokeniser has tokens.
    #[error(
        "config.json: vocab_size must be at least {expected}, the tokens of the tokeniser, got {got}"
    )]
    Vocabulary {
        /// How many tokens there are.
        expected: usize,
        /// How many rows there are.
        got: usize,
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
