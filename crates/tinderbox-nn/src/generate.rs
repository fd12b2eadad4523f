//! Text from a model that knows what may come next.
//!
//! Shape letters: `N` prefixes, `T` tokens of each, `V` vocabulary.

mod beam;
mod error;
mod sampling;

use std::collections::BTreeMap;

use burn::tensor::{Device, Int, Tensor, TensorData};
use serde::{Deserialize, Serialize};

pub use error::GenerationError;

/// A model that says what may come after a sequence: a causal language model, or the decoder of a sequence to sequence model,
/// which also has read a source for each prompt.
pub trait NextToken {
    /// Logits of the token after each prefix. `prompts` has the number of each prefix's prompt, from 0.
    ///
    /// # Shapes
    /// - `prompts`: `N` of them
    /// - `prefixes`: `[N, T]`, with `T` at least 1
    /// - output: `[N, V]`
    fn next_logits(&self, prompts: &[usize], prefixes: Tensor<2, Int>) -> Tensor<2>;

    /// The longest prefix that the model reads, if there is one.
    fn longest(&self) -> Option<usize> {
        None
    }
}

/// How the next token is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Decoding {
    /// The likeliest token, always; the first of equals.
    #[default]
    Greedy,
    /// The best of several sequences that are kept at once.
    Beam {
        /// How many are kept.
        beams: usize,
        /// A sequence is ranked by its log-probability divided by its length to this power, the tokens of the prompt not counted:
        /// above 0 it favours long sequences. 1 is the mean over tokens, and Hugging Face's default.
        length_penalty: f64,
    },
    /// A token drawn by its probability.
    Sample {
        /// What logits are divided by: below 1 likely tokens become likelier.
        temperature: f64,
        /// Draws from this many of the likeliest tokens alone (Fan et al. 2018, "Hierarchical Neural Story Generation"); all
        /// without it, or if the vocabulary has not as many.
        #[serde(default)]
        top_k: Option<usize>,
        /// Draws from the fewest of the likeliest tokens whose probabilities sum to this much (Holtzman et al. 2020, "The Curious
        /// Case of Neural Text Degeneration", equation 2), after `top_k`; all without it.
        #[serde(default)]
        top_p: Option<f64>,
    },
}

/// How sequences are generated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenerationConfig {
    /// How the next token is chosen.
    pub decoding: Decoding,
    /// The most tokens after a prompt. The longest prefix of the model may end a sequence before.
    pub max_new_tokens: usize,
    /// The token that ends a sequence; none does without it.
    pub end: Option<u32>,
    /// With the number of the prompt and that of the step it determines what [`Decoding::Sample`] draws.
    pub seed: u64,
}

/// What follows a prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// The new tokens, with the ending one if there is one.
    pub tokens: Vec<u32>,
    /// Their log-probability; of a beam search, after the length penalty.
    pub score: f64,
}

/// A prompt with some of the tokens that may follow it.
#[derive(Debug, Clone)]
struct Hypothesis {
    tokens: Vec<u32>,
    /// Sum of the log-probabilities of the new ones.
    score: f64,
}

/// The state of one prompt.
struct Search {
    open: Vec<Hypothesis>,
    /// Ended sequences, with their scores after the length penalty, the best first.
    finished: Vec<Hypothesis>,
    prompt: usize,
}

impl GenerationConfig {
    /// What follows each prompt.
    ///
    /// The model reads every prefix anew at each step, the prefixes of one length together: prompts of one length go quickest.
    /// The result of a prompt depends on its number and on the seed, not on the other prompts.
    ///
    /// # Errors
    /// [`GenerationError`] for no beams, a `top_k` of 0, a temperature that is not positive and finite, a length penalty that is not
    /// finite, a `top_p` outside `0..=1` or of 0, and for a prompt that is empty or longer than the model reads.
    pub fn generate<M: NextToken + ?Sized>(
        &self,
        model: &M,
        prompts: &[Vec<u32>],
        device: &Device,
    ) -> Result<Vec<Generated>, GenerationError> {
        self.check()?;
        for (prompt, tokens) in prompts.iter().enumerate() {
            match model.longest() {
                _ if tokens.is_empty() => return Err(GenerationError::EmptyPrompt { prompt }),
                Some(longest) if longest < tokens.len() => {
                    return Err(GenerationError::LongPrompt {
                        prompt,
                        got: tokens.len(),
                        longest,
                    });
                }
                _ => {}
            }
        }
        let mut searches: Vec<Search> = prompts.iter().map(|prompt| Search::new(prompt)).collect();
        for step in 0..self.max_new_tokens {
            // The model reads a prefix of the length it can read, but no longer one.
            let longest = model.longest().unwrap_or(usize::MAX);
            let mut by_length: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
            for (number, search) in searches.iter().enumerate() {
                if let Some(hypothesis) = search.open.first() {
                    let length = hypothesis.tokens.len();
                    by_length.entry(length).or_default().push(number);
                }
            }
            if by_length.is_empty() {
                break;
            }
            for (length, numbers) in by_length {
                let mut logits =
                    next_logits(model, &searches, &numbers, length, device).into_iter();
                let last = step + 1 == self.max_new_tokens || length == longest;
                for number in numbers {
                    let search = &mut searches[number];
                    let logits = logits.by_ref().take(search.open.len()).collect();
                    self.advance(search, number, step, last, logits);
                }
            }
        }
        Ok(searches.into_iter().map(Search::best).collect())
    }

    fn check(&self) -> Result<(), GenerationError> {
        let positive = |value: f64| value > 0.0 && value.is_finite();
        match self.decoding {
            Decoding::Beam { beams: 0, .. } => Err(GenerationError::Zero { field: "beams" }),
            Decoding::Beam { length_penalty, .. } if !length_penalty.is_finite() => {
                Err(GenerationError::LengthPenalty {
                    got: length_penalty,
                })
            }
            Decoding::Sample { temperature, .. } if !positive(temperature) => {
                Err(GenerationError::Temperature { got: temperature })
            }
            Decoding::Sample { top_k: Some(0), .. } => {
                Err(GenerationError::Zero { field: "top_k" })
            }
            Decoding::Sample {
                top_p: Some(top_p), ..
            } if !(positive(top_p) && top_p <= 1.0) => Err(GenerationError::TopP { got: top_p }),
            _ => Ok(()),
        }
    }

    /// Adds a token to the open hypotheses, given the logits of each.
    fn advance(
        &self,
        search: &mut Search,
        prompt: usize,
        step: usize,
        last: bool,
        mut logits: Vec<Vec<f32>>,
    ) {
        let token = match self.decoding {
            Decoding::Beam {
                beams,
                length_penalty,
            } => return beam::advance(search, &logits, beams, length_penalty, self.end, last),
            Decoding::Greedy => sampling::likeliest(&logits[0]),
            Decoding::Sample {
                temperature,
                top_k,
                top_p,
            } => {
                let uniform = sampling::uniform(self.seed, prompt as u64, step as u64);
                sampling::draw(&logits[0], temperature, top_k, top_p, uniform)
            }
        };
        let log_probabilities = sampling::log_softmax(&logits.remove(0));
        let mut hypothesis = search.open.remove(0);
        hypothesis.score += log_probabilities[token];
        hypothesis.tokens.push(token as u32);
        match last || self.end == Some(token as u32) {
            true => search.finished.push(hypothesis),
            false => search.open.push(hypothesis),
        }
    }
}

impl Search {
    fn new(prompt: &[u32]) -> Self {
        let start = Hypothesis {
            tokens: prompt.to_vec(),
            score: 0.0,
        };
        Self {
            open: vec![start],
            finished: Vec::new(),
            prompt: prompt.len(),
        }
    }

    /// The best sequence; the prompt alone if no token was asked for.
    fn best(mut self) -> Generated {
        self.finished.append(&mut self.open);
        let mut best = self.finished.swap_remove(0);
        Generated {
            tokens: best.tokens.split_off(self.prompt),
            score: best.score,
        }
    }
}

/// The logits of all open hypotheses of these searches, whose prefixes have one length.
fn next_logits<M: NextToken + ?Sized>(
    model: &M,
    searches: &[Search],
    numbers: &[usize],
    length: usize,
    device: &Device,
) -> Vec<Vec<f32>> {
    let (mut prompts, mut tokens) = (Vec::new(), Vec::new());
    for number in numbers {
        for hypothesis in &searches[*number].open {
            prompts.push(*number);
            tokens.extend(hypothesis.tokens.iter().map(|token| i64::from(*token)));
        }
    }
    let prefixes = TensorData::new(tokens, [prompts.len(), length]);
    let logits = model.next_logits(&prompts, Tensor::from_data(prefixes, device));
    let [rows, words] = logits.dims();
    assert_eq!(
        rows,
        prompts.len(),
        "generation: logits of a row each prefix"
    );
    let logits: Vec<f32> = logits.into_data().iter::<f32>().collect();
    logits.chunks(words).map(<[f32]>::to_vec).collect()
}
