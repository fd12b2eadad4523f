//! Settings of word2vec.

use serde::{Deserialize, Serialize};
use tinderbox_data::text::{NegativeSampler, Vocabulary, WordCorpus};

use super::word2vec::Word2VecTrainer;
use crate::error::{TrainConfigError, TrainError};

/// What predicts what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// Each word of a context predicts the centre.
    SkipGram,
    /// The mean of a context predicts the centre.
    Cbow,
}

/// How a word is predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputLayer {
    /// Against so many random words, which all words of a window share.
    NegativeSampling {
        /// Random words a window.
        negatives: usize,
    },
    /// By the decisions on its path in a Huffman tree.
    HierarchicalSoftmax,
}

/// N-grams whose vectors are part of a word's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SubwordConfig {
    /// Characters of the shortest n-gram.
    pub shortest: usize,
    /// Characters of the longest n-gram.
    pub longest: usize,
    /// Rows that n-grams are hashed to.
    pub buckets: u32,
}

impl Default for SubwordConfig {
    /// Bojanowski et al. 2017, section 4.3.
    fn default() -> Self {
        Self {
            shortest: 3,
            longest: 6,
            buckets: 2_000_000,
        }
    }
}

/// Settings of [`Word2VecTrainer`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Word2VecTrainerConfig {
    /// Skip-gram or CBOW.
    pub architecture: Architecture,
    /// Negative sampling or hierarchical softmax.
    pub output: OutputLayer,
    /// Size of a vector.
    pub dimension: usize,
    /// The most words that a window reaches to each side.
    pub window: usize,
    /// Passes over the corpus.
    pub epochs: u64,
    /// The learning rate at the start, from where it falls linearly.
    pub learning_rate: f64,
    /// The learning rate at the end.
    pub final_learning_rate: f64,
    /// The threshold of sub-sampling by word2vec.c's rule; none keeps every word.
    pub sub_sampling: Option<f64>,
    /// The power of counts by which random words are drawn.
    pub noise_power: f64,
    /// Random words that are drawn for a chunk; its windows take theirs from these, so that their rows stay in the cache.
    pub pool: usize,
    /// fastText's n-grams.
    pub subwords: Option<SubwordConfig>,
    /// Chunks that are trained side by side. The result depends on it; more than the threads of the machine are of no use.
    pub shards: usize,
    /// Words of a chunk, at least; whole sentences.
    pub chunk: usize,
    /// The key of all that is random.
    pub seed: u64,
}

impl Default for Word2VecTrainerConfig {
    /// Skip-gram with the values of gensim's `Word2Vec`.
    fn default() -> Self {
        Self {
            architecture: Architecture::SkipGram,
            output: OutputLayer::NegativeSampling { negatives: 5 },
            dimension: 100,
            window: 5,
            epochs: 5,
            learning_rate: 0.025,
            final_learning_rate: 0.0001,
            sub_sampling: Some(1e-3),
            noise_power: NegativeSampler::POWER,
            pool: 256,
            subwords: None,
            shards: 8,
            chunk: 256,
            seed: 1,
        }
    }
}

impl Word2VecTrainerConfig {
    /// A trainer before its first round.
    ///
    /// # Errors
    /// [`TrainError::Config`] if a value is outside its range; [`TrainError::Data`] if the vocabulary is too small for the
    /// output layer, or a setting that belongs to the data is outside its range.
    ///
    /// # Panics
    /// If the corpus has a word that the vocabulary lacks, or words and buckets are more than 2^32.
    pub fn init<'a>(
        &self,
        vocabulary: &'a Vocabulary,
        corpus: &'a WordCorpus,
    ) -> Result<Word2VecTrainer<'a>, TrainError> {
        self.check()?;
        Word2VecTrainer::new(self.clone(), vocabulary, corpus)
    }

    fn check(&self) -> Result<(), TrainConfigError> {
        at_least_one("dimension", self.dimension as u64)?;
        at_least_one("epochs", self.epochs)?;
        at_least_one("shards", self.shards as u64)?;
        at_least_one("chunk", self.chunk as u64)?;
        at_least_one("pool", self.pool as u64)?;
        positive("learning_rate", self.learning_rate)?;
        if !(0.0..=self.learning_rate).contains(&self.final_learning_rate) {
            return Err(TrainConfigError::OutOfRange {
                name: "final_learning_rate",
                value: self.final_learning_rate,
                expected: "0 to learning_rate",
            });
        }
        Ok(())
    }
}

/// Refuses 0.
pub(super) fn at_least_one(name: &'static str, value: u64) -> Result<(), TrainConfigError> {
    match value {
        0 => Err(TrainConfigError::OutOfRange {
            name,
            value: 0.0,
            expected: "at least 1",
        }),
        _ => Ok(()),
    }
}

/// Refuses all but positive numbers.
pub(super) fn positive(name: &'static str, value: f64) -> Result<(), TrainConfigError> {
    match value > 0.0 && value.is_finite() {
        true => Ok(()),
        false => Err(TrainConfigError::OutOfRange {
            name,
            value,
            expected: "a positive number",
        }),
    }
}
