//! Figures of predicted classes against scikit-learn, and where there is little to say.

use serde_json::Value;
use tinderbox_transfer::{Classification, ClassificationTally};

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
        powers[label as usize] += if hinted > 0 { 2.0 } else { 0.0 };
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
            ("log_loss", got.log_loss),
            ("calibration_error", got.calibration_error),
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
    check_close(got.calibration_error, 0.15, 1e-12);
}

#[test]
fn a_certain_error_is_finite_and_nothing_has_no_figures() {
    let mut tally = ClassificationTally::new(2);
    tally.add(1, &[1.0, 0.0]);
    let got = tally.finish().unwrap();
    check_close(got.log_loss, 52.0 * 2_f64.ln(), 1e-12);
    assert_eq!((got.accuracy, got.calibration_error), (0.0, 1.0));
    assert_eq!(ClassificationTally::new(3).finish(), None);
}
