//! word2vec on the host.

use std::ops::ControlFlow;

use rayon::prelude::*;
use tinderbox_data::SampleRng;
use tinderbox_data::text::{Vocabulary, WordCorpus};
use tinderbox_kernels::word_vectors::{Table, Windows, stride};
use tinderbox_nn::{WordVectors, WordVectorsError};

use super::config::Word2VecTrainerConfig;
use super::draw::WindowDraw;
use super::shard::{Shard, add};
use crate::error::TrainError;

/// The use of [`SampleRng`] "first value of a row".
const INITIAL: u64 = 41;

/// The use of [`SampleRng`] "windows of a chunk".
pub(super) const WINDOWS: u64 = 40;

/// How much of the way to its optimum an update goes, over the learning rate: `sigmoid'` is at most 1/4, and vectors have a length
/// of about 1.
const CURVATURE: f64 = 0.25;

/// How far a training is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Words that have been read, of all epochs.
    pub words: u64,
    /// Words to read, of all epochs.
    pub total_words: u64,
    /// The learning rate of the round.
    pub learning_rate: f64,
    /// The mean loss of a hidden vector in the windows of the round that were measured; none if it had no windows.
    pub loss: Option<f64>,
}

/// Trains word vectors round by round.
#[derive(Debug)]
pub struct Word2VecTrainer<'a> {
    pub(super) config: Word2VecTrainerConfig,
    vocabulary: &'a Vocabulary,
    corpus: &'a WordCorpus,
    draw: WindowDraw,
    /// Where each chunk ends, in sentences, and the words up to there.
    chunks: Vec<[usize; 2]>,
    pub(super) stride: usize,
    pub(super) inputs: Table,
    pub(super) outputs: Table,
    shards: Vec<Shard>,
    /// Chunks that have been trained, of all epochs.
    pub(super) done: u64,
}

impl<'a> Word2VecTrainer<'a> {
    pub(super) fn new(
        config: Word2VecTrainerConfig,
        vocabulary: &'a Vocabulary,
        corpus: &'a WordCorpus,
    ) -> Result<Self, TrainError> {
        let draw = WindowDraw::new(&config, vocabulary)?;
        let stride = stride(config.dimension);
        let rows = [draw.input_rows(), draw.output_rows()];
        let mut inputs = Table::zeros(rows[0] * stride);
        // word2vec.c: outputs start from zeros, inputs uniform within half of 1 / dimension.
        let reach = 0.5 / config.dimension as f32;
        inputs
            .par_chunks_exact_mut(stride)
            .enumerate()
            .for_each(|(row, values)| {
                let mut rng = SampleRng::new(config.seed, 0, row as u64, INITIAL);
                let values = &mut values[..config.dimension];
                values
                    .iter_mut()
                    .for_each(|value| *value = rng.range(-reach..reach));
            });
        Ok(Self {
            chunks: chunks(corpus, config.chunk),
            shards: (0..config.shards)
                .map(|_| Shard::new(rows, stride))
                .collect(),
            outputs: Table::zeros(rows[1] * stride),
            inputs,
            stride,
            draw,
            vocabulary,
            corpus,
            config,
            done: 0,
        })
    }

    /// A digest of the corpus and the vocabulary.
    pub(super) fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for word in (0..self.vocabulary.len() as u32).map(|word| self.vocabulary.word(word)) {
            hasher.update(word.as_bytes()).update(b"\n");
        }
        for sentence in self.corpus.iter() {
            hasher.update(&(sentence.len() as u64).to_le_bytes());
            for word in sentence {
                hasher.update(&word.to_le_bytes());
            }
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Whether all epochs have been trained.
    pub fn is_done(&self) -> bool {
        self.done >= self.config.epochs * self.chunks.len() as u64
    }

    /// Trains until all is done or `after_round` breaks.
    ///
    /// It uses the threads of the rayon pool that it is called in, and its result does not depend on how many they are.
    pub fn run(&mut self, mut after_round: impl FnMut(Progress) -> ControlFlow<()>) {
        while let Some(progress) = self.round() {
            if after_round(progress).is_break() {
                break;
            }
        }
    }

    /// Trains one round, none if all is done.
    pub fn round(&mut self) -> Option<Progress> {
        if self.is_done() {
            return None;
        }
        let chunks = self.chunks.len() as u64;
        let (epoch, first) = (self.done / chunks, (self.done % chunks) as usize);
        let last = self.chunks.len().min(first + self.shards.len());
        let words_before = |chunk: usize| chunk.checked_sub(1).map_or(0, |i| self.chunks[i][1]);
        let epoch_words = self.corpus.words().len() as u64;
        let total_words = self.config.epochs * epoch_words;
        let words = epoch * epoch_words + words_before(first) as u64;
        let left = 1.0 - words as f64 / total_words as f64;
        let (from, to) = (self.config.learning_rate, self.config.final_learning_rate);
        let learning_rate = to + (from - to) * left;
        let shards = &mut self.shards[..last - first];
        shards
            .par_iter_mut()
            .with_max_len(1)
            .zip(first..last)
            .for_each(|(shard, chunk)| {
                let start = chunk
                    .checked_sub(1)
                    .map_or(0, |before| self.chunks[before][0]);
                let sentences = (start..self.chunks[chunk][0]).map(|i| self.corpus.sentence(i));
                shard.windows.clear();
                let rng = SampleRng::new(self.config.seed, epoch, chunk as u64, WINDOWS);
                self.draw.windows(sentences, rng, &mut shard.windows);
                shard.train(
                    &self.inputs,
                    &self.outputs,
                    self.stride,
                    learning_rate as f32,
                );
            });
        let shards = &self.shards[..last - first];
        // A row of the input table gets a gradient from each output of its hidden vector, one of the output table from each hidden
        // vector of its window.
        let sum = |of: fn(&Windows) -> u64| shards.iter().map(|s| of(&s.windows)).sum::<u64>();
        let pairs = sum(|windows| windows.pairs()) as f64;
        let step = |rows: u64| (CURVATURE * learning_rate * pairs / rows.max(1) as f64) as f32;
        let input_step = step(sum(|windows| windows.hidden_len() as u64));
        let output_step = step(sum(|windows| windows.outputs().len() as u64));
        let locals: Vec<_> = shards.iter().map(|shard| &shard.inputs).collect();
        add(&mut self.inputs, self.stride, input_step, &locals);
        let locals: Vec<_> = shards.iter().map(|shard| &shard.outputs).collect();
        add(&mut self.outputs, self.stride, output_step, &locals);
        self.done += (last - first) as u64;
        let sum: f64 = shards.iter().map(|shard| shard.loss.sum).sum();
        let hidden: u64 = shards.iter().map(|shard| shard.loss.hidden).sum();
        Some(Progress {
            words: epoch * epoch_words + self.chunks[last - 1][1] as u64,
            total_words,
            learning_rate,
            loss: (hidden > 0).then(|| sum / hidden as f64),
        })
    }

    /// The vectors of all words: rows of the input table, or with subwords the means of a word's rows.
    ///
    /// # Errors
    /// [`WordVectorsError::NotFinite`] if the training diverged, by a learning rate that is far too high.
    pub fn vectors(&self) -> Result<WordVectors, WordVectorsError> {
        let ids = 0..self.vocabulary.len() as u32;
        let mut matrix = Vec::with_capacity(ids.len() * self.config.dimension);
        for word in ids.clone() {
            matrix.extend(self.mean(&self.draw.rows_of(word)));
        }
        let words = ids.map(|word| self.vocabulary.word(word).to_owned());
        WordVectors::new(words.collect(), self.config.dimension, matrix)
    }

    /// The vector of a word that the vocabulary may lack, the mean of its n-grams' (Bojanowski et al. 2017, section 5.3); none without
    /// subwords, or for a word too short to have any.
    pub fn vector_of_n_grams(&self, word: &str) -> Option<Vec<f32>> {
        let rows = self.draw.rows_of_n_grams(word)?;
        (!rows.is_empty()).then(|| self.mean(&rows))
    }

    fn mean(&self, rows: &[u32]) -> Vec<f32> {
        let mut mean = vec![0.0; self.config.dimension];
        for row in rows {
            let row = &self.inputs[*row as usize * self.stride..];
            mean.iter_mut().zip(row).for_each(|(x, y)| *x += y);
        }
        mean.iter_mut().for_each(|x| *x /= rows.len() as f32);
        mean
    }
}

/// Chunks of whole sentences: where each ends, in sentences and in words.
fn chunks(corpus: &WordCorpus, words: usize) -> Vec<[usize; 2]> {
    let mut chunks = Vec::new();
    let (mut before, mut sentences, mut end) = (0, 0, 0);
    for sentence in corpus.iter() {
        sentences += 1;
        end += sentence.len();
        if end - before >= words {
            chunks.push([sentences, end]);
            before = end;
        }
    }
    if end > before {
        chunks.push([sentences, end]);
    }
    chunks
}
