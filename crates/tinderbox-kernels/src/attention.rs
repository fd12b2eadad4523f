//! Scaled dot-product attention over several heads.
//!
//! Shape letters: `B` batch, `T` queries, `S` keys, `H` heads, `E` size of all heads together.

use burn::tensor::{Bool, Tensor, activation};

use crate::dropout;

/// How [`attention`] mixes values.
#[derive(Debug, Clone, Default)]
pub struct AttentionOptions {
    /// Number of heads, which divides `E`.
    pub heads: usize,
    /// True where a key must not be seen, `[B, S]`: padding.
    pub hidden_keys: Option<Tensor<2, Bool>>,
    /// Whether a query sees only keys up to its own place.
    pub causal: bool,
    /// Probability that training drops a weight; the others are scaled by `1 / (1 - p)`.
    pub dropout: f64,
}

/// `softmax(q k' / sqrt(E / H)) v` for each head (Vaswani et al. 2017, equation 1).
///
/// A query that may see no key gets zeros. Dropout applies on autodiff devices only.
///
/// # Shapes
/// - `query`: `[B, T, E]`
/// - `key`, `value`: `[B, S, E]`; head `h` has the entries `h * E / H ..` of each vector
/// - output: `[B, T, E]`
///
/// # Panics
/// If the shapes do not fit or `heads` does not divide `E`.
pub fn attention(
    query: Tensor<3>,
    key: Tensor<3>,
    value: Tensor<3>,
    options: &AttentionOptions,
) -> Tensor<3> {
    let ([batch, _, size], [keys_batch, keys, keys_size]) = (query.dims(), key.dims());
    assert_eq!(
        ([keys_batch, keys, keys_size], [batch, size]),
        (value.dims(), [keys_batch, keys_size]),
        "attention: query {:?}, key {:?} and value {:?} do not fit",
        query.dims(),
        key.dims(),
        value.dims()
    );
    assert!(
        options.heads > 0 && size.is_multiple_of(options.heads),
        "attention: {} heads do not divide {size}",
        options.heads
    );
    if let Some(hidden) = &options.hidden_keys {
        assert_eq!(hidden.dims(), [batch, keys], "attention: hidden_keys");
    }
    plain(query, key, value, options)
}

/// [`attention`] by Burn's own operations.
pub(crate) fn plain(
    query: Tensor<3>,
    key: Tensor<3>,
    value: Tensor<3>,
    options: &AttentionOptions,
) -> Tensor<3> {
    /// Stands for minus infinity: a row of it has a softmax, and zeros follow.
    const HIDDEN: f64 = -1e30;
    let ([batch, queries, size], [_, keys, _]) = (query.dims(), key.dims());
    let (heads, device) = (options.heads, query.device());
    let split = |x: Tensor<3>, length| {
        x.reshape([batch, length, heads, size / heads])
            .swap_dims(1, 2)
    };
    let scale = ((size / heads) as f64).sqrt().recip();
    let scores = split(query, queries).matmul(split(key, keys).swap_dims(2, 3)) * scale;
    let shape = [batch, heads, queries, keys];
    let hidden = options
        .hidden_keys
        .clone()
        .map(|hidden| hidden.reshape([batch, 1, 1, keys]).expand(shape));
    let later = options.causal.then(|| {
        Tensor::<2, Bool>::tril_mask([queries, keys], 0, &device)
            .reshape([1, 1, queries, keys])
            .expand(shape)
    });
    let mask = match (hidden, later) {
        (Some(hidden), Some(later)) => Some(hidden.bool_or(later)),
        (one, other) => one.or(other),
    };
    let weights = match mask {
        Some(mask) => {
            let weights = activation::softmax(scores.mask_fill(mask.clone(), HIDDEN), 3);
            weights.mask_fill(mask, 0.0)
        }
        None => activation::softmax(scores, 3),
    };
    let weights = dropout::dropout(weights, options.dropout);
    weights
        .matmul(split(value, keys))
        .swap_dims(1, 2)
        .reshape([batch, queries, size])
}
