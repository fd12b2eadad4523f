//! `[train]`, `[optim]` and `[schedule]`: how the weights are updated, and for how long.

use serde::Serialize;
use tinderbox::train::{OptimConfig, Schedule};

use super::reader::TableReader;
use crate::error::CliError;

/// The `[train]` table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrainRecipe {
    /// How long the run is.
    #[serde(flatten)]
    pub length: Length,
    /// Items of a batch; with accumulation, of one part of it.
    pub batch: usize,
    /// Batches whose gradients are averaged into one update.
    pub accumulate: usize,
    /// Global norm that gradients are clipped to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip: Option<f64>,
    /// Decay of the moving average of the weights, which is exported instead of the last ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ema: Option<f64>,
    /// Of an objective on labels, the share of them that is held out of training, to keep the weights with the lowest loss on it; 0 keeps the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_share: Option<f64>,
}

/// The length of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Length {
    /// In updates of the weights.
    Steps(u64),
    /// In passes over the data.
    Epochs(u64),
}

impl Length {
    /// Updates of the weights, given how many make a pass over the data.
    pub fn steps(self, per_epoch: u64) -> u64 {
        match self {
            Self::Steps(steps) => steps,
            Self::Epochs(epochs) => epochs.saturating_mul(per_epoch),
        }
    }
}

impl TrainRecipe {
    pub(super) fn read(table: &mut TableReader<'_>) -> Self {
        if table.has("steps") && table.has("epochs") {
            table.complain_at(
                "epochs",
                "`train.epochs` and `train.steps` exclude each other",
            );
        }
        let epochs = table.field("epochs").within(1.., "1 or more").optional();
        let steps = table.field("steps").within(1.., "1 or more");
        let length = match epochs {
            Some(epochs) => {
                steps.optional();
                Length::Epochs(epochs)
            }
            None => Length::Steps(steps.required_as("`train.steps` or `train.epochs`", 1)),
        };
        Self {
            length,
            batch: table.field("batch").within(1.., "1 or more").or(256),
            accumulate: table.field("accumulate").within(1.., "1 or more").or(1),
            clip: table
                .field("clip")
                .check("above 0", |norm: &f64| *norm > 0.0)
                .optional(),
            ema: table
                .field("ema")
                .check("between 0 and 1", |decay: &f64| {
                    *decay > 0.0 && *decay < 1.0
                })
                .optional(),
            validation_share: table
                .field("validation_share")
                .within(0.0..1.0, "0 to below 1")
                .optional(),
        }
    }
}

/// Refuses a warm-up that is longer than a run of so many steps, whose rate would stay below the one that was asked for.
///
/// # Errors
/// [`CliError::Usage`] with both lengths.
pub fn check_warmup(schedule: &Schedule, steps: u64) -> Result<(), CliError> {
    let (Schedule::Constant { warmup }
    | Schedule::Linear { warmup }
    | Schedule::Cosine { warmup, .. }) = schedule;
    match *warmup > steps {
        false => Ok(()),
        true => Err(CliError::Usage {
            message: format!("`schedule.warmup` is {warmup}, but the run has {steps} steps"),
            help: Some("the rate would never be reached: a tenth of the steps is usual".into()),
        }),
    }
}

/// Names that `optim.kind` takes.
pub const OPTIM_KINDS: [&str; 3] = ["adamw", "sgd", "lars"];

pub(super) fn read_optim(table: &mut TableReader<'_>) -> OptimConfig {
    let kind = table.choice("kind", &OPTIM_KINDS, Some("adamw"));
    if kind.is_none() {
        table.pass_over();
    }
    let mut rate = |default: f64| {
        table
            .field("lr")
            .check("a rate above 0", |lr: &f64| *lr > 0.0 && lr.is_finite())
            .or(default)
    };
    // Base rates: AdamW's is Burn's and PyTorch's; SGD's is SimSiam's (Chen and He 2021) and
    // LARS's is SimCLR's, both for a batch of 256.
    match kind {
        Some("sgd") => OptimConfig::Sgd {
            lr: rate(0.05),
            momentum: momentum(table, 0.9),
            weight_decay: weight_decay(table, 1e-4),
        },
        Some("lars") => OptimConfig::Lars {
            lr: rate(0.3),
            momentum: momentum(table, 0.9),
            weight_decay: weight_decay(table, 1e-6),
            trust: table
                .field("trust")
                .check("above 0", |t: &f64| *t > 0.0)
                .or(1e-3),
        },
        _ => OptimConfig::Adamw {
            lr: rate(1e-3),
            weight_decay: weight_decay(table, 1e-4),
            betas: table
                .field("betas")
                .check("two numbers from 0 to below 1", |betas: &[f64; 2]| {
                    betas.iter().all(|beta| (0.0..1.0).contains(beta))
                })
                .or([0.9, 0.999]),
        },
    }
}

fn momentum(table: &mut TableReader<'_>, default: f64) -> f64 {
    table
        .field("momentum")
        .within(0.0..1.0, "0 to below 1")
        .or(default)
}

fn weight_decay(table: &mut TableReader<'_>, default: f64) -> f64 {
    table
        .field("weight_decay")
        .within(0.0..f64::INFINITY, "0 or more")
        .or(default)
}

/// Names that `schedule.kind` takes.
pub const SCHEDULE_KINDS: [&str; 3] = ["cosine", "linear", "constant"];

pub(super) fn read_schedule(table: &mut TableReader<'_>) -> Schedule {
    let kind = table.choice("kind", &SCHEDULE_KINDS, Some("cosine"));
    let warmup = table.field("warmup").or(0);
    match kind {
        Some("constant") => Schedule::Constant { warmup },
        Some("linear") => Schedule::Linear { warmup },
        Some(_) => Schedule::Cosine {
            warmup,
            final_share: table
                .field("final_share")
                .within(0.0..=1.0, "0 to 1")
                .or(0.0),
        },
        None => {
            table.pass_over();
            Schedule::Constant { warmup }
        }
    }
}
