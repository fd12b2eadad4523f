//! `[eval]`, `[compare]` and `[checkpoint]`: what is measured and kept, and how often.

use serde::Serialize;

use super::reader::TableReader;
use super::views::ViewsRecipe;
use crate::encoder::Modality;

/// The `[eval]` table: measurements during the run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EvalRecipe {
    /// Steps between measurements; without it, a tenth of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// Whether to measure the accuracy of nearest neighbours, if there are labels.
    pub knn: bool,
    /// Whether to measure the accuracy of a linear probe, if there are labels.
    pub linear_probe: bool,
    /// Whether to measure embedding spread, effective rank, alignment and uniformity.
    pub health: bool,
    /// Items that a measurement reads at most, from each side of the split.
    pub items: usize,
}

impl EvalRecipe {
    pub(super) fn read(table: &mut TableReader<'_>) -> Self {
        Self {
            every: table.field("every").within(1.., "1 or more").optional(),
            knn: table.field("knn").or(true),
            linear_probe: table.field("linear_probe").or(false),
            health: table.field("health").or(true),
            items: table.field("items").within(2.., "2 or more").or(5_000),
        }
    }
}

/// The `[compare]` table: the label-efficiency table made after pre-training.
///
/// Its arms are the pre-trained encoder, a randomly initialised one, the plain input, the pre-trained encoder fine-tuned, and the same
/// encoder trained from scratch. The last two choose rate and length alike, on a part of the labels given.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CompareRecipe {
    /// Shares of the labels, each a row of the table.
    pub shares: Vec<f64>,
    /// How many draws of labels and of initial weights; their seeds follow the recipe's `seed`.
    pub seeds: u64,
    /// Whether every draw pre-trains an encoder of its own, so that the intervals hold the luck of
    /// pre-training as well; otherwise all draws share the run's encoder.
    pub pretrain_each: bool,
    /// Whether the pre-trained encoder is fine-tuned as well.
    pub fine_tune: bool,
    /// Learning rate of fine-tuning; without it, that of the verb.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fine_tune_lr: Option<f64>,
    /// Learning rate of training from scratch.
    pub scratch_lr: f64,
    /// Multiples of both rates to choose among on a fifth of the labels given; one alone leaves them as they are.
    pub rate_factors: Vec<f64>,
    /// Steps of both at first; doubled while the loss still falls.
    pub scratch_steps: u64,
    /// The random views of both; without it, those of the pre-training, which may be stronger than labels want.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub views: Option<ViewsRecipe>,
}

impl CompareRecipe {
    pub(super) fn read(table: &mut TableReader<'_>, modality: Modality) -> Self {
        let rate = |lr: &f64| *lr > 0.0 && lr.is_finite();
        Self {
            shares: table
                .field("shares")
                .check(
                    "one or more shares, each above 0 and up to 1",
                    |shares: &Vec<f64>| {
                        let valid = |share: &f64| *share > 0.0 && *share <= 1.0;
                        !shares.is_empty() && shares.iter().all(valid)
                    },
                )
                .or(vec![0.01, 0.1, 1.0]),
            seeds: table
                .field("seeds")
                .within(2.., "2 or more, for an interval")
                .or(5),
            pretrain_each: table.field("pretrain_each").or(false),
            fine_tune: table.field("fine_tune").or(true),
            fine_tune_lr: table
                .field("fine_tune_lr")
                .check("a rate above 0", rate)
                .optional(),
            scratch_lr: table
                .field("scratch_lr")
                .check("a rate above 0", rate)
                .or(1e-3),
            rate_factors: table
                .field("rate_factors")
                .check("one or more factors above 0", |factors: &Vec<f64>| {
                    !factors.is_empty() && factors.iter().all(rate)
                })
                .or(vec![0.3, 1.0, 3.0]),
            scratch_steps: table
                .field("scratch_steps")
                .within(1.., "1 or more")
                .or(1_000),
            views: table.optional_table("views", |views| ViewsRecipe::read(views, modality)),
        }
    }
}

/// The `[checkpoint]` table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckpointRecipe {
    /// Steps between checkpoints; without it, a tenth of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// How many of the latest are kept.
    pub keep: usize,
    /// Whether the one with the best measurement is kept as well.
    pub best: bool,
}

impl CheckpointRecipe {
    pub(super) fn read(table: &mut TableReader<'_>) -> Self {
        Self {
            every: table.field("every").within(1.., "1 or more").optional(),
            keep: table.field("keep").within(1.., "1 or more").or(3),
            best: table.field("best").or(true),
        }
    }
}
