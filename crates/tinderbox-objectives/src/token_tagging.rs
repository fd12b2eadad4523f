//! Token tagging: a class for each word of a text, such as its part of speech.
//!
//! Shape letters: `B` batch, `T` tokens, `N` tagged places, `C` classes.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor};
use serde::{Deserialize, Serialize};
use tinderbox_kernels::embedding;
use tinderbox_nn::{TokenBatch, TokenEncoder};

use crate::batch::TaggedBatch;
use crate::error::ObjectiveConfigError;
use crate::objective::{Objective, StepContext, StepOutput};
use crate::places;

/// Configuration of [`TokenTagging`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenTaggingConfig {
    /// Number of classes, at least 2.
    pub classes: usize,
}

impl TokenTaggingConfig {
    /// Puts a new linear head on `encoder`.
    ///
    /// # Errors
    /// [`ObjectiveConfigError`] for fewer than 2 classes.
    pub fn init<E: TokenEncoder>(
        &self,
        encoder: E,
        device: &Device,
    ) -> Result<TokenTagging<E>, ObjectiveConfigError> {
        if self.classes < 2 {
            return Err(ObjectiveConfigError::TooFewClasses { got: self.classes });
        }
        let classifier = LinearConfig::new(encoder.feature_dim(), self.classes).init(device);
        Ok(TokenTagging {
            encoder,
            classifier,
        })
    }
}

/// An encoder with a linear classifier of tokens, trained by the mean cross-entropy over the tagged places (Devlin et al. 2019,
/// section 5.3): special tokens, padding, and pieces that continue a word have no tag.
///
/// The metric `token_accuracy` is the share of the tagged places that are classified right, 0 where none is tagged.
#[derive(Module, Debug)]
pub struct TokenTagging<E: TokenEncoder> {
    /// The encoder.
    pub encoder: E,
    /// From a state to one logit a class.
    pub classifier: Linear,
}

impl<E: TokenEncoder> TokenTagging<E> {
    /// Logits at these places.
    ///
    /// # Shapes
    /// - `places`: `[N]`, flat indices into `B x T`
    /// - output: `[N, C]`
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn logits(&self, input: TokenBatch, places: Tensor<1, Int>) -> Tensor<2> {
        let states = self.encoder.hidden_states(input);
        let [rows, length, size] = states.dims();
        let states = embedding(states.reshape([rows * length, size]), places);
        self.classifier.forward(states)
    }
}

impl<E: TokenEncoder> Objective for TokenTagging<E> {
    type Batch = TaggedBatch;
    type Encoder = E;

    /// # Panics
    /// If the shapes do not fit, or `positions` and `targets` differ in length.
    fn step(&self, batch: TaggedBatch, _at: StepContext) -> StepOutput {
        let ([places], [tags]) = (batch.positions.dims(), batch.targets.dims());
        assert_eq!(
            places, tags,
            "token tagging: {places} positions, but {tags} targets"
        );
        let logits = |places| self.logits(batch.input, places);
        places::step(batch.positions, batch.targets, logits)
    }

    fn encoder(&self) -> &E {
        &self.encoder
    }
}
