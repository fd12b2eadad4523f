//! The block of a transformer's decoder.
//!
//! Shape letters: `B` batch, `T` tokens, `S` tokens of the source, `E` width.

use burn::module::Module;
use burn::nn::{Initializer, LayerNorm, LayerNormConfig, Linear};
use burn::tensor::{Bool, Device, Tensor};
use tinderbox_kernels::{Activation, AttentionOptions, attention, dropout};

use crate::error::NnConfigError;
use crate::layers::{apply, dense, normalise};
use crate::transformer::{Mlp, NormOrder, TransformerBlockConfig};

/// What the tokens of a decoder see of a source that an encoder has read.
#[derive(Debug, Clone)]
pub struct Memory {
    /// The encoder's states, `[B, S, E]`.
    pub states: Tensor<3>,
    /// True where a token of the source is padding, `[B, S]`; none is without it.
    pub padding: Option<Tensor<2, Bool>>,
}

/// Causal self-attention, attention to a source and a feed-forward network, each with a residual sum and a normalisation
/// (Vaswani et al. 2017, section 3.1). It computes what PyTorch's `TransformerDecoderLayer` does, but for that layer's dropout
/// between the feed-forward's two layers.
#[derive(Module, Debug)]
pub struct DecoderBlock {
    /// The self-attention's normalisation.
    pub norm1: LayerNorm,
    /// The self-attention's layers.
    pub attn: AttentionLayers,
    /// The normalisation of the attention to the source.
    pub norm2: LayerNorm,
    /// The layers of the attention to the source.
    pub cross_attn: AttentionLayers,
    /// The feed-forward's normalisation.
    pub norm3: LayerNorm,
    /// The feed-forward's layers.
    pub mlp: Mlp,
    #[module(skip)]
    config: TransformerBlockConfig,
}

/// The layers of an attention, each from `E` to `E`.
#[derive(Module, Debug)]
pub struct AttentionLayers {
    /// Query.
    pub query: Linear,
    /// Key.
    pub key: Linear,
    /// Value.
    pub value: Linear,
    /// From the heads' values to the output.
    pub proj: Linear,
}

impl AttentionLayers {
    fn new(width: usize, device: &Device) -> Self {
        let layer = || {
            dense(
                width,
                width,
                &Initializer::XavierUniform { gain: 1.0 },
                device,
            )
        };
        Self {
            query: layer(),
            key: layer(),
            value: layer(),
            proj: layer(),
        }
    }

    /// `x` attends to `source`.
    fn forward(&self, x: Tensor<3>, source: Tensor<3>, options: &AttentionOptions) -> Tensor<3> {
        let query = apply(&self.query, x, Activation::Identity);
        let key = apply(&self.key, source.clone(), Activation::Identity);
        let value = apply(&self.value, source, Activation::Identity);
        let mixed = attention(query, key, value, options);
        apply(&self.proj, mixed, Activation::Identity)
    }
}

impl DecoderBlock {
    /// A block whose weights have Glorot and Bengio's uniform distribution (2010), and biases of zeros.
    ///
    /// # Errors
    /// [`NnConfigError`] as for [`TransformerBlockConfig::init`].
    pub fn new(config: &TransformerBlockConfig, device: &Device) -> Result<Self, NnConfigError> {
        config.check()?;
        let (width, ffn) = (config.width, config.ffn);
        let norm = || {
            LayerNormConfig::new(width)
                .with_epsilon(config.epsilon)
                .init(device)
        };
        let xavier = Initializer::XavierUniform { gain: 1.0 };
        Ok(Self {
            norm1: norm(),
            attn: AttentionLayers::new(width, device),
            norm2: norm(),
            cross_attn: AttentionLayers::new(width, device),
            norm3: norm(),
            mlp: Mlp {
                fc1: dense(width, ffn, &xavier, device),
                fc2: dense(ffn, width, &xavier, device),
            },
            config: config.clone(),
        })
    }

    /// The tokens after this block; none sees a later one.
    ///
    /// # Shapes
    /// - `x`, output: `[B, T, E]`
    /// - `padding`: `[B, T]`, true where a token is padding
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn forward(
        &self,
        x: Tensor<3>,
        padding: Option<Tensor<2, Bool>>,
        memory: &Memory,
    ) -> Tensor<3> {
        let config = &self.config;
        let options = |hidden_keys, causal| AttentionOptions {
            heads: config.heads,
            hidden_keys,
            causal,
            dropout: config.attention_dropout,
            ..AttentionOptions::default()
        };
        let itself = options(padding, true);
        let x = self.branch(x, &self.norm1, |x| self.attn.forward(x.clone(), x, &itself));
        let source = options(memory.padding.clone(), false);
        let x = self.branch(x, &self.norm2, |x| {
            self.cross_attn.forward(x, memory.states.clone(), &source)
        });
        self.branch(x, &self.norm3, |x| {
            let hidden = apply(&self.mlp.fc1, x, config.activation);
            apply(&self.mlp.fc2, hidden, Activation::Identity)
        })
    }

    /// `x + f(norm(x))`, or `norm(x + f(x))`, with dropout of what `f` gives.
    fn branch(
        &self,
        x: Tensor<3>,
        norm: &LayerNorm,
        f: impl FnOnce(Tensor<3>) -> Tensor<3>,
    ) -> Tensor<3> {
        let config = &self.config;
        let norm = |x| normalise(norm, x, config.epsilon);
        match config.norm {
            NormOrder::Pre => x.clone() + dropout(f(norm(x)), config.dropout),
            NormOrder::Post => norm(x.clone() + dropout(f(x), config.dropout)),
        }
    }
}
