//! Documents packed into sequences of one length.

use std::sync::Arc;

use burn::data::dataset::Dataset;

use super::token_corpus::TokenCorpus;
use crate::DataError;

/// A sequence of pieces of documents; all three have the same length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedSequence {
    /// The tokens.
    pub ids: Vec<u32>,
    /// The number of the piece that a token belongs to, from 0 within the sequence. A token may attend to those of its own piece.
    pub documents: Vec<u32>,
    /// The position of a token within its piece, from 0.
    pub positions: Vec<u32>,
}

/// A token corpus as sequences of one length, without padding: documents follow each other and are cut where a sequence is full. Tokens at the
/// end that fill no sequence are left out.
#[derive(Debug, Clone)]
pub struct Packed {
    corpus: Arc<TokenCorpus>,
    length: usize,
}

impl Packed {
    /// Sequences of `length` tokens.
    ///
    /// # Errors
    /// [`DataError::Config`] unless the corpus fills at least one sequence and `length` is at least 1.
    pub fn new(corpus: Arc<TokenCorpus>, length: usize) -> Result<Self, DataError> {
        if length == 0 || length > corpus.tokens() {
            let expected = format!("1 to the {} tokens of the corpus", corpus.tokens());
            return Err(DataError::config("length", expected, length));
        }
        Ok(Self { corpus, length })
    }
}

impl Dataset<PackedSequence, DataError> for Packed {
    fn get(&self, index: usize) -> Result<PackedSequence, DataError> {
        let (start, end) = (index * self.length, (index + 1) * self.length);
        let mut sequence = PackedSequence {
            ids: self.corpus.ids(start..end)?,
            documents: Vec::with_capacity(self.length),
            positions: Vec::with_capacity(self.length),
        };
        let (mut at, mut document, mut piece) = (start, self.corpus.document_of(start)?, 0);
        while at < end {
            let until = self.corpus.span(document)?.end.min(end);
            // A document without tokens is no piece.
            if until > at {
                let length = until - at;
                sequence
                    .documents
                    .extend(std::iter::repeat_n(piece, length));
                sequence.positions.extend(0..length as u32);
                piece += 1;
                at = until;
            }
            document += 1;
        }
        Ok(sequence)
    }

    fn len(&self) -> usize {
        self.corpus.tokens() / self.length
    }
}
