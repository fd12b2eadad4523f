//! Subwords and Huffman's tree against gensim (`fixtures/word_vectors.py`).

use serde_json::Value;
use tinderbox_data::text::{HuffmanTree, Subwords};

fn case(name: &str) -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/data/word_vectors.json"
    );
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(all[name].is_object(), "no case {name}");
    all[name].clone()
}

#[test]
fn n_grams_and_their_hashes_are_gensims() {
    let case = case("subwords");
    // So many buckets that a bucket is the hash, but for the largest one.
    let subwords = Subwords::new(3, 6, u32::MAX).unwrap();
    let mut compared = 0;
    for (i, word) in case["words"].as_array().unwrap().iter().enumerate() {
        let word = word.as_str().unwrap();
        let mut got: Vec<_> = subwords
            .n_grams(word)
            .into_iter()
            .zip(subwords.buckets_of(word))
            .collect();
        got.sort();
        let n_grams = case["n_grams"][i].as_array().unwrap().iter();
        let hashes = case["hashes"][i].as_array().unwrap().iter();
        let expected: Vec<_> = n_grams
            .zip(hashes)
            .map(|(gram, hash)| {
                (
                    gram.as_str().unwrap().to_owned(),
                    hash.as_u64().unwrap() as u32,
                )
            })
            .collect();
        assert_eq!(got, expected, "{word}");
        compared += got.len();
    }
    assert!(compared > 90, "{compared}");
}

#[test]
fn the_tree_costs_what_gensims_does() {
    let case = case("huffman");
    let counts: Vec<u64> = serde_json::from_value(case["counts"].clone()).unwrap();
    let tree = HuffmanTree::new(&counts).unwrap();
    let cost = (0..)
        .zip(&counts)
        .map(|(word, count)| tree.path(word).1.len() as u64 * count);
    assert_eq!(cost.sum::<u64>(), case["cost"].as_u64().unwrap());
}
