//! Intervals by Student's t.

use tinderbox_transfer::stats::{
    hits_interval, interval, mean, paired_hits_interval, paired_interval, share_interval,
    standard_deviation, student_t_quantile,
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

/// Hits of `draws` on `items`: some items are harder than others, and some draws better than others.
fn simulated(name: &str, draws: usize, items: usize) -> Vec<Vec<bool>> {
    let luck = uniform(&format!("{name} draws"), draws);
    let ease = uniform(&format!("{name} items"), items);
    let noise = uniform(&format!("{name} noise"), draws * items);
    let hit = |draw: usize, item: usize| {
        let level = 0.2 + 0.6 * ease[item] + 0.03 * luck[draw];
        level + 0.3 * noise[draw * items + item] > 0.0
    };
    let of_draw = |draw| (0..items).map(|item| hit(draw, item)).collect();
    (0..draws).map(of_draw).collect()
}

fn slices(hits: &[Vec<bool>]) -> Vec<&[bool]> {
    hits.iter().map(Vec::as_slice).collect()
}

#[test]
fn an_interval_of_hits_covers_what_other_draws_and_items_would_give() {
    let truth = {
        let many = simulated("truth", 400, 4000);
        hits_interval(&slices(&many)).mean
    };
    let (mut covered, mut by_draws) = (0, 0);
    for trial in 0..400 {
        let hits = simulated(&format!("trial {trial}"), 5, 200);
        let got = hits_interval(&slices(&hits));
        covered += usize::from(got.low < truth && truth < got.high);
        let shares: Vec<f64> = hits
            .iter()
            .map(|hits| hits.iter().filter(|hit| **hit).count() as f64 / 200.0)
            .collect();
        let draws = interval(&shares);
        check_close(draws.mean, got.mean, 1e-12);
        by_draws += usize::from(draws.low < truth && truth < draws.high);
    }
    assert!((372..=392).contains(&covered), "{covered} of 400");
    assert!(
        by_draws < 300,
        "{by_draws} of 400: draws alone are not enough"
    );
}

#[test]
fn equal_draws_have_the_interval_of_their_items() {
    // 240 of 265 items, by all of three draws, as with all labels.
    let hits: Vec<bool> = (0..265).map(|item| item >= 25).collect();
    let got = hits_interval(&[&hits, &hits, &hits]);
    let p = 242.0 / 269.0;
    let expected = student_t_quantile(0.975, 264) * f64::sqrt(p * (1.0 - p) / 269.0);
    check_close(got.mean, 240.0 / 265.0, 1e-12);
    check_close(got.high - got.mean, expected, 1e-9);
    let perfect = vec![true; 265];
    let got = hits_interval(&[&perfect, &perfect]);
    assert!(got.low > 0.98 && got.low < 0.992, "{got:?}");
}

#[test]
fn a_paired_interval_of_hits_lets_draws_and_items_cancel() {
    let ours = simulated("ours", 5, 300);
    let mut theirs = ours.clone();
    for hits in &mut theirs {
        // Six items of 300 in every draw.
        let right: Vec<usize> = (0..300).filter(|&item| hits[item]).take(6).collect();
        right.into_iter().for_each(|item| hits[item] = false);
    }
    let got = paired_hits_interval(&slices(&ours), &slices(&theirs));
    check_close(got.mean, 0.02, 1e-12);
    assert!(got.is_significant() && got.high < 0.045, "{got:?}");
    let alone = hits_interval(&slices(&ours));
    assert!(alone.high - alone.low > 2.0 * (got.high - got.low));
    let same = paired_hits_interval(&slices(&ours), &slices(&ours));
    assert!(same.low < 0.0 && same.high > 0.0, "{same:?}");
}

#[test]
fn the_interval_of_a_share_is_wilsons() {
    // Newcombe 1998, table 1: 81 of 263, 15 of 148, 0 of 20.
    for (hits, items, low, high) in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
    ] {
        let got = share_interval(hits, items);
        assert!(
            (got.low - low).abs() < 1e-4 && (got.high - high).abs() < 1e-4,
            "{got:?}"
        );
    }
    assert_eq!(share_interval(20, 20).high, 1.0);
}
