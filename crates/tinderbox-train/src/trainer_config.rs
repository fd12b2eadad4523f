//! What a trainer is told.

use crate::checkpoint::CheckpointConfig;
use crate::early_stopping::EarlyStopping;
use crate::error::TrainConfigError;
use crate::optim::OptimConfig;
use crate::schedule::Schedule;

/// Configuration of a [`Trainer`](crate::Trainer).
#[derive(Debug, Clone, PartialEq)]
pub struct TrainerConfig {
    /// Optimiser steps of the run; 0 for an objective that was fitted otherwise, which is evaluated and saved.
    pub steps: u64,
    /// Micro-batches averaged into one step.
    pub accumulate: u32,
    /// Largest global norm of the gradient; `None` leaves it as it is.
    pub clip: Option<f64>,
    /// Decay of the averaged weights; `None` keeps no average.
    pub ema: Option<f64>,
    /// Seed of everything random in the steps.
    pub seed: u64,
    /// The optimiser.
    pub optim: OptimConfig,
    /// The learning-rate schedule.
    pub schedule: Schedule,
    /// Steps between evaluations; 0 evaluates at the end only.
    pub evaluate_every: u64,
    /// Steps between lines of figures.
    pub log_every: u64,
    /// When to save.
    pub checkpoint: CheckpointConfig,
    /// What ends the run early, and tells the weights that it gives; without it, the last of its steps does.
    pub early_stopping: Option<EarlyStopping>,
}

impl TrainerConfig {
    /// A run of `steps` with an optimiser, a cosine schedule and nothing else.
    pub fn new(steps: u64, optim: OptimConfig) -> Self {
        Self {
            steps,
            accumulate: 1,
            clip: None,
            ema: None,
            seed: 0,
            optim,
            schedule: Schedule::Cosine {
                warmup: 0,
                final_share: 0.0,
            },
            evaluate_every: 0,
            log_every: 10,
            checkpoint: CheckpointConfig {
                every: 500,
                keep: 2,
                best: None,
            },
            early_stopping: None,
        }
    }

    pub(crate) fn validate(&self) -> Result<(), TrainConfigError> {
        let check = |name, value: f64, ok: bool, expected| {
            if ok {
                Ok(())
            } else {
                Err(TrainConfigError::OutOfRange {
                    name,
                    value,
                    expected,
                })
            }
        };
        let positive = |name, value: u64| check(name, value as f64, value > 0, "at least 1");
        positive("train.accumulate", u64::from(self.accumulate))?;
        positive("train.log_every", self.log_every)?;
        positive("checkpoint.every", self.checkpoint.every)?;
        positive("checkpoint.keep", self.checkpoint.keep as u64)?;
        if let Some(clip) = self.clip {
            check("train.clip", clip, clip > 0.0, "above 0")?;
        }
        if let Some(decay) = self.ema {
            let ok = (0.0..1.0).contains(&decay);
            check("train.ema", decay, ok, "0 to below 1")?;
        }
        self.optim.validate()
    }
}
