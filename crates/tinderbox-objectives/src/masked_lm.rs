//! Masked language modelling, BERT's pretext task.
//!
//! Shape letters: `B` batch, `T` tokens, `N` masked places, `V` vocabulary.

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use serde::{Deserialize, Serialize};
use tinderbox_nn::{
    MaskedWordHead, MaskedWordHeadConfig, MaskedWordPredictions, TokenBatch, TokenEncoder,
};

use crate::batch::MaskedBatch;
use crate::cross_entropy::{accuracy, cross_entropy};
use crate::objective::{Objective, StepContext, StepOutput};

/// Mean cross-entropy of the words at the masked places; 0, with gradients of 0, where none is masked.
///
/// ```text
/// L = mean_n -log softmax(logits_n)[target_n]
/// ```
///
/// Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding" (2019),
/// section 3.1. The loss is at least 0, and `ln V` for equal logits.
///
/// # Shapes
/// - `logits`: `[N, V]`
/// - `targets`: `[N]`, each in `0..V`
/// - output: `[1]`
///
/// # Panics
/// If `logits` and `targets` differ in `N`.
pub fn masked_language_modelling(logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
    let ([rows, _], [words]) = (logits.dims(), targets.dims());
    assert_eq!(
        rows, words,
        "masked language modelling: logits of {rows} places, but there are {words} targets"
    );
    // A mean over nothing is not a number.
    match rows {
        0 => logits.sum(),
        _ => cross_entropy(logits, targets, 0.0),
    }
}

/// Loss, share of the words named right, and logits `[N, V]`; where none is masked there are no logits, a loss of 0 with gradients
/// of 0 for every parameter, and an accuracy of 0.
///
/// # Panics
/// If the shapes do not fit, or `positions` and `targets` differ in length.
pub(crate) fn at_masked_places(
    head: &MaskedWordPredictions,
    hidden: Tensor<3>,
    words: Tensor<2>,
    positions: Tensor<1, Int>,
    targets: Tensor<1, Int>,
) -> (Tensor<1>, Tensor<1>, Option<Tensor<2>>) {
    let ([places], [expected]) = (positions.dims(), targets.dims());
    assert_eq!(
        places, expected,
        "masked language modelling: {places} positions, but {expected} targets"
    );
    if places == 0 {
        // One place stands in, so that every parameter has a gradient, of zeros, as in any other step.
        let device = hidden.device();
        let nowhere = Tensor::<1, Int>::zeros([1], &device);
        let loss = head.forward(hidden, nowhere, words).sum() * 0.0;
        return (loss, Tensor::zeros([1], &device.inner()), None);
    }
    let logits = head.forward(hidden, positions, words);
    let accuracy = accuracy(logits.clone(), targets.clone());
    let loss = masked_language_modelling(logits.clone(), targets);
    (loss, accuracy, Some(logits))
}

/// Configuration of [`MaskedLm`]; all of its sizes are the encoder's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskedLmConfig {}

impl MaskedLmConfig {
    /// Puts a new head for masked words on `encoder`.
    ///
    /// # Panics
    /// If the encoder's states have not the size of its embeddings.
    pub fn init<E: TokenEncoder>(&self, encoder: E, device: &Device) -> MaskedLm<E> {
        let [vocabulary, width] = encoder.word_embeddings().dims();
        assert_eq!(
            encoder.feature_dim(),
            width,
            "masked language modelling: the states must have the size of the embeddings"
        );
        MaskedLm {
            cls: MaskedWordHeadConfig { width, vocabulary }.init(device),
            encoder,
        }
    }
}

/// An encoder such as BERT with a head that names the masked words, trained by [`masked_language_modelling`].
///
/// The head's decoder shares the encoder's table of word embeddings, which so gets gradients from both ends. The head is
/// left behind when the encoder is transferred.
///
/// The metric `masked_accuracy` is the share of the masked words that are named right, 0 where none is masked.
#[derive(Module, Debug)]
pub struct MaskedLm<E: TokenEncoder> {
    /// The encoder.
    pub encoder: E,
    /// From hidden states to logits of words.
    pub cls: MaskedWordHead,
}

impl<E: TokenEncoder> MaskedLm<E> {
    /// Logits of the words at the masked places.
    ///
    /// # Shapes
    /// - `positions`: `[N]`, flat indices into `B x T`
    /// - output: `[N, V]`
    pub fn logits(&self, input: TokenBatch, positions: Tensor<1, Int>) -> Tensor<2> {
        let hidden = self.encoder.hidden_states(input);
        let words = self.encoder.word_embeddings();
        self.cls.forward(hidden, positions, words)
    }
}

impl<E: TokenEncoder> Objective for MaskedLm<E> {
    type Batch = MaskedBatch;
    type Encoder = E;

    /// # Panics
    /// If the shapes do not fit, or `positions` and `targets` differ in length.
    fn step(&self, batch: MaskedBatch, _at: StepContext) -> StepOutput {
        let hidden = self.encoder.hidden_states(batch.input());
        let words = self.encoder.word_embeddings();
        let (loss, accuracy, _) = at_masked_places(
            &self.cls.predictions,
            hidden,
            words,
            batch.positions,
            batch.targets,
        );
        StepOutput::new(loss).with_metric("masked_accuracy", accuracy)
    }

    fn encoder(&self) -> &E {
        &self.encoder
    }
}
