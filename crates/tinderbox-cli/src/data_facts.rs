//! `data.json`: what the data of a run is.

use serde::{Deserialize, Serialize};
use tinderbox::data::{Ledger, Skipped};

use crate::dataset::DataSet;
use crate::encoder::InputShape;

/// `data.json`: what the data of a run is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataFacts {
    /// Identifies the data.
    pub fingerprint: String,
    /// Items in all.
    pub items: usize,
    /// Items trained on.
    pub train: usize,
    /// Of these, items with a label that can be evaluated with.
    pub labelled: usize,
    /// Items held out.
    pub test: usize,
    /// Classes.
    pub classes: usize,
    /// The shape of an item.
    #[serde(flatten)]
    pub shape: InputShape,
    /// What is not used as it was given.
    #[serde(default, skip_serializing_if = "Ledger::is_empty")]
    pub ledger: Ledger,
    /// Items that could not be read.
    pub skipped: Vec<Skipped>,
}

impl DataFacts {
    /// What is known before the run.
    pub fn of(data: &DataSet, items: &[usize]) -> Self {
        Self {
            fingerprint: data.items.fingerprint(),
            items: data.items.count(),
            train: items.len(),
            labelled: data.labelled.len(),
            test: data.test.len(),
            classes: data.classes.len(),
            shape: data.shape,
            ledger: data.ledger.clone(),
            skipped: Vec::new(),
        }
    }
}
