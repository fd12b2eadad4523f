//! Which rows a run of windows trains.

use std::ops::Range;

/// Windows of word2vec, by the indices of rows.
///
/// A window has hidden vectors, each the mean of some rows of the input table, and rows of the output table with a label, 1 or 0.
/// Every hidden vector meets every output. So one type says all of these:
///
/// | | hidden vectors | outputs |
/// |---|---|---|
/// | skip-gram | one a word of the context | |
/// | CBOW | one, the mean of the context | |
/// | with subwords | of a word's row and those of its n-grams | |
/// | negative sampling | | the centre with label 1, words drawn at random with label 0 |
/// | hierarchical softmax | | the inner nodes on the centre's path, with what its code says |
///
/// ```
/// use tinderbox_kernels::word_vectors::Windows;
/// // Skip-gram: the centre 5 among 3 and 4, with the word 9 to contrast.
/// let mut windows = Windows::default();
/// windows.push_hidden([3]);
/// windows.push_hidden([4]);
/// windows.push_output(5, 1.0);
/// windows.push_output(9, 0.0);
/// windows.end_window();
/// assert_eq!((windows.len(), windows.pairs()), (1, 4));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Windows {
    rows: Vec<u32>,
    /// Where the rows of each hidden vector end.
    hidden: Vec<u32>,
    outputs: Vec<u32>,
    labels: Vec<f32>,
    /// Where the hidden vectors and the outputs of each window end.
    windows: Vec<[u32; 2]>,
    pairs: u64,
}

/// One of [`Windows`].
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    all: &'a Windows,
    first: usize,
    last: usize,
    /// The rows of the output table.
    pub outputs: &'a [u32],
    /// 1 for what occurred, 0 for what did not.
    pub labels: &'a [f32],
}

impl<'a> Window<'a> {
    /// Number of hidden vectors.
    pub fn hidden_len(&self) -> usize {
        self.last - self.first
    }

    /// The rows of the input table whose mean each hidden vector is.
    pub fn hidden(&self) -> impl Iterator<Item = &'a [u32]> + use<'a> {
        let all = self.all;
        (self.first..self.last).map(move |i| &all.rows[span(&all.hidden, i)])
    }
}

fn span(ends: &[u32], i: usize) -> Range<usize> {
    let start = i.checked_sub(1).map_or(0, |before| ends[before]);
    start as usize..ends[i] as usize
}

impl Windows {
    /// Adds a hidden vector, the mean of these rows, to the window that is being made; none for no rows.
    pub fn push_hidden(&mut self, rows: impl IntoIterator<Item = u32>) {
        let before = self.rows.len();
        self.rows.extend(rows);
        if self.rows.len() > before {
            self.hidden.push(self.rows.len() as u32);
        }
    }

    /// Adds an output to the window that is being made, unless the window has it already.
    pub fn push_output(&mut self, row: u32, label: f32) {
        let start = self.windows.last().map_or(0, |ends| ends[1] as usize);
        if !self.outputs[start..].contains(&row) {
            self.outputs.push(row);
            self.labels.push(label);
        }
    }

    /// Ends a window; the next begins.
    pub fn end_window(&mut self) {
        let (hidden, outputs) = self.windows.last().map_or((0, 0), |[h, o]| (*h, *o));
        let ends = [self.hidden.len() as u32, self.outputs.len() as u32];
        self.pairs += u64::from(ends[0] - hidden) * u64::from(ends[1] - outputs);
        self.windows.push(ends);
    }

    /// Number of windows.
    pub fn len(&self) -> usize {
        self.windows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// Number of hidden vectors.
    pub fn hidden_len(&self) -> usize {
        self.hidden.len()
    }

    /// Number of pairs of a hidden vector and an output.
    pub fn pairs(&self) -> u64 {
        self.pairs
    }

    /// The windows in their order.
    pub fn iter(&self) -> impl Iterator<Item = Window<'_>> {
        (0..self.windows.len()).map(|i| {
            let [first, start] = i
                .checked_sub(1)
                .map_or([0, 0], |before| self.windows[before]);
            let [last, end] = self.windows[i];
            let outputs = start as usize..end as usize;
            Window {
                all: self,
                first: first as usize,
                last: last as usize,
                outputs: &self.outputs[outputs.clone()],
                labels: &self.labels[outputs],
            }
        })
    }

    /// The rows of the input table, in the order of the hidden vectors.
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// The rows of the output table, in the order of the windows.
    pub fn outputs(&self) -> &[u32] {
        &self.outputs
    }

    /// The rows of the input table, to change them.
    pub fn rows_mut(&mut self) -> &mut [u32] {
        &mut self.rows
    }

    /// The rows of the output table, to change them.
    pub fn outputs_mut(&mut self) -> &mut [u32] {
        &mut self.outputs
    }

    /// Takes all windows away and keeps the memory.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.hidden.clear();
        self.outputs.clear();
        self.labels.clear();
        self.windows.clear();
        self.pairs = 0;
    }
}
