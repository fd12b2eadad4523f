//! Errors of the objectives' configurations.

use thiserror::Error;
use tinderbox_nn::NnConfigError;

/// Why an objective cannot be built from its configuration.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ObjectiveConfigError {
    /// The temperature is not a positive finite number.
    #[error("temperature must be a positive finite number, got {got}")]
    Temperature {
        /// The value given.
        got: f64,
    },
    /// A layer would have no units.
    #[error("{field} must be at least 1, got 0")]
    ZeroDimension {
        /// The configuration key.
        field: &'static str,
    },
    /// There is nothing to tell apart.
    #[error("classes must be at least 2, got {got}")]
    TooFewClasses {
        /// The value given.
        got: usize,
    },
    /// There is not a weight for each class, or one is no weight.
    #[error(
        "class_weights must be none, or {classes} numbers of at least 0 and some above, got {got:?}"
    )]
    ClassWeights {
        /// Number of classes.
        classes: usize,
        /// The weights given.
        got: Vec<f32>,
    },
    /// The label smoothing is not a share.
    #[error("label_smoothing must be between 0 and 1, got {got}")]
    LabelSmoothing {
        /// The value given.
        got: f64,
    },
    /// The encoder would see no patch, or all of them.
    #[error("mask_ratio must leave some of the {patches} patches and hide some, got {got}")]
    MaskRatio {
        /// The value given.
        got: f64,
        /// Patches of an image.
        patches: usize,
    },
    /// A patch is one value, which has no variance.
    #[error("normalise_pixels needs patches of at least 2 values, got 1")]
    SinglePixel,
    /// The encoder sees the token that it is asked for.
    #[error(
        "a causal language model needs an encoder whose states depend on no later token: a recurrent one in one direction, or \
         a transformer with causal attention"
    )]
    NotCausal,
    /// A number of the configuration is not positive and finite.
    #[error("{field} must be a positive finite number, got {got}")]
    NotPositive {
        /// The configuration key.
        field: &'static str,
        /// The value given.
        got: f64,
    },
    /// Generator and discriminator read different words.
    #[error(
        "generator and discriminator must have one vocabulary, got {generator} and {discriminator} words"
    )]
    Vocabularies {
        /// Words of the generator.
        generator: usize,
        /// Words of the discriminator.
        discriminator: usize,
    },
    /// A network of the objective cannot be built.
    #[error(transparent)]
    Network(#[from] NnConfigError),
}
