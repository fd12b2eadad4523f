//! BERT's head for masked words.
//!
//! Shape letters: `B` batch, `T` tokens, `N` masked places, `E` width, `V` vocabulary.
// `LayerNorm` is a published name.
#![allow(non_snake_case)]

use burn::module::{Module, Param};
use burn::nn::{Initializer, LayerNorm, Linear};
use burn::tensor::{Device, Int, Tensor};
use tinderbox_kernels::{Activation, embedding, linear};

use crate::bert::{BertConfig, initial_dense, initial_norm};
use crate::layers::{apply, normalise};

/// Configuration of [`MaskedWordHead`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskedWordHeadConfig {
    /// Size `E` of a token.
    pub width: usize,
    /// Words `V` of the vocabulary.
    pub vocabulary: usize,
}

impl MaskedWordHeadConfig {
    /// A head drawn as BERT is, with a bias of zeros.
    pub fn init(&self, device: &Device) -> MaskedWordHead {
        MaskedWordHead {
            predictions: MaskedWordPredictions {
                transform: MaskedWordTransform {
                    dense: initial_dense(self.width, self.width, device),
                    LayerNorm: initial_norm(self.width, device),
                },
                bias: Initializer::Zeros.init([self.vocabulary], device),
            },
        }
    }
}

/// Logits of words at masked places: dense layer, GELU, normalisation, and a decoder whose weight is the encoder's
/// table of word embeddings (Devlin et al. 2019, section 3.1 and the authors' code).
///
/// In a field called `cls` it has the names of Hugging Face's `BertForMaskedLM`, `cls.predictions.*`. Their files may
/// hold the tied `decoder.weight` and `decoder.bias` a second time; a partial load reports these as unexpected.
#[derive(Module, Debug)]
pub struct MaskedWordHead {
    /// All its layers.
    pub predictions: MaskedWordPredictions,
}

/// The layers of a [`MaskedWordHead`].
#[derive(Module, Debug)]
pub struct MaskedWordPredictions {
    /// What precedes the decoder.
    pub transform: MaskedWordTransform,
    /// The decoder's bias, `[V]`.
    pub bias: Param<Tensor<1>>,
}

/// A dense layer and a normalisation, with a GELU between them.
#[derive(Module, Debug)]
pub struct MaskedWordTransform {
    /// The dense layer.
    pub dense: Linear,
    /// The normalisation.
    pub LayerNorm: LayerNorm,
}

impl MaskedWordHead {
    /// What [`MaskedWordPredictions::forward`] gives.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn forward(
        &self,
        hidden: Tensor<3>,
        positions: Tensor<1, Int>,
        words: Tensor<2>,
    ) -> Tensor<2> {
        self.predictions.forward(hidden, positions, words)
    }
}

impl MaskedWordPredictions {
    /// Logits at the masked places alone: the vocabulary is wide and most places are not masked.
    ///
    /// # Shapes
    /// - `hidden`: `[B, T, E]`
    /// - `positions`: `[N]`, flat indices into `B x T`
    /// - `words`: `[V, E]`, the encoder's word embeddings
    /// - output: `[N, V]`
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn forward(
        &self,
        hidden: Tensor<3>,
        positions: Tensor<1, Int>,
        words: Tensor<2>,
    ) -> Tensor<2> {
        let [batch, tokens, width] = hidden.dims();
        let Self { transform, bias } = self;
        let masked = embedding(hidden.reshape([batch * tokens, width]), positions);
        let x = apply(&transform.dense, masked, Activation::Gelu);
        let x = normalise(&transform.LayerNorm, x, BertConfig::EPSILON);
        linear(x, words.transpose(), Some(bias.val()), Activation::Identity)
    }
}
