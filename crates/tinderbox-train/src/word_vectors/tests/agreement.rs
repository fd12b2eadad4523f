//! The host trainers and the objectives with plain gradient descent give the same vectors.

use burn::module::Param;
use burn::tensor::{Device, Int, Tensor, TensorData};
use tinderbox_data::text::CoOccurrence;
use tinderbox_data::{Collate, SampleRng, View};
use tinderbox_kernels::word_vectors::stride;
use tinderbox_nn::WordEmbedding;
use tinderbox_objectives::{
    CoOccurrenceBatch, GloveConfig, Objective, StepContext, WindowBatch, Word2VecConfig,
};

use super::*;
use crate::batch::FromPlain;

const AT: StepContext = StepContext {
    step: 0,
    total_steps: 1,
    micro_batch: 0,
};

fn device() -> Device {
    Device::flex().autodiff()
}

/// The first `width` of each row of `stride` floats.
fn table(floats: &[f32], stride: usize, width: usize) -> Param<Tensor<2>> {
    let rows = floats.len() / stride;
    let values: Vec<f32> = floats
        .chunks_exact(stride)
        .flat_map(|row| row[..width].to_vec())
        .collect();
    Param::from_tensor(Tensor::from_data(
        TensorData::new(values, [rows, width]),
        &device(),
    ))
}

fn floats(param: &Param<Tensor<2>>) -> Vec<f32> {
    param.val().into_data_as::<f32>().try_to_vec().unwrap()
}

#[track_caller]
fn assert_close(got: &Param<Tensor<2>>, expected: &Param<Tensor<2>>) {
    for (got, expected) in floats(got).into_iter().zip(floats(expected)) {
        // Sums in another order, over a few hundred windows.
        assert!((got - expected).abs() <= 1e-5, "{got} {expected}");
    }
}

fn descended(param: Param<Tensor<2>>, gradient: Tensor<2>, rate: f64) -> Param<Tensor<2>> {
    let value = param.val().inner() - gradient * rate;
    Param::from_tensor(Tensor::from_inner(value).require_grad())
}

#[test]
fn word2vec_is_its_objective() {
    let (words, corpus) = corpus(8);
    for config in configs() {
        let config = Word2VecTrainerConfig {
            chunk: usize::MAX,
            epochs: 1,
            learning_rate: 0.1,
            ..config
        };
        let mut trainer = config.init(&words, &corpus).unwrap();
        let encoder = WordEmbedding {
            weight: table(&trainer.inputs, trainer.stride, 20),
        };
        let rows = trainer.outputs.len() / trainer.stride;
        let mut objective = Word2VecConfig { outputs: rows }
            .init(encoder, &device())
            .unwrap();

        // The windows of the only chunk, one step each.
        let draw = WindowDraw::new(&config, &words).unwrap();
        let rng = SampleRng::new(config.seed, 0, 0, word2vec::WINDOWS);
        let mut windows = tinderbox_kernels::word_vectors::Windows::default();
        draw.windows(corpus.iter(), rng, &mut windows);
        assert!(windows.len() > 30, "{}", windows.len());
        for window in windows.iter() {
            let mut one = tinderbox_kernels::word_vectors::Windows::default();
            window
                .hidden()
                .for_each(|rows| one.push_hidden(rows.iter().copied()));
            window
                .outputs
                .iter()
                .zip(window.labels)
                .for_each(|(row, label)| one.push_output(*row, *label));
            one.end_window();
            let batch = WindowBatch::from_plain(&WindowCollate.collate(vec![one]), &device());
            let loss = objective.step(batch, AT).loss;
            let gradients = loss.backward();
            // The loss is a mean over hidden vectors, the host's updates are of their sum.
            let rate = 0.1 * window.hidden_len() as f64;
            let [inputs, outputs] = [&objective.encoder.weight, &objective.outputs]
                .map(|param| param.val().grad(&gradients).unwrap());
            objective.encoder.weight = descended(objective.encoder.weight, inputs, rate);
            objective.outputs = descended(objective.outputs, outputs, rate);
        }
        trainer.round();
        assert!(trainer.is_done());
        assert_close(
            &table(&trainer.inputs, trainer.stride, 20),
            &objective.encoder.weight,
        );
        assert_close(
            &table(&trainer.outputs, trainer.stride, 20),
            &objective.outputs,
        );
    }
}

#[test]
fn a_view_and_its_collation_hold_all_windows() {
    let (words, corpus) = corpus(8);
    let config = Word2VecTrainerConfig {
        architecture: Architecture::Cbow,
        ..config()
    };
    let draw = WindowDraw::new(&config, &words).unwrap();
    let drawn: Vec<_> = corpus
        .iter()
        .zip(0..)
        .map(|(sentence, index)| {
            draw.apply(
                sentence.to_vec(),
                SampleRng::new(1, 0, index, SampleRng::VIEW),
            )
        })
        .collect();
    let hidden: usize = drawn
        .iter()
        .flat_map(|windows| windows.iter())
        .map(|window| window.hidden_len())
        .sum();
    let batch = WindowCollate.collate(drawn);
    assert!(
        batch
            .tensors
            .iter()
            .all(|(_, data)| data.shape()[0] == hidden)
    );
    let nothing = WindowBatch::from_plain(&WindowCollate.collate(Vec::new()), &device());
    assert_eq!(
        (nothing.inputs.dims(), nothing.labels.dims()),
        ([1, 1], [1, 1])
    );
}

#[test]
fn glove_is_its_objective() {
    // Each word in one pair, so that AdaGrad's first step is one of gradient descent.
    let words = tinderbox_data::text::Vocabulary::count(["a", "b", "c", "d", "e"], 1);
    let counts = [3.0, 0.5, 150.0, 20.0, 1.0];
    let pairs = (0..5).map(|i| CoOccurrence {
        centre: i,
        context: (i + 2) % 5,
        weight: counts[i as usize],
    });
    let config = GloveTrainerConfig {
        dimension: 6,
        epochs: 1,
        blocks: 2,
        bias_learning_rate: 0.05,
        ..Default::default()
    };
    let mut trainer = config.init(&words, pairs.map(Ok)).unwrap();
    // Words lie in the order of their blocks: a, c, e, then b, d and a row for none.
    let stride = stride(8);
    let places = [0, 3, 1, 4, 2];
    let take = |floats: &[f32], column: std::ops::Range<usize>| {
        let rows = places.map(|place| floats[place * 2 * stride..][column.clone()].to_vec());
        let width = column.len();
        Param::from_tensor(Tensor::<2>::from_data(
            TensorData::new(rows.concat(), [5, width]),
            &device(),
        ))
    };
    let parts = |trainer: &GloveTrainer| {
        [
            take(&trainer.centres, 0..6),
            take(&trainer.contexts, 0..6),
            take(&trainer.centres, 6..7),
            take(&trainer.contexts, 7..8),
        ]
    };
    let [centres, contexts, bias, context_bias] = parts(&trainer);
    let mut objective = GloveConfig::default()
        .init(WordEmbedding { weight: centres }, &device())
        .unwrap();
    objective.contexts = WordEmbedding { weight: contexts };
    (objective.bias, objective.context_bias) = (bias, context_bias);
    let batch = CoOccurrenceBatch {
        centres: Tensor::<1, Int>::from_ints([0, 1, 2, 3, 4], &device()),
        contexts: Tensor::<1, Int>::from_ints([2, 3, 4, 0, 1], &device()),
        counts: Tensor::from_floats(counts.map(|x| x as f32), &device()),
    };
    let loss = objective.step(batch, AT).loss;
    let value = loss.clone().into_scalar::<f32>();
    let gradients = loss.backward();
    let params = [
        &objective.encoder.weight,
        &objective.contexts.weight,
        &objective.bias,
        &objective.context_bias,
    ];
    let progress = trainer.epoch().unwrap();
    assert!((2.0 * progress.loss - f64::from(value)).abs() < 1e-5 * f64::from(value));
    for (after, before) in parts(&trainer).iter().zip(params) {
        let gradient = before.val().grad(&gradients).unwrap();
        // The objective is a mean of 5 pairs without the host's factor of 1/2.
        let expected = descended(before.clone(), gradient, 0.05 * 5.0 / 2.0);
        assert_close(after, &expected);
        assert_ne!(floats(after), floats(before));
    }
}
