//! A run that is stopped on the way.

use std::sync::atomic::Ordering;

use tinderbox_train::{Observer, StepReport, StopFlag};

/// Asks for a stop after so many steps.
pub struct StopAt(pub u64, pub StopFlag);

impl Observer for StopAt {
    fn step(&mut self, report: &StepReport) {
        if report.step == self.0 {
            self.1.store(2, Ordering::Relaxed);
        }
    }
}
