//! Text: large files and folders as data sets of documents.
//!
//! [`TextFile`] opens a file of any size by its index, [`TextFolder`] a folder of files with its classes, and
//! [`InMemoryDocuments`] what is at hand. All are [`DocumentSource`]s. A [`Tokeniser`] is loaded or trained
//! ([`TokeniserTraining`]); a [`TokenCorpus`] holds a corpus tokenised, [`Packed`] cuts it into sequences, and [`BucketOrder`] makes batches of
//! like length.

mod bucket_order;
mod document;
mod document_index;
mod mapped_file;
mod packing;
mod plain_text;
mod sealed_file;
mod text_file;
mod text_folder;
mod token_corpus;
mod tokeniser;
mod tokeniser_training;
mod unpack;

pub use bucket_order::BucketOrder;
pub use document::{Document, DocumentSource, InMemoryDocuments};
pub use packing::{Packed, PackedSequence};
pub use text_file::{TextFile, TextFileConfig, TextUnit};
pub use text_folder::{TextFolder, TextFolderConfig};
pub use token_corpus::TokenCorpus;
pub use tokeniser::{Encoded, Role, Tokeniser};
pub use tokeniser_training::{TokeniserKind, TokeniserTraining};
