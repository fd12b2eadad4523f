//! A recurrent network that reads words.
//!
//! Shape letters: `B` batch, `T` tokens, `D` directions, `H` units.

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Embedding, EmbeddingConfig};
use burn::tensor::{Device, Int, Tensor};
use serde::{Deserialize, Serialize};
use tinderbox_kernels::embedding;

use crate::bert::TokenBatch;
use crate::encoder::{Encoder, TokenEncoder};
use crate::error::{NnConfigError, at_least_one, probability};
use crate::recurrent::{Cell, Recurrent, RecurrentConfig, RecurrentOutput};

/// Configuration of [`RecurrentEncoder`]. How many words there are, the tokeniser says at [`init`](Self::init).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecurrentEncoderConfig {
    /// Size of a word's embedding (256).
    pub embedding: usize,
    /// Units `H` of a layer in one direction (256).
    pub hidden: usize,
    /// Layers (1).
    pub layers: usize,
    /// Whether each layer also goes from the last token to the first (no).
    pub bidirectional: bool,
    /// The cell, `lstm` (the default), `gru` or `rnn`.
    pub cell: Cell,
    /// Probability that training drops an entry of an embedding, or an output of a layer that another follows (0).
    pub dropout: f64,
}

impl Default for RecurrentEncoderConfig {
    fn default() -> Self {
        Self::new(256)
    }
}

impl RecurrentEncoderConfig {
    /// An LSTM of one layer in one direction, whose embeddings have the size of its state, without dropout.
    pub fn new(hidden: usize) -> Self {
        Self {
            embedding: hidden,
            hidden,
            layers: 1,
            bidirectional: false,
            cell: Cell::Lstm,
            dropout: 0.0,
        }
    }

    /// A network for `vocabulary` words with PyTorch's initialisation: embeddings `N(0, 1)`, the rest as
    /// [`RecurrentConfig::init`].
    ///
    /// # Errors
    /// [`NnConfigError`] for a size of 0 or a dropout outside `0..1`.
    pub fn init(
        &self,
        vocabulary: usize,
        device: &Device,
    ) -> Result<RecurrentEncoder, NnConfigError> {
        at_least_one("vocabulary", vocabulary)?;
        at_least_one("embedding", self.embedding)?;
        probability(self.dropout)?;
        let recurrent = RecurrentConfig {
            inputs: self.embedding,
            hidden: self.hidden,
            layers: self.layers,
            bidirectional: self.bidirectional,
            cell: self.cell,
            dropout: self.dropout,
        };
        Ok(RecurrentEncoder {
            embedding: EmbeddingConfig::new(vocabulary, self.embedding).init(device),
            dropout: DropoutConfig { prob: self.dropout }.init(),
            feature_dim: recurrent.width(),
            recurrent: recurrent.init(device)?,
        })
    }
}

/// Embeddings of words below recurrent layers.
///
/// The features are the last states of both directions: all that the network remembers of a text.
#[derive(Module, Debug)]
pub struct RecurrentEncoder {
    /// A row each word.
    pub embedding: Embedding,
    /// Of the embeddings.
    pub dropout: Dropout,
    /// The layers.
    pub recurrent: Recurrent,
    feature_dim: usize,
}

impl RecurrentEncoder {
    /// States at every token, and the last ones. Segments have no effect.
    ///
    /// # Panics
    /// If the shapes do not fit, there are no tokens, or several documents are packed into a sequence.
    pub fn read(&self, batch: TokenBatch) -> RecurrentOutput {
        assert!(
            batch.documents.is_none(),
            "a recurrent encoder reads one document a sequence"
        );
        self.recurrent
            .forward(self.embed(batch.tokens), batch.padding)
    }

    /// The norm of a loss's gradient with respect to the last layer's state at each token; `loss` is of the features.
    /// See [`Recurrent::gradient_by_step`].
    ///
    /// # Panics
    /// As [`read`](Self::read), or if the network is on a device without gradients.
    pub fn gradient_by_step(
        &self,
        batch: TokenBatch,
        loss: impl FnOnce(Tensor<2>) -> Tensor<1>,
    ) -> Vec<f64> {
        let words = self.embed(batch.tokens);
        let of_states = |output: RecurrentOutput| loss(output.last);
        self.recurrent
            .gradient_by_step(words, batch.padding, of_states)
    }

    fn embed(&self, tokens: Tensor<2, Int>) -> Tensor<3> {
        let [rows, length] = tokens.dims();
        let words = embedding(self.embedding.weight.val(), tokens.reshape([rows * length]));
        let size = words.dims()[1];
        self.dropout.forward(words.reshape([rows, length, size]))
    }
}

impl Encoder for RecurrentEncoder {
    type Input = TokenBatch;

    /// # Shapes
    /// - output: `[B, D H]`
    ///
    /// # Panics
    /// If the shapes do not fit or there are no tokens.
    fn forward(&self, batch: TokenBatch) -> Tensor<2> {
        self.read(batch).last
    }

    fn feature_dim(&self) -> usize {
        self.feature_dim
    }
}

impl TokenEncoder for RecurrentEncoder {
    /// # Shapes
    /// - output: `[B, T, D H]`
    ///
    /// # Panics
    /// If the shapes do not fit or there are no tokens.
    fn hidden_states(&self, batch: TokenBatch) -> Tensor<3> {
        self.read(batch).steps
    }

    fn word_embeddings(&self) -> Tensor<2> {
        self.embedding.weight.val()
    }

    /// In one direction.
    fn is_causal(&self) -> bool {
        self.recurrent.layers[0].directions.len() == 1
    }
}
