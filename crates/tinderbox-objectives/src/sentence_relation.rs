//! How the two segments of a sequence belong together: next-sentence prediction and sentence order.
//!
//! Shape letters: `B` batch, `E` width.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use tinderbox_nn::{
    BertPooler, BertPoolerConfig, SentenceHead, SentenceHeadConfig, TokenBatch, TokenEncoder,
};

use crate::batch::LabelledBatch;
use crate::cross_entropy::{accuracy, cross_entropy};
use crate::objective::{Objective, StepContext, StepOutput};

/// Configuration of [`SentenceRelation`]; all of its sizes are the encoder's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SentenceRelationConfig {}

impl SentenceRelationConfig {
    /// Puts a new pooler and a new head on `encoder`.
    pub fn init<E: TokenEncoder>(&self, encoder: E, device: &Device) -> SentenceRelation<E> {
        let width = encoder.feature_dim();
        SentenceRelation {
            pooler: BertPoolerConfig { width }.init(device),
            cls: SentenceHeadConfig { width }.init(device),
            encoder,
        }
    }
}

/// An encoder that tells from the first token's state whether the second segment of a sequence is the right one,
/// trained by [`cross_entropy`](crate::cross_entropy()).
///
/// The data say which task it is. Where the wrong segments come from other documents it is next-sentence prediction
/// (Devlin et al. 2019, section 3.1, task 2), where they are the segments swapped it is sentence-order prediction
/// (Lan et al. 2020, "ALBERT", section 3.1). Class 0 is right (the next; in order), class 1 is wrong, as in Hugging
/// Face's `BertForNextSentencePrediction`, whose names `pooler.dense` and `cls.seq_relationship` the heads have;
/// they are left behind when the encoder is transferred.
///
/// The first token must see the others: a recurrent encoder in one direction learns nothing here.
///
/// The metric `sentence_accuracy` is the share of the pairs told right; guessing has one half.
#[derive(Module, Debug)]
pub struct SentenceRelation<E: TokenEncoder> {
    /// The encoder.
    pub encoder: E,
    /// From the first token's state to a summary.
    pub pooler: BertPooler,
    /// From a summary to logits.
    pub cls: SentenceHead,
}

impl<E: TokenEncoder> SentenceRelation<E> {
    /// Logits of the two classes.
    ///
    /// # Shapes
    /// - output: `[B, 2]`
    pub fn logits(&self, input: TokenBatch) -> Tensor<2> {
        let hidden = self.encoder.hidden_states(input);
        self.cls.forward(self.pooler.forward(hidden))
    }
}

impl<E: TokenEncoder> Objective for SentenceRelation<E> {
    type Batch = LabelledBatch<TokenBatch>;
    type Encoder = E;

    /// # Panics
    /// If the shapes do not fit.
    fn step(&self, batch: Self::Batch, _at: StepContext) -> StepOutput {
        let logits = self.logits(batch.inputs);
        let loss = cross_entropy(logits.clone(), batch.targets.clone(), 0.0);
        StepOutput::new(loss).with_metric("sentence_accuracy", accuracy(logits, batch.targets))
    }

    fn encoder(&self) -> &E {
        &self.encoder
    }
}
