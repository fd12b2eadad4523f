//! Sequences with an answer in them.

use burn::tensor::TensorData;

use super::padding::{named, padded_length, sequences};
use crate::{Collate, PlainBatch};

/// A sequence of `T` tokens, a span of which is the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanSample {
    /// The tokens, `[T]`, most often those of a question and of a text.
    pub tokens: Vec<u32>,
    /// The segment of each token, `[T]`.
    pub segments: Vec<u32>,
    /// The place of the answer's first token.
    pub start: usize,
    /// The place of its last token.
    pub end: usize,
    /// The index of the item in the data set.
    pub index: u64,
}

/// Pads [`SpanSample`]s to a batch.
///
/// Gives `tokens`, `segments` and `padding` (1 where a token is padding), each `[B, T]`, and `starts` and `ends`, each `[B]`, all of
/// `i64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanCollate {
    /// The id that fills sequences up.
    pub pad: u32,
    /// The length `T` of every batch; that of the batch's longest sequence if it is `None`.
    pub length: Option<usize>,
}

impl Collate<SpanSample> for SpanCollate {
    /// # Panics
    /// If there are no samples, if one is longer than `length`, or if an answer does not lie in its sequence.
    fn collate(&self, samples: Vec<SpanSample>) -> PlainBatch {
        let lengths = samples.iter().map(|sample| sample.tokens.len());
        let length = padded_length(lengths, self.length);
        for sample in &samples {
            let SpanSample {
                start,
                end,
                tokens,
                index,
                ..
            } = sample;
            assert!(
                start <= end && *end < tokens.len(),
                "item {index} has an answer at {start} to {end} of {} tokens",
                tokens.len()
            );
        }
        let tokens = samples.iter().map(|sample| &sample.tokens[..]);
        let segments = samples.iter().map(|sample| &sample.segments[..]);
        let places = |place: fn(&SpanSample) -> usize| {
            let places: Vec<i64> = samples.iter().map(|sample| place(sample) as i64).collect();
            TensorData::new(places, [samples.len()])
        };
        let mut tensors = named(sequences(tokens, segments, length, self.pad));
        tensors.extend(named([
            ("starts", places(|sample| sample.start)),
            ("ends", places(|sample| sample.end)),
        ]));
        PlainBatch {
            indices: samples.iter().map(|sample| sample.index).collect(),
            tensors,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(length: usize, start: usize, end: usize) -> SpanSample {
        SpanSample {
            tokens: vec![7; length],
            segments: vec![1; length],
            start,
            end,
            index: 3,
        }
    }

    #[test]
    fn answers_are_places_of_their_sequence() {
        let collate = SpanCollate {
            pad: 0,
            length: Some(4),
        };
        let batch = collate.collate(vec![sample(4, 1, 3), sample(1, 0, 0)]);
        let values = |place: usize| batch.tensors[place].1.as_slice::<i64>().unwrap();
        assert_eq!(values(2), [0, 0, 0, 0, 0, 1, 1, 1]);
        assert_eq!((values(3), values(4)), (&[1, 0][..], &[3, 0][..]));
    }

    #[test]
    #[should_panic(expected = "item 3 has an answer at 1 to 4 of 4 tokens")]
    fn an_answer_outside_panics() {
        SpanCollate {
            pad: 0,
            length: None,
        }
        .collate(vec![sample(4, 1, 4)]);
    }
}
