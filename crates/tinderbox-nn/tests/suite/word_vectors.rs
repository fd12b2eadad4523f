//! Word vectors: files, nearest words, analogies.

use proptest::prelude::*;
use tinderbox_nn::{Analogy, LeftOutWords, WordVectors, WordVectorsError, WordVectorsFormat};

use crate::addressed::uniform;

const FORMATS: [WordVectorsFormat; 3] = [
    WordVectorsFormat::Word2VecText,
    WordVectorsFormat::Word2VecBinary,
    WordVectorsFormat::GloveText,
];

fn vectors(words: usize, dimension: usize) -> WordVectors {
    let names = (0..words).map(|i| format!("wörd{i}")).collect();
    WordVectors::new(names, dimension, uniform("vectors", words * dimension)).unwrap()
}

fn parse(text: &str, format: WordVectorsFormat) -> Result<WordVectors, WordVectorsError> {
    Ok(WordVectors::parse(text.as_bytes(), format)?.0)
}

#[test]
fn what_was_written_is_read_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    for (words, dimension) in [(1, 1), (7, 5), (40, 100)] {
        let vectors = vectors(words, dimension);
        for format in FORMATS {
            let path = folder.path().join("vectors");
            vectors.write(&path, format).unwrap();
            assert_eq!(
                WordVectors::read(&path, format).unwrap(),
                vectors,
                "{format:?}"
            );
        }
    }
}

#[test]
fn files_of_the_other_programs_are_read() {
    // word2vec.c ends each line with a space, and each vector of its binary file with a line break; gensim's binary has none.
    let text = parse(
        "2 2\nking 0.5 -1.25 \nqueen 1e-3 2 \n",
        WordVectorsFormat::Word2VecText,
    )
    .unwrap();
    assert_eq!(text.vector("queen"), Some(&[1e-3, 2.0][..]));
    let numbers = |values: [f32; 2]| values.map(f32::to_le_bytes).concat();
    for end in [&b"\n"[..], b""] {
        let mut binary = b"2 2\n".to_vec();
        for (word, values) in [("king", [0.5, -1.25]), ("queen", [1e-3, 2.0])] {
            binary.extend([word.as_bytes(), b" ", &numbers(values), end].concat());
        }
        assert_eq!(
            WordVectors::parse(&binary, WordVectorsFormat::Word2VecBinary)
                .unwrap()
                .0,
            text
        );
    }
    // Some of GloVe's words hold spaces.
    let glove = parse("king 0.5 -1.25\n. . . 1 2\n", WordVectorsFormat::GloveText).unwrap();
    assert_eq!(glove.vector(". . ."), Some(&[1.0, 2.0][..]));
    // Of a word that occurs twice the first vector stays.
    let twice = parse("3 1\na 1\nb 2\na 3\n", WordVectorsFormat::Word2VecText).unwrap();
    assert_eq!((twice.len(), twice.vector("a")), (2, Some(&[1.0][..])));
}

#[test]
fn words_that_are_no_text_or_come_again_are_counted() {
    use WordVectorsFormat::{GloveText, Word2VecBinary, Word2VecText};
    let numbers = |value: f32| value.to_le_bytes();
    let rows = [
        (&b"a"[..], 1.0),
        (b"\xe4\xb8", 2.0),
        (b"a", 3.0),
        (b"b", 4.0),
    ];
    let text = |(word, value): (&[u8], f32)| [word, format!(" {value}\r\n").as_bytes()].concat();
    let binary = |(word, value): (&[u8], f32)| [word, b" ", &numbers(value), b"\n"].concat();
    let bom = &b"\xef\xbb\xbf"[..];
    let lines = rows.map(text).concat();
    for (bytes, format) in [
        ([bom, b"4 1\r\n", &lines].concat(), Word2VecText),
        ([bom, b"\n", &lines, b"\n\n"].concat(), GloveText),
        (
            [b"4 1\n", &rows.map(binary).concat()[..]].concat(),
            Word2VecBinary,
        ),
    ] {
        let (vectors, left_out) = WordVectors::parse(&bytes, format).unwrap();
        assert_eq!(vectors.words(), ["a", "b"], "{format:?}");
        assert_eq!(vectors.matrix(), [1.0, 4.0]);
        let expected = LeftOutWords {
            not_utf8: 1,
            repeated: 1,
            ..LeftOutWords::default()
        };
        assert_eq!(left_out, expected);
    }
}

#[test]
fn a_malformed_line_costs_its_word() {
    use WordVectorsFormat::{GloveText, Word2VecText};
    let lines = "a\t1  2\n. . 3 4\nb 1\nc 1 x\nd nan 1\ne 5 6 \nf 7 8\n";
    let header = format!("7 2\n{lines}");
    for (text, format, line) in [(lines, GloveText, 3), (&header, Word2VecText, 4)] {
        let (vectors, left_out) = WordVectors::parse(text.as_bytes(), format).unwrap();
        assert_eq!(vectors.words(), ["a", ". .", "e", "f"]);
        assert_eq!(vectors.matrix(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        let expected = format!("line {line}: expected a word and 2 numbers, got \"b 1\"");
        assert_eq!(
            (left_out.malformed, left_out.first_malformed),
            (3, Some(expected))
        );
    }
    // The first word may be one with spaces.
    let first = parse(". . . 1 2\nking 3 4\n", GloveText).unwrap();
    assert_eq!(first.words(), [". . .", "king"]);
}

#[test]
fn malformed_files_say_where_and_what() {
    use WordVectorsFormat::{GloveText, Word2VecBinary, Word2VecText};
    for (text, format, expected) in [
        (
            "",
            Word2VecText,
            "line 1: expected the number of words and the size of a vector, got \"\"",
        ),
        (
            "2\n",
            Word2VecText,
            "line 1: expected the number of words and the size of a vector, got \"2\"",
        ),
        (
            "1 0\na\n",
            Word2VecText,
            "line 1: expected the number of words and the size of a vector, got \"1 0\"",
        ),
        (
            "1 2\na 1 x\n",
            Word2VecText,
            "line 2: expected a number, got \"x\"",
        ),
        (
            "1 2\na 1\n",
            Word2VecText,
            "line 2: expected a word and 2 numbers, got \"a 1\"",
        ),
        (
            "1 1\na inf\n",
            Word2VecText,
            "line 2: expected finite numbers, got inf",
        ),
        (
            "3 1\na 1\n",
            Word2VecText,
            "the file: expected 3 words, as the first line says, got 1",
        ),
        (
            "1 1\n\na 1 2\n\nb\n",
            Word2VecText,
            "line 5: expected a word and 1 numbers, got \"b\"",
        ),
        (
            "",
            GloveText,
            "the file: expected a word and numbers, got nothing",
        ),
        (
            "a\n",
            GloveText,
            "line 1: expected a word and numbers, got \"a\"",
        ),
        (
            "a 1 2\nb 1\n",
            GloveText,
            "line 2: expected a word and 2 numbers, got \"b 1\"",
        ),
        (
            "2 1\na 1234",
            Word2VecBinary,
            "word 2: expected a word, a space and 1 floats, got 0 bytes",
        ),
        (
            "1 1\na 12345",
            Word2VecBinary,
            "the file: expected 1 words, got 1 bytes more",
        ),
        // Sizes that no file has are no reason to take memory.
        (
            "18446744073709551615 4611686018427387904\na 1",
            Word2VecBinary,
            "word 1: expected a word, a space and 4611686018427387904 floats, got 3 bytes",
        ),
        (
            "18446744073709551615 18446744073709551615\na 1",
            Word2VecText,
            "line 2: expected a word and 18446744073709551615 numbers, got \"a 1\"",
        ),
    ] {
        let error = parse(text, format).unwrap_err();
        assert_eq!(error.to_string(), expected, "{text:?}");
    }
    let error = WordVectors::read("no such file", GloveText).unwrap_err();
    assert!(matches!(error, WordVectorsError::Read { .. }));
}

#[test]
fn what_cannot_be_is_refused() {
    let new = |words: &[&str], dimension, matrix: &[f32]| {
        WordVectors::new(
            words.iter().map(|w| w.to_string()).collect(),
            dimension,
            matrix.to_vec(),
        )
    };
    assert!(matches!(
        new(&["a", "a"], 1, &[1.0, 2.0]),
        Err(WordVectorsError::Twice { .. })
    ));
    assert!(matches!(
        new(&["a"], 1, &[f32::NAN]),
        Err(WordVectorsError::NotFinite { .. })
    ));
    assert!(matches!(
        new(&["a"], 2, &[1.0]),
        Err(WordVectorsError::Values { .. })
    ));
    assert!(matches!(
        new(&["a"], 0, &[]),
        Err(WordVectorsError::NoDimension)
    ));
    for word in ["", "new york", "a\u{2003}b"] {
        let vectors = new(&[word], 1, &[1.0]).unwrap();
        for format in FORMATS {
            assert!(matches!(
                vectors.to_bytes(format),
                Err(WordVectorsError::Unwritable { .. })
            ));
        }
    }
    let none = new(&[], 3, &[]).unwrap();
    assert!(
        none.is_empty()
            && none.nearest("a", 3).is_none()
            && none.nearest_to(&[1.0; 3], 3, &[]).is_empty()
    );
}

proptest! {
    #[test]
    fn altered_and_cut_files_are_read_or_refused(
        which in 0usize..3, place: prop::sample::Index, byte: u8, cut: prop::sample::Index, cuts: bool,
    ) {
        let mut bytes = vectors(6, 3).to_bytes(FORMATS[which]).unwrap();
        *place.get_mut(&mut bytes) = byte;
        if cuts {
            bytes.truncate(cut.index(bytes.len()));
        }
        // In any format, not only its own.
        for format in FORMATS {
            if let Ok((vectors, _)) = WordVectors::parse(&bytes, format) {
                prop_assert_eq!(vectors.matrix().len(), vectors.len() * vectors.dimension());
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        for format in FORMATS {
            drop(WordVectors::parse(&bytes, format));
        }
    }
}

/// Cosines in double precision.
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| {
        a.iter()
            .zip(b)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum::<f64>()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn nearest_words_are_those_of_the_largest_cosine() {
    let vectors = vectors(200, 21);
    for id in [0, 17, 199] {
        let mut expected: Vec<u32> = (0..200).filter(|other| *other != id).collect();
        expected.sort_by(|a, b| {
            cosine(vectors.row(*b), vectors.row(id))
                .total_cmp(&cosine(vectors.row(*a), vectors.row(id)))
        });
        let got = vectors.nearest(vectors.word(id), 10).unwrap();
        let ids: Vec<u32> = got.iter().map(|neighbour| neighbour.id).collect();
        assert_eq!(ids, expected[..10]);
        for neighbour in got {
            let expected = cosine(vectors.row(neighbour.id), vectors.row(id));
            // A sum of 21 products in single precision.
            assert!((f64::from(neighbour.similarity) - expected).abs() < 1e-6);
        }
    }
    assert_eq!(vectors.nearest("wörd3", 1000).unwrap().len(), 199);
    assert!(vectors.nearest("wörd3", 0).unwrap().is_empty());
    assert!(vectors.nearest("unknown", 3).is_none());
    assert!((vectors.similarity("wörd3", "wörd3").unwrap() - 1.0).abs() < 1e-6);
    assert_eq!(vectors.similarity("wörd3", "unknown"), None);
}

#[test]
fn analogies_follow_their_rules() {
    let vectors = vectors(60, 8);
    let words = ["wörd1", "wörd2", "wörd3"];
    let unit = |id: u32| -> Vec<f64> {
        let row = vectors.row(id);
        let length = row
            .iter()
            .map(|x| f64::from(*x).powi(2))
            .sum::<f64>()
            .sqrt();
        row.iter().map(|x| f64::from(*x) / length).collect()
    };
    let cosines = |id: u32| {
        [1, 2, 3].map(|other| {
            unit(id)
                .iter()
                .zip(unit(other))
                .map(|(a, b)| a * b)
                .sum::<f64>()
        })
    };
    let add = |id: u32| {
        let [a, b, c] = cosines(id);
        b - a + c
    };
    let multiply = |id: u32| {
        let [a, b, c] = cosines(id).map(|cosine| (cosine + 1.0) / 2.0);
        b * c / (a + 0.001)
    };
    for (rule, score) in [
        (Analogy::CosAdd, &add as &dyn Fn(u32) -> f64),
        (Analogy::CosMul, &multiply),
    ] {
        let mut expected: Vec<u32> = (0..60).filter(|id| ![1, 2, 3].contains(id)).collect();
        expected.sort_by(|x, y| score(*y).total_cmp(&score(*x)));
        let got = vectors.analogy(words, 5, rule).unwrap();
        assert_eq!(
            got.iter().map(|word| word.id).collect::<Vec<_>>(),
            expected[..5],
            "{rule:?}"
        );
    }
    assert!(
        vectors
            .analogy(["wörd1", "unknown", "wörd3"], 1, Analogy::CosAdd)
            .is_none()
    );
}

#[test]
fn a_vector_of_zeros_is_near_nothing() {
    let words = ["zero", "one"].map(String::from).to_vec();
    let vectors = WordVectors::new(words, 2, vec![0.0, 0.0, 1.0, 0.0]).unwrap();
    assert_eq!(vectors.similarity("zero", "one"), Some(0.0));
    assert_eq!(vectors.nearest("zero", 1).unwrap()[0].similarity, 0.0);
}
