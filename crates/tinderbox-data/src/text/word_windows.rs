//! The windows of word2vec.

use crate::{DataError, SampleRng};

/// # Errors
/// [`DataError::Config`] if the window is 0.
fn check(window: usize) -> Result<(), DataError> {
    if window == 0 {
        return Err(DataError::config("window", "at least 1", window));
    }
    Ok(())
}

/// Calls `each` with every place and the words around it.
///
/// The reach of each window is uniform in `1..=window`, so near words count more (Mikolov et al. 2013, "Efficient Estimation
/// of Word Representations in Vector Space", section 3.2; word2vec.c's `b`).
fn windows(
    words: &[u32],
    window: usize,
    rng: &mut SampleRng,
    mut each: impl FnMut(usize, &[u32], &[u32]),
) {
    for place in 0..words.len() {
        let reach = 1 + rng.below(window as u64) as usize;
        let end = words.len().min(place.saturating_add(reach + 1));
        let before = &words[place.saturating_sub(reach)..place];
        each(place, before, &words[place + 1..end]);
    }
}

/// Pairs of a word and one near it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SkipGram {
    window: usize,
}

impl SkipGram {
    /// Windows that reach up to `window` words to each side.
    ///
    /// # Errors
    /// [`DataError::Config`] if `window` is 0.
    pub fn new(window: usize) -> Result<Self, DataError> {
        check(window)?;
        Ok(Self { window })
    }

    /// All pairs `(centre, context)` of a sentence, by centre, then by place.
    pub fn pairs(&self, words: &[u32], rng: &mut SampleRng) -> Vec<(u32, u32)> {
        let mut pairs = Vec::new();
        windows(words, self.window, rng, |place, before, after| {
            let contexts = before.iter().chain(after);
            pairs.extend(contexts.map(|context| (words[place], *context)));
        });
        pairs
    }
}

/// The words around a word, to predict it from (continuous bag of words).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cbow {
    window: usize,
}

impl Cbow {
    /// Windows that reach up to `window` words to each side.
    ///
    /// # Errors
    /// [`DataError::Config`] if `window` is 0.
    pub fn new(window: usize) -> Result<Self, DataError> {
        check(window)?;
        Ok(Self { window })
    }

    /// Calls `each` with the centre, the words before it and those behind it, by place; a sentence of one word has none.
    pub fn for_each(
        &self,
        words: &[u32],
        rng: &mut SampleRng,
        mut each: impl FnMut(u32, &[u32], &[u32]),
    ) {
        windows(words, self.window, rng, |place, before, after| {
            if before.len() + after.len() > 0 {
                each(words[place], before, after);
            }
        });
    }

    /// Each `(context, centre)` of a sentence, by place; a sentence of one word has none.
    pub fn windows(&self, words: &[u32], rng: &mut SampleRng) -> Vec<(Vec<u32>, u32)> {
        let mut out = Vec::new();
        self.for_each(words, rng, |centre, before, after| {
            out.push(([before, after].concat(), centre));
        });
        out
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_share, rng};
    use super::*;

    #[test]
    fn a_window_of_one_is_the_neighbours() {
        let pairs = SkipGram::new(1).unwrap().pairs(&[7, 8, 9], &mut rng(0));
        assert_eq!(pairs, [(7, 8), (8, 7), (8, 9), (9, 8)]);
        let windows = Cbow::new(1).unwrap().windows(&[7, 8, 9], &mut rng(0));
        assert_eq!(windows, [(vec![8], 7), (vec![7, 9], 8), (vec![8], 9)]);
        assert_eq!(Cbow::new(3).unwrap().windows(&[7], &mut rng(0)), []);
        assert!(SkipGram::new(0).is_err() && Cbow::new(0).is_err());
        let huge = SkipGram::new(usize::MAX / 2).unwrap();
        assert_eq!(huge.pairs(&[], &mut rng(0)), []);
    }

    #[test]
    fn a_pair_at_distance_d_is_kept_in_window_plus_1_minus_d_of_window_cases() {
        let words: Vec<u32> = (0..20_000).collect();
        let pairs = SkipGram::new(5).unwrap().pairs(&words, &mut rng(1));
        for distance in 1..=6_u32 {
            let after = pairs.iter().filter(|(a, b)| a + distance == *b).count();
            let n = words.len() - distance as usize;
            assert_share(after, n, f64::from(6 - distance) / 5.0);
        }
    }

    #[test]
    fn both_kinds_see_the_same_windows() {
        let words: Vec<u32> = (0..100).collect();
        let pairs = SkipGram::new(4).unwrap().pairs(&words, &mut rng(2));
        let windows = Cbow::new(4).unwrap().windows(&words, &mut rng(2));
        let flat = windows
            .iter()
            .flat_map(|(context, centre)| context.iter().map(|c| (*centre, *c)));
        assert_eq!(pairs, flat.collect::<Vec<_>>());
    }
}
