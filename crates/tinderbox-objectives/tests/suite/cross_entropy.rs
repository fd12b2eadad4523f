//! `cross_entropy` and `accuracy`.

use burn::tensor::{Int, Tensor};
use proptest::prelude::*;
use tinderbox_objectives::{accuracy, cross_entropy, weighted_cross_entropy};

use crate::support::{
    addressed, check_close, check_gradient, device, floats, gradient, matrix, scalar,
};

fn targets(values: &[i64]) -> Tensor<1, Int> {
    Tensor::from_ints(values, &device())
}

/// The formula in f64: the smoothed one-hot distribution against the log-softmax.
fn reference(logits: &[f64], targets: &[i64], smoothing: f64) -> f64 {
    let rows = targets.len();
    let classes = logits.len() / rows;
    let mut total = 0.0;
    for (row, &target) in logits.chunks(classes).zip(targets) {
        let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let log_sum = top + row.iter().map(|v| (v - top).exp()).sum::<f64>().ln();
        for (c, v) in row.iter().enumerate() {
            let hot = f64::from(c as i64 == target);
            let q = (1.0 - smoothing) * hot + smoothing / classes as f64;
            total -= q * (v - log_sum);
        }
    }
    total / rows as f64
}

#[test]
fn the_gradient_agrees_with_differences() {
    let labels = [2, 0, 4];
    for smoothing in [0.0, 0.1, 1.0] {
        check_gradient(
            &addressed(1, 15).iter().map(|v| 4.0 * v).collect::<Vec<_>>(),
            3,
            |x| cross_entropy(x, targets(&labels), smoothing),
            |x| reference(x, &labels, smoothing),
        );
    }
}

#[test]
fn equal_logits_cost_the_logarithm_of_the_classes() {
    for smoothing in [0.0, 0.3, 1.0] {
        let loss = cross_entropy(matrix(&[7.0; 8], 2), targets(&[0, 3]), smoothing);
        check_close(&[scalar(loss)], &[4f32.ln()], 1e-6);
    }
}

#[test]
fn huge_logits_stay_finite() {
    let logits = [1e30, -1e30, 0.0, -3e38, 3e38, 1.0];
    for smoothing in [0.0, 0.1] {
        let x = matrix(&[1e4, -1e4, 0.0, 5e4, 5e4, -5e4], 2);
        assert!(scalar(cross_entropy(x, targets(&[0, 2]), smoothing)).is_finite());
        let g = gradient(&logits, 2, |x| {
            cross_entropy(x, targets(&[0, 1]), smoothing)
        });
        assert!(g.iter().all(|v| v.is_finite()), "{g:?}");
    }
    assert_eq!(
        scalar(cross_entropy(matrix(&logits, 2), targets(&[0, 1]), 0.0)),
        0.0
    );
}

#[test]
fn a_class_ruled_out_by_minus_infinity_costs_nothing_without_smoothing() {
    let x = matrix(&[0.0, f32::NEG_INFINITY, 0.0], 1);
    check_close(
        &[scalar(cross_entropy(x, targets(&[0]), 0.0))],
        &[2f32.ln()],
        1e-6,
    );
}

#[test]
fn smoothing_of_one_ignores_the_targets() {
    let x = matrix(&addressed(2, 12), 3);
    let a = scalar(cross_entropy(x.clone(), targets(&[0, 1, 2]), 1.0));
    let b = scalar(cross_entropy(x, targets(&[3, 3, 3]), 1.0));
    assert_eq!(a, b);
}

#[test]
fn a_single_row_is_a_batch() {
    let x = addressed(3, 5);
    let expected = reference(&x.iter().map(|&v| v.into()).collect::<Vec<_>>(), &[1], 0.2);
    let got = scalar(cross_entropy(matrix(&x, 1), targets(&[1]), 0.2));
    check_close(&[got], &[expected as f32], 1e-5);
}

#[test]
#[should_panic(expected = "logits have 2 rows, but there are 3 targets")]
fn targets_must_match_the_rows() {
    cross_entropy(matrix(&[0.0; 4], 2), targets(&[0, 1, 0]), 0.0);
}

#[test]
#[should_panic(expected = "label_smoothing must be between 0 and 1, got 1.5")]
fn smoothing_above_one_is_refused() {
    cross_entropy(matrix(&[0.0; 4], 2), targets(&[0, 1]), 1.5);
}

#[test]
fn accuracy_counts_the_rows_that_are_right() {
    let x = matrix(&[0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 3.0, 2.0], 4);
    assert_eq!(floats(accuracy(x, targets(&[1, 0, 0, 0]))), [0.75]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_formula_holds(
        (rows, classes, logits, labels) in (1usize..6, 2usize..7).prop_flat_map(|(r, c)| (
            Just(r),
            Just(c),
            prop::collection::vec(-30f32..30.0, r * c),
            prop::collection::vec(0..c as i64, r),
        )),
        smoothing in 0f64..=1.0,
        shift in -100f32..100.0,
    ) {
        let wide: Vec<f64> = logits.iter().map(|&v| v.into()).collect();
        let expected = reference(&wide, &labels, smoothing) as f32;
        let got = scalar(cross_entropy(matrix(&logits, rows), targets(&labels), smoothing));
        prop_assert!((got - expected).abs() <= 1e-5 * expected.abs().max(1.0), "{got} {expected}");
        prop_assert!(got >= 0.0);

        // A constant added to all logits changes nothing; nor does the order of the rows.
        let moved = scalar(cross_entropy(matrix(&logits, rows) + shift, targets(&labels), smoothing));
        prop_assert!((got - moved).abs() <= 1e-4 * got.max(1.0), "{got} {moved}");
        let turned: Vec<f32> = logits.chunks(classes).rev().flatten().copied().collect();
        let turned_labels: Vec<i64> = labels.iter().rev().copied().collect();
        let turned = scalar(cross_entropy(matrix(&turned, rows), targets(&turned_labels), smoothing));
        prop_assert!((got - turned).abs() <= 1e-5 * got.max(1.0), "{got} {turned}");
    }
}

#[test]
fn a_class_of_weight_two_counts_as_if_its_rows_were_there_twice() {
    let (logits, labels) = (addressed(3, 15), [2, 0, 4]);
    let twice: Vec<f32> = logits.iter().chain(&logits[10..]).copied().collect();
    let weights = [1.0, 9.0, 1.0, 9.0, 2.0];
    let got = weighted_cross_entropy(matrix(&logits, 3), targets(&labels), 0.0, &weights);
    let expected = cross_entropy(matrix(&twice, 4), targets(&[2, 0, 4, 4]), 0.0);
    check_close(&[scalar(got)], &[scalar(expected)], 1e-6);
    for smoothing in [0.0, 0.3, 1.0] {
        let got =
            weighted_cross_entropy(matrix(&logits, 3), targets(&labels), smoothing, &[3.0; 5]);
        let expected = cross_entropy(matrix(&logits, 3), targets(&labels), smoothing);
        check_close(&[scalar(got)], &[scalar(expected)], 1e-6);
    }
}

#[test]
fn the_weighted_gradient_agrees_with_differences() {
    let (labels, weights) = ([2, 0, 1], [0.5f32, 2.0, 1.0, 0.25, 3.0]);
    for smoothing in [0.0, 0.2] {
        check_gradient(
            &addressed(2, 15).iter().map(|v| 2.0 * v).collect::<Vec<_>>(),
            3,
            |x| weighted_cross_entropy(x, targets(&labels), smoothing, &weights),
            |x| {
                // PyTorch's definition, row by row.
                let (mut sum, mut total) = (0.0, 0.0);
                for (row, &label) in x.chunks(5).zip(&labels) {
                    let log_sum = row.iter().map(|v| v.exp()).sum::<f64>().ln();
                    let loss = |class: usize| f64::from(weights[class]) * (log_sum - row[class]);
                    let spread: f64 = (0..5).map(loss).sum();
                    sum += (1.0 - smoothing) * loss(label as usize) + smoothing / 5.0 * spread;
                    total += f64::from(weights[label as usize]);
                }
                sum / total
            },
        );
    }
}
