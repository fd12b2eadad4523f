//! What every labelled data set offers beside Burn's `Dataset`.

use burn::data::dataset::Dataset;

use crate::{Content, DataError, ImageItem, Ledger};

/// What is known about the items of a data set without decoding them.
pub trait Labelled {
    /// The number of the class of item `index`, if it has one.
    ///
    /// # Panics
    /// If there is no such item.
    fn label(&self, index: usize) -> Option<u32>;

    /// The names of the classes, by number; empty when there are none.
    fn class_names(&self) -> &[String];

    /// The name of item `index`: its path relative to the root with `/` between folders, or its index.
    ///
    /// # Panics
    /// If there is no such item.
    fn id(&self, index: usize) -> String;

    /// Where item `index` stands, such as `line 3 of texts.txt`, if its name alone does not say it.
    ///
    /// # Panics
    /// If there is no such item.
    fn place(&self, _index: usize) -> Option<String> {
        None
    }

    /// What item `index` shares with others so that all of them belong into one part of a split, such as a patient or a session, if
    /// the source tells.
    ///
    /// # Panics
    /// If there is no such item.
    fn group(&self, _index: usize) -> Option<String> {
        None
    }

    /// What of the source is not used as it was given. Nothing, for a source that uses all.
    fn ledger(&self) -> Ledger {
        Ledger::default()
    }
}

/// A data set of pictures, for code that takes any of them as `Arc<dyn ImageSource>`.
///
/// Everything that is a data set of [`ImageItem`], [`Labelled`] and has [`Content`] is one.
pub trait ImageSource: Dataset<ImageItem, DataError> + Labelled + Content {}

impl<T: Dataset<ImageItem, DataError> + Labelled + Content + ?Sized> ImageSource for T {}

/// The label of every item.
///
/// # Errors
/// [`DataError::NoLabel`] for the first item without one.
pub fn labels<I, D>(dataset: &D) -> Result<Vec<u32>, DataError>
where
    D: Dataset<I, DataError> + Labelled + ?Sized,
{
    (0..dataset.len())
        .map(|index| {
            dataset.label(index).ok_or_else(|| DataError::NoLabel {
                index,
                id: dataset.id(index),
            })
        })
        .collect()
}
