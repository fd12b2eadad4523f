//! The [`Encoder`] trait: what pre-training produces and everything downstream consumes.

use burn::module::{Module, ModuleDisplay};
use burn::tensor::{Shape, Tensor};

use crate::bert::TokenBatch;

/// A batch of what an encoder reads.
pub trait Input: Clone + Send {
    /// Several batches as one, in their order.
    ///
    /// # Panics
    /// If there are none, or their shapes differ in more than the number of items.
    fn cat(batches: Vec<Self>) -> Self;

    /// The shape of its first tensor, the number of items first.
    fn shape(&self) -> Shape;

    /// The same without gradients, for a model in inference mode.
    fn inner(self) -> Self;
}

impl<const D: usize> Input for Tensor<D> {
    fn cat(batches: Vec<Self>) -> Self {
        Tensor::cat(batches, 0)
    }

    fn shape(&self) -> Shape {
        Tensor::shape(self)
    }

    fn inner(self) -> Self {
        Tensor::inner(self)
    }
}

/// A network that turns an input into one feature vector an item.
///
/// Heads are separate modules, so that an encoder can be pre-trained with one head and
/// transferred with another.
pub trait Encoder: Module + ModuleDisplay {
    /// What the encoder reads, such as `Tensor<4>` for images `[batch, channels, height, width]`.
    type Input: Input;

    /// Features of a batch.
    ///
    /// # Shapes
    /// - output: `[batch, feature_dim]`
    fn forward(&self, input: Self::Input) -> Tensor<2>;

    /// Length of a feature vector.
    fn feature_dim(&self) -> usize;
}

/// An encoder of sequences of tokens, with a state for each of them.
///
/// Shape letters: `B` batch, `T` tokens, `H` size of a state, `V` vocabulary, `E` size of an embedding.
pub trait TokenEncoder: Encoder<Input: From<TokenBatch>> {
    /// The last hidden state of every token. That of padding means nothing, and no other depends on padding.
    ///
    /// # Shapes
    /// - output: `[B, T, H]`
    ///
    /// # Panics
    /// If the shapes do not fit, or the sequences are longer than the encoder can read.
    fn hidden_states(&self, batch: TokenBatch) -> Tensor<3>;

    /// The table of word embeddings, `[V, E]`, which an output layer may share.
    fn word_embeddings(&self) -> Tensor<2>;

    /// Whether the state of a token depends on no token after it, so that it may be asked for the next one.
    fn is_causal(&self) -> bool {
        false
    }

    /// The longest sequence that can be read, if there is one.
    fn longest(&self) -> Option<usize> {
        None
    }
}
