//! Sums and differences of rows, on one thread.

use crate::math::vectorised;

/// Where a row of a sum comes from, where it goes, and what it counts.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RowSum {
    /// The row of what is added.
    pub source: u32,
    /// The row that it is added to.
    pub target: u32,
    /// Its factor.
    pub factor: f32,
}

vectorised! {
    /// `to[target] += factor from[source]` for each sum.
    ///
    /// # Panics
    /// If a row is not in its slice.
    pub fn add_rows<'a>(to: &'a mut [f32], from: &'a [f32], stride: usize, sums: &'a [RowSum]) {
        for sum in sums {
            let from = &from[sum.source as usize * stride..][..stride];
            let to = &mut to[sum.target as usize * stride..][..stride];
            to.iter_mut().zip(from).for_each(|(to, from)| *to = sum.factor.mul_add(*from, *to));
        }
    }
}

vectorised! {
    /// `to[i] = from[rows[i]]` for each row `i` of `to`.
    ///
    /// # Panics
    /// If a row is not in its slice.
    pub fn gather_rows<'a>(to: &'a mut [f32], from: &'a [f32], stride: usize, rows: &'a [u32]) {
        for (to, row) in to.chunks_exact_mut(stride).zip(rows) {
            to.copy_from_slice(&from[*row as usize * stride..][..stride]);
        }
    }
}

vectorised! {
    /// `from[i] -= of[rows[i]]` for each row `i` of `from`.
    ///
    /// # Panics
    /// If a row is not in its slice.
    pub fn subtract_rows<'a>(from: &'a mut [f32], of: &'a [f32], stride: usize, rows: &'a [u32]) {
        for (from, row) in from.chunks_exact_mut(stride).zip(rows) {
            let of = &of[*row as usize * stride..][..stride];
            from.iter_mut().zip(of).for_each(|(from, of)| *from -= of);
        }
    }
}
