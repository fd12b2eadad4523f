//! Sentence-order prediction.

use super::sentence_pair::{self, join, split};
use super::{SentenceChunk, SpecialTokens, TokenItem};
use crate::{DataError, SampleRng, View};

/// Two neighbouring segments, swapped in half of the cases.
///
/// Lan et al. 2020, "ALBERT", section 3.1. The label is 0 in order and 1 swapped. The pair is `[CLS] A [SEP] B [SEP]` with
/// segments 0 and 1.
#[derive(Debug, Clone)]
pub struct SentenceOrder {
    special: SpecialTokens,
    max_length: usize,
}

impl SentenceOrder {
    /// Pairs of at most `max_length` tokens, special ones included.
    ///
    /// # Errors
    /// [`DataError::Config`] if `max_length` is below 5, or if the special tokens are not in the vocabulary or leave fewer than two
    /// ordinary ones.
    pub fn new(special: SpecialTokens, max_length: usize) -> Result<Self, DataError> {
        sentence_pair::check(max_length, &special)?;
        Ok(Self {
            special,
            max_length,
        })
    }
}

impl View<SentenceChunk> for SentenceOrder {
    type Out = TokenItem;

    /// # Panics
    /// If the chunk has fewer than two sentences.
    fn apply(&self, chunk: SentenceChunk, mut rng: SampleRng) -> TokenItem {
        let (mut a, mut b) = split(&chunk, &mut rng);
        let swapped = rng.bool(0.5);
        if swapped {
            std::mem::swap(&mut a, &mut b);
        }
        let label = u32::from(swapped);
        join(a, b, &self.special, self.max_length, label, &mut rng)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_share, rng, special};
    use super::*;

    #[test]
    fn half_are_swapped_and_the_cut_moves() {
        let view = SentenceOrder::new(special(), 32).unwrap();
        let sentence = |n: u32| TokenItem::new(vec![10 * n, 10 * n + 1]);
        let chunk = SentenceChunk {
            document: 0,
            sentences: (1..=3).map(sentence).collect(),
        };
        let mut counts = [0; 4];
        for index in 0..4000 {
            let item = view.apply(chunk.clone(), rng(index));
            let case = match item.tokens[..] {
                [1, 10, 11, 2, 20, 21, 30, 31, 2] => 0,
                [1, 10, 11, 20, 21, 2, 30, 31, 2] => 1,
                [1, 20, 21, 30, 31, 2, 10, 11, 2] => 2,
                [1, 30, 31, 2, 10, 11, 20, 21, 2] => 3,
                _ => panic!("{:?}", item.tokens),
            };
            assert_eq!(item.label, Some(u32::from(case > 1)));
            counts[case] += 1;
        }
        counts
            .iter()
            .for_each(|count| assert_share(*count, 4000, 0.25));
    }
}
