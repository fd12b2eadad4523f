//! What a run tells while it goes, and how it ended.

use std::path::Path;
use std::time::Duration;

use crate::checkpoint::SetAside;
use crate::metrics::LostFigures;

/// What an observer hears after each step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// Steps done, this one included.
    pub step: u64,
    /// Steps of the run.
    pub total_steps: u64,
    /// Passes over the data done.
    pub epoch: u64,
    /// Loss of this step.
    pub loss: f64,
    /// Global norm of the gradient before clipping.
    pub grad_norm: f64,
    /// Learning rate of this step.
    pub rate: f64,
}

/// Watches a run, such as a progress bar.
pub trait Observer {
    /// A step was done.
    fn step(&mut self, _report: &StepReport) {}
    /// The evaluators spoke.
    fn evaluation(&mut self, _step: u64, _figures: &[(String, f64)]) {}
    /// A checkpoint was saved.
    fn checkpoint(&mut self, _step: u64, _path: &Path) {}
    /// Something the user should know.
    fn warning(&mut self, _text: &str) {}
}

/// An observer that hears nothing.
#[derive(Debug, Default)]
pub struct Silent;

impl Observer for Silent {}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// All steps are done.
    Finished,
    /// A stop was asked for; all is saved.
    Stopped {
        /// The signal's number.
        signal: i32,
        /// Steps done.
        step: u64,
    },
}

/// What a resumed run starts from.
#[derive(Debug, Clone, PartialEq)]
pub struct Resumed {
    /// Steps done already; 0 if no checkpoint could be used.
    pub step: u64,
    /// Checkpoints that were damaged.
    pub set_aside: Vec<SetAside>,
    /// Figures of the steps before that are gone.
    pub lost: LostFigures,
}

/// How the time of a run was spent.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Timing {
    /// Steps done by this process.
    pub steps: u64,
    /// Time in steps, waiting for data included; evaluation and saving are not.
    pub training: Duration,
    /// Time in which a step waited for its batch.
    pub waiting: Duration,
}

impl Timing {
    /// Share of the training time spent waiting for data, from 0 to 1.
    pub fn waiting_share(&self) -> f64 {
        self.waiting.as_secs_f64() / self.training.as_secs_f64().max(1e-9)
    }

    /// Steps a second.
    pub fn steps_per_second(&self) -> f64 {
        self.steps as f64 / self.training.as_secs_f64().max(1e-9)
    }
}
