//! word2vec: skip-gram and CBOW, negative sampling and hierarchical softmax.
//!
//! Shape letters: `B` hidden vectors, `I` rows of each, `O` outputs, `K` random words, `D` decisions, `E` size of a vector.

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::activation::log_sigmoid;
use burn::tensor::{Bool, Device, Tensor};
use serde::{Deserialize, Serialize};
use tinderbox_kernels::embedding;
use tinderbox_nn::{NnConfigError, WordEmbedding};

use crate::batch::WindowBatch;
use crate::error::ObjectiveConfigError;
use crate::objective::{Objective, StepContext, StepOutput};

/// Negative sampling: the mean over hidden vectors of
///
/// ```text
/// L = -log sigmoid(p) - sum_k log sigmoid(-n_k)
/// ```
///
/// with `p` the product of the hidden vector with the true word's output vector and `n_k` those with random words'. Mikolov et al. 2013,
/// "Distributed Representations of Words and Phrases and their Compositionality", equation 4, negated. The loss is at least 0, and
/// `(1 + K) ln 2` for products of 0; logarithms are taken without overflow.
///
/// # Shapes
/// - `positive`: `[B]`
/// - `negatives`: `[B, K]`
/// - output: `[1]`
///
/// # Panics
/// If the two differ in `B`, or `B` is 0.
pub fn negative_sampling(positive: Tensor<1>, negatives: Tensor<2>) -> Tensor<1> {
    let ([rows], [other_rows, _]) = (positive.dims(), negatives.dims());
    assert!(
        rows == other_rows && rows > 0,
        "negative sampling: {rows} true words, but random words for {other_rows}"
    );
    (log_sigmoid(positive).sum() + log_sigmoid(negatives.neg()).sum()) / -(rows as f64)
}

/// Hierarchical softmax: the mean over hidden vectors of
///
/// ```text
/// L = -sum_d log sigmoid(+-x_d)          + where the path goes to the first child, - where to the second
/// ```
///
/// with `x_d` the products of the hidden vector with the vectors of the inner nodes on the path to the true word. Mikolov et al. 2013
/// (as above), equation 3, negated. `e^-L` of all words sums to 1.
///
/// # Shapes
/// - `products`: `[B, D]`
/// - `second`: `[B, D]`, true where the path goes to the second child
/// - `padding`: `[B, D]`, true beyond the end of the path
/// - output: `[1]`
///
/// # Panics
/// If the shapes differ, or `B` is 0.
pub fn hierarchical_softmax(
    products: Tensor<2>,
    second: Tensor<2, Bool>,
    padding: Tensor<2, Bool>,
) -> Tensor<1> {
    let signs = second.float() * -2.0 + 1.0;
    decisions(products, signs, padding)
}

/// `-sum log sigmoid(sign x)`, a mean over rows.
fn decisions(products: Tensor<2>, signs: Tensor<2>, padding: Tensor<2, Bool>) -> Tensor<1> {
    let shape = products.dims();
    assert!(
        shape == signs.dims() && shape == padding.dims() && shape[0] > 0,
        "word2vec: products of {shape:?}, but labels of {:?} and padding of {:?}",
        signs.dims(),
        padding.dims(),
    );
    let losses = log_sigmoid(products * signs).mask_fill(padding, 0.0);
    losses.sum() / -(shape[0] as f64)
}

/// Configuration of [`Word2Vec`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Word2VecConfig {
    /// Output vectors: words for negative sampling, one less for hierarchical softmax.
    pub outputs: usize,
}

impl Word2VecConfig {
    /// Puts output vectors of zeros beside a table of word vectors.
    ///
    /// # Errors
    /// [`ObjectiveConfigError::ZeroDimension`] without outputs.
    pub fn init(
        &self,
        encoder: WordEmbedding,
        device: &Device,
    ) -> Result<Word2Vec, ObjectiveConfigError> {
        if self.outputs == 0 {
            return Err(NnConfigError::Zero { field: "outputs" }.into());
        }
        let dimension = encoder.weight.dims()[1];
        Ok(Word2Vec {
            encoder,
            outputs: Initializer::Zeros.init([self.outputs, dimension], device),
        })
    }
}

/// Word vectors that predict the words around them, in all the ways that a [`WindowBatch`] says.
///
/// A hidden vector is the mean of its rows, and each row gets the whole gradient of the mean, as in word2vec.c, gensim and fastText. Plain gradient
/// descent on the windows one by one, at the rate of the batch's size, is what the host trainer of `tinderbox-train` does.
///
/// The metric `label_accuracy` is the share of the outputs whose product has the sign of their label.
#[derive(Module, Debug)]
pub struct Word2Vec {
    /// The word vectors.
    pub encoder: WordEmbedding,
    /// The output vectors, `[outputs, E]`.
    pub outputs: Param<Tensor<2>>,
}

impl Word2Vec {
    /// The products of hidden vectors and outputs.
    ///
    /// # Shapes
    /// - output: `[B, O]`
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn products(&self, batch: &WindowBatch) -> Tensor<2> {
        let ([rows, inputs], [other_rows, outputs]) = (batch.inputs.dims(), batch.outputs.dims());
        assert_eq!(
            rows, other_rows,
            "word2vec: inputs for {rows} hidden vectors, but outputs for {other_rows}"
        );
        let dimension = self.encoder.weight.dims()[1];
        let vectors = self
            .encoder
            .rows(batch.inputs.clone().reshape([rows * inputs]));
        let seen = batch
            .input_padding
            .clone()
            .bool_not()
            .float()
            .reshape([rows, inputs, 1]);
        let sum = (vectors.reshape([rows, inputs, dimension]) * seen.clone()).sum_dim(1);
        let mean = sum.clone() / seen.sum_dim(1).clamp_min(1.0);
        // The value of the mean with the gradient of the sum.
        let hidden = sum.clone() + (mean - sum).detach();
        let targets = batch.outputs.clone().reshape([rows * outputs]);
        let targets = embedding(self.outputs.val(), targets).reshape([rows, outputs, dimension]);
        (targets * hidden).sum_dim(2).reshape([rows, outputs])
    }
}

impl Objective for Word2Vec {
    type Batch = WindowBatch;
    type Encoder = WordEmbedding;

    /// # Panics
    /// If the shapes do not fit, or the batch is empty.
    fn step(&self, batch: WindowBatch, _at: StepContext) -> StepOutput {
        let products = self.products(&batch);
        let signs = batch.labels * 2.0 - 1.0;
        let seen = batch.output_padding.clone().bool_not().float();
        let right = (products.clone().detach() * signs.clone())
            .greater_elem(0.0)
            .float();
        let accuracy = (right * seen.clone()).sum() / seen.sum().clamp_min(1.0);
        StepOutput::new(decisions(products, signs, batch.output_padding))
            .with_metric("label_accuracy", accuracy)
    }

    fn encoder(&self) -> &WordEmbedding {
        &self.encoder
    }
}
