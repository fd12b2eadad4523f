//! Deletion noise for denoising sequence to sequence models.

use super::choice::choose;
use super::noised::NoisedSample;
use super::{SpecialTokens, TokenItem, check_share};
use crate::{DataError, SampleRng, View};

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
        check_share("share", share)?;
        Ok(Self { share, special })
    }
}

impl View<TokenItem> for DeleteTokens {
    type Out = NoisedSample;

    /// # Panics
    /// If the item's flags or segments are not as many as its tokens.
    fn apply(&self, item: TokenItem, mut rng: SampleRng) -> NoisedSample {
        item.check();
        let places = item.ordinary(&self.special);
        let deleted = choose(&places, self.share, 0, &mut rng, |_| 1);
        let mut deleted = deleted.into_iter().flatten().peekable();
        let kept = item
            .tokens
            .iter()
            .enumerate()
            .filter(|(place, _)| deleted.next_if_eq(place).is_none());
        NoisedSample {
            tokens: kept.map(|(_, token)| *token).collect(),
            targets: item.tokens,
            index: rng.index(),
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
}
