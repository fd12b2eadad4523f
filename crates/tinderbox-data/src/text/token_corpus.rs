//! A corpus tokenised once, in a file of its own.
//!
//! The body of the file is the ids of all documents, one after another, then `documents + 1` offsets, counted in tokens. Ids take 2
//! bytes, or 4 where the vocabulary has more than 65,536 tokens; offsets take 8; all are little-endian.

use std::ops::Range;
use std::path::Path;

use burn::data::dataset::Dataset;
use serde::{Deserialize, Serialize};

use super::document::Document;
use super::sealed_file::{Kind, SealedFile, SealedWriter, number};
use super::tokeniser::Tokeniser;
use crate::DataError;

const KIND: Kind = *b"tbxtoks1";

/// Documents that are tokenised at a time, on all threads.
const CHUNK: usize = 1024;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    tokeniser: String,
    corpus: String,
    /// Bytes of an id.
    width: usize,
    documents: usize,
    tokens: usize,
}

/// The token ids of a corpus, memory-mapped, so that a training step costs no tokenising. An item is the ids of a document, without special
/// tokens.
///
/// The file is believed only if it was made from the same corpus by the same tokeniser and is whole; each MiB is verified when
/// it is first read (BLAKE3). It is written under another name and renamed when whole.
#[derive(Debug)]
pub struct TokenCorpus {
    file: SealedFile,
    fields: Fields,
}

impl TokenCorpus {
    /// Opens the file `path`, or tokenises `documents` on all threads and writes it, if there is none that fits.
    ///
    /// `corpus` tells corpora apart, such as a [`fingerprint`](crate::fingerprint).
    ///
    /// # Errors
    /// The first document that cannot be read or tokenised; [`DataError::Io`] when the file cannot be written.
    pub fn open_or_build<D>(
        path: impl AsRef<Path>,
        documents: &D,
        corpus: &str,
        tokeniser: &Tokeniser,
    ) -> Result<Self, DataError>
    where
        D: Dataset<Document, DataError> + ?Sized,
    {
        let path = path.as_ref();
        let hash = tokeniser.hash()?;
        let found = Self::open(path, corpus, &hash);
        if let Ok(found) = found
            && found.len() == documents.len()
        {
            return Ok(found);
        }
        let width = if tokeniser.vocabulary_size() > 1 << 16 {
            4
        } else {
            2
        };
        let mut writer = SealedWriter::create(path, KIND)?;
        let mut offsets = Vec::with_capacity(documents.len() + 1);
        let (mut tokens, mut bytes) = (0_usize, Vec::new());
        offsets.push(0);
        for start in (0..documents.len()).step_by(CHUNK) {
            let end = documents.len().min(start + CHUNK);
            let texts = (start..end)
                .map(|index| Ok(documents.get(index)?.text))
                .collect::<Result<Vec<_>, DataError>>()?;
            for encoded in tokeniser.encode_batch(&texts, false)? {
                bytes.clear();
                for id in &encoded.ids {
                    bytes.extend(&id.to_le_bytes()[..width]);
                }
                writer.write(&bytes)?;
                tokens += encoded.ids.len();
                offsets.push(tokens);
            }
        }
        for offset in &offsets {
            writer.write(&(*offset as u64).to_le_bytes())?;
        }
        writer.finish(&Fields {
            tokeniser: hash.clone(),
            corpus: corpus.to_owned(),
            width,
            documents: documents.len(),
            tokens,
        })?;
        Self::open(path, corpus, &hash)
    }

    /// Tokenises `documents` on all threads, to a file that is gone with the last that uses it.
    ///
    /// # Errors
    /// As [`open_or_build`](Self::open_or_build).
    pub fn build<D>(documents: &D, tokeniser: &Tokeniser) -> Result<Self, DataError>
    where
        D: Dataset<Document, DataError> + ?Sized,
    {
        let io = |source| DataError::io(std::env::temp_dir(), source);
        // A folder of our own, whose name nobody can foresee. The file stays as long as it is mapped.
        let folder = tempfile::tempdir().map_err(io)?;
        Self::open_or_build(folder.path().join("tokens"), documents, "", tokeniser)
    }

    fn open(path: &Path, corpus: &str, tokeniser: &str) -> Result<Self, DataError> {
        let (file, fields) = SealedFile::open::<Fields>(path, KIND)?;
        let stale =
            |what, expected: &str, got: &str| Err(DataError::format(what, expected, got).at(path));
        if fields.corpus != corpus {
            return stale("corpus", corpus, &fields.corpus);
        }
        if fields.tokeniser != tokeniser {
            return stale("tokeniser", tokeniser, &fields.tokeniser);
        }
        let ids = fields.tokens.checked_mul(fields.width);
        let offsets = fields
            .documents
            .checked_add(1)
            .and_then(|n| n.checked_mul(8));
        let length = ids
            .zip(offsets)
            .and_then(|(ids, offsets)| ids.checked_add(offsets));
        if !matches!(fields.width, 2 | 4) || length != Some(file.len()) {
            return stale("length", "that of its fields", "another");
        }
        Ok(Self { file, fields })
    }

    /// All tokens of the corpus.
    pub fn tokens(&self) -> usize {
        self.fields.tokens
    }

    /// Which tokens of the corpus document `index` is.
    ///
    /// # Errors
    /// [`DataError::Format`] when there is no such document or the file was damaged.
    pub fn span(&self, index: usize) -> Result<Range<usize>, DataError> {
        let documents = self.fields.documents;
        if index >= documents {
            let expected = format!("below {documents}");
            return Err(DataError::format("document", expected, index).at(self.file.path()));
        }
        let at = self.fields.tokens * self.fields.width + index * 8;
        let bytes = self.file.bytes(at..at + 16)?;
        Ok(number(bytes, 0) as usize..number(bytes, 1) as usize)
    }

    /// The tokens in `range`, whatever documents they belong to.
    ///
    /// # Errors
    /// [`DataError::Format`] when there are no such tokens or the file was damaged.
    pub fn ids(&self, range: Range<usize>) -> Result<Vec<u32>, DataError> {
        if range.start > range.end || range.end > self.fields.tokens {
            let expected = format!("a range up to {}", self.fields.tokens);
            let got = format!("{range:?}");
            return Err(DataError::format("tokens", expected, got).at(self.file.path()));
        }
        let width = self.fields.width;
        let bytes = self.file.bytes(range.start * width..range.end * width)?;
        let id = |bytes: &[u8]| {
            bytes
                .iter()
                .rev()
                .fold(0, |id, byte| id << 8 | u32::from(*byte))
        };
        Ok(bytes.chunks_exact(width).map(id).collect())
    }

    /// The number of tokens of each document, for [`BucketOrder`](super::BucketOrder).
    ///
    /// # Errors
    /// [`DataError::Format`] when the file was damaged.
    pub fn lengths(&self) -> Result<Vec<u32>, DataError> {
        (0..self.len())
            .map(|index| Ok(self.span(index)?.len().try_into().unwrap_or(u32::MAX)))
            .collect()
    }

    /// The document that token `token` belongs to.
    pub(super) fn document_of(&self, token: usize) -> Result<usize, DataError> {
        // Bisection: `low` begins at or before the token, `high` after it.
        let (mut low, mut high) = (0, self.len());
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.span(middle)?.start <= token {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}

impl Dataset<Vec<u32>, DataError> for TokenCorpus {
    fn get(&self, index: usize) -> Result<Vec<u32>, DataError> {
        self.ids(self.span(index)?)
    }

    fn len(&self) -> usize {
        self.fields.documents
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::text::Packed;
    use proptest::prelude::*;

    /// A number of a file: mostly one that may be true.
    fn some_number() -> impl Strategy<Value = u64> {
        prop_oneof![6 => 0_u64..9, 1 => any::<u64>(), 1 => Just(1 << 63)]
    }

    proptest! {
        // Each case syncs a file.
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_whole_file_with_any_content_is_read_or_refused(
            wide: bool,
            ids in prop::collection::vec(any::<u32>(), 0..8),
            offsets in prop::collection::vec(some_number(), 1..5),
            said in prop::option::of((some_number(), some_number(), some_number())),
            asked in (some_number(), some_number()),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a");
            let width = if wide { 4 } else { 2 };
            let mut writer = SealedWriter::create(&path, KIND).unwrap();
            for id in &ids {
                writer.write(&id.to_le_bytes()[..width]).unwrap();
            }
            for offset in &offsets {
                writer.write(&offset.to_le_bytes()).unwrap();
            }
            let truth = (width as u64, offsets.len() as u64 - 1, ids.len() as u64);
            let (width, documents, tokens) = said.unwrap_or(truth);
            writer.finish(&Fields {
                tokeniser: String::new(),
                corpus: String::new(),
                width: width as usize,
                documents: documents as usize,
                tokens: tokens as usize,
            }).unwrap();
            let corpus = TokenCorpus::open(&path, "", "");
            prop_assert!(corpus.is_ok() || said.is_some());
            let Ok(corpus) = corpus else {
                return Ok(());
            };
            for index in (0..=corpus.len()).chain([asked.0 as usize, 1 << 61, usize::MAX]) {
                let got = corpus.get(index);
                prop_assert!(got.is_err() || index < corpus.len());
                prop_assert!(got.is_err() || got.unwrap().len() <= corpus.tokens());
            }
            let range = asked.0 as usize..asked.1 as usize;
            let got = corpus.ids(range.clone());
            prop_assert_eq!(got.is_ok(), range.start <= range.end && range.end <= corpus.tokens());
            if said.is_none() && let Ok(got) = got {
                let mask = if wide { u32::MAX } else { 0xffff };
                let expected: Vec<u32> = ids[range].iter().map(|id| id & mask).collect();
                prop_assert_eq!(got, expected);
            }
            let _ = corpus.lengths();
            if let Ok(packed) = Packed::new(Arc::new(corpus), 2) {
                for index in 0..packed.len() {
                    prop_assert!(packed.get(index).is_err() || packed.get(index).unwrap().ids.len() == 2);
                }
            }
        }
    }
}
