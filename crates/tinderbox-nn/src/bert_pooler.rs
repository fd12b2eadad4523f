//! BERT's pooler.
//!
//! Shape letters: `B` batch, `T` tokens, `E` width.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use tinderbox_kernels::Activation;

use crate::bert::initial_dense;
use crate::layers::apply;

/// Configuration of [`BertPooler`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BertPoolerConfig {
    /// Size `E` of a state.
    pub width: usize,
}

impl BertPoolerConfig {
    /// A pooler drawn as BERT is.
    pub fn init(&self, device: &Device) -> BertPooler {
        BertPooler {
            dense: initial_dense(self.width, self.width, device),
        }
    }
}

/// `tanh(dense(state))` of a sequence's first token, what BERT's heads for whole sequences read (Devlin et al. 2019,
/// the authors' code). In a field called `pooler` it has the name of Hugging Face's `BertModel`, `pooler.dense`.
#[derive(Module, Debug)]
pub struct BertPooler {
    /// The dense layer.
    pub dense: Linear,
}

impl BertPooler {
    /// The summary of each sequence.
    ///
    /// # Shapes
    /// - `hidden`: `[B, T, E]`, of which the first token is read
    /// - output: `[B, E]`
    ///
    /// # Panics
    /// If the shapes do not fit or there are no tokens.
    pub fn forward(&self, hidden: Tensor<3>) -> Tensor<2> {
        let [batch, _, width] = hidden.dims();
        self.summarise(hidden.narrow(1, 0, 1).reshape([batch, width]))
    }

    /// The same of states that are one a sequence already.
    ///
    /// # Shapes
    /// - `features`, output: `[B, E]`
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn summarise(&self, features: Tensor<2>) -> Tensor<2> {
        apply(&self.dense, features, Activation::Identity).tanh()
    }
}
