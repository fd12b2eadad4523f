//! Figures of features without labels.

use proptest::prelude::*;
use tinderbox_transfer::health::{
    COLLAPSED_SPREAD, alignment, effective_rank, embedding_std, is_collapsed, uniformity,
};
use tinderbox_transfer::{FeatureMatrix, Health};

use crate::support::{
    addressed, case, check_close, digits, matrix, number, on_one_and_three_threads,
};

#[test]
fn figures_of_the_digits_are_those_of_numpy() {
    let digits = digits();
    for name in ["health_tall", "health_wide"] {
        let case = case(name);
        let rows = number(&case, "rows") as usize;
        let part = |start| {
            digits
                .features
                .select(&(start..start + rows).collect::<Vec<_>>())
        };
        let (x, other) = (part(0), part(rows));
        for (figure, got) in [
            ("embedding_std", embedding_std(&x)),
            ("effective_rank", effective_rank(&x)),
            ("uniformity", uniformity(&x)),
            ("alignment", alignment(&x, &other)),
        ] {
            let expected = number(&case, figure);
            assert!(
                (got - expected).abs() <= 1e-5 * expected.abs(),
                "{name} {figure}: got {got}, NumPy has {expected}"
            );
        }
        assert!(!is_collapsed(&x));
    }
}

#[test]
fn even_directions_have_known_figures() {
    // The 2 x 4 ends of four axes.
    let mut x = FeatureMatrix::empty(4);
    for axis in 0..4 {
        for sign in [1.0, -1.0] {
            let mut row = vec![0.0; 4];
            row[axis] = 3.0 * sign;
            x.append(FeatureMatrix::new(1, 4, row).unwrap()).unwrap();
        }
    }
    check_close(embedding_std(&x), 0.5, 1e-6);
    check_close(effective_rank(&x), 4.0, 1e-9);
    // Of 28 pairs 4 are opposite (distance 2), 24 at right angles (distance sqrt 2).
    let expected = ((4.0 * (-8f64).exp() + 24.0 * (-4f64).exp()) / 28.0).ln();
    check_close(uniformity(&x), expected, 1e-6);
    assert!(!is_collapsed(&x));
}

#[test]
fn collapse_is_named() {
    let spread = addressed("x", 100, 16);
    assert!(!is_collapsed(&spread));

    let to_a_point: Vec<f32> = spread.values.iter().map(|v| 1.0 + 0.01 * v).collect();
    let to_a_point = FeatureMatrix::new(100, 16, to_a_point).unwrap();
    assert!(is_collapsed(&to_a_point));

    let to_a_line: Vec<f32> = (0..100)
        .flat_map(|i| (0..16).map(move |j| ((i * 37 % 100) as f32 - 50.0) * (1.0 + j as f32)))
        .collect();
    let to_a_line = FeatureMatrix::new(100, 16, to_a_line).unwrap();
    check_close(effective_rank(&to_a_line), 1.0, 1e-3);
    assert!(is_collapsed(&to_a_line));

    // Three classes, each at its point: few directions, but healthy.
    let points = addressed("points", 3, 16);
    let classes = points.select(&(0..90).map(|i| i % 3).collect::<Vec<_>>());
    assert!(!is_collapsed(&classes));
}

#[test]
fn equal_rows_have_no_rank_and_no_spread() {
    let x = addressed("x", 1, 8).select(&[0; 10]);
    assert_eq!(effective_rank(&x), 0.0);
    assert!(embedding_std(&x) < 1e-9);
    assert!(uniformity(&x).abs() < 1e-5);
    assert_eq!(alignment(&x, &x), 0.0);
    let health = Health::of(&x, COLLAPSED_SPREAD);
    assert!(health.collapsed);
}

#[test]
fn degenerate_shapes_have_figures() {
    let one = matrix(&[[1.0, 2.0]]);
    assert_eq!(effective_rank(&one), 0.0);
    assert_eq!(uniformity(&one), 0.0);
    assert!(is_collapsed(&one));
    let column = matrix(&[[1.0], [-1.0], [2.0]]);
    check_close(effective_rank(&column), 1.0, 1e-12);
    assert!(!is_collapsed(&column));
    let zeros = matrix(&[[0.0; 3]; 4]);
    assert!(is_collapsed(&zeros));
    assert_eq!(alignment(&zeros, &zeros), 0.0);
    assert_eq!(
        alignment(&matrix(&[[1.0, 0.0]]), &matrix(&[[-2.0, 0.0]])),
        4.0
    );
}

#[test]
fn features_that_are_not_numbers_count_as_collapsed() {
    let x = matrix(&[[1.0, f32::NAN], [0.0, 1.0], [3.0, 2.0]]);
    let health = Health::of(&x, COLLAPSED_SPREAD);
    assert!(health.effective_rank.is_nan() && health.embedding_std.is_nan());
    assert!(health.collapsed);
}

#[test]
fn figures_do_not_depend_on_threads() {
    let x = addressed("x", 150, 20);
    let (one, three) = on_one_and_three_threads(|| Health::of(&x, COLLAPSED_SPREAD));
    assert_eq!(one, three);
}

#[test]
#[should_panic(expected = "alignment: views of 1 x 2 and 1 x 3")]
fn views_of_different_shapes_are_refused() {
    alignment(&matrix(&[[1.0, 2.0]]), &matrix(&[[1.0, 2.0, 3.0]]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn ranges_and_invariances_hold(
        seed in 0u32..10_000,
        rows in 2usize..40,
        dim in 2usize..12,
        scale in 1e-2f32..1e2,
    ) {
        let x = addressed(&format!("x {seed}"), rows, dim);
        let health = Health::of(&x, COLLAPSED_SPREAD);
        let bound = dim.min(rows - 1) as f64;
        prop_assert!(health.effective_rank >= 1.0 - 1e-9 && health.effective_rank <= bound + 1e-6);
        prop_assert!(health.embedding_std >= 0.0);
        prop_assert!(health.embedding_std <= 1.0 / (dim as f64).sqrt() + 1e-6);
        prop_assert!((-8.0..=0.0).contains(&health.uniformity));

        let mut other = x.clone();
        other.values.iter_mut().for_each(|v| *v *= scale);
        other = other.select(&(0..rows).rev().collect::<Vec<_>>());
        let same = Health::of(&other, COLLAPSED_SPREAD);
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-4 * b.abs().max(1.0);
        prop_assert!(close(same.effective_rank, health.effective_rank));
        prop_assert!(close(same.embedding_std, health.embedding_std));
        prop_assert!(close(same.uniformity, health.uniformity));
    }
}
