//! Counted words.

use std::collections::HashMap;

/// The words of a corpus with their counts, the most frequent first and equally frequent ones in the order of their bytes.
///
/// ```
/// use tinderbox_data::text::Vocabulary;
/// let words = Vocabulary::count("b a c a b a d".split(' '), 2);
/// assert_eq!((words.word(0), words.counts()), ("a", &[3, 2][..]));
/// assert_eq!(words.encode("a d b".split(' ')), [0, 1]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabulary {
    words: Vec<String>,
    counts: Vec<u64>,
    ids: HashMap<String, u32>,
}

impl Vocabulary {
    /// Counts words and keeps those that occur at least `min_count` times.
    ///
    /// # Panics
    /// If more than 2^32 distinct words are kept.
    pub fn count<'a>(words: impl IntoIterator<Item = &'a str>, min_count: u64) -> Self {
        let mut counted: HashMap<String, u64> = HashMap::new();
        for word in words {
            // A look-up by reference first, for most words are known already.
            match counted.get_mut(word) {
                Some(count) => *count += 1,
                None => drop(counted.insert(word.to_owned(), 1)),
            }
        }
        let mut kept: Vec<_> = counted
            .into_iter()
            .filter(|(_, count)| *count >= min_count)
            .collect();
        kept.sort_unstable_by(|(a, more), (b, less)| less.cmp(more).then_with(|| a.cmp(b)));
        let (words, counts): (Vec<String>, Vec<u64>) = kept.into_iter().unzip();
        let number = |id: usize| u32::try_from(id).expect("at most 2^32 distinct words");
        let ids = words.iter().enumerate();
        let ids = ids.map(|(id, word)| (word.clone(), number(id))).collect();
        Self { words, counts, ids }
    }

    /// Number of words.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there are no words.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The id of a word, if it was kept.
    pub fn id(&self, word: &str) -> Option<u32> {
        self.ids.get(word).copied()
    }

    /// The word with an id.
    ///
    /// # Panics
    /// If there is none.
    pub fn word(&self, id: u32) -> &str {
        &self.words[id as usize]
    }

    /// How often each word occurred, by id.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// The ids of words; unknown ones are left out, so that windows close over them as in word2vec.
    pub fn encode<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Vec<u32> {
        words.into_iter().filter_map(|word| self.id(word)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_ordered_by_count_then_word() {
        let text = "the cat and the dog and the emu saw a bee";
        let words = Vocabulary::count(text.split(' '), 1);
        let listed: Vec<_> = (0..words.len() as u32).map(|id| words.word(id)).collect();
        assert_eq!(
            listed,
            ["the", "and", "a", "bee", "cat", "dog", "emu", "saw"]
        );
        assert_eq!(words.counts(), [3, 2, 1, 1, 1, 1, 1, 1]);
        assert_eq!((words.id("emu"), words.id("fox")), (Some(6), None));
        assert!(Vocabulary::count(text.split(' '), 4).is_empty());
    }
}
