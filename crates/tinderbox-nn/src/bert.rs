//! BERT's encoder with Hugging Face's names.
//!
//! Shape letters: `B` batch, `T` tokens, `E` width, `V` vocabulary.
// `LayerNorm` is a published name.
#![allow(non_snake_case)]

use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig, Initializer, LayerNorm, LayerNormConfig, Linear};
use burn::tensor::{Bool, Device, Int, Shape, Tensor};
use tinderbox_kernels::{Activation, dropout, embedding};

use crate::bert_layer::BertLayer;
use crate::encoder::{Encoder, Input, TokenEncoder};
use crate::error::{NnConfigError, at_least_one};
use crate::layers::{dense, normalise};
use crate::transformer::{NormOrder, TransformerBlockConfig};

/// Configuration of [`Bert`].
#[derive(Debug, Clone, PartialEq)]
pub struct BertConfig {
    /// Words `V` of the vocabulary.
    pub vocabulary: usize,
    /// Size `E` of a token.
    pub width: usize,
    /// Number of blocks.
    pub depth: usize,
    /// Heads of each attention, which divide the width.
    pub heads: usize,
    /// Units of each feed-forward's hidden layer.
    pub ffn: usize,
    /// The longest sequence.
    pub positions: usize,
    /// Number of segments that a sequence can have.
    pub segments: usize,
    /// Probability that training drops an entry of the embeddings or of a branch's output.
    pub dropout: f64,
    /// Probability that training drops a weight of an attention.
    pub attention_dropout: f64,
}

impl BertConfig {
    /// Added to variances, as in the authors' code.
    pub(crate) const EPSILON: f64 = 1e-12;
    /// Standard deviation of the initial weights, as in the authors' code.
    const DEVIATION: f64 = 0.02;

    /// Heads of 64 and hidden units of 4 widths, as in all published sizes; 512 positions, 2 segments,
    /// dropout 0.1 (Devlin et al. 2019, appendix A.2).
    fn published(vocabulary: usize, depth: usize, width: usize) -> Self {
        Self {
            vocabulary,
            width,
            depth,
            heads: width / 64,
            ffn: TransformerBlockConfig::FFN_RATIO * width,
            positions: 512,
            segments: 2,
            dropout: 0.1,
            attention_dropout: 0.1,
        }
    }

    /// BERT-Tiny: 2 blocks of width 128 (Turc et al. 2019, "Well-Read Students Learn Better", table 1).
    pub fn tiny(vocabulary: usize) -> Self {
        Self::published(vocabulary, 2, 128)
    }

    /// BERT-Mini: 4 blocks of width 256 (the same table).
    pub fn mini(vocabulary: usize) -> Self {
        Self::published(vocabulary, 4, 256)
    }

    /// BERT-Base: 12 blocks of width 768 (Devlin et al. 2019, section 3).
    pub fn base(vocabulary: usize) -> Self {
        Self::published(vocabulary, 12, 768)
    }

    /// A network with weights from the normal distribution of deviation 0.02 and biases of zeros, as in the
    /// authors' code, which does not cut the tail off at two deviations as their paper's later versions do.
    ///
    /// # Errors
    /// [`NnConfigError`] for a size of 0, heads that do not divide the width, or a dropout outside `0..1`.
    pub fn init(&self, device: &Device) -> Result<Bert, NnConfigError> {
        for (field, size) in [
            ("vocabulary", self.vocabulary),
            ("depth", self.depth),
            ("positions", self.positions),
            ("segments", self.segments),
        ] {
            at_least_one(field, size)?;
        }
        let block = TransformerBlockConfig {
            width: self.width,
            heads: self.heads,
            ffn: self.ffn,
            norm: NormOrder::Post,
            activation: Activation::Gelu,
            dropout: self.dropout,
            attention_dropout: self.attention_dropout,
            epsilon: Self::EPSILON,
        };
        block.check()?;
        let table = |rows| {
            EmbeddingConfig::new(rows, self.width)
                .with_initializer(normal())
                .init(device)
        };
        Ok(Bert {
            embeddings: BertEmbeddings {
                word_embeddings: table(self.vocabulary),
                position_embeddings: table(self.positions),
                token_type_embeddings: table(self.segments),
                LayerNorm: initial_norm(self.width, device),
                dropout: self.dropout,
            },
            encoder: BertLayers {
                layer: (0..self.depth)
                    .map(|_| BertLayer::new(&block, device))
                    .collect(),
            },
            feature_dim: self.width,
        })
    }
}

fn normal() -> Initializer {
    Initializer::Normal {
        mean: 0.0,
        std: BertConfig::DEVIATION,
    }
}

pub(crate) fn initial_dense(input: usize, output: usize, device: &Device) -> Linear {
    dense(input, output, &normal(), device)
}

pub(crate) fn initial_norm(width: usize, device: &Device) -> LayerNorm {
    LayerNormConfig::new(width)
        .with_epsilon(BertConfig::EPSILON)
        .init(device)
}

/// What [`Bert`] reads.
#[derive(Debug, Clone)]
pub struct TokenBatch {
    /// Words, `[B, T]`, each below the vocabulary.
    pub tokens: Tensor<2, Int>,
    /// Segment of each token, `[B, T]`, each below the number of segments.
    pub segments: Tensor<2, Int>,
    /// True where a token is padding, `[B, T]`; none is without it.
    pub padding: Option<Tensor<2, Bool>>,
}

impl Input for TokenBatch {
    /// Batches without padding count as padded nowhere.
    fn cat(batches: Vec<Self>) -> Self {
        let padded = batches.iter().any(|batch| batch.padding.is_some());
        let padding = |batch: &Self| {
            let none = || batch.tokens.zeros_like().bool();
            batch.padding.clone().unwrap_or_else(none)
        };
        let padding = padded.then(|| Tensor::cat(batches.iter().map(padding).collect(), 0));
        let (tokens, segments) = batches
            .into_iter()
            .map(|batch| (batch.tokens, batch.segments))
            .unzip();
        Self {
            tokens: Tensor::cat(tokens, 0),
            segments: Tensor::cat(segments, 0),
            padding,
        }
    }

    fn shape(&self) -> Shape {
        self.tokens.shape()
    }

    fn inner(self) -> Self {
        Self {
            tokens: self.tokens.inner(),
            segments: self.segments.inner(),
            padding: self.padding.map(Tensor::inner),
        }
    }
}

/// BERT (Devlin et al. 2019, "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding"):
/// word, position and segment embeddings, normalisation, dropout, blocks with the normalisation after each sum.
///
/// The names are those of Hugging Face's `BertModel` without its pooler, which is a head. Its features are the mean of
/// the last hidden states over the tokens that are no padding: pre-training by masked words alone puts no loss on
/// the first token, so its state is no summary before fine-tuning.
#[derive(Module, Debug)]
pub struct Bert {
    /// Embeddings of words, positions and segments.
    pub embeddings: BertEmbeddings,
    /// The blocks.
    pub encoder: BertLayers,
    feature_dim: usize,
}

/// Embeddings of words, positions and segments, and what follows their sum.
#[derive(Module, Debug)]
pub struct BertEmbeddings {
    /// A row each word, `[V, E]`.
    pub word_embeddings: Embedding,
    /// A row each position, `[positions, E]`.
    pub position_embeddings: Embedding,
    /// A row each segment, `[segments, E]`.
    pub token_type_embeddings: Embedding,
    /// Normalisation of the sum.
    pub LayerNorm: LayerNorm,
    dropout: f64,
}

/// The blocks, in order.
#[derive(Module, Debug)]
pub struct BertLayers {
    /// One after another.
    pub layer: Vec<BertLayer>,
}

impl TokenEncoder for Bert {
    /// # Shapes
    /// - output: `[B, T, E]`
    ///
    /// # Panics
    /// If the shapes do not fit or `T` is above the number of positions.
    fn hidden_states(&self, batch: TokenBatch) -> Tensor<3> {
        let mut x = self.embeddings.forward(batch.tokens, batch.segments);
        for layer in &self.encoder.layer {
            x = layer.forward(x, batch.padding.clone());
        }
        x
    }

    fn word_embeddings(&self) -> Tensor<2> {
        self.embeddings.word_embeddings.weight.val()
    }
}

impl Encoder for Bert {
    type Input = TokenBatch;

    /// Mean of the last hidden states over the tokens that are no padding; zeros where all are.
    ///
    /// # Shapes
    /// - output: `[B, E]`
    ///
    /// # Panics
    /// If the shapes do not fit or `T` is above the number of positions.
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
        self.feature_dim
    }
}

impl BertEmbeddings {
    /// The normalised sum of the embeddings, with dropout in training.
    ///
    /// # Shapes
    /// - `tokens`, `segments`: `[B, T]`
    /// - output: `[B, T, E]`
    ///
    /// # Panics
    /// If the shapes differ or `T` is above the number of positions.
    pub fn forward(&self, tokens: Tensor<2, Int>, segments: Tensor<2, Int>) -> Tensor<3> {
        let [batch, length] = tokens.dims();
        assert_eq!(
            [batch, length],
            segments.dims(),
            "BERT: tokens and segments must have one shape"
        );
        let [positions, width] = self.position_embeddings.weight.dims();
        assert!(
            length <= positions,
            "BERT: {length} tokens are more than the {positions} positions"
        );
        let rows = |table: &Embedding, indices: Tensor<2, Int>| {
            embedding(table.weight.val(), indices.reshape([batch * length]))
                .reshape([batch, length, width])
        };
        let places = self.position_embeddings.weight.val();
        let sum = rows(&self.word_embeddings, tokens)
            + rows(&self.token_type_embeddings, segments)
            + places.slice(0..length).reshape([1, length, width]);
        let normalised = normalise(&self.LayerNorm, sum, BertConfig::EPSILON);
        dropout(normalised, self.dropout)
    }
}
