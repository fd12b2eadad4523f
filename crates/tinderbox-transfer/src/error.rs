//! What can be wrong with a transfer's configuration or data.

use thiserror::Error;

/// Why a matrix, a probe or a measure cannot be made.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The values do not fill the shape.
    #[error("a {rows} x {dim} matrix needs {expected} values, got {got}")]
    Values {
        /// Rows asked for.
        rows: usize,
        /// Columns asked for.
        dim: usize,
        /// `rows * dim`.
        expected: usize,
        /// Values given.
        got: usize,
    },
    /// There is not one label a row.
    #[error("{expected} rows of features need as many labels, got {got}")]
    Labels {
        /// Rows of features.
        expected: usize,
        /// Labels given.
        got: usize,
    },
    /// A label has no class.
    #[error("row {row} has label {got}, but there are {classes} classes (0 to {})", classes - 1)]
    LabelOutOfRange {
        /// The first such row.
        row: usize,
        /// Its label.
        got: u32,
        /// Number of classes.
        classes: usize,
    },
    /// The matrices do not share their columns.
    #[error("features have {got} columns, {expected} expected")]
    Dimension {
        /// Columns fitted on.
        expected: usize,
        /// Columns given.
        got: usize,
    },
    /// A row or more is needed.
    #[error("no rows to {action}")]
    Empty {
        /// What could not be done.
        action: &'static str,
    },
    /// A feature is infinite or not a number.
    #[error("feature {column} of row {row} is {got}, not a finite number")]
    NotFinite {
        /// The first such row.
        row: usize,
        /// Its column.
        column: usize,
        /// The value.
        got: f32,
    },
    /// There are no classes.
    #[error("classes must be at least 1, got 0")]
    NoClasses,
    /// A number of the configuration is outside its range.
    #[error("{field} must be {expected}, got {got}")]
    Config {
        /// The configuration key.
        field: &'static str,
        /// The range.
        expected: &'static str,
        /// The value given.
        got: f64,
    },
    /// There is nothing to choose from.
    #[error("l2 must list at least one candidate")]
    NoCandidates,
    /// A line of a file is not what it must be.
    #[error("line {line}: expected {expected}, got {got:?}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What was asked for.
        expected: &'static str,
        /// What was found.
        got: String,
    },
}

impl TransferError {
    pub(crate) fn line(line: usize, expected: &'static str, got: &str) -> Self {
        Self::Line {
            line,
            expected,
            got: got.chars().take(80).collect(),
        }
    }
}
