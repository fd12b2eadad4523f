//! The updates of GloVe.

use pulp::{Simd, WithSimd};

use super::{LANES, stride};
use crate::simd::arch;

/// Two words that occur near each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// The row of the table of centres.
    pub centre: u32,
    /// The row of the table of contexts.
    pub context: u32,
    /// The logarithm of how often.
    pub log_count: f32,
    /// What the squared error counts.
    pub weight: f32,
}

/// The learning rates of [`train_pairs`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairRates {
    /// Of vectors.
    pub vectors: f32,
    /// Of biases.
    pub biases: f32,
}

/// One step of AdaGrad for each pair, in their order; the sum of their losses before the step.
///
/// ```text
/// difference = w . c + b_w + b_c - log_count
/// loss       = weight difference^2 / 2
/// t          = rate gradient;  x -= t / sqrt(squares);  squares += t^2
/// ```
///
/// Pennington et al. 2014, "GloVe", equation 8 and section 4.2. The factor 1/2 and the squares, which are of gradients times rates and
/// start from 1, are those of the authors' program.
///
/// # Shapes
/// A row of a table has `2 stride(dimension + 2)` floats: first the vector of `dimension`, two more and zeros, then their squares. The
/// two are bias and 1 in `centres`, 1 and bias in `contexts`, so that one dot product gives all sums.
///
/// # Panics
/// If a row is not in its table.
pub fn train_pairs(
    pairs: &[Pair],
    centres: &mut [f32],
    contexts: &mut [f32],
    dimension: usize,
    rates: PairRates,
) -> f64 {
    let stride = stride(dimension + 2);
    let mut rate_rows = [vec![0.0; stride], vec![0.0; stride]];
    for (rows, bias) in rate_rows.iter_mut().zip([dimension, dimension + 1]) {
        rows[..dimension].fill(rates.vectors);
        rows[bias] = rates.biases;
    }
    arch().dispatch(Train {
        pairs,
        tables: [centres, contexts],
        stride,
        rates: [&rate_rows[0], &rate_rows[1]],
    })
}

struct Train<'a> {
    pairs: &'a [Pair],
    tables: [&'a mut [f32]; 2],
    stride: usize,
    rates: [&'a [f32]; 2],
}

impl WithSimd for Train<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let Self {
            pairs,
            tables: [centres, contexts],
            stride,
            rates,
        } = self;
        let vectors = stride / S::F32_LANES;
        debug_assert!(stride.is_multiple_of(LANES));
        let [centre_rates, context_rates] = rates.map(|rates| &S::as_simd_f32s(rates).0[..vectors]);
        let mut loss = 0.0;
        for pair in pairs {
            let (centre, centre_squares) = parts::<S>(centres, pair.centre, stride);
            let (context, context_squares) = parts::<S>(contexts, pair.context, stride);
            let mut sum = simd.splat_f32s(0.0);
            for k in 0..vectors {
                sum = simd.mul_add_e_f32s(centre[k], context[k], sum);
            }
            let difference = simd.reduce_sum_f32s(sum) - pair.log_count;
            let weighted = pair.weight * difference;
            loss += 0.5 * f64::from(weighted) * f64::from(difference);
            let weighted = simd.splat_f32s(weighted);
            for k in 0..vectors {
                let (w, c) = (centre[k], context[k]);
                let step = |gradient, rate, value, square: S::f32s| {
                    let step = simd.mul_f32s(simd.mul_f32s(weighted, gradient), rate);
                    let moved = simd.div_f32s(step, simd.sqrt_f32s(square));
                    (
                        simd.sub_f32s(value, moved),
                        simd.mul_add_e_f32s(step, step, square),
                    )
                };
                (centre[k], centre_squares[k]) = step(c, centre_rates[k], w, centre_squares[k]);
                (context[k], context_squares[k]) = step(w, context_rates[k], c, context_squares[k]);
            }
        }
        loss
    }
}

/// The vector of a row and its squares.
#[inline(always)]
fn parts<S: Simd>(table: &mut [f32], row: u32, stride: usize) -> (&mut [S::f32s], &mut [S::f32s]) {
    let row = &mut table[row as usize * 2 * stride..][..2 * stride];
    let (vector, squares) = row.split_at_mut(stride);
    let vectors = stride / S::F32_LANES;
    let of = |part| &mut S::as_mut_simd_f32s(part).0[..vectors];
    (of(vector), of(squares))
}
