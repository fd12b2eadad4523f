//! A choice of items of another data set.

use std::sync::Arc;

use burn::data::dataset::Dataset;

use crate::{Content, DataError, Labelled, Ledger};

/// Some items of a data set, in a given order.
#[derive(Debug)]
pub struct Subset<D: ?Sized> {
    dataset: Arc<D>,
    indices: Vec<usize>,
}

impl<D: ?Sized> Subset<D> {
    /// Item `i` of the subset is item `indices[i]` of the data set.
    ///
    /// An index that the data set does not have makes `get` panic.
    pub fn new(dataset: Arc<D>, indices: Vec<usize>) -> Self {
        Self { dataset, indices }
    }

    /// So many items, evenly spread over all.
    pub fn spread<I>(dataset: Arc<D>, most: usize) -> Self
    where
        D: Dataset<I, DataError>,
    {
        let all = dataset.len();
        Self::new(dataset, spread(all, most))
    }

    /// The indices into the data set.
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }

    /// The data set that this is a part of.
    pub fn dataset(&self) -> &Arc<D> {
        &self.dataset
    }
}

/// The indices of at most `most` of so many items, evenly spread over all.
pub fn spread(items: usize, most: usize) -> Vec<usize> {
    let count = items.min(most);
    (0..count).map(|place| place * items / count).collect()
}

impl<D: ?Sized> Clone for Subset<D> {
    fn clone(&self) -> Self {
        Self::new(self.dataset.clone(), self.indices.clone())
    }
}

impl<I, D: Dataset<I, DataError> + ?Sized> Dataset<I, DataError> for Subset<D> {
    fn get(&self, index: usize) -> Result<I, DataError> {
        self.dataset.get(self.indices[index])
    }

    fn len(&self) -> usize {
        self.indices.len()
    }
}

impl<D: Labelled + ?Sized> Labelled for Subset<D> {
    fn label(&self, index: usize) -> Option<u32> {
        self.dataset.label(self.indices[index])
    }

    fn class_names(&self) -> &[String] {
        self.dataset.class_names()
    }

    fn id(&self, index: usize) -> String {
        self.dataset.id(self.indices[index])
    }

    fn group(&self, index: usize) -> Option<String> {
        self.dataset.group(self.indices[index])
    }

    fn ledger(&self) -> Ledger {
        self.dataset.ledger()
    }
}

impl<D: Content + ?Sized> Content for Subset<D> {
    fn content(&self, index: usize, sink: &mut dyn FnMut(&[u8])) -> Result<(), DataError> {
        self.dataset.content(self.indices[index], sink)
    }

    fn start(&self, index: usize, most: usize) -> Result<Vec<u8>, DataError> {
        self.dataset.start(self.indices[index], most)
    }
}
