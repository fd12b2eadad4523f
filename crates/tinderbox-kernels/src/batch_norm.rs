//! Batch normalisation with what follows it in a residual block: the shortcut's sum and a ReLU.

use burn::tensor::{Tensor, activation::relu, module};

/// What follows a normalisation.
#[derive(Debug, Clone, Default)]
pub struct Epilogue<const D: usize> {
    /// Added to the normalised values, of the input's shape.
    pub residual: Option<Tensor<D>>,
    /// Whether a ReLU comes last.
    pub relu: bool,
}

/// What [`batch_norm_train`] gives.
#[derive(Debug, Clone)]
pub struct BatchNormOutput<const D: usize> {
    /// The normalised batch, of the input's shape.
    pub output: Tensor<D>,
    /// Mean of the batch, `[features]`, without a gradient.
    pub mean: Tensor<1>,
    /// Biased variance of the batch (divided by `n`), `[features]`, without a gradient.
    pub variance: Tensor<1>,
}

/// Normalises by the statistics of the batch, over every axis but the second (Ioffe and Szegedy 2015, algorithm 1):
/// `relu((x - mean) / sqrt(variance + epsilon) * weight + bias + residual)`.
///
/// # Shapes
/// - `input`: `[batch, features, ...]`
/// - `weight`, `bias`: `[features]`
///
/// # Panics
/// If the shapes do not fit.
pub fn batch_norm_train<const D: usize>(
    input: Tensor<D>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
    epilogue: Epilogue<D>,
) -> BatchNormOutput<D> {
    plain(input, weight, bias, epsilon, epilogue)
}

/// [`batch_norm_train`] by Burn's own operations.
pub(crate) fn plain<const D: usize>(
    input: Tensor<D>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
    epilogue: Epilogue<D>,
) -> BatchNormOutput<D> {
    let batch = module::batch_norm_train(input, weight, bias, epsilon);
    BatchNormOutput {
        output: finish(batch.output, epilogue),
        mean: batch.mean,
        variance: batch.variance,
    }
}

fn finish<const D: usize>(normalised: Tensor<D>, epilogue: Epilogue<D>) -> Tensor<D> {
    let sum = match epilogue.residual {
        Some(residual) => normalised + residual,
        None => normalised,
    };
    if epilogue.relu { relu(sum) } else { sum }
}
