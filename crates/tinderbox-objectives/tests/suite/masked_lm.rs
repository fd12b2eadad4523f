//! The masked-word loss and objective.

use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Bool, Int, Tensor, TensorData};
use tinderbox_nn::{Bert, BertConfig, StateDict};
use tinderbox_objectives::{
    MaskedBatch, MaskedLm, MaskedLmConfig, Objective, StepContext, cross_entropy,
    masked_language_modelling,
};

use crate::support::{addressed, check_close, check_gradient, device, floats, matrix, scalar};

const AT: StepContext = StepContext {
    step: 0,
    total_steps: 1,
    micro_batch: 0,
};
const VOCABULARY: usize = 12;

fn objective() -> MaskedLm<Bert> {
    let config = BertConfig {
        width: 16,
        heads: 2,
        ffn: 32,
        depth: 1,
        positions: 6,
        dropout: 0.0,
        attention_dropout: 0.0,
        ..BertConfig::tiny()
    };
    device().seed(3);
    MaskedLmConfig::default().init(config.init(VOCABULARY, &device()).unwrap(), &device())
}

fn integers<const D: usize>(values: &[i64], shape: [usize; D]) -> Tensor<D, Int> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), &device())
}

/// Two sequences; word 1 is the mask.
fn batch(positions: &[i64], targets: &[i64]) -> MaskedBatch {
    let padding = [false, false, false, false, false, false, true, true];
    MaskedBatch {
        tokens: integers(&[3, 1, 5, 6, 7, 1, 0, 0], [2, 4]),
        segments: integers(&[0, 0, 1, 1, 0, 0, 0, 0], [2, 4]),
        padding: Tensor::<2, Bool>::from_data(TensorData::new(padding.to_vec(), [2, 4]), &device()),
        positions: integers(positions, [positions.len()]),
        targets: integers(targets, [targets.len()]),
    }
}

#[test]
fn the_loss_is_cross_entropy_at_the_masked_places() {
    let logits = matrix(&addressed(1, 15), 3);
    let targets = integers(&[4, 0, 2], [3]);
    let expected = cross_entropy(logits.clone(), targets.clone(), 0.0);
    let got = masked_language_modelling(logits, targets);
    assert_eq!(scalar(got), scalar(expected));
}

#[test]
fn the_gradient_agrees_with_differences() {
    let labels = [4_usize, 0, 2];
    check_gradient(
        &addressed(2, 15).iter().map(|v| 4.0 * v).collect::<Vec<_>>(),
        3,
        |x| masked_language_modelling(x, integers(&[4, 0, 2], [3])),
        |x| {
            let losses = x
                .chunks(5)
                .zip(labels)
                .map(|(row, label)| row.iter().map(|v| v.exp()).sum::<f64>().ln() - row[label]);
            losses.sum::<f64>() / 3.0
        },
    );
}

#[test]
fn no_masked_place_costs_nothing() {
    let x = Tensor::<2>::zeros([0, 5], &device()).require_grad();
    let loss = masked_language_modelling(x, integers(&[], [0]));
    assert_eq!(scalar(loss), 0.0);
}

/// A batch without a masked word has a loss of 0 and a gradient of zeros for every parameter.
#[test]
fn a_step_without_masked_words_has_gradients_of_zeros() {
    let objective = objective();
    let full = objective.step(batch(&[1, 5], &[4, 8]), AT).loss;
    let expected = GradientsParams::from_grads(full.backward(), &objective).len();
    let output = objective.step(batch(&[], &[]), AT);
    assert_eq!(scalar(output.loss.clone()), 0.0);
    assert_eq!(output.metrics[0].0, "masked_accuracy");
    assert_eq!(scalar(output.metrics[0].1.clone()), 0.0);
    let backward = output.loss.backward();
    let words = &objective.encoder.embeddings.word_embeddings.weight;
    let gradient = floats(words.val().grad(&backward).unwrap());
    assert_eq!(gradient, vec![0.0; VOCABULARY * 16]);
    let gradients = GradientsParams::from_grads(backward, &objective);
    assert_eq!(gradients.len(), expected);
}

#[test]
fn a_sequence_of_padding_alone_is_finite() {
    let mut batch = batch(&[1, 5], &[4, 8]);
    batch.padding = Tensor::cat(
        vec![
            batch.padding.slice(0..1),
            Tensor::<2, Bool>::from_data(TensorData::new(vec![true; 4], [1, 4]), &device()),
        ],
        0,
    );
    let objective = objective();
    let loss = objective.step(batch, AT).loss;
    assert!(scalar(loss.clone()).is_finite());
    let backward = loss.backward();
    let words = &objective.encoder.embeddings.word_embeddings.weight;
    let gradient = floats(words.val().grad(&backward).unwrap());
    assert!(gradient.iter().all(|v| v.is_finite()), "{gradient:?}");
}

#[test]
fn the_words_under_the_padding_do_not_matter() {
    let objective = objective();
    let mut other = batch(&[1, 5], &[4, 8]);
    other.tokens = integers(&[3, 1, 5, 6, 7, 1, 9, 10], [2, 4]);
    check_close(
        &[scalar(objective.step(other, AT).loss)],
        &[scalar(objective.step(batch(&[1, 5], &[4, 8]), AT).loss)],
        0.0,
    );
}

#[test]
fn training_names_the_masked_words() {
    let mut objective = objective();
    let mut optimiser = AdamConfig::new().init();
    // Near the start every word is as likely as another.
    let first = scalar(objective.step(batch(&[1, 5], &[4, 8]), AT).loss);
    assert!((first - (VOCABULARY as f32).ln()).abs() < 0.5, "{first}");
    for _ in 0..40 {
        let loss = objective.step(batch(&[1, 5], &[4, 8]), AT).loss;
        let gradients = GradientsParams::from_grads(loss.backward(), &objective);
        objective = optimiser.step(0.01, objective, gradients);
    }
    let output = objective.step(batch(&[1, 5], &[4, 8]), AT);
    assert!(scalar(output.loss) < 0.1);
    assert_eq!(scalar(output.metrics[0].1.clone()), 1.0);
}

#[test]
fn the_decoder_is_the_table_of_words() {
    let objective = objective();
    let dict = StateDict::of(&objective);
    assert!(dict.get("cls.predictions.transform.dense.weight").is_some());
    assert!(
        dict.get("encoder.embeddings.word_embeddings.weight")
            .is_some()
    );
    assert!(dict.names().all(|name| !name.contains("decoder")));
    let head = 16 * 16 + 16 + 2 * 16 + VOCABULARY;
    assert_eq!(
        objective.num_params(),
        objective.encoder.num_params() + head
    );
}

#[test]
#[should_panic(expected = "masked language modelling: 2 positions, but 1 targets")]
fn a_target_for_each_place() {
    objective().step(batch(&[1, 5], &[4]), AT);
}
