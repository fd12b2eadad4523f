//! Phrases of two words.

use std::collections::{HashMap, HashSet};

use crate::DataError;

/// Pairs of words that occur together more often than their counts let expect, such as `new york`.
///
/// Mikolov et al. 2013, "Distributed Representations of Words and Phrases", section 4, equation 6:
///
/// ```text
/// score(a, b) = (count(a b) - delta) / (count(a) count(b))
/// ```
///
/// A pair whose score times the number of words is above the threshold is joined, as word2phrase.c scales it. For longer phrases, find
/// phrases in what [`join`](Self::join) gave, with a lower threshold.
///
/// ```
/// use tinderbox_data::text::Phrases;
/// let sentences = ["in new york", "to new york", "in paris", "a new hat", "in york"];
/// let words = || sentences.iter().map(|line| line.split(' '));
/// let phrases = Phrases::find(words(), 1, 1.0, 1.0)?;
/// assert_eq!(phrases.join("to new york new".split(' '), "_"), ["to", "new_york", "new"]);
/// # Ok::<(), tinderbox_data::DataError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Phrases {
    pairs: HashMap<String, HashSet<String>>,
    len: usize,
}

impl Phrases {
    /// Finds the phrases of a corpus among words that occur at least `min_count` times; the paper's `delta` is 5, word2phrase.c's
    /// threshold 100.
    ///
    /// # Errors
    /// [`DataError::Config`] if `delta` or `threshold` is negative or not finite.
    pub fn find<'a, S>(
        sentences: impl IntoIterator<Item = S>,
        min_count: u64,
        delta: f64,
        threshold: f64,
    ) -> Result<Self, DataError>
    where
        S: IntoIterator<Item = &'a str>,
    {
        for (name, value) in [("delta", delta), ("threshold", threshold)] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(DataError::config(name, "a number of at least 0", value));
            }
        }
        let mut words: HashMap<&str, u64> = HashMap::new();
        let mut pairs: HashMap<(&str, &str), u64> = HashMap::new();
        for sentence in sentences {
            let mut before = None;
            for word in sentence {
                *words.entry(word).or_default() += 1;
                if let Some(before) = before.replace(word) {
                    *pairs.entry((before, word)).or_default() += 1;
                }
            }
        }
        let total = words.values().sum::<u64>() as f64;
        let mut phrases = Self::default();
        for ((first, second), count) in pairs {
            let counts = [words[first], words[second]];
            let score =
                (count as f64 - delta) / counts.map(|count| count as f64).iter().product::<f64>();
            if counts.iter().all(|count| *count >= min_count) && score * total > threshold {
                phrases
                    .pairs
                    .entry(first.to_owned())
                    .or_default()
                    .insert(second.to_owned());
                phrases.len += 1;
            }
        }
        Ok(phrases)
    }

    /// Number of phrases.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether these two words are a phrase.
    pub fn contains(&self, first: &str, second: &str) -> bool {
        self.pairs
            .get(first)
            .is_some_and(|seconds| seconds.contains(second))
    }

    /// The words of a sentence with its phrases joined, from the left; a word is part of at most one.
    pub fn join<'a>(
        &self,
        sentence: impl IntoIterator<Item = &'a str>,
        joiner: &str,
    ) -> Vec<String> {
        let mut words = sentence.into_iter().peekable();
        let mut joined = Vec::new();
        while let Some(word) = words.next() {
            match words.next_if(|next| self.contains(word, next)) {
                Some(next) => joined.push([word, joiner, next].concat()),
                None => joined.push(word.to_owned()),
            }
        }
        joined
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_is_on_the_score_times_the_words() {
        // 8 words; count(a b) = 2, count(a) = 2, count(b) = 3: (2 - 1) / 6 * 8 = 1.333.
        let text = ["a b c", "a b", "d b d"];
        let find = |min_count, delta, threshold| {
            let sentences = text.iter().map(|line| line.split(' '));
            Phrases::find(sentences, min_count, delta, threshold)
        };
        assert!(find(1, 1.0, 1.3).unwrap().contains("a", "b"));
        assert!(!find(1, 1.0, 1.4).unwrap().contains("a", "b"));
        assert!(find(3, 0.0, 0.0).unwrap().is_empty());
        // Pairs do not reach from a sentence to the next.
        assert!(!find(1, 0.0, 0.0).unwrap().contains("c", "a"));
        for (delta, threshold) in [(-1.0, 1.0), (1.0, f64::NAN)] {
            assert!(find(1, delta, threshold).is_err());
        }
    }

    #[test]
    fn a_word_is_part_of_one_phrase() {
        let text = ["x x x x"];
        let phrases = Phrases::find(text.map(|line| line.split(' ')), 1, 0.0, 0.0).unwrap();
        assert_eq!(phrases.len(), 1);
        assert_eq!(phrases.join("x x x".split(' '), " "), ["x x", "x"]);
        assert_eq!(phrases.join([], " "), [""; 0]);
    }
}
