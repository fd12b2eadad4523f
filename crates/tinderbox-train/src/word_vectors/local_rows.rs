//! A shard's own copy of some rows of a table.

use tinderbox_kernels::word_vectors::{RowSum, Table, gather_rows, subtract_rows};

/// Parts of a shared table whose sums are made side by side.
const PARTS: usize = 64;

/// Copies of the rows that a chunk needs.
#[derive(Debug)]
pub(super) struct LocalRows {
    stride: usize,
    /// For each row of the table the chunk that last asked for it and where its copy lies.
    places: Vec<[u32; 2]>,
    chunk: u32,
    /// The rows that are copied, by where.
    rows: Vec<u32>,
    copies: Table,
    part_rows: usize,
    /// How often the chunk needs each copied row.
    counts: Vec<u32>,
    /// Where each row's copy lies and its place in its part, part after part.
    by_part: Vec<RowSum>,
    part_ends: [usize; PARTS],
}

impl LocalRows {
    pub(super) fn new(rows: usize, stride: usize) -> Self {
        Self {
            stride,
            places: vec![[0; 2]; rows],
            chunk: 0,
            rows: Vec::new(),
            counts: Vec::new(),
            copies: Table::default(),
            part_rows: part_rows(rows),
            by_part: Vec::new(),
            part_ends: [0; PARTS],
        }
    }

    /// Copies the rows of the table that `rows` names, and puts there where the copies lie.
    pub(super) fn take(&mut self, rows: &mut [u32], table: &[f32]) {
        if self.chunk == u32::MAX {
            self.places.fill([0; 2]);
            self.chunk = 0;
        }
        self.chunk += 1;
        self.rows.clear();
        self.counts.clear();
        for row in rows {
            let place = &mut self.places[*row as usize];
            if place[0] != self.chunk {
                *place = [self.chunk, self.rows.len() as u32];
                self.rows.push(*row);
                self.counts.push(0);
            }
            self.counts[place[1] as usize] += 1;
            *row = place[1];
        }
        self.copies.resize(self.rows.len() * self.stride);
        gather_rows(&mut self.copies, table, self.stride, &self.rows);
    }

    pub(super) fn copies(&mut self) -> &mut [f32] {
        &mut self.copies
    }

    /// From copies to differences from the table, which has not changed since.
    pub(super) fn subtract(&mut self, table: &[f32]) {
        subtract_rows(&mut self.copies, table, self.stride, &self.rows);
        let part = |row: &u32| *row as usize / self.part_rows;
        let mut ends = [0; PARTS];
        for row in &self.rows {
            ends[part(row)] += 1;
        }
        let mut sum = 0;
        for end in &mut ends {
            (sum, *end) = (sum + *end, sum);
        }
        self.by_part.resize(self.rows.len(), RowSum::default());
        for (copy, row) in (0..).zip(&self.rows) {
            let end = &mut ends[part(row)];
            self.by_part[*end] = RowSum {
                source: copy,
                target: row % self.part_rows as u32,
                factor: 1.0,
            };
            *end += 1;
        }
        self.part_ends = ends;
    }

    /// The differences, and which of them go to which rows of a part of the table.
    pub(super) fn differences(&self, part: usize) -> (&[f32], &[RowSum]) {
        let start = part
            .checked_sub(1)
            .map_or(0, |before| self.part_ends[before]);
        (&self.copies, &self.by_part[start..self.part_ends[part]])
    }

    /// How often the chunk needed a copied row.
    pub(super) fn count(&self, copy: u32) -> u32 {
        self.counts[copy as usize]
    }
}

/// Rows of a part of a table.
pub(super) fn part_rows(rows: usize) -> usize {
    rows.div_ceil(PARTS).max(1)
}
