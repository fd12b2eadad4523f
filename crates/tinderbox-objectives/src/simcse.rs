//! SimCSE: contrastive training of sentence embeddings.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use tinderbox_nn::{BertPooler, BertPoolerConfig, Encoder, Input};

use crate::batch::ViewBatch;
use crate::error::ObjectiveConfigError;
use crate::info_nce::{info_nce, retrieval_accuracy};
use crate::objective::{Objective, StepContext, StepOutput};

/// Configuration of [`SimCse`]; the defaults are those of Gao et al. (2021).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SimCseConfig {
    /// Temperature of the loss, positive (0.05, appendix D).
    pub temperature: f64,
    /// Whether training has a dense layer with tanh on the features, which is left behind with the objective (yes,
    /// section 6.3; sentence-transformers has none).
    pub projection: bool,
}

impl Default for SimCseConfig {
    fn default() -> Self {
        Self {
            temperature: 0.05,
            projection: true,
        }
    }
}

impl SimCseConfig {
    /// Puts the objective on `encoder`.
    ///
    /// # Errors
    /// [`ObjectiveConfigError::Temperature`] if it is not positive and finite.
    pub fn init<E: Encoder>(
        &self,
        encoder: E,
        device: &Device,
    ) -> Result<SimCse<E>, ObjectiveConfigError> {
        if !(self.temperature > 0.0 && self.temperature.is_finite()) {
            return Err(ObjectiveConfigError::Temperature {
                got: self.temperature,
            });
        }
        let width = encoder.feature_dim();
        Ok(SimCse {
            projection: (self.projection).then(|| BertPoolerConfig { width }.init(device)),
            encoder,
            temperature: self.temperature,
        })
    }
}

/// An encoder trained by [`info_nce`](crate::info_nce()) on sentences, with the other sentences of the batch as
/// negatives.
///
/// The number of views of each item says which of the paper's methods it is:
/// 1. Unsupervised: the same sentence passes the encoder twice, and its dropout makes the two views (section 3).
///    Without dropout in the encoder there is nothing to learn from.
/// 2. Supervised: view 0 and view 1 belong together, such as a premise and what follows from it (section 4), or a
///    question and its answer.
/// 3. With a hard negative: view 2 is what view 0 must not be taken for (section 4, equation 5).
///
/// The views' batches may differ in length. The features are the encoder's, so its pooling decides what is compared.
///
/// The metric `contrast_accuracy` is [`retrieval_accuracy`](crate::retrieval_accuracy).
#[derive(Module, Debug)]
pub struct SimCse<E: Encoder> {
    /// The encoder.
    pub encoder: E,
    /// From features to the embedding the loss compares, if there is one.
    pub projection: Option<BertPooler>,
    temperature: f64,
}

impl<E: Encoder> SimCse<E> {
    /// Embeddings of a batch, not normalised.
    ///
    /// # Shapes
    /// - output: `[batch, feature_dim]`
    pub fn embed(&self, input: E::Input) -> Tensor<2> {
        let features = self.encoder.forward(input);
        match &self.projection {
            Some(projection) => projection.summarise(features),
            None => features,
        }
    }

    /// The temperature in force.
    pub fn temperature(&self) -> f64 {
        self.temperature
    }
}

impl<E: Encoder> Objective for SimCse<E> {
    type Batch = ViewBatch<E::Input>;
    type Encoder = E;

    /// # Panics
    /// If the batch does not hold one to three views of the same number of items.
    fn step(&self, batch: Self::Batch, _at: StepContext) -> StepOutput {
        let mut views = batch.views;
        let count = views.len();
        assert!(
            (1..=3).contains(&count),
            "SimCSE needs 1 to 3 views of each item, got {count}"
        );
        let (anchors, candidates) = match count {
            1 => {
                let sentences = views.swap_remove(0);
                let twice = self.embed(Input::cat(vec![sentences.clone(), sentences]));
                let halves = twice.chunk(2, 0);
                (halves[0].clone(), halves[1].clone())
            }
            _ => {
                let mut embeddings = views.into_iter().map(|view| self.embed(view));
                let anchors = embeddings.next().expect("at least one view");
                (anchors, Tensor::cat(embeddings.collect(), 0))
            }
        };
        let accuracy = retrieval_accuracy(anchors.clone(), candidates.clone());
        StepOutput::new(info_nce(anchors, candidates, self.temperature))
            .with_metric("contrast_accuracy", accuracy)
    }

    fn encoder(&self) -> &E {
        &self.encoder
    }
}
