//! How a transformer knows the order of its tokens.
//!
//! Shape letters: `B` batch, `T` tokens, `H` heads, `E` width.

use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

/// How a transformer knows the order of its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PositionKind {
    /// A row of a trained table is added to each embedding: BERT's.
    #[default]
    Learned,
    /// Sines and cosines are added to each embedding, and words are multiplied by `sqrt(E)` before (Vaswani et al.
    /// 2017, sections 3.5 and 3.4).
    Sinusoidal,
    /// Query and key of every head are turned by angles that grow with their place (Su et al. 2021, "RoFormer",
    /// equation 34).
    Rotary,
}

/// The longest wave is this many times `2 pi` positions long, in both papers.
const BASE: f64 = 10_000.0;

/// `t / BASE^(2 i / size)` for each position `t` and pair `i` of a vector's entries, position by position.
fn angles(length: usize, size: usize) -> impl Iterator<Item = f64> {
    (0..length).flat_map(move |t| {
        (0..size / 2).map(move |i| t as f64 / BASE.powf((2 * i) as f64 / size as f64))
    })
}

/// `sin` of each angle at the even places and `cos` at the odd ones, `[T, E]`; `E` is even.
pub(crate) fn sinusoids(length: usize, width: usize, device: &Device) -> Tensor<2> {
    let values: Vec<f32> = angles(length, width)
        .flat_map(|angle| [angle.sin() as f32, angle.cos() as f32])
        .collect();
    Tensor::from_data(TensorData::new(values, [length, width]), device)
}

/// The turns of the neighbouring pairs of every head's entries.
pub(crate) struct Rotation {
    /// `[1, T, E / 2, 1]`, each head's after another's.
    cos: Tensor<4>,
    sin: Tensor<4>,
}

impl Rotation {
    /// Heads have an even size.
    pub(crate) fn new(length: usize, width: usize, heads: usize, device: &Device) -> Self {
        let of_a_head: Vec<f64> = angles(length, width / heads).collect();
        let table = |f: fn(f64) -> f64| {
            let pairs = width / heads / 2;
            let values: Vec<f32> = (0..length)
                .flat_map(|t| of_a_head[t * pairs..][..pairs].repeat(heads))
                .map(|angle| f(angle) as f32)
                .collect();
            Tensor::from_data(TensorData::new(values, [1, length, width / 2, 1]), device)
        };
        Self {
            cos: table(f64::cos),
            sin: table(f64::sin),
        }
    }

    /// `(x cos - y sin, y cos + x sin)` for each pair `(x, y)` of `[B, T, E]`.
    pub(crate) fn apply(&self, vectors: Tensor<3>) -> Tensor<3> {
        let [batch, length, width] = vectors.dims();
        let pairs = vectors.reshape([batch, length, width / 2, 2]);
        let x = pairs.clone().narrow(3, 0, 1);
        let y = pairs.narrow(3, 1, 1);
        let turned = vec![
            x.clone() * self.cos.clone() - y.clone() * self.sin.clone(),
            y * self.cos.clone() + x * self.sin.clone(),
        ];
        Tensor::cat(turned, 3).reshape([batch, length, width])
    }
}
