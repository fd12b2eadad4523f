//! Sentence relations, alone and together with masked words.

use burn::tensor::{Tensor, TensorData};
use tinderbox_nn::{RecurrentEncoder, RecurrentEncoderConfig, StateDict, TokenEncoder};
use tinderbox_objectives::{
    BertPretraining, BertPretrainingConfig, LabelledBatch, MaskedPairBatch, Objective,
    SentenceRelation, SentenceRelationConfig, cross_entropy, masked_language_modelling,
};

use crate::support::{check_close, device, floats, scalar};
use crate::tiny_text::{
    AT, VOCABULARY, all_padding, bert, check_finite, config, integers, masked, metric, train,
};

type Bert = tinderbox_nn::Bert;

fn relation() -> SentenceRelation<Bert> {
    let encoder = bert(&config());
    SentenceRelationConfig::default().init(encoder, &device())
}

fn pretraining() -> BertPretraining<Bert> {
    let encoder = bert(&config());
    BertPretrainingConfig::default().init(encoder, &device())
}

fn pairs(positions: &[i64], targets: &[i64]) -> MaskedPairBatch {
    MaskedPairBatch {
        masked: masked(positions, targets),
        relations: integers(&[1, 0], [2]),
    }
}

fn labelled() -> LabelledBatch<tinderbox_nn::TokenBatch> {
    LabelledBatch {
        inputs: masked(&[], &[]).input(),
        targets: integers(&[1, 0], [2]),
    }
}

#[test]
fn names_are_hugging_faces() {
    let dict = StateDict::of(&pretraining());
    for name in [
        "pooler.dense.weight",
        "pooler.dense.bias",
        "cls.predictions.bias",
        "cls.predictions.transform.LayerNorm.weight",
        "cls.seq_relationship.weight",
        "cls.seq_relationship.bias",
    ] {
        assert!(dict.get(name).is_some(), "no {name}");
    }
    let dict = StateDict::of(&relation());
    assert!(dict.get("cls.seq_relationship.weight").is_some());
    assert!(dict.names().all(|name| !name.contains("predictions")));
}

/// The loss of both is the sum of the two means.
#[test]
fn the_two_tasks_are_added() {
    let objective = pretraining();
    let output = objective.step(pairs(&[1, 5], &[4, 8]), AT);
    let sum = metric(&output, "masked_loss") + metric(&output, "sentence_loss");
    check_close(&[scalar(output.loss.clone())], &[sum], 1e-6);

    let batch = masked(&[1, 5], &[4, 8]);
    let logits = objective.cls.predictions.forward(
        tinderbox_nn::TokenEncoder::hidden_states(&objective.encoder, batch.input()),
        batch.positions,
        tinderbox_nn::TokenEncoder::word_embeddings(&objective.encoder),
    );
    let expected = scalar(masked_language_modelling(logits, batch.targets));
    check_close(&[metric(&output, "masked_loss")], &[expected], 1e-6);
}

#[test]
fn a_pair_is_told_by_its_first_token_and_what_that_sees() {
    let objective = relation();
    let logits = floats(objective.logits(labelled().inputs));
    // Words under the padding have no part.
    let mut other = labelled().inputs;
    other.tokens = integers(&[3, 1, 5, 6, 7, 1, 9, 10], [2, 4]);
    check_close(&floats(objective.logits(other)), &logits, 0.0);
    let mut other = labelled().inputs;
    other.tokens = integers(&[3, 1, 5, 2, 7, 1, 0, 0], [2, 4]);
    let changed = floats(objective.logits(other));
    assert_ne!(changed[..2], logits[..2]);
    assert_eq!(changed[2..], logits[2..]);
}

#[test]
fn training_tells_the_pairs_apart() {
    let first = relation().step(labelled(), AT);
    // Near the start one class is as likely as the other.
    assert!((scalar(first.loss) - 2_f32.ln()).abs() < 0.2);
    let output = train(relation(), 40, labelled).step(labelled(), AT);
    assert!(scalar(output.loss.clone()) < 0.1);
    assert_eq!(metric(&output, "sentence_accuracy"), 1.0);

    let both = || pairs(&[1, 5], &[4, 8]);
    let output = train(pretraining(), 60, both).step(both(), AT);
    assert!(scalar(output.loss.clone()) < 0.2, "{output:?}");
    assert_eq!(metric(&output, "masked_accuracy"), 1.0);
    assert_eq!(metric(&output, "sentence_accuracy"), 1.0);
}

/// Without a masked place the pairs alone have a loss, and all parameters have gradients.
#[test]
fn without_masked_words_the_pairs_are_left() {
    let objective = pretraining();
    let output = objective.step(pairs(&[], &[]), AT);
    assert_eq!(metric(&output, "masked_loss"), 0.0);
    assert_eq!(metric(&output, "masked_accuracy"), 0.0);
    let sentence = metric(&output, "sentence_loss");
    check_close(&[scalar(output.loss.clone())], &[sentence], 0.0);
    check_finite(&objective, output.loss);
}

#[test]
fn a_sequence_of_padding_alone_is_finite() {
    let objective = pretraining();
    let mut batch = pairs(&[1, 5], &[4, 8]);
    batch.masked = all_padding(batch.masked);
    check_finite(&objective, objective.step(batch, AT).loss);
    let objective = relation();
    let mut batch = labelled();
    batch.inputs = all_padding(masked(&[], &[])).input();
    check_finite(&objective, objective.step(batch, AT).loss);
}

/// BERT's pre-training of an LSTM with states of 8; without dropout.
fn recurrent(bidirectional: bool) -> BertPretraining<RecurrentEncoder> {
    device().seed(3);
    let config = RecurrentEncoderConfig {
        bidirectional,
        hidden: if bidirectional { 4 } else { 8 },
        dropout: 0.0,
        ..RecurrentEncoderConfig::new(8)
    };
    let encoder = config.init(VOCABULARY, &device()).unwrap();
    BertPretrainingConfig::default().init(encoder, &device())
}

/// Two pairs that differ in the last word alone.
fn told_by_the_last() -> MaskedPairBatch {
    let mut batch = pairs(&[1, 5], &[4, 8]);
    batch.masked.tokens = integers(&[3, 1, 5, 6, 3, 1, 5, 9], [2, 4]);
    batch.masked.padding = batch.masked.padding.zeros_like();
    batch
}

#[test]
fn recurrent_encoders_have_the_heads_too() {
    let objective = recurrent(true);
    let output = objective.step(told_by_the_last(), AT);
    let states = objective
        .encoder
        .hidden_states(told_by_the_last().masked.input());
    let summary = objective.pooler.forward(states.clone());
    let sentence = cross_entropy(
        objective.cls.relation(summary),
        told_by_the_last().relations,
        0.0,
    );
    let words = objective.cls.predictions.forward(
        states,
        told_by_the_last().masked.positions,
        objective.encoder.word_embeddings(),
    );
    let masked = masked_language_modelling(words, told_by_the_last().masked.targets);
    let expected = scalar(masked + sentence);
    check_close(&[scalar(output.loss.clone())], &[expected], 1e-6);
    check_finite(&objective, output.loss);

    let trained = train(objective, 150, told_by_the_last);
    let output = trained.step(told_by_the_last(), AT);
    assert!(scalar(output.loss.clone()) < 0.2, "{output:?}");
    assert_eq!(metric(&output, "masked_accuracy"), 1.0);
    assert_eq!(metric(&output, "sentence_accuracy"), 1.0);
}

/// The first state of one direction has read the first word alone, so nothing tells the pairs apart.
#[test]
fn in_one_direction_pairs_are_a_guess() {
    let trained = train(recurrent(false), 100, told_by_the_last);
    let output = trained.step(told_by_the_last(), AT);
    let loss = metric(&output, "sentence_loss");
    assert!(loss >= 2_f32.ln() - 1e-5, "{loss}");
}

#[test]
#[should_panic(expected = "the states must have the size of the embeddings")]
fn states_of_another_size_than_the_embeddings_are_refused() {
    let config = RecurrentEncoderConfig {
        bidirectional: true,
        ..RecurrentEncoderConfig::new(8)
    };
    let encoder = config.init(VOCABULARY, &device()).unwrap();
    BertPretrainingConfig::default().init(encoder, &device());
}

#[test]
#[should_panic(expected = "BERT: 7 tokens are more than the 6 positions")]
fn a_sequence_beyond_the_positions_is_refused() {
    let long = crate::tiny_text::sentences(&[2; 7], [1, 7]);
    relation().logits(long);
}

#[test]
#[should_panic(expected = "cross_entropy: logits have 2 rows, but there are 3 targets")]
fn a_label_for_each_pair() {
    let mut batch = labelled();
    batch.targets = Tensor::from_data(TensorData::new(vec![0_i64; 3], [3]), &device());
    relation().step(batch, AT);
}
