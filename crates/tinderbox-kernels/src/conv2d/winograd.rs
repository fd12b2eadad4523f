//! Convolutions 3 x 3 of stride 1 by Winograd's minimal filtering (Lavin and Gray 2016): 16 products for 2 x 2 outputs, 36 for
//! 4 x 4, where the sums over taps have 36 and 144. `unsafe` for pointers in the transforms and for parts that several
//! threads write.
//!
//! A tile of outputs `Y` reads inputs `d`, two more a side. With `Y = A' [ (G g G') . (B' d B) ] A`, summed over channels,
//! each place of a transformed tile becomes a product of matrices, tiles x channels by channels x outputs. The forward
//! pass has tiles of 2 x 2, which are as exact as plain sums: errors there turn a ReLU on or off. The gradients, which are
//! linear in what they are made of, have tiles of 4 x 4.
//!
//! Images are `[batch, height, width, channels]` in memory. Shape letters: `T` tiles, `C` channels of the input,
//! `K` of the output.
#![allow(unsafe_code)]
// Indices read as the formulas, and nothing that hides a call may be put around vectors.
#![allow(clippy::needless_range_loop)]

mod filtering;
mod weight_gradient;

use pulp::{Simd, WithSimd};

use self::filtering::{Filtering, Four, Two, both_sides};
pub(super) use self::weight_gradient::weight_gradient;
use super::Geometry;
use crate::flex::buffer::Buffer;
use crate::flex::gemm::{Block, PITCH, RUN, Start, block_columns, block_rows};
use crate::flex::parallel::{self, Shared};
use crate::flex::simd::arch;

/// Floats of transformed tiles that a task of the forward pass holds, if it holds more than one panel.
const TASK_FLOATS: usize = 1 << 19;
/// Floats of transformed tiles that the gradient of the weight holds at once.
const GROUP_FLOATS: usize = 1 << 22;
/// Between planes and rows, so that they do not fall on the same lines of the first cache.
const PAD: usize = 16;

/// Whether this convolution can be done so, and is worth it.
pub(super) fn fits(of: &Geometry) -> bool {
    of.kernel == [3, 3]
        && of.options.stride == [1, 1]
        && of.options.dilation == [1, 1]
        && of.options.groups == 1
        && of.options.padding.iter().all(|padding| *padding <= 2)
        && of.channels.is_multiple_of(RUN)
        && of.outputs.is_multiple_of(RUN)
        && of.out.iter().all(|side| *side >= 3)
}

/// The convolution of `x` with `weight` `[K, C, 3, 3]`.
pub(super) fn forward(of: &Geometry, x: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Buffer {
    let filters = transform_weight(Two, weight, of.channels, of.outputs, false);
    let mut y = Buffer::new(of.batch * of.out[0] * of.out[1] * of.outputs);
    convolve(Two, of, x, &filters, bias, &mut y);
    y
}

/// The gradient of the input: the convolution of the output's gradient with the weight turned by 180 degrees.
pub(super) fn input_gradient(of: &Geometry, dy: &[f32], weight: &[f32]) -> Buffer {
    let filters = transform_weight(Four, weight, of.channels, of.outputs, true);
    let mut turned = of.clone();
    (turned.channels, turned.outputs) = (of.outputs, of.channels);
    (turned.size, turned.out) = (of.out, of.size);
    turned.options.padding = of.options.padding.map(|padding| 2 - padding);
    let mut dx = Buffer::new(of.batch * of.size[0] * of.size[1] * of.channels);
    convolve(Four, &turned, dy, &filters, None, &mut dx);
    dx
}

/// Tiles of a batch.
#[derive(Clone, Copy)]
struct Tiling {
    side: usize,
    rows: usize,
    columns: usize,
    count: usize,
}

impl Tiling {
    /// Tiles of `side` x `side` outputs.
    fn new(of: &Geometry, side: usize) -> Self {
        let [rows, columns] = of.out.map(|length| length.div_ceil(side));
        Self {
            side,
            rows,
            columns,
            count: of.batch * rows * columns,
        }
    }

    /// Image, and row and column of the first output.
    #[inline(always)]
    fn place(&self, tile: usize) -> (usize, usize, usize) {
        let (image, within) = (
            tile / (self.rows * self.columns),
            tile % (self.rows * self.columns),
        );
        (
            image,
            within / self.columns * self.side,
            within % self.columns * self.side,
        )
    }
}

fn convolve<F: Filtering<IN, OUT>, const IN: usize, const OUT: usize>(
    by: F,
    of: &Geometry,
    x: &[f32],
    filters: &[f32],
    bias: Option<&[f32]>,
    y: &mut [f32],
) {
    let tiles = Tiling::new(of, OUT);
    let zeros = vec![0.0; of.channels];
    let most = TASK_FLOATS / (IN * IN * (of.channels + of.outputs));
    // With many channels the filters outweigh the tiles, and are better read for more of these at once.
    let most = most.max(of.channels.min(of.outputs) / 4).max(28);
    // Tasks share no sums, so their number may follow that of threads: as many for each.
    let tasks = tiles
        .count
        .div_ceil(most)
        .next_multiple_of(rayon::current_num_threads());
    let each = tiles.count.div_ceil(tasks).max(14);
    let y = Shared::new(y);
    parallel::for_each(tiles.count.div_ceil(each), |task| {
        let first = task * each;
        arch().dispatch(Convolve {
            by,
            of,
            tiles,
            range: first..tiles.count.min(first + each),
            x,
            zeros: &zeros,
            filters,
            bias,
            y,
        });
    });
}

/// Some tiles of a convolution.
struct Convolve<'a, F, const IN: usize, const OUT: usize> {
    by: F,
    of: &'a Geometry,
    tiles: Tiling,
    range: std::ops::Range<usize>,
    x: &'a [f32],
    zeros: &'a [f32],
    filters: &'a [f32],
    bias: Option<&'a [f32]>,
    y: Shared<'a>,
}

impl<F: Filtering<IN, OUT>, const IN: usize, const OUT: usize> WithSimd
    for Convolve<'_, F, IN, OUT>
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { of, range, .. } = &self;
        let (channels, outputs) = (of.channels, of.outputs);
        let panels = range.len().div_ceil(block_rows::<S>());
        let height = range.len().div_ceil(panels);
        let panel_floats = channels / RUN * height * PITCH;
        let plane = panels * panel_floats + PAD;
        let mut v = Buffer::new(IN * IN * plane);
        simd.vectorize(TransformInput {
            by: self.by,
            of,
            tiles: self.tiles,
            range: range.clone(),
            x: self.x,
            zeros: self.zeros,
            plane,
            order: Order::Panels(height),
            to: Shared::new(&mut v),
        });

        let columns = block_columns::<S>();
        let column_panels = outputs.div_ceil(columns);
        let filter_floats = channels * columns;
        let row = outputs + PAD;
        let m_plane = range.len() * row + PAD;
        let mut m = Buffer::new(IN * IN * m_plane);
        let shared = Shared::new(&mut m);
        for place in 0..IN * IN {
            for column in 0..column_panels {
                let filter = (place * column_panels + column) * filter_floats;
                for panel in 0..panels {
                    let block = Block {
                        a: &v[place * plane + panel * panel_floats..][..panel_floats],
                        step: 0,
                        runs: true,
                        b: &self.filters[filter..][..filter_floats],
                        b_step: columns,
                        depth: channels,
                        rows: height.min(range.len() - panel * height),
                        height,
                        width: columns.min(outputs - column * columns),
                    };
                    let at = place * m_plane + panel * height * row + column * columns;
                    block.run(simd, shared, at, row, Start::Zero);
                }
            }
        }

        simd.vectorize(TransformOutput {
            by: self.by,
            of,
            tiles: self.tiles,
            range: range.clone(),
            m: &m,
            plane: m_plane,
            row,
            bias: self.bias,
            y: self.y,
        });
    }
}

/// A vector at a pointer.
///
/// # Safety
/// There are as many floats as the vector has lanes.
#[inline(always)]
unsafe fn load<S: Simd>(_: S, from: *const f32) -> S::f32s {
    // SAFETY: the caller's promise.
    unsafe { from.cast::<S::f32s>().read_unaligned() }
}

/// Writes a vector to a slice of as many floats as it has lanes.
#[inline(always)]
fn store<S: Simd>(_: S, to: &mut [f32], vector: S::f32s) {
    assert!(to.len() >= S::F32_LANES);
    // SAFETY: the slice is long enough.
    unsafe { to.as_mut_ptr().cast::<S::f32s>().write_unaligned(vector) }
}

/// `B' d B` for some tiles; `row` says where a tile's channels begin in a plane, and how far runs of them are apart.
struct TransformInput<'a, F, const IN: usize, const OUT: usize> {
    by: F,
    of: &'a Geometry,
    tiles: Tiling,
    range: std::ops::Range<usize>,
    x: &'a [f32],
    zeros: &'a [f32],
    plane: usize,
    order: Order,
    to: Shared<'a>,
}

/// Where the channels of a tile lie in a plane of places.
#[derive(Clone, Copy)]
enum Order {
    /// In rows of this many floats, from this row on.
    Rows(usize, usize),
    /// In packed panels of this many tiles.
    Panels(usize),
}

impl Order {
    /// The first channel of a tile, and floats from one run of channels to the next.
    #[inline(always)]
    fn place(self, tile: usize, channels: usize) -> (usize, usize) {
        match self {
            Self::Rows(row, first) => ((first + tile) * row, RUN),
            Self::Panels(height) => {
                let run = height * PITCH;
                let panel = channels / RUN * run;
                (tile / height * panel + tile % height * PITCH, run)
            }
        }
    }
}

impl<F: Filtering<IN, OUT>, const IN: usize, const OUT: usize> WithSimd
    for TransformInput<'_, F, IN, OUT>
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            by, of, x, plane, ..
        } = self;
        let ([height, width], channels) = (of.size, of.channels);
        let [above, left] = of.options.padding;
        assert!(x.len() == of.batch * height * width * channels && self.zeros.len() == channels);
        let zero = simd.splat_f32s(0.0);
        for (at, tile) in self.range.enumerate() {
            let (image, top, start) = self.tiles.place(tile);
            let mut places = [[self.zeros.as_ptr(); IN]; IN];
            for (i, places) in places.iter_mut().enumerate() {
                for (j, place) in places.iter_mut().enumerate() {
                    // Before the image is a number that wraps around to a large one.
                    let (row, column) = (
                        (top + i).wrapping_sub(above),
                        (start + j).wrapping_sub(left),
                    );
                    if row < height && column < width {
                        *place = x[((image * height + row) * width + column) * channels..].as_ptr();
                    }
                }
            }
            let (first, run) = self.order.place(at, channels);
            for channel in (0..channels).step_by(S::F32_LANES) {
                let mut d = [[zero; IN]; IN];
                for i in 0..IN {
                    for j in 0..IN {
                        // SAFETY: each place has `channels` floats after it, a multiple of the lanes.
                        d[i][j] = unsafe { load(simd, places[i][j].add(channel)) };
                    }
                }
                let v = both_sides!(simd, d, by.input, IN => IN);
                let to = first + channel / RUN * run + channel % RUN;
                for i in 0..IN * IN {
                    // SAFETY: a tile's row belongs to one task.
                    let to = unsafe { self.to.part(i * plane + to, S::F32_LANES) };
                    store(simd, to, v[i / IN][i % IN]);
                }
            }
        }
    }
}

/// `A' m A` for some tiles, plus the bias.
struct TransformOutput<'a, F, const IN: usize, const OUT: usize> {
    by: F,
    of: &'a Geometry,
    tiles: Tiling,
    range: std::ops::Range<usize>,
    m: &'a [f32],
    plane: usize,
    row: usize,
    bias: Option<&'a [f32]>,
    y: Shared<'a>,
}

impl<F: Filtering<IN, OUT>, const IN: usize, const OUT: usize> WithSimd
    for TransformOutput<'_, F, IN, OUT>
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            by, of, m, plane, ..
        } = self;
        let ([height, width], outputs) = (of.out, of.outputs);
        assert!((IN * IN - 1) * plane + self.range.len() * self.row <= m.len());
        assert!(self.bias.is_none_or(|bias| bias.len() == outputs));
        let zero = simd.splat_f32s(0.0);
        for (at, tile) in self.range.enumerate() {
            let (image, top, start) = self.tiles.place(tile);
            for output in (0..outputs).step_by(S::F32_LANES) {
                let from = at * self.row + output;
                let mut places = [[zero; IN]; IN];
                for i in 0..IN * IN {
                    // SAFETY: checked above.
                    places[i / IN][i % IN] =
                        unsafe { load(simd, m.as_ptr().add(i * plane + from)) };
                }
                let y = both_sides!(simd, places, by.output, IN => OUT);
                let bias = match self.bias {
                    // SAFETY: it has `outputs` floats, a multiple of the lanes.
                    Some(bias) => unsafe { load(simd, bias.as_ptr().add(output)) },
                    None => zero,
                };
                for i in 0..OUT.min(height - top) {
                    for j in 0..OUT.min(width - start) {
                        let pixel = (image * height + top + i) * width + start + j;
                        // SAFETY: a pixel belongs to one tile, a tile to one task.
                        let to = unsafe { self.y.part(pixel * outputs + output, S::F32_LANES) };
                        store(simd, to, simd.add_f32s(y[i][j], bias));
                    }
                }
            }
        }
    }
}

/// `G g G'` of `weight` `[K, C, 3, 3]`, as packed panels `[place, panel of outputs, C, columns]`; with `turned`,
/// inputs and outputs change places and the taps are turned by 180 degrees.
fn transform_weight<F: Filtering<IN, OUT>, const IN: usize, const OUT: usize>(
    by: F,
    weight: &[f32],
    channels: usize,
    outputs: usize,
    turned: bool,
) -> Buffer {
    let (from, to) = if turned {
        (outputs, channels)
    } else {
        (channels, outputs)
    };
    // Floats from one input channel to the next, and from one output channel to the next.
    let (from_stride, to_stride) = if turned {
        (channels * 9, 9)
    } else {
        (9, channels * 9)
    };
    let columns = arch().dispatch(Columns);
    let panels = to.div_ceil(columns);
    let mut u = Buffer::new(IN * IN * panels * from * columns);
    let shared = Shared::new(&mut u);
    parallel::for_each(from, |channel| {
        arch().dispatch(TransformWeight {
            by,
            weight: &weight[channel * from_stride..],
            to,
            to_stride,
            turned,
            channel,
            from,
            u: shared,
        });
    });
    u
}

/// Columns of a register block on this processor.
struct Columns;

impl WithSimd for Columns {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> usize {
        block_columns::<S>()
    }
}

struct TransformWeight<'a, F, const IN: usize, const OUT: usize> {
    by: F,
    weight: &'a [f32],
    to: usize,
    to_stride: usize,
    turned: bool,
    channel: usize,
    from: usize,
    u: Shared<'a>,
}

impl<F: Filtering<IN, OUT>, const IN: usize, const OUT: usize> WithSimd
    for TransformWeight<'_, F, IN, OUT>
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let by = self.by;
        let lanes = S::F32_LANES;
        let columns = block_columns::<S>();
        let panels = self.to.div_ceil(columns);
        let zero = simd.splat_f32s(0.0);
        for panel in 0..panels {
            for half in 0..2 {
                let first = panel * columns + half * lanes;
                let mut taps = [[0.0; RUN]; 9];
                for lane in 0..lanes.min(self.to.saturating_sub(first)) {
                    let g = &self.weight[(first + lane) * self.to_stride..][..9];
                    for (i, taps) in taps.iter_mut().enumerate() {
                        taps[lane] = g[if self.turned { 8 - i } else { i }];
                    }
                }
                let mut g = [[zero; 3]; 3];
                for (i, taps) in taps.iter().enumerate() {
                    // SAFETY: an array of 16 floats holds a vector of any processor.
                    g[i / 3][i % 3] = unsafe { load(simd, taps.as_ptr()) };
                }
                let u = both_sides!(simd, g, by.weight, 3 => IN);
                for i in 0..IN * IN {
                    let row = (i * panels + panel) * self.from + self.channel;
                    // SAFETY: the rows of a channel belong to one task.
                    let to = unsafe { self.u.part(row * columns + half * lanes, lanes) };
                    store(simd, to, u[i / IN][i % IN]);
                }
            }
        }
    }
}
