//! Words against an independent implementation (`tests/fixtures/words.py`).

use serde_json::Value;
use tinderbox_data::text::{
    CoOccurrenceConfig, CoOccurrenceCounter, KeepRule, NegativeSampler, SubSampling,
};

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/words.json")).unwrap()
}

fn list<T: serde::de::DeserializeOwned>(value: &Value) -> Vec<T> {
    serde_json::from_value(value.clone()).unwrap()
}

#[track_caller]
fn assert_close(got: impl IntoIterator<Item = f64>, expected: &Value) {
    let got: Vec<f64> = got.into_iter().collect();
    let expected = list::<f64>(expected);
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.into_iter().zip(expected) {
        // Probabilities are kept in single precision, half a unit of which is 6e-8.
        assert!((got - expected).abs() <= 1e-7, "{got}, expected {expected}");
    }
}

#[test]
fn keep_probabilities_agree() {
    let sampling = &fixture()["sampling"];
    let counts = list::<u64>(&sampling["counts"]);
    for case in sampling["keep"].as_array().unwrap() {
        let threshold = case["threshold"].as_f64().unwrap();
        for (rule, name) in [
            (KeepRule::Paper, "paper"),
            (KeepRule::Word2Vec, "word2_vec"),
        ] {
            let sampling = SubSampling::new(&counts, threshold, rule).unwrap();
            let keep = sampling.keep_probabilities().iter();
            assert_close(keep.map(|keep| f64::from(*keep)), &case[name]);
        }
    }
}

#[test]
fn negative_sampling_distributions_agree() {
    let sampling = &fixture()["sampling"];
    let counts = list::<u64>(&sampling["counts"]);
    for case in sampling["noise"].as_array().unwrap() {
        let power = case["power"].as_f64().unwrap();
        let sampler = NegativeSampler::new(&counts, power).unwrap();
        assert_close(sampler.probabilities(), &case["probabilities"]);
    }
}

#[test]
fn co_occurrences_agree_in_memory_and_spilled() {
    let fixture = &fixture()["co_occurrence"];
    let sentences = list::<Vec<u32>>(&fixture["sentences"]);
    for case in fixture["cases"].as_array().unwrap() {
        let expected = list::<(u32, u32, f64)>(&case["pairs"]);
        for max_pairs in [usize::MAX, 5] {
            let mut counter = CoOccurrenceCounter::new(CoOccurrenceConfig {
                window: case["window"].as_u64().unwrap() as usize,
                symmetric: case["symmetric"].as_bool().unwrap(),
                max_pairs,
                ..CoOccurrenceConfig::default()
            })
            .unwrap();
            for sentence in &sentences {
                counter.add(sentence).unwrap();
            }
            let pairs: Vec<_> = counter.finish().unwrap().map(Result::unwrap).collect();
            assert_eq!(pairs.len(), expected.len());
            for (pair, (centre, context, weight)) in pairs.iter().zip(&expected) {
                assert_eq!((pair.centre, pair.context), (*centre, *context));
                // The fixture has ten digits of sums below 100.
                assert!(
                    (pair.weight - weight).abs() < 1e-8,
                    "{pair:?}, expected {weight}"
                );
            }
        }
    }
}
