//! Determinism, resume, and agreement with the objectives.

mod agreement;

use std::ops::ControlFlow;

use tinderbox_data::SampleRng;
use tinderbox_data::text::{
    CoOccurrenceConfig, CoOccurrenceCounter, CoOccurrences, Vocabulary, WordCorpus,
};

use super::*;
use crate::error::TrainError;

/// Sentences about one of two subjects, each with eight words of its own and common words between them.
pub(super) fn text(sentences: u64) -> Vec<Vec<String>> {
    let sentence = |index| {
        let mut rng = SampleRng::new(3, 0, index, 90);
        let subject = rng.below(2);
        let words = (0..4 + rng.below(20)).map(|_| match rng.bool(0.5) {
            true => format!("subject{}word{}", subject, rng.below(8)),
            false => format!("common{}", rng.below(20)),
        });
        words.collect()
    };
    (0..sentences).map(sentence).collect()
}

pub(super) fn corpus(sentences: u64) -> (Vocabulary, WordCorpus) {
    let text = text(sentences);
    let words = Vocabulary::count(text.iter().flatten().map(String::as_str), 1);
    let corpus = WordCorpus::encode(text.iter().map(|s| s.iter().map(String::as_str)), &words);
    (words, corpus)
}

fn pairs(corpus: &WordCorpus) -> CoOccurrences {
    let mut counter = CoOccurrenceCounter::new(CoOccurrenceConfig::default()).unwrap();
    corpus
        .iter()
        .for_each(|sentence| counter.add(sentence).unwrap());
    counter.finish().unwrap()
}

fn config() -> Word2VecTrainerConfig {
    Word2VecTrainerConfig {
        dimension: 20,
        epochs: 3,
        chunk: 64,
        shards: 4,
        sub_sampling: Some(1e-2),
        ..Default::default()
    }
}

/// Every architecture with every output layer, and subwords.
fn configs() -> Vec<Word2VecTrainerConfig> {
    let mut all = Vec::new();
    for architecture in [Architecture::SkipGram, Architecture::Cbow] {
        let negatives = OutputLayer::NegativeSampling { negatives: 5 };
        for output in [negatives, OutputLayer::HierarchicalSoftmax] {
            for subwords in [
                None,
                Some(SubwordConfig {
                    buckets: 500,
                    ..Default::default()
                }),
            ] {
                all.push(Word2VecTrainerConfig {
                    architecture,
                    output,
                    subwords,
                    ..config()
                });
            }
        }
    }
    all
}

fn on_threads<T: Send>(threads: usize, run: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap();
    pool.install(run)
}

#[test]
fn word2vec_does_not_depend_on_the_threads() {
    let (words, corpus) = corpus(200);
    for config in configs() {
        let run = |threads| {
            on_threads(threads, || {
                let mut trainer = config.init(&words, &corpus).unwrap();
                trainer.run(|_| ControlFlow::Continue(()));
                (trainer.inputs.to_vec(), trainer.outputs.to_vec())
            })
        };
        let one = run(1);
        assert!(one.1.iter().any(|value| *value != 0.0));
        assert_eq!(one, run(3), "{config:?}");
    }
}

#[test]
fn glove_does_not_depend_on_the_threads() {
    let (words, corpus) = corpus(200);
    let config = GloveTrainerConfig {
        dimension: 10,
        epochs: 3,
        blocks: 5,
        ..Default::default()
    };
    let run = |threads| {
        on_threads(threads, || {
            let mut trainer = config.init(&words, pairs(&corpus)).unwrap();
            let mut losses = Vec::new();
            trainer.run(|progress| {
                losses.push(progress.loss);
                ControlFlow::Continue(())
            });
            (trainer.centres.to_vec(), trainer.contexts.to_vec(), losses)
        })
    };
    let one = run(1);
    assert!(one.2[2] < one.2[0], "{:?}", one.2);
    assert_eq!(one, run(3));
}

#[test]
fn a_stopped_training_goes_on_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let (words, corpus) = corpus(200);
    let mut whole = config().init(&words, &corpus).unwrap();
    let mut rounds = 0;
    whole.run(|_| {
        rounds += 1;
        ControlFlow::Continue(())
    });
    assert!(whole.is_done() && whole.round().is_none());
    for stop in [1, rounds / 2, rounds - 1] {
        let mut first = config().init(&words, &corpus).unwrap();
        let mut done = 0;
        first.run(|_| {
            done += 1;
            if done == stop {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        first.save(&path).unwrap();
        let mut second = config().init(&words, &corpus).unwrap();
        second.resume(&path).unwrap();
        second.run(|_| ControlFlow::Continue(()));
        assert_eq!(second.vectors().unwrap(), whole.vectors().unwrap());
        assert_eq!(second.outputs[..], whole.outputs[..]);
    }
    let config = GloveTrainerConfig {
        dimension: 10,
        epochs: 4,
        blocks: 3,
        ..Default::default()
    };
    let mut whole = config.init(&words, pairs(&corpus)).unwrap();
    whole.epoch();
    whole.save(&path).unwrap();
    let mut second = config.init(&words, pairs(&corpus)).unwrap();
    second.resume(&path).unwrap();
    whole.run(|_| ControlFlow::Continue(()));
    second.run(|_| ControlFlow::Continue(()));
    assert_eq!(second.centres[..], whole.centres[..]);
    assert_eq!(second.contexts[..], whole.contexts[..]);
}

#[test]
fn a_state_of_something_else_or_a_damaged_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let (words, corpus_) = corpus(50);
    let mut trainer = config().init(&words, &corpus_).unwrap();
    trainer.round();
    trainer.save(&path).unwrap();
    let refused = |config: Word2VecTrainerConfig, words: &Vocabulary, corpus: &WordCorpus| {
        let mut other = config.init(words, corpus).unwrap();
        let before = other.vectors().unwrap();
        let error = other.resume(&path).unwrap_err();
        assert!(matches!(error, TrainError::Incompatible { .. }), "{error}");
        assert!(other.vectors().unwrap() == before && other.done == 0);
    };
    refused(
        Word2VecTrainerConfig {
            seed: 2,
            ..config()
        },
        &words,
        &corpus_,
    );
    let (other_words, other_corpus) = corpus(51);
    refused(config(), &other_words, &other_corpus);
    let bytes = std::fs::read(&path).unwrap();
    for place in [bytes.len() - 1, bytes.len() / 2, 3] {
        let mut damaged = bytes.clone();
        damaged[place] ^= 1;
        std::fs::write(&path, damaged).unwrap();
        refused(config(), &words, &corpus_);
    }
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    refused(config(), &words, &corpus_);
    std::fs::write(&path, b"").unwrap();
    refused(config(), &words, &corpus_);
}

/// How much nearer words of one subject are to each other than to those of the other.
fn separation(vectors: &tinderbox_nn::WordVectors) -> f64 {
    let mean = |same: bool| {
        let pairs = (0..8).flat_map(|i| (0..8).map(move |j| (i, j)));
        let pairs = pairs.filter(|(i, j)| !same || i != j);
        let similarity = |(i, j): (usize, usize)| {
            let second = format!("subject{}word{j}", usize::from(!same));
            f64::from(
                vectors
                    .similarity(&format!("subject0word{i}"), &second)
                    .unwrap(),
            )
        };
        let all: Vec<f64> = pairs.map(similarity).collect();
        all.iter().sum::<f64>() / all.len() as f64
    };
    mean(true) - mean(false)
}

#[test]
fn words_of_a_subject_come_near_each_other() {
    let (words, corpus) = corpus(1500);
    for config in configs() {
        let config = Word2VecTrainerConfig {
            epochs: 8,
            learning_rate: 0.05,
            ..config
        };
        let mut trainer = config.init(&words, &corpus).unwrap();
        let before = separation(&trainer.vectors().unwrap());
        let mut losses = Vec::new();
        trainer.run(|progress| {
            losses.extend(progress.loss);
            ControlFlow::Continue(())
        });
        let gained = separation(&trainer.vectors().unwrap()) - before;
        assert!(gained > 0.1, "{gained} with {config:?}");
        let part = losses.len() / 10;
        let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
        let (first, last) = (mean(&losses[..part]), mean(&losses[losses.len() - part..]));
        assert!(last < first, "{first} {last} with {config:?}");
    }
    let config = GloveTrainerConfig {
        dimension: 20,
        epochs: 20,
        blocks: 4,
        full_weight: 10.0,
        ..Default::default()
    };
    let mut trainer = config.init(&words, pairs(&corpus)).unwrap();
    trainer.run(|_| ControlFlow::Continue(()));
    let gained = separation(&trainer.vectors().unwrap());
    assert!(gained > 0.1, "GloVe: {gained}");
}

#[test]
fn many_shards_with_frequent_words_do_not_diverge() {
    // Every word is frequent, all shards train all rows, and nothing is sub-sampled.
    let (words, corpus) = corpus(3000);
    let config = Word2VecTrainerConfig {
        shards: 64,
        chunk: 512,
        sub_sampling: None,
        learning_rate: 0.05,
        epochs: 10,
        ..config()
    };
    let mut trainer = config.init(&words, &corpus).unwrap();
    trainer.run(|_| ControlFlow::Continue(()));
    let largest = trainer
        .inputs
        .iter()
        .chain(&trainer.outputs[..])
        .fold(0.0_f32, |a, b| a.max(b.abs()));
    assert!(largest < 10.0, "{largest}");
    assert!(separation(&trainer.vectors().unwrap()) > 0.05);
}

#[test]
fn the_learning_rate_falls_and_words_are_counted() {
    let (words, corpus) = corpus(100);
    let mut trainer = config().init(&words, &corpus).unwrap();
    let mut seen = Vec::new();
    trainer.run(|progress| {
        seen.push(progress);
        ControlFlow::Continue(())
    });
    assert_eq!(seen[0].learning_rate, 0.025);
    assert!(
        seen.windows(2)
            .all(|two| two[0].learning_rate > two[1].learning_rate)
    );
    assert!(seen.windows(2).all(|two| two[0].words < two[1].words));
    let last = seen.last().unwrap();
    assert_eq!(
        (last.words, last.total_words),
        (3 * corpus.words().len() as u64, last.words)
    );
}

#[test]
fn degenerate_corpora_and_settings() {
    let words = Vocabulary::count(["a", "b", "a"], 1);
    // No sentence, and one without a window.
    for sentences in [vec![], vec![vec!["a"]]] {
        let corpus = WordCorpus::encode(sentences, &words);
        let mut trainer = config().init(&words, &corpus).unwrap();
        let before = trainer.vectors().unwrap();
        trainer.run(|progress| {
            assert_eq!(progress.loss, None);
            ControlFlow::Continue(())
        });
        assert!(trainer.is_done());
        assert_eq!(trainer.vectors().unwrap(), before);
    }
    // A vocabulary that lacks every word.
    let none = Vocabulary::count([], 1);
    assert!(config().init(&none, &WordCorpus::default()).is_err());
    let corpus = WordCorpus::encode([["a", "b", "a"]], &words);
    let refused = |config: Word2VecTrainerConfig| config.init(&words, &corpus).unwrap_err();
    for config in [
        Word2VecTrainerConfig {
            dimension: 0,
            ..config()
        },
        Word2VecTrainerConfig {
            shards: 0,
            ..config()
        },
        Word2VecTrainerConfig {
            pool: 0,
            ..config()
        },
        Word2VecTrainerConfig {
            learning_rate: f64::NAN,
            ..config()
        },
        Word2VecTrainerConfig {
            final_learning_rate: 1.0,
            ..config()
        },
    ] {
        assert!(matches!(refused(config), TrainError::Config(_)));
    }
    assert!(matches!(
        refused(Word2VecTrainerConfig {
            window: 0,
            ..config()
        }),
        TrainError::Data(_)
    ));
    let mut trainer = GloveTrainerConfig::default().init(&words, []).unwrap();
    assert_eq!(trainer.epoch().unwrap().loss, 0.0);
}

#[test]
fn unknown_words_have_vectors_of_their_n_grams() {
    let (words, corpus) = corpus(1000);
    let subwords = Some(SubwordConfig {
        buckets: 500,
        ..Default::default()
    });
    let mut trainer = Word2VecTrainerConfig {
        subwords,
        ..config()
    }
    .init(&words, &corpus)
    .unwrap();
    trainer.run(|_| ControlFlow::Continue(()));
    let vectors = trainer.vectors().unwrap();
    let unknown = trainer.vector_of_n_grams("subject0word99").unwrap();
    let nearest = vectors.nearest_to(&unknown, 5, &[]);
    let names: Vec<_> = nearest.iter().map(|word| vectors.word(word.id)).collect();
    assert!(
        names.iter().all(|name| name.starts_with("subject0")),
        "{names:?}"
    );
    assert_eq!(trainer.vector_of_n_grams(""), None);
    let without = config().init(&words, &corpus).unwrap();
    assert_eq!(without.vector_of_n_grams("subject0word99"), None);
}

#[test]
fn a_training_that_diverges_gives_an_error() {
    let (words, corpus) = corpus(300);
    let config = Word2VecTrainerConfig {
        learning_rate: 1e30,
        ..config()
    };
    let mut trainer = config.init(&words, &corpus).unwrap();
    trainer.run(|_| ControlFlow::Continue(()));
    let error = trainer.vectors().unwrap_err();
    assert!(
        matches!(error, tinderbox_nn::WordVectorsError::NotFinite { .. }),
        "{error}"
    );
}
