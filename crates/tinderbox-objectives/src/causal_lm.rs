//! Causal language modelling: which token comes next.
//!
//! Shape letters: `B` batch, `T` tokens, `N` places with a target, `V` vocabulary.

use burn::module::Module;
use burn::tensor::{Bool, Device, Int, Tensor};
use serde::{Deserialize, Serialize};
use tinderbox_kernels::{embedding, softmax_cross_entropy};
use tinderbox_nn::{NextToken, TokenBatch, TokenEncoder, WordHead, WordHeadConfig};

use crate::error::ObjectiveConfigError;
use crate::objective::{Objective, StepContext, StepOutput};
use crate::places;

/// Mean cross-entropy of every token that follows another, given all before it; 0 where there is none.
///
/// ```text
/// L = mean_(b, t) -log softmax(logits[b, t])[tokens[b, t + 1]]
/// ```
///
/// over the places whose token and next token are both no padding (Bengio et al. 2003, "A Neural Probabilistic Language
/// Model", section 2, without the penalty). The loss is at least 0, and `ln V` for equal logits; its exponential is the
/// perplexity.
///
/// # Shapes
/// - `logits`: `[B, T, V]`, each of the token after its place
/// - `tokens`: `[B, T]`, each in `0..V`
/// - `padding`: `[B, T]`, true where a token is padding; none is without it
/// - output: `[1]`
///
/// # Panics
/// If the shapes do not fit.
pub fn causal_language_modelling(
    logits: Tensor<3>,
    tokens: Tensor<2, Int>,
    padding: Option<Tensor<2, Bool>>,
) -> Tensor<1> {
    let ([rows, length, words], shape) = (logits.dims(), tokens.dims());
    assert_eq!(
        [rows, length],
        shape,
        "causal language modelling: logits and tokens must have one shape"
    );
    let places = places::before_tokens(padding.as_ref(), None, shape);
    if places.is_empty() {
        // A mean over nothing is not a number.
        return logits.sum() * 0.0;
    }
    let places = places::tensor(places, &tokens.device());
    let targets = places::tokens_at(&tokens, places.clone() + 1);
    let logits = embedding(logits.reshape([rows * length, words]), places);
    softmax_cross_entropy(logits, targets)
}

/// Configuration of [`CausalLm`]; all of its sizes are the encoder's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CausalLmConfig {}

impl CausalLmConfig {
    /// Puts a new [`WordHead`] on `encoder`.
    ///
    /// # Errors
    /// [`ObjectiveConfigError::NotCausal`] if the encoder's states depend on later tokens: it would learn to copy them.
    pub fn init<E: TokenEncoder>(
        &self,
        encoder: E,
        device: &Device,
    ) -> Result<CausalLm<E>, ObjectiveConfigError> {
        if !encoder.is_causal() {
            return Err(ObjectiveConfigError::NotCausal);
        }
        let [vocabulary, embedding] = encoder.word_embeddings().dims();
        let head = WordHeadConfig {
            hidden: encoder.feature_dim(),
            embedding,
            vocabulary,
        };
        Ok(CausalLm {
            head: head.init(device)?,
            encoder,
        })
    }
}

/// An encoder that reads in one direction, with a head that names the next token, trained by [`causal_language_modelling`].
///
/// The first step of semi-supervised sequence learning (Dai and Le 2015, section 2), in which the head is left behind when
/// the encoder is transferred; and, with the head, a generator of text.
///
/// Where documents are packed into a sequence, the first token of one is not asked of the one before.
///
/// The metric `token_accuracy` is the share of the tokens that are named right, 0 where none is to be named.
#[derive(Module, Debug)]
pub struct CausalLm<E: TokenEncoder> {
    /// The encoder.
    pub encoder: E,
    /// From a state to logits of the next token.
    pub head: WordHead,
}

impl<E: TokenEncoder> CausalLm<E> {
    /// Logits of the tokens that follow these places.
    ///
    /// # Shapes
    /// - `places`: `[N]`, flat indices into `B x T`
    /// - output: `[N, V]`
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn logits(&self, batch: TokenBatch, places: Tensor<1, Int>) -> Tensor<2> {
        let states = self.encoder.hidden_states(batch);
        let [rows, length, size] = states.dims();
        let states = embedding(states.reshape([rows * length, size]), places);
        self.head.forward(states, self.encoder.word_embeddings())
    }
}

impl<E: TokenEncoder> Objective for CausalLm<E> {
    type Batch = TokenBatch;
    type Encoder = E;

    /// # Panics
    /// If the shapes do not fit.
    fn step(&self, batch: TokenBatch, _at: StepContext) -> StepOutput {
        let places = places::before_tokens(
            batch.padding.as_ref(),
            batch.documents.as_ref(),
            batch.tokens.dims(),
        );
        let places = places::tensor(places, &batch.tokens.device());
        let targets = places::tokens_at(&batch.tokens, places.clone() + 1);
        places::step(places, targets, |places| self.logits(batch, places))
    }

    fn encoder(&self) -> &E {
        &self.encoder
    }
}

impl<E: TokenEncoder> NextToken for CausalLm<E> {
    fn next_logits(&self, _prompts: &[usize], prefixes: Tensor<2, Int>) -> Tensor<2> {
        let [rows, length] = prefixes.dims();
        let last = (1..=rows).map(|row| (row * length) as i64 - 1).collect();
        let last = places::tensor(last, &prefixes.device());
        self.logits(TokenBatch::new(prefixes), last)
    }

    fn longest(&self) -> Option<usize> {
        self.encoder.longest()
    }
}
