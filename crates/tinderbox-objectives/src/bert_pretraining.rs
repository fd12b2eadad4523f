//! BERT's pre-training: masked words and sentence pairs together.
//!
//! Shape letters: `B` batch, `N` masked places, `V` vocabulary.

use burn::module::Module;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use tinderbox_nn::{
    BertPooler, BertPoolerConfig, BertPretrainingHeads, BertPretrainingHeadsConfig, TokenEncoder,
};

use crate::batch::MaskedPairBatch;
use crate::cross_entropy::{accuracy, cross_entropy};
use crate::masked_lm::at_masked_places;
use crate::objective::{Objective, StepContext, StepOutput};

/// Configuration of [`BertPretraining`]; all of its sizes are the encoder's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BertPretrainingConfig {}

impl BertPretrainingConfig {
    /// Puts a new pooler and new heads on `encoder`.
    ///
    /// # Panics
    /// If the encoder's states have not the size of its embeddings.
    pub fn init<E: TokenEncoder>(&self, encoder: E, device: &Device) -> BertPretraining<E> {
        let [vocabulary, width] = encoder.word_embeddings().dims();
        assert_eq!(
            encoder.feature_dim(),
            width,
            "BERT's pre-training: the states must have the size of the embeddings"
        );
        BertPretraining {
            pooler: BertPoolerConfig { width }.init(device),
            cls: BertPretrainingHeadsConfig { width, vocabulary }.init(device),
            encoder,
        }
    }
}

/// An encoder trained by masked words and by pairs of segments at once.
///
/// ```text
/// L = mean_n -log p(word_n at masked place n)  +  mean_b -log p(relation_b)
/// ```
///
/// Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding" (2019), section
/// 3.1 and appendix A.2: the sum of the two means, [`MaskedLm`](crate::MaskedLm)'s and
/// [`SentenceRelation`](crate::SentenceRelation)'s. With the encoder in a field called `bert`, the names would be
/// those of Hugging Face's `BertForPreTraining`.
///
/// Metrics: `masked_loss` and `sentence_loss` are the two means, `masked_accuracy` and `sentence_accuracy` the
/// shares told right. A batch without a masked place has a `masked_loss` of 0.
#[derive(Module, Debug)]
pub struct BertPretraining<E: TokenEncoder> {
    /// The encoder.
    pub encoder: E,
    /// From the first token's state to a summary.
    pub pooler: BertPooler,
    /// Logits of words, and of pairs.
    pub cls: BertPretrainingHeads,
}

impl<E: TokenEncoder> Objective for BertPretraining<E> {
    type Batch = MaskedPairBatch;
    type Encoder = E;

    /// # Panics
    /// If the shapes do not fit, or `positions` and `targets` differ in length.
    fn step(&self, batch: MaskedPairBatch, _at: StepContext) -> StepOutput {
        let MaskedPairBatch { masked, relations } = batch;
        let hidden = self.encoder.hidden_states(masked.input());
        let pairs = self.cls.relation(self.pooler.forward(hidden.clone()));
        let sentence_loss = cross_entropy(pairs.clone(), relations.clone(), 0.0);
        let sentence_accuracy = accuracy(pairs, relations);
        let (masked_loss, masked_accuracy, _) = at_masked_places(
            &self.cls.predictions,
            hidden,
            self.encoder.word_embeddings(),
            masked.positions,
            masked.targets,
        );
        StepOutput::new(masked_loss.clone() + sentence_loss.clone())
            .with_metric("masked_accuracy", masked_accuracy)
            .with_metric("masked_loss", masked_loss.detach())
            .with_metric("sentence_accuracy", sentence_accuracy)
            .with_metric("sentence_loss", sentence_loss.detach())
    }

    fn encoder(&self) -> &E {
        &self.encoder
    }
}
