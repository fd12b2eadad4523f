//! BERT's heads for pairs of segments, and ELECTRA's for replaced tokens.
//!
//! Shape letters: `B` batch, `T` tokens, `E` width.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use tinderbox_kernels::Activation;

use crate::bert::initial_dense;
use crate::layers::apply;
use crate::masked_word_head::{MaskedWordHeadConfig, MaskedWordPredictions};

/// Classes of a pair: is the next segment or is not; in order or swapped.
const RELATIONS: usize = 2;

/// Configuration of [`SentenceHead`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentenceHeadConfig {
    /// Size `E` of a summary.
    pub width: usize,
}

impl SentenceHeadConfig {
    /// A head drawn as BERT is.
    pub fn init(&self, device: &Device) -> SentenceHead {
        SentenceHead {
            seq_relationship: initial_dense(self.width, RELATIONS, device),
        }
    }
}

/// Logits of how the two segments of a sequence belong together, from [`BertPooler`](crate::BertPooler)'s summary.
///
/// In a field called `cls` it has the names of Hugging Face's `BertForNextSentencePrediction`,
/// `cls.seq_relationship`; class 0 is then "is the next".
#[derive(Module, Debug)]
pub struct SentenceHead {
    /// From a summary to a logit a class.
    pub seq_relationship: Linear,
}

impl SentenceHead {
    /// # Shapes
    /// - `summary`: `[B, E]`
    /// - output: `[B, 2]`
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn forward(&self, summary: Tensor<2>) -> Tensor<2> {
        apply(&self.seq_relationship, summary, Activation::Identity)
    }
}

/// Configuration of [`BertPretrainingHeads`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BertPretrainingHeadsConfig {
    /// Size `E` of a token.
    pub width: usize,
    /// Words of the vocabulary.
    pub vocabulary: usize,
}

impl BertPretrainingHeadsConfig {
    /// Heads drawn as BERT is.
    pub fn init(&self, device: &Device) -> BertPretrainingHeads {
        let words = MaskedWordHeadConfig {
            width: self.width,
            vocabulary: self.vocabulary,
        };
        BertPretrainingHeads {
            predictions: words.init(device).predictions,
            seq_relationship: initial_dense(self.width, RELATIONS, device),
        }
    }
}

/// The heads of [`MaskedWordHead`](crate::MaskedWordHead) and [`SentenceHead`] side by side.
///
/// In a field called `cls` they have the names of Hugging Face's `BertForPreTraining`.
#[derive(Module, Debug)]
pub struct BertPretrainingHeads {
    /// Logits of words at masked places.
    pub predictions: MaskedWordPredictions,
    /// From a summary to the logits of [`SentenceHead`].
    pub seq_relationship: Linear,
}

impl BertPretrainingHeads {
    /// Logits of the relation of the two segments.
    ///
    /// # Shapes
    /// - `summary`: `[B, E]`
    /// - output: `[B, 2]`
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn relation(&self, summary: Tensor<2>) -> Tensor<2> {
        apply(&self.seq_relationship, summary, Activation::Identity)
    }
}

/// Configuration of [`ReplacedTokenHead`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplacedTokenHeadConfig {
    /// Size `E` of a token.
    pub width: usize,
}

impl ReplacedTokenHeadConfig {
    /// A head drawn as BERT is.
    pub fn init(&self, device: &Device) -> ReplacedTokenHead {
        ReplacedTokenHead {
            dense: initial_dense(self.width, self.width, device),
            dense_prediction: initial_dense(self.width, 1, device),
        }
    }
}

/// A logit a token that it was replaced: dense layer, GELU, dense layer (Clark et al. 2020, the authors' code).
///
/// In a field called `discriminator_predictions` it has the names of Hugging Face's `ElectraForPreTraining`.
#[derive(Module, Debug)]
pub struct ReplacedTokenHead {
    /// The first layer.
    pub dense: Linear,
    /// From a token to its logit.
    pub dense_prediction: Linear,
}

impl ReplacedTokenHead {
    /// # Shapes
    /// - `hidden`: `[B, T, E]`
    /// - output: `[B, T]`
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn forward(&self, hidden: Tensor<3>) -> Tensor<2> {
        let [batch, tokens, _] = hidden.dims();
        let x = apply(&self.dense, hidden, Activation::Gelu);
        apply(&self.dense_prediction, x, Activation::Identity).reshape([batch, tokens])
    }
}
