//! Packed sequences as a model reads them.

use std::sync::Arc;

use super::packing::PackedSequence;
use super::preprocess::TextPreprocess;
use super::{SpecialTokens, TokenItem};
use crate::{SampleRng, View};

/// Puts `[CLS]` before and `[SEP]` behind a packed sequence, all in segment 0.
///
/// Pieces of documents in one sequence see each other, as in RoBERTa's FULL-SENTENCES (Liu et al. 2019, section 4.2).
#[derive(Debug, Clone)]
pub struct Framed {
    special: SpecialTokens,
    /// Whether each token of the vocabulary continues a word.
    continues: Arc<[bool]>,
}

impl Framed {
    /// Tokens of the frame.
    pub const TOKENS: usize = 2;

    /// Frames sequences of a tokeniser's tokens.
    pub fn new(preprocess: &TextPreprocess) -> Self {
        Self {
            special: preprocess.special().clone(),
            continues: preprocess.tokeniser().continuations().into(),
        }
    }
}

impl View<PackedSequence> for Framed {
    type Out = TokenItem;

    fn apply(&self, sequence: PackedSequence, _rng: SampleRng) -> TokenItem {
        let mut tokens = Vec::with_capacity(sequence.ids.len() + Self::TOKENS);
        tokens.push(self.special.cls);
        tokens.extend(sequence.ids);
        tokens.push(self.special.sep);
        let continues = tokens.iter().map(|token| self.continues[*token as usize]);
        let continues = continues.collect();
        TokenItem::new(tokens).with_continuations(continues)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::rng;
    use super::super::{TokeniserKind, TokeniserTraining};
    use super::*;

    #[test]
    fn sequences_are_framed_and_words_told_apart() {
        for kind in [
            TokeniserKind::WordPiece {
                lowercase: true,
                strip_accents: None,
            },
            TokeniserKind::Bpe,
            TokeniserKind::Unigram,
        ] {
            let training = TokeniserTraining {
                kind,
                vocabulary: 400,
                min_frequency: 1,
            };
            let text = "a question that is the question of the question".to_owned();
            let tokeniser = training.train([Ok(text)]).unwrap();
            // Byte-level tokens begin with white space, which a text does not.
            let whole = match kind {
                TokeniserKind::Bpe => tokeniser.encode(" is", false).unwrap().ids[0],
                _ => tokeniser.encode("is", false).unwrap().ids[0],
            };
            let parts = tokeniser.encode("is thatis", false).unwrap();
            let preprocess = TextPreprocess::new(tokeniser, 8).unwrap();
            let sequence = PackedSequence {
                ids: [vec![whole], parts.ids.clone()].concat(),
                documents: Vec::new(),
                positions: Vec::new(),
            };
            let item = Framed::new(&preprocess).apply(sequence, rng(0));
            assert_eq!(item.tokens.first(), Some(&2));
            assert_eq!(item.tokens.last(), Some(&3));
            let last = item.continues.len() - 1;
            assert_eq!([item.continues[0], item.continues[1]], [false, false]);
            assert!(
                !item.continues[last] && item.continues[last - 1],
                "{kind:?}"
            );
            if matches!(kind, TokeniserKind::WordPiece { .. }) {
                assert_eq!(item.continues[2..last], parts.continues_word());
            }
        }
    }
}
