//! Figures of predicted classes against scikit-learn, and where there is little to say.

use serde_json::Value;
use tinderbox_transfer::{Classification, ClassificationTally, balanced_accuracy, majority_share};

use crate::addressed::{below, uniform};
use crate::support::{case, check_close, number, numbers};

/// The predictions of the fixture.
fn predictions(case: &Value) -> (Vec<u32>, Vec<Vec<f64>>) {
    let size = |key: &str| number(case, key) as usize;
    let (rows, classes) = (size("rows"), size("classes"));
    let labels = below("labels", rows, size("seen"));
    let hinted = below("hinted", rows, 3);
    let logits = uniform("logits", rows * classes);
    let probabilities = logits.chunks(classes).zip(labels.iter().zip(&hinted));
    let probabilities = probabilities.map(|(logits, (&label, &hinted))| {
        let mut powers: Vec<f64> = logits.iter().map(|&v| 3.0 * f64::from(v)).collect();
        powers[label] += if hinted > 0 { 2.0 } else { 0.0 };
        powers[classes - 1] -= 20.0;
        let sum: f64 = powers.iter().map(|v| v.exp()).sum();
        powers.iter().map(|v| v.exp() / sum).collect()
    });
    let probabilities = probabilities.collect();
    (labels.iter().map(|&l| l as u32).collect(), probabilities)
}

#[test]
fn every_figure_is_scikit_learns() {
    for name in ["classification", "classification_two"] {
        let case = case(name);
        let (labels, probabilities) = predictions(&case);
        let got = Classification::of(&labels, &probabilities, 5).unwrap();
        assert_eq!(got.items as usize, labels.len());
        for (key, got) in [
            ("accuracy", got.accuracy),
            ("balanced_accuracy", got.balanced_accuracy),
            ("macro_f1", got.macro_f1),
            ("log_loss", got.log_loss.unwrap()),
            ("calibration_error", got.calibration_error.unwrap()),
        ] {
            // The fixture has seven digits.
            let expected = number(&case, key);
            assert!(
                (got - expected).abs() < 1e-6,
                "{name} {key}: {got}, {expected}"
            );
        }
        for (class, figures) in got.per_class.iter().enumerate() {
            check_close(figures.precision, numbers(&case, "precision")[class], 1e-6);
            check_close(figures.recall, numbers(&case, "recall")[class], 1e-6);
            check_close(figures.f1, numbers(&case, "f1")[class], 1e-6);
        }
        let hits = labels.iter().zip(&probabilities).map(|(&label, shares)| {
            let most = shares.iter().copied().fold(0.0, f64::max);
            shares[label as usize] == most
        });
        let hits: Vec<bool> = hits.collect();
        check_close(
            balanced_accuracy(&hits, &labels),
            got.balanced_accuracy,
            1e-12,
        );
        check_close(majority_share(&labels), got.majority_share, 1e-12);
        let confusion: Vec<Vec<u64>> = serde_json::from_value(case["confusion"].clone()).unwrap();
        assert_eq!(got.confusion, confusion);
    }
}

#[test]
fn always_the_majority_is_seen_through() {
    let (labels, probabilities) = ([0, 0, 0, 1], vec![vec![0.9, 0.1]; 4]);
    let got = Classification::of(&labels, &probabilities, 2).unwrap();
    assert_eq!((got.accuracy, got.majority_share), (0.75, 0.75));
    assert_eq!(got.balanced_accuracy, 0.5);
    check_close(got.macro_f1, (6.0 / 7.0) / 2.0, 1e-12);
    check_close(got.calibration_error.unwrap(), 0.15, 1e-12);
    let majority = got.of_majority();
    assert_eq!((majority.accuracy, majority.balanced_accuracy), (0.75, 0.5));
    assert_eq!((majority.macro_f1, majority.log_loss), (got.macro_f1, None));
}

#[test]
fn a_certain_error_is_finite_and_nothing_has_no_figures() {
    let mut tally = ClassificationTally::new(2);
    tally.add(1, &[1.0, 0.0]);
    let got = tally.finish().unwrap();
    check_close(got.log_loss.unwrap(), 52.0 * 2_f64.ln(), 1e-12);
    assert_eq!((got.accuracy, got.calibration_error), (0.0, Some(1.0)));
    assert_eq!(ClassificationTally::new(3).finish(), None);
}

#[test]
fn what_is_refused_counts_as_wrong() {
    let mut tally = ClassificationTally::new(3);
    tally.add(0, &[0.8, 0.1, 0.1]);
    tally.add(1, &[0.3, 0.6, 0.1]);
    tally.refuse(1);
    tally.refuse(2);
    let got = tally.finish().unwrap();
    assert_eq!((got.items, got.refused, got.accuracy), (4, 2, 0.5));
    assert_eq!((got.per_class[1].items, got.per_class[1].recall), (2, 0.5));
    check_close(got.balanced_accuracy, 0.5, 1e-12);
    check_close(got.majority_share, 0.5, 1e-12);
    // Nothing is known of how sure a refused one would have been.
    check_close(
        got.log_loss.unwrap(),
        -(0.8f64.ln() + 0.6f64.ln()) / 2.0,
        1e-12,
    );
    let interval = got.interval();
    assert!(interval.low < 0.5 && interval.high > 0.5 && interval.n == 4);
}

#[test]
fn classes_alone_have_no_figures_of_probabilities() {
    let got = Classification::of_classes(&[0, 1, 2, 2, 2], &[0, 2, 1, 1, 0], 3).unwrap();
    let names: Vec<&str> = got.figures().iter().map(|(name, _)| *name).collect();
    let expected = [
        "accuracy",
        "balanced_accuracy",
        "macro_f1",
        "majority_share",
    ];
    assert_eq!(names, expected);
    assert_eq!(got.mostly_taken_for(2), Some((1, 2)));
    assert_eq!(got.mostly_taken_for(0), None);
}
