//! From states to logits of words, by the table of word embeddings.
//!
//! Shape letters: `N` states, `H` size of a state, `E` size of an embedding, `V` vocabulary.

use burn::module::{Module, Param};
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use tinderbox_kernels::{Activation, linear};

use crate::error::{NnConfigError, at_least_one};
use crate::layers::apply;

/// Configuration of [`WordHead`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordHeadConfig {
    /// Size `H` of a state.
    pub hidden: usize,
    /// Size `E` of an embedding.
    pub embedding: usize,
    /// Words `V` of the vocabulary.
    pub vocabulary: usize,
}

impl WordHeadConfig {
    /// A head with PyTorch's initialisation of its projection and a bias of zeros.
    ///
    /// # Errors
    /// [`NnConfigError`] for a size of 0.
    pub fn init(&self, device: &Device) -> Result<WordHead, NnConfigError> {
        at_least_one("hidden", self.hidden)?;
        at_least_one("embedding", self.embedding)?;
        at_least_one("vocabulary", self.vocabulary)?;
        Ok(WordHead {
            projection: LinearConfig::new(self.hidden, self.embedding).init(device),
            bias: Initializer::Zeros.init([self.vocabulary], device),
        })
    }
}

/// Logits of words: a projection to the size of an embedding, then the encoder's table of word embeddings, whose rows are
/// the words' output vectors, too (Press and Wolf 2017, "Using the Output Embedding to Improve Language Models").
///
/// The table gets gradients from both ends; a table of its own would be the larger part of a small network.
#[derive(Module, Debug)]
pub struct WordHead {
    /// From a state to the size of an embedding.
    pub projection: Linear,
    /// A number each word, `[V]`.
    pub bias: Param<Tensor<1>>,
}

impl WordHead {
    /// # Shapes
    /// - `states`: `[N, H]`
    /// - `words`: `[V, E]`, the encoder's word embeddings
    /// - output: `[N, V]`
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn forward(&self, states: Tensor<2>, words: Tensor<2>) -> Tensor<2> {
        let projected = apply(&self.projection, states, Activation::Identity);
        let bias = Some(self.bias.val());
        linear(projected, words.transpose(), bias, Activation::Identity)
    }
}
