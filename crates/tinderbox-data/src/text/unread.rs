//! What a model does not read of texts, counted.

use rayon::prelude::*;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::document::{Document, DocumentSource};
use super::preprocess::Reading;
use super::token_texts::TokenTexts;
use crate::{Ledger, Remark};

/// Texts that are looked at at most, evenly spread; all costs are those of making tokens of them.
const MOST: usize = 100_000;
/// Texts that are looked at at a time, on all threads.
const CHUNK: usize = 1024;
/// Words that are kept as examples.
const SHOWN: usize = 3;

/// Items that are looked at: all, or every so many-th.
#[derive(Clone, Copy)]
pub(super) struct Looked {
    items: usize,
    stride: usize,
}

impl Looked {
    pub(super) fn at(items: usize) -> Self {
        Self {
            items,
            stride: items.div_ceil(MOST).max(1),
        }
    }

    /// Gives what `look` finds of each to `take`, in order.
    pub(super) fn each<T: Send>(
        self,
        look: impl Fn(usize) -> Option<T> + Sync,
        mut take: impl FnMut(usize, T),
    ) {
        let indices: Vec<usize> = (0..self.items).step_by(self.stride).collect();
        for chunk in indices.chunks(CHUNK) {
            let found: Vec<Option<T>> = chunk.par_iter().map(|index| look(*index)).collect();
            for (index, found) in chunk.iter().zip(found) {
                if let Some(found) = found {
                    take(*index, found);
                }
            }
        }
    }

    /// A remark on some of the items, named by `examples`, which says so if not all were looked at.
    pub(super) fn remark(self, what: &str, examples: &[String], becomes: &str) -> Remark {
        let becomes = match self.stride {
            1 => becomes.to_owned(),
            stride => format!("{becomes} (one in {stride} was looked at)"),
        };
        let of = self.items.div_ceil(self.stride);
        let remark = Remark::new(what, examples.len(), becomes).of(of);
        let mut different = Vec::new();
        for example in examples {
            if different.len() < SHOWN && !different.contains(example) {
                different.push(example.clone());
            }
        }
        remark.examples(different)
    }
}

/// What was found of one text.
struct Found {
    reading: Reading,
    /// Its first word that loses marks.
    marked: Option<String>,
}

impl TokenTexts {
    /// What of these texts is not read where each is one sequence: ends (of which is said what becomes of them), words that the vocabulary does not
    /// know, marks of letters, and texts without any token.
    pub fn unread(&self, ends: &str) -> Ledger {
        let (preprocess, documents) = (self.preprocess(), self.documents());
        let strips = preprocess.tokeniser().strips_marks();
        let looked = Looked::at(documents.len());
        let (mut cut, mut empty, mut marked) = (Vec::new(), Vec::new(), Vec::new());
        let (mut tokens, mut unknown, mut words) = (0, 0, Vec::new());
        let look = |index| {
            let Document { text, second, .. } = documents.get(index).ok()?;
            Some(Found {
                reading: preprocess.reading(&text, second.as_deref()).ok()?,
                marked: strips.then(|| first_marked(&text)).flatten(),
            })
        };
        looked.each(
            look,
            |index,
             Found {
                 reading,
                 marked: word,
             }| {
                if reading.cut {
                    cut.push(place(&**documents, index));
                }
                if reading.tokens == 0 {
                    empty.push(place(&**documents, index));
                }
                marked.extend(word);
                tokens += reading.tokens;
                unknown += reading.unknown.len();
                for word in reading.unknown {
                    if words.len() < SHOWN && !words.contains(&word) {
                        words.push(word);
                    }
                }
            },
        );
        let mut ledger = Ledger::default();
        let becomes = format!("are longer than {} tokens; {ends}", preprocess.length());
        let cut = looked.remark("texts", &cut, &becomes);
        ledger.add(cut.key("data.tokens.length"));
        ledger.add(looked.remark("texts", &empty, "have no token: nothing of them is read"));
        let becomes = "hold accents or other marks of letters, which are dropped";
        let marked = looked.remark("texts", &marked, becomes);
        ledger.add(marked.key("data.tokens.strip_accents = false"));
        let becomes = "are words that the vocabulary does not know";
        let unknown = Remark::new("tokens", unknown, becomes).of(tokens);
        ledger.add(unknown.examples(words));
        ledger
    }
}

/// Where a document stands.
pub(super) fn place(documents: &dyn DocumentSource, index: usize) -> String {
    let known = documents.place(index);
    known.unwrap_or_else(|| format!("item {}", documents.id(index)))
}

/// The first word of a text whose letters have marks that can stand by themselves.
fn first_marked(text: &str) -> Option<String> {
    let marked = |word: &&str| !word.is_ascii() && word.nfd().any(is_combining_mark);
    text.split_whitespace().find(marked).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{InMemoryDocuments, testing::preprocess};
    use super::*;
    use crate::Labelled;

    #[test]
    fn ends_marks_and_unknown_words_are_counted() {
        let texts = ["to be", "to be or not to be", "", "to xyz b\u{e9} \u{4e00}"];
        let documents = Arc::new(InMemoryDocuments::new(texts));
        let texts = TokenTexts::new(documents, preprocess("to be or not that is", 6));
        let remarks = texts.ledger();
        let remarks: Vec<String> = remarks.remarks().iter().map(Remark::to_string).collect();
        assert_eq!(
            remarks,
            [
                "1 of 4 texts are longer than 6 tokens; their ends are not read (item 1); `data.tokens.length` changes that",
                "1 of 4 texts have no token: nothing of them is read (item 2)",
                "1 of 4 texts hold accents or other marks of letters, which are dropped (b\u{e9}); `data.tokens.strip_accents = false` changes that",
                "2 of 10 tokens are words that the vocabulary does not know (xyz, \u{4e00})",
            ]
        );
    }

    #[test]
    fn what_is_not_looked_at_is_said() {
        let looked = Looked::at(250_000);
        let mut count = 0;
        looked.each(|index| (index % 2 == 0).then_some(()), |_, ()| count += 1);
        assert_eq!(count, 41_667);
        let remark = looked.remark("texts", &["a".into()], "are cut").to_string();
        assert_eq!(
            remark,
            "1 of 83334 texts are cut (one in 3 was looked at) (a)"
        );
    }
}
