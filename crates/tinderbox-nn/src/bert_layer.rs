//! BERT's block with Hugging Face's names.
//!
//! Shape letters: `B` batch, `T` tokens, `E` width.
// Two of the published names are not Rust's: `LayerNorm`, and `self`, which is a keyword and so is spelt `self_`.
#![allow(non_snake_case)]

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, Linear};
use burn::tensor::{Bool, Device, Int, Tensor};

use crate::bert::{initial_dense, initial_norm};
use crate::positions::Rotation;
use crate::transformer::{BlockParts, BlockSettings, TransformerBlockConfig};

/// A transformer block by Hugging Face's names, post-norm as published; in a pre-norm network the `LayerNorm` of a
/// branch stands before the branch.
#[derive(Module, Debug)]
pub struct BertLayer {
    /// Attention with its normalisation.
    pub attention: BertAttention,
    /// The feed-forward's first layer.
    pub intermediate: BertIntermediate,
    /// The feed-forward's second layer, with its normalisation.
    pub output: BertOutput,
    #[module(skip)]
    settings: BlockSettings,
}

/// Attention with its normalisation.
#[derive(Module, Debug)]
pub struct BertAttention {
    /// Query, key and value; its published name is `self`.
    pub self_: BertSelfAttention,
    /// From the heads' values to the output, with the normalisation.
    pub output: BertOutput,
}

/// Query, key and value of all heads.
#[derive(Module, Debug)]
pub struct BertSelfAttention {
    /// Query.
    pub query: Linear,
    /// Key.
    pub key: Linear,
    /// Value.
    pub value: Linear,
}

/// A feed-forward's first layer.
#[derive(Module, Debug)]
pub struct BertIntermediate {
    /// From a token to hidden units.
    pub dense: Linear,
}

/// A branch's last layer and the branch's normalisation, by default of its sum with the residual.
#[derive(Module, Debug)]
pub struct BertOutput {
    /// The last layer.
    pub dense: Linear,
    /// The normalisation.
    pub LayerNorm: LayerNorm,
}

impl BertLayer {
    /// A block from a configuration that has been checked.
    pub(crate) fn new(config: &TransformerBlockConfig, device: &Device) -> Self {
        let (width, ffn) = (config.width, config.ffn);
        let layer = |input, output| initial_dense(input, output, device);
        let output = |input| BertOutput {
            dense: layer(input, width),
            LayerNorm: initial_norm(width, device),
        };
        Self {
            attention: BertAttention {
                self_: BertSelfAttention {
                    query: layer(width, width),
                    key: layer(width, width),
                    value: layer(width, width),
                },
                output: output(width),
            },
            intermediate: BertIntermediate {
                dense: layer(width, ffn),
            },
            output: output(ffn),
            settings: config.settings(),
        }
    }

    /// The tokens after this block.
    ///
    /// # Shapes
    /// - `x`, output: `[B, T, E]`
    /// - `padding`: `[B, T]`, true where a token is padding
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn forward(&self, x: Tensor<3>, padding: Option<Tensor<2, Bool>>) -> Tensor<3> {
        self.forward_packed(x, padding, None, None)
    }

    /// [`forward`](Self::forward) with rotary positions, of several documents in a sequence.
    pub(crate) fn forward_packed(
        &self,
        x: Tensor<3>,
        padding: Option<Tensor<2, Bool>>,
        documents: Option<Tensor<2, Int>>,
        rotation: Option<&Rotation>,
    ) -> Tensor<3> {
        let values = |layer: &Linear| (layer.weight.val(), layer.bias.as_ref().map(Param::val));
        BlockParts {
            query: values(&self.attention.self_.query),
            key: values(&self.attention.self_.key),
            value: values(&self.attention.self_.value),
            projection: &self.attention.output.dense,
            attention_norm: &self.attention.output.LayerNorm,
            ffn: [&self.intermediate.dense, &self.output.dense],
            ffn_norm: &self.output.LayerNorm,
            rotation,
            documents,
        }
        .forward(x, padding, &self.settings)
    }
}
