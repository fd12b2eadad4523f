//! Intervals by Student's t.

use tinderbox_transfer::stats::{
    interval, mean, paired_interval, standard_deviation, student_t_quantile,
};

use crate::addressed::uniform;
use crate::support::{case, check_close, number, numbers};

#[test]
fn quantiles_are_those_of_scipy() {
    let case = case("intervals");
    for (p, key) in [(0.975, "quantiles_975"), (0.9, "quantiles_90")] {
        let freedom = numbers(&case, "degrees_of_freedom");
        for (nu, expected) in freedom.iter().zip(numbers(&case, key)) {
            let got = student_t_quantile(p, *nu as usize);
            assert!(
                (got - expected).abs() <= 1e-6 * expected,
                "{nu}: {got} {expected}"
            );
            check_close(student_t_quantile(1.0 - p, *nu as usize), -got, 1e-9);
        }
    }
}

#[test]
fn quantiles_are_those_of_the_tables() {
    // The 97.5 % column of any table of Student's distribution.
    for (nu, expected) in [
        (1, 12.706),
        (2, 4.303),
        (4, 2.776),
        (9, 2.262),
        (30, 2.042),
        (120, 1.980),
    ] {
        assert!(
            (student_t_quantile(0.975, nu) - expected).abs() < 5e-4,
            "{nu}"
        );
    }
    assert!(student_t_quantile(0.5, 7).abs() < 1e-12);
    check_close(student_t_quantile(0.975, 100_000), 1.959_988, 1e-6);
}

#[test]
fn a_paired_interval_is_scipys() {
    let case = case("intervals");
    let values = |name: &str, centre: f64| -> Vec<f64> {
        let u = uniform(name, 7);
        u.iter().map(|&v| centre + 0.05 * f64::from(v)).collect()
    };
    let (a, b) = (values("a", 0.9), values("b", 0.88));
    let got = paired_interval(&a, &b);
    check_close(got.mean, number(&case, "mean"), 1e-6);
    check_close(got.low, number(&case, "low"), 1e-6);
    check_close(got.high, number(&case, "high"), 1e-6);
    assert_eq!(got.n, 7);
    assert!(!got.is_significant());
    let turned = paired_interval(&b, &a);
    check_close(turned.low, -got.high, 1e-12);
}

#[test]
fn what_pairs_have_in_common_cancels() {
    let a = [0.1, 0.5, 0.9];
    let b = [0.0, 0.4, 0.8];
    let got = paired_interval(&a, &b);
    check_close(got.low, 0.1, 1e-9);
    check_close(got.high, 0.1, 1e-9);
    assert!(got.is_significant());
}

#[test]
fn a_single_pair_says_nothing_of_the_spread() {
    let got = paired_interval(&[0.9], &[0.8]);
    check_close(got.mean, 0.1, 1e-12);
    assert_eq!(
        (got.low, got.high, got.n),
        (f64::NEG_INFINITY, f64::INFINITY, 1)
    );
    assert!(!got.is_significant());
}

#[test]
fn means_and_deviations() {
    assert_eq!(mean(&[1.0, 2.0, 6.0]), 3.0);
    check_close(standard_deviation(&[1.0, 2.0, 6.0]), 7f64.sqrt(), 1e-12);
    assert_eq!(standard_deviation(&[4.0]), 0.0);
    let got = interval(&[1.0, 2.0, 6.0]);
    let margin = student_t_quantile(0.975, 2) * (7f64 / 3.0).sqrt();
    check_close(got.high - got.low, 2.0 * margin, 1e-12);
}

#[test]
#[should_panic(expected = "pairs of 2 and 1 values")]
fn unequal_lengths_are_refused() {
    paired_interval(&[1.0, 2.0], &[1.0]);
}
