//! `[data.views]`: the random views that pre-training sees of an item.

use serde::{Deserialize, Serialize};
use tinderbox::data::table::SwapNoise;
use tinderbox::data::text::{MaskingConfig, SpecialTokens};
use tinderbox::data::{Augment, AugmentConfig, DataError};

use super::reader::TableReader;
use crate::encoder::Modality;

/// The `[data.views]` table.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ViewsRecipe {
    /// Random transforms of images, applied in a fixed order.
    Image(AugmentConfig),
    /// Corruption of rows.
    Row(SwapRecipe),
    /// Masking of tokens, for objectives that tell what was masked.
    Text(MaskingConfig),
}

/// The views of a row: itself, and itself corrupted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SwapRecipe {
    /// Probability that a feature is replaced by that of another row (SCARF).
    pub swap: f32,
}

impl Default for SwapRecipe {
    fn default() -> Self {
        Self {
            swap: SwapNoise::DEFAULT_P,
        }
    }
}

impl SwapRecipe {
    fn build(self) -> Result<SwapNoise, DataError> {
        SwapNoise::new(self.swap).map_err(|error| match error {
            // The key that a person wrote.
            DataError::Config { expected, got, .. } => DataError::Config {
                name: "swap",
                expected,
                got,
            },
            other => other,
        })
    }
}

impl ViewsRecipe {
    /// The views of a modality as they come.
    pub fn of(modality: Modality) -> Self {
        match modality {
            Modality::Image => Self::Image(AugmentConfig::default()),
            Modality::Row => Self::Row(SwapRecipe::default()),
            Modality::Text => Self::Text(MaskingConfig::default()),
        }
    }

    /// The transforms of images.
    ///
    /// # Errors
    /// A value out of its range.
    ///
    /// # Panics
    /// If these are views of something else.
    pub fn images(&self) -> Result<Augment, DataError> {
        match self {
            Self::Image(config) => config.build(),
            _ => panic!("these views have no transforms of images"),
        }
    }

    /// The corruption of rows.
    ///
    /// # Errors
    /// A value out of its range.
    ///
    /// # Panics
    /// If these are views of something else.
    pub fn rows(&self) -> Result<SwapNoise, DataError> {
        match self {
            Self::Row(config) => config.build(),
            _ => panic!("these views have no corruption of rows"),
        }
    }

    /// The masking of tokens.
    ///
    /// # Panics
    /// If these are views of something else.
    pub fn texts(&self) -> MaskingConfig {
        match self {
            Self::Text(config) => *config,
            _ => panic!("these views have no masking of tokens"),
        }
    }

    pub(super) fn read(table: &mut TableReader<'_>, modality: Modality) -> Self {
        let read = match modality {
            Modality::Image => {
                let check = |views: &AugmentConfig| views.build().map(|_| ());
                table.checked_rest(check).map(Self::Image)
            }
            Modality::Row => {
                let check = |views: &SwapRecipe| views.build().map(|_| ());
                table.checked_rest(check).map(Self::Row)
            }
            Modality::Text => {
                let special = vocabulary_that_serves();
                let check = |views: &MaskingConfig| views.build(special.clone()).map(|_| ());
                table.checked_rest(check).map(Self::Text)
            }
        };
        read.unwrap_or_else(|| Self::of(modality))
    }
}

/// One to check shares with, where the real one is not there yet.
pub(super) fn vocabulary_that_serves() -> SpecialTokens {
    SpecialTokens {
        vocabulary: 8,
        pad: 0,
        cls: 1,
        sep: 2,
        mask: 3,
        others: Vec::new(),
    }
}
