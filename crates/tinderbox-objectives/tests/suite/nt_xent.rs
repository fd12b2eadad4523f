//! `nt_xent`, `contrast_accuracy` and the normalisation under them.

use burn::tensor::Tensor;
use proptest::prelude::*;
use tinderbox_objectives::{contrast_accuracy, l2_normalise, nt_xent};

use crate::support::{
    addressed, check_close, check_gradient, device, floats, gradient, matrix, scalar,
};

/// Equation 1 of the paper in f64, by its two loops: no matrix, no mask, no log-softmax.
fn reference(a: &[f64], b: &[f64], n: usize, temperature: f64) -> f64 {
    let dim = a.len() / n;
    let z: Vec<&[f64]> = a.chunks(dim).chain(b.chunks(dim)).collect();
    let dot = |u: &[f64], v: &[f64]| u.iter().zip(v).map(|(x, y)| x * y).sum::<f64>();
    let sim = |i: usize, k: usize| {
        dot(z[i], z[k]) / (dot(z[i], z[i]).sqrt() * dot(z[k], z[k]).sqrt()) / temperature
    };
    let total: f64 = (0..2 * n)
        .map(|i| {
            let positive = (i + n) % (2 * n);
            let others = (0..2 * n).filter(|&k| k != i);
            others.map(|k| sim(i, k).exp()).sum::<f64>().ln() - sim(i, positive)
        })
        .sum();
    total / (2 * n) as f64
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| v.into()).collect()
}

#[test]
fn the_gradient_agrees_with_differences_in_both_views() {
    let (n, dim) = (3, 4);
    let (a, b) = (addressed(1, n * dim), addressed(2, n * dim));
    for temperature in [0.1, 0.5, 2.0] {
        check_gradient(
            &a,
            n,
            |x| nt_xent(x, matrix(&b, n), temperature),
            |x| reference(x, &wide(&b), n, temperature),
        );
        check_gradient(
            &b,
            n,
            |x| nt_xent(matrix(&a, n), x, temperature),
            |x| reference(&wide(&a), x, n, temperature),
        );
    }
}

#[test]
fn the_scale_of_an_embedding_does_not_matter_however_extreme() {
    let (a, b) = (addressed(1, 12), addressed(2, 12));
    let expected = scalar(nt_xent(matrix(&a, 3), matrix(&b, 3), 0.5));
    // 1e30 squared overflows f32.
    for scale in [1e-5, 1e-3, 1e3, 1e30] {
        let scaled: Vec<f32> = a.iter().map(|v| v * scale).collect();
        let got = scalar(nt_xent(matrix(&scaled, 3), matrix(&b, 3), 0.5));
        check_close(&[got], &[expected], 1e-5);
        let g = gradient(&scaled, 3, |x| nt_xent(x, matrix(&b, 3), 0.5));
        assert!(g.iter().all(|v| v.is_finite()), "scale {scale}: {g:?}");
    }
}

#[test]
fn a_single_pair_has_no_negatives_and_costs_nothing() {
    let (a, b) = (addressed(1, 5), addressed(2, 5));
    assert_eq!(scalar(nt_xent(matrix(&a, 1), matrix(&b, 1), 0.5)), 0.0);
    let g = gradient(&a, 1, |x| nt_xent(x, matrix(&b, 1), 0.5));
    assert!(g.iter().all(|&v| v == 0.0), "{g:?}");
    let accuracy = contrast_accuracy(matrix(&a, 1), matrix(&b, 1));
    assert_eq!(scalar(accuracy), 1.0);
}

#[test]
fn zero_vectors_give_finite_losses_and_gradients() {
    let zeros = [0.0; 8];
    let mut one_zero = addressed(1, 8);
    one_zero[..4].fill(0.0);
    let b = addressed(2, 8);
    for (a, b) in [(&zeros[..], &zeros[..]), (&zeros, &b), (&one_zero, &b)] {
        let loss = scalar(nt_xent(matrix(a, 2), matrix(b, 2), 0.1));
        assert!(loss.is_finite(), "{loss}");
        let g = gradient(a, 2, |x| nt_xent(x, matrix(b, 2), 0.1));
        assert!(g.iter().all(|v| v.is_finite()), "{g:?}");
    }
    // All similarities are 0: one of the three others must be guessed.
    let loss = scalar(nt_xent(matrix(&zeros, 2), matrix(&zeros, 2), 0.1));
    check_close(&[loss], &[3f32.ln()], 1e-6);
}

#[test]
fn a_collapsed_encoder_pays_the_logarithm_and_scores_nothing() {
    let row = addressed(3, 6);
    let same: Vec<f32> = row.iter().cycle().take(4 * 6).copied().collect();
    let (a, b) = (matrix(&same, 4), matrix(&same, 4));
    check_close(
        &[scalar(nt_xent(a.clone(), b.clone(), 0.07))],
        &[7f32.ln()],
        1e-5,
    );
    assert_eq!(scalar(contrast_accuracy(a, b)), 0.0);
}

#[test]
fn identical_views_of_different_images_are_told_apart() {
    let a = matrix(&addressed(4, 40), 5);
    assert_eq!(scalar(contrast_accuracy(a.clone(), a.clone())), 1.0);
    let loss = scalar(nt_xent(a.clone(), a, 0.01));
    assert!((0.0..1e-3).contains(&loss), "{loss}");
}

#[test]
fn opposite_views_reach_the_upper_bound() {
    // Each image's views are opposite, and each has negatives that equal it.
    let (a, b) = (
        matrix(&[1.0, 0.0, 1.0, 0.0], 2),
        matrix(&[-1.0, 0.0, -1.0, 0.0], 2),
    );
    let t = 0.05;
    let loss = scalar(nt_xent(a.clone(), b.clone(), t));
    check_close(&[loss], &[2.0 / t as f32], 1e-5);
    assert!(loss <= 3f32.ln() + 2.0 / t as f32);
    assert_eq!(scalar(contrast_accuracy(a, b)), 0.0);
}

#[test]
fn contrast_accuracy_counts_both_directions() {
    let a = matrix(&[1.0, 0.0, 1.0, 0.1], 2);
    let b = matrix(&[1.0, 0.02, 0.0, 1.0], 2);
    // Only the second image's first view is nearer to another image than to its other view.
    assert_eq!(scalar(contrast_accuracy(a, b)), 0.75);
}

#[test]
fn metrics_carry_no_gradient() {
    let a = matrix(&addressed(1, 8), 2).require_grad();
    let accuracy = contrast_accuracy(a.clone(), a);
    assert!(!accuracy.is_tracked());
}

#[test]
fn normalised_rows_have_length_one() {
    let rows = [3.0, 4.0, 1e-5, 0.0, 3e30, 4e30, 0.0, 0.0];
    let got = floats(l2_normalise(matrix(&rows, 4)));
    check_close(&got, &[0.6, 0.8, 1.0, 0.0, 0.6, 0.8, 0.0, 0.0], 1e-6);
}

#[test]
#[should_panic(expected = "the views must have one shape, got [2, 4] and [4, 2]")]
fn views_of_different_shapes_are_refused() {
    nt_xent(matrix(&[0.0; 8], 2), matrix(&[0.0; 8], 4), 0.5);
}

#[test]
#[should_panic(expected = "the batch is empty")]
fn an_empty_batch_is_refused() {
    let empty = Tensor::<2>::empty([0, 4], &device());
    nt_xent(empty.clone(), empty, 0.5);
}

#[test]
#[should_panic(expected = "temperature must be a positive finite number, got 0")]
fn a_temperature_of_zero_is_refused() {
    nt_xent(matrix(&[1.0; 8], 2), matrix(&[1.0; 8], 2), 0.0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_formula_and_its_symmetries_hold(
        n in 1usize..9,
        dim in 1usize..9,
        seed in 0u64..1000,
        temperature in 0.05f64..3.0,
        turn in 0usize..8,
    ) {
        let (a, b) = (addressed(2 * seed, n * dim), addressed(2 * seed + 1, n * dim));
        let expected = reference(&wide(&a), &wide(&b), n, temperature) as f32;
        let loss = |a: &[f32], b: &[f32]| scalar(nt_xent(matrix(a, n), matrix(b, n), temperature));
        let close = |got: f32| (got - expected).abs() <= 1e-4 * expected.max(1.0);

        let got = loss(&a, &b);
        prop_assert!(close(got), "{got}, the formula gives {expected}");
        let swapped = loss(&b, &a);
        prop_assert!(close(swapped), "views swapped: {swapped} {expected}");

        let (mut p, mut q) = (a.clone(), b.clone());
        p.rotate_left(turn % n * dim);
        q.rotate_left(turn % n * dim);
        let turned = loss(&p, &q);
        prop_assert!(close(turned), "pairs reordered: {turned} {expected}");

        // Every embedding gets a scale of its own.
        for (i, row) in p.chunks_mut(dim).enumerate() {
            row.iter_mut().for_each(|v| *v *= 0.5 + i as f32);
        }
        let scaled = loss(&p, &q);
        prop_assert!(close(scaled), "rows scaled: {scaled} {expected}");

        let accuracy = scalar(contrast_accuracy(matrix(&a, n), matrix(&b, n)));
        prop_assert!((0.0..=1.0).contains(&accuracy));
    }
}
