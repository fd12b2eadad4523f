//! Words to contrast with the true one.

use crate::{DataError, SampleRng};

/// Draws words with probability proportional to their count to a power, in constant time.
///
/// Mikolov et al. 2013, "Distributed Representations of Words and Phrases", section 2.2, with power 0.75. The table is Walker's
/// alias method in Vose's form (1991), 8 bytes a word.
#[derive(Debug, Clone, PartialEq)]
pub struct NegativeSampler {
    /// The probability that a column gives its own word.
    own: Vec<f32>,
    /// The word that a column gives otherwise.
    alias: Vec<u32>,
}

impl NegativeSampler {
    /// The power of the paper.
    pub const POWER: f64 = 0.75;

    /// For words with these counts, by id; a word with count 0 is never drawn.
    ///
    /// # Errors
    /// [`DataError::Config`] if no count is positive, if there are more than 2^32 words, or if the power is not a finite number of at least
    /// 0.
    pub fn new(counts: &[u64], power: f64) -> Result<Self, DataError> {
        if !(power >= 0.0 && power.is_finite()) {
            return Err(DataError::config("power", "a number of at least 0", power));
        }
        let words = u32::try_from(counts.len())
            .map_err(|_| DataError::config("counts", "at most 2^32 words", counts.len()))?;
        let weight = |count: &u64| match *count {
            0 => 0.0,
            count => (count as f64).powf(power),
        };
        let total: f64 = counts.iter().map(weight).sum();
        if !(total > 0.0 && total.is_finite()) {
            return Err(DataError::config(
                "counts",
                "positive ones with a finite sum of powers",
                total,
            ));
        }
        // The mean of the scaled weights is 1: what a light column lacks, a heavy one gives.
        let scale = f64::from(words) / total;
        let mut left: Vec<f64> = counts.iter().map(|count| weight(count) * scale).collect();
        let (mut light, mut heavy): (Vec<u32>, Vec<u32>) =
            (0..words).partition(|word| left[*word as usize] < 1.0);
        let mut own = vec![1.0; counts.len()];
        let mut alias: Vec<u32> = (0..words).collect();
        while let (Some(small), Some(&large)) = (light.pop(), heavy.last()) {
            own[small as usize] = left[small as usize] as f32;
            alias[small as usize] = large;
            left[large as usize] -= 1.0 - left[small as usize];
            if left[large as usize] < 1.0 {
                heavy.pop();
                light.push(large);
            }
        }
        // Columns left over are full but for rounding. A word that never occurs is not among them: it lacks a whole column,
        // and rounding is too small to use up the last heavy one before it.
        Ok(Self { own, alias })
    }

    /// A random word.
    pub fn draw(&self, rng: &mut SampleRng) -> u32 {
        let column = rng.below(self.own.len() as u64) as usize;
        if rng.bool(self.own[column]) {
            column as u32
        } else {
            self.alias[column]
        }
    }

    /// `count` random words; draws that hit `target` are left out, as in word2vec.c, so there may be fewer.
    pub fn negatives(&self, target: u32, count: usize, rng: &mut SampleRng) -> Vec<u32> {
        let draws = (0..count).map(|_| self.draw(rng));
        draws.filter(|word| *word != target).collect()
    }

    /// The probability of each word, by id, as the table has it.
    pub fn probabilities(&self) -> Vec<f64> {
        let column = 1.0 / self.own.len() as f64;
        let mut probabilities = vec![0.0; self.own.len()];
        for (word, (own, alias)) in self.own.iter().zip(&self.alias).enumerate() {
            probabilities[word] += column * f64::from(*own);
            probabilities[*alias as usize] += column * (1.0 - f64::from(*own));
        }
        probabilities
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_share, rng};
    use super::*;

    #[test]
    fn words_are_drawn_with_their_probability() {
        let sampler = NegativeSampler::new(&[1000, 100, 0, 10, 1], NegativeSampler::POWER).unwrap();
        let weights = [1000, 100, 0, 10, 1].map(|count| f64::from(count).powf(0.75));
        let total: f64 = weights.iter().sum();
        let mut counts = [0; 5];
        let mut rng = rng(0);
        for _ in 0..200_000 {
            counts[sampler.draw(&mut rng) as usize] += 1;
        }
        for (count, weight) in counts.into_iter().zip(weights) {
            assert_share(count, 200_000, weight / total);
        }
        assert_eq!(counts[2], 0);
    }

    #[test]
    fn the_target_is_no_negative() {
        let sampler = NegativeSampler::new(&[5, 5], 1.0).unwrap();
        let negatives = sampler.negatives(1, 100, &mut rng(1));
        assert!(negatives.iter().all(|word| *word == 0));
        assert!((30..70).contains(&negatives.len()));
    }

    #[test]
    fn counts_that_give_no_distribution_are_refused() {
        for counts in [&[][..], &[0, 0]] {
            assert!(NegativeSampler::new(counts, 0.75).is_err());
        }
        assert!(NegativeSampler::new(&[1], f64::NAN).is_err());
        assert!(NegativeSampler::new(&[1], -1.0).is_err());
    }
}
