//! Errors of the encoders' configurations.

use thiserror::Error;

/// Why an encoder cannot be built from its configuration.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum NnConfigError {
    /// A layer would have no channels or no units.
    #[error("{field} must be at least 1, got 0")]
    Zero {
        /// The configuration key, or `channels` or `image_size` of the data.
        field: &'static str,
    },
    /// The image would shrink to nothing.
    #[error("{encoder} needs images of at least {minimum} pixels a side, got {got}")]
    ImageTooSmall {
        /// The encoder's name.
        encoder: &'static str,
        /// The smallest side that leaves a feature.
        minimum: usize,
        /// The side given.
        got: usize,
    },
    /// The dropout is no probability below 1.
    #[error("dropout must be at least 0 and below 1, got {got}")]
    Dropout {
        /// The value given.
        got: f64,
    },
}

/// Refuses a size of 0.
pub(crate) fn at_least_one(field: &'static str, size: usize) -> Result<(), NnConfigError> {
    match size {
        0 => Err(NnConfigError::Zero { field }),
        _ => Ok(()),
    }
}
