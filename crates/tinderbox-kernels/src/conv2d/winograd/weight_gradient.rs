//! The gradient of the weight. `unsafe` for pointers in the transforms and for parts that several threads write.
#![allow(unsafe_code)]
#![allow(clippy::needless_range_loop)]

use pulp::{Simd, WithSimd};

use super::filtering::{Four, both_sides};
use super::{GROUP_FLOATS, Geometry, Order, PAD, Tiling, TransformInput, load, store};
use crate::flex::buffer::Buffer;
use crate::flex::gemm::{Block, RUN, Start, block_columns, block_rows};
use crate::flex::parallel::{self, Shared};
use crate::flex::simd::arch;

/// The gradient of the weight goes by [`Four`].
const IN: usize = 6;
const OUT: usize = 4;

/// The gradient of the weight, `[K, C, 3, 3]`: the adjoint of the forward pass.
pub(in crate::conv2d) fn weight_gradient(of: &Geometry, x: &[f32], dy: &[f32]) -> Buffer {
    let (channels, outputs) = (of.channels, of.outputs);
    let tiles = Tiling::new(of, OUT);
    if tiles.count == 0 {
        return Buffer::zeroed(outputs * channels * 9);
    }
    let zeros = vec![0.0; channels];
    // As many tiles at once as fit, the same for any number of threads: sums over groups are in their order.
    let group = (GROUP_FLOATS / (IN * IN * (channels + outputs)))
        .max(28)
        .min(tiles.count);
    let (v_row, d_row) = (channels + PAD, outputs + PAD);
    let (v_plane, d_plane) = (group * v_row + PAD, group * d_row + PAD);
    let (mut v, mut d) = (
        Buffer::new(IN * IN * v_plane),
        Buffer::new(IN * IN * d_plane),
    );
    let mut u = Buffer::new(IN * IN * channels * outputs);
    const TRANSFORMED: usize = 16;
    for first in (0..tiles.count).step_by(group) {
        let count = group.min(tiles.count - first);
        {
            let (v, d) = (Shared::new(&mut v), Shared::new(&mut d));
            parallel::for_each(count.div_ceil(TRANSFORMED), |task| {
                let from = task * TRANSFORMED;
                let range = first + from..first + count.min(from + TRANSFORMED);
                arch().dispatch(TransformInput {
                    by: Four,
                    of,
                    tiles,
                    range: range.clone(),
                    x,
                    zeros: &zeros,
                    plane: v_plane,
                    order: Order::Rows(v_row, from),
                    to: v,
                });
                arch().dispatch(TransformGradient {
                    of,
                    tiles,
                    range,
                    dy,
                    plane: d_plane,
                    row: d_row,
                    first: from,
                    to: d,
                });
            });
        }
        let start = if first == 0 { Start::Zero } else { Start::Sum };
        let shared = Shared::new(&mut u);
        parallel::for_each(IN * IN, |place| {
            arch().dispatch(Correlate {
                v: &v[place * v_plane..][..v_plane],
                v_row,
                d: &d[place * d_plane..][..d_plane],
                d_row,
                count,
                channels,
                outputs,
                start,
                u: shared,
                at: place * channels * outputs,
            });
        });
    }
    let mut gradient = Buffer::new(outputs * channels * 9);
    let shared = Shared::new(&mut gradient);
    parallel::for_each(channels, |channel| {
        arch().dispatch(TransformWeightGradient {
            u: &u,
            channels,
            outputs,
            channel,
            to: shared,
        });
    });
    gradient
}

/// `A dy A'` for some tiles, in rows of outputs.
struct TransformGradient<'a> {
    of: &'a Geometry,
    tiles: Tiling,
    range: std::ops::Range<usize>,
    dy: &'a [f32],
    plane: usize,
    row: usize,
    first: usize,
    to: Shared<'a>,
}

impl WithSimd for TransformGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { of, dy, .. } = self;
        let ([height, width], outputs) = (of.out, of.outputs);
        assert_eq!(dy.len(), of.batch * height * width * outputs);
        let zero = simd.splat_f32s(0.0);
        for (at, tile) in self.range.enumerate() {
            let (image, top, start) = self.tiles.place(tile);
            for output in (0..outputs).step_by(S::F32_LANES) {
                let mut y = [[zero; OUT]; OUT];
                for i in 0..OUT.min(height - top) {
                    for j in 0..OUT.min(width - start) {
                        let pixel = (image * height + top + i) * width + start + j;
                        // SAFETY: each pixel has `outputs` floats, a multiple of the lanes.
                        y[i][j] = unsafe { load(simd, dy.as_ptr().add(pixel * outputs + output)) };
                    }
                }
                let d = both_sides!(simd, y, Four.output_gradient, OUT => IN);
                for i in 0..IN * IN {
                    let place = i * self.plane + (self.first + at) * self.row + output;
                    // SAFETY: a tile's row belongs to one task.
                    let to = unsafe { self.to.part(place, S::F32_LANES) };
                    store(simd, to, d[i / IN][i % IN]);
                }
            }
        }
    }
}

/// The product of one place, `U[C, K] = start + V[T, C]' D[T, K]`.
struct Correlate<'a> {
    v: &'a [f32],
    v_row: usize,
    d: &'a [f32],
    d_row: usize,
    count: usize,
    channels: usize,
    outputs: usize,
    start: Start<'a>,
    u: Shared<'a>,
    at: usize,
}

impl WithSimd for Correlate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let columns = block_columns::<S>();
        let panels = self.channels.div_ceil(block_rows::<S>());
        let height = self.channels.div_ceil(panels);
        // A slice of both stays in the first two caches.
        const DEPTH: usize = 128;
        for from in (0..self.count).step_by(DEPTH) {
            let depth = DEPTH.min(self.count - from);
            let start = if from == 0 { self.start } else { Start::Sum };
            for column in (0..self.outputs).step_by(columns) {
                for channel in (0..self.channels).step_by(height) {
                    let block = Block {
                        a: &self.v[from * self.v_row + channel..],
                        step: self.v_row,
                        runs: false,
                        b: &self.d[from * self.d_row + column..],
                        b_step: self.d_row,
                        depth,
                        rows: height.min(self.channels - channel),
                        height,
                        width: columns.min(self.outputs - column),
                    };
                    let at = self.at + channel * self.outputs + column;
                    block.run(simd, self.u, at, self.outputs, start);
                }
            }
        }
    }
}

/// `G' u G` for one channel.
struct TransformWeightGradient<'a> {
    u: &'a [f32],
    channels: usize,
    outputs: usize,
    channel: usize,
    to: Shared<'a>,
}

impl WithSimd for TransformWeightGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let lanes = S::F32_LANES;
        let zero = simd.splat_f32s(0.0);
        let plane = self.channels * self.outputs;
        assert!(self.u.len() >= IN * IN * plane);
        for output in (0..self.outputs).step_by(lanes) {
            let from = self.channel * self.outputs + output;
            let mut u = [[zero; IN]; IN];
            for i in 0..IN * IN {
                // SAFETY: checked above; outputs are a multiple of the lanes.
                u[i / IN][i % IN] = unsafe { load(simd, self.u.as_ptr().add(i * plane + from)) };
            }
            let g = both_sides!(simd, u, Four.weight_gradient, IN => 3);
            let mut taps = [[0.0; RUN]; 9];
            for (i, taps) in taps.iter_mut().enumerate() {
                store(simd, taps, g[i / 3][i % 3]);
            }
            for lane in 0..lanes {
                let at = ((output + lane) * self.channels + self.channel) * 9;
                // SAFETY: the taps of a channel belong to one task.
                let to = unsafe { self.to.part(at, 9) };
                for (to, taps) in to.iter_mut().zip(&taps) {
                    *to = taps[lane];
                }
            }
        }
    }
}
