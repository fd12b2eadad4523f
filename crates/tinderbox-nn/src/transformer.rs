//! The transformer's block, which BERT, the vision transformer and the decoder of masked autoencoding share.
//!
//! Shape letters: `B` batch, `T` tokens, `E` width, `H` heads.

use burn::module::{Module, Param};
use burn::nn::{Initializer, LayerNorm, LayerNormConfig, Linear};
use burn::tensor::{Bool, Device, Int, Tensor};
use serde::{Deserialize, Serialize};
use tinderbox_kernels::{Activation, AttentionOptions, attention, dropout, linear};

use crate::error::{NnConfigError, at_least_one, probability};
use crate::layers::{apply, dense, normalise};
use crate::positions::Rotation;

/// Where a block normalises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormOrder {
    /// Before attention and feed-forward, `x + f(norm(x))`: the vision transformer's.
    Pre,
    /// After the sum, `norm(x + f(x))`: Vaswani et al. 2017 and BERT.
    Post,
}

/// Configuration of [`TransformerBlock`].
#[derive(Debug, Clone, PartialEq)]
pub struct TransformerBlockConfig {
    /// Size `E` of a token.
    pub width: usize,
    /// Heads of the attention, which divide the width.
    pub heads: usize,
    /// Units of the feed-forward's hidden layer.
    pub ffn: usize,
    /// Where the block normalises.
    pub norm: NormOrder,
    /// What follows the feed-forward's first layer.
    pub activation: Activation,
    /// Probability that training drops an entry of either branch's output.
    pub dropout: f64,
    /// Probability that training drops a weight of the attention.
    pub attention_dropout: f64,
    /// Added to the variance in the normalisations.
    pub epsilon: f64,
    /// Whether a token sees only itself and those before it.
    pub causal: bool,
}

impl TransformerBlockConfig {
    /// Hidden units for one of the width (Vaswani et al. 2017, section 3.3, and all that followed).
    pub(crate) const FFN_RATIO: usize = 4;
    /// The vision transformers' epsilon, timm's and the authors' of MAE.
    pub(crate) const EPSILON: f64 = 1e-6;

    /// A vision transformer's block: pre-norm, GELU, `4 * width` hidden units, no dropout.
    pub fn new(width: usize, heads: usize) -> Self {
        Self {
            width,
            heads,
            ffn: Self::FFN_RATIO * width,
            norm: NormOrder::Pre,
            activation: Activation::Gelu,
            dropout: 0.0,
            attention_dropout: 0.0,
            epsilon: Self::EPSILON,
            causal: false,
        }
    }

    /// Refuses what no block can be made from.
    pub(crate) fn check(&self) -> Result<(), NnConfigError> {
        at_least_one("width", self.width)?;
        at_least_one("heads", self.heads)?;
        at_least_one("ffn", self.ffn)?;
        probability(self.dropout)?;
        probability(self.attention_dropout)?;
        match self.width.is_multiple_of(self.heads) {
            true => Ok(()),
            false => Err(NnConfigError::Heads {
                width: self.width,
                heads: self.heads,
            }),
        }
    }

    pub(crate) fn settings(&self) -> BlockSettings {
        BlockSettings {
            heads: self.heads,
            norm: self.norm,
            activation: self.activation,
            dropout: self.dropout,
            attention_dropout: self.attention_dropout,
            epsilon: self.epsilon,
            causal: self.causal,
        }
    }

    /// A block whose weights are drawn as in the code of MAE's authors: Glorot and Bengio's uniform distribution
    /// (2010), zeros for biases; `attn.qkv` counts as one matrix.
    ///
    /// # Errors
    /// [`NnConfigError`] for a size of 0, heads that do not divide the width, or a dropout outside `0..1`.
    pub fn init(&self, device: &Device) -> Result<TransformerBlock, NnConfigError> {
        self.check()?;
        let xavier = Initializer::XavierUniform { gain: 1.0 };
        let layer = |input, output| dense(input, output, &xavier, device);
        let norm = || {
            LayerNormConfig::new(self.width)
                .with_epsilon(self.epsilon)
                .init(device)
        };
        Ok(TransformerBlock {
            norm1: norm(),
            attn: FusedAttention {
                qkv: layer(self.width, 3 * self.width),
                proj: layer(self.width, self.width),
            },
            norm2: norm(),
            mlp: Mlp {
                fc1: layer(self.width, self.ffn),
                fc2: layer(self.ffn, self.width),
            },
            settings: self.settings(),
        })
    }
}

/// Self-attention and a feed-forward network, each with a residual sum and a normalisation (Vaswani et al. 2017).
///
/// The names are timm's. It computes what PyTorch's `TransformerEncoderLayer` does, but for that layer's third
/// dropout, between the feed-forward's two layers, which neither BERT nor the vision transformer has.
#[derive(Module, Debug)]
pub struct TransformerBlock {
    /// The attention's normalisation.
    pub norm1: LayerNorm,
    /// The attention's layers.
    pub attn: FusedAttention,
    /// The feed-forward's normalisation.
    pub norm2: LayerNorm,
    /// The feed-forward's layers.
    pub mlp: Mlp,
    #[module(skip)]
    settings: BlockSettings,
}

/// The layers of an attention; query, key and value are one layer.
#[derive(Module, Debug)]
pub struct FusedAttention {
    /// From `E` to query, key and value, one after another, `3 * E`.
    pub qkv: Linear,
    /// From the heads' values to the output.
    pub proj: Linear,
}

/// The layers of a feed-forward network.
#[derive(Module, Debug)]
pub struct Mlp {
    /// From a token to hidden units.
    pub fc1: Linear,
    /// From hidden units to a token.
    pub fc2: Linear,
}

impl TransformerBlock {
    /// The tokens after this block.
    ///
    /// # Shapes
    /// - `x`, output: `[B, T, E]`
    /// - `padding`: `[B, T]`, true where a token is padding, which no token then sees; its own output means nothing
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn forward(&self, x: Tensor<3>, padding: Option<Tensor<2, Bool>>) -> Tensor<3> {
        // Attention reads query, key and value as tensors of their own. Slices of the weight make them so without a
        // copy of all tokens, forwards and, three times as large, backwards.
        let [width, _] = self.attn.qkv.weight.dims();
        let weight = self.attn.qkv.weight.val();
        let bias = self.attn.qkv.bias.as_ref().map(Param::val);
        let part = |i: usize| {
            let columns = i * width..(i + 1) * width;
            (
                weight.clone().slice([0..width, columns.clone()]),
                bias.clone().map(|bias| bias.slice([columns])),
            )
        };
        BlockParts {
            query: part(0),
            key: part(1),
            value: part(2),
            projection: &self.attn.proj,
            attention_norm: &self.norm1,
            ffn: [&self.mlp.fc1, &self.mlp.fc2],
            ffn_norm: &self.norm2,
            rotation: None,
            documents: None,
        }
        .forward(x, padding, &self.settings)
    }
}

/// What a block needs beside its parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct BlockSettings {
    heads: usize,
    norm: NormOrder,
    activation: Activation,
    dropout: f64,
    attention_dropout: f64,
    epsilon: f64,
    causal: bool,
}

/// Weight `[in, out]` and bias of a dense layer.
pub(crate) type Dense = (Tensor<2>, Option<Tensor<1>>);

/// A block's parameters by role, borrowed from modules that name them as published.
pub(crate) struct BlockParts<'a> {
    pub(crate) query: Dense,
    pub(crate) key: Dense,
    pub(crate) value: Dense,
    pub(crate) projection: &'a Linear,
    pub(crate) attention_norm: &'a LayerNorm,
    pub(crate) ffn: [&'a Linear; 2],
    pub(crate) ffn_norm: &'a LayerNorm,
    /// Turns queries and keys by their places.
    pub(crate) rotation: Option<&'a Rotation>,
    /// The document of each token, `[B, T]`: tokens of different ones do not see each other.
    pub(crate) documents: Option<Tensor<2, Int>>,
}

impl BlockParts<'_> {
    pub(crate) fn forward(
        self,
        x: Tensor<3>,
        padding: Option<Tensor<2, Bool>>,
        settings: &BlockSettings,
    ) -> Tensor<3> {
        let options = AttentionOptions {
            heads: settings.heads,
            hidden_keys: padding,
            documents: self.documents,
            causal: settings.causal,
            dropout: settings.attention_dropout,
        };
        let norm = |norm: &LayerNorm, x: Tensor<3>| normalise(norm, x, settings.epsilon);
        let (attention_norm, ffn_norm) = (self.attention_norm, self.ffn_norm);
        let [fc1, fc2] = self.ffn;
        let attend = {
            let ((wq, bq), (wk, bk), (wv, bv)) = (self.query, self.key, self.value);
            let (projection, rotation) = (self.projection, self.rotation);
            let turned = move |x: Tensor<3>| match rotation {
                Some(rotation) => rotation.apply(x),
                None => x,
            };
            move |x: Tensor<3>| {
                let query = turned(linear(x.clone(), wq, bq, Activation::Identity));
                let key = turned(linear(x.clone(), wk, bk, Activation::Identity));
                let value = linear(x, wv, bv, Activation::Identity);
                let mixed = attention(query, key, value, &options);
                dropout(
                    apply(projection, mixed, Activation::Identity),
                    settings.dropout,
                )
            }
        };
        let feed_forward = |x: Tensor<3>| {
            let hidden = apply(fc1, x, settings.activation);
            dropout(apply(fc2, hidden, Activation::Identity), settings.dropout)
        };
        match settings.norm {
            NormOrder::Pre => {
                let x = x.clone() + attend(norm(attention_norm, x));
                x.clone() + feed_forward(norm(ffn_norm, x))
            }
            NormOrder::Post => {
                let x = norm(attention_norm, x.clone() + attend(x));
                norm(ffn_norm, x.clone() + feed_forward(x))
            }
        }
    }
}
