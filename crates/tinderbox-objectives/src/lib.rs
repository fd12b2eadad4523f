//! Self-supervised and supervised objectives, and the losses under them.
//!
//! A loss is a plain function over Burn tensors and needs nothing else of Tinderbox; an
//! [`Objective`] puts an encoder, heads and a loss together for a trainer. The crate names no
//! backend and decodes no data: it runs where its tensors are.
//!
//! | to train by | a function over tensors | an objective with its heads |
//! |---|---|---|
//! | contrast of two views | [`nt_xent`](nt_xent()) | [`SimClr`] |
//! | contrast of sentences in a batch | [`info_nce`](info_nce()) | [`SimCse`] |
//! | the words that a text lacks | [`masked_language_modelling`] | [`MaskedLm`] |
//! | the next word | [`causal_language_modelling`] | [`CausalLm`] |
//! | the same words again | [`cross_entropy`](cross_entropy()) | [`SequenceAutoencoder`] |
//! | the words without noise, or another text | [`cross_entropy`](cross_entropy()) | [`SequenceToSequence`] |
//! | whether two segments belong together | [`cross_entropy`](cross_entropy()) | [`SentenceRelation`] |
//! | both, as BERT | both | [`BertPretraining`] |
//! | which words a generator replaced | [`replaced_token_detection`] | [`Electra`] |
//! | the patches that an image lacks | [`masked_autoencoding`] | [`Mae`] |
//! | the words around a word | [`negative_sampling`], [`hierarchical_softmax`] | [`Word2Vec`] |
//! | how often words meet | [`glove`](glove()) | [`Glove`] |
//! | labels | [`cross_entropy`](cross_entropy()) | [`Supervised`] |
//! | labels of tokens | [`cross_entropy`](cross_entropy()) | [`TokenTagging`] |
//! | answers in a text | [`span_extraction`](span_extraction()) | [`SpanExtraction`] |
//!
//! # The loss in a loop of one's own
//! ```
//! use burn::tensor::{Device, Distribution, Tensor};
//! use tinderbox_objectives::{contrast_accuracy, nt_xent};
//!
//! let device = Device::flex().autodiff();
//! // Embeddings of two views of 8 images, as an encoder and a projection head would give them.
//! let a = Tensor::<2>::random([8, 32], Distribution::Default, &device).require_grad();
//! let b = a.clone().detach() + 0.01;
//!
//! let loss = nt_xent(a.clone(), b.clone(), 0.5);
//! let gradients = loss.backward();
//! assert_eq!(a.grad(&gradients).unwrap().dims(), [8, 32]);
//!
//! // Each embedding finds its other view among the 14 of other images.
//! assert_eq!(contrast_accuracy(a, b).into_scalar::<f32>(), 1.0);
//! ```
#![forbid(unsafe_code)]

mod batch;
mod bert_pretraining;
mod causal_lm;
mod cross_entropy;
mod electra;
mod error;
mod glove;
mod info_nce;
mod l2_normalise;
mod mae;
mod masked_lm;
mod nt_xent;
mod objective;
mod patch_mask;
mod places;
mod sentence_relation;
mod sequence_autoencoder;
mod sequence_to_sequence;
mod simclr;
mod simcse;
mod span_extraction;
mod supervised;
mod token_tagging;
mod word2vec;

pub use batch::{
    CoOccurrenceBatch, ImageBatch, LabelledBatch, MaskedBatch, MaskedPairBatch, SequencePairBatch,
    SpanBatch, TaggedBatch, ViewBatch, WindowBatch,
};
pub use bert_pretraining::{BertPretraining, BertPretrainingConfig};
pub use causal_lm::{CausalLm, CausalLmConfig, causal_language_modelling};
pub use cross_entropy::{accuracy, cross_entropy, weighted_cross_entropy};
pub use electra::{Electra, ElectraConfig, replaced_token_detection};
pub use error::ObjectiveConfigError;
pub use glove::{Glove, GloveConfig, glove};
pub use info_nce::{info_nce, retrieval_accuracy};
pub use l2_normalise::l2_normalise;
pub use mae::{Mae, MaeConfig, masked_autoencoding};
pub use masked_lm::{MaskedLm, MaskedLmConfig, masked_language_modelling};
pub use nt_xent::{contrast_accuracy, nt_xent};
pub use objective::{Objective, StepContext, StepOutput};
pub use patch_mask::PatchMask;
pub use sentence_relation::{SentenceRelation, SentenceRelationConfig};
pub use sequence_autoencoder::{SequenceAutoencoder, SequenceAutoencoderConfig};
pub use sequence_to_sequence::{SequenceToSequence, SequenceToSequenceConfig};
pub use simclr::{SimClr, SimClrConfig};
pub use simcse::{SimCse, SimCseConfig};
pub use span_extraction::{
    Span, SpanExtraction, SpanExtractionConfig, SpanLogits, best_span, span_extraction,
};
pub use supervised::{Supervised, SupervisedConfig};
pub use token_tagging::{TokenTagging, TokenTaggingConfig};
pub use word2vec::{Word2Vec, Word2VecConfig, hierarchical_softmax, negative_sampling};
