//! What word vectors know.

use tinderbox_nn::{Analogy, WordVectors};
use tinderbox_transfer::{
    TransferError, parse_analogies, parse_judged_pairs, spearman, word_analogies, word_similarity,
};

use crate::addressed::below;
use crate::support::{check_close, number, word_case};

#[test]
fn spearmans_correlation_is_scipys() {
    for name in ["spearman", "spearman_ties"] {
        let case = word_case(name);
        let (n, values) = (
            number(&case, "n") as usize,
            number(&case, "values") as usize,
        );
        let a: Vec<f64> = below("a", n, values)
            .into_iter()
            .map(|x| x as f64)
            .collect();
        let b = below("b", n, values)
            .into_iter()
            .zip(&a)
            .map(|(b, a)| b as f64 + a);
        let b: Vec<f64> = b.collect();
        // The fixture has seven digits.
        check_close(spearman(&a, &b).unwrap(), number(&case, "spearman"), 1e-6);
        let turned: Vec<f64> = b.iter().map(|x| -x).collect();
        check_close(
            spearman(&a, &turned).unwrap(),
            -number(&case, "spearman"),
            1e-6,
        );
    }
}

fn vectors(words: &[(&str, [f32; 2])]) -> WordVectors {
    let (words, rows): (Vec<String>, Vec<[f32; 2]>) = words
        .iter()
        .map(|(word, row)| (word.to_string(), *row))
        .unzip();
    WordVectors::new(words, 2, rows.concat()).unwrap()
}

#[test]
fn similarity_is_of_the_known_pairs() {
    let text = "# The test\n# Word 1\tWord 2\tHuman (mean)\n\nTiger\tcat\t7.35\ntiger\tcar\t1.5\ncat\tcar\t2\ntiger\tunknown\t5\n";
    let pairs = parse_judged_pairs(text).unwrap();
    assert_eq!(pairs.len(), 4);
    assert_eq!(
        (pairs[0].words[0].as_str(), pairs[0].score),
        ("Tiger", 7.35)
    );
    let vectors = vectors(&[
        ("tiger", [1.0, 0.0]),
        ("cat", [0.9, 0.3]),
        ("car", [0.0, 1.0]),
    ]);
    let result = word_similarity(&vectors, &pairs);
    assert_eq!((result.pairs, result.unknown), (3, 1));
    assert_eq!(result.spearman, Some(1.0));
    let nothing = word_similarity(&vectors, &pairs[3..]);
    assert_eq!((nothing.spearman, nothing.pairs), (None, 0));
}

#[test]
fn analogies_are_counted_by_section() {
    let text = ": royal\nman king woman queen\nMan King Woman Emperor\n: more\nking man queen woman\nking man queen king\n";
    let questions = parse_analogies(text).unwrap();
    let vectors = vectors(&[
        ("man", [1.0, 0.1]),
        ("king", [1.0, 1.0]),
        ("woman", [-1.0, 0.1]),
        ("queen", [-1.0, 1.0]),
    ]);
    for rule in [Analogy::CosAdd, Analogy::CosMul] {
        let results = word_analogies(&vectors, &questions, rule);
        let counts: Vec<_> = results
            .iter()
            .map(|result| {
                (
                    result.section.as_str(),
                    result.correct,
                    result.questions,
                    result.unknown,
                )
            })
            .collect();
        // A word of the question is never the answer.
        assert_eq!(counts, [("royal", 1, 1, 1), ("more", 1, 2, 0)]);
    }
}

#[test]
fn lines_that_are_none_are_named() {
    for text in [
        "a\tb\n",
        "a\tb\tc\n",
        "a\tb\t1\t2\n",
        "\tb\t1\n",
        "a\tb\tinf\n",
        "a b 1\n",
    ] {
        let error = parse_judged_pairs(&format!("# x\n{text}")).unwrap_err();
        assert!(
            matches!(error, TransferError::Line { line: 2, .. }),
            "{error}"
        );
    }
    let error = parse_analogies(": a\nb c d\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 2: expected four words, or : and a section, got \"b c d\""
    );
    assert!(parse_analogies("").unwrap().is_empty() && parse_judged_pairs("").unwrap().is_empty());
}
