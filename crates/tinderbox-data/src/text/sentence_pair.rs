//! Two segments as one sequence, `[CLS] A [SEP] B [SEP]`.

use super::{SentenceChunk, SpecialTokens, TokenItem};
use crate::{DataError, SampleRng};

/// Special tokens of a pair.
pub(super) const SPECIAL: usize = 3;

/// # Errors
/// [`DataError::Config`] if a pair has no room for a token in each segment, or if the special tokens are wrong.
pub(super) fn check(max_length: usize, special: &SpecialTokens) -> Result<(), DataError> {
    special.validate()?;
    if max_length < SPECIAL + 2 {
        return Err(DataError::config("max_length", "at least 5", max_length));
    }
    Ok(())
}

/// Tokens with their continuation flags.
pub(super) type Segment = Vec<(u32, bool)>;

/// The tokens of sentences, one after the other.
pub(super) fn segment<'a>(sentences: impl IntoIterator<Item = &'a TokenItem>) -> Segment {
    sentences
        .into_iter()
        .flat_map(|sentence| sentence.tokens.iter().zip(&sentence.continues))
        .map(|(token, continues)| (*token, *continues))
        .collect()
}

/// The chunk in two, cut between any two sentences.
///
/// # Panics
/// If the chunk has fewer than two sentences.
pub(super) fn split(chunk: &SentenceChunk, rng: &mut SampleRng) -> (Segment, Segment) {
    let sentences = &chunk.sentences;
    assert!(
        sentences.len() >= 2,
        "a chunk of {} sentences cannot be split",
        sentences.len()
    );
    let cut = 1 + rng.below(sentences.len() as u64 - 1) as usize;
    (segment(&sentences[..cut]), segment(&sentences[cut..]))
}

/// Joins two segments; while they are too long, the longer loses a token at either end with equal probability, as in BERT's
/// `truncate_seq_pair`. Segment 0 is `[CLS] A [SEP]`, segment 1 `B [SEP]`.
pub(super) fn join(
    mut a: Segment,
    mut b: Segment,
    special: &SpecialTokens,
    max_length: usize,
    label: u32,
    rng: &mut SampleRng,
) -> TokenItem {
    let room = max_length - SPECIAL;
    let total = a.len() + b.len();
    // How much the longer loses before both are of equal length, and after that by turns.
    let (long, short) = (a.len().max(b.len()), a.len().min(b.len()));
    let excess = total.saturating_sub(room);
    let alone = excess.min(long - short);
    let from_long = alone + (excess - alone).div_ceil(2);
    let [from_a, from_b] = if a.len() > b.len() {
        [from_long, excess - from_long]
    } else {
        [excess - from_long, from_long]
    };
    shorten(&mut a, from_a, rng);
    shorten(&mut b, from_b, rng);
    let mut tokens = vec![(special.cls, false)];
    tokens.append(&mut a);
    tokens.push((special.sep, false));
    let first = tokens.len();
    tokens.append(&mut b);
    tokens.push((special.sep, false));
    let segments = (0..tokens.len()).map(|place| u32::from(place >= first));
    let segments = segments.collect();
    let (tokens, continues) = tokens.into_iter().unzip();
    TokenItem {
        tokens,
        continues,
        segments,
        label: Some(label),
    }
}

/// Takes `count` tokens away, each from the front or the back.
fn shorten(segment: &mut Segment, count: usize, rng: &mut SampleRng) {
    let front = (0..count).filter(|_| rng.bool(0.5)).count();
    segment.truncate(segment.len() - (count - front));
    segment.drain(..front);
}

#[cfg(test)]
mod tests {
    use super::super::testing::{rng, special};
    use super::*;

    #[test]
    fn the_longer_is_truncated() {
        let segment = |length: u32, first: u32| -> Segment {
            (0..length).map(|place| (first + place, false)).collect()
        };
        // Lengths of both, room for them, lengths that are left.
        for (a, b, room, expected) in [
            (3, 2, 9, [3, 2]),
            (9, 2, 9, [7, 2]),
            (2, 9, 9, [2, 7]),
            (8, 6, 9, [4, 5]),
            (8, 8, 9, [5, 4]),
            (40, 1, 2, [1, 1]),
        ] {
            for index in 0..8 {
                let (a, b) = (segment(a, 10), segment(b, 100));
                let item = join(a, b, &special(), room + SPECIAL, 1, &mut rng(index));
                item.check();
                let sep = item.tokens.iter().position(|token| *token == 2).unwrap();
                let got = [sep - 1, item.tokens.len() - sep - 2];
                assert_eq!(got, expected);
                assert_eq!((item.tokens[0], *item.tokens.last().unwrap()), (1, 2));
                let ones = item.segments.iter().sum::<u32>() as usize;
                assert_eq!(
                    (ones, item.segments[sep], item.segments[sep + 1]),
                    (got[1] + 1, 0, 1)
                );
                // What is left of A is a contiguous run.
                assert!(
                    item.tokens[1..sep]
                        .windows(2)
                        .all(|pair| pair[0] + 1 == pair[1])
                );
            }
        }
    }
}
