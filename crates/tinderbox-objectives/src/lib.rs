//! Self-supervised and supervised objectives, and the losses under them.
//!
//! A loss is a plain function over Burn tensors and needs nothing else of Tinderbox; an
//! [`Objective`] puts an encoder, heads and a loss together for a trainer. The crate names no
//! backend and decodes no data: it runs where its tensors are.
//!
//! | to train by | a function over tensors | an objective with its heads |
//! |---|---|---|
//! | contrast of two views | [`nt_xent`](nt_xent()) | [`SimClr`] |
//! | the words that a text lacks | [`masked_language_modelling`] | [`MaskedLm`] |
//! | the patches that an image lacks | [`masked_autoencoding`] | [`Mae`] |
//! | the words around a word | [`negative_sampling`], [`hierarchical_softmax`] | [`Word2Vec`] |
//! | how often words meet | [`glove`](glove()) | [`Glove`] |
//! | labels | [`cross_entropy`](cross_entropy()) | [`Supervised`] |
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
mod cross_entropy;
mod error;
mod glove;
mod l2_normalise;
mod mae;
mod masked_lm;
mod nt_xent;
mod objective;
mod patch_mask;
mod simclr;
mod supervised;
mod word2vec;

pub use batch::{
    CoOccurrenceBatch, ImageBatch, LabelledBatch, MaskedBatch, ViewBatch, WindowBatch,
};
pub use cross_entropy::{accuracy, cross_entropy};
pub use error::ObjectiveConfigError;
pub use glove::{Glove, GloveConfig, glove};
pub use l2_normalise::l2_normalise;
pub use mae::{Mae, MaeConfig, masked_autoencoding};
pub use masked_lm::{MaskedLm, MaskedLmConfig, masked_language_modelling};
pub use nt_xent::{contrast_accuracy, nt_xent};
pub use objective::{Objective, StepContext, StepOutput};
pub use patch_mask::PatchMask;
pub use simclr::{SimClr, SimClrConfig};
pub use supervised::{Supervised, SupervisedConfig};
pub use word2vec::{Word2Vec, Word2VecConfig, hierarchical_softmax, negative_sampling};
