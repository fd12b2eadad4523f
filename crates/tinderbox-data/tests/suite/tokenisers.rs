//! Training, loading and applying tokenisers; token corpora and what is made of them.

use std::sync::Arc;

use burn::data::dataset::Dataset;
use proptest::prelude::*;
use tinderbox_data::text::{
    InMemoryDocuments, Packed, PublishedTokeniser, Role, TextPreprocess, TokenCorpus, Tokeniser,
    TokeniserKind, TokeniserTraining,
};
use tinderbox_data::{DataError, SampleRng};

use crate::allocation::peak;

const KINDS: [TokeniserKind; 3] = [
    TokeniserKind::WordPiece {
        lowercase: true,
        strip_accents: None,
    },
    TokeniserKind::Bpe,
    TokeniserKind::Unigram,
];

/// Texts of made-up words, some far more frequent than others.
fn texts() -> Vec<String> {
    let mut rng = SampleRng::new(3, 0, 0, 0);
    let syllables = ["ta", "ke", "mi", "so", "lu", "ran", "ös", "q", "th", "e"];
    let words: Vec<String> = (0..400)
        .map(|_| {
            (0..1 + rng.below(4))
                .map(|_| syllables[rng.below(10) as usize])
                .collect()
        })
        .collect();
    (0..200)
        .map(|_| {
            let word = |_| words[(rng.uniform() * rng.uniform() * 400.0) as usize].as_str();
            (0..20).map(word).collect::<Vec<_>>().join(" ")
        })
        .collect()
}

fn train(kind: TokeniserKind, texts: &[String]) -> Tokeniser {
    let training = TokeniserTraining {
        kind,
        vocabulary: 350,
        min_frequency: 2,
    };
    training.train(texts.iter().cloned().map(Ok)).unwrap()
}

#[test]
fn training_gives_the_same_bytes_for_any_order_and_threads() {
    let texts = texts();
    for kind in KINDS {
        let first = train(kind, &texts).json().unwrap();
        let mut mixed = texts.clone();
        for threads in [1, 2, 3, 7] {
            SampleRng::new(threads, 0, 0, 0).shuffle(&mut mixed);
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads as usize)
                .build();
            let again = pool
                .unwrap()
                .install(|| train(kind, &mixed).json().unwrap());
            assert!(first == again, "{kind:?} with {threads} threads");
        }
    }
}

#[test]
fn what_is_encoded_is_decoded_and_saved_tokenisers_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let texts = texts();
    for kind in KINDS {
        let tokeniser = train(kind, &texts);
        let path = folder.path().join("tokenizer.json");
        tokeniser.save(&path).unwrap();
        let again = Tokeniser::load(&path).unwrap();
        assert_eq!(again.hash().unwrap(), tokeniser.hash().unwrap());
        let batch = again.encode_batch(&texts, true).unwrap();
        for (text, encoded) in texts.iter().zip(&batch) {
            assert_eq!(encoded, &tokeniser.encode(text, true).unwrap());
            assert_eq!(encoded.ids.first().copied(), tokeniser.special(Role::Cls));
            assert_eq!(encoded.ids.last().copied(), tokeniser.special(Role::Sep));
            let begins = encoded
                .continues_word()
                .iter()
                .filter(|continues| !**continues)
                .count();
            assert_eq!(begins, 20 + 2, "{kind:?}");
            if kind != KINDS[0] {
                assert_eq!(&tokeniser.decode(&encoded.ids).unwrap(), text);
            }
        }
        assert!(tokeniser.vocabulary_size() <= 350);
        assert_eq!(tokeniser.special(Role::Mask), Some(4));
    }
}

#[test]
fn settings_and_files_that_make_no_tokeniser_are_refused() {
    let training = TokeniserTraining {
        kind: KINDS[0],
        vocabulary: 350,
        min_frequency: 2,
    };
    assert!(matches!(training.train([]), Err(DataError::Config { .. })));
    let small = TokeniserTraining {
        vocabulary: 5,
        ..training
    };
    assert!(matches!(
        small.train([Ok("a".into())]),
        Err(DataError::Config { .. })
    ));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vocab.txt");
    std::fs::write(&path, "[UNK]\n[CLS]\n[SEP]\na\na\n").unwrap();
    let error = Tokeniser::load_bert_vocabulary(&path, true).unwrap_err();
    assert!(error.to_string().contains("vocab.txt:5"), "{error}");
    std::fs::write(&path, "[UNK]\n[CLS]\na\n").unwrap();
    let error = Tokeniser::load_bert_vocabulary(&path, true).unwrap_err();
    assert!(error.to_string().contains("no [SEP]"), "{error}");
    assert!(matches!(
        Tokeniser::load(&path),
        Err(DataError::Tokeniser { .. })
    ));
}

#[test]
fn a_token_corpus_is_the_documents_and_is_rebuilt_when_stale_or_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens");
    let mut texts = texts();
    texts.insert(3, String::new());
    let documents = InMemoryDocuments::new(texts.clone());
    let tokeniser = train(KINDS[0], &texts);
    let check = |tokeniser: &Tokeniser, key: &str| {
        let corpus = TokenCorpus::open_or_build(&path, &documents, key, tokeniser).unwrap();
        for (index, text) in texts.iter().enumerate() {
            assert_eq!(
                corpus.get(index).unwrap(),
                tokeniser.encode(text, false).unwrap().ids
            );
        }
        std::fs::read(&path).unwrap()
    };
    let bytes = check(&tokeniser, "one");
    let written = std::fs::metadata(&path).unwrap().modified().unwrap();
    assert_eq!(check(&tokeniser, "one"), bytes);
    assert_eq!(
        std::fs::metadata(&path).unwrap().modified().unwrap(),
        written
    );
    assert_ne!(check(&tokeniser, "two"), bytes);
    assert_ne!(check(&train(KINDS[1], &texts), "two"), bytes);
    std::fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
    assert_eq!(check(&tokeniser, "one"), bytes);
}

#[test]
fn packed_sequences_hold_every_token_once_and_part_documents() {
    let folder = tempfile::tempdir().unwrap();
    let mut texts = texts();
    texts.insert(0, String::new());
    texts.insert(7, String::new());
    let documents = InMemoryDocuments::new(texts.clone());
    let tokeniser = train(KINDS[0], &texts);
    let path = folder.path().join("tokens");
    let corpus = Arc::new(TokenCorpus::open_or_build(path, &documents, "", &tokeniser).unwrap());
    // Which document each token is of, and where in it.
    let origin: Vec<(usize, usize)> = (0..corpus.len())
        .flat_map(|index| (0..corpus.get(index).unwrap().len()).map(move |at| (index, at)))
        .collect();
    for length in [1, 7, 64, corpus.tokens()] {
        let packed = Packed::new(corpus.clone(), length).unwrap();
        assert_eq!(packed.len(), corpus.tokens() / length);
        for index in 0..packed.len() {
            let sequence = packed.get(index).unwrap();
            let start = index * length;
            assert_eq!(sequence.ids, corpus.ids(start..start + length).unwrap());
            for at in 0..length {
                let fresh = at == 0 || origin[start + at].0 != origin[start + at - 1].0;
                let (document, position) = (sequence.documents[at], sequence.positions[at]);
                if fresh {
                    assert_eq!(position, 0);
                    assert_eq!(
                        document,
                        if at == 0 {
                            0
                        } else {
                            sequence.documents[at - 1] + 1
                        }
                    );
                } else {
                    assert_eq!(position, sequence.positions[at - 1] + 1);
                    assert_eq!(document, sequence.documents[at - 1]);
                }
            }
        }
    }
    assert!(Packed::new(corpus.clone(), 0).is_err());
    assert!(Packed::new(corpus.clone(), corpus.tokens() + 1).is_err());
}

#[test]
fn a_bert_vocabulary_encodes_as_in_transformers() {
    let fixture: serde_json::Value =
        serde_json::from_str(include_str!("../fixtures/bert_tokeniser.json")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vocab.txt");
    let tokens: Vec<&str> = fixture["vocabulary"]
        .as_array()
        .unwrap()
        .iter()
        .map(|token| token.as_str().unwrap())
        .collect();
    std::fs::write(&path, tokens.join("\n") + "\n").unwrap();
    let cases = fixture["cases"].as_array().unwrap();
    assert!(cases.len() > 10);
    for case in cases {
        let lowercase = case["lowercase"].as_bool().unwrap();
        let tokeniser = Tokeniser::load_bert_vocabulary(&path, lowercase).unwrap();
        let encoded = tokeniser
            .encode(case["text"].as_str().unwrap(), true)
            .unwrap();
        assert_eq!(serde_json::json!(encoded.ids), case["ids"], "{case}");
        assert_eq!(serde_json::json!(encoded.words), case["words"], "{case}");
        let decoded = tokeniser.decode(&encoded.ids).unwrap();
        assert_eq!(decoded, case["decoded"].as_str().unwrap());
    }
}

#[test]
fn the_files_for_transformers_hold_the_same_tokeniser() {
    for kind in KINDS {
        let tokeniser = train(kind, &texts());
        let folder = tempfile::tempdir().unwrap();
        tokeniser.save_pretrained(folder.path(), 128).unwrap();
        let read = Tokeniser::load(folder.path().join("tokenizer.json")).unwrap();
        for text in texts() {
            let expected = tokeniser.encode(&text, true).unwrap();
            assert_eq!(read.encode(&text, true).unwrap(), expected);
        }
        let config = std::fs::read(folder.path().join("tokenizer_config.json")).unwrap();
        let config: serde_json::Value = serde_json::from_slice(&config).unwrap();
        assert_eq!(config["model_max_length"], 128);
        assert_eq!(config["mask_token"], "[MASK]");
        let vocabulary = folder.path().join("vocab.txt");
        let TokeniserKind::WordPiece { lowercase, .. } = kind else {
            assert_eq!(config["tokenizer_class"], "PreTrainedTokenizerFast");
            assert!(!vocabulary.exists());
            continue;
        };
        assert_eq!(config["tokenizer_class"], "BertTokenizer");
        assert_eq!(config["do_lower_case"], lowercase);
        let read = Tokeniser::load_bert_vocabulary(&vocabulary, lowercase).unwrap();
        for text in texts() {
            let expected = tokeniser.encode(&text, true).unwrap();
            assert_eq!(read.encode(&text, true).unwrap(), expected);
        }
    }
}

/// A tokeniser of another library, without a post-processor.
const FOREIGN: &[u8] = include_bytes!("../fixtures/no_post_processor.json");

#[test]
fn what_is_exported_makes_the_same_sequences_elsewhere() {
    let accents = TokeniserKind::WordPiece {
        lowercase: true,
        strip_accents: Some(false),
    };
    let mut all: Vec<Tokeniser> = [KINDS[0], KINDS[1], KINDS[2], accents]
        .map(|kind| train(kind, &texts()))
        .into();
    all.push(Tokeniser::from_json(FOREIGN).unwrap());
    let mut cases = texts();
    cases.truncate(20);
    cases.extend(["", "Tak\u{e9} \u{d6}S", "The red house", "ta", "[SEP] ta"].map(String::from));
    for tokeniser in all {
        for length in [8, 9, 64] {
            let folder = tempfile::tempdir().unwrap();
            tokeniser.save_pretrained(folder.path(), length).unwrap();
            let path = folder.path().join("tokenizer.json");
            let elsewhere = tokenizers::Tokenizer::from_file(path).unwrap();
            let here = TextPreprocess::new(tokeniser.clone(), length).unwrap();
            for (number, text) in cases.iter().enumerate() {
                let single = elsewhere.encode(text.as_str(), true).unwrap();
                let item = here.item(text, None).unwrap();
                assert_eq!(single.get_ids(), item.tokens, "{text:?} in {length}");
                let second = &cases[(7 * number + 3) % cases.len()];
                let pair = elsewhere.encode((text.as_str(), second.as_str()), true);
                let (pair, item) = (pair.unwrap(), here.item(text, Some(second)).unwrap());
                assert_eq!(
                    pair.get_ids(),
                    item.tokens,
                    "{text:?} {second:?} in {length}"
                );
                assert_eq!(pair.get_type_ids(), item.segments);
            }
            let batch = elsewhere.encode_batch(vec!["ta", "ta ke"], true).unwrap();
            assert_eq!(batch[0].get_ids().len(), batch[1].get_ids().len());
            let pad = here.special().pad;
            let filled = batch[0].get_attention_mask().iter().zip(batch[0].get_ids());
            assert!(
                filled
                    .filter(|(read, _)| **read == 0)
                    .all(|(_, id)| *id == pad)
            );
        }
    }
}

/// `BertTokenizer` makes its pipeline of `vocab.txt` anew, by its own limits: other WordPiece goes by `tokenizer.json` alone.
#[test]
fn only_what_is_berts_pipeline_is_exported_as_such() {
    let kind = TokeniserKind::WordPiece {
        lowercase: true,
        strip_accents: None,
    };
    let parts = train(kind, &texts()).json().unwrap();
    let parts: serde_json::Value = serde_json::from_str(&parts).unwrap();
    let class = |change: fn(&mut serde_json::Value)| {
        let mut parts = parts.clone();
        change(&mut parts);
        let tokeniser = Tokeniser::from_json(parts.to_string().as_bytes()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        tokeniser.save_pretrained(folder.path(), 64).unwrap();
        let config = std::fs::read(folder.path().join("tokenizer_config.json")).unwrap();
        let config: serde_json::Value = serde_json::from_slice(&config).unwrap();
        let is_bert = config["tokenizer_class"] == "BertTokenizer";
        assert_eq!(folder.path().join("vocab.txt").is_file(), is_bert);
        is_bert
    };
    assert!(class(|_| {}));
    assert!(class(
        |parts| parts["normalizer"]["strip_accents"] = false.into()
    ));
    assert!(!class(
        |parts| parts["model"]["max_input_chars_per_word"] = 9.into()
    ));
    assert!(!class(
        |parts| parts["normalizer"]["clean_text"] = false.into()
    ));
}

#[test]
fn letters_with_marks_are_the_same_in_either_form() {
    let mut texts = texts();
    texts.extend(vec!["the caf\u{e9} cafe\u{301}".to_owned(); 9]);
    let cased = |lowercase| TokeniserKind::WordPiece {
        lowercase,
        strip_accents: Some(false),
    };
    for kind in [cased(true), cased(false), KINDS[1], KINDS[2]] {
        let tokeniser = train(kind, &texts);
        let ids = |text: &str| tokeniser.encode(text, false).unwrap().ids;
        assert_eq!(ids("caf\u{e9}"), ids("cafe\u{301}"), "{kind:?}");
        assert!(!ids("caf\u{e9}").contains(&1), "{kind:?}");
        assert_ne!(ids("caf\u{e9}"), ids("cafe"), "{kind:?}");
    }
}

#[test]
fn a_configuration_beside_a_tokeniser_has_the_last_word() {
    let folder = tempfile::tempdir().unwrap();
    let vocabulary = folder.path().join("vocab.txt");
    let special = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
    std::fs::write(&vocabulary, format!("{special}\u{e9}a\nea\n\u{c9}a\n")).unwrap();
    let token = |strip_accents| {
        let read = Tokeniser::load_pretrained(&vocabulary, true, strip_accents).unwrap();
        read.encode("\u{c9}a", false).unwrap().ids[0]
    };
    assert_eq!([token(None), token(Some(false))], [6, 5]);
    let says = |config: &str| std::fs::write(folder.path().join("tokenizer_config.json"), config);
    says("{\"do_lower_case\": false}").unwrap();
    assert_eq!(token(None), 7);
    says("{\"do_lower_case\": true, \"strip_accents\": false}").unwrap();
    assert_eq!(token(None), 5);
    // A folder is its files.
    let whole = Tokeniser::load_pretrained(folder.path(), false, None).unwrap();
    assert_eq!(whole.encode("\u{c9}a", false).unwrap().ids, [5]);
    let again = tempfile::tempdir().unwrap();
    whole.save_pretrained(again.path(), 16).unwrap();
    let read = Tokeniser::load_pretrained(again.path(), true, None).unwrap();
    assert_eq!(read.encode("\u{c9}a", false).unwrap().ids, [5]);
    assert_eq!((whole.longest(), read.longest()), (None, Some(16)));
    says("{\"model_max_length\": 1000000000000000019884624838656}").unwrap();
    let without = Tokeniser::load_pretrained(&vocabulary, true, None).unwrap();
    assert_eq!(without.longest(), None);
    says("{").unwrap();
    let error = Tokeniser::load_pretrained(folder.path(), true, None).unwrap_err();
    assert!(
        error.to_string().contains("tokenizer_config.json"),
        "{error}"
    );
}

#[test]
fn lines_of_a_vocabulary_lose_nothing_but_their_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vocab.txt");
    let special = "\u{feff}[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n[MASK]\r\n";
    let write = |rest: &str| std::fs::write(&path, format!("{special}{rest}")).unwrap();
    write("the\r\n\u{3000}\r\n\u{2009}\r\n\u{a0}\n\u{ad}\nthe \n");
    let read = Tokeniser::load_bert_vocabulary(&path, true).unwrap();
    let ids = [
        "[PAD]", "the", "\u{3000}", "\u{2009}", "\u{a0}", "\u{ad}", "the ",
    ];
    assert_eq!(
        ids.map(|token| read.id(token)),
        [0, 5, 6, 7, 8, 9, 10].map(Some)
    );
    read.save_pretrained(folder.path(), 8).unwrap();
    let again = Tokeniser::load_bert_vocabulary(&path, true).unwrap();
    assert_eq!(
        ids.map(|token| again.id(token)),
        [0, 5, 6, 7, 8, 9, 10].map(Some)
    );
    for (rest, expected) in [
        (
            "a\n\u{3000}\nb\n\u{3000}\n",
            "vocab.txt:9: token: expected UTF-8, each once, got U+3000 again, as in line 7",
        ),
        ("a\n\u{ad}\n\u{ad}\n", "got U+00AD again, as in line 7"),
        ("a\na\n", "got `a` again, as in line 6"),
        ("a\n\n\n", "got an empty line again, as in line 7"),
    ] {
        write(rest);
        let error = Tokeniser::load_bert_vocabulary(&path, true)
            .unwrap_err()
            .to_string();
        assert!(error.ends_with(expected), "{error}");
    }
}

#[test]
fn a_configuration_has_the_last_word_on_case_as_in_transformers() {
    let folder = tempfile::tempdir().unwrap();
    let kind = TokeniserKind::WordPiece {
        lowercase: false,
        strip_accents: Some(true),
    };
    let cased = train(kind, &texts());
    cased.save_pretrained(folder.path(), 64).unwrap();
    let path = folder.path().join("tokenizer_config.json");
    let lowers = |config: &str| {
        std::fs::write(&path, config).unwrap();
        let read = PublishedTokeniser::read(folder.path()).unwrap().tokeniser;
        let read: serde_json::Value = serde_json::from_str(&read.json().unwrap()).unwrap();
        read["normalizer"]["lowercase"].as_bool().unwrap()
    };
    // transformers 5.24 gives the same four, and lower-cases where BERT's tokeniser is not told.
    assert!(lowers(
        r#"{"do_lower_case": true, "tokenizer_class": "BertTokenizer"}"#
    ));
    assert!(lowers(r#"{"tokenizer_class": "BertTokenizerFast"}"#));
    assert!(lowers("{}"));
    assert!(!lowers(
        r#"{"do_lower_case": true, "tokenizer_class": "PreTrainedTokenizerFast"}"#
    ));
    std::fs::remove_file(&path).unwrap();
    let read = PublishedTokeniser::read(folder.path()).unwrap();
    let written = Tokeniser::load(folder.path().join("tokenizer.json")).unwrap();
    assert_eq!(read.tokeniser.json().unwrap(), written.json().unwrap());
    std::fs::write(&path, "{").unwrap();
    let error = PublishedTokeniser::read(folder.path())
        .unwrap_err()
        .to_string();
    assert!(error.contains("tokenizer_config.json"), "{error}");
}

#[test]
fn a_vocabulary_with_a_gap_has_no_vocab_txt() {
    let mut json: serde_json::Value = serde_json::from_str(&numbered(9).json().unwrap()).unwrap();
    json["model"]["vocab"]["w8"] = 12.into();
    let tokeniser = Tokeniser::from_json(json.to_string().as_bytes()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let error = tokeniser.save_pretrained(folder.path(), 8).unwrap_err();
    assert!(error.to_string().contains("no token 8"), "{error}");
}

/// A BERT vocabulary of the special tokens and of words `w5`, `w6`, ..., `size` tokens in all.
fn numbered(size: usize) -> Tokeniser {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vocab.txt");
    let words: String = (5..size).map(|id| format!("w{id}\n")).collect();
    std::fs::write(
        &path,
        format!("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n{words}"),
    )
    .unwrap();
    Tokeniser::load_bert_vocabulary(&path, true).unwrap()
}

#[test]
fn ids_beyond_16_bits_take_32() {
    let folder = tempfile::tempdir().unwrap();
    for (size, width) in [(1 << 16, 2), ((1 << 16) + 1, 4), (70_000, 4)] {
        let tokeniser = numbered(size);
        assert_eq!(tokeniser.vocabulary_size(), size);
        let last = size - 1;
        let documents = [
            (format!("w5 w{last} w65535"), vec![5, last, 65_535]),
            (String::new(), vec![]),
            (
                format!("w{last} w300 w{}", last - 1),
                vec![last, 300, last - 1],
            ),
        ];
        let texts = InMemoryDocuments::new(documents.iter().map(|(text, _)| text.clone()));
        let path = folder.path().join(size.to_string());
        let open = || TokenCorpus::open_or_build(&path, &texts, "", &tokeniser).unwrap();
        let corpus = open();
        let written = std::fs::read(&path).unwrap();
        let fields = format!("\"width\":{width},");
        assert!(String::from_utf8_lossy(&written).contains(&fields));
        // The file is read again, not made again.
        let modified = || std::fs::metadata(&path).unwrap().modified().unwrap();
        let before = modified();
        for corpus in [corpus, open()] {
            assert_eq!((corpus.len(), corpus.tokens()), (3, 6));
            for (index, (_, ids)) in documents.iter().enumerate() {
                let ids: Vec<u32> = ids.iter().map(|id| *id as u32).collect();
                assert_eq!(corpus.get(index).unwrap(), ids);
            }
        }
        assert_eq!(modified(), before);
    }
}

/// How files begin, so that more than the first bytes is tried.
const STARTS: &[&[u8]] = &[b"", b"[UNK]\n", b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"];

proptest! {
    #[test]
    fn any_bytes_are_a_vocabulary_or_an_error(
        start in prop::sample::select(STARTS),
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..400),
            "(\\PC{0,3}[\n\r]?){0,80}".prop_map(String::into_bytes),
        ],
        lowercase: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vocab.txt");
        let bytes = [start, &bytes].concat();
        std::fs::write(&path, &bytes).unwrap();
        let (result, taken) = peak(|| Tokeniser::load_bert_vocabulary(&path, lowercase));
        prop_assert!(taken < 64 * bytes.len() + (1 << 18), "{} bytes for {}", taken, bytes.len());
        if let Ok(tokeniser) = result {
            let text = String::from_utf8_lossy(&bytes);
            let encoded = tokeniser.encode(&text, true).unwrap();
            prop_assert!(encoded.ids.iter().all(|id| (*id as usize) < tokeniser.vocabulary_size()));
            tokeniser.decode(&encoded.ids).unwrap();
        }
    }

    #[test]
    fn any_bytes_in_the_place_of_a_token_corpus_are_replaced(
        bytes in prop::collection::vec(any::<u8>(), 0..400), ends: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        let bytes = if ends { [&bytes[..], b"tbxtoks1"].concat() } else { bytes };
        std::fs::write(&path, &bytes).unwrap();
        let (tokeniser, texts) = (small(), InMemoryDocuments::new(["w7 w6"]));
        let (corpus, taken) = peak(|| TokenCorpus::open_or_build(&path, &texts, "", tokeniser).unwrap());
        prop_assert_eq!(corpus.get(0).unwrap(), [7, 6]);
        // The writer's buffer takes 256 KiB.
        prop_assert!(taken < 1 << 19, "{} bytes", taken);
    }
}

/// A tokeniser that is made once.
fn small() -> &'static Tokeniser {
    static SMALL: std::sync::LazyLock<Tokeniser> = std::sync::LazyLock::new(|| numbered(10));
    &SMALL
}
