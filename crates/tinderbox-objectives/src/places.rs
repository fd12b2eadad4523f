//! Logits only where there is a target.
//!
//! Shape letters: `B` batch, `T` tokens, `N` places with a target, `C` classes or words.

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};

use crate::cross_entropy::{accuracy, cross_entropy};
use crate::objective::StepOutput;

/// Whether each token is no padding, row by row, `B x T`.
fn read(padding: Option<&Tensor<2, Bool>>, [rows, length]: [usize; 2]) -> Vec<bool> {
    match padding {
        None => vec![true; rows * length],
        Some(padding) => {
            let data = padding.clone().into_data();
            data.iter::<bool>().map(|padding| !padding).collect()
        }
    }
}

/// The places of the tokens that are no padding, flat indices into `B x T`.
pub(crate) fn of_tokens(padding: Option<&Tensor<2, Bool>>, shape: [usize; 2]) -> Vec<i64> {
    let read = read(padding, shape);
    let places = (0..).zip(read).filter(|(_, read)| *read);
    places.map(|(place, _)| place).collect()
}

/// The places of the tokens that another one of their document follows, neither of them padding, flat indices into `B x T`.
pub(crate) fn before_tokens(
    padding: Option<&Tensor<2, Bool>>,
    documents: Option<&Tensor<2, Int>>,
    shape: [usize; 2],
) -> Vec<i64> {
    let [_, length] = shape;
    let read = read(padding, shape);
    let documents: Vec<i64> = documents.map_or_else(Vec::new, |documents| {
        documents.clone().into_data().iter::<i64>().collect()
    });
    let followed = |place: &usize| {
        let next = place + 1;
        !next.is_multiple_of(length)
            && read[*place]
            && read[next]
            && documents.get(*place) == documents.get(next)
    };
    let places = (0..read.len()).filter(followed);
    places.map(|place| place as i64).collect()
}

/// The tokens at flat places, `[N]`.
pub(crate) fn tokens_at(tokens: &Tensor<2, Int>, places: Tensor<1, Int>) -> Tensor<1, Int> {
    let [rows, length] = tokens.dims();
    match places.dims() {
        // Burn's own selection fails without places.
        [0] => places,
        _ => tokens.clone().reshape([rows * length]).select(0, places),
    }
}

/// A tensor of flat places.
pub(crate) fn tensor(places: Vec<i64>, device: &Device) -> Tensor<1, Int> {
    let count = places.len();
    Tensor::from_data(TensorData::new(places, [count]), device)
}

/// The output of a step: mean cross-entropy over these places, and the metric `token_accuracy`, the share of them whose largest
/// logit is at the target. Without a place both are 0, and every parameter has a gradient, of zeros, as in any other step.
///
/// `logits` gives `[N, C]` at the places that it gets.
pub(crate) fn step(
    places: Tensor<1, Int>,
    targets: Tensor<1, Int>,
    logits: impl FnOnce(Tensor<1, Int>) -> Tensor<2>,
) -> StepOutput {
    const ACCURACY: &str = "token_accuracy";
    let device = places.device();
    if places.dims() == [0] {
        // One place stands in.
        let loss = logits(Tensor::zeros([1], &device)).sum() * 0.0;
        return StepOutput::new(loss).with_metric(ACCURACY, Tensor::zeros([1], &device.inner()));
    }
    let logits = logits(places);
    let accuracy = accuracy(logits.clone(), targets.clone());
    StepOutput::new(cross_entropy(logits, targets, 0.0)).with_metric(ACCURACY, accuracy)
}
