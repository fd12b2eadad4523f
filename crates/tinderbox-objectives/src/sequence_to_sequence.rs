//! Sequence to sequence: denoising, translation, summaries.
//!
//! Shape letters: `B` batch, `S` tokens of the source, `T` tokens of the target, `N` places with a target, `V` vocabulary.

use burn::module::Module;
use burn::tensor::{Bool, Int, Tensor};
use serde::{Deserialize, Serialize};
use tinderbox_kernels::embedding;
use tinderbox_nn::{Encoder, EncoderDecoder, TokenBatch};

use crate::batch::SequencePairBatch;
use crate::objective::{Objective, StepContext, StepOutput};
use crate::places;

/// Configuration of [`SequenceToSequence`]; all of its sizes are the network's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SequenceToSequenceConfig {}

impl SequenceToSequenceConfig {
    /// The objective of a network.
    pub fn init<E: Encoder + AsRef<EncoderDecoder>>(&self, encoder: E) -> SequenceToSequence<E> {
        SequenceToSequence { encoder }
    }
}

/// An encoder and a decoder that writes the target of a source, trained by the mean cross-entropy of each token of the target
/// given the source and the true tokens before it.
///
/// The source may be the target with noise, which is BART's pre-training (Lewis et al. 2020, "BART: Denoising Sequence-to-Sequence
/// Pre-training", section 2.2), or another text. The first token of a target, such as `[CLS]`, is given and not scored: generation
/// starts from it.
///
/// The metric `token_accuracy` is the share of the tokens that are named right, 0 where none is to be named.
#[derive(Module, Debug)]
pub struct SequenceToSequence<E: Encoder = EncoderDecoder> {
    /// The whole network, or what holds it; as an encoder, it is its encoder alone.
    pub encoder: E,
}

impl<E: Encoder + AsRef<EncoderDecoder>> SequenceToSequence<E> {
    /// Logits of the tokens that follow these places of the target.
    ///
    /// # Shapes
    /// - `targets`: `[B, T]`
    /// - `target_padding`: `[B, T]`, true where a token is padding
    /// - `places`: `[N]`, flat indices into `B x T`
    /// - output: `[N, V]`
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn logits(
        &self,
        source: TokenBatch,
        targets: Tensor<2, Int>,
        target_padding: Option<Tensor<2, Bool>>,
        places: Tensor<1, Int>,
    ) -> Tensor<2> {
        let network = self.encoder.as_ref();
        let memory = network.encode(source);
        let states = network.decode(targets, target_padding, &memory);
        let [rows, length, width] = states.dims();
        let states = embedding(states.reshape([rows * length, width]), places);
        network.logits(states)
    }
}

impl<E: Encoder + AsRef<EncoderDecoder>> Objective for SequenceToSequence<E> {
    type Batch = SequencePairBatch;
    type Encoder = E;

    /// # Panics
    /// If the shapes do not fit.
    fn step(&self, batch: SequencePairBatch, _at: StepContext) -> StepOutput {
        let SequencePairBatch {
            source,
            targets,
            target_padding,
        } = batch;
        let places = places::before_tokens(target_padding.as_ref(), None, targets.dims());
        let places = places::tensor(places, &targets.device());
        let words = places::tokens_at(&targets, places.clone() + 1);
        places::step(places, words, |places| {
            self.logits(source, targets, target_padding, places)
        })
    }

    fn encoder(&self) -> &E {
        &self.encoder
    }
}
