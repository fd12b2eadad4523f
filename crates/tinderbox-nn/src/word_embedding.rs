//! A table of word vectors as an encoder.
//!
//! Shape letters: `B` batch, `T` tokens, `V` vocabulary, `E` size of a vector.

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Int, Tensor, TensorData};
use tinderbox_kernels::embedding;

use crate::bert::TokenBatch;
use crate::encoder::{Encoder, TokenEncoder};
use crate::error::{NnConfigError, at_least_one};
use crate::word_vectors::WordVectors;

/// Configuration of [`WordEmbedding`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordEmbeddingConfig {
    /// Words `V` of the vocabulary; with subwords, and the buckets of their n-grams.
    pub words: usize,
    /// Size `E` of a vector.
    pub dimension: usize,
}

impl WordEmbeddingConfig {
    /// A table drawn as word2vec.c draws it, uniform within `0.5 / E`.
    ///
    /// # Errors
    /// [`NnConfigError::Zero`] if a size is 0.
    pub fn init(&self, device: &Device) -> Result<WordEmbedding, NnConfigError> {
        at_least_one("words", self.words)?;
        at_least_one("dimension", self.dimension)?;
        let reach = 0.5 / self.dimension as f64;
        let uniform = Initializer::Uniform {
            min: -reach,
            max: reach,
        };
        Ok(WordEmbedding {
            weight: uniform.init([self.words, self.dimension], device),
        })
    }
}

/// A vector a word. As an encoder of texts it gives the mean of their words' vectors.
///
/// ```
/// use burn::tensor::Device;
/// use tinderbox_nn::{WordEmbedding, WordVectors};
/// let words = WordVectors::new(vec!["a".to_owned(), "b".to_owned()], 3, vec![1.0; 6])?;
/// let table = WordEmbedding::from_vectors(&words, &Device::flex());
/// assert_eq!(table.weight.val().dims(), [2, 3]);
/// # Ok::<(), tinderbox_nn::WordVectorsError>(())
/// ```
#[derive(Module, Debug)]
pub struct WordEmbedding {
    /// The vectors, `[V, E]`.
    pub weight: Param<Tensor<2>>,
}

impl WordEmbedding {
    /// The table of these vectors, by id.
    pub fn from_vectors(vectors: &WordVectors, device: &Device) -> Self {
        let shape = [vectors.len(), vectors.dimension()];
        let data = TensorData::new(vectors.matrix().to_vec(), shape);
        Self {
            weight: Param::from_tensor(Tensor::from_data(data, device)),
        }
    }

    /// The vectors of words.
    ///
    /// # Shapes
    /// - `words`: `[N]`
    /// - output: `[N, E]`
    pub fn rows(&self, words: Tensor<1, Int>) -> Tensor<2> {
        embedding(self.weight.val(), words)
    }
}

impl Encoder for WordEmbedding {
    type Input = TokenBatch;

    /// The mean of the vectors of the words that are no padding; zeros where all are.
    ///
    /// # Shapes
    /// - output: `[B, E]`
    fn forward(&self, batch: TokenBatch) -> Tensor<2> {
        let padding = batch.padding.clone();
        let hidden = self.hidden_states(batch);
        let [rows, tokens, width] = hidden.dims();
        let mean = match padding {
            None => hidden.mean_dim(1),
            Some(padding) => {
                let seen = padding.bool_not().float().reshape([rows, tokens, 1]);
                (hidden * seen.clone()).sum_dim(1) / seen.sum_dim(1).clamp_min(1.0)
            }
        };
        mean.reshape([rows, width])
    }

    fn feature_dim(&self) -> usize {
        self.weight.dims()[1]
    }
}

impl TokenEncoder for WordEmbedding {
    fn hidden_states(&self, batch: TokenBatch) -> Tensor<3> {
        let [rows, tokens] = batch.tokens.dims();
        let vectors = self.rows(batch.tokens.reshape([rows * tokens]));
        vectors.reshape([rows, tokens, self.feature_dim()])
    }

    fn word_embeddings(&self) -> Tensor<2> {
        self.weight.val()
    }
}
