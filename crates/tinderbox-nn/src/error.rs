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
    /// The heads of an attention do not share its width evenly.
    #[error("heads must divide the width, got {heads} heads and a width of {width}")]
    Heads {
        /// The width given.
        width: usize,
        /// The number of heads given.
        heads: usize,
    },
    /// An image is not a whole number of patches.
    #[error("patch must divide the image's side, got a patch of {patch} and {image_size} pixels")]
    Patch {
        /// The patch's side given.
        patch: usize,
        /// The image's side given.
        image_size: usize,
    },
    /// Sine and cosine make pairs.
    #[error("{field} must be even for sinusoidal or rotary positions, got {got}")]
    Odd {
        /// The configuration key, or what follows from it.
        field: &'static str,
        /// The size given.
        got: usize,
    },
    /// Sine and cosine of two coordinates need four equal parts.
    #[error("{field} must be a multiple of 4 for positions in two dimensions, got {got}")]
    PositionWidth {
        /// The configuration key.
        field: &'static str,
        /// The width given.
        got: usize,
    },
}

/// Refuses a size of 0.
pub(crate) fn at_least_one(field: &'static str, size: usize) -> Result<(), NnConfigError> {
    match size {
        0 => Err(NnConfigError::Zero { field }),
        _ => Ok(()),
    }
}

/// Refuses an odd size.
pub(crate) fn even(field: &'static str, size: usize) -> Result<(), NnConfigError> {
    match size.is_multiple_of(2) {
        true => Ok(()),
        false => Err(NnConfigError::Odd { field, got: size }),
    }
}

/// Refuses a dropout outside `0..1`.
pub(crate) fn probability(dropout: f64) -> Result<(), NnConfigError> {
    match (0.0..1.0).contains(&dropout) {
        true => Ok(()),
        false => Err(NnConfigError::Dropout { got: dropout }),
    }
}
