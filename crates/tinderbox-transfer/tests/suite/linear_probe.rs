//! The linear probe against scikit-learn, and where it has little to go by.

use serde_json::Value;
use tinderbox_transfer::{
    ClassWeights, FeatureMatrix, LinearProbe, LinearProbeConfig, ProbeStage, Scaling, Standardiser,
    TransferError, accuracy,
};

use crate::support::{
    Digits, addressed, case, check_close, check_record, digits, matrix, number,
    on_one_and_three_threads,
};

/// Both sides converge far closer than this; what is left is the optimum's sensitivity to the last
/// digits, largest for the weakest penalty.
const TOLERANCE: f64 = 1e-4;

fn config(l2: f64) -> LinearProbeConfig {
    LinearProbeConfig {
        scaling: Scaling::PerFeature,
        l2: vec![l2],
        tolerance: 1e-9,
        max_iter: 10_000,
        ..LinearProbeConfig::default()
    }
}

/// Fits on the fixture's terms and compares every figure.
fn check_case(
    name: &str,
    digits: &Digits,
    train: &[usize],
    test: &[usize],
) -> (LinearProbe, Value) {
    let case = case(name);
    assert_eq!(number(&case, "train_rows") as usize, train.len(), "{name}");
    assert_eq!(number(&case, "test_rows") as usize, test.len(), "{name}");
    let (features, labels) = digits.part(train);
    let probe = config(1.0 / number(&case, "c")).fit(&features, &labels, 10);
    assert!(probe.converged, "{name}: {}", probe.gradient_norm);
    let (features, labels) = digits.part(test);
    let got = accuracy(&probe.predict(&features), &labels);
    check_close(got, number(&case, "accuracy"), 1e-6);
    (probe, case)
}

/// The bias of the classes seen, with mean 0.
fn centred_bias(probe: &LinearProbe) -> Vec<f64> {
    let seen: Vec<f64> = probe
        .bias
        .iter()
        .copied()
        .filter(|b| b.is_finite())
        .collect();
    let mean = seen.iter().sum::<f64>() / seen.len() as f64;
    seen.iter().map(|b| b - mean).collect()
}

#[test]
fn every_penalty_ends_where_scikit_learn_does() {
    let digits = digits();
    for c in ["0.01", "0.1", "1", "10", "100"] {
        let name = format!("probe_c_{c}");
        let (probe, case) = check_case(&name, &digits, &digits.train, &digits.test);
        let (features, labels) = digits.part(&digits.test);
        let log_loss = probe.log_loss(&features, &labels).unwrap();
        check_close(log_loss, number(&case, "log_loss"), 1e-5);
        check_record("weights", &probe.weights, &case, TOLERANCE);
        check_record("bias", &centred_bias(&probe), &case, TOLERANCE);
    }
}

#[test]
fn the_default_is_as_good_as_scikit_learn_within_half_a_point() {
    let digits = digits();
    let (features, labels) = digits.part(&digits.train);
    let probe = LinearProbeConfig::default().fit(&features, &labels, 10);
    assert!(probe.converged);
    let (features, labels) = digits.part(&digits.test);
    let got = accuracy(&probe.predict(&features), &labels);
    // The best penalty on the test rows for standardised features, and the default for raw ones.
    for name in [
        "probe_c_0.01",
        "probe_c_0.1",
        "probe_c_1",
        "probe_c_10",
        "probe_c_100",
        "probe_raw_c_1",
    ] {
        let expected = number(&case(name), "accuracy");
        assert!(
            got >= expected - 0.005,
            "{got}, scikit-learn {expected} ({name})"
        );
    }
}

#[test]
fn one_factor_for_all_features_is_the_regression_on_raw_ones() {
    let digits = digits();
    let (features, labels) = digits.part(&digits.train);
    let factor = Standardiser::fit(&features, Scaling::Common).scale[0];
    for c in ["0.1", "1", "10"] {
        let case = case(&format!("probe_raw_c_{c}"));
        let config = LinearProbeConfig {
            scaling: Scaling::Common,
            ..config(1.0 / (number(&case, "c") * factor * factor))
        };
        let probe = config.fit(&features, &labels, 10);
        assert!(probe.converged);
        // A weight of a raw feature is that of a scaled one, divided by the factor.
        let weights: Vec<f64> = probe.weights.iter().map(|w| w / factor).collect();
        check_record("weights", &weights, &case, TOLERANCE);
        let (features, labels) = digits.part(&digits.test);
        let log_loss = probe.log_loss(&features, &labels).unwrap();
        check_close(log_loss, number(&case, "log_loss"), 1e-5);
    }
}

#[test]
fn few_labels_end_where_scikit_learn_does() {
    let digits = digits();
    let train: Vec<usize> = {
        let mut left = [5; 10];
        let few = digits.train.iter().copied().filter(|&i| {
            let left = &mut left[digits.labels[i] as usize];
            *left -= 1;
            *left >= 0
        });
        few.collect()
    };
    let (probe, case) = check_case("probe_five_labels", &digits, &train, &digits.test);
    check_record("weights", &probe.weights, &case, TOLERANCE);
}

#[test]
fn two_classes_are_the_binary_regression() {
    let digits = digits();
    let only = |rows: &[usize]| -> Vec<usize> {
        let is_one = |&i: &usize| [3, 8].contains(&digits.labels[i]);
        rows.iter().copied().filter(is_one).collect()
    };
    let (train, test) = (only(&digits.train), only(&digits.test));
    let (probe, case) = check_case("probe_two_classes", &digits, &train, &test);
    let row = |c: usize| &probe.weights[c * 64..(c + 1) * 64];
    // scikit-learn's one vector is the difference of our two.
    let difference: Vec<f64> = row(8).iter().zip(row(3)).map(|(a, b)| a - b).collect();
    check_record("weights", &difference, &case, TOLERANCE);
    assert!(row(0).iter().all(|&w| w == 0.0));
}

#[test]
fn a_class_without_labels_is_never_predicted() {
    let digits = digits();
    let train: Vec<usize> = digits
        .train
        .iter()
        .copied()
        .filter(|&i| digits.labels[i] != 9)
        .collect();
    let (probe, case) = check_case("probe_missing_class", &digits, &train, &digits.test);
    check_record("weights", &probe.weights[..9 * 64], &case, TOLERANCE);
    check_record("bias", &centred_bias(&probe), &case, TOLERANCE);

    let (features, labels) = digits.part(&digits.test);
    assert!(probe.predict(&features).iter().all(|&p| p != 9));
    for p in probe.predict_proba(&features) {
        assert_eq!(p[9], 0.0);
        check_close(p.iter().sum(), 1.0, 1e-12);
    }
    assert_eq!(probe.log_loss(&features, &labels), Ok(f64::INFINITY));
    let seen: Vec<usize> = digits
        .test
        .iter()
        .copied()
        .filter(|&i| digits.labels[i] != 9)
        .collect();
    let (features, labels) = digits.part(&seen);
    check_close(
        probe.log_loss(&features, &labels).unwrap(),
        number(&case, "log_loss"),
        1e-5,
    );
}

#[test]
fn a_single_class_is_certain() {
    let probe = LinearProbeConfig::default().fit(&addressed("x", 6, 3), &[2; 6], 4);
    assert!(probe.converged);
    assert_eq!(probe.predict(&addressed("y", 2, 3)), [2, 2]);
    assert_eq!(
        probe.predict_proba(&addressed("y", 1, 3)),
        [[0.0, 0.0, 1.0, 0.0]]
    );
}

#[test]
fn one_label_a_class_takes_the_candidate_nearest_to_ten() {
    let features = matrix(&[[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]);
    let chosen = |l2: &[f64]| {
        let config = LinearProbeConfig {
            l2: l2.to_vec(),
            ..LinearProbeConfig::default()
        };
        config.fit(&features, &[0, 1, 2], 3).l2
    };
    assert_eq!(chosen(&[0.01, 0.1, 1.0, 10.0, 100.0]), 10.0);
    assert_eq!(chosen(&[1e-4, 2.0, 0.01]), 2.0);
    assert_eq!(chosen(&[7.0]), 7.0);
}

/// Twelve labels of ten classes: the four rows that can be held out are of two classes, and choose none for the ten.
#[test]
fn a_few_rows_held_out_choose_no_penalty() {
    let digits = digits();
    let (test, truth) = digits.part(&digits.test);
    for draw in 0..8 {
        let mut of_class = [0; 10];
        let wanted = |class: u32| 1 + usize::from(class == draw % 10 || class == (draw + 3) % 10);
        let rows: Vec<usize> = digits.train[37 * draw as usize..].to_vec();
        let twelve = rows.into_iter().filter(|&row| {
            let class = digits.labels[row];
            let count = &mut of_class[class as usize];
            *count += 1;
            *count <= wanted(class)
        });
        let (features, labels) = digits.part(&twelve.collect::<Vec<_>>());
        assert_eq!(labels.len(), 12);
        let probe = LinearProbeConfig::default().fit(&features, &labels, 10);
        let right = accuracy(&probe.predict(&test), &truth);
        assert!(
            (probe.l2, right > 0.45) == (10.0, true),
            "{draw}: {} {right}",
            probe.l2
        );
    }
}

#[test]
fn noise_gets_the_strongest_penalty_and_signal_a_weak_one() {
    let x = addressed("x", 60, 10);
    let noise: Vec<u32> = addressed("labels", 60, 1)
        .values
        .iter()
        .map(|&v| u32::from(v > 0.0))
        .collect();
    let signal: Vec<u32> = x.iter_rows().map(|r| u32::from(r[0] > 0.0)).collect();
    let config = LinearProbeConfig::default();
    assert!(config.fit(&x, &noise, 2).l2 >= 10.0);
    assert!(config.fit(&x, &signal, 2).l2 <= 1.0);
}

/// 8 rows of each of two classes: with few labels the least log-loss is that of a penalty far too strong.
#[test]
fn few_labels_do_not_end_at_the_shares_of_the_classes() {
    // Eight features tell the classes apart, each a little; every row misleads in the features that its number names.
    let (per, dim) = (40, 64);
    let noise = addressed("noise", 2 * per, dim);
    let mut x = noise.clone();
    let labels: Vec<u32> = (0..2 * per).map(|i| u32::from(i % 8 == 0)).collect();
    for (row, &label) in x.values.chunks_mut(dim).zip(&labels) {
        for value in &mut row[..8] {
            *value += if label == 1 { 0.7 } else { -0.7 };
        }
    }
    let few: Vec<usize> = (0..32).collect();
    let rest: Vec<usize> = (32..2 * per).collect();
    let of = |rows: &[usize]| -> Vec<u32> { rows.iter().map(|&i| labels[i]).collect() };
    let probe = LinearProbeConfig::default().fit(&x.select(&few), &of(&few), 2);
    assert!(probe.l2 <= 10.0, "{}", probe.l2);
    let right = accuracy(&probe.predict(&x.select(&rest)), &of(&rest));
    let majority = of(&rest).iter().filter(|&&label| label == 0).count() as f64 / rest.len() as f64;
    assert!(right > majority, "{right}, the majority is {majority}");
}

#[test]
fn balanced_weights_are_scikit_learns() {
    let digits = digits();
    // Classes 0 to 4 whole, of the others the first 10.
    let mut left = [usize::MAX; 10];
    left[5..].fill(10);
    let rows = digits.train.iter().copied().filter(|&i| {
        let left = &mut left[digits.labels[i] as usize];
        let taken = *left > 0;
        *left -= usize::from(taken);
        taken
    });
    let rows: Vec<usize> = rows.collect();
    let case = case("probe_balanced");
    assert_eq!(number(&case, "train_rows") as usize, rows.len());
    let (features, labels) = digits.part(&rows);
    let balanced = LinearProbeConfig {
        class_weights: ClassWeights::Balanced,
        ..config(1.0)
    };
    let probe = balanced.fit(&features, &labels, 10);
    assert!(probe.converged, "{}", probe.gradient_norm);
    check_record("weights", &probe.weights, &case, TOLERANCE);
    check_record("bias", &centred_bias(&probe), &case, TOLERANCE);
    let plain = config(1.0).fit(&features, &labels, 10);
    assert!(plain.weights != probe.weights);
}

#[test]
fn raw_features_and_the_affine_form_give_the_same_classes() {
    let digits = digits();
    let (features, labels) = digits.part(&digits.train);
    let probe = LinearProbeConfig::default().fit(&features, &labels, 10);
    let (weights, bias) = probe.affine();
    let (features, _) = digits.part(&digits.test);
    let classes: Vec<u32> = features
        .iter_rows()
        .map(|row| {
            let logit = |class: usize| -> f64 {
                let weights = &weights[class * 64..(class + 1) * 64];
                let products = weights.iter().zip(row).map(|(w, v)| w * f64::from(*v));
                bias[class] + products.sum::<f64>()
            };
            let best = (0..10).max_by(|a, b| logit(*a).total_cmp(&logit(*b)));
            best.unwrap() as u32
        })
        .collect();
    assert_eq!(classes, probe.predict(&features));
}

#[test]
fn a_fit_says_what_it_does_and_stops_choosing_once_the_loss_rises() {
    let digits = digits();
    let (features, labels) = digits.part(&digits.train);
    let mut stages = Vec::new();
    let probe = LinearProbeConfig::default()
        .try_fit_watched(&features, &labels, 10, &mut |stage| stages.push(stage))
        .unwrap();
    let [tried @ .., last] = &stages[..] else {
        panic!("no stages");
    };
    let rows = features.rows;
    assert_eq!(*last, ProbeStage::Fit { l2: probe.l2, rows });
    for (place, stage) in tried.iter().enumerate() {
        let ProbeStage::Choose { l2, number, of } = *stage else {
            panic!("{stage:?}");
        };
        assert_eq!((number, of), (place, 6));
        assert!((l2 - 1000.0 / 10_f64.powi(place as i32)).abs() < 1e-9 * l2);
    }
    assert!((3..6).contains(&tried.len()), "{tried:?}");
}

#[test]
fn the_result_does_not_depend_on_threads_or_on_the_order_of_candidates() {
    let x = addressed("x", 300, 12);
    let labels: Vec<u32> = x
        .iter_rows()
        .map(|r| u32::from(r[0] > 0.3) + u32::from(r[1] > 0.0))
        .collect();
    let config = |l2: &[f64]| LinearProbeConfig {
        l2: l2.to_vec(),
        ..LinearProbeConfig::default()
    };
    let (one, three) = on_one_and_three_threads(|| config(&[0.1, 1.0, 10.0]).fit(&x, &labels, 3));
    assert_eq!(one, three);
    assert_eq!(one, config(&[10.0, 0.1, 0.1, 1.0]).fit(&x, &labels, 3));
}

#[test]
fn shift_and_scale_of_a_feature_do_not_matter() {
    let x = addressed("x", 80, 4);
    let labels: Vec<u32> = x
        .iter_rows()
        .map(|r| u32::from(r[0] + 0.5 * r[1] > 0.1))
        .collect();
    let mut moved = x.clone();
    for row in moved.values.chunks_mut(4) {
        row[0] = 1000.0 * row[0] - 300.0;
        row[2] *= 1e-4;
    }
    let a = config(1.0).fit(&x, &labels, 2);
    let b = config(1.0).fit(&moved, &labels, 2);
    for (a, b) in a.weights.iter().zip(&b.weights) {
        check_close(*b, *a, 1e-4);
    }
}

#[test]
fn a_constant_feature_is_harmless() {
    let mut x = addressed("x", 50, 3);
    x.values.chunks_mut(3).for_each(|row| row[1] = 0.1);
    assert_eq!(Standardiser::fit(&x, Scaling::PerFeature).scale[1], 1.0);
    let constant = FeatureMatrix {
        values: vec![0.1; 30],
        rows: 10,
        dim: 3,
    };
    assert_eq!(
        Standardiser::fit(&constant, Scaling::Common).scale,
        [1.0; 3]
    );
    let labels: Vec<u32> = x.iter_rows().map(|r| u32::from(r[0] > 0.0)).collect();
    for scaling in [Scaling::Common, Scaling::PerFeature] {
        let config = LinearProbeConfig {
            scaling,
            ..LinearProbeConfig::default()
        };
        let probe = config.fit(&x, &labels, 2);
        assert!(probe.converged);
        assert!(probe.weights[1].abs() < 1e-9, "{}", probe.weights[1]);
    }
}

#[test]
fn a_spent_budget_is_reported_not_hidden() {
    let digits = digits();
    let (features, labels) = digits.part(&digits.train);
    let config = LinearProbeConfig {
        max_iter: 3,
        ..config(0.01)
    };
    let probe = config.fit(&features, &labels, 10);
    assert!(!probe.converged && probe.iterations == 3 && probe.gradient_norm > 1e-9);
}

#[test]
fn bad_input_is_named() {
    let x = matrix(&[[0.0], [1.0]]);
    let fit = |labels: &[u32], classes| {
        LinearProbeConfig::default()
            .try_fit(&x, labels, classes)
            .err()
    };
    assert_eq!(
        fit(&[0], 2),
        Some(TransferError::Labels {
            expected: 2,
            got: 1
        })
    );
    assert_eq!(
        fit(&[0, 2], 2),
        Some(TransferError::LabelOutOfRange {
            row: 1,
            got: 2,
            classes: 2
        })
    );
    assert_eq!(fit(&[0, 1], 0), Some(TransferError::NoClasses));
    let with = |l2: Vec<f64>, tolerance| {
        let config = LinearProbeConfig {
            l2,
            max_iter: 10,
            tolerance,
            ..LinearProbeConfig::default()
        };
        config.try_fit(&x, &[0, 1], 2).err()
    };
    assert_eq!(with(vec![], 1e-6), Some(TransferError::NoCandidates));
    for (l2, tolerance, field) in [
        (0.0, 1e-6, "l2"),
        (-1.0, 1e-6, "l2"),
        (1.0, 0.0, "tolerance"),
    ] {
        let Some(TransferError::Config { field: got, .. }) = with(vec![l2], tolerance) else {
            panic!("{l2} {tolerance}");
        };
        assert_eq!(got, field);
    }
    let empty = FeatureMatrix::empty(3);
    let error = LinearProbeConfig::default()
        .try_fit(&empty, &[], 2)
        .unwrap_err();
    assert_eq!(error.to_string(), "no rows to fit a linear probe to");
    let nan = matrix(&[[0.0, 1.0], [2.0, f32::INFINITY]]);
    assert_eq!(
        LinearProbeConfig::default().try_fit(&nan, &[0, 1], 2).err(),
        Some(TransferError::NotFinite {
            row: 1,
            column: 1,
            got: f32::INFINITY
        })
    );
}

#[test]
#[should_panic(expected = "linear probe: 2 rows of features need as many labels, got 1")]
fn fit_panics_with_the_error() {
    LinearProbeConfig::default().fit(&matrix(&[[0.0], [1.0]]), &[0], 2);
}

#[test]
fn a_recipe_may_leave_everything_out() {
    let config: LinearProbeConfig = serde_json::from_str("{}").unwrap();
    assert_eq!(config, LinearProbeConfig::default());
    assert!(serde_json::from_str::<LinearProbeConfig>(r#"{"c": 1}"#).is_err());
}
