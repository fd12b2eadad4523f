//! word2vec and GloVe, by the numbers that `fixtures/word_vectors.py` wrote.

use burn::module::Param;
use burn::tensor::{Bool, Gradients, Int, Tensor, TensorData};
use serde_json::Value;
use tinderbox_nn::{WordEmbedding, WordEmbeddingConfig};
use tinderbox_objectives::{
    CoOccurrenceBatch, GloveConfig, Objective, ObjectiveConfigError, StepContext, WindowBatch,
    Word2Vec, Word2VecConfig, glove, hierarchical_softmax, negative_sampling,
};

use crate::addressed::{below, record_error, uniform};
use crate::support::{check_gradient, device, floats, matrix, scalar};

/// Sums of logarithms and products in f32, the references in f64: the tolerance of a composite.
const TOLERANCE: f64 = 1e-4;

const AT: StepContext = StepContext {
    step: 0,
    total_steps: 1,
    micro_batch: 0,
};

fn case(name: &str) -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/data/word_vectors.json"
    );
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(all[name].is_object(), "no case {name}");
    all[name].clone()
}

fn size(case: &Value, key: &str) -> usize {
    case[key].as_u64().unwrap() as usize
}

fn sizes(case: &Value, key: &str) -> Vec<usize> {
    serde_json::from_value(case[key].clone()).unwrap()
}

fn number(case: &Value, key: &str) -> f64 {
    case[key].as_f64().unwrap()
}

#[track_caller]
fn check_loss(got: Tensor<1>, case: &Value) -> Gradients {
    let (value, expected) = (f64::from(scalar(got.clone())), number(case, "loss"));
    assert!(
        (value - expected).abs() <= TOLERANCE * expected,
        "loss: got {value}, PyTorch has {expected}"
    );
    got.backward()
}

#[track_caller]
fn check_record<const D: usize>(name: &str, x: &Tensor<D>, gradients: &Gradients, case: &Value) {
    let record = &case["gradients"][name];
    let entries: Vec<f64> = serde_json::from_value(record["entries"].clone()).unwrap();
    let got = floats(x.grad(gradients).unwrap());
    let error = record_error(name, &got, number(record, "norm"), &entries);
    assert!(error <= TOLERANCE, "{name}: error {error}");
}

fn integers<const D: usize>(values: Vec<usize>, shape: [usize; D]) -> Tensor<D, Int> {
    let values: Vec<i64> = values.into_iter().map(|v| v as i64).collect();
    Tensor::from_data(TensorData::new(values, shape), &device())
}

/// True beyond the length of each row.
fn beyond(lengths: &[usize], width: usize) -> Tensor<2, Bool> {
    let values: Vec<bool> = lengths
        .iter()
        .flat_map(|length| (0..width).map(move |i| i >= *length))
        .collect();
    Tensor::from_data(TensorData::new(values, [lengths.len(), width]), &device())
}

fn table(name: &str, rows: usize, dimension: usize) -> WordEmbedding {
    let values = matrix(&uniform(name, rows * dimension), rows);
    WordEmbedding {
        weight: Param::from_tensor(values),
    }
}

fn word2vec(case: &Value) -> (Word2Vec, WindowBatch) {
    let (dimension, words, nodes) = (
        size(case, "dimension"),
        size(case, "words"),
        size(case, "nodes"),
    );
    let encoder = table("inputs", words, dimension);
    let mut objective = Word2VecConfig { outputs: nodes }
        .init(encoder, &device())
        .unwrap();
    objective.outputs = table("outputs", nodes, dimension).weight;
    let (lengths, paths) = (sizes(case, "lengths"), sizes(case, "paths"));
    let (width, depth) = (*lengths.iter().max().unwrap(), *paths.iter().max().unwrap());
    let rows = lengths.len();
    let labels: Vec<f32> = sizes(case, "labels")
        .into_iter()
        .map(|label| label as f32)
        .collect();
    let batch = WindowBatch {
        inputs: integers(below("words", rows * width, words), [rows, width]),
        input_padding: beyond(&lengths, width),
        outputs: integers(below("nodes", rows * depth, nodes), [rows, depth]),
        labels: matrix(&labels, rows),
        output_padding: beyond(&paths, depth),
    };
    (objective, batch)
}

#[test]
fn word2vec_agrees_with_pytorch() {
    for name in ["skip_gram", "cbow", "hierarchical_softmax"] {
        let case = case(name);
        let (objective, batch) = word2vec(&case);
        let products = objective.products(&batch);
        let by_function = hierarchical_softmax(
            products.clone(),
            batch.labels.clone().lower_elem(0.5),
            batch.output_padding.clone(),
        );
        let output = objective.step(batch.clone(), AT);
        // A label of 1 is the first child.
        assert!((scalar(by_function) - scalar(output.loss.clone())).abs() < 1e-6);
        let accuracy = scalar(output.metrics[0].1.clone());
        let right = floats(products).into_iter().zip(floats(batch.labels));
        let seen = floats(batch.output_padding.float())
            .into_iter()
            .zip(right)
            .filter(|(padding, _)| *padding == 0.0);
        let right: Vec<bool> = seen
            .map(|(_, (x, label))| (x > 0.0) == (label > 0.5))
            .collect();
        let expected = right.iter().filter(|right| **right).count() as f32 / right.len() as f32;
        assert!((accuracy - expected).abs() < 1e-6, "{accuracy} {expected}");
        let gradients = check_loss(output.loss, &case);
        check_record("inputs", &objective.encoder.weight.val(), &gradients, &case);
        check_record("outputs", &objective.outputs.val(), &gradients, &case);
    }
}

#[test]
fn negative_sampling_agrees_with_pytorch() {
    let case = case("negative_sampling");
    let (rows, negatives) = (size(&case, "rows"), size(&case, "negatives"));
    let scaled = |name, n| -> Vec<f32> { uniform(name, n).into_iter().map(|x| 8.0 * x).collect() };
    let positive =
        Tensor::<1>::from_floats(scaled("positive", rows).as_slice(), &device()).require_grad();
    let negative = matrix(&scaled("negative", rows * negatives), rows).require_grad();
    let gradients = check_loss(negative_sampling(positive.clone(), negative.clone()), &case);
    check_record("positive", &positive, &gradients, &case);
    check_record("negative", &negative, &gradients, &case);
}

#[test]
fn glove_agrees_with_the_equations_in_pytorch() {
    for name in ["glove", "glove_flat"] {
        let case = case(name);
        let (words, dimension, pairs) = (
            size(&case, "words"),
            size(&case, "dimension"),
            size(&case, "pairs"),
        );
        let config = GloveConfig {
            full_weight: number(&case, "full_weight"),
            weight_power: number(&case, "weight_power"),
        };
        let mut objective = config
            .init(table("centres", words, dimension), &device())
            .unwrap();
        objective.contexts = table("contexts", words, dimension);
        objective.bias = table("bias", words, 1).weight;
        objective.context_bias = table("context_bias", words, 1).weight;
        let counts: Vec<f32> = below("counts", pairs, 200)
            .into_iter()
            .map(|x| (x + 1) as f32 / 8.0)
            .collect();
        let batch = CoOccurrenceBatch {
            centres: integers(below("i", pairs, words), [pairs]),
            contexts: integers(below("j", pairs, words), [pairs]),
            counts: Tensor::from_floats(counts.as_slice(), &device()),
        };
        let gradients = check_loss(objective.step(batch, AT).loss, &case);
        check_record(
            "centres",
            &objective.encoder.weight.val(),
            &gradients,
            &case,
        );
        check_record(
            "contexts",
            &objective.contexts.weight.val(),
            &gradients,
            &case,
        );
        check_record("bias", &objective.bias.val(), &gradients, &case);
        check_record(
            "context_bias",
            &objective.context_bias.val(),
            &gradients,
            &case,
        );
    }
}

#[test]
fn gradients_are_those_of_differences() {
    let values = crate::support::addressed(5, 12);
    let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
    // The first column is the true word's.
    check_gradient(
        &values,
        3,
        |x| {
            let positive = x.clone().narrow(1, 0, 1).reshape([3]);
            negative_sampling(positive, x.narrow(1, 1, 3))
        },
        |x| {
            x.iter()
                .enumerate()
                .map(|(i, x)| softplus(if i % 4 == 0 { -x } else { *x }))
                .sum::<f64>()
                / 3.0
        },
    );
    check_gradient(
        &values,
        3,
        |x| {
            glove(
                x.reshape([12]),
                Tensor::<1>::full([12], 3.0, &device()),
                10.0,
                0.75,
            )
        },
        |x| {
            x.iter()
                .map(|x| 0.3_f64.powf(0.75) * (x - 3.0_f64.ln()).powi(2))
                .sum::<f64>()
                / 12.0
        },
    );
}

#[test]
fn products_of_any_size_give_finite_losses() {
    let extreme = |x: f32| Tensor::<1>::from_floats([x, -x], &device()).require_grad();
    let positive = extreme(1e4);
    let loss = negative_sampling(positive.clone(), Tensor::zeros([2, 1], &device()));
    // One of two is wrong by 1e4; each random word costs ln 2.
    assert!((scalar(loss.clone()) - 5000.7).abs() < 0.1);
    let gradients = loss.backward();
    assert_eq!(floats(positive.grad(&gradients).unwrap()), [0.0, -0.5]);
    // Without random words or decisions only the rest counts.
    let none = negative_sampling(
        Tensor::zeros([2], &device()),
        Tensor::zeros([2, 0], &device()),
    );
    assert!((scalar(none) - std::f32::consts::LN_2).abs() < 1e-6);
}

#[test]
fn probabilities_of_a_tree_sum_to_one() {
    // Words 0, 10 and 11: a path of one decision and two of two.
    let products = matrix(&[0.3, 0.0, 0.3, -1.2, 0.3, -1.2], 3);
    let paths = [[false, false], [true, false], [true, true]];
    let second: Vec<bool> = paths.concat();
    let second = Tensor::<2, Bool>::from_data(TensorData::new(second, [3, 2]), &device());
    let padding = beyond(&[1, 2, 2], 2);
    let mut sum = 0.0;
    for row in 0..3 {
        let part = |x: &Tensor<2, Bool>| x.clone().narrow(0, row, 1);
        let loss = hierarchical_softmax(
            products.clone().narrow(0, row, 1),
            part(&second),
            part(&padding),
        );
        sum += (-scalar(loss)).exp();
    }
    assert!((sum - 1.0).abs() < 1e-6, "{sum}");
}

#[test]
fn a_pair_above_the_full_weight_counts_once_and_a_perfect_one_nothing() {
    let one = |sum: f32, count: f32| {
        let of = |x: f32| Tensor::<1>::from_floats([x], &device());
        scalar(glove(of(sum), of(count), 10.0, 0.75))
    };
    assert!((one(0.0, 1000.0) - 1000.0_f32.ln().powi(2)).abs() < 1e-3);
    assert_eq!(one(0.0, 1.0), 0.0);
}

#[test]
fn padding_alone_gives_a_loss_of_zero() {
    let encoder = WordEmbeddingConfig {
        words: 3,
        dimension: 4,
    }
    .init(&device())
    .unwrap();
    let objective = Word2VecConfig { outputs: 2 }
        .init(encoder, &device())
        .unwrap();
    let batch = WindowBatch {
        inputs: integers(vec![0], [1, 1]),
        input_padding: beyond(&[0], 1),
        outputs: integers(vec![0], [1, 1]),
        labels: matrix(&[0.0], 1),
        output_padding: beyond(&[0], 1),
    };
    let output = objective.step(batch, AT);
    assert_eq!(scalar(output.loss.clone()), 0.0);
    assert_eq!(scalar(output.metrics[0].1.clone()), 0.0);
    let gradients = output.loss.backward();
    let gradient = floats(objective.encoder.weight.val().grad(&gradients).unwrap());
    assert!(gradient.iter().all(|x| *x == 0.0));
}

#[test]
fn configurations_are_checked() {
    let encoder = || {
        WordEmbeddingConfig {
            words: 3,
            dimension: 4,
        }
        .init(&device())
        .unwrap()
    };
    assert!(
        Word2VecConfig { outputs: 0 }
            .init(encoder(), &device())
            .is_err()
    );
    for (full_weight, weight_power) in [(0.0, 1.0), (1.0, f64::NAN), (f64::INFINITY, 1.0)] {
        let config = GloveConfig {
            full_weight,
            weight_power,
        };
        let error = config.init(encoder(), &device()).unwrap_err();
        assert!(matches!(error, ObjectiveConfigError::NotPositive { .. }));
    }
    assert!(
        WordEmbeddingConfig {
            words: 0,
            dimension: 4
        }
        .init(&device())
        .is_err()
    );
}
