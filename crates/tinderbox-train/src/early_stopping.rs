//! Early stopping: the weights of the best evaluation are what a run makes, and it ends once none is better for long.

use crate::checkpoint::{Best, Watched};

/// When a run ends before its steps are done, and which of its weights it gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlyStopping {
    /// The figure of the evaluators that tells the best weights, such as `validation/loss`. It must not be of test items.
    pub watched: Watched,
    /// Steps after the best evaluation without a better one that end the run.
    pub patience: u64,
}

/// The best weights so far, for inference.
#[derive(Debug, Clone)]
pub(crate) struct Kept<O> {
    /// What told them, and when.
    pub(crate) best: Best,
    /// The weights.
    pub(crate) weights: O,
}

impl EarlyStopping {
    /// The evaluation of these figures, if it is better than the best so far.
    pub(crate) fn better(
        &self,
        step: u64,
        figures: &[(String, f64)],
        best: Option<&Best>,
    ) -> Option<Best> {
        let found = figures.iter().find(|(name, _)| *name == self.watched.name);
        let (name, value) = found.filter(|(_, value)| self.watched.is_better(*value, best))?;
        Some(Best {
            name: name.clone(),
            value: *value,
            step,
        })
    }

    /// Whether a run that has done `step` steps is to end.
    pub(crate) fn is_over(&self, step: u64, best: Option<&Best>) -> bool {
        best.is_some_and(|best| step - best.step >= self.patience)
    }
}
