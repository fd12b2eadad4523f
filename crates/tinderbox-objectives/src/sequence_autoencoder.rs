//! The sequence autoencoder: read a text, then say it again.
//!
//! Shape letters: `B` batch, `T` tokens, `N` tokens that are no padding, `F` features, `H` units of the decoder, `E` size of
//! an embedding, `V` vocabulary.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor};
use serde::{Deserialize, Serialize};
use tinderbox_kernels::embedding;
use tinderbox_nn::{
    Recurrent, RecurrentConfig, RecurrentState, TokenBatch, TokenEncoder, WordHead, WordHeadConfig,
};

use crate::error::ObjectiveConfigError;
use crate::objective::{Objective, StepContext, StepOutput};
use crate::places;

/// Configuration of [`SequenceAutoencoder`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SequenceAutoencoderConfig {
    /// Units `H` of the decoder; as many as the encoder has features unless given.
    #[serde(default)]
    pub decoder_hidden: Option<usize>,
}

impl SequenceAutoencoderConfig {
    /// Puts a new decoder behind `encoder`.
    ///
    /// # Errors
    /// [`ObjectiveConfigError::Network`] for a decoder without units.
    pub fn init<E: TokenEncoder>(
        &self,
        encoder: E,
        device: &Device,
    ) -> Result<SequenceAutoencoder<E>, ObjectiveConfigError> {
        let features = encoder.feature_dim();
        let hidden = self.decoder_hidden.unwrap_or(features);
        let [vocabulary, embedding] = encoder.word_embeddings().dims();
        let head = WordHeadConfig {
            hidden,
            embedding,
            vocabulary,
        };
        Ok(SequenceAutoencoder {
            decoder: RecurrentConfig::new(embedding, hidden).init(device)?,
            bridge: LinearConfig::new(features, 2 * hidden).init(device),
            head: head.init(device)?,
            encoder,
        })
    }
}

/// An encoder whose features start a decoder, an LSTM, that has to reproduce the sequence (Dai and Le 2015, "Semi-supervised
/// Sequence Learning", section 2): what the features do not hold is lost.
///
/// At each place the decoder reads the true token before it, at the first place a vector of zeros, and its logits are scored
/// by cross-entropy with the token there, where that is no padding. Encoder and decoder share the table of word embeddings,
/// as theirs do; they also share the LSTM, which here would rule out all other encoders. Only the encoder is
/// transferred.
///
/// The metric `token_accuracy` is the share of the tokens that are named right, 0 where all are padding.
#[derive(Module, Debug)]
pub struct SequenceAutoencoder<E: TokenEncoder> {
    /// The encoder.
    pub encoder: E,
    /// From features to the decoder's first state and memory, `2 H`; a hyperbolic tangent bounds the state.
    pub bridge: Linear,
    /// The decoder.
    pub decoder: Recurrent,
    /// From its states to logits.
    pub head: WordHead,
}

impl<E: TokenEncoder> SequenceAutoencoder<E> {
    /// Logits of the tokens at these places, given the features of their sequence and all tokens before them.
    ///
    /// # Shapes
    /// - `places`: `[N]`, flat indices into `B x T`
    /// - output: `[N, V]`
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn logits(&self, batch: TokenBatch, places: Tensor<1, Int>) -> Tensor<2> {
        let (tokens, padding) = (batch.tokens.clone(), batch.padding.clone());
        let state = self.bridge.forward(self.encoder.forward(batch.into()));
        let [h, c]: [Tensor<2>; 2] = state.chunk(2, 1).try_into().expect("two halves");
        let state = RecurrentState { h: h.tanh(), c };

        let words = self.encoder.word_embeddings();
        let [rows, length] = tokens.dims();
        let [_, size] = words.dims();
        let start = Tensor::zeros([rows, 1, size], &words.device());
        let input = match length {
            1 => start,
            _ => {
                let before = tokens
                    .narrow(1, 0, length - 1)
                    .reshape([rows * (length - 1)]);
                let before = embedding(words.clone(), before);
                Tensor::cat(vec![start, before.reshape([rows, length - 1, size])], 1)
            }
        };
        let states = self.decoder.forward_from(input, padding, &[state]).steps;
        let [_, _, hidden] = states.dims();
        let states = embedding(states.reshape([rows * length, hidden]), places);
        self.head.forward(states, words)
    }
}

impl<E: TokenEncoder> Objective for SequenceAutoencoder<E> {
    type Batch = TokenBatch;
    type Encoder = E;

    /// # Panics
    /// If the shapes do not fit.
    fn step(&self, batch: TokenBatch, _at: StepContext) -> StepOutput {
        let places = places::of_tokens(batch.padding.as_ref(), batch.tokens.dims());
        let places = places::tensor(places, &batch.tokens.device());
        let targets = places::tokens_at(&batch.tokens, places.clone());
        places::step(places, targets, |places| self.logits(batch, places))
    }

    fn encoder(&self) -> &E {
        &self.encoder
    }
}
