//! Replaced-token detection.

use super::choice::choose;
use super::padding::{named, padded, padded_length, sequences};
use super::{SpecialTokens, TokenItem, check_share};
use crate::{Collate, DataError, PlainBatch, SampleRng, View};

/// Replaces a share of the ordinary tokens by random others and says which.
///
/// The noise of ELECTRA (Clark et al. 2020, section 2) with a uniform generator instead of a learnt one. A replacement always differs
/// from the original, so the labels are exact; at least one token is replaced when there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplaceTokens {
    share: f32,
    special: SpecialTokens,
}

impl ReplaceTokens {
    /// Replaces `share` of the ordinary tokens; ELECTRA's value is 0.15.
    ///
    /// # Errors
    /// [`DataError::Config`] if `share` lies outside of 0..1, or if the special tokens are not in the vocabulary or leave fewer than
    /// two ordinary ones.
    pub fn new(share: f32, special: SpecialTokens) -> Result<Self, DataError> {
        special.validate()?;
        check_share("replacement.share", share)?;
        Ok(Self { share, special })
    }
}

/// A sequence of `T` tokens, some of them replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplacedSample {
    /// The tokens after replacement, `[T]`.
    pub tokens: Vec<u32>,
    /// The segment of each token, `[T]`.
    pub segments: Vec<u32>,
    /// 1 where a token was replaced, else 0, `[T]`.
    pub replaced: Vec<u32>,
    /// The index of the item in the data set.
    pub index: u64,
}

impl View<TokenItem> for ReplaceTokens {
    type Out = ReplacedSample;

    /// # Panics
    /// If the item's flags or segments are not as many as its tokens.
    fn apply(&self, item: TokenItem, mut rng: SampleRng) -> ReplacedSample {
        item.check();
        let places = item.ordinary(&self.special);
        let chosen = choose(&places, self.share, 1, &mut rng, |_| 1);
        let mut tokens = item.tokens;
        let mut replaced = vec![0; tokens.len()];
        for place in chosen.into_iter().flatten() {
            let original = tokens[place];
            while tokens[place] == original {
                tokens[place] = self.special.draw_ordinary(&mut rng);
            }
            replaced[place] = 1;
        }
        ReplacedSample {
            tokens,
            segments: item.segments,
            replaced,
            index: rng.index(),
        }
    }
}

/// Pads [`ReplacedSample`]s to a batch.
///
/// Gives `tokens`, `segments`, `padding` (1 where a token is padding) and `replaced` (0 where it is), each `[B, T]` of `i64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplacedCollate {
    /// The id that fills sequences up.
    pub pad: u32,
    /// The length `T` of every batch; that of the batch's longest sequence if it is `None`.
    pub length: Option<usize>,
}

impl Collate<ReplacedSample> for ReplacedCollate {
    /// # Panics
    /// If there are no samples, or if one is longer than `length`.
    fn collate(&self, samples: Vec<ReplacedSample>) -> PlainBatch {
        let lengths = samples.iter().map(|sample| sample.tokens.len());
        let length = padded_length(lengths, self.length);
        let tokens = samples.iter().map(|sample| &sample.tokens[..]);
        let segments = samples.iter().map(|sample| &sample.segments[..]);
        let replaced = samples.iter().map(|sample| &sample.replaced[..]);
        let mut tensors = named(sequences(tokens, segments, length, self.pad));
        tensors.extend(named([("replaced", padded(replaced, length, 0))]));
        PlainBatch {
            indices: samples.iter().map(|sample| sample.index).collect(),
            tensors,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{rng, sentence, special};
    use super::*;

    #[test]
    fn labels_say_exactly_what_differs() {
        let view = ReplaceTokens::new(0.15, special()).unwrap();
        let mut count = 0;
        for index in 0..1000 {
            let item = sentence(100, index);
            let sample = view.apply(item.clone(), rng(index));
            for place in 0..102 {
                let differs = sample.tokens[place] != item.tokens[place];
                assert_eq!(differs, sample.replaced[place] == 1);
                assert!(!differs || !special().contains(item.tokens[place]));
                assert!(!differs || !special().contains(sample.tokens[place]));
                count += usize::from(differs);
            }
        }
        // Rounding at random deviates by at most half a token a sequence, 5 * 0.5 * sqrt(1000) in all.
        assert!(count.abs_diff(15_000) < 80, "{count}");
    }

    #[test]
    fn padding_is_not_replaced() {
        let view = ReplaceTokens::new(1.0, special()).unwrap();
        let samples = [3, 1].map(|n| view.apply(sentence(n, 0), rng(n as u64)));
        let collate = ReplacedCollate {
            pad: 0,
            length: None,
        };
        let batch = collate.collate(samples.to_vec());
        let replaced = batch.tensors[3].1.as_slice::<i64>().unwrap();
        assert_eq!(replaced, [0, 1, 1, 1, 0, 0, 1, 0, 0, 0]);
    }
}
