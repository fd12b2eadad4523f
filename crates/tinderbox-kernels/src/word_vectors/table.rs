//! Rows in memory that is aligned for the widest vectors.

use std::ops::{Deref, DerefMut};

use super::LANES;

/// Rows of floats that start at a multiple of 64 bytes, so that no vector of 16 floats crosses a cache line.
#[derive(Debug, Default)]
pub struct Table {
    /// With room to begin at an aligned float.
    floats: Vec<f32>,
    start: usize,
    len: usize,
}

impl Table {
    /// Zeros.
    pub fn zeros(floats: usize) -> Self {
        let mut table = Self::default();
        table.resize(floats);
        table
    }

    /// Makes it so long; what it held is kept unless more memory is needed, then it is zeros.
    pub fn resize(&mut self, floats: usize) {
        if self.floats.len() < self.start + floats {
            self.floats = vec![0.0; floats + LANES];
            let offset = self.floats.as_ptr().align_offset(4 * LANES);
            // Where alignment cannot be told it is not needed for right results.
            self.start = if offset < LANES { offset } else { 0 };
        }
        self.len = floats;
    }
}

impl Clone for Table {
    fn clone(&self) -> Self {
        let mut table = Self::zeros(self.len);
        table.copy_from_slice(self);
        table
    }
}

impl Deref for Table {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.floats[self.start..self.start + self.len]
    }
}

impl DerefMut for Table {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.floats[self.start..self.start + self.len]
    }
}
