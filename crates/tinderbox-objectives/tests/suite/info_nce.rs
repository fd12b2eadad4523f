//! `info_nce` and `retrieval_accuracy`.

use tinderbox_objectives::{info_nce, retrieval_accuracy};

use crate::support::{addressed, check_close, check_gradient, gradient, matrix, scalar};

/// Equation 1 of SimCSE in f64, by its two loops.
fn reference(a: &[f64], c: &[f64], n: usize, temperature: f64) -> f64 {
    let dim = a.len() / n;
    let dot = |u: &[f64], v: &[f64]| u.iter().zip(v).map(|(x, y)| x * y).sum::<f64>();
    let sim = |u: &[f64], v: &[f64]| dot(u, v) / (dot(u, u) * dot(v, v)).sqrt() / temperature;
    let total: f64 = a
        .chunks(dim)
        .enumerate()
        .map(|(i, anchor)| {
            let all = c.chunks(dim).map(|candidate| sim(anchor, candidate).exp());
            all.sum::<f64>().ln() - sim(anchor, &c[i * dim..][..dim])
        })
        .sum();
    total / n as f64
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| v.into()).collect()
}

#[test]
fn the_gradient_agrees_with_differences_on_both_sides() {
    let (n, dim) = (3, 4);
    let (a, c) = (addressed(1, n * dim), addressed(2, 5 * dim));
    for temperature in [0.05, 0.5] {
        check_gradient(
            &a,
            n,
            |x| info_nce(x, matrix(&c, 5), temperature),
            |x| reference(x, &wide(&c), n, temperature),
        );
        check_gradient(
            &c,
            5,
            |x| info_nce(matrix(&a, n), x, temperature),
            |x| reference(&wide(&a), x, n, temperature),
        );
    }
}

#[test]
fn a_single_pair_has_no_negatives_and_costs_nothing() {
    let (a, c) = (addressed(1, 5), addressed(2, 5));
    assert_eq!(scalar(info_nce(matrix(&a, 1), matrix(&c, 1), 0.05)), 0.0);
    let g = gradient(&a, 1, |x| info_nce(x, matrix(&c, 1), 0.05));
    assert!(g.iter().all(|&v| v == 0.0), "{g:?}");
    assert_eq!(
        scalar(retrieval_accuracy(matrix(&a, 1), matrix(&c, 1))),
        1.0
    );
}

#[test]
fn a_collapsed_encoder_pays_the_logarithm_and_scores_nothing() {
    let row = addressed(3, 6);
    let same = |rows: usize| {
        let values: Vec<f32> = row.iter().cycle().take(rows * 6).copied().collect();
        matrix(&values, rows)
    };
    check_close(
        &[scalar(info_nce(same(4), same(7), 0.05))],
        &[7_f32.ln()],
        1e-4,
    );
    assert_eq!(scalar(retrieval_accuracy(same(4), same(7))), 0.0);
}

#[test]
fn zero_vectors_give_finite_losses_and_gradients() {
    let (zeros, b) = ([0.0; 8], addressed(2, 8));
    for (a, c) in [(&zeros[..], &zeros[..]), (&zeros, &b), (&b, &zeros)] {
        let loss = scalar(info_nce(matrix(a, 2), matrix(c, 2), 0.05));
        check_close(&[loss], &[2_f32.ln()], 1e-5);
        let g = gradient(a, 2, |x| info_nce(x, matrix(c, 2), 0.05));
        assert!(g.iter().all(|v| v.is_finite()), "{g:?}");
    }
}

#[test]
fn the_scale_of_an_embedding_does_not_matter() {
    let (a, c) = (addressed(1, 12), addressed(2, 12));
    let expected = scalar(info_nce(matrix(&a, 3), matrix(&c, 3), 0.05));
    for scale in [1e-4, 1e3, 1e30] {
        let scaled: Vec<f32> = a.iter().map(|v| v * scale).collect();
        let got = scalar(info_nce(matrix(&scaled, 3), matrix(&c, 3), 0.05));
        check_close(&[got], &[expected], 1e-4);
    }
}

/// A further candidate that equals an anchor costs it the logarithm of two at least.
#[test]
fn hard_negatives_count() {
    let a = addressed(4, 24);
    let alone = scalar(info_nce(matrix(&a, 3), matrix(&a, 3), 0.01));
    assert!(alone < 1e-3, "{alone}");
    let twice = [&a[..], &a[..]].concat();
    let loss = scalar(info_nce(matrix(&a, 3), matrix(&twice, 6), 0.01));
    assert!((loss - 2_f32.ln()).abs() < 1e-3, "{loss}");
}

#[test]
#[should_panic(
    expected = "anchors [3, 4] need as many candidates or more of their size, got [2, 4]"
)]
fn fewer_candidates_than_anchors_are_refused() {
    info_nce(matrix(&[0.0; 12], 3), matrix(&[0.0; 8], 2), 0.05);
}

#[test]
#[should_panic(expected = "temperature must be a positive finite number, got 0")]
fn a_temperature_of_zero_is_refused() {
    info_nce(matrix(&[1.0; 4], 2), matrix(&[1.0; 4], 2), 0.0);
}
