//! GloVe on the host.

use std::ops::ControlFlow;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tinderbox_data::text::{CoOccurrence, Vocabulary};
use tinderbox_data::{DataError, SampleRng};
use tinderbox_kernels::word_vectors::{Pair, PairRates, Table, stride, train_pairs};
use tinderbox_nn::{WordVectors, WordVectorsError};

use super::config::{at_least_one, positive};
use crate::error::TrainError;

/// The uses of [`SampleRng`].
const INITIAL: u64 = 42;
const PAIRS: u64 = 43;
const STRATA: u64 = 44;

/// Settings of [`GloveTrainer`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GloveTrainerConfig {
    /// Size of a vector.
    pub dimension: usize,
    /// Passes over the pairs.
    pub epochs: u64,
    /// The learning rate of vectors, before AdaGrad divides it.
    pub learning_rate: f64,
    /// The learning rate of biases.
    pub bias_learning_rate: f64,
    /// From which co-occurrence on a pair counts fully, the paper's `x_max`.
    pub full_weight: f64,
    /// The power of the co-occurrence below that, the paper's `alpha`.
    pub weight_power: f64,
    /// Blocks of words; of the grid of their pairs so many are trained side by side. The result depends on it.
    pub blocks: usize,
    /// The key of all that is random.
    pub seed: u64,
}

impl Default for GloveTrainerConfig {
    /// Pennington et al. 2014, section 4.2, and the authors' program, whose biases learn at a rate of 1.
    fn default() -> Self {
        Self {
            dimension: 50,
            epochs: 25,
            learning_rate: 0.05,
            bias_learning_rate: 1.0,
            full_weight: 100.0,
            weight_power: 0.75,
            blocks: 32,
            seed: 1,
        }
    }
}

/// What a pass over the pairs gave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GloveProgress {
    /// Passes done.
    pub epochs: u64,
    /// Passes to make.
    pub total_epochs: u64,
    /// The mean loss of a pair, before its step: half its weighted squared error.
    pub loss: f64,
}

/// Trains GloVe's vectors pass by pass.
///
/// Words are dealt out to blocks, and pairs to a grid of them. In a step, blocks of pairs that share neither a row nor a column of the grid
/// are trained side by side (Gemulla et al. 2011, "Large-Scale Matrix Factorization with Distributed Stochastic Gradient Descent"), so that
/// no two threads write the same vector, a block's vectors stay in the cache, and the result does not depend on the threads. Within a block the order
/// is random, the same in every pass; the order of steps is drawn for each pass.
#[derive(Debug)]
pub struct GloveTrainer<'a> {
    pub(super) config: GloveTrainerConfig,
    vocabulary: &'a Vocabulary,
    /// The pairs of each cell of the grid, row after row, by places in their blocks.
    pairs: Vec<Vec<Pair>>,
    count: u64,
    rows_of_block: usize,
    pub(super) centres: Table,
    pub(super) contexts: Table,
    /// Passes done.
    pub(super) done: u64,
}

impl GloveTrainerConfig {
    /// A trainer before its first pass; each pair takes 16 bytes.
    ///
    /// # Errors
    /// [`TrainError::Config`] if a value is outside its range, [`TrainError::Data`] if pairs cannot be read.
    ///
    /// # Panics
    /// If a pair has a word that the vocabulary lacks.
    pub fn init<'a>(
        &self,
        vocabulary: &'a Vocabulary,
        pairs: impl IntoIterator<Item = Result<CoOccurrence, DataError>>,
    ) -> Result<GloveTrainer<'a>, TrainError> {
        at_least_one("dimension", self.dimension as u64)?;
        at_least_one("epochs", self.epochs)?;
        at_least_one("blocks", self.blocks as u64)?;
        positive("learning_rate", self.learning_rate)?;
        positive("bias_learning_rate", self.bias_learning_rate)?;
        positive("full_weight", self.full_weight)?;
        positive("weight_power", self.weight_power)?;
        GloveTrainer::new(self.clone(), vocabulary, pairs)
    }

    /// What the squared error of a pair counts: equation 9.
    pub fn weight(&self, co_occurrence: f64) -> f64 {
        (co_occurrence / self.full_weight)
            .powf(self.weight_power)
            .min(1.0)
    }
}

impl<'a> GloveTrainer<'a> {
    fn new(
        config: GloveTrainerConfig,
        vocabulary: &'a Vocabulary,
        pairs: impl IntoIterator<Item = Result<CoOccurrence, DataError>>,
    ) -> Result<Self, TrainError> {
        let blocks = config.blocks;
        let mut cells: Vec<Vec<Pair>> = vec![Vec::new(); blocks * blocks];
        let mut count = 0;
        for pair in pairs {
            let pair = pair?;
            let [centre, context] = [pair.centre, pair.context].map(|word| word as usize);
            assert!(
                centre.max(context) < vocabulary.len(),
                "a pair with an unknown word"
            );
            if !(pair.weight > 0.0 && pair.weight.is_finite()) {
                continue;
            }
            cells[centre % blocks * blocks + context % blocks].push(Pair {
                centre: (centre / blocks) as u32,
                context: (context / blocks) as u32,
                log_count: pair.weight.ln() as f32,
                weight: config.weight(pair.weight) as f32,
            });
            count += 1;
        }
        cells.par_iter_mut().enumerate().for_each(|(cell, pairs)| {
            SampleRng::new(config.seed, 0, cell as u64, PAIRS).shuffle(pairs);
        });
        let rows_of_block = vocabulary.len().div_ceil(blocks).max(1);
        let table = |which: u64, one: usize| {
            let width = 2 * stride(config.dimension + 2);
            let mut table = Table::zeros(blocks * rows_of_block * width);
            let reach = 0.5 / config.dimension as f32;
            table
                .par_chunks_exact_mut(width)
                .enumerate()
                .for_each(|(row, values)| {
                    let (vector, squares) = values.split_at_mut(width / 2);
                    let mut rng = SampleRng::new(config.seed, which, row as u64, INITIAL);
                    let vector = &mut vector[..config.dimension + 2];
                    vector
                        .iter_mut()
                        .for_each(|value| *value = rng.range(-reach..reach));
                    vector[config.dimension + one] = 1.0;
                    squares.fill(1.0);
                });
            table
        };
        Ok(Self {
            centres: table(0, 1),
            contexts: table(1, 0),
            pairs: cells,
            count,
            rows_of_block,
            vocabulary,
            config,
            done: 0,
        })
    }

    /// Number of pairs.
    pub fn pairs(&self) -> u64 {
        self.count
    }

    /// A digest of the vocabulary and the pairs.
    pub(super) fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for word in (0..self.vocabulary.len() as u32).map(|word| self.vocabulary.word(word)) {
            hasher.update(word.as_bytes()).update(b"\n");
        }
        for pair in self.pairs.iter().flatten() {
            let numbers = [pair.centre, pair.context, pair.log_count.to_bits()];
            for number in numbers {
                hasher.update(&number.to_le_bytes());
            }
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Whether all passes have been made.
    pub fn is_done(&self) -> bool {
        self.done >= self.config.epochs
    }

    /// Trains until all is done or `after_epoch` breaks.
    ///
    /// It uses the threads of the rayon pool that it is called in, and its result does not depend on how many they are.
    pub fn run(&mut self, mut after_epoch: impl FnMut(GloveProgress) -> ControlFlow<()>) {
        while let Some(progress) = self.epoch() {
            if after_epoch(progress).is_break() {
                break;
            }
        }
    }

    /// Makes one pass, none if all are done.
    pub fn epoch(&mut self) -> Option<GloveProgress> {
        if self.is_done() {
            return None;
        }
        let GloveTrainerConfig {
            dimension,
            blocks,
            seed,
            ..
        } = self.config;
        let rates = PairRates {
            vectors: self.config.learning_rate as f32,
            biases: self.config.bias_learning_rate as f32,
        };
        let mut strata: Vec<usize> = (0..blocks).collect();
        SampleRng::new(seed, self.done, 0, STRATA).shuffle(&mut strata);
        let block = self.rows_of_block * 2 * stride(dimension + 2);
        let mut sum = 0.0;
        for stratum in strata {
            let mut contexts: Vec<&mut [f32]> = self.contexts.chunks_exact_mut(block).collect();
            contexts.rotate_left(stratum);
            let centres = self.centres.par_chunks_exact_mut(block);
            let losses: Vec<f64> = centres
                .zip(contexts)
                .enumerate()
                .with_max_len(1)
                .map(|(row, (centres, contexts))| {
                    let cell = row * blocks + (row + stratum) % blocks;
                    train_pairs(&self.pairs[cell], centres, contexts, dimension, rates)
                })
                .collect();
            sum += losses.iter().sum::<f64>();
        }
        self.done += 1;
        Some(GloveProgress {
            epochs: self.done,
            total_epochs: self.config.epochs,
            loss: sum / self.count.max(1) as f64,
        })
    }

    /// The vectors of all words: the sums of their vectors as centre and as context (section 4.2).
    ///
    /// # Errors
    /// [`WordVectorsError::NotFinite`] if the training diverged, by a learning rate that is far too high.
    pub fn vectors(&self) -> Result<WordVectors, WordVectorsError> {
        let dimension = self.config.dimension;
        let width = 2 * stride(dimension + 2);
        let mut matrix = Vec::with_capacity(self.vocabulary.len() * dimension);
        for word in 0..self.vocabulary.len() {
            let row = word % self.config.blocks * self.rows_of_block + word / self.config.blocks;
            let [centre, context] =
                [&self.centres, &self.contexts].map(|table| &table[row * width..][..dimension]);
            matrix.extend(centre.iter().zip(context).map(|(x, y)| x + y));
        }
        let words =
            (0..self.vocabulary.len() as u32).map(|word| self.vocabulary.word(word).to_owned());
        WordVectors::new(words.collect(), dimension, matrix)
    }
}
