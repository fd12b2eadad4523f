//! Sub-sampling of frequent words.

use serde::{Deserialize, Serialize};

use crate::{DataError, SampleRng};

/// With which probability a word of relative frequency `f` is kept, for a threshold `t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeepRule {
    /// `sqrt(t / f)`, Mikolov et al. 2013, "Distributed Representations of Words and Phrases", equation 5.
    Paper,
    /// `sqrt(t / f) + t / f`, what the authors' word2vec.c does, and gensim after it.
    Word2Vec,
}

/// Drops occurrences of frequent words at random.
#[derive(Debug, Clone, PartialEq)]
pub struct SubSampling {
    keep: Vec<f32>,
}

impl SubSampling {
    /// For words with these counts, by id. Usual thresholds are 1e-5 (the paper's) to 1e-3 (word2vec.c's).
    ///
    /// # Errors
    /// [`DataError::Config`] if the threshold is not a positive number.
    pub fn new(counts: &[u64], threshold: f64, rule: KeepRule) -> Result<Self, DataError> {
        if !(threshold > 0.0 && threshold.is_finite()) {
            return Err(DataError::config(
                "threshold",
                "a positive number",
                threshold,
            ));
        }
        let total: f64 = counts.iter().map(|count| *count as f64).sum();
        let keep = counts.iter().map(|count| {
            // A word that never occurs has a ratio of infinity and is kept.
            let ratio = threshold * total / *count as f64;
            let keep = match rule {
                KeepRule::Paper => ratio.sqrt(),
                KeepRule::Word2Vec => ratio.sqrt() + ratio,
            };
            keep.min(1.0) as f32
        });
        Ok(Self {
            keep: keep.collect(),
        })
    }

    /// The probability that each word is kept, by id.
    pub fn keep_probabilities(&self) -> &[f32] {
        &self.keep
    }

    /// The words that are kept, in order.
    ///
    /// # Panics
    /// If a word has no count.
    pub fn apply(&self, words: &[u32], rng: &mut SampleRng) -> Vec<u32> {
        let kept = |word: &u32| rng.bool(self.keep[*word as usize]);
        words.iter().copied().filter(kept).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_share, rng};
    use super::*;

    #[test]
    fn words_are_kept_with_their_probability() {
        let sampling = SubSampling::new(&[9000, 900, 100, 0], 0.01, KeepRule::Paper).unwrap();
        let words: Vec<u32> = (0..40_000).map(|place| place % 4).collect();
        let kept = sampling.apply(&words, &mut rng(0));
        for (word, keep) in [
            (0, (0.01_f64 / 0.9).sqrt()),
            (1, (0.01_f64 / 0.09).sqrt()),
            (2, 1.0),
            (3, 1.0),
        ] {
            let count = kept.iter().filter(|other| **other == word).count();
            assert_share(count, 10_000, keep);
        }
        assert!(SubSampling::new(&[1], 0.0, KeepRule::Paper).is_err());
        assert!(SubSampling::new(&[1], f64::NAN, KeepRule::Paper).is_err());
    }
}
