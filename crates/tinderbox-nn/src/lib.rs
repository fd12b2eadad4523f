//! Encoders, heads and blocks of Tinderbox, with published weight names.
//!
//! An [`Encoder`] turns an input into one feature vector; a head such as [`ProjectionHead`] is a
//! separate module, so that an encoder pre-trained with one head is transferred with another. A recipe
//! chooses an encoder at run time by [`ImageEncoderConfig`], which builds an [`AnyImageEncoder`], or
//! [`TextEncoderConfig`], which builds an [`AnyTextEncoder`].
//!
//! | reads | encoders | heads for pre-training |
//! |---|---|---|
//! | images | [`ReferenceCnn`], [`ResNet`] | [`ProjectionHead`] |
//! | images, whole or some of their patches | [`Vit`] | [`MaeDecoder`] |
//! | rows of numbers | [`MlpEncoder`] | [`ProjectionHead`] |
//! | words | [`RecurrentEncoder`] | [`WordHead`], [`MaskedWordHead`] |
//! | words | [`Bert`] | [`WordHead`], [`MaskedWordHead`], [`BertPooler`] with [`SentenceHead`], [`ReplacedTokenHead`] |
//! | words, and writes words | [`EncoderDecoder`] | its own decoder |
//! | words, each by itself | [`WordEmbedding`] | |
//!
//! [`GenerationConfig`] makes text with whatever says what may come next, a [`NextToken`].
//! [`WordVectors`] are the files of word2vec and GloVe on the host, with nearest words and analogies.
//!
//! # Decisions
//! - **Field names are the published ones** (torchvision's for the ResNets, timm's for the vision transformer, Hugging
//!   Face's for BERT), so that a [`StateDict`] speaks PyTorch: its names, its layouts, safetensors files that
//!   either side reads.
//! - **One function computes every transformer's block**, through `tinderbox-kernels`; [`TransformerBlock`] and
//!   [`BertLayer`] hold its parameters under their family's names.
//! - **Batch normalisation is our own.** Burn's stores the biased variance of a batch in its running
//!   statistics, PyTorch the unbiased one, so the same weights would give other features in evaluation;
//!   and Burn's running statistics are shared between clones. See [`BatchNorm`].
//! - **A copy of a network is a [`Teacher`]**, and a tensor that is kept but not learnt a [`Buffer`]: a clone shares the ids of its
//!   parameters with the original, by which gradients are told apart.
//! - No backend is enabled here: a caller brings the [`Device`](burn::tensor::Device).
//!
//! # Cost
//! Building a model draws its weights lazily, at first use. Writing or reading a [`StateDict`] copies
//! every tensor to the host once.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use tinderbox_nn::{Encoder, ImageEncoderConfig, StateDict};
//!
//! let config = ImageEncoderConfig::ReferenceCnn { filters: 32, stages: 1, hidden: 128, dropout: 0.2 };
//! let encoder = config.init(1, 8, &Device::flex()).unwrap();
//! let images = Tensor::zeros([2, 1, 8, 8], &Device::flex());
//! assert_eq!(encoder.forward(images).dims(), [2, 128]);
//! let names: Vec<_> = StateDict::of(&encoder).names().map(String::from).collect();
//! assert_eq!(names, ["conv.bias", "conv.weight", "fc.bias", "fc.weight"]);
//! ```
#![forbid(unsafe_code)]

mod batch_norm;
mod bert;
mod bert_checkpoint;
mod bert_checkpoint_error;
mod bert_heads;
mod bert_layer;
mod bert_pooler;
mod buffer;
mod decoder_block;
mod encoder;
mod encoder_decoder;
mod error;
mod generate;
mod image_encoder;
mod layers;
mod mae_decoder;
mod masked_word_head;
mod mlp_encoder;
mod patches;
mod positions;
mod projection_head;
mod recurrent;
mod recurrent_encoder;
mod reference_cnn;
mod resnet;
mod sentence_checkpoint;
mod teacher;
mod text_encoder;
mod transformer;
mod untracked;
mod vit;
mod weights;
mod word_embedding;
mod word_head;
mod word_vectors;

pub use batch_norm::{BatchNorm, BatchNormConfig, RunningStatistic};
pub use bert::{Bert, BertConfig, BertEmbeddings, BertLayers, Pooling, TokenBatch};
pub use bert_checkpoint::BertCheckpoint;
pub use bert_checkpoint_error::BertCheckpointError;
pub use bert_heads::{
    BertPretrainingHeads, BertPretrainingHeadsConfig, ReplacedTokenHead, ReplacedTokenHeadConfig,
    SentenceHead, SentenceHeadConfig,
};
pub use bert_layer::{BertAttention, BertIntermediate, BertLayer, BertOutput, BertSelfAttention};
pub use bert_pooler::{BertPooler, BertPoolerConfig};
pub use buffer::Buffer;
pub use decoder_block::{AttentionLayers, DecoderBlock, Memory};
pub use encoder::{Encoder, Input, TokenEncoder};
pub use encoder_decoder::{Continuing, EncoderDecoder, EncoderDecoderConfig};
pub use error::NnConfigError;
pub use generate::{Decoding, Generated, GenerationConfig, GenerationError, NextToken};
pub use image_encoder::{AnyImageEncoder, ImageEncoderConfig};
pub use mae_decoder::{MaeDecoder, MaeDecoderConfig};
pub use masked_word_head::{
    MaskedWordHead, MaskedWordHeadConfig, MaskedWordPredictions, MaskedWordTransform,
};
pub use mlp_encoder::{MlpEncoder, MlpEncoderConfig};
pub use patches::patchify;
pub use positions::PositionKind;
pub use projection_head::{ProjectionHead, ProjectionHeadConfig};
pub use recurrent::{
    Cell, Direction, Recurrent, RecurrentConfig, RecurrentLayer, RecurrentOutput, RecurrentState,
};
pub use recurrent_encoder::{RecurrentEncoder, RecurrentEncoderConfig};
pub use reference_cnn::{ReferenceCnn, ReferenceCnnConfig};
pub use resnet::{ResNet, ResNetConfig, ResNetDepth, ResidualBlock, Stem};
pub use sentence_checkpoint::SentenceCheckpoint;
pub use teacher::{FollowBuffers, Teacher, TeacherMode};
pub use text_encoder::{AnyTextEncoder, TextEncoderConfig};
pub use tinderbox_kernels::Activation;
pub use transformer::{FusedAttention, Mlp, NormOrder, TransformerBlock, TransformerBlockConfig};
pub use untracked::is_untracked;
pub use vit::{PatchEmbed, PatchProjection, Vit, VitConfig};
pub use weights::{LoadReport, StateDict, WeightsError, load_state_dict};
pub use word_embedding::{WordEmbedding, WordEmbeddingConfig};
pub use word_head::{WordHead, WordHeadConfig};
pub use word_vectors::{Analogy, Neighbour, WordVectors, WordVectorsError, WordVectorsFormat};
