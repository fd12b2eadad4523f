//! Sequences of unequal length as one rectangle.

use burn::tensor::TensorData;

/// The length that a batch is padded to: `length`, or that of the longest sequence.
///
/// # Panics
/// If a sequence is longer than `length`, or if there are no sequences.
pub(super) fn padded_length(lengths: impl Iterator<Item = usize>, length: Option<usize>) -> usize {
    let longest = lengths.max().expect("a batch has at least one sample");
    let length = length.unwrap_or(longest);
    assert!(
        longest <= length,
        "a sequence of {longest} tokens in a batch of length {length}"
    );
    length
}

/// The rows, each filled up with `fill`, `[B, length]` of `i64`.
pub(super) fn padded<'a>(
    rows: impl ExactSizeIterator<Item = &'a [u32]>,
    length: usize,
    fill: u32,
) -> TensorData {
    let shape = [rows.len(), length];
    let mut flat = Vec::with_capacity(shape[0] * length);
    for row in rows {
        flat.extend(row.iter().map(|value| i64::from(*value)));
        flat.extend((row.len()..length).map(|_| i64::from(fill)));
    }
    TensorData::new(flat, shape)
}

/// 1 behind the end of each row and 0 before, `[B, length]` of `i64`.
pub(super) fn padding(lengths: impl ExactSizeIterator<Item = usize>, length: usize) -> TensorData {
    let shape = [lengths.len(), length];
    let flat: Vec<i64> = lengths
        .flat_map(|row| (0..length).map(move |place| i64::from(place >= row)))
        .collect();
    TensorData::new(flat, shape)
}

/// `tokens`, filled up with `pad`, `segments`, filled up with 0, and `padding`, as every batch of sequences has them. None
/// is longer than `length`.
pub(super) fn sequences<'a>(
    tokens: impl ExactSizeIterator<Item = &'a [u32]> + Clone,
    segments: impl ExactSizeIterator<Item = &'a [u32]>,
    length: usize,
    pad: u32,
) -> [(&'static str, TensorData); 3] {
    let lengths = tokens.clone().map(<[u32]>::len);
    [
        ("tokens", padded(tokens, length, pad)),
        ("segments", padded(segments, length, 0)),
        ("padding", padding(lengths, length)),
    ]
}

/// Tensors with the names that a batch gives them.
pub(super) fn named(
    tensors: impl IntoIterator<Item = (&'static str, TensorData)>,
) -> Vec<(String, TensorData)> {
    let tensors = tensors.into_iter();
    tensors
        .map(|(name, data)| (name.to_owned(), data))
        .collect()
}
