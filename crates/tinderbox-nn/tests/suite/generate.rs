//! Generation against Hugging Face's `generate` and its warpers, and input that cannot be gone on from.

use burn::tensor::{Device, Int, Tensor, TensorData};
use serde_json::Value;
use tinderbox_nn::{Decoding, Generated, GenerationConfig, GenerationError, NextToken};

use crate::addressed::{below, uniform};
use crate::support::{case, numbers, size};

const WORDS: usize = 11;

/// The fixture's model: logits from the last two tokens and the place.
struct Table {
    last: Vec<f32>,
    before: Vec<f32>,
    place: Vec<f32>,
    longest: Option<usize>,
}

impl Table {
    fn new() -> Self {
        Self {
            last: uniform("last", WORDS * WORDS),
            before: uniform("before", WORDS * WORDS),
            place: uniform("place", 5 * WORDS),
            longest: None,
        }
    }

    fn logits(&self, prefix: &[usize]) -> Vec<f32> {
        let (last, before) = match prefix {
            [.., before, last] => (*last, *before),
            [last] => (*last, 0),
            [] => unreachable!("a prefix has a token"),
        };
        let row = (prefix.len() - 1) % 5;
        (0..WORDS)
            .map(|word| {
                let tables = self.last[last * WORDS + word] + self.before[before * WORDS + word];
                let end = if word == 2 { 1.5 } else { 0.0 };
                2.0 * tables + self.place[row * WORDS + word] + end
            })
            .collect()
    }
}

impl NextToken for Table {
    fn next_logits(&self, prompts: &[usize], prefixes: Tensor<2, Int>) -> Tensor<2> {
        let [rows, length] = prefixes.dims();
        assert_eq!(rows, prompts.len());
        let device = prefixes.device();
        let tokens: Vec<usize> = prefixes
            .into_data()
            .iter::<i64>()
            .map(|t| t as usize)
            .collect();
        let logits = tokens.chunks(length).flat_map(|prefix| self.logits(prefix));
        Tensor::from_data(TensorData::new(logits.collect(), [rows, WORDS]), &device)
    }

    fn longest(&self) -> Option<usize> {
        self.longest
    }
}

fn config(decoding: Decoding) -> GenerationConfig {
    GenerationConfig {
        decoding,
        max_new_tokens: 9,
        end: Some(2),
        seed: 1,
    }
}

fn run(config: &GenerationConfig, prompts: &[Vec<u32>]) -> Result<Vec<Generated>, GenerationError> {
    config.generate(&Table::new(), prompts, &Device::flex())
}

fn prompts() -> Vec<Vec<u32>> {
    let tokens = below("prompts", 18, WORDS);
    let prompts = tokens.chunks(3);
    prompts
        .map(|prompt| prompt.iter().map(|t| *t as u32).collect())
        .collect()
}

fn sample(temperature: f64, top_k: Option<usize>, top_p: Option<f64>) -> Decoding {
    Decoding::Sample {
        temperature,
        top_k,
        top_p,
    }
}

/// Scores are sums of up to nine log-probabilities of logits in f32.
#[test]
fn searches_agree_with_hugging_faces() {
    let case = case("sequences.json", "generation");
    for search in case["searches"].as_array().unwrap() {
        let (beams, length_penalty) = (
            size(search, "beams"),
            search["length_penalty"].as_f64().unwrap(),
        );
        let end = search["end"].as_u64().map(|end| end as u32);
        let beam = Decoding::Beam {
            beams,
            length_penalty,
        };
        let config = GenerationConfig {
            end,
            ..config(if beams == 1 { Decoding::Greedy } else { beam })
        };
        let scores = numbers(&search["scores"]);
        let all = run(&config, &prompts()).unwrap();
        for (prompt, got) in all.iter().enumerate() {
            let expected = numbers(&search["sequences"][prompt]);
            let tokens: Vec<f64> = got.tokens.iter().map(|t| f64::from(*t)).collect();
            assert_eq!(tokens, expected, "prompt {prompt} of {search}");
            let error = (got.score - scores[prompt]).abs() / scores[prompt].abs();
            assert!(error < 1e-5, "{} {}", got.score, scores[prompt]);
        }
        if beams == 1 {
            let one = GenerationConfig {
                decoding: beam,
                end,
                ..config
            };
            let one = run(&one, &prompts()).unwrap();
            for (one, greedy) in one.iter().zip(&all) {
                assert_eq!(one.tokens, greedy.tokens, "a single beam is greedy");
            }
        }
    }
}

/// A model whose logits do not depend on the prefix.
struct Constant(Vec<f32>);

impl NextToken for Constant {
    fn next_logits(&self, prompts: &[usize], prefixes: Tensor<2, Int>) -> Tensor<2> {
        let row = TensorData::new(self.0.clone(), [1, self.0.len()]);
        Tensor::<2>::from_data(row, &prefixes.device()).repeat_dim(0, prompts.len())
    }
}

/// Shares of 40,000 draws are within five standard deviations of the probabilities that Hugging Face's warpers leave, and
/// tokens without probability are never drawn.
#[test]
fn draws_have_the_probabilities_of_hugging_faces_warpers() {
    const DRAWS: usize = 40_000;
    let case = case("sequences.json", "generation");
    let model = Constant(uniform("logits", WORDS).iter().map(|x| 2.0 * x).collect());
    for setting in case["samples"].as_array().unwrap() {
        let whole = |value: &Value| value.as_u64().map(|k| k as usize);
        let decoding = sample(
            setting["temperature"].as_f64().unwrap(),
            whole(&setting["top_k"]),
            setting["top_p"].as_f64(),
        );
        let config = GenerationConfig {
            max_new_tokens: 4,
            end: None,
            ..config(decoding)
        };
        let prompts = vec![vec![0]; DRAWS / 4];
        let drawn = config.generate(&model, &prompts, &Device::flex()).unwrap();
        let mut counts = [0; WORDS];
        for token in drawn.iter().flat_map(|generated| &generated.tokens) {
            counts[*token as usize] += 1;
        }
        for (count, p) in counts.into_iter().zip(numbers(&setting["probabilities"])) {
            let (mean, deviation) = (p * DRAWS as f64, (DRAWS as f64 * p * (1.0 - p)).sqrt());
            assert!(
                (f64::from(count) - mean).abs() <= 5.0 * deviation + 1e-3,
                "{count} draws, expected {mean} in {setting}"
            );
        }
    }
}

#[test]
fn draws_depend_on_seed_and_prompt_alone() {
    let config = config(sample(1.5, None, None));
    let prompts = prompts();
    let all = run(&config, &prompts).unwrap();
    assert_eq!(all, run(&config, &prompts).unwrap());
    // Fewer prompts, and prompts of other lengths beside them, change nothing.
    assert_eq!(all[..2], run(&config, &prompts[..2]).unwrap());
    let mut longer = prompts.clone();
    longer[0].push(4);
    assert_eq!(all[1..], run(&config, &longer).unwrap()[1..]);
    let other = GenerationConfig { seed: 2, ..config };
    assert_ne!(all, run(&other, &prompts).unwrap());
    // The same prompt twice is two draws.
    let twice = run(&other, &[prompts[0].clone(), prompts[0].clone()]).unwrap();
    assert_ne!(twice[0], twice[1]);
}

#[test]
fn sequences_end_where_the_model_ends() {
    let model = Table {
        longest: Some(4),
        ..Table::new()
    };
    let beam = Decoding::Beam {
        beams: 2,
        length_penalty: 1.0,
    };
    for decoding in [Decoding::Greedy, beam, sample(1.0, None, None)] {
        let config = GenerationConfig {
            end: None,
            ..config(decoding)
        };
        let prompts = [vec![1], vec![1, 2, 3], vec![1, 2, 3, 4]];
        let all = config.generate(&model, &prompts, &Device::flex()).unwrap();
        let lengths: Vec<usize> = all.iter().map(|generated| generated.tokens.len()).collect();
        // The prefix of four is read, and what follows it is told.
        assert_eq!(lengths, [4, 2, 1]);
        let long = config.generate(&model, &[vec![0; 5]], &Device::flex());
        let expected = GenerationError::LongPrompt {
            prompt: 0,
            got: 5,
            longest: 4,
        };
        assert_eq!(long, Err(expected));
        let none = GenerationConfig {
            max_new_tokens: 0,
            ..config
        };
        assert_eq!(run(&none, &prompts[..1]).unwrap()[0].tokens, [0; 0]);
        assert_eq!(run(&none, &[]).unwrap(), []);
    }
}

/// As many beams as there are sequences, or more, find the best one; more tokens than the vocabulary has are all of it.
#[test]
fn more_than_there_is_to_choose_from() {
    let beam = |beams| {
        let length_penalty = 0.0;
        GenerationConfig {
            max_new_tokens: 2,
            ..config(Decoding::Beam {
                beams,
                length_penalty,
            })
        }
    };
    let all = run(&beam(500), &prompts()).unwrap();
    for (prompt, got) in prompts().iter().zip(&all) {
        let log_softmax = |prefix: &[usize]| {
            let logits = Table::new().logits(prefix);
            let sum: f64 = logits.iter().map(|x| f64::from(*x).exp()).sum();
            logits.into_iter().map(move |x| f64::from(x) - sum.ln())
        };
        let prefix: Vec<usize> = prompt.iter().map(|t| *t as usize).collect();
        let mut best = f64::NEG_INFINITY;
        for (first, score) in log_softmax(&prefix).enumerate() {
            let rest = match first {
                2 => 0.0,
                _ => {
                    log_softmax(&[&prefix[..], &[first]].concat()).fold(f64::NEG_INFINITY, f64::max)
                }
            };
            best = best.max(score + rest);
        }
        assert!((got.score - best).abs() < 1e-5, "{} {best}", got.score);
    }
    let whole = run(&config(sample(1.0, None, None)), &prompts()).unwrap();
    let more = run(&config(sample(1.0, Some(WORDS + 1), Some(1.0))), &prompts()).unwrap();
    assert_eq!(whole, more);
}

#[test]
fn degenerate_settings_are_typed_errors() {
    let check = |decoding, expected: GenerationError| {
        assert_eq!(run(&config(decoding), &prompts()), Err(expected));
    };
    let beam = |beams, length_penalty| Decoding::Beam {
        beams,
        length_penalty,
    };
    check(beam(0, 1.0), GenerationError::Zero { field: "beams" });
    let infinite = f64::INFINITY;
    check(
        beam(2, infinite),
        GenerationError::LengthPenalty { got: infinite },
    );
    for got in [0.0, -1.0, infinite] {
        check(
            sample(got, None, None),
            GenerationError::Temperature { got },
        );
    }
    check(
        sample(1.0, Some(0), None),
        GenerationError::Zero { field: "top_k" },
    );
    for got in [0.0, -0.5, 1.5] {
        check(sample(1.0, None, Some(got)), GenerationError::TopP { got });
    }
    assert!(run(&config(sample(f64::NAN, None, None)), &[]).is_err());
    let empty = run(&config(Decoding::Greedy), &[vec![1], vec![]]);
    assert_eq!(empty, Err(GenerationError::EmptyPrompt { prompt: 1 }));
}
