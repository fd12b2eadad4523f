//! Documents cut into chunks of sentences.

use std::sync::Arc;

use burn::data::dataset::Dataset;

use super::TokenItem;
use crate::DataError;

/// Neighbouring sentences of one document, at least two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentenceChunk {
    /// The number of the document.
    pub document: usize,
    /// The sentences, without special tokens.
    pub sentences: Vec<TokenItem>,
}

/// The data set of chunks that sentence pairs are made of.
///
/// A chunk takes sentences of a document until the next would exceed the wanted number of tokens, but always two (Devlin et
/// al. 2019, appendix A.2). A last sentence that is left alone is in no chunk, because it has no next one.
#[derive(Debug, Clone)]
pub struct SentenceChunks {
    documents: Arc<[Vec<TokenItem>]>,
    /// Document, first sentence and the one behind the last.
    chunks: Vec<(usize, usize, usize)>,
}

impl SentenceChunks {
    /// Cuts documents, each a list of sentences without special tokens, into chunks of about `tokens` tokens.
    ///
    /// Empty sentences are left out, and documents without others too.
    ///
    /// # Errors
    /// [`DataError::Config`] if no document has two sentences.
    ///
    /// # Panics
    /// If a sentence's flags or segments are not as many as its tokens.
    pub fn new(documents: Vec<Vec<TokenItem>>, tokens: usize) -> Result<Self, DataError> {
        let given = documents.len();
        let documents: Arc<[_]> = documents
            .into_iter()
            .map(|mut sentences| {
                sentences.iter().for_each(TokenItem::check);
                sentences.retain(|sentence| !sentence.tokens.is_empty());
                sentences
            })
            .filter(|sentences| !sentences.is_empty())
            .collect();
        let mut chunks = Vec::new();
        for (document, sentences) in documents.iter().enumerate() {
            let mut first = 0;
            while first + 2 <= sentences.len() {
                let length = |place: usize| sentences[place].tokens.len();
                let mut end = first + 2;
                let mut total = length(first) + length(first + 1);
                while end < sentences.len() && total + length(end) <= tokens {
                    total += length(end);
                    end += 1;
                }
                chunks.push((document, first, end));
                first = end;
            }
        }
        if chunks.is_empty() {
            let got = format!("{given} documents without");
            return Err(DataError::config(
                "documents",
                "one with two sentences",
                got,
            ));
        }
        Ok(Self { documents, chunks })
    }

    /// The documents that hold a sentence, with their sentences.
    pub fn documents(&self) -> &[Vec<TokenItem>] {
        &self.documents
    }
}

impl Dataset<SentenceChunk, DataError> for SentenceChunks {
    /// # Panics
    /// If there is no such chunk.
    fn get(&self, index: usize) -> Result<SentenceChunk, DataError> {
        let (document, first, end) = self.chunks[index];
        Ok(SentenceChunk {
            document,
            sentences: self.documents[document][first..end].to_vec(),
        })
    }

    fn len(&self) -> usize {
        self.chunks.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_fill_up_and_have_two_sentences() {
        let sentence = |length: usize| TokenItem::new(vec![7; length]);
        let lengths = [3, 3, 3, 0, 9, 9, 1, 1];
        let documents = vec![vec![], lengths.map(sentence).to_vec(), vec![sentence(4)]];
        let chunks = SentenceChunks::new(documents, 9).unwrap();
        assert_eq!(chunks.documents().len(), 2);
        let sizes = |index| -> Vec<usize> {
            let chunk = chunks.get(index).unwrap();
            assert_eq!(chunk.document, 0);
            chunk.sentences.iter().map(|s| s.tokens.len()).collect()
        };
        assert_eq!(chunks.len(), 3);
        assert_eq!(sizes(0), [3, 3, 3]);
        assert_eq!(sizes(1), [9, 9]);
        assert_eq!(sizes(2), [1, 1]);
        assert!(SentenceChunks::new(vec![vec![sentence(4)]], 9).is_err());
    }
}
