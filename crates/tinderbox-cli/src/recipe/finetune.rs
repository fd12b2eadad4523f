//! `[finetune]`: how an encoder is fine-tuned. `finetune` writes it from its flags.

use serde::Serialize;
use tinderbox::transfer::FineTuneConfig;

use super::reader::TableReader;

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
        }
    }
}
