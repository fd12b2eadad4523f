//! Sorted runs on disk and their merge.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::DataError;

/// A key and its sum.
pub(super) type Entry = ((u32, u32), u128);

/// Bytes of an entry in a run.
const ENTRY: usize = 24;
/// Bytes that a run's reader or writer holds.
const BUFFER: usize = 1 << 16;
/// Runs that are merged to one when there are as many, which bounds open files and buffers.
const FAN_IN: usize = 64;

/// Runs of entries in ascending order of their keys, in nameless temporary files that the system removes.
#[derive(Debug)]
pub(super) struct SortedRuns {
    folder: PathBuf,
    runs: Vec<File>,
}

impl SortedRuns {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            runs: Vec::new(),
        }
    }

    /// Writes one more run; `entries` ascend.
    pub(super) fn push(&mut self, entries: impl Iterator<Item = Entry>) -> Result<(), DataError> {
        let run = write(&self.folder, entries.map(Ok))?;
        self.runs.push(run);
        if self.runs.len() == FAN_IN {
            let merge = Merge::new(std::mem::take(&mut self.runs), self.folder.clone())?;
            self.runs.push(write(&self.folder, merge)?);
        }
        Ok(())
    }

    /// All entries, each key once with the sum over all runs.
    pub(super) fn merge(self) -> Result<Merge, DataError> {
        Merge::new(self.runs, self.folder)
    }
}

fn write(
    folder: &Path,
    entries: impl Iterator<Item = Result<Entry, DataError>>,
) -> Result<File, DataError> {
    let failed = |error| DataError::io(folder, error);
    let file = tempfile::tempfile_in(folder).map_err(failed)?;
    let mut out = BufWriter::with_capacity(BUFFER, file);
    for entry in entries {
        let ((row, column), sum) = entry?;
        let mut bytes = [0; ENTRY];
        bytes[..4].copy_from_slice(&row.to_le_bytes());
        bytes[4..8].copy_from_slice(&column.to_le_bytes());
        bytes[8..].copy_from_slice(&sum.to_le_bytes());
        out.write_all(&bytes).map_err(failed)?;
    }
    let mut file = out
        .into_inner()
        .map_err(|error| failed(error.into_error()))?;
    file.rewind().map_err(failed)?;
    Ok(file)
}

/// The entries of several runs in ascending order, equal keys summed.
#[derive(Debug)]
pub(super) struct Merge {
    folder: PathBuf,
    runs: Vec<BufReader<File>>,
    /// The next entry of each run that has one, with the run's number.
    heads: BinaryHeap<Reverse<(Entry, usize)>>,
}

impl Merge {
    fn new(runs: Vec<File>, folder: PathBuf) -> Result<Self, DataError> {
        let readers = runs
            .into_iter()
            .map(|run| BufReader::with_capacity(BUFFER, run));
        let mut merge = Self {
            folder,
            runs: readers.collect(),
            heads: BinaryHeap::new(),
        };
        for run in 0..merge.runs.len() {
            if let Some(entry) = read(&mut merge.runs[run], &merge.folder)? {
                merge.heads.push(Reverse((entry, run)));
            }
        }
        Ok(merge)
    }

    /// The smallest entry of all runs.
    fn pop(&mut self) -> Result<Option<Entry>, DataError> {
        let Some(mut head) = self.heads.peek_mut() else {
            return Ok(None);
        };
        let Reverse((entry, run)) = *head;
        match read(&mut self.runs[run], &self.folder)? {
            Some(next) => *head = Reverse((next, run)),
            None => drop(PeekMut::pop(head)),
        }
        Ok(Some(entry))
    }
}

impl Iterator for Merge {
    type Item = Result<Entry, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (key, mut sum) = match self.pop().transpose()? {
            Ok(entry) => entry,
            Err(error) => return Some(Err(error)),
        };
        while let Some(Reverse(((other, _), _))) = self.heads.peek()
            && *other == key
        {
            match self.pop() {
                Ok(entry) => sum += entry.map_or(0, |(_, more)| more),
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Ok((key, sum)))
    }
}

/// The next entry, or none at the end.
fn read(run: &mut impl Read, folder: &Path) -> Result<Option<Entry>, DataError> {
    let mut bytes = [0; ENTRY];
    match run.read_exact(&mut bytes) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(DataError::io(folder, error)),
    }
    let number = |at: usize| {
        u128::from_le_bytes({
            let mut wide = [0; 16];
            let end = if at < 8 { at + 4 } else { ENTRY };
            wide[..end - at].copy_from_slice(&bytes[at..end]);
            wide
        })
    };
    Ok(Some(((number(0) as u32, number(4) as u32), number(8))))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::SampleRng;

    #[test]
    fn many_runs_merge_to_the_sums_with_few_open_files() {
        let folder = tempfile::tempdir().unwrap();
        let mut runs = SortedRuns::new(folder.path().to_path_buf());
        let mut expected: BTreeMap<(u32, u32), u128> = BTreeMap::new();
        let mut rng = SampleRng::new(1, 0, 0, 50);
        for _ in 0..200 {
            let mut run = BTreeMap::new();
            for _ in 0..20 {
                let key = (rng.below(9) as u32 * 500_000_000, rng.below(9) as u32);
                run.insert(key, u128::from(rng.below(u64::MAX)) << 20);
            }
            for (key, sum) in &run {
                *expected.entry(*key).or_default() += sum;
            }
            runs.push(run.into_iter()).unwrap();
            assert!(runs.runs.len() < FAN_IN);
        }
        let merged: Vec<_> = runs.merge().unwrap().map(Result::unwrap).collect();
        assert_eq!(merged, expected.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap().path().join("gone");
        let error = SortedRuns::new(folder)
            .push(std::iter::empty())
            .unwrap_err();
        assert!(error.to_string().contains("gone"), "{error}");
    }
}
