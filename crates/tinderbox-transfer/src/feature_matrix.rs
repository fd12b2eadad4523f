//! Features on the host.

use burn::tensor::Tensor;

use crate::error::TransferError;

/// One feature vector a row, row by row in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureMatrix {
    /// Number of vectors.
    pub rows: usize,
    /// Length of a vector.
    pub dim: usize,
    /// `rows * dim` values, row by row.
    pub values: Vec<f32>,
}

impl FeatureMatrix {
    /// A matrix from its values, row by row.
    ///
    /// # Errors
    /// [`TransferError::Values`] unless there are `rows * dim` of them.
    pub fn new(rows: usize, dim: usize, values: Vec<f32>) -> Result<Self, TransferError> {
        let expected = rows * dim;
        if values.len() != expected {
            return Err(TransferError::Values {
                rows,
                dim,
                expected,
                got: values.len(),
            });
        }
        Ok(Self { rows, dim, values })
    }

    /// A matrix without rows, to be filled by [`append`](Self::append).
    pub fn empty(dim: usize) -> Self {
        Self {
            rows: 0,
            dim,
            values: Vec::new(),
        }
    }

    /// Reads a tensor `[rows, dim]` from its device; any float type becomes `f32`.
    ///
    /// # Panics
    /// If the device fails to hand the data over.
    pub fn from_tensor(tensor: Tensor<2>) -> Self {
        let [rows, dim] = tensor.dims();
        let values = tensor
            .into_data_as::<f32>()
            .try_into_vec()
            .expect("the data was converted to f32");
        Self { rows, dim, values }
    }

    /// Adds the rows of `other` below.
    ///
    /// # Errors
    /// [`TransferError::Dimension`] if its vectors have another length.
    pub fn append(&mut self, other: Self) -> Result<(), TransferError> {
        if other.dim != self.dim {
            return Err(TransferError::Dimension {
                expected: self.dim,
                got: other.dim,
            });
        }
        self.rows += other.rows;
        self.values.extend(other.values);
        Ok(())
    }

    /// The rows at `indices`, in that order; an index may occur more than once.
    ///
    /// # Panics
    /// If an index is not below `rows`.
    pub fn select(&self, indices: &[usize]) -> Self {
        let mut values = Vec::with_capacity(indices.len() * self.dim);
        for &i in indices {
            values.extend_from_slice(self.row(i));
        }
        Self {
            rows: indices.len(),
            dim: self.dim,
            values,
        }
    }

    /// Row `i`.
    ///
    /// # Panics
    /// If `i` is not below `rows`.
    pub fn row(&self, i: usize) -> &[f32] {
        assert!(i < self.rows, "row {i} of {}", self.rows);
        &self.values[i * self.dim..(i + 1) * self.dim]
    }

    /// All rows in order.
    pub fn iter_rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        (0..self.rows).map(|i| self.row(i))
    }

    /// The first value that is infinite or not a number, as an error.
    pub(crate) fn check_finite(&self) -> Result<(), TransferError> {
        match self.values.iter().position(|v| !v.is_finite()) {
            None => Ok(()),
            Some(at) => Err(TransferError::NotFinite {
                row: at / self.dim,
                column: at % self.dim,
                got: self.values[at],
            }),
        }
    }
}

/// Checks that there is one label a row, each below `classes` when that is known.
pub(crate) fn check_labels(
    features: &FeatureMatrix,
    labels: &[u32],
    classes: Option<usize>,
) -> Result<(), TransferError> {
    if labels.len() != features.rows {
        return Err(TransferError::Labels {
            expected: features.rows,
            got: labels.len(),
        });
    }
    let Some(classes) = classes else {
        return Ok(());
    };
    match labels.iter().position(|&l| l as usize >= classes) {
        None => Ok(()),
        Some(row) => Err(TransferError::LabelOutOfRange {
            row,
            got: labels[row],
            classes,
        }),
    }
}

/// Share of predictions that equal their label, in `0..=1`.
///
/// # Panics
/// If the lengths differ or there are none.
pub fn accuracy(predicted: &[u32], labels: &[u32]) -> f64 {
    assert_eq!(
        predicted.len(),
        labels.len(),
        "accuracy: {} predictions, {} labels",
        predicted.len(),
        labels.len()
    );
    assert!(!labels.is_empty(), "accuracy of no predictions");
    let right = predicted.iter().zip(labels).filter(|(p, l)| p == l).count();
    right as f64 / labels.len() as f64
}
