//! The choice of noise for denoising sequence to sequence models.

use serde::{Deserialize, Serialize};

use super::noised::NoisedSample;
use super::{DeleteTokens, InfillSpans, SpecialTokens, TokenItem};
use crate::{DataError, SampleRng, View};

/// What noise does to a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoiseKind {
    /// One mask replaces a span of tokens: see [`InfillSpans`].
    Infilling,
    /// Tokens are left out: see [`DeleteTokens`].
    Deletion,
}

/// How noise is put on sequences.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NoiseConfig {
    /// What it does.
    pub noise: NoiseKind,
    /// The share of ordinary tokens that it takes.
    pub share: f32,
    /// The mean length of a span; of infilling alone.
    pub mean_length: f32,
}

impl Default for NoiseConfig {
    /// BART's: infilling of 30 % of the tokens by spans of 3 in the mean (Lewis et al. 2020, sections 2.2 and 5.1).
    fn default() -> Self {
        Self {
            noise: NoiseKind::Infilling,
            share: 0.3,
            mean_length: 3.0,
        }
    }
}

impl NoiseConfig {
    /// The view that puts such noise on sequences.
    ///
    /// # Errors
    /// [`DataError::Config`] as [`InfillSpans::new`] and [`DeleteTokens::new`] have it.
    pub fn build(self, special: SpecialTokens) -> Result<Noise, DataError> {
        Ok(match self.noise {
            NoiseKind::Infilling => {
                Noise::Infilling(InfillSpans::new(self.share, self.mean_length, special)?)
            }
            NoiseKind::Deletion => Noise::Deletion(DeleteTokens::new(self.share, special)?),
        })
    }
}

/// A noise that was chosen at run time.
#[derive(Debug, Clone, PartialEq)]
pub enum Noise {
    /// Spans of tokens become one mask each.
    Infilling(InfillSpans),
    /// Tokens are left out.
    Deletion(DeleteTokens),
}

impl View<TokenItem> for Noise {
    type Out = NoisedSample;

    /// # Panics
    /// If the item's flags or segments are not as many as its tokens.
    fn apply(&self, item: TokenItem, rng: SampleRng) -> NoisedSample {
        match self {
            Self::Infilling(view) => view.apply(item, rng),
            Self::Deletion(view) => view.apply(item, rng),
        }
    }
}
