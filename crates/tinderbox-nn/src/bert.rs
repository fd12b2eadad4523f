//! BERT's encoder with Hugging Face's names.
//!
//! Shape letters: `B` batch, `T` tokens, `E` width, `V` vocabulary.
// `LayerNorm` is a published name.
#![allow(non_snake_case)]

use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig, Initializer, LayerNorm, LayerNormConfig, Linear};
use burn::tensor::{Bool, Device, Int, Shape, Tensor, TensorData};
use serde::{Deserialize, Serialize};
use tinderbox_kernels::{Activation, dropout, embedding};

use crate::bert_layer::BertLayer;
use crate::encoder::{Encoder, Input, TokenEncoder};
use crate::error::{NnConfigError, at_least_one, even};
use crate::layers::{dense, normalise};
use crate::positions::{PositionKind, Rotation, sinusoids};
use crate::transformer::{NormOrder, TransformerBlockConfig};

/// What a [`Bert`] makes one vector of a sequence's last hidden states by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// Their mean over the tokens that are no padding; zeros where all are. Pre-training by masked words alone puts
    /// no loss on the first token, so its state is no summary before fine-tuning.
    #[default]
    Mean,
    /// That of the first token, `[CLS]`.
    First,
    /// The largest value of each entry over the tokens that are no padding.
    Max,
}

/// Configuration of [`Bert`]; its defaults are BERT-Tiny's. How many words there are, the tokeniser says at
/// [`init`](Self::init).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BertConfig {
    /// Size `E` of a token (128).
    pub width: usize,
    /// Number of blocks (2).
    pub depth: usize,
    /// Heads of each attention, which divide the width (2).
    pub heads: usize,
    /// Units of each feed-forward's hidden layer (512).
    pub ffn: usize,
    /// The longest sequence (512).
    pub positions: usize,
    /// Number of segments that a sequence can have (2).
    pub segments: usize,
    /// Probability that training drops an entry of the embeddings or of a branch's output (0.1).
    pub dropout: f64,
    /// Probability that training drops a weight of an attention (0.1).
    pub attention_dropout: f64,
    /// What the features are (the mean).
    pub pooling: Pooling,
    /// Whether features are divided by their length (no), as many published encoders of sentences do.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub normalise: bool,
    /// Where the blocks normalise (`post`, as published). With `pre` the embeddings are not normalised but the last
    /// states are, as in the BERT of Shoeybi et al. 2019, "Megatron-LM", section 5.3; see also Xiong et al. 2020.
    pub norm: NormOrder,
    /// How the order of the tokens is known (`learned`).
    pub position_kind: PositionKind,
    /// Whether a token sees only itself and those before it (no). So it is no longer BERT, but what a causal language model needs:
    /// with `norm: pre`, and `positions` as they are, the network of Radford et al. 2019 but for its segments.
    pub causal: bool,
}

impl Default for BertConfig {
    fn default() -> Self {
        Self::tiny()
    }
}

impl BertConfig {
    /// Added to variances, as in the authors' code.
    pub(crate) const EPSILON: f64 = 1e-12;
    /// Standard deviation of the initial weights, as in the authors' code.
    pub(crate) const DEVIATION: f64 = 0.02;

    /// Heads of 64 and hidden units of 4 widths, as in all published sizes; 512 positions, 2 segments,
    /// dropout 0.1 (Devlin et al. 2019, appendix A.2).
    fn published(depth: usize, width: usize) -> Self {
        Self {
            width,
            depth,
            heads: width / 64,
            ffn: TransformerBlockConfig::FFN_RATIO * width,
            positions: 512,
            segments: 2,
            dropout: 0.1,
            attention_dropout: 0.1,
            pooling: Pooling::Mean,
            normalise: false,
            norm: NormOrder::Post,
            position_kind: PositionKind::Learned,
            causal: false,
        }
    }

    /// Whether this is the published network, which other libraries open: post-norm, with learned positions, and not causal.
    pub fn is_published(&self) -> bool {
        self.norm == NormOrder::Post && self.position_kind == PositionKind::Learned && !self.causal
    }

    /// BERT-Tiny: 2 blocks of width 128 (Turc et al. 2019, "Well-Read Students Learn Better", table 1).
    pub fn tiny() -> Self {
        Self::published(2, 128)
    }

    /// BERT-Mini: 4 blocks of width 256 (the same table).
    pub fn mini() -> Self {
        Self::published(4, 256)
    }

    /// BERT-Base: 12 blocks of width 768 (Devlin et al. 2019, section 3).
    pub fn base() -> Self {
        Self::published(12, 768)
    }

    /// A network for `vocabulary` words, with weights from the normal distribution of deviation 0.02 and biases of
    /// zeros, as in the authors' code, which does not cut the tail off at two deviations as their paper's later
    /// versions do.
    ///
    /// # Errors
    /// [`NnConfigError`] for a size of 0, heads that do not divide the width, an odd size where sine and cosine make
    /// pairs, or a dropout outside `0..1`.
    pub fn init(&self, vocabulary: usize, device: &Device) -> Result<Bert, NnConfigError> {
        for (field, size) in [
            ("vocabulary", vocabulary),
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
            norm: self.norm,
            activation: Activation::Gelu,
            dropout: self.dropout,
            attention_dropout: self.attention_dropout,
            epsilon: Self::EPSILON,
            causal: self.causal,
        };
        block.check()?;
        match self.position_kind {
            PositionKind::Learned => {}
            PositionKind::Sinusoidal => even("width", self.width)?,
            PositionKind::Rotary => even("size of a head", self.width / self.heads)?,
        }
        let table = |rows| {
            EmbeddingConfig::new(rows, self.width)
                .with_initializer(normal())
                .init(device)
        };
        let norm =
            |wanted: NormOrder| (self.norm == wanted).then(|| initial_norm(self.width, device));
        Ok(Bert {
            embeddings: BertEmbeddings {
                word_embeddings: table(vocabulary),
                position_embeddings: (self.position_kind == PositionKind::Learned)
                    .then(|| table(self.positions)),
                token_type_embeddings: table(self.segments),
                LayerNorm: norm(NormOrder::Post),
                dropout: self.dropout,
                positions: self.positions,
                position_kind: self.position_kind,
            },
            encoder: BertLayers {
                layer: (0..self.depth)
                    .map(|_| BertLayer::new(&block, device))
                    .collect(),
                ln: norm(NormOrder::Pre),
                heads: self.heads,
            },
            feature_dim: self.width,
            pooling: self.pooling,
            normalise: self.normalise,
            causal: self.causal,
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
    /// The document of each token, `[B, T]`, where several are packed into a sequence, one after another: a token sees those of its
    /// own document alone, and positions start anew with each. A sequence is one document without it. Features of a whole sequence
    /// mean little then, states of tokens what they always mean.
    pub documents: Option<Tensor<2, Int>>,
}

impl TokenBatch {
    /// Tokens of one segment and one document each sequence, none of them padding.
    pub fn new(tokens: Tensor<2, Int>) -> Self {
        Self {
            segments: tokens.zeros_like(),
            tokens,
            padding: None,
            documents: None,
        }
    }

    /// The place of each token within its document, row by row, if there are several.
    fn places_in_documents(&self) -> Option<Vec<i64>> {
        let documents = self.documents.clone()?;
        let [_, length] = documents.dims();
        let documents: Vec<i64> = documents.into_data().iter::<i64>().collect();
        let mut places: Vec<i64> = Vec::with_capacity(documents.len());
        for (index, document) in documents.iter().enumerate() {
            let goes_on = index % length > 0 && documents[index - 1] == *document;
            places.push(if goes_on { places[index - 1] + 1 } else { 0 });
        }
        Some(places)
    }
}

impl Input for TokenBatch {
    /// Batches without padding count as padded nowhere, and those without documents as of one a sequence.
    fn cat(batches: Vec<Self>) -> Self {
        let padded = batches.iter().any(|batch| batch.padding.is_some());
        let padding = |batch: &Self| {
            let none = || batch.tokens.zeros_like().bool();
            batch.padding.clone().unwrap_or_else(none)
        };
        let padding = padded.then(|| Tensor::cat(batches.iter().map(padding).collect(), 0));
        let packed = batches.iter().any(|batch| batch.documents.is_some());
        let documents = |batch: &Self| {
            let one = || batch.tokens.zeros_like();
            batch.documents.clone().unwrap_or_else(one)
        };
        let documents = packed.then(|| Tensor::cat(batches.iter().map(documents).collect(), 0));
        let (tokens, segments) = batches
            .into_iter()
            .map(|batch| (batch.tokens, batch.segments))
            .unzip();
        Self {
            tokens: Tensor::cat(tokens, 0),
            segments: Tensor::cat(segments, 0),
            padding,
            documents,
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
            documents: self.documents.map(Tensor::inner),
        }
    }
}

/// BERT (Devlin et al. 2019, "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding"):
/// word, position and segment embeddings, normalisation, dropout, blocks with the normalisation after each sum.
///
/// The names are those of Hugging Face's `BertModel` without its pooler, which is a head. [`BertConfig`] has
/// variants that are not BERT's: other [`PositionKind`]s, which have no table, and [`NormOrder::Pre`], which has no
/// `embeddings.LayerNorm` but a final `encoder.ln`, named as in their `MegatronBertModel`. [`Pooling`] says what the
/// features are.
#[derive(Module, Debug)]
pub struct Bert {
    /// Embeddings of words, positions and segments.
    pub embeddings: BertEmbeddings,
    /// The blocks.
    pub encoder: BertLayers,
    feature_dim: usize,
    #[module(skip)]
    pooling: Pooling,
    normalise: bool,
    causal: bool,
}

/// Embeddings of words, positions and segments, and what follows their sum.
#[derive(Module, Debug)]
pub struct BertEmbeddings {
    /// A row each word, `[V, E]`.
    pub word_embeddings: Embedding,
    /// A row each position, `[positions, E]`, if positions are learned.
    pub position_embeddings: Option<Embedding>,
    /// A row each segment, `[segments, E]`.
    pub token_type_embeddings: Embedding,
    /// Normalisation of the sum, in a post-norm network.
    pub LayerNorm: Option<LayerNorm>,
    dropout: f64,
    positions: usize,
    #[module(skip)]
    position_kind: PositionKind,
}

/// The blocks, in order.
#[derive(Module, Debug)]
pub struct BertLayers {
    /// One after another.
    pub layer: Vec<BertLayer>,
    /// Normalisation of the last states, in a pre-norm network.
    pub ln: Option<LayerNorm>,
    heads: usize,
}

impl TokenEncoder for Bert {
    /// # Shapes
    /// - output: `[B, T, E]`
    ///
    /// # Panics
    /// If the shapes do not fit or `T` is above the number of positions.
    fn hidden_states(&self, batch: TokenBatch) -> Tensor<3> {
        let places = batch.places_in_documents();
        let x = self
            .embeddings
            .forward_at(batch.tokens, batch.segments, places);
        let rotation = match self.embeddings.position_kind {
            PositionKind::Learned | PositionKind::Sinusoidal => None,
            PositionKind::Rotary => {
                let [_, length, width] = x.dims();
                let heads = self.encoder.heads;
                Some(Rotation::new(length, width, heads, &x.device()))
            }
        };
        let (padding, documents) = (batch.padding, batch.documents);
        self.encoder
            .forward(x, padding, documents, rotation.as_ref())
    }

    fn word_embeddings(&self) -> Tensor<2> {
        self.embeddings.word_embeddings.weight.val()
    }

    fn is_causal(&self) -> bool {
        self.causal
    }

    fn longest(&self) -> Option<usize> {
        Some(self.embeddings.positions)
    }
}

impl Bert {
    /// No vector counts as shorter, squared, when it is divided by its length, as in PyTorch's `normalize`; so that of
    /// zeros has a gradient.
    const SHORTEST: f64 = 1e-24;
}

impl Encoder for Bert {
    type Input = TokenBatch;

    /// What [`Pooling`] makes of the last hidden states, of length 1 where the configuration says so.
    ///
    /// # Shapes
    /// - output: `[B, E]`
    ///
    /// # Panics
    /// If the shapes do not fit or `T` is above the number of positions; of [`Pooling::First`], if there are no
    /// tokens.
    fn forward(&self, batch: TokenBatch) -> Tensor<2> {
        let padding = batch.padding.clone();
        let features = self.pooling.forward(self.hidden_states(batch), padding);
        match self.normalise {
            true => {
                let squares = features.clone().square().sum_dim(1);
                features / squares.clamp_min(Self::SHORTEST).sqrt()
            }
            false => features,
        }
    }

    fn feature_dim(&self) -> usize {
        self.feature_dim
    }
}

impl Pooling {
    /// What padding counts as where the largest value is sought: below all states, and finite where there is nothing else.
    const UNSEEN: f64 = -1e9;

    /// One vector a sequence.
    ///
    /// # Shapes
    /// - `hidden`: `[B, T, E]`
    /// - `padding`: `[B, T]`, true where a token is padding
    /// - output: `[B, E]`
    ///
    /// # Panics
    /// If the shapes do not fit; of [`Pooling::First`], if there are no tokens.
    pub fn forward(self, hidden: Tensor<3>, padding: Option<Tensor<2, Bool>>) -> Tensor<2> {
        let [rows, tokens, width] = hidden.dims();
        let pooled = match (self, padding) {
            (Self::First, _) => hidden.narrow(1, 0, 1),
            (Self::Mean, None) => hidden.mean_dim(1),
            (Self::Mean, Some(padding)) => {
                let seen = padding.bool_not().float().reshape([rows, tokens, 1]);
                (hidden * seen.clone()).sum_dim(1) / seen.sum_dim(1).clamp_min(1.0)
            }
            (Self::Max, None) => hidden.max_dim(1),
            (Self::Max, Some(padding)) => {
                let padding = padding.reshape([rows, tokens, 1]).expand(hidden.shape());
                hidden.mask_fill(padding, Self::UNSEEN).max_dim(1)
            }
        };
        pooled.reshape([rows, width])
    }
}

impl BertLayers {
    fn forward(
        &self,
        x: Tensor<3>,
        padding: Option<Tensor<2, Bool>>,
        documents: Option<Tensor<2, Int>>,
        rotation: Option<&Rotation>,
    ) -> Tensor<3> {
        let blocks = self.layer.iter();
        let x = blocks.fold(x, |x, block| {
            block.forward_packed(x, padding.clone(), documents.clone(), rotation)
        });
        match &self.ln {
            Some(norm) => normalise(norm, x, BertConfig::EPSILON),
            None => x,
        }
    }
}

impl BertEmbeddings {
    /// The sum of the embeddings, normalised in a post-norm network, with dropout in training.
    ///
    /// # Shapes
    /// - `tokens`, `segments`: `[B, T]`
    /// - output: `[B, T, E]`
    ///
    /// # Panics
    /// If the shapes differ or `T` is above the number of positions.
    pub fn forward(&self, tokens: Tensor<2, Int>, segments: Tensor<2, Int>) -> Tensor<3> {
        self.forward_at(tokens, segments, None)
    }

    /// [`forward`](Self::forward) with positions given row by row, `B x T`.
    fn forward_at(
        &self,
        tokens: Tensor<2, Int>,
        segments: Tensor<2, Int>,
        places: Option<Vec<i64>>,
    ) -> Tensor<3> {
        let [batch, length] = tokens.dims();
        assert_eq!(
            [batch, length],
            segments.dims(),
            "BERT: tokens and segments must have one shape"
        );
        let positions = self.positions;
        assert!(
            length <= positions,
            "BERT: {length} tokens are more than the {positions} positions"
        );
        let [_, width] = self.word_embeddings.weight.dims();
        let device = tokens.device();
        let rows = |table: &Embedding, indices: Tensor<2, Int>| {
            embedding(table.weight.val(), indices.reshape([batch * length]))
                .reshape([batch, length, width])
        };
        let words = rows(&self.word_embeddings, tokens);
        let words = match self.position_kind {
            PositionKind::Sinusoidal => words * (width as f64).sqrt(),
            PositionKind::Learned | PositionKind::Rotary => words,
        };
        let sum = words + rows(&self.token_type_embeddings, segments);
        let table = match (self.position_kind, &self.position_embeddings) {
            (PositionKind::Sinusoidal, _) => Some(sinusoids(length, width, &device)),
            (_, table) => table
                .as_ref()
                .map(|table| table.weight.val().slice(0..length)),
        };
        let sum = match (table, places) {
            (Some(table), None) => sum + table.reshape([1, length, width]),
            (Some(table), Some(places)) => {
                let places = TensorData::new(places, [batch * length]);
                let rows = embedding(table, Tensor::from_data(places, &device));
                sum + rows.reshape([batch, length, width])
            }
            // A rotation by places in the sequence turns two tokens of a document as one by places in the document.
            (None, _) => sum,
        };
        let sum = match &self.LayerNorm {
            Some(norm) => normalise(norm, sum, BertConfig::EPSILON),
            None => sum,
        };
        dropout(sum, self.dropout)
    }
}
