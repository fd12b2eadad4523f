//! Deletion noise for denoising sequence to sequence models.

use super::choice::choose;
use super::padding::{padded, padded_length, padding};
use super::{SpecialTokens, TokenItem, check_share};
use crate::{Collate, DataError, PlainBatch, SampleRng, View};

/// Deletes a share of the ordinary tokens; the model must say what was there and where.
///
/// Token deletion of BART (Lewis et al. 2020, section 2.2). A short sequence may lose nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct DeleteTokens {
    share: f32,
    special: SpecialTokens,
}

impl DeleteTokens {
    /// Deletes `share` of the ordinary tokens.
    ///
    /// # Errors
    /// [`DataError::Config`] if `share` lies outside of 0..1, or if the special tokens are not in the vocabulary or leave fewer than
    /// two ordinary ones.
    pub fn new(share: f32, special: SpecialTokens) -> Result<Self, DataError> {
        special.validate()?;
        check_share("deletion.share", share)?;
        Ok(Self { share, special })
    }
}

/// A sequence before and after deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedSample {
    /// What is left.
    pub tokens: Vec<u32>,
    /// The whole sequence.
    pub targets: Vec<u32>,
    /// The index of the item in the data set.
    pub index: u64,
}

impl View<TokenItem> for DeleteTokens {
    type Out = DeletedSample;

    /// # Panics
    /// If the item's flags or segments are not as many as its tokens.
    fn apply(&self, item: TokenItem, mut rng: SampleRng) -> DeletedSample {
        item.check();
        let places = item.ordinary(&self.special);
        let deleted = choose(&places, self.share, 0, &mut rng, |_| 1);
        let mut deleted = deleted.into_iter().flatten().peekable();
        let kept = item
            .tokens
            .iter()
            .enumerate()
            .filter(|(place, _)| deleted.next_if_eq(place).is_none());
        DeletedSample {
            tokens: kept.map(|(_, token)| *token).collect(),
            targets: item.tokens,
            index: rng.index(),
        }
    }
}

/// Pads [`DeletedSample`]s to a batch.
///
/// Gives `tokens` and `padding`, each `[B, T]`, and `targets` and `target_padding`, each `[B, U]`, of `i64`; padding is 1 where a
/// token is padding. `T` and `U` are the lengths of the batch's longest sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeletedCollate {
    /// The id that fills sequences up.
    pub pad: u32,
}

impl Collate<DeletedSample> for DeletedCollate {
    /// # Panics
    /// If there are no samples.
    fn collate(&self, samples: Vec<DeletedSample>) -> PlainBatch {
        let tokens = samples.iter().map(|sample| &sample.tokens[..]);
        let targets = samples.iter().map(|sample| &sample.targets[..]);
        let short = padded_length(tokens.clone().map(<[u32]>::len), None);
        let long = padded_length(targets.clone().map(<[u32]>::len), None);
        let pads = padding(tokens.clone().map(<[u32]>::len), short);
        let target_pads = padding(targets.clone().map(<[u32]>::len), long);
        PlainBatch {
            indices: samples.iter().map(|sample| sample.index).collect(),
            tensors: vec![
                ("tokens".to_owned(), padded(tokens, short, self.pad)),
                ("padding".to_owned(), pads),
                ("targets".to_owned(), padded(targets, long, self.pad)),
                ("target_padding".to_owned(), target_pads),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{rng, sentence, special};
    use super::*;

    #[test]
    fn what_is_left_is_a_subsequence_with_all_special_tokens() {
        let view = DeleteTokens::new(0.3, special()).unwrap();
        let mut deleted = 0;
        for index in 0..1000 {
            let item = sentence(40, index);
            let sample = view.apply(item.clone(), rng(index));
            assert_eq!(sample.targets, item.tokens);
            assert_eq!((sample.tokens[0], *sample.tokens.last().unwrap()), (1, 2));
            let mut whole = item.tokens.iter();
            assert!(
                sample
                    .tokens
                    .iter()
                    .all(|token| whole.any(|other| other == token))
            );
            deleted += item.tokens.len() - sample.tokens.len();
        }
        assert!(deleted.abs_diff(12_000) < 80, "{deleted}");
    }

    #[test]
    fn both_lengths_are_padded() {
        let sample = |tokens: &[u32], targets: &[u32]| DeletedSample {
            tokens: tokens.to_vec(),
            targets: targets.to_vec(),
            index: 0,
        };
        let samples = vec![sample(&[5], &[5, 6, 7]), sample(&[8, 9], &[8, 9])];
        let batch = DeletedCollate { pad: 0 }.collate(samples);
        let values = |place: usize| batch.tensors[place].1.as_slice::<i64>().unwrap();
        assert_eq!(values(0), [5, 0, 8, 9]);
        assert_eq!(values(1), [0, 1, 0, 0]);
        assert_eq!(values(2), [5, 6, 7, 8, 9, 0]);
        assert_eq!(values(3), [0, 0, 0, 0, 0, 1]);
    }
}
