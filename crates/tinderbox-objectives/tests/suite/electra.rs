//! Replaced-token detection: the loss, what is drawn, degenerate input.

use burn::tensor::{Bool, Tensor};
use tinderbox_nn::{Bert, BertConfig};
use tinderbox_objectives::{
    Electra, ElectraConfig, Objective, ObjectiveConfigError, replaced_token_detection,
};

use crate::support::{
    addressed, check_close, check_gradient, device, floats, gradient, matrix, scalar,
};
use crate::tiny_text::{
    AT, VOCABULARY, all_padding, bert, booleans, check_finite, config, integers, masked, metric,
    parameters,
};

fn objective() -> Electra<Bert> {
    let generator = BertConfig {
        width: 8,
        ..config()
    };
    let (generator, discriminator) = (bert(&generator), bert(&config()));
    let objective = ElectraConfig::default().init(generator, discriminator, &device());
    objective.unwrap()
}

const REPLACED: [bool; 6] = [true, false, false, false, true, false];
const PADDING: [bool; 6] = [false, false, true, false, false, true];

fn flags(values: [bool; 6]) -> Tensor<2, Bool> {
    booleans(&values, [2, 3])
}

#[test]
fn the_gradient_agrees_with_differences() {
    let values: Vec<f32> = addressed(1, 6).iter().map(|v| 4.0 * v).collect();
    check_gradient(
        &values,
        2,
        |x| replaced_token_detection(x, flags(REPLACED), flags(PADDING)),
        |x| {
            let seen = (0..6).filter(|&i| !PADDING[i]);
            let losses = seen.map(|i| {
                let p = 1.0 / (1.0 + (-x[i]).exp());
                -(if REPLACED[i] { p } else { 1.0 - p }).ln()
            });
            losses.sum::<f64>() / 4.0
        },
    );
}

#[test]
fn equal_odds_cost_the_logarithm_of_two() {
    let loss = replaced_token_detection(matrix(&[0.0; 6], 2), flags(REPLACED), flags(PADDING));
    check_close(&[scalar(loss)], &[2_f32.ln()], 1e-6);
}

#[test]
fn logits_of_any_size_are_safe() {
    let sure = [3e4, -3e4, 3e38, -1e30, 3e4, -3e38];
    let right = |x| replaced_token_detection(x, flags(REPLACED), flags(PADDING));
    assert_eq!(scalar(right(matrix(&sure, 2))), 0.0);
    let wrong: Vec<f32> = sure.iter().map(|v| -v.clamp(-1e4, 1e4)).collect();
    // Each of the four that count is wrong by its own size.
    check_close(&[scalar(right(matrix(&wrong, 2)))], &[1e4], 1e-6);
    let g = gradient(&wrong, 2, right);
    assert!(g.iter().all(|v| v.is_finite()), "{g:?}");
}

#[test]
fn padding_alone_costs_nothing() {
    let x = matrix(&[1.0, f32::NAN, f32::INFINITY, 0.0, 0.0, 0.0], 2);
    let loss = replaced_token_detection(x, flags(REPLACED), flags([true; 6]));
    assert_eq!(scalar(loss), 0.0);
}

#[test]
#[should_panic(expected = "must have one shape")]
fn shapes_that_differ_are_refused() {
    replaced_token_detection(matrix(&[0.0; 6], 3), flags(REPLACED), flags(PADDING));
}

/// What the discriminator's loss is given where every drawn word is the text's own: nothing is replaced, and the
/// discriminator reads the text.
#[test]
fn a_word_drawn_right_is_not_replaced() {
    let objective = objective();
    let targets = [4, 8];
    let output = objective.loss(masked(&[1, 5], &targets), integers(&targets, [2]));
    assert_eq!(metric(&output, "replaced_share"), 0.0);
    let mut text = masked(&[], &[]);
    text.tokens = integers(&[3, 4, 5, 6, 7, 8, 0, 0], [2, 4]);
    let logits = objective.logits(text.input());
    let none = booleans(&[false; 8], [2, 4]);
    let expected = scalar(replaced_token_detection(logits, none, text.padding));
    check_close(&[metric(&output, "replaced_loss")], &[expected], 1e-6);

    // Of six tokens that are no padding one is another.
    let output = objective.loss(masked(&[1, 5], &targets), integers(&[4, 9], [2]));
    check_close(&[metric(&output, "replaced_share")], &[1.0 / 6.0], 1e-6);
}

/// The draw follows the generator's softmax: a generator whose bias decides draws each word with its probability.
#[test]
fn words_are_drawn_with_their_probabilities() {
    let mut objective = objective();
    let probabilities = [
        0.0, 0.5, 0.0, 0.25, 0.0, 0.125, 0.125, 0.0, 0.0, 0.0, 0.0, 0.0_f32,
    ];
    let predictions = objective.generator.cls.predictions.clone();
    let bias: Vec<f32> = probabilities.iter().map(|p| p.max(1e-30).ln()).collect();
    objective.generator.cls.predictions.bias = predictions
        .bias
        .map(|_| Tensor::<1>::from_floats(bias.as_slice(), &device()));
    // Without a scale after the dense layer the hidden states have no say.
    objective
        .generator
        .cls
        .predictions
        .transform
        .LayerNorm
        .gamma = predictions
        .transform
        .LayerNorm
        .gamma
        .map(|gamma| gamma.zeros_like());
    // Word 3 is the target everywhere, so the share of tokens replaced is that of other words.
    let batch = || {
        let mut batch = masked(&[], &[]);
        let places: Vec<i64> = (0..6).collect();
        batch.positions = integers(&places, [6]);
        batch.targets = integers(&[3; 6], [6]);
        batch
    };
    device().seed(11);
    let (mut replaced, rounds) = (0.0, 500);
    for _ in 0..rounds {
        replaced += metric(&objective.step(batch(), AT), "replaced_share");
    }
    // 3,000 draws: five standard errors of a share of 3/4 are 0.04.
    let share = replaced / rounds as f32;
    assert!((share - 0.75).abs() < 0.04, "{share}");
}

/// The device's seed determines what is drawn.
#[test]
fn one_seed_draws_the_same_words() {
    let objective = objective();
    let loss = |seed| {
        device().seed(seed);
        scalar(objective.step(masked(&[1, 5], &[4, 8]), AT).loss)
    };
    // The first step draws the parameters.
    loss(1);
    assert_eq!(loss(5), loss(5));
    let losses: Vec<f32> = (0..8).map(loss).collect();
    assert!(losses.iter().any(|other| *other != losses[0]), "{losses:?}");
}

/// The discriminator's loss moves no parameter of the generator.
#[test]
fn no_gradient_passes_through_the_draw() {
    let objective = objective();
    let batch = || masked(&[1, 5], &[4, 8]);
    let gradient = |weight: f64| {
        let config = ElectraConfig {
            discriminator_weight: weight,
        };
        let parts = objective.clone();
        let (generator, encoder) = (parts.generator.clone(), parts.encoder.clone());
        let mut built = config
            .init(generator.encoder.clone(), encoder, &device())
            .unwrap();
        built.generator = generator;
        built.discriminator_predictions = parts.discriminator_predictions.clone();
        device().seed(2);
        let backward = built.step(batch(), AT).loss.backward();
        let words = &built.generator.encoder.embeddings.word_embeddings.weight;
        floats(words.val().grad(&backward).unwrap())
    };
    assert_eq!(gradient(1.0), gradient(1000.0));
}

#[test]
fn without_masked_words_the_discriminator_is_left() {
    let objective = objective();
    let output = objective.step(masked(&[], &[]), AT);
    assert_eq!(metric(&output, "masked_loss"), 0.0);
    assert_eq!(metric(&output, "replaced_share"), 0.0);
    let expected = 50.0 * metric(&output, "replaced_loss");
    check_close(&[scalar(output.loss.clone())], &[expected], 1e-6);
    check_finite(&objective, output.loss);
}

#[test]
fn a_sequence_of_padding_alone_is_finite() {
    let objective = objective();
    let output = objective.step(all_padding(masked(&[1, 5], &[4, 8])), AT);
    check_finite(&objective, output.loss);
}

#[test]
fn training_finds_the_replaced_words() {
    let (targets, drawn) = ([4, 8], [9, 10]);
    let batch = || masked(&[1, 5], &targets);
    let mut objective = objective();
    let mut optimiser = burn::optim::AdamConfig::new().init();
    for _ in 0..40 {
        let loss = objective.loss(batch(), integers(&drawn, [2])).loss;
        let gradients = burn::optim::GradientsParams::from_grads(loss.backward(), &objective);
        objective = optimiser.step(0.01, objective, gradients);
    }
    let output = objective.loss(batch(), integers(&drawn, [2]));
    assert_eq!(metric(&output, "replaced_accuracy"), 1.0);
    assert_eq!(metric(&output, "masked_accuracy"), 1.0);
    assert!(parameters(&objective).iter().all(|v| v.is_finite()));
}

#[test]
fn configurations_that_cannot_be_are_typed_errors() {
    let init = |weight, words| {
        let config = ElectraConfig {
            discriminator_weight: weight,
        };
        let generator = crate::tiny_text::config().init(words, &device()).unwrap();
        config
            .init(generator, bert(&crate::tiny_text::config()), &device())
            .err()
    };
    for got in [0.0, -1.0, f64::INFINITY] {
        let field = "discriminator_weight";
        assert_eq!(
            init(got, VOCABULARY),
            Some(ObjectiveConfigError::NotPositive { field, got })
        );
    }
    let expected = ObjectiveConfigError::Vocabularies {
        generator: 5,
        discriminator: VOCABULARY,
    };
    assert_eq!(init(50.0, 5), Some(expected));
}
