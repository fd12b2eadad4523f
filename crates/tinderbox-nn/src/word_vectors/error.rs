//! What can be wrong with word vectors and their files.

use std::path::PathBuf;

use thiserror::Error;

/// Why word vectors cannot be made, read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WordVectorsError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file cannot be written; what was at its path before is still there.
    #[error("cannot write {}: {reason}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// A file's content cannot be used.
    #[error("{}: {source}", path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: Box<WordVectorsError>,
    },
    /// A part of the file is not what the format says it must be.
    #[error("{place}: expected {expected}, got {got}")]
    Malformed {
        /// The line or the word, from 1.
        place: String,
        /// What the format asks for.
        expected: String,
        /// What was found.
        got: String,
    },
    /// A word cannot be written in the format.
    #[error("the word {word:?} has white space or is empty, which the format cannot hold")]
    Unwritable {
        /// The word.
        word: String,
    },
    /// A word occurs twice.
    #[error("the word {word:?} occurs twice")]
    Twice {
        /// The word.
        word: String,
    },
    /// A vector is infinite or not a number.
    #[error("the vector of {word:?} holds {got}, not a finite number")]
    NotFinite {
        /// The word.
        word: String,
        /// The value.
        got: f32,
    },
    /// The values do not fill the shape.
    #[error("{words} words of {dimension} values cannot be made of {got} values")]
    Values {
        /// Number of words.
        words: usize,
        /// Size of a vector.
        dimension: usize,
        /// Values given.
        got: usize,
    },
    /// Vectors have no values.
    #[error("a vector must have at least one value")]
    NoDimension,
}

impl WordVectorsError {
    /// The same error, said of a file.
    #[must_use]
    pub fn in_file(self, path: impl Into<PathBuf>) -> Self {
        Self::InFile {
            path: path.into(),
            source: Box::new(self),
        }
    }

    pub(super) fn malformed(
        place: impl ToString,
        expected: impl ToString,
        got: impl ToString,
    ) -> Self {
        Self::Malformed {
            place: place.to_string(),
            expected: expected.to_string(),
            got: got.to_string(),
        }
    }
}
