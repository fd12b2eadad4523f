//! The transformer of sequence to sequence: an encoder reads the source, a decoder writes the target.
//!
//! Shape letters: `B` batch, `S` tokens of the source, `T` tokens of the target, `E` width, `V` vocabulary.

use burn::module::{Module, Param};
use burn::nn::{Embedding, EmbeddingConfig, Initializer, LayerNorm, LayerNormConfig};
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use serde::{Deserialize, Serialize};
use tinderbox_kernels::{Activation, dropout, embedding, linear};

use crate::bert::{Pooling, TokenBatch};
use crate::decoder_block::{DecoderBlock, Memory};
use crate::encoder::{Encoder, TokenEncoder};
use crate::error::{NnConfigError, at_least_one, even};
use crate::generate::NextToken;
use crate::layers::normalise;
use crate::positions::sinusoids;
use crate::transformer::{NormOrder, TransformerBlock, TransformerBlockConfig};

/// Configuration of [`EncoderDecoder`]. How many words there are, the tokeniser says at [`init`](Self::init).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EncoderDecoderConfig {
    /// Size `E` of a token, an even number (256).
    pub width: usize,
    /// Blocks of the encoder (3).
    pub depth: usize,
    /// Blocks of the decoder (3).
    pub decoder_depth: usize,
    /// Heads of each attention, which divide the width (4).
    pub heads: usize,
    /// Units of each feed-forward's hidden layer (1024).
    pub ffn: usize,
    /// Where a block normalises: `pre`, the default, which learns without a warm-up, or `post` as Vaswani et al. published it.
    pub norm: NormOrder,
    /// Probability that training drops an entry of the embeddings or of a branch's output (0.1).
    pub dropout: f64,
    /// Probability that training drops a weight of an attention (0).
    pub attention_dropout: f64,
}

impl Default for EncoderDecoderConfig {
    fn default() -> Self {
        Self {
            width: 256,
            depth: 3,
            decoder_depth: 3,
            heads: 4,
            ffn: 1024,
            norm: NormOrder::Pre,
            dropout: 0.1,
            attention_dropout: 0.0,
        }
    }
}

impl EncoderDecoderConfig {
    /// Added to variances, PyTorch's default.
    const EPSILON: f64 = 1e-5;

    /// A network whose embeddings have the deviation `1 / sqrt(E)`, and the rest Glorot and Bengio's uniform distribution (2010).
    ///
    /// # Errors
    /// [`NnConfigError`] for a size of 0, heads that do not divide the width, an odd width, or a dropout outside `0..1`.
    pub fn init(
        &self,
        vocabulary: usize,
        device: &Device,
    ) -> Result<EncoderDecoder, NnConfigError> {
        at_least_one("vocabulary", vocabulary)?;
        at_least_one("depth", self.depth)?;
        at_least_one("decoder_depth", self.decoder_depth)?;
        let block = TransformerBlockConfig {
            width: self.width,
            heads: self.heads,
            ffn: self.ffn,
            norm: self.norm,
            activation: Activation::Relu,
            dropout: self.dropout,
            attention_dropout: self.attention_dropout,
            epsilon: Self::EPSILON,
            causal: false,
        };
        block.check()?;
        even("width", self.width)?;
        let norm = || {
            let norm = LayerNormConfig::new(self.width).with_epsilon(Self::EPSILON);
            (self.norm == NormOrder::Pre).then(|| norm.init(device))
        };
        let embeddings = Initializer::Normal {
            mean: 0.0,
            std: (self.width as f64).sqrt().recip(),
        };
        let encoder = (0..self.depth).map(|_| block.init(device));
        let decoder = (0..self.decoder_depth).map(|_| DecoderBlock::new(&block, device));
        Ok(EncoderDecoder {
            embedding: EmbeddingConfig::new(vocabulary, self.width)
                .with_initializer(embeddings)
                .init(device),
            encoder: encoder.collect::<Result<_, _>>()?,
            encoder_norm: norm(),
            decoder: decoder.collect::<Result<_, _>>()?,
            decoder_norm: norm(),
            bias: Initializer::Zeros.init([vocabulary], device),
            dropout: self.dropout,
            width: self.width,
        })
    }
}

/// The transformer of Vaswani et al. 2017, "Attention Is All You Need": an encoder, and a decoder that sees the encoder's states
/// and its own earlier tokens.
///
/// Source, target and output share one table of word embeddings, which is multiplied by `sqrt(E)` where it is read (section 3.4);
/// positions are sinusoids (section 3.5), so no sequence is too long. With `norm: pre` a normalisation follows each stack.
///
/// As an [`Encoder`] it is its encoder alone: the features are the mean of the states over the tokens that are no padding.
#[derive(Module, Debug)]
pub struct EncoderDecoder {
    /// A row each word, `[V, E]`.
    pub embedding: Embedding,
    /// The encoder's blocks.
    pub encoder: Vec<TransformerBlock>,
    /// What follows them in a pre-norm network.
    pub encoder_norm: Option<LayerNorm>,
    /// The decoder's blocks.
    pub decoder: Vec<DecoderBlock>,
    /// What follows them in a pre-norm network.
    pub decoder_norm: Option<LayerNorm>,
    /// Of the logits, a number each word.
    pub bias: Param<Tensor<1>>,
    dropout: f64,
    width: usize,
}

impl EncoderDecoder {
    /// What the decoder sees of a source. Segments have no effect.
    ///
    /// # Shapes
    /// - states: `[B, S, E]`
    ///
    /// # Panics
    /// If the shapes do not fit, or several documents are packed into a sequence.
    pub fn encode(&self, source: TokenBatch) -> Memory {
        assert!(
            source.documents.is_none(),
            "an encoder-decoder reads one document a sequence"
        );
        let padding = source.padding;
        let mut x = self.embed(source.tokens);
        for block in &self.encoder {
            x = block.forward(x, padding.clone());
        }
        Memory {
            states: self.normalised(&self.encoder_norm, x),
            padding,
        }
    }

    /// States of the target's tokens, each of which depends on the source, its own token and those before it.
    ///
    /// # Shapes
    /// - `tokens`: `[B, T]`
    /// - `padding`: `[B, T]`, true where a token is padding; none is without it
    /// - output: `[B, T, E]`
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn decode(
        &self,
        tokens: Tensor<2, Int>,
        padding: Option<Tensor<2, Bool>>,
        memory: &Memory,
    ) -> Tensor<3> {
        let mut x = self.embed(tokens);
        for block in &self.decoder {
            x = block.forward(x, padding.clone(), memory);
        }
        self.normalised(&self.decoder_norm, x)
    }

    /// Logits of words from the decoder's states.
    ///
    /// # Shapes
    /// - `states`: `[N, E]`
    /// - output: `[N, V]`
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn logits(&self, states: Tensor<2>) -> Tensor<2> {
        let words = self.embedding.weight.val().transpose();
        linear(states, words, Some(self.bias.val()), Activation::Identity)
    }

    /// A model of what follows a prompt in the target, whose source is the row of the prompt's number.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn continuing(&self, source: TokenBatch) -> Continuing<'_> {
        Continuing {
            memory: self.encode(source),
            model: self,
        }
    }

    fn embed(&self, tokens: Tensor<2, Int>) -> Tensor<3> {
        let [rows, length] = tokens.dims();
        let words = embedding(self.embedding.weight.val(), tokens.reshape([rows * length]));
        let words = words.reshape([rows, length, self.width]) * (self.width as f64).sqrt();
        let positions = sinusoids(length, self.width, &words.device()).unsqueeze::<3>();
        dropout(words + positions, self.dropout)
    }

    fn normalised(&self, norm: &Option<LayerNorm>, x: Tensor<3>) -> Tensor<3> {
        match norm {
            Some(norm) => normalise(norm, x, EncoderDecoderConfig::EPSILON),
            None => x,
        }
    }
}

impl AsRef<Self> for EncoderDecoder {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl Encoder for EncoderDecoder {
    type Input = TokenBatch;

    /// Mean of the encoder's states over the tokens that are no padding; zeros where all are.
    ///
    /// # Shapes
    /// - output: `[B, E]`
    ///
    /// # Panics
    /// If the shapes do not fit.
    fn forward(&self, source: TokenBatch) -> Tensor<2> {
        let Memory { states, padding } = self.encode(source);
        Pooling::Mean.forward(states, padding)
    }

    fn feature_dim(&self) -> usize {
        self.width
    }
}

impl TokenEncoder for EncoderDecoder {
    /// The encoder's states.
    fn hidden_states(&self, source: TokenBatch) -> Tensor<3> {
        self.encode(source).states
    }

    fn word_embeddings(&self) -> Tensor<2> {
        self.embedding.weight.val()
    }
}

/// An [`EncoderDecoder`] that has read its sources; see [`EncoderDecoder::continuing`].
#[derive(Debug)]
pub struct Continuing<'a> {
    model: &'a EncoderDecoder,
    memory: Memory,
}

impl NextToken for Continuing<'_> {
    /// # Panics
    /// If there are more prompts than sources.
    fn next_logits(&self, prompts: &[usize], prefixes: Tensor<2, Int>) -> Tensor<2> {
        let [rows, length] = prefixes.dims();
        let sources: Vec<i64> = prompts.iter().map(|prompt| *prompt as i64).collect();
        let sources = TensorData::new(sources, [rows]);
        let sources = Tensor::<1, Int>::from_data(sources, &prefixes.device());
        let Memory { states, padding } = &self.memory;
        let memory = Memory {
            states: states.clone().select(0, sources.clone()),
            padding: padding.clone().map(|padding| padding.select(0, sources)),
        };
        let states = self.model.decode(prefixes, None, &memory);
        let last = states.narrow(1, length - 1, 1);
        self.model.logits(last.reshape([rows, self.model.width]))
    }
}
