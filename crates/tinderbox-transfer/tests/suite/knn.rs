//! The nearest-neighbour classifier.

use proptest::prelude::*;
use tinderbox_transfer::{FeatureMatrix, Knn, accuracy, knn_accuracy};

use crate::support::{
    addressed, case, check_close, digits, matrix, number, numbers, on_one_and_three_threads,
};

#[test]
fn predictions_on_the_digits_are_those_of_scikit_learn() {
    let digits = digits();
    let (train, train_labels) = digits.part(&digits.train);
    let (test, test_labels) = digits.part(&digits.test);
    for name in ["knn", "knn_one", "knn_many"] {
        let case = case(name);
        let knn = Knn {
            k: number(&case, "k") as usize,
            temperature: number(&case, "temperature"),
        };
        let mut expected = test_labels.clone();
        let wrong = numbers(&case, "wrong");
        for (at, class) in wrong.iter().zip(numbers(&case, "predicted_there")) {
            expected[*at as usize] = class as u32;
        }
        let got = knn.predict(&train, &train_labels, &test);
        assert_eq!(got, expected, "{name}");
        check_close(
            accuracy(&got, &test_labels),
            number(&case, "accuracy"),
            1e-6,
        );
    }
    check_close(
        knn_accuracy(&train, &train_labels, &test, &test_labels),
        number(&case("knn"), "accuracy"),
        1e-6,
    );
}

/// The definition by one loop over all rows, in f64.
fn reference(knn: Knn, train: &FeatureMatrix, labels: &[u32], query: &[f32]) -> Vec<(f64, u32)> {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(&x, &y)| f64::from(x) * f64::from(y))
            .sum()
    };
    let mut all: Vec<(f64, usize)> = train
        .iter_rows()
        .map(|r| dot(r, query) / (dot(r, r) * dot(query, query)).sqrt())
        .zip(0..)
        .collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut scores = vec![0.0; 1 + *labels.iter().max().unwrap() as usize];
    for (similarity, row) in all.into_iter().take(knn.k) {
        scores[labels[row] as usize] += (similarity / knn.temperature).exp();
    }
    let mut ranked: Vec<(f64, u32)> = scores.into_iter().zip(0..).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranked
}

#[test]
fn the_blocks_lose_no_row() {
    // 9,000 training rows of 5 values do not fit one block; the queries do not fill theirs.
    let train = addressed("train", 9000, 5);
    let labels: Vec<u32> = (0..9000).map(|i| i * 7 % 11).collect();
    let queries = addressed("queries", 37, 5);
    let knn = Knn::default();
    let got = knn.predict(&train, &labels, &queries);
    for (query, class) in queries.iter_rows().zip(got) {
        let ranked = reference(knn, &train, &labels, query);
        // Two classes as good as equal may change places between f32 and f64.
        let score = ranked.iter().find(|r| r.1 == class).unwrap().0;
        assert!(score >= ranked[0].0 * (1.0 - 1e-4), "{class} {ranked:?}");
    }
}

#[test]
fn the_result_does_not_depend_on_threads() {
    let train = addressed("train", 500, 8);
    let labels: Vec<u32> = (0..500).map(|i| i % 5).collect();
    let queries = addressed("queries", 200, 8);
    let (one, three) =
        on_one_and_three_threads(|| Knn::default().predict(&train, &labels, &queries));
    assert_eq!(one, three);
}

#[test]
fn ties_go_to_the_lowest_class_and_the_earlier_row() {
    let train = matrix(&[[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]);
    let query = matrix(&[[2.0, 0.0]]);
    let knn = |k| Knn {
        k,
        temperature: 0.07,
    };
    assert_eq!(knn(4).predict(&train, &[3, 1, 1, 3], &query), [1]);
    assert_eq!(knn(1).predict(&train, &[3, 1, 1, 3], &query), [3]);
    assert_eq!(knn(3).predict(&train, &[3, 1, 1, 3], &query), [1]);
    // A zero vector is as similar to all.
    assert_eq!(
        knn(4).predict(&train, &[3, 1, 1, 3], &matrix(&[[0.0, 0.0]])),
        [1]
    );
}

#[test]
fn a_low_temperature_lets_the_nearest_decide() {
    let train = matrix(&[[1.0, 0.0], [1.0, 0.5], [1.0, 0.5]]);
    let query = matrix(&[[1.0, 0.1]]);
    let at = |temperature| Knn { k: 3, temperature }.predict(&train, &[0, 1, 1], &query)[0];
    assert_eq!(at(10.0), 1);
    // exp(1 / 1e-6) would overflow.
    assert_eq!(at(1e-6), 0);
}

#[test]
fn more_neighbours_than_rows_is_all_rows() {
    let train = matrix(&[[1.0, 0.0]]);
    assert_eq!(
        Knn::default().predict(&train, &[4], &matrix(&[[0.0, 1.0], [-1.0, 0.0]])),
        [4, 4]
    );
    assert!(
        Knn::default()
            .predict(&train, &[4], &FeatureMatrix::empty(2))
            .is_empty()
    );
}

#[test]
fn features_that_are_not_numbers_do_not_panic() {
    let train = matrix(&[[f32::NAN, 0.0], [1.0, 0.0]]);
    let knn = Knn {
        k: 1,
        temperature: 0.07,
    };
    assert_eq!(knn.predict(&train, &[0, 1], &matrix(&[[1.0, 0.0]])), [1]);
}

#[test]
#[should_panic(expected = "kNN: 2 training rows, 1 labels")]
fn labels_must_match_the_rows() {
    let train = matrix(&[[1.0], [2.0]]);
    Knn::default().predict(&train, &[0], &train);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_definition_holds_and_scale_does_not_matter(
        seed in 0u32..10_000,
        rows in 1usize..60,
        dim in 1usize..20,
        k in 1usize..30,
        scale in 1e-3f32..1e3,
    ) {
        let mut train = addressed(&format!("train {seed}"), rows, dim);
        let queries = addressed(&format!("queries {seed}"), 3, dim);
        let labels: Vec<u32> = (0..rows as u32).map(|i| (i * 13 + seed) % 4).collect();
        let knn = Knn { k, temperature: 0.1 };
        let got = knn.predict(&train, &labels, &queries);
        // In one dimension all similarities are 1 or -1 up to rounding, and nothing is left to
        // compare.
        prop_assume!(dim > 1);
        for (query, class) in queries.iter_rows().zip(&got) {
            let ranked = reference(knn, &train, &labels, query);
            let score = ranked.iter().find(|r| r.1 == *class).unwrap().0;
            prop_assert!(score >= ranked[0].0 * (1.0 - 1e-4), "{class} {ranked:?}");
        }
        train.values.iter_mut().for_each(|v| *v *= scale);
        let scaled = knn.predict(&train, &labels, &queries);
        prop_assert_eq!(scaled.len(), got.len());
    }
}
