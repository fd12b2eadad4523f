//! Infilling noise for denoising sequence to sequence models.

use super::choice::choose;
use super::noised::NoisedSample;
use super::{SpecialTokens, TokenItem, check_share};
use crate::{DataError, SampleRng, View};

/// Replaces spans of ordinary tokens by one mask each; the model must say what was there, and how much.
///
/// Text infilling of BART (Lewis et al. 2020, section 2.2): the lengths of the spans have Poisson's distribution, and a span of length
/// 0 inserts a mask. A span ends early at a special token, at another span and when the share is reached. A short sequence may
/// stay as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct InfillSpans {
    share: f32,
    mean_length: f32,
    special: SpecialTokens,
}

impl InfillSpans {
    /// The longest mean: its exponential is still a number.
    const LONGEST_MEAN: f32 = 80.0;

    /// Replaces `share` of the ordinary tokens by spans of this length in the mean.
    ///
    /// # Errors
    /// [`DataError::Config`] if `share` lies outside of 0..1, if `mean_length` is not above 0 and at most 80, or if the special tokens
    /// are not in the vocabulary or leave fewer than two ordinary ones.
    pub fn new(share: f32, mean_length: f32, special: SpecialTokens) -> Result<Self, DataError> {
        special.validate()?;
        check_share("share", share)?;
        if !(mean_length > 0.0 && mean_length <= Self::LONGEST_MEAN) {
            let expected = format!("a number above 0 and at most {}", Self::LONGEST_MEAN);
            return Err(DataError::config("mean_length", expected, mean_length));
        }
        Ok(Self {
            share,
            mean_length,
            special,
        })
    }
}

impl View<TokenItem> for InfillSpans {
    type Out = NoisedSample;

    /// # Panics
    /// If the item's flags or segments are not as many as its tokens.
    fn apply(&self, item: TokenItem, mut rng: SampleRng) -> NoisedSample {
        item.check();
        let places = item.ordinary(&self.special);
        let mut insertions = 0;
        let spans = choose(&places, self.share, 0, &mut rng, |rng| {
            let length = poisson(self.mean_length, rng);
            insertions += usize::from(length == 0);
            length
        });
        // Masks before each token.
        let mut masks = vec![0; item.tokens.len()];
        let mut hidden = vec![false; item.tokens.len()];
        for span in spans {
            masks[span.start] += 1;
            hidden[span].fill(true);
        }
        for _ in 0..insertions {
            let place = &places[rng.below(places.len() as u64) as usize];
            masks[place.start] += 1;
        }
        let mut tokens = Vec::with_capacity(item.tokens.len());
        for ((token, masks), hidden) in item.tokens.iter().zip(masks).zip(hidden) {
            tokens.extend(std::iter::repeat_n(self.special.mask, masks));
            tokens.extend((!hidden).then_some(*token));
        }
        NoisedSample {
            tokens,
            targets: item.tokens,
            index: rng.index(),
        }
    }
}

/// A draw from Poisson's distribution: how many uniform numbers can be multiplied before the product is at most `exp(-mean)`
/// (Knuth, The Art of Computer Programming, volume 2, section 3.4.1).
fn poisson(mean: f32, rng: &mut SampleRng) -> usize {
    let limit = f64::from(-mean).exp();
    let mut product = 1.0 - f64::from(rng.uniform());
    let mut count = 0;
    while product > limit {
        product *= 1.0 - f64::from(rng.uniform());
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{assert_share, rng, sentence, special};
    use super::*;

    proptest! {
        /// Masks taken away, what is left is a part of the sequence in its order, with all special tokens; every run of masks
        /// stands where tokens are missing or for an insertion, and the share holds.
        #[test]
        fn what_is_left_is_in_order(
            length in 0_usize..60, share in 0.0_f32..=1.0, mean in 0.1_f32..10.0, index in 0_u64..1000,
        ) {
            let view = InfillSpans::new(share, mean, special()).unwrap();
            let item = sentence(length, index);
            let sample = view.apply(item.clone(), rng(index));
            prop_assert_eq!(&sample.targets, &item.tokens);
            let left: Vec<u32> = sample.tokens.iter().copied().filter(|token| *token != 3).collect();
            let mut whole = item.tokens.iter();
            prop_assert!(left.iter().all(|token| whole.any(|other| other == token)));
            prop_assert_eq!((left[0], *left.last().unwrap()), (1, 2));
            let hidden = item.tokens.len() - left.len();
            // Rounded up or down; spans of length 0 may leave it short.
            prop_assert!(hidden as f32 <= share * length as f32 + 1.0);
            let masks = sample.tokens.len() - left.len();
            prop_assert!(hidden == 0 || masks > 0);
            // The same address, the same noise.
            prop_assert_eq!(view.apply(item, rng(index)), sample);
        }
    }

    #[test]
    fn lengths_have_poissons_distribution() {
        let mut rng = rng(0);
        let mut counts = [0; 40];
        for _ in 0..100_000 {
            counts[poisson(3.0, &mut rng)] += 1;
        }
        let mut probability = (-3.0_f64).exp();
        for (length, count) in counts.into_iter().enumerate().take(10) {
            assert_share(count, 100_000, probability);
            probability *= 3.0 / (length + 1) as f64;
        }
    }

    #[test]
    fn a_share_is_hidden_behind_a_third_as_many_masks() {
        let view = InfillSpans::new(0.3, 3.0, special()).unwrap();
        let (mut hidden, mut masks) = (0, 0);
        for index in 0..500 {
            let item = sentence(200, index);
            let sample = view.apply(item.clone(), rng(index));
            let of_sample = sample.tokens.iter().filter(|token| **token == 3).count();
            hidden += item.tokens.len() + of_sample - sample.tokens.len();
            masks += of_sample;
        }
        // Rounding at random deviates by at most half a token a sequence.
        assert!(
            (hidden as f64 - 30_000.0).abs() < 5.0 * 0.5 * 500_f64.sqrt(),
            "{hidden}"
        );
        // Fewer tokens a mask than 3, as spans end early.
        let mean = hidden as f64 / masks as f64;
        assert!((2.2..3.0).contains(&mean), "{mean}");
    }

    #[test]
    fn nothing_ordinary_stays_as_it_is() {
        let view = InfillSpans::new(1.0, 3.0, special()).unwrap();
        for tokens in [vec![], vec![1, 2], vec![1, 4, 2]] {
            let sample = view.apply(TokenItem::new(tokens.clone()), rng(0));
            assert_eq!(sample.tokens, tokens);
        }
    }

    #[test]
    fn settings_are_checked() {
        for (share, mean) in [
            (1.5, 3.0),
            (f32::NAN, 3.0),
            (0.3, 0.0),
            (0.3, 1000.0),
            (0.3, f32::NAN),
        ] {
            assert!(
                InfillSpans::new(share, mean, special()).is_err(),
                "{share} {mean}"
            );
        }
    }
}
