//! ELECTRA: a discriminator learns which words a generator replaced.
//!
//! Shape letters: `B` batch, `T` tokens, `N` masked places, `V` vocabulary.

use burn::module::Module;
use burn::tensor::activation::{log_sigmoid, softmax};
use burn::tensor::{Bool, Device, Distribution, IndexingUpdateOp, Int, Tensor};
use serde::{Deserialize, Serialize};
use tinderbox_nn::{ReplacedTokenHead, ReplacedTokenHeadConfig, TokenBatch, TokenEncoder};

use crate::batch::MaskedBatch;
use crate::error::ObjectiveConfigError;
use crate::masked_lm::{MaskedLm, MaskedLmConfig, at_masked_places};
use crate::objective::{Objective, StepContext, StepOutput};

/// Mean binary cross-entropy of which tokens were replaced, over all tokens that are no padding; 0 where all are.
///
/// ```text
/// L = mean over tokens of  -[replaced] log s(x) - [not replaced] log(1 - s(x)),   s(x) = 1 / (1 + exp(-x))
/// ```
///
/// Clark, Luong, Le and Manning, "ELECTRA: Pre-training Text Encoders as Discriminators Rather Than Generators"
/// (2020), section 2. It is computed from `log s`, so logits of any finite size are safe. The loss is at least 0,
/// and `ln 2` for logits of 0.
///
/// # Shapes
/// - `logits`: `[B, T]`
/// - `replaced`: `[B, T]`, true where a token is not the text's own
/// - `padding`: `[B, T]`, true where a token is padding
/// - output: `[1]`
///
/// # Panics
/// If the shapes differ.
pub fn replaced_token_detection(
    logits: Tensor<2>,
    replaced: Tensor<2, Bool>,
    padding: Tensor<2, Bool>,
) -> Tensor<1> {
    assert!(
        logits.dims() == replaced.dims() && logits.dims() == padding.dims(),
        "replaced token detection: logits {:?}, replaced {:?} and padding {:?} must have one shape",
        logits.dims(),
        replaced.dims(),
        padding.dims()
    );
    let sign = replaced.float() * 2.0 - 1.0;
    // A loss that is not finite under the padding must not become one of the batch.
    let losses = log_sigmoid(logits * sign)
        .neg()
        .mask_fill(padding.clone(), 0.0);
    losses.sum() / tokens(padding)
}

/// Number of tokens that are no padding, at least 1, `[1]`.
fn tokens(padding: Tensor<2, Bool>) -> Tensor<1> {
    padding.bool_not().float().sum().clamp_min(1.0)
}

/// Configuration of [`Electra`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ElectraConfig {
    /// What the discriminator's loss is multiplied by (50, Clark et al. 2020, appendix A).
    pub discriminator_weight: f64,
}

impl Default for ElectraConfig {
    fn default() -> Self {
        Self {
            discriminator_weight: 50.0,
        }
    }
}

impl ElectraConfig {
    /// A generator of masked words on one encoder, and a discriminator on the other, which is what is pre-trained.
    /// The paper's generators are a quarter to a half as wide (section 3.2).
    ///
    /// # Errors
    /// [`ObjectiveConfigError::NotPositive`] if it is not positive and finite; [`ObjectiveConfigError::Vocabularies`] if
    /// the encoders have not the same words.
    ///
    /// # Panics
    /// If the generator's states have not the size of its embeddings.
    pub fn init<E: TokenEncoder>(
        &self,
        generator: E,
        discriminator: E,
        device: &Device,
    ) -> Result<Electra<E>, ObjectiveConfigError> {
        let weight = self.discriminator_weight;
        if !(weight > 0.0 && weight.is_finite()) {
            return Err(ObjectiveConfigError::NotPositive {
                field: "discriminator_weight",
                got: weight,
            });
        }
        let words = |encoder: &E| encoder.word_embeddings().dims()[0];
        let (words, others) = (words(&generator), words(&discriminator));
        if words != others {
            return Err(ObjectiveConfigError::Vocabularies {
                generator: words,
                discriminator: others,
            });
        }
        let width = discriminator.feature_dim();
        Ok(Electra {
            generator: MaskedLmConfig::default().init(generator, device),
            discriminator_predictions: ReplacedTokenHeadConfig { width }.init(device),
            encoder: discriminator,
            discriminator_weight: weight,
        })
    }
}

/// Replaced-token detection (Clark et al. 2020, "ELECTRA").
///
/// ```text
/// L = L_MLM(generator)  +  w * replaced_token_detection(discriminator)
/// ```
///
/// A small generator, a [`MaskedLm`], fills the masked places; a word is drawn there from what it predicts, and the
/// discriminator tells for every token whether it is the text's own. A drawn word that happens to be the text's own
/// counts as such. No gradient passes through the draw. The draw takes one number a place from the device's
/// generator, by the inverse of the distribution function.
///
/// The paper masks 15 % of the tokens and always by `[MASK]`. It shares the embeddings of generator and
/// discriminator, with which GLUE rises from 83.6 to 84.3 (section 3.2); here each has its own.
///
/// Metrics: `masked_accuracy` and `masked_loss` are the generator's, `replaced_accuracy` and `replaced_loss` the
/// discriminator's; `replaced_share` is the share of the tokens that were replaced, so that calling none replaced
/// has an accuracy of 1 less that.
#[derive(Module, Debug)]
pub struct Electra<E: TokenEncoder> {
    /// The discriminator's encoder, which is what is pre-trained.
    pub encoder: E,
    /// From the discriminator's states to a logit a token.
    pub discriminator_predictions: ReplacedTokenHead,
    /// The generator.
    pub generator: MaskedLm<E>,
    discriminator_weight: f64,
}

impl<E: TokenEncoder> Electra<E> {
    /// Logits of the discriminator, positive where it takes a token for replaced.
    ///
    /// # Shapes
    /// - output: `[B, T]`
    pub fn logits(&self, input: TokenBatch) -> Tensor<2> {
        let hidden = self.encoder.hidden_states(input);
        self.discriminator_predictions.forward(hidden)
    }

    /// The loss on words drawn already, with the figures of the step.
    ///
    /// # Shapes
    /// - `drawn`: `[N]`, what the generator put at the masked places
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn loss(&self, batch: MaskedBatch, drawn: Tensor<1, Int>) -> StepOutput {
        self.losses(batch, |_| drawn)
    }

    fn losses(
        &self,
        batch: MaskedBatch,
        draw: impl FnOnce(Tensor<2>) -> Tensor<1, Int>,
    ) -> StepOutput {
        let (masked_loss, masked_accuracy, logits) = at_masked_places(
            &self.generator.cls.predictions,
            self.generator.encoder.hidden_states(batch.input()),
            self.generator.encoder.word_embeddings(),
            batch.positions.clone(),
            batch.targets.clone(),
        );
        let (tokens_read, replaced) = match logits {
            Some(logits) => corrupted(&batch, draw(logits.detach())),
            None => (batch.tokens.clone(), batch.tokens.zeros_like().bool()),
        };
        let padding = batch.padding;
        let logits = self.logits(TokenBatch {
            tokens: tokens_read,
            segments: batch.segments,
            padding: Some(padding.clone()),
            documents: None,
        });
        let seen = tokens(padding.clone());
        let share = |which: Tensor<2, Bool>| {
            let counted = which.bool_and(padding.clone().bool_not());
            counted.float().sum() / seen.clone()
        };
        let said = logits.clone().detach().greater_elem(0.0);
        let right = share(said.equal(replaced.clone()));
        let replaced_share = share(replaced.clone());
        let replaced_loss = replaced_token_detection(logits, replaced, padding.clone());
        let loss = masked_loss.clone() + replaced_loss.clone() * self.discriminator_weight;
        StepOutput::new(loss)
            .with_metric("masked_accuracy", masked_accuracy)
            .with_metric("masked_loss", masked_loss.detach())
            .with_metric("replaced_accuracy", right)
            .with_metric("replaced_loss", replaced_loss.detach())
            .with_metric("replaced_share", replaced_share)
    }
}

/// The tokens with the drawn words at the masked places, and where they are not the text's own; both `[B, T]`.
fn corrupted(batch: &MaskedBatch, drawn: Tensor<1, Int>) -> (Tensor<2, Int>, Tensor<2, Bool>) {
    let shape = batch.tokens.dims();
    let put = |into: Tensor<2, Int>, values: Tensor<1, Int>| {
        let flat = into.reshape([shape[0] * shape[1]]);
        let before = flat.clone().select(0, batch.positions.clone());
        flat.select_assign(
            0,
            batch.positions.clone(),
            values - before,
            IndexingUpdateOp::Add,
        )
        .reshape(shape)
    };
    let differs = drawn.clone().not_equal(batch.targets.clone()).int();
    let replaced = put(batch.tokens.zeros_like(), differs).bool();
    (put(batch.tokens.clone(), drawn), replaced)
}

/// A word for each row, drawn from the softmax of its logits: the first at which the distribution function is above
/// a uniform number.
fn draw_words(logits: Tensor<2>) -> Tensor<1, Int> {
    let [rows, words] = logits.dims();
    let uniform = Tensor::<2>::random([rows, 1], Distribution::Uniform(0.0, 1.0), &logits.device());
    let cumulative = softmax(logits, 1).cumsum(1);
    // Rounding may leave the last sum below 1; then the number is taken in proportion to it.
    let total = cumulative.clone().narrow(1, words - 1, 1);
    let below = cumulative.lower_equal(uniform * total);
    below
        .int()
        .sum_dim(1)
        .reshape([rows])
        .clamp_max(words as i64 - 1)
}

impl<E: TokenEncoder> Objective for Electra<E> {
    type Batch = MaskedBatch;
    type Encoder = E;

    /// # Panics
    /// If the shapes do not fit, or `positions` and `targets` differ in length.
    fn step(&self, batch: MaskedBatch, _at: StepContext) -> StepOutput {
        self.losses(batch, draw_words)
    }

    fn encoder(&self) -> &E {
        &self.encoder
    }
}
