//! A table as numbers.

use std::ops::Range;

use burn::data::dataset::Dataset;

use crate::DataError;

/// A matrix of N rows and F columns, `[N, F]`, row by row, whose columns have names.
///
/// Neighbouring columns that come from one column of a table, such as the one-hot columns of its categories, are one feature. As a data set,
/// its items are the rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    names: Vec<String>,
    features: Vec<Range<usize>>,
    values: Vec<f32>,
}

impl Matrix {
    /// A matrix of `values`, row by row, each column a feature.
    ///
    /// # Errors
    /// [`DataError::Config`] when there are no columns, or the values are no whole number of rows.
    pub fn new(names: Vec<String>, values: Vec<f32>) -> Result<Self, DataError> {
        let features = (0..names.len()).map(|column| column..column + 1).collect();
        let width = names.len();
        if width == 0 || !values.len().is_multiple_of(width) {
            let expected = format!("whole rows of {width} columns, at least 1");
            return Err(DataError::config("values", expected, values.len()));
        }
        Ok(Self {
            names,
            features,
            values,
        })
    }

    /// As `new` with columns grouped into features, which the caller has counted.
    pub(super) fn of_features(
        names: Vec<String>,
        features: Vec<Range<usize>>,
        values: Vec<f32>,
    ) -> Self {
        Self {
            names,
            features,
            values,
        }
    }

    /// The names of the columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Which columns belong to each feature, in order.
    pub fn features(&self) -> &[Range<usize>] {
        &self.features
    }

    /// All values, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// F, the number of columns.
    pub fn width(&self) -> usize {
        self.names.len()
    }

    /// N, the number of rows.
    pub fn height(&self) -> usize {
        self.values.len() / self.width()
    }

    /// One row.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.width()..][..self.width()]
    }
}

impl Dataset<Vec<f32>, DataError> for Matrix {
    fn get(&self, index: usize) -> Result<Vec<f32>, DataError> {
        Ok(self.row(index).to_vec())
    }

    fn len(&self) -> usize {
        self.height()
    }
}
