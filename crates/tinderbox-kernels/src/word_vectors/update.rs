//! The updates of word2vec: a window is three small products of matrices.
//!
//! Shape letters: `G` hidden vectors, `O` outputs of a window, `W` floats of a row.

use pulp::{Simd, WithSimd};

use super::LANES;
use super::table::Table;
use super::windows::{Window, Windows};
use crate::math::exp;
use crate::simd::arch;

/// Outputs that are in registers at a time.
const BLOCK: usize = 8;

/// The loss is measured on one window of so many, for its logarithms cost more than the update.
pub const LOSS_EVERY: usize = 64;

/// Memory that is used again from window to window.
#[derive(Debug, Clone, Default)]
pub struct Workspace {
    hidden: Table,
    gradient: Table,
    errors: Vec<f32>,
}

/// The loss of the windows that were measured.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct WindowLoss {
    /// `-log` of the probability of the labels, summed over outputs and pairs.
    pub sum: f64,
    /// Hidden vectors that were measured.
    pub hidden: u64,
}

/// One step of gradient descent for each window, in their order.
///
/// ```text
/// logits = H U^T              H: [G, W] hidden vectors, U: [O, W] outputs
/// E      = rate (labels - sigmoid(logits))
/// H     += E U                and to each row that a hidden vector is the mean of
/// U     += E^T H
/// ```
///
/// That is the gradient of `sum -log sigmoid(+-logit)` (Mikolov et al. 2013, "Distributed Representations of Words and Phrases",
/// equations 3 and 4), but that rows under a mean get the whole gradient of the mean, as in word2vec.c, gensim and fastText. The
/// outputs of a window are shared by its hidden vectors (Ji et al. 2016, "Parallelizing Word2Vec in Shared and Distributed
/// Memory"), and all of a window's gradients are taken before its rows change.
///
/// # Shapes
/// - `inputs`, `outputs`: rows of `stride` floats
///
/// # Panics
/// If a row is not in its table, a window has an output twice, or `stride` is not a multiple of 16.
pub fn train_windows(
    windows: &Windows,
    inputs: &mut [f32],
    outputs: &mut [f32],
    stride: usize,
    rate: f32,
    workspace: &mut Workspace,
) -> WindowLoss {
    assert!(
        stride > 0 && stride.is_multiple_of(LANES),
        "word vectors: a stride of {stride}"
    );
    arch().dispatch(Train {
        windows,
        inputs,
        outputs,
        stride,
        rate,
        workspace,
    })
}

struct Train<'a> {
    windows: &'a Windows,
    inputs: &'a mut [f32],
    outputs: &'a mut [f32],
    stride: usize,
    rate: f32,
    workspace: &'a mut Workspace,
}

impl WithSimd for Train<'_> {
    type Output = WindowLoss;

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) -> WindowLoss {
        let mut loss = WindowLoss::default();
        for (i, window) in self.windows.iter().enumerate() {
            if window.hidden_len() == 0 || window.outputs.is_empty() {
                continue;
            }
            self.read_hidden(&window);
            self.logits(simd, &window);
            if i % LOSS_EVERY == 0 {
                loss.sum += self.loss(&window);
                loss.hidden += window.hidden_len() as u64;
            }
            self.errors(&window);
            self.update_outputs(simd, &window);
            self.update_inputs(&window);
        }
        loss
    }
}

impl Train<'_> {
    #[inline(always)]
    fn read_hidden(&mut self, window: &Window) {
        let (stride, count) = (self.stride, window.hidden_len());
        let Workspace {
            hidden,
            gradient,
            errors,
        } = &mut *self.workspace;
        if hidden.len() < count * stride {
            hidden.resize(count * stride);
            gradient.resize(count * stride);
        }
        if errors.len() < count * window.outputs.len() {
            errors.resize(count * window.outputs.len(), 0.0);
        }
        gradient[..count * stride].fill(0.0);
        for (hidden, rows) in hidden.chunks_exact_mut(stride).zip(window.hidden()) {
            hidden.copy_from_slice(row(self.inputs, rows[0], stride));
            if rows.len() > 1 {
                for other in &rows[1..] {
                    let other = row(self.inputs, *other, stride);
                    hidden.iter_mut().zip(other).for_each(|(x, y)| *x += y);
                }
                let share = 1.0 / rows.len() as f32;
                hidden.iter_mut().for_each(|x| *x *= share);
            }
        }
    }

    /// `errors = H U^T`.
    #[inline(always)]
    fn logits<S: Simd>(&mut self, simd: S, window: &Window) {
        let count = window.outputs.len();
        for (i, block) in window.outputs.chunks(BLOCK).enumerate() {
            let first = i * BLOCK;
            match block.len() {
                1 => self.logits_of::<S, 1>(simd, window, block, first, count),
                2 => self.logits_of::<S, 2>(simd, window, block, first, count),
                3 => self.logits_of::<S, 3>(simd, window, block, first, count),
                4 => self.logits_of::<S, 4>(simd, window, block, first, count),
                5 => self.logits_of::<S, 5>(simd, window, block, first, count),
                6 => self.logits_of::<S, 6>(simd, window, block, first, count),
                7 => self.logits_of::<S, 7>(simd, window, block, first, count),
                _ => self.logits_of::<S, 8>(simd, window, block, first, count),
            }
        }
    }

    #[inline(always)]
    fn logits_of<S: Simd, const O: usize>(
        &mut self,
        simd: S,
        window: &Window,
        block: &[u32],
        first: usize,
        count: usize,
    ) {
        let stride = self.stride;
        let vectors = stride / S::F32_LANES;
        let outputs: [&[S::f32s]; O] = std::array::from_fn(|o| {
            &S::as_simd_f32s(row(self.outputs, block[o], stride)).0[..vectors]
        });
        let Workspace { hidden, errors, .. } = &mut *self.workspace;
        let mut hidden = hidden[..window.hidden_len() * stride].chunks_exact(2 * stride);
        let mut logits = errors.chunks_exact_mut(2 * count);
        for (pair, logits) in (&mut hidden).zip(&mut logits) {
            let (left, right) = pair.split_at(stride);
            let hidden = [left, right].map(|row| &S::as_simd_f32s(row).0[..vectors]);
            let sums = products(simd, hidden, outputs, vectors);
            for (logits, sums) in logits.chunks_exact_mut(count).zip(sums) {
                logits[first..first + O].copy_from_slice(&sums);
            }
        }
        let left = hidden.remainder();
        if !left.is_empty() {
            let hidden = [&S::as_simd_f32s(left).0[..vectors]];
            let start = (window.hidden_len() - 1) * count + first;
            errors[start..start + O].copy_from_slice(&products(simd, hidden, outputs, vectors)[0]);
        }
    }

    /// `sum -log sigmoid(+-logit)`, from the logits.
    #[inline(always)]
    fn loss(&self, window: &Window) -> f64 {
        let count = window.outputs.len();
        let logits = self.workspace.errors[..window.hidden_len() * count].chunks_exact(count);
        let of = |(logit, label): (&f32, &f32)| {
            let (logit, label) = (f64::from(*logit), f64::from(*label));
            // log(1 + e^x) - label x, without overflow.
            logit.max(0.0) + (-logit.abs()).exp().ln_1p() - label * logit
        };
        logits
            .map(|logits| logits.iter().zip(window.labels).map(of).sum::<f64>())
            .sum()
    }

    /// From logits to `rate (labels - sigmoid(logits))`.
    #[inline(always)]
    fn errors(&mut self, window: &Window) {
        let count = window.outputs.len();
        let errors = &mut self.workspace.errors[..window.hidden_len() * count];
        for x in errors.iter_mut() {
            *x = -self.rate / (1.0 + exp(-*x));
        }
        for errors in errors.chunks_exact_mut(count) {
            for (x, label) in errors.iter_mut().zip(window.labels) {
                *x += self.rate * label;
            }
        }
    }

    /// `gradient = E U` and `U += E^T H`.
    #[inline(always)]
    fn update_outputs<S: Simd>(&mut self, simd: S, window: &Window) {
        for (i, block) in window.outputs.chunks(BLOCK).enumerate() {
            let first = i * BLOCK;
            match block.len() {
                1 => self.update_block::<S, 1>(simd, window, block, first),
                2 => self.update_block::<S, 2>(simd, window, block, first),
                3 => self.update_block::<S, 3>(simd, window, block, first),
                4 => self.update_block::<S, 4>(simd, window, block, first),
                5 => self.update_block::<S, 5>(simd, window, block, first),
                6 => self.update_block::<S, 6>(simd, window, block, first),
                7 => self.update_block::<S, 7>(simd, window, block, first),
                _ => self.update_block::<S, 8>(simd, window, block, first),
            }
        }
    }

    #[inline(always)]
    fn update_block<S: Simd, const O: usize>(
        &mut self,
        simd: S,
        window: &Window,
        block: &[u32],
        first: usize,
    ) {
        let (stride, count, hidden_len) = (self.stride, window.outputs.len(), window.hidden_len());
        let Workspace {
            hidden,
            gradient,
            errors,
        } = &mut *self.workspace;
        let hidden = S::as_simd_f32s(&hidden[..hidden_len * stride]).0;
        let gradient = S::as_mut_simd_f32s(&mut gradient[..hidden_len * stride]).0;
        let errors = &errors[first..];
        let ranges: [_; O] = std::array::from_fn(|o| {
            let start = block[o] as usize * stride;
            start..start + stride
        });
        let rows = self.outputs.get_disjoint_mut(ranges);
        let rows = rows.expect("the outputs of a window are distinct rows of the table");
        outer_products(simd, hidden, gradient, rows, errors, count, stride);
    }

    /// Adds each hidden vector's gradient to its rows.
    #[inline(always)]
    fn update_inputs(&mut self, window: &Window) {
        let stride = self.stride;
        for (gradient, rows) in self
            .workspace
            .gradient
            .chunks_exact(stride)
            .zip(window.hidden())
        {
            for row in rows {
                let row = &mut self.inputs[*row as usize * stride..][..stride];
                row.iter_mut().zip(gradient).for_each(|(x, y)| *x += y);
            }
        }
    }
}

#[inline(always)]
fn row(table: &[f32], row: u32, stride: usize) -> &[f32] {
    &table[row as usize * stride..][..stride]
}

/// The dot products of each `left` with each `right`.
#[inline(always)]
fn products<S: Simd, const G: usize, const O: usize>(
    simd: S,
    left: [&[S::f32s]; G],
    right: [&[S::f32s]; O],
    vectors: usize,
) -> [[f32; O]; G] {
    let mut sums = [[simd.splat_f32s(0.0); O]; G];
    for k in 0..vectors {
        for g in 0..G {
            for o in 0..O {
                sums[g][o] = simd.mul_add_e_f32s(left[g][k], right[o][k], sums[g][o]);
            }
        }
    }
    // Closures of `map` would be compiled for the oldest processor.
    let mut products = [[0.0; O]; G];
    for g in 0..G {
        for o in 0..O {
            products[g][o] = simd.reduce_sum_f32s(sums[g][o]);
        }
    }
    products
}

/// `gradient += E rows` and `rows += E^T hidden`, with `E` in rows of `count`.
#[inline(always)]
fn outer_products<S: Simd, const O: usize>(
    simd: S,
    hidden: &[S::f32s],
    gradient: &mut [S::f32s],
    rows: [&mut [f32]; O],
    errors: &[f32],
    count: usize,
    stride: usize,
) {
    let vectors = stride / S::F32_LANES;
    let rows = rows.map(|row| &mut S::as_mut_simd_f32s(row).0[..vectors]);
    for k in 0..vectors {
        let mut before = [simd.splat_f32s(0.0); O];
        for o in 0..O {
            before[o] = rows[o][k];
        }
        let mut after = before;
        let places = hidden[k..].iter().step_by(vectors);
        let gradients = gradient[k..].iter_mut().step_by(vectors);
        for ((hidden, gradient), errors) in places.zip(gradients).zip(errors.chunks(count)) {
            let mut sum = *gradient;
            for o in 0..O {
                let error = simd.splat_f32s(errors[o]);
                sum = simd.mul_add_e_f32s(error, before[o], sum);
                after[o] = simd.mul_add_e_f32s(error, *hidden, after[o]);
            }
            *gradient = sum;
        }
        for o in 0..O {
            rows[o][k] = after[o];
        }
    }
}
