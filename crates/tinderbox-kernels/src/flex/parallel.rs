//! Loops over several threads, whose results do not depend on the number of threads. `unsafe` for slices that several
//! threads write, each its own part.
#![allow(unsafe_code)]

use std::marker::PhantomData;

use rayon::prelude::*;

/// Calls `work` for each of `0..count`, in any order.
pub(crate) fn for_each(count: usize, work: impl Fn(usize) + Sync + Send) {
    if count <= 1 {
        (0..count).for_each(work);
    } else {
        (0..count).into_par_iter().with_max_len(1).for_each(work);
    }
}

/// Calls `work` with each chunk of `length` floats and its number.
pub(crate) fn chunks_mut(
    floats: &mut [f32],
    length: usize,
    work: impl Fn(usize, &mut [f32]) + Sync + Send,
) {
    if floats.len() <= length {
        floats
            .chunks_mut(length)
            .enumerate()
            .for_each(|(i, chunk)| work(i, chunk));
    } else {
        let chunks = floats.par_chunks_mut(length).enumerate();
        chunks.for_each(|(i, chunk)| work(i, chunk));
    }
}

/// Calls `work` with each chunk of `lengths[0]` floats of the first slice, the chunk of `lengths[1]` of the second that
/// goes with it, and their number. Of the slice that has fewer chunks there is one for each.
pub(crate) fn chunk_pairs_mut(
    [left, right]: [&mut [f32]; 2],
    [left_length, right_length]: [usize; 2],
    work: impl Fn(usize, &mut [f32], &mut [f32]) + Sync + Send,
) {
    if left.len() <= left_length {
        let chunks = left.chunks_mut(left_length);
        let pairs = chunks.zip(right.chunks_mut(right_length));
        pairs
            .enumerate()
            .for_each(|(i, (left, right))| work(i, left, right));
    } else {
        let chunks = left.par_chunks_mut(left_length);
        let pairs = chunks.zip(right.par_chunks_mut(right_length));
        pairs
            .enumerate()
            .for_each(|(i, (left, right))| work(i, left, right));
    }
}

/// A slice of which several threads write parts that do not overlap.
#[derive(Clone, Copy)]
pub(crate) struct Shared<'a> {
    pointer: *mut f32,
    length: usize,
    _slice: PhantomData<&'a mut [f32]>,
}

// SAFETY: it is a mutable slice of floats; who takes a part promises that no other has it.
unsafe impl Send for Shared<'_> {}
// SAFETY: as above.
unsafe impl Sync for Shared<'_> {}

impl<'a> Shared<'a> {
    pub(crate) fn new(slice: &'a mut [f32]) -> Self {
        Self {
            pointer: slice.as_mut_ptr(),
            length: slice.len(),
            _slice: PhantomData,
        }
    }

    /// The floats `start..start + length`.
    ///
    /// # Safety
    /// No other part that is in use overlaps it.
    ///
    /// # Panics
    /// If the part is not in the slice.
    #[inline(always)]
    pub(crate) unsafe fn part(&self, start: usize, length: usize) -> &'a mut [f32] {
        assert!(start <= self.length && length <= self.length - start);
        // SAFETY: inside the slice, which lives for `'a`; the caller promises that parts do not overlap.
        unsafe { std::slice::from_raw_parts_mut(self.pointer.add(start), length) }
    }

    /// Writes rows, each this `stride` after the one before.
    ///
    /// # Safety
    /// No part that is in use overlaps a row.
    ///
    /// # Panics
    /// If a row is not in the slice.
    pub(crate) unsafe fn write_rows<'b>(
        &self,
        start: usize,
        stride: usize,
        rows: impl Iterator<Item = &'b [f32]>,
    ) {
        for (i, row) in rows.enumerate() {
            // SAFETY: the caller promises it.
            let to = unsafe { self.part(start + i * stride, row.len()) };
            to.copy_from_slice(row);
        }
    }
}
