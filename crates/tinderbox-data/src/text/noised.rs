//! Sequences with noise, for denoising sequence to sequence models.

use super::padding::{padded, padded_length, padding};
use crate::{Collate, PlainBatch};

/// A sequence with noise, and without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoisedSample {
    /// With noise: what the encoder reads.
    pub tokens: Vec<u32>,
    /// Without: what the decoder writes.
    pub targets: Vec<u32>,
    /// The index of the item in the data set.
    pub index: u64,
}

/// Pads [`NoisedSample`]s to a batch.
///
/// Gives `tokens` and `padding`, each `[B, T]`, and `targets` and `target_padding`, each `[B, U]`, of `i64`; padding is 1 where a
/// token is padding. `T` and `U` are the lengths of the batch's longest sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoisedCollate {
    /// The id that fills sequences up.
    pub pad: u32,
}

impl Collate<NoisedSample> for NoisedCollate {
    /// # Panics
    /// If there are no samples.
    fn collate(&self, samples: Vec<NoisedSample>) -> PlainBatch {
        let tokens = samples.iter().map(|sample| &sample.tokens[..]);
        let targets = samples.iter().map(|sample| &sample.targets[..]);
        let short = padded_length(tokens.clone().map(<[u32]>::len), None);
        let long = padded_length(targets.clone().map(<[u32]>::len), None);
        let pads = padding(tokens.clone().map(<[u32]>::len), short);
        let target_pads = padding(targets.clone().map(<[u32]>::len), long);
        PlainBatch {
            indices: samples.iter().map(|sample| sample.index).collect(),
            tensors: vec![
                ("tokens".to_owned(), padded(tokens, short, self.pad)),
                ("padding".to_owned(), pads),
                ("targets".to_owned(), padded(targets, long, self.pad)),
                ("target_padding".to_owned(), target_pads),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lengths_are_padded() {
        let sample = |tokens: &[u32], targets: &[u32]| NoisedSample {
            tokens: tokens.to_vec(),
            targets: targets.to_vec(),
            index: 0,
        };
        let samples = vec![sample(&[5], &[5, 6, 7]), sample(&[8, 9], &[8, 9])];
        let batch = NoisedCollate { pad: 0 }.collate(samples);
        let values = |place: usize| batch.tensors[place].1.as_slice::<i64>().unwrap();
        assert_eq!(values(0), [5, 0, 8, 9]);
        assert_eq!(values(1), [0, 1, 0, 0]);
        assert_eq!(values(2), [5, 6, 7, 8, 9, 0]);
        assert_eq!(values(3), [0, 0, 0, 0, 0, 1]);
    }
}
