//! Text: large files and folders as data sets of documents.
//!
//! [`TextFile`] opens a file of any size by its index, [`TextFolder`] a folder of files with its classes, and
//! [`InMemoryDocuments`] what is at hand. All are [`DocumentSource`]s.

mod document;
mod document_index;
mod mapped_file;
mod plain_text;
mod sealed_file;
mod text_file;
mod text_folder;
mod unpack;

pub use document::{Document, DocumentSource, InMemoryDocuments};
pub use text_file::{TextFile, TextFileConfig, TextUnit};
pub use text_folder::{TextFolder, TextFolderConfig};
