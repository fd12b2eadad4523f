//! What can go wrong between a file and a batch.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An error of reading, decoding, splitting or loading data.
///
/// It is cheap to clone, because the loader repeats it to whoever asks for a batch after it.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The operating system refused a file.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: Arc<io::Error>,
    },
    /// A file is not what its format says it must be.
    #[error("{}: {what}: expected {expected}, got {got}", path.display())]
    Format {
        /// The file, or `<memory>` for bytes that came without one.
        path: PathBuf,
        /// The part of the file that is wrong.
        what: &'static str,
        /// What the format asks for.
        expected: String,
        /// What was found.
        got: String,
    },
    /// A line of a file is not what it must be.
    #[error("{}:{line}: {what}: expected {expected}, got {got}", path.display())]
    Line {
        /// The file, or `<memory>` for data that came without one.
        path: PathBuf,
        /// The line, from 1; in a file without lines, the row.
        line: u64,
        /// The part of the line that is wrong, such as its column.
        what: String,
        /// What was asked for.
        expected: String,
        /// What was found.
        got: String,
    },
    /// What is set for a column of a table, or found in it, is not what it must be.
    #[error("column `{}`: {source}", name.escape_debug())]
    Column {
        /// The column.
        name: String,
        /// What is wrong.
        #[source]
        source: Box<DataError>,
    },
    /// A tokeniser could not be read, trained or applied.
    #[error("tokeniser: {message}")]
    Tokeniser {
        /// What the tokeniser said.
        message: String,
    },
    /// A picture could not be decoded.
    #[error("{}: not a readable picture: {message}", path.display())]
    Decode {
        /// The file, or `<memory>` for bytes that came without one.
        path: PathBuf,
        /// What the decoder said.
        message: String,
    },
    /// A file asks for more than the limits allow; nothing was allocated for it.
    #[error("{}: {what} is {got}, more than the limit of {limit}", path.display())]
    TooLarge {
        /// The file, or `<memory>` for bytes that came without one.
        path: PathBuf,
        /// What is too large, with its unit.
        what: &'static str,
        /// The largest accepted value.
        limit: u64,
        /// The value that the header claims.
        got: u64,
    },
    /// A link leads out of the folder that was opened.
    #[error("{}: the link leads to {}, outside of {}; `data.links = true` follows it", path.display(), target.display(), root.display())]
    OutsideRoot {
        /// The link.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
        /// The folder that was opened.
        root: PathBuf,
    },
    /// A source holds no items.
    #[error("{}: no {what} found ({ignored} other files ignored)", path.display())]
    Empty {
        /// The file or folder.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
        /// Files that are something else.
        ignored: usize,
    },
    /// There are fewer items than one batch needs.
    #[error("{items} items, fewer than one batch of {batch}")]
    TooFew {
        /// Items in the data set.
        items: usize,
        /// Items in a batch.
        batch: usize,
    },
    /// More items cannot be read than are allowed to be skipped.
    #[error("{bad} items cannot be read, more than the {max_bad} allowed; first: {}", reasons.join("; "))]
    TooManyBad {
        /// Distinct items that could not be read so far.
        bad: usize,
        /// How many may be skipped.
        max_bad: usize,
        /// Why the first of them could not be read.
        reasons: Vec<String>,
    },
    /// No item of the data set can be read.
    #[error("none of the {items} items can be read; first: {}", reasons.join("; "))]
    NothingReadable {
        /// Items in the data set.
        items: usize,
        /// Why the first of them could not be read.
        reasons: Vec<String>,
    },
    /// An item that must have a label has none.
    #[error("item {index} ({id}) has no label")]
    NoLabel {
        /// The position of the item.
        index: usize,
        /// Its name.
        id: String,
    },
    /// The code that makes a batch panicked.
    #[error("making a batch panicked: {message}")]
    Worker {
        /// The message of the panic.
        message: String,
    },
    /// A setting lies outside of its range.
    #[error("`{name}` is {got}, expected {expected}")]
    Config {
        /// The setting.
        name: &'static str,
        /// What is accepted.
        expected: String,
        /// What was given.
        got: String,
    },
}

impl DataError {
    /// Wraps an error of the operating system about `path`.
    pub fn io(path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Io {
            path: path.into(),
            source: Arc::new(source),
        }
    }

    /// The same error, said of `path`, for parsers that see only bytes.
    #[must_use]
    pub fn at(mut self, new: &Path) -> Self {
        if let Self::Format { path, .. }
        | Self::Line { path, .. }
        | Self::Decode { path, .. }
        | Self::TooLarge { path, .. }
        | Self::Empty { path, .. }
        | Self::Io { path, .. } = &mut self
        {
            *path = new.to_path_buf();
        }
        self
    }

    /// The same error, said of a column.
    #[cfg(feature = "table")]
    pub(crate) fn of_column(self, name: &str) -> Self {
        Self::Column {
            name: name.to_owned(),
            source: Box::new(self),
        }
    }

    pub(crate) fn format(what: &'static str, expected: impl ToString, got: impl ToString) -> Self {
        Self::Format {
            path: memory(),
            what,
            expected: expected.to_string(),
            got: got.to_string(),
        }
    }

    pub(crate) fn config(name: &'static str, expected: impl ToString, got: impl ToString) -> Self {
        Self::Config {
            name,
            expected: expected.to_string(),
            got: got.to_string(),
        }
    }
}

/// The path that stands for bytes without a file.
pub(crate) fn memory() -> PathBuf {
    PathBuf::from("<memory>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parsers_error_is_said_of_the_file() {
        let error = DataError::format("magic number", "0x00000803", "0x89504e47")
            .at(Path::new("train-images"));
        assert_eq!(
            error.to_string(),
            "train-images: magic number: expected 0x00000803, got 0x89504e47"
        );
    }
}
