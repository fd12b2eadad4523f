//! `data.json`: what the data of a run is.

use serde::{Deserialize, Serialize};
use tinderbox::data::Skipped;

use crate::images::Images;

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
    /// Channels of an input.
    pub channels: usize,
    /// Side of an input.
    pub size: usize,
    /// Items that could not be read.
    pub skipped: Vec<Skipped>,
}

impl DataFacts {
    /// What is known before the run.
    pub fn of(images: &Images, items: &[usize]) -> Self {
        Self {
            fingerprint: images.fingerprint(),
            items: images.dataset.len(),
            train: items.len(),
            labelled: images.labelled.len(),
            test: images.test.len(),
            classes: images.classes.len(),
            channels: images.shape.channels,
            size: images.shape.size,
            skipped: Vec::new(),
        }
    }
}
