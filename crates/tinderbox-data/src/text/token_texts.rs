//! Documents through preprocessing.

use std::sync::Arc;

use burn::data::dataset::Dataset;
use burn::tensor::TensorData;

use super::document::DocumentSource;
use super::padding::{padded_length, sequences};
use super::preprocess::TextPreprocess;
use super::token_item::TokenItem;
use crate::batch::labels;
use crate::{Collate, Content, DataError, Labelled, Ledger, PlainBatch, SampleRng, View};

/// Documents as sequences of tokens, each with its label. A text is tokenised when its item is asked for.
#[derive(Clone)]
pub struct TokenTexts {
    documents: Arc<dyn DocumentSource>,
    preprocess: TextPreprocess,
}

impl TokenTexts {
    /// Documents and what makes tokens of them.
    pub fn new(documents: Arc<dyn DocumentSource>, preprocess: TextPreprocess) -> Self {
        Self {
            documents,
            preprocess,
        }
    }

    /// The documents.
    pub fn documents(&self) -> &Arc<dyn DocumentSource> {
        &self.documents
    }

    /// What makes tokens of them.
    pub fn preprocess(&self) -> &TextPreprocess {
        &self.preprocess
    }
}

impl Dataset<TokenItem, DataError> for TokenTexts {
    fn get(&self, index: usize) -> Result<TokenItem, DataError> {
        let document = self.documents.get(index)?;
        let second = document.second.as_deref();
        let item = self.preprocess.item(&document.text, second)?;
        Ok(TokenItem {
            label: document.label,
            ..item
        })
    }

    fn len(&self) -> usize {
        self.documents.len()
    }
}

impl Labelled for TokenTexts {
    fn label(&self, index: usize) -> Option<u32> {
        self.documents.label(index)
    }

    fn class_names(&self) -> &[String] {
        self.documents.class_names()
    }

    fn id(&self, index: usize) -> String {
        self.documents.id(index)
    }

    fn ledger(&self) -> Ledger {
        let mut ledger = self.documents.ledger();
        ledger.extend(self.unread("their ends are not read"));
        ledger
    }
}

impl Content for TokenTexts {
    fn content(&self, index: usize, sink: &mut dyn FnMut(&[u8])) -> Result<(), DataError> {
        self.documents.content(index, sink)
    }
}

/// A sequence as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlainTokens;

/// A sequence of tokens with the index of its item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSample {
    /// The sequence.
    pub item: TokenItem,
    /// The index of the item in the data set.
    pub index: u64,
}

impl View<TokenItem> for PlainTokens {
    type Out = TokenSample;

    fn apply(&self, item: TokenItem, rng: SampleRng) -> TokenSample {
        TokenSample {
            item,
            index: rng.index(),
        }
    }
}

/// Pads [`TokenSample`]s to a batch.
///
/// Gives `tokens`, `segments` and `padding` (1 where a token is padding), each `[B, T]`, once a view (`tokens1` and so on for the second),
/// and `label`, `[B]`, when every sample has one; all of `i64`. `T` is the length of the batch's longest sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenCollate {
    /// The id that fills sequences up; its segment is 0.
    pub pad: u32,
    /// How many equal views: what tells them apart is the model's dropout, as in SimCSE (Gao et al. 2021).
    pub views: usize,
}

impl Collate<TokenSample> for TokenCollate {
    /// # Panics
    /// If there are no samples.
    fn collate(&self, samples: Vec<TokenSample>) -> PlainBatch {
        let view = view(samples.iter().map(|sample| &sample.item), self.pad);
        let views = (0..self.views).flat_map(|number| numbered(view.clone(), number));
        let mut tensors: Vec<_> = views.collect();
        tensors.extend(labels(samples.iter().map(|sample| sample.item.label)));
        PlainBatch {
            indices: samples.iter().map(|sample| sample.index).collect(),
            tensors,
        }
    }
}

/// `tokens`, `segments` and `padding` of a view, each `[B, T]` of `i64`.
///
/// # Panics
/// If there are no items.
pub(super) fn view<'a>(
    items: impl ExactSizeIterator<Item = &'a TokenItem> + Clone,
    pad: u32,
) -> [(&'static str, TensorData); 3] {
    let length = padded_length(items.clone().map(|item| item.tokens.len()), None);
    let tokens = items.clone().map(|item| &item.tokens[..]);
    let segments = items.map(|item| &item.segments[..]);
    sequences(tokens, segments, length, pad)
}

/// A view's tensors with its number in their names, but for the first.
pub(super) fn numbered(
    view: [(&'static str, TensorData); 3],
    number: usize,
) -> [(String, TensorData); 3] {
    let suffix = match number {
        0 => String::new(),
        number => number.to_string(),
    };
    view.map(|(name, data)| (format!("{name}{suffix}"), data))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{rng, sentence};
    use super::*;

    #[test]
    fn views_are_padded_alike() {
        let sample = |length: usize, index: u64| {
            let item = TokenItem {
                label: Some(index as u32),
                ..sentence(length, index)
            };
            PlainTokens.apply(item, rng(index))
        };
        let collate = TokenCollate { pad: 0, views: 2 };
        let batch = collate.collate(vec![sample(2, 0), sample(1, 1)]);
        let names: Vec<&str> = batch.tensors.iter().map(|(name, _)| &name[..]).collect();
        assert_eq!(
            names,
            [
                "tokens",
                "segments",
                "padding",
                "tokens1",
                "segments1",
                "padding1",
                "label"
            ]
        );
        let values = |place: usize| batch.tensors[place].1.as_slice::<i64>().unwrap();
        assert_eq!(values(2), [0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!((values(0)[7], values(0)), (0, values(3)));
        assert_eq!(values(6), [0, 1]);
    }
}
