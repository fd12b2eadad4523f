//! Who watches a run.

use std::path::Path;

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
