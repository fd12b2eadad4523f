//! Next-sentence prediction.

use super::sentence_pair::{self, SPECIAL, join, segment, split};
use super::{SentenceChunk, SentenceChunks, SpecialTokens, TokenItem};
use crate::{DataError, SampleRng, View};

/// Pairs whose second segment follows the first in half of the cases, and else comes from a random other document.
///
/// Devlin et al. 2019, "BERT", section 3.1, task 2. The label is 0 for the next and 1 for a random one, as in BERT's
/// published heads. The pair is `[CLS] A [SEP] B [SEP]` with segments 0 and 1.
#[derive(Debug, Clone)]
pub struct NextSentence {
    chunks: SentenceChunks,
    special: SpecialTokens,
    max_length: usize,
}

impl NextSentence {
    /// Pairs of at most `max_length` tokens, special ones included; random segments come from the documents of `chunks`.
    ///
    /// # Errors
    /// [`DataError::Config`] if there are fewer than two documents, if `max_length` is below 5, or if the special tokens are not in the
    /// vocabulary or leave fewer than two ordinary ones.
    pub fn new(
        chunks: SentenceChunks,
        special: SpecialTokens,
        max_length: usize,
    ) -> Result<Self, DataError> {
        sentence_pair::check(max_length, &special)?;
        let documents = chunks.documents().len();
        if documents < 2 {
            return Err(DataError::config("documents", "at least 2", documents));
        }
        Ok(Self {
            chunks,
            special,
            max_length,
        })
    }
}

impl View<SentenceChunk> for NextSentence {
    type Out = TokenItem;

    /// # Panics
    /// If the chunk has fewer than two sentences.
    fn apply(&self, chunk: SentenceChunk, mut rng: SampleRng) -> TokenItem {
        let (a, mut b) = split(&chunk, &mut rng);
        let random = rng.bool(0.5);
        if random {
            let documents = self.chunks.documents();
            let other = rng.below(documents.len() as u64 - 1) as usize;
            let sentences = &documents[other + usize::from(other >= chunk.document)];
            let first = rng.below(sentences.len() as u64) as usize;
            // As many sentences as fill the pair up, and at least one.
            let room = (self.max_length - SPECIAL).saturating_sub(a.len());
            let mut total = 0;
            let fill = sentences[first..].iter().take_while(|sentence| {
                let wanted = total == 0 || total < room;
                total += sentence.tokens.len();
                wanted
            });
            b = segment(fill);
        }
        let label = u32::from(random);
        join(a, b, &self.special, self.max_length, label, &mut rng)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use burn::data::dataset::Dataset;

    use super::super::testing::{assert_share, rng, special};
    use super::*;

    /// Documents whose tokens say where they stand: 100 * document + place.
    fn chunks(documents: u32) -> SentenceChunks {
        let document = |number: u32| {
            let first = 100 * number;
            let sentence = |n: u32| TokenItem::new((0..3).map(|t| first + 3 * n + t).collect());
            (0..6).map(sentence).collect()
        };
        SentenceChunks::new((1..=documents).map(document).collect(), 9).unwrap()
    }

    #[test]
    fn half_are_next_and_the_rest_comes_from_another_document() {
        let chunks = chunks(5);
        let view = NextSentence::new(chunks.clone(), special(), 16).unwrap();
        let mut random = 0;
        let mut others = BTreeSet::new();
        for index in 0..4000 {
            let chunk = chunks.get(index % chunks.len()).unwrap();
            let item = view.apply(chunk, rng(index as u64));
            assert!(item.tokens.len() <= 16);
            let sep = item.tokens.iter().position(|token| *token == 2).unwrap();
            let (last, next) = (item.tokens[sep - 1], item.tokens[sep + 1]);
            if item.label == Some(1) {
                random += 1;
                assert_ne!(last / 100, next / 100);
                others.insert((last / 100, next / 100));
            } else {
                assert_eq!(last + 1, next);
            }
        }
        assert_share(random, 4000, 0.5);
        assert_eq!(others.len(), 5 * 4);
    }

    #[test]
    fn one_document_is_refused() {
        let error = NextSentence::new(chunks(1), special(), 16).unwrap_err();
        assert!(error.to_string().contains("at least 2"), "{error}");
        assert!(NextSentence::new(chunks(2), special(), 4).is_err());
    }
}
