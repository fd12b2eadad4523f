//! Products of matrices. `unsafe` for pointers in the innermost loop and for blocks of the result that several threads write.
//!
//! `C[m, n] = A[m, k] B[k, n]`, in the way of Goto and van de Geijn (2008): panels of `A` and `B` are copied into the
//! order in which the innermost loop reads them; that loop keeps a block of `C` in registers. Every entry of `C` is a sum
//! in the order of `k`, whatever the blocks and the number of threads, so the result does not depend on them.
#![allow(unsafe_code)]

use burn::backend::flex::FlexTensor;
use pulp::{Simd, WithSimd};

use super::buffer::Buffer;
use super::parallel::{self, Shared};
use super::simd::arch;

/// Entries of `k` that a panel holds; a multiple of [`RUN`].
const DEPTH: usize = 256;
/// Rows of `C` that a task computes at least, if there are so many.
const TASK_ROWS: usize = 168;
/// Columns of `C` that a task computes.
const TASK_COLUMNS: usize = 512;
/// Floats of `B` that are packed at once.
const PACKED: usize = 1 << 19;
/// A packed panel of row-major `A` holds runs of this many entries of each row.
pub(crate) const RUN: usize = 16;
/// Floats from a run to the one of the next row: not a multiple of the cache's banks, which would serve one row at a time.
pub(crate) const PITCH: usize = RUN + 1;
/// The most rows and columns of a register block on any processor.
const MAX_ROWS: usize = 14;
const MAX_COLUMNS: usize = 32;

/// A matrix in memory, one of whose strides is 1.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    data: &'a [f32],
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Rows of contiguous entries, `stride` floats apart.
    pub(crate) fn rows(data: &'a [f32], stride: usize) -> Self {
        Self {
            data,
            row_stride: stride,
            column_stride: 1,
        }
    }

    /// The transpose.
    pub(crate) fn t(self) -> Self {
        Self {
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    /// A matrix in a tensor of rank 2 on the CPU backend, if one of its strides is 1.
    pub(crate) fn of(tensor: &'a FlexTensor) -> Option<Self> {
        let layout = tensor.layout();
        let [row_stride, column_stride] = *layout.strides() else {
            return None;
        };
        let strides = (row_stride.try_into().ok()?, column_stride.try_into().ok()?);
        let (row_stride, column_stride): (usize, usize) = strides;
        (row_stride == 1 || column_stride == 1).then(|| Self {
            data: &tensor.storage()[layout.start_offset()..],
            row_stride,
            column_stride,
        })
    }

    /// Whether its columns, not its rows, are contiguous.
    pub(crate) fn is_transposed(&self) -> bool {
        self.column_stride != 1
    }

    fn check(&self, rows: usize, columns: usize) {
        assert!(self.row_stride == 1 || self.column_stride == 1);
        if rows > 0 && columns > 0 {
            let last = (rows - 1) * self.row_stride + (columns - 1) * self.column_stride;
            assert!(last < self.data.len(), "a matrix of {rows} x {columns}");
        }
    }
}

/// What the product starts from.
#[derive(Clone, Copy)]
pub(crate) enum Start<'a> {
    /// Zeros.
    Zero,
    /// What `C` holds.
    Sum,
    /// A row for each row of `C`.
    Bias(&'a [f32]),
}

/// `C = start + A B`, with `A` of `m` rows and `k` columns, `B` of `n` columns; rows of `C` are `c_stride` apart.
///
/// # Panics
/// If a slice is too short.
pub(crate) fn gemm(
    size: [usize; 3],
    a: Matrix,
    b: Matrix,
    c: &mut [f32],
    c_stride: usize,
    start: Start,
) {
    product(size, a, b, c, c_stride, start, true);
}

/// [`gemm`] on this thread alone.
pub(crate) fn gemm_here(
    size: [usize; 3],
    a: Matrix,
    b: Matrix,
    c: &mut [f32],
    c_stride: usize,
    start: Start,
) {
    product(size, a, b, c, c_stride, start, false);
}

fn product(
    size: [usize; 3],
    a: Matrix,
    b: Matrix,
    c: &mut [f32],
    c_stride: usize,
    start: Start,
    threads: bool,
) {
    let [m, n, k] = size;
    if m == 0 || n == 0 {
        return;
    }
    a.check(m, k);
    b.check(k, n);
    assert!(n <= c_stride && (m - 1) * c_stride + n <= c.len());
    if let Start::Bias(bias) = start {
        assert_eq!(bias.len(), n);
    }
    if k == 0 {
        for row in c.chunks_mut(c_stride).take(m) {
            match start {
                Start::Zero => row[..n].fill(0.0),
                Start::Sum => {}
                Start::Bias(bias) => row[..n].copy_from_slice(bias),
            }
        }
        return;
    }
    arch().dispatch(Gemm {
        size,
        a,
        b,
        c: Shared::new(c),
        c_stride,
        start,
        threads,
    });
}

struct Gemm<'a> {
    size: [usize; 3],
    a: Matrix<'a>,
    b: Matrix<'a>,
    c: Shared<'a>,
    c_stride: usize,
    start: Start<'a>,
    threads: bool,
}

impl WithSimd for Gemm<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let [m, n, k] = self.size;
        let columns = block_columns::<S>();
        let panels = n.div_ceil(columns);
        let each = |count: usize, work: &(dyn Fn(usize) + Sync)| {
            if self.threads {
                parallel::for_each(count, work);
            } else {
                (0..count).for_each(work);
            }
        };
        // `k` in groups whose `B` is packed whole, by all threads, then used by all.
        let group = (PACKED / (panels * columns)).max(1).next_multiple_of(DEPTH);
        let mut packed = Buffer::new(panels * columns * group.min(k.next_multiple_of(RUN)));
        let row_blocks = m.div_ceil(TASK_ROWS.max(m.div_ceil(64)));
        let task_rows = m.div_ceil(row_blocks);
        let task_panels = TASK_COLUMNS / columns;
        let column_blocks = panels.div_ceil(task_panels);
        let mut from = 0;
        loop {
            let depth = group.min(k - from);
            {
                let b = Shared::new(&mut packed);
                each(panels, &|panel| {
                    // SAFETY: each panel is packed by one task.
                    let to = unsafe { b.part(panel * columns * depth, columns * depth) };
                    simd.vectorize(PackB {
                        b: self.b,
                        from,
                        column: panel * columns,
                        width: columns.min(n - panel * columns),
                        columns,
                        to,
                    });
                });
            }
            let packed: &[f32] = &packed;
            each(row_blocks * column_blocks, &|task| {
                let (row_block, column_block) = (task / column_blocks, task % column_blocks);
                let first_row = row_block * task_rows;
                let first_panel = column_block * task_panels;
                simd.vectorize(Task {
                    simd,
                    gemm: &self,
                    packed,
                    from,
                    depth,
                    rows: first_row..m.min(first_row + task_rows),
                    panels: first_panel..panels.min(first_panel + task_panels),
                });
            });
            from += depth;
            if from >= k {
                break;
            }
        }
    }
}

/// Rows of a register block.
#[inline(always)]
pub(crate) const fn block_rows<S: Simd>() -> usize {
    match S::F32_LANES {
        16 => 14,
        8 => 6,
        _ => 4,
    }
}

/// Columns of a register block: two vectors.
#[inline(always)]
pub(crate) const fn block_columns<S: Simd>() -> usize {
    2 * S::F32_LANES
}

/// Copies columns of `B` into a panel: for each of `k`, `columns` entries, zeros beyond `width`.
struct PackB<'a> {
    b: Matrix<'a>,
    from: usize,
    column: usize,
    width: usize,
    columns: usize,
    to: &'a mut [f32],
}

impl WithSimd for PackB<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self {
            b,
            from,
            column,
            width,
            columns,
            to,
        } = self;
        let start = from * b.row_stride + column * b.column_stride;
        if b.column_stride == 1 {
            for (p, to) in to.chunks_exact_mut(columns).enumerate() {
                let row = &b.data[start + p * b.row_stride..][..width];
                to[..width].copy_from_slice(row);
                to[width..].fill(0.0);
            }
        } else {
            // Columns lie in memory: in squares, so that both sides stay in the first cache.
            let depth = to.len() / columns;
            if width < columns {
                to.fill(0.0);
            }
            for first in (0..depth).step_by(16) {
                let last = depth.min(first + 16);
                for j in 0..width {
                    let column = &b.data[start + j * b.column_stride..];
                    for p in first..last {
                        to[p * columns + j] = column[p];
                    }
                }
            }
        }
    }
}

/// A block of `C`, for the entries `from..from + depth` of `k`.
struct Task<'a, S> {
    simd: S,
    gemm: &'a Gemm<'a>,
    packed: &'a [f32],
    from: usize,
    depth: usize,
    rows: std::ops::Range<usize>,
    panels: std::ops::Range<usize>,
}

impl<S: Simd> WithSimd for Task<'_, S> {
    type Output = ();

    #[inline(always)]
    fn with_simd<T: Simd>(self, _: T) {
        let Self {
            simd,
            gemm,
            packed,
            from,
            depth,
            rows,
            panels,
        } = self;
        let n = gemm.size[1];
        let columns = block_columns::<S>();
        // Blocks of rows as equal as they can be: 64 rows are 13, 13, 13, 13, 12.
        let row_panels = rows.len().div_ceil(block_rows::<S>());
        let height = rows.len().div_ceil(row_panels.max(1));
        let runs = gemm.a.column_stride == 1;
        let step = if runs {
            height
        } else {
            height.next_multiple_of(S::F32_LANES)
        };
        let runs_deep = DEPTH.min(depth).div_ceil(RUN);
        let mut a =
            Buffer::new(row_panels * runs_deep * if runs { height * PITCH } else { step * RUN });
        for slice in (0..depth).step_by(DEPTH) {
            let slice_depth = DEPTH.min(depth - slice);
            let panel_floats = if runs {
                slice_depth.div_ceil(RUN) * height * PITCH
            } else {
                slice_depth * step
            };
            for panel in 0..row_panels {
                let first = rows.start + panel * height;
                let here = height.min(rows.end - first);
                let to = &mut a[panel * panel_floats..][..panel_floats];
                if runs {
                    pack_runs(gemm.a, first, here, height, from + slice, slice_depth, to);
                } else {
                    pack_columns(gemm.a, first, here, step, from + slice, slice_depth, to);
                }
            }
            for panel in panels.clone() {
                let b =
                    &packed[panel * columns * depth + slice * columns..][..columns * slice_depth];
                let width = columns.min(n - panel * columns);
                for row_panel in 0..row_panels {
                    let first = rows.start + row_panel * height;
                    let a = &a[row_panel * panel_floats..][..panel_floats];
                    let block = Block {
                        a,
                        step,
                        runs,
                        b,
                        b_step: columns,
                        depth: slice_depth,
                        rows: height.min(rows.end - first),
                        height,
                        width,
                    };
                    let start = match gemm.start {
                        _ if from + slice > 0 => Start::Sum,
                        Start::Bias(bias) => Start::Bias(&bias[panel * columns..][..width]),
                        other => other,
                    };
                    let place = first * gemm.c_stride + panel * columns;
                    block.run(simd, gemm.c, place, gemm.c_stride, start);
                }
            }
        }
    }
}

/// Copies rows of row-major `A`: runs of [`RUN`] entries of each row of the panel, one row after another.
#[inline(always)]
fn pack_runs(
    a: Matrix,
    first: usize,
    rows: usize,
    height: usize,
    from: usize,
    depth: usize,
    to: &mut [f32],
) {
    for row in 0..height {
        let source = if row < rows {
            &a.data[(first + row) * a.row_stride + from..][..depth]
        } else {
            &[]
        };
        let mut runs = source.chunks_exact(RUN);
        let mut run = 0;
        for source in &mut runs {
            to[(run * height + row) * PITCH..][..RUN].copy_from_slice(source);
            run += 1;
        }
        let rest = runs.remainder();
        if !rest.is_empty() {
            to[(run * height + row) * PITCH..][..rest.len()].copy_from_slice(rest);
        }
    }
}

/// Copies rows of column-major `A`: for each entry of `k`, `step` rows.
#[inline(always)]
fn pack_columns(
    a: Matrix,
    first: usize,
    rows: usize,
    step: usize,
    from: usize,
    depth: usize,
    to: &mut [f32],
) {
    for (p, to) in to.chunks_exact_mut(step).take(depth).enumerate() {
        let column = &a.data[(from + p) * a.column_stride + first..][..rows];
        to[..rows].copy_from_slice(column);
    }
}

/// A register block of `C`.
pub(crate) struct Block<'a> {
    /// A packed panel of `A`.
    pub(crate) a: &'a [f32],
    /// Floats from one entry of `k` to the next, if the panel is not in runs.
    pub(crate) step: usize,
    /// Whether the panel holds runs.
    pub(crate) runs: bool,
    /// Columns of `B`.
    pub(crate) b: &'a [f32],
    /// Floats from one entry of `k` to the next.
    pub(crate) b_step: usize,
    pub(crate) depth: usize,
    /// Rows of `C`, at most `height`.
    pub(crate) rows: usize,
    /// Rows of the panel.
    pub(crate) height: usize,
    /// Columns of `C`.
    pub(crate) width: usize,
}

impl Block<'_> {
    /// `C = start + A B` for the block at `place`.
    #[inline(always)]
    pub(crate) fn run<S: Simd>(
        &self,
        simd: S,
        c: Shared,
        place: usize,
        c_stride: usize,
        start: Start,
    ) {
        macro_rules! by_height {
            ($($height:literal)*) => {
                match self.height {
                    $($height if $height <= block_rows::<S>() => {
                        self.run_of::<S, $height>(simd, c, place, c_stride, start)
                    })*
                    height => unreachable!("a block of {height} rows"),
                }
            };
        }
        by_height!(1 2 3 4 5 6 7 8 9 10 11 12 13 14);
    }

    #[inline(always)]
    fn run_of<S: Simd, const R: usize>(
        &self,
        simd: S,
        c: Shared,
        place: usize,
        c_stride: usize,
        start: Start,
    ) {
        let lanes = S::F32_LANES;
        let columns = block_columns::<S>();
        assert!(self.depth > 0 && self.b.len() >= (self.depth - 1) * self.b_step + columns);
        let mut sums = [[simd.splat_f32s(0.0); 2]; R];
        let b = self.b.as_ptr();
        // SAFETY of the loads below: `B` holds two vectors for each of `depth`, checked above; `A` is checked per order.
        if self.runs {
            assert!(self.a.len() >= self.depth.div_ceil(RUN) * R * PITCH);
            let mut p = 0;
            while p < self.depth {
                let end = RUN.min(self.depth - p);
                let a = unsafe { self.a.as_ptr().add(p / RUN * R * PITCH) };
                for q in 0..end {
                    unsafe {
                        let b = b.add((p + q) * self.b_step);
                        let b = [
                            b.cast::<S::f32s>().read_unaligned(),
                            b.add(lanes).cast::<S::f32s>().read_unaligned(),
                        ];
                        for (i, sums) in sums.iter_mut().enumerate() {
                            let a = simd.splat_f32s(*a.add(i * PITCH + q));
                            sums[0] = simd.mul_add_e_f32s(a, b[0], sums[0]);
                            sums[1] = simd.mul_add_e_f32s(a, b[1], sums[1]);
                        }
                    }
                }
                p += RUN;
            }
        } else {
            assert!(self.a.len() >= (self.depth - 1) * self.step + R);
            for p in 0..self.depth {
                unsafe {
                    let a = self.a.as_ptr().add(p * self.step);
                    let b = b.add(p * self.b_step);
                    let b = [
                        b.cast::<S::f32s>().read_unaligned(),
                        b.add(lanes).cast::<S::f32s>().read_unaligned(),
                    ];
                    for (i, sums) in sums.iter_mut().enumerate() {
                        let a = simd.splat_f32s(*a.add(i));
                        sums[0] = simd.mul_add_e_f32s(a, b[0], sums[0]);
                        sums[1] = simd.mul_add_e_f32s(a, b[1], sums[1]);
                    }
                }
            }
        }
        for (i, sums) in sums.iter().enumerate().take(self.rows) {
            // SAFETY: each block of `C` is written by one task.
            let row = unsafe { c.part(place + i * c_stride, self.width) };
            let split = lanes.min(self.width);
            let (left, right) = row.split_at_mut(split);
            for (half, sum, at) in [(left, sums[0], 0), (right, sums[1], split)] {
                let before = match start {
                    Start::Zero => simd.splat_f32s(0.0),
                    Start::Sum => load(simd, half),
                    Start::Bias(bias) => load(simd, &bias[at..][..half.len()]),
                };
                let sum = simd.add_f32s(before, sum);
                if half.len() == lanes {
                    let to = half.as_mut_ptr().cast::<S::f32s>();
                    // SAFETY: the slice holds a whole vector.
                    unsafe { to.write_unaligned(sum) };
                } else if !half.is_empty() {
                    simd.partial_store_f32s(half, sum);
                }
            }
        }
    }
}

/// A vector of up to as many floats as it has lanes; zeros beyond.
#[inline(always)]
fn load<S: Simd>(simd: S, from: &[f32]) -> S::f32s {
    if from.len() == S::F32_LANES {
        // SAFETY: the slice holds a whole vector.
        unsafe { from.as_ptr().cast::<S::f32s>().read_unaligned() }
    } else {
        simd.partial_load_f32s(from)
    }
}

// The constants fit every processor.
const _: () = assert!(
    MAX_ROWS <= RUN && DEPTH.is_multiple_of(RUN) && TASK_COLUMNS.is_multiple_of(MAX_COLUMNS)
);

#[cfg(test)]
mod tests;
