//! `[data.tokens]`: how texts become tokens.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tinderbox::data::DataError;
use tinderbox::data::text::TokeniserKind;

use super::reader::TableReader;

/// The `[data.tokens]` table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokensRecipe {
    /// The most tokens of a sequence, with the special ones.
    pub length: usize,
    /// A `tokenizer.json`, a `vocab.txt`, or a folder with one of them; without it, a tokeniser is trained on the training part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokeniser: Option<PathBuf>,
    /// How words are cut into tokens, where a tokeniser is trained.
    pub kind: Cut,
    /// The most tokens of the vocabulary, where a tokeniser is trained.
    pub vocabulary: usize,
    /// Whether case is dropped; of WordPiece only.
    pub lowercase: bool,
    /// Whether accents and other marks of letters are dropped; without it, as `lowercase` has it, as in BERT; of WordPiece only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strip_accents: Option<bool>,
    /// Whether bytes that are no text become U+FFFD, instead of an item that cannot be read.
    pub lossy: bool,
}

/// How words are cut into tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cut {
    /// As in BERT.
    WordPiece,
    /// Byte-level byte pair encoding, as in GPT-2.
    Bpe,
    /// As in T5.
    Unigram,
}

impl Default for TokensRecipe {
    fn default() -> Self {
        Self {
            length: 128,
            tokeniser: None,
            kind: Cut::WordPiece,
            vocabulary: 8192,
            lowercase: true,
            strip_accents: None,
            lossy: false,
        }
    }
}

impl TokensRecipe {
    /// How words are cut.
    pub fn kind(&self) -> TokeniserKind {
        match self.kind {
            Cut::WordPiece => TokeniserKind::WordPiece {
                lowercase: self.lowercase,
                strip_accents: self.strip_accents,
            },
            Cut::Bpe => TokeniserKind::Bpe,
            Cut::Unigram => TokeniserKind::Unigram,
        }
    }

    fn check(&self) -> Result<(), DataError> {
        let wrong = |name, expected: &str, got: usize| {
            Err(DataError::Config {
                name,
                expected: expected.into(),
                got: got.to_string(),
            })
        };
        if self.strip_accents.is_some() && self.kind != Cut::WordPiece {
            return Err(DataError::Config {
                name: "strip_accents",
                expected: "nothing, since only `kind = \"wordpiece\"` changes letters".into(),
                got: "set".into(),
            });
        }
        if self.length < 8 {
            return wrong("length", "at least 8", self.length);
        }
        if self.vocabulary < 300 {
            return wrong("vocabulary", "at least 300", self.vocabulary);
        }
        Ok(())
    }

    pub(super) fn read(table: &mut TableReader<'_>) -> Self {
        table.checked_rest(Self::check).unwrap_or_default()
    }
}
