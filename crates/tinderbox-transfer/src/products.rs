//! Products of blocks of rows, with the widest vectors of the processor and in one order of sums.
//!
//! Every entry is a sum by fused multiply-add in [`LANES`] parts, whatever vectors the processor has, so that the
//! result does not depend on it. Rows are padded by zeros to a [`width`] of whole lanes.

use pulp::{Arch, Simd, WithSimd};

/// Independent sums of a dot product: the widest vector of `f64`.
const LANES: usize = 8;

/// Rows, and columns or vectors, of the block of results that stays in registers.
const TILE: usize = 4;
const NARROW_TILE: usize = 2;

/// Entries of a padded row for `dim` values.
pub(crate) fn width(dim: usize) -> usize {
    dim.next_multiple_of(LANES)
}

/// The dot product.
pub(crate) fn dots(a: &[f64], b: &[f64]) -> f64 {
    Arch::new().dispatch(Dots { a, b })
}

struct Dots<'p> {
    a: &'p [f64],
    b: &'p [f64],
}

impl WithSimd for Dots<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> f64 {
        // Two vectors, so that an addition need not wait for the one before.
        let (a, a_rest) = self.a.as_chunks::<{ 2 * LANES }>();
        let (b, b_rest) = self.b.as_chunks::<{ 2 * LANES }>();
        let mut sums = [0.0_f64; 2 * LANES];
        for (a, b) in a.iter().zip(b) {
            for lane in 0..2 * LANES {
                sums[lane] = a[lane].mul_add(b[lane], sums[lane]);
            }
        }
        let rest = a_rest.iter().zip(b_rest).map(|(a, b)| a * b);
        sums.iter().sum::<f64>() + rest.sum::<f64>()
    }
}

/// Writes `out[r, c] = sum over d of a[r, d] b[c, d]`: rows by rows.
///
/// `a` and `b` hold padded rows of `width` values, `out` rows of `columns`.
pub(crate) fn rows_by_rows(a: &[f64], b: &[f64], width: usize, columns: usize, out: &mut [f64]) {
    Arch::new().dispatch(RowsByRows {
        a,
        b,
        width,
        columns,
        out,
        parts: vec![0.0; TILE * NARROW_TILE * LANES],
    });
}

struct RowsByRows<'p> {
    a: &'p [f64],
    b: &'p [f64],
    width: usize,
    columns: usize,
    out: &'p mut [f64],
    /// The parts of the sums of a tile. They go through memory: the compiler makes vectors of what is stored side by
    /// side, and scalars of what is only added up.
    parts: Vec<f64>,
}

impl WithSimd for RowsByRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _simd: S) {
        let rows = self.out.len() / self.columns;
        let mut row = 0;
        while row + TILE <= rows {
            self.tiles::<TILE>(row);
            row += TILE;
        }
        while row < rows {
            self.tiles::<1>(row);
            row += 1;
        }
    }
}

impl RowsByRows<'_> {
    /// `R` rows of the result.
    #[inline(always)]
    fn tiles<const R: usize>(&mut self, row: usize) {
        let mut column = 0;
        while column + NARROW_TILE <= self.columns {
            self.tile::<R, NARROW_TILE>(row, column);
            column += NARROW_TILE;
        }
        while column < self.columns {
            self.tile::<R, 1>(row, column);
            column += 1;
        }
    }

    #[inline(always)]
    fn tile<const R: usize, const C: usize>(&mut self, row: usize, column: usize) {
        let mut a: [&[[f64; LANES]]; R] = [&[]; R];
        let mut b: [&[[f64; LANES]]; C] = [&[]; C];
        let chunks = self.width / LANES;
        for (r, a) in a.iter_mut().enumerate() {
            *a = &self.a[(row + r) * self.width..].as_chunks().0[..chunks];
        }
        for (c, b) in b.iter_mut().enumerate() {
            *b = &self.b[(column + c) * self.width..].as_chunks().0[..chunks];
        }
        let mut sums = [[[0.0_f64; LANES]; C]; R];
        for i in 0..chunks {
            for r in 0..R {
                for c in 0..C {
                    for lane in 0..LANES {
                        sums[r][c][lane] = a[r][i][lane].mul_add(b[c][i][lane], sums[r][c][lane]);
                    }
                }
            }
        }
        self.parts[..R * C * LANES].copy_from_slice(sums.as_flattened().as_flattened());
        for (i, parts) in self.parts[..R * C * LANES].chunks(LANES).enumerate() {
            let place = (row + i / C) * self.columns + column + i % C;
            self.out[place] = parts.iter().sum();
        }
    }
}

/// Adds `sums[c, d] += sum over r of p[r, c] a[r, d]`: rows of `a`, each as often as `p` says.
///
/// `a` and `sums` hold padded rows of `width` values, `p` rows of `stride`, of which as many columns count as `sums` has
/// rows. Only the first `reach` values of a row are added, rounded up to whole lanes.
pub(crate) fn add_weighted_rows(
    p: &[f64],
    stride: usize,
    a: &[f64],
    width: usize,
    reach: usize,
    sums: &mut [f64],
) {
    Arch::new().dispatch(AddWeightedRows {
        p,
        stride,
        a,
        width,
        end: reach.div_ceil(LANES),
        sums,
    });
}

struct AddWeightedRows<'p> {
    p: &'p [f64],
    stride: usize,
    a: &'p [f64],
    width: usize,
    end: usize,
    sums: &'p mut [f64],
}

impl WithSimd for AddWeightedRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _simd: S) {
        let columns = self.sums.len() / self.width;
        let mut column = 0;
        while column + TILE <= columns {
            self.tiles::<TILE>(column);
            column += TILE;
        }
        while column < columns {
            self.tiles::<1>(column);
            column += 1;
        }
    }
}

impl AddWeightedRows<'_> {
    /// `C` rows of the sums.
    #[inline(always)]
    fn tiles<const C: usize>(&mut self, column: usize) {
        let mut chunk = 0;
        while chunk + NARROW_TILE <= self.end {
            self.tile::<C, NARROW_TILE>(column, chunk);
            chunk += NARROW_TILE;
        }
        while chunk < self.end {
            self.tile::<C, 1>(column, chunk);
            chunk += 1;
        }
    }

    #[inline(always)]
    fn tile<const C: usize, const V: usize>(&mut self, column: usize, chunk: usize) {
        let at = chunk * LANES;
        let mut tile = [[[0.0_f64; LANES]; V]; C];
        let rows = self.p.chunks_exact(self.stride);
        for (p, a) in rows.zip(self.a.chunks_exact(self.width)) {
            let (a, p) = (&a[at..at + V * LANES], &p[column..column + C]);
            for c in 0..C {
                for v in 0..V {
                    for lane in 0..LANES {
                        tile[c][v][lane] = p[c].mul_add(a[v * LANES + lane], tile[c][v][lane]);
                    }
                }
            }
        }
        for (c, tile) in tile.iter().enumerate() {
            let sums = &mut self.sums[(column + c) * self.width + at..][..V * LANES];
            for (sum, add) in sums.iter_mut().zip(tile.as_flattened()) {
                *sum += add;
            }
        }
    }
}
