//! Errors of generation.

use thiserror::Error;

/// Why nothing can be generated.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum GenerationError {
    /// There would be nothing to choose from.
    #[error("{field} must be at least 1, got 0")]
    Zero {
        /// The configuration key.
        field: &'static str,
    },
    /// The temperature is not a positive finite number.
    #[error("temperature must be a positive finite number, got {got}")]
    Temperature {
        /// The value given.
        got: f64,
    },
    /// The share of the probability is none.
    #[error("top_p must be above 0 and at most 1, got {got}")]
    TopP {
        /// The value given.
        got: f64,
    },
    /// The length penalty is no number.
    #[error("length_penalty must be a finite number, got {got}")]
    LengthPenalty {
        /// The value given.
        got: f64,
    },
    /// A prompt has no token.
    #[error("prompt {prompt} is empty: a model needs a token to go on from")]
    EmptyPrompt {
        /// Its number, from 0.
        prompt: usize,
    },
    /// A prompt is longer than the model reads.
    #[error("prompt {prompt} has {got} tokens, but the model reads at most {longest}")]
    LongPrompt {
        /// Its number, from 0.
        prompt: usize,
        /// Its tokens.
        got: usize,
        /// The most that the model reads.
        longest: usize,
    },
}
