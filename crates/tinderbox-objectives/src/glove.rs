//! GloVe: vectors whose products are the logarithms of co-occurrences.
//!
//! Shape letters: `B` pairs, `V` vocabulary, `E` size of a vector.

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use tinderbox_kernels::embedding;
use tinderbox_nn::{WordEmbedding, WordEmbeddingConfig};

use crate::batch::CoOccurrenceBatch;
use crate::error::ObjectiveConfigError;
use crate::objective::{Objective, StepContext, StepOutput};

/// The mean weighted squared error of logarithms.
///
/// ```text
/// L = mean_b f(x_b) (s_b - ln x_b)^2,    f(x) = min(1, (x / full)^power)
/// ```
///
/// Pennington et al. 2014, "GloVe: Global Vectors for Word Representation", equations 8 and 9, where the sum over the pairs is a mean; `s`
/// is the product of two vectors and the sum of two biases, `full` the paper's `x_max` and `power` its `alpha`.
///
/// # Shapes
/// - `sums`: `[B]`
/// - `counts`: `[B]`, positive
/// - output: `[1]`
///
/// # Panics
/// If the two differ in `B`, or `B` is 0.
pub fn glove(sums: Tensor<1>, counts: Tensor<1>, full: f64, power: f64) -> Tensor<1> {
    let ([pairs], [others]) = (sums.dims(), counts.dims());
    assert!(
        pairs == others && pairs > 0,
        "GloVe: {pairs} sums, but {others} counts"
    );
    let counts = counts.detach();
    let weights = (counts.clone() / full).powf_scalar(power).clamp_max(1.0);
    (weights * (sums - counts.log()).square()).mean()
}

/// Configuration of [`Glove`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GloveConfig {
    /// From which count on a pair weighs 1.
    pub full_weight: f64,
    /// The power of the weight below that.
    pub weight_power: f64,
}

impl Default for GloveConfig {
    /// Section 4.2 and 3.
    fn default() -> Self {
        Self {
            full_weight: 100.0,
            weight_power: 0.75,
        }
    }
}

impl GloveConfig {
    /// Puts vectors of contexts, and biases, beside a table of word vectors.
    ///
    /// # Errors
    /// [`ObjectiveConfigError::NotPositive`] if a value is not a positive number.
    pub fn init(
        &self,
        encoder: WordEmbedding,
        device: &Device,
    ) -> Result<Glove, ObjectiveConfigError> {
        for (field, got) in [
            ("full_weight", self.full_weight),
            ("weight_power", self.weight_power),
        ] {
            if !(got > 0.0 && got.is_finite()) {
                return Err(ObjectiveConfigError::NotPositive { field, got });
            }
        }
        let [words, dimension] = encoder.weight.dims();
        let contexts = WordEmbeddingConfig { words, dimension }.init(device)?;
        let bias = || Initializer::Zeros.init([words, 1], device);
        Ok(Glove {
            encoder,
            contexts,
            bias: bias(),
            context_bias: bias(),
            full_weight: self.full_weight,
            weight_power: self.weight_power,
        })
    }
}

/// Vectors of words as centres and as contexts, with biases, trained by [`glove`](glove()).
#[derive(Module, Debug)]
pub struct Glove {
    /// The vectors of centres.
    pub encoder: WordEmbedding,
    /// The vectors of contexts.
    pub contexts: WordEmbedding,
    /// The biases of centres, `[V, 1]`.
    pub bias: Param<Tensor<2>>,
    /// The biases of contexts, `[V, 1]`.
    pub context_bias: Param<Tensor<2>>,
    full_weight: f64,
    weight_power: f64,
}

impl Glove {
    /// The sums of products and biases.
    ///
    /// # Shapes
    /// - output: `[B]`
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn sums(&self, batch: &CoOccurrenceBatch) -> Tensor<1> {
        let ([pairs], [contexts]) = (batch.centres.dims(), batch.contexts.dims());
        assert_eq!(
            pairs, contexts,
            "GloVe: {pairs} centres, but {contexts} contexts"
        );
        let products =
            self.encoder.rows(batch.centres.clone()) * self.contexts.rows(batch.contexts.clone());
        let bias = embedding(self.bias.val(), batch.centres.clone());
        let context_bias = embedding(self.context_bias.val(), batch.contexts.clone());
        (products.sum_dim(1) + bias + context_bias).reshape([pairs])
    }
}

impl Objective for Glove {
    type Batch = CoOccurrenceBatch;
    type Encoder = WordEmbedding;

    /// # Panics
    /// If the shapes do not fit, or the batch is empty.
    fn step(&self, batch: CoOccurrenceBatch, _at: StepContext) -> StepOutput {
        let sums = self.sums(&batch);
        StepOutput::new(glove(
            sums,
            batch.counts,
            self.full_weight,
            self.weight_power,
        ))
    }

    fn encoder(&self) -> &WordEmbedding {
        &self.encoder
    }
}
