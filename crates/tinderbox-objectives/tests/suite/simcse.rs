//! SimCSE with one, two and three views.

use tinderbox_nn::{Bert, BertConfig, TokenBatch};
use tinderbox_objectives::{
    Objective, ObjectiveConfigError, SimCse, SimCseConfig, ViewBatch, info_nce,
};

use crate::support::{check_close, device, scalar};
use crate::tiny_text::{
    AT, all_padding, bert, check_finite, config, masked, metric, sentences, train,
};

fn simcse(dropout: f64, projection: bool) -> SimCse<Bert> {
    let encoder = BertConfig {
        dropout,
        ..config()
    };
    let config = SimCseConfig {
        projection,
        ..SimCseConfig::default()
    };
    config.init(bert(&encoder), &device()).unwrap()
}

fn views(views: Vec<TokenBatch>) -> ViewBatch<TokenBatch> {
    ViewBatch { views }
}

fn premises() -> TokenBatch {
    sentences(&[2, 3, 4, 2, 5, 6, 2, 7, 8], [3, 3])
}

/// As many sentences, of another length.
fn answers() -> TokenBatch {
    sentences(&[2, 9, 3, 9, 2, 5, 10, 10, 2, 11, 11, 7], [3, 4])
}

#[test]
fn dropout_makes_the_two_views_of_one_sentence() {
    // Without dropout both views are the same, and what is left is to tell sentences apart.
    let dry = simcse(0.0, true);
    let same = dry.embed(premises());
    let expected = scalar(info_nce(same.clone(), same, 0.05));
    let got = scalar(dry.step(views(vec![premises()]), AT).loss);
    check_close(&[got], &[expected], 1e-5);

    let wet = simcse(0.3, true);
    // The first step draws the parameters.
    wet.step(views(vec![premises()]), AT);
    device().seed(1);
    let one = scalar(wet.step(views(vec![premises()]), AT).loss);
    let other = scalar(wet.step(views(vec![premises()]), AT).loss);
    assert_ne!(one, other);
    device().seed(1);
    assert_eq!(scalar(wet.step(views(vec![premises()]), AT).loss), one);
}

#[test]
fn pairs_and_hard_negatives_may_differ_in_length() {
    let objective = simcse(0.0, false);
    let (a, b) = (objective.embed(premises()), objective.embed(answers()));
    let expected = scalar(info_nce(a.clone(), b.clone(), 0.05));
    let got = scalar(objective.step(views(vec![premises(), answers()]), AT).loss);
    check_close(&[got], &[expected], 1e-6);

    let negatives = sentences(&[2, 2, 3, 3, 4, 4], [3, 2]);
    let c = objective.embed(negatives.clone());
    let candidates = burn::tensor::Tensor::cat(vec![b, c], 0);
    let expected = scalar(info_nce(a, candidates, 0.05));
    let output = objective.step(views(vec![premises(), answers(), negatives]), AT);
    check_close(&[scalar(output.loss)], &[expected], 1e-6);
}

#[test]
fn training_brings_pairs_together() {
    let pairs = || views(vec![premises(), answers()]);
    let objective = train(simcse(0.0, true), 40, pairs);
    let output = objective.step(pairs(), AT);
    assert!(scalar(output.loss.clone()) < 0.05);
    assert_eq!(metric(&output, "contrast_accuracy"), 1.0);
}

#[test]
fn a_sentence_of_padding_alone_is_finite() {
    for projection in [false, true] {
        let objective = simcse(0.1, projection);
        let batch = all_padding(masked(&[], &[])).input();
        check_finite(&objective, objective.step(views(vec![batch]), AT).loss);
    }
}

#[test]
fn the_projection_is_optional_and_the_defaults_are_the_papers() {
    let default = SimCseConfig::default();
    assert_eq!((default.temperature, default.projection), (0.05, true));
    assert!(simcse(0.0, false).projection.is_none());
    let parsed: SimCseConfig = serde_json::from_str(r#"{"temperature": 0.1}"#).unwrap();
    assert_eq!(parsed.temperature, 0.1);
    assert!(serde_json::from_str::<SimCseConfig>(r#"{"tau": 0.1}"#).is_err());
}

#[test]
fn a_temperature_that_is_not_positive_is_a_typed_error() {
    for got in [0.0, -0.05, f64::INFINITY] {
        let config = SimCseConfig {
            temperature: got,
            projection: true,
        };
        let error = config
            .init(bert(&crate::tiny_text::config()), &device())
            .err();
        assert_eq!(error, Some(ObjectiveConfigError::Temperature { got }));
    }
}

#[test]
#[should_panic(expected = "SimCSE needs 1 to 3 views of each item, got 4")]
fn four_views_are_refused() {
    simcse(0.0, true).step(views(vec![premises(); 4]), AT);
}
