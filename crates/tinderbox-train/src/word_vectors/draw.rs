//! The random windows of a chunk of a corpus.

use tinderbox_data::text::{
    Cbow, HuffmanTree, KeepRule, NegativeSampler, SubSampling, Subwords, Vocabulary,
};
use tinderbox_data::{DataError, SampleRng, View};
use tinderbox_kernels::word_vectors::Windows;

use super::config::{Architecture, OutputLayer, Word2VecTrainerConfig};

/// Draws the windows of a chunk: sub-sampling, reach of each window, random words.
///
/// Rows of the input table are words, then the buckets of n-grams; those of the output table words, or inner nodes.
#[derive(Debug)]
pub struct WindowDraw {
    architecture: Architecture,
    sampling: Option<SubSampling>,
    windows: Cbow,
    output: Output,
    words: usize,
    pool: usize,
    subwords: Option<WordRows>,
}

#[derive(Debug)]
enum Output {
    Noise(NegativeSampler, usize),
    Tree(HuffmanTree),
}

/// The input rows of each word.
#[derive(Debug)]
struct WordRows {
    subwords: Subwords,
    rows: Vec<u32>,
    ends: Vec<usize>,
}

impl WordRows {
    fn of(&self, word: u32) -> &[u32] {
        let word = word as usize;
        let start = word.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.rows[start..self.ends[word]]
    }
}

impl WindowDraw {
    /// What draws windows for this configuration.
    ///
    /// # Errors
    /// [`DataError::Config`] if the vocabulary is too small or a setting is outside its range.
    ///
    /// # Panics
    /// If words and buckets are more than 2^32.
    pub fn new(config: &Word2VecTrainerConfig, vocabulary: &Vocabulary) -> Result<Self, DataError> {
        let counts = vocabulary.counts();
        let sampling = config
            .sub_sampling
            .map(|threshold| SubSampling::new(counts, threshold, KeepRule::Word2Vec));
        let output = match config.output {
            OutputLayer::NegativeSampling { negatives } => {
                Output::Noise(NegativeSampler::new(counts, config.noise_power)?, negatives)
            }
            OutputLayer::HierarchicalSoftmax => Output::Tree(HuffmanTree::new(counts)?),
        };
        let subwords = config.subwords.map(|subwords| {
            let subwords = Subwords::new(subwords.shortest, subwords.longest, subwords.buckets)?;
            Ok(WordRows::new(vocabulary, subwords))
        });
        Ok(Self {
            architecture: config.architecture,
            sampling: sampling.transpose()?,
            windows: Cbow::new(config.window)?,
            output,
            words: vocabulary.len(),
            pool: config.pool,
            subwords: subwords.transpose()?,
        })
    }

    /// Rows of the input table.
    pub fn input_rows(&self) -> usize {
        self.words
            + self
                .subwords
                .as_ref()
                .map_or(0, |rows| rows.subwords.buckets() as usize)
    }

    /// Rows of the output table.
    pub fn output_rows(&self) -> usize {
        match &self.output {
            Output::Noise(..) => self.words,
            Output::Tree(tree) => tree.inner_nodes(),
        }
    }

    /// The rows of the input table whose mean is a word's vector.
    pub fn rows_of(&self, word: u32) -> Vec<u32> {
        match &self.subwords {
            None => vec![word],
            Some(subwords) => subwords.of(word).to_vec(),
        }
    }

    /// The rows of the n-grams of any word, none without subwords.
    pub fn rows_of_n_grams(&self, word: &str) -> Option<Vec<u32>> {
        let buckets = self
            .subwords
            .as_ref()?
            .subwords
            .buckets_of(word)
            .into_iter();
        Some(buckets.map(|bucket| self.words as u32 + bucket).collect())
    }

    /// Adds the windows of sentences; all that is random comes from `rng`.
    pub fn windows<'a>(
        &self,
        sentences: impl IntoIterator<Item = &'a [u32]>,
        mut rng: SampleRng,
        windows: &mut Windows,
    ) {
        let mut noise = rng.stream(0);
        let pool = self.draw_pool(&mut noise);
        for sentence in sentences {
            let kept;
            let sentence = match &self.sampling {
                Some(sampling) => {
                    kept = sampling.apply(sentence, &mut rng);
                    &kept[..]
                }
                None => sentence,
            };
            self.windows
                .for_each(sentence, &mut rng, |centre, before, after| {
                    self.push_hidden(before, after, windows);
                    self.push_outputs(centre, &pool, &mut noise, windows);
                    windows.end_window();
                });
        }
    }

    fn push_hidden(&self, before: &[u32], after: &[u32], windows: &mut Windows) {
        let context = before.iter().chain(after).copied();
        match (self.architecture, &self.subwords) {
            (Architecture::SkipGram, None) => context.for_each(|word| windows.push_hidden([word])),
            (Architecture::Cbow, None) => windows.push_hidden(context),
            (Architecture::SkipGram, Some(subwords)) => {
                context.for_each(|word| windows.push_hidden(subwords.of(word).iter().copied()));
            }
            (Architecture::Cbow, Some(subwords)) => {
                windows.push_hidden(context.flat_map(|word| subwords.of(word).iter().copied()));
            }
        }
    }

    fn draw_pool(&self, rng: &mut SampleRng) -> Vec<u32> {
        match &self.output {
            Output::Noise(sampler, _) => (0..self.pool).map(|_| sampler.draw(rng)).collect(),
            Output::Tree(_) => Vec::new(),
        }
    }

    fn push_outputs(&self, centre: u32, pool: &[u32], rng: &mut SampleRng, windows: &mut Windows) {
        match &self.output {
            Output::Noise(_, negatives) => {
                windows.push_output(centre, 1.0);
                let start = rng.below(pool.len() as u64) as usize;
                for word in (start..start + negatives).map(|i| pool[i % pool.len()]) {
                    // Neither the centre, as in word2vec.c, nor a word twice: the windows see to it.
                    windows.push_output(word, 0.0);
                }
            }
            Output::Tree(tree) => {
                let (nodes, code) = tree.path(centre);
                for (node, second) in nodes.iter().zip(code) {
                    windows.push_output(*node, if *second { 0.0 } else { 1.0 });
                }
            }
        }
    }
}

impl View<Vec<u32>> for WindowDraw {
    type Out = Windows;

    /// The windows of a sentence, for [`WindowCollate`].
    fn apply(&self, sentence: Vec<u32>, rng: SampleRng) -> Windows {
        let mut windows = Windows::default();
        self.windows([&sentence[..]], rng, &mut windows);
        windows
    }
}

impl WordRows {
    fn new(vocabulary: &Vocabulary, subwords: Subwords) -> Self {
        let words = vocabulary.len() as u32;
        let all = words.checked_add(subwords.buckets());
        assert!(all.is_some(), "words and buckets are fewer than 2^32");
        let mut rows = Vec::new();
        let mut ends = Vec::with_capacity(vocabulary.len());
        for word in 0..words {
            rows.push(word);
            let buckets = subwords.buckets_of(vocabulary.word(word));
            rows.extend(buckets.into_iter().map(|bucket| words + bucket));
            ends.push(rows.len());
        }
        Self {
            subwords,
            rows,
            ends,
        }
    }
}
