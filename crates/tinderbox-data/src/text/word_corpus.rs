//! A corpus as the ids of its words.

use burn::data::dataset::Dataset;

use super::vocabulary::Vocabulary;
use crate::DataError;

/// Sentences of word ids in memory, 4 bytes a word; an item is a sentence.
///
/// A sentence of more than [`WordCorpus::LONGEST`] words is cut, as in word2vec.c.
///
/// ```
/// use tinderbox_data::text::{Vocabulary, WordCorpus};
/// let lines = ["a b a", "", "c b"];
/// let words = Vocabulary::count(lines.iter().flat_map(|line| line.split(' ')), 2);
/// let corpus = WordCorpus::encode(lines.iter().map(|line| line.split(' ')), &words);
/// let sentences: Vec<_> = corpus.iter().collect();
/// assert_eq!(sentences, [&[0, 1, 0][..], &[1]]);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WordCorpus {
    words: Vec<u32>,
    ends: Vec<usize>,
}

impl WordCorpus {
    /// The longest sentence.
    pub const LONGEST: usize = 1000;

    /// The sentences as ids; words that the vocabulary lacks are left out.
    pub fn encode<'a, S>(sentences: impl IntoIterator<Item = S>, vocabulary: &Vocabulary) -> Self
    where
        S: IntoIterator<Item = &'a str>,
    {
        let mut corpus = Self::default();
        for sentence in sentences {
            corpus.push(&vocabulary.encode(sentence));
        }
        corpus
    }

    /// Adds a sentence; an empty one adds nothing.
    pub fn push(&mut self, sentence: &[u32]) {
        for part in sentence.chunks(Self::LONGEST) {
            self.words.extend_from_slice(part);
            self.ends.push(self.words.len());
        }
    }

    /// All words, sentence after sentence.
    pub fn words(&self) -> &[u32] {
        &self.words
    }

    /// A sentence.
    ///
    /// # Panics
    /// If there is none with that index.
    pub fn sentence(&self, index: usize) -> &[u32] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.words[start..self.ends[index]]
    }

    /// The sentences in their order.
    pub fn iter(&self) -> impl Iterator<Item = &[u32]> {
        (0..self.ends.len()).map(|index| self.sentence(index))
    }
}

impl Dataset<Vec<u32>, DataError> for WordCorpus {
    fn get(&self, index: usize) -> Result<Vec<u32>, DataError> {
        Ok(self.sentence(index).to_vec())
    }

    fn len(&self) -> usize {
        self.ends.len()
    }
}
