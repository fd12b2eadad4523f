//! `[finetune]`: how an encoder is fine-tuned. `finetune` writes it from its flags.

use serde::Serialize;
use tinderbox::nn::TextEncoderConfig;
use tinderbox::transfer::FineTuneConfig;

use super::reader::TableReader;
use crate::encoder::EncoderConfig;

/// The `[finetune]` table.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FinetuneRecipe {
    /// Share of the training labels that are used.
    pub labels: f64,
    /// Whether the encoder stays as it is and only the output layer learns.
    pub freeze: bool,
    /// Factor on the learning rate for each layer further from the output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer_decay: Option<f64>,
    /// Share of the labels given that is held out of training, to keep the weights with the lowest loss on it; 0 keeps the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_share: Option<f64>,
    /// Evaluations without a lower loss after which the training ends; without it, it goes through all of its steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<u64>,
}

/// A width below which published transformers are small.
const SMALL: usize = 384;

/// The learning rate of fine-tuning that keeps what an encoder knows.
///
/// Transformers take that of BERT (Devlin et al. 2019, appendix A.3), and small ones that were trained here the highest of those for small
/// ones (Turc et al. 2019); both want a warm-up. Other networks take AdamW's own, and a tenth of it where others trained them for long.
pub fn rate_for(encoder: &EncoderConfig, published: bool) -> f64 {
    match (transformer_width(encoder), published) {
        (Some(width), false) if width < SMALL => 3e-4,
        (Some(_), _) => 5e-5,
        (None, true) => 1e-4,
        (None, false) => 1e-3,
    }
}

/// Whether an encoder is a transformer.
pub fn is_transformer(encoder: &EncoderConfig) -> bool {
    transformer_width(encoder).is_some()
}

fn transformer_width(encoder: &EncoderConfig) -> Option<usize> {
    match encoder {
        EncoderConfig::Text(TextEncoderConfig::Bert(config)) => Some(config.width),
        EncoderConfig::Text(TextEncoderConfig::EncoderDecoder(config)) => Some(config.width),
        EncoderConfig::Text(TextEncoderConfig::Recurrent(_))
        | EncoderConfig::Image(_)
        | EncoderConfig::Row(_) => None,
    }
}

impl FinetuneRecipe {
    /// What the learning rates follow.
    pub fn config(&self) -> FineTuneConfig {
        FineTuneConfig {
            freeze: self.freeze,
            layer_decay: self.layer_decay,
        }
    }

    pub(super) fn read(table: &mut TableReader<'_>) -> Self {
        let share = |share: &f64| *share > 0.0 && *share <= 1.0;
        Self {
            labels: table
                .field("labels")
                .check("above 0 and up to 1", share)
                .or(1.0),
            freeze: table.field("freeze").or(false),
            layer_decay: table
                .field("layer_decay")
                .check("above 0 and up to 1", share)
                .optional(),
            validation_share: table
                .field("validation_share")
                .within(0.0..1.0, "0 to below 1")
                .optional(),
            patience: table.field("patience").within(1.., "1 or more").optional(),
        }
    }
}
