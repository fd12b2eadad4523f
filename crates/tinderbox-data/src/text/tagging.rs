//! Sequences some of whose tokens have a class.

use burn::tensor::TensorData;

use super::padding::{named, padded_length, sequences};
use super::{SpecialTokens, TokenItem};
use crate::{Collate, PlainBatch};

/// A sequence of `T` tokens, some of which have a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaggedSample {
    /// The tokens, `[T]`.
    pub tokens: Vec<u32>,
    /// The segment of each token, `[T]`.
    pub segments: Vec<u32>,
    /// The class of each token that has one, `[T]`.
    pub tags: Vec<Option<u32>>,
    /// The index of the item in the data set.
    pub index: u64,
}

impl TaggedSample {
    /// A sequence whose words have classes: the first token of a word has its class, and no other token has one (Devlin et al.
    /// 2019, section 5.3).
    ///
    /// # Panics
    /// If the item's flags or segments are not as many as its tokens, or if it has more words than there are classes. It may have
    /// fewer, since a sequence may be cut.
    pub fn of_words(
        item: TokenItem,
        classes: &[Option<u32>],
        special: &SpecialTokens,
        index: u64,
    ) -> Self {
        item.check();
        // Words that the vocabulary does not know have a class too.
        let frame = [special.pad, special.cls, special.sep];
        let begins =
            |place: &usize| !item.continues[*place] && !frame.contains(&item.tokens[*place]);
        let words: Vec<usize> = (0..item.tokens.len()).filter(begins).collect();
        assert!(
            words.len() <= classes.len(),
            "item {index} has {} words, but {} classes",
            words.len(),
            classes.len()
        );
        let mut tags = vec![None; item.tokens.len()];
        for (word, class) in words.into_iter().zip(classes) {
            tags[word] = *class;
        }
        Self {
            tokens: item.tokens,
            segments: item.segments,
            tags,
            index,
        }
    }
}

/// Pads [`TaggedSample`]s to a batch.
///
/// Gives `tokens`, `segments` and `padding` (1 where a token is padding), each `[B, T]`, and `positions` and `targets`, each `[N]` for
/// the `N` tokens of the batch that have a class, all of `i64`. Positions are flat indices into `B x T`, ascending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaggedCollate {
    /// The id that fills sequences up.
    pub pad: u32,
    /// The length `T` of every batch; that of the batch's longest sequence if it is `None`.
    pub length: Option<usize>,
}

impl Collate<TaggedSample> for TaggedCollate {
    /// # Panics
    /// If there are no samples, or if one is longer than `length`.
    fn collate(&self, samples: Vec<TaggedSample>) -> PlainBatch {
        let lengths = samples.iter().map(|sample| sample.tokens.len());
        let length = padded_length(lengths, self.length);
        let tokens = samples.iter().map(|sample| &sample.tokens[..]);
        let segments = samples.iter().map(|sample| &sample.segments[..]);
        let (mut positions, mut targets) = (Vec::new(), Vec::new());
        for (row, sample) in samples.iter().enumerate() {
            for (place, tag) in sample.tags.iter().enumerate() {
                if let Some(tag) = tag {
                    positions.push((row * length + place) as i64);
                    targets.push(i64::from(*tag));
                }
            }
        }
        let flat = |values: Vec<i64>| {
            let count = values.len();
            TensorData::new(values, [count])
        };
        let mut tensors = named(sequences(tokens, segments, length, self.pad));
        tensors.extend(named([
            ("positions", flat(positions)),
            ("targets", flat(targets)),
        ]));
        PlainBatch {
            indices: samples.iter().map(|sample| sample.index).collect(),
            tensors,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::special;
    use super::*;

    #[test]
    fn the_first_token_of_a_word_has_its_class() {
        let continues = [false, false, true, false, true, true, false].to_vec();
        let item = TokenItem::new(vec![1, 10, 11, 12, 13, 14, 2]).with_continuations(continues);
        let sample = TaggedSample::of_words(item, &[Some(4), Some(7), None], &special(), 5);
        assert_eq!(
            sample.tags,
            [None, Some(4), None, Some(7), None, None, None]
        );
        let short = TaggedSample::of_words(
            TokenItem::new(vec![1, 8, 9, 2]),
            &[None, Some(3)],
            &special(),
            6,
        );
        let collate = TaggedCollate {
            pad: 0,
            length: None,
        };
        let batch = collate.collate(vec![short, sample]);
        let values = |place: usize| batch.tensors[place].1.as_slice::<i64>().unwrap();
        assert_eq!(values(0), [1, 8, 9, 2, 0, 0, 0, 1, 10, 11, 12, 13, 14, 2]);
        assert_eq!(values(2)[..7], [0, 0, 0, 0, 1, 1, 1]);
        assert_eq!(values(3), [2, 8, 10]);
        assert_eq!(values(4), [3, 4, 7]);
    }

    #[test]
    fn a_batch_without_classes_has_no_positions() {
        let sample = TaggedSample::of_words(TokenItem::new(vec![1, 2]), &[], &special(), 0);
        let collate = TaggedCollate {
            pad: 0,
            length: None,
        };
        assert_eq!(&collate.collate(vec![sample]).tensors[3].1.shape()[..], [0]);
    }

    #[test]
    #[should_panic(expected = "item 0 has 2 words, but 1 classes")]
    fn a_word_without_a_class_panics() {
        TaggedSample::of_words(TokenItem::new(vec![8, 9]), &[Some(1)], &special(), 0);
    }
}
