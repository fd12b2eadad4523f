//! Figures of a run: `metrics.jsonl`, one line a figure, and TensorBoard event files.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::run_dir::{RunDir, write_atomic};
use crate::tensorboard::EventFile;

/// The file of all figures inside a run directory.
pub const METRICS: &str = "metrics.jsonl";
/// Figures that depend on the clock, kept apart so that `metrics.jsonl` is reproducible.
pub const TIMING: &str = "timing.jsonl";

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Optimiser steps done.
    pub step: u64,
    /// Passes over the data done.
    pub epoch: u64,
    /// `train`, `eval` or a verb's own.
    pub phase: String,
    /// Such as `loss` or `knn/accuracy`.
    pub name: String,
    /// The figure; null in the file where it is not finite.
    pub value: Option<f64>,
    /// Seconds since this process began the run.
    pub seconds: f64,
}

/// What of the figures up to a checkpoint is gone: a crash cannot lose them, so the file was cut or damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LostFigures {
    /// Lines that cannot be read.
    pub lines: u64,
    /// Steps without a loss that were to be logged.
    pub steps: u64,
}

impl LostFigures {
    /// Whether something is gone.
    pub fn any(&self) -> bool {
        *self != Self::default()
    }

    /// What is gone of the figures that were logged every so many steps.
    fn of(bytes: &[u8], step: u64, every: u64) -> Self {
        let whole = bytes.split_inclusive(|byte| *byte == b'\n');
        let whole = whole.filter(|line| line.ends_with(b"\n"));
        let (mut lines, mut logged) = (0, BTreeSet::new());
        for line in whole {
            match serde_json::from_slice::<Metric>(line) {
                Ok(metric) if metric.phase == "train" && metric.name == "loss" => {
                    logged.insert(metric.step);
                }
                Ok(_) => {}
                Err(_) => lines += 1,
            }
        }
        let due = (1..=step / every).filter(|number| !logged.contains(&(number * every)));
        Self {
            lines,
            steps: due.count() as u64,
        }
    }
}

/// Appends figures to the files of a run.
#[derive(Debug)]
pub(crate) struct MetricsLog {
    path: PathBuf,
    lines: File,
    timing_path: PathBuf,
    timing: File,
    events: EventFile,
    start: Instant,
}

impl MetricsLog {
    /// Opens the files again after `step` steps, as [`open`](Self::open), and says what is gone of the figures before that, which were
    /// logged every so many steps.
    pub(crate) fn reopen(
        run: &RunDir,
        step: u64,
        every: u64,
    ) -> Result<(Self, LostFigures), TrainError> {
        let path = run.join(METRICS);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(TrainError::io("reading", &path)(error));
            }
            read => read.unwrap_or_default(),
        };
        let lost = LostFigures::of(&bytes, step, every);
        Ok((Self::open(run, Some(step))?, lost))
    }

    /// Opens the files; lines beyond `resumed_at` steps are cut, as is a line torn by a crash.
    pub(crate) fn open(run: &RunDir, resumed_at: Option<u64>) -> Result<Self, TrainError> {
        let path = run.join(METRICS);
        let timing_path = run.join(TIMING);
        for file in [&path, &timing_path] {
            if let Some(step) = resumed_at {
                cut(file, step)?;
            } else if file.exists() {
                fs::remove_file(file).map_err(TrainError::io("removing", file))?;
            }
        }
        let append = |path: &Path| {
            File::options()
                .append(true)
                .create(true)
                .open(path)
                .map_err(TrainError::io("opening", path))
        };
        Ok(Self {
            lines: append(&path)?,
            path,
            timing: append(&timing_path)?,
            timing_path,
            events: EventFile::create(&run.join("tensorboard"), resumed_at)?,
            start: Instant::now(),
        })
    }

    pub(crate) fn write(
        &mut self,
        step: u64,
        epoch: u64,
        phase: &str,
        figures: &[(String, f64)],
    ) -> Result<(), TrainError> {
        let seconds = self.start.elapsed().as_secs_f64();
        let text = lines(step, epoch, phase, figures, seconds);
        self.lines
            .write_all(text.as_bytes())
            .map_err(TrainError::io("writing", &self.path))?;
        for (name, value) in figures {
            self.events
                .scalar(step, &format!("{phase}/{name}"), *value)?;
        }
        self.events.flush()
    }

    pub(crate) fn write_timing(
        &mut self,
        step: u64,
        epoch: u64,
        figures: &[(String, f64)],
    ) -> Result<(), TrainError> {
        let seconds = self.start.elapsed().as_secs_f64();
        let text = lines(step, epoch, "timing", figures, seconds);
        self.timing
            .write_all(text.as_bytes())
            .map_err(TrainError::io("writing", &self.timing_path))
    }

    /// Makes sure that the figures are on disk before a checkpoint claims their step.
    pub(crate) fn sync(&self) -> Result<(), TrainError> {
        self.lines
            .sync_data()
            .map_err(TrainError::io("writing", &self.path))
    }
}

fn lines(step: u64, epoch: u64, phase: &str, figures: &[(String, f64)], seconds: f64) -> String {
    figures
        .iter()
        .map(|(name, value)| {
            let metric = Metric {
                step,
                epoch,
                phase: phase.to_string(),
                name: name.clone(),
                value: value.is_finite().then_some(*value),
                seconds: (seconds * 1e3).round() / 1e3,
            };
            let line = serde_json::to_string(&metric).expect("a metric is plain data");
            line + "\n"
        })
        .collect()
}

/// The figures of a run, in the order they were written; a torn last line is passed over.
///
/// # Errors
/// What the file system says.
pub fn read_metrics(path: &Path) -> Result<Vec<Metric>, TrainError> {
    let file = File::open(path).map_err(TrainError::io("opening", path))?;
    let mut metrics = Vec::new();
    for line in BufReader::new(file).split(b'\n') {
        let line = line.map_err(TrainError::io("reading", path))?;
        if let Ok(metric) = serde_json::from_slice(&line) {
            metrics.push(metric);
        }
    }
    Ok(metrics)
}

fn cut(path: &Path, step: u64) -> Result<(), TrainError> {
    if !path.exists() {
        return Ok(());
    }
    let bytes = fs::read(path).map_err(TrainError::io("reading", path))?;
    let kept: Vec<u8> = bytes
        .split_inclusive(|byte| *byte == b'\n')
        .filter(|line| {
            line.ends_with(b"\n")
                && serde_json::from_slice::<Metric>(line).is_ok_and(|metric| metric.step <= step)
        })
        .flatten()
        .copied()
        .collect();
    if kept.len() == bytes.len() {
        return Ok(());
    }
    write_atomic(path, &kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_cut_or_damaged_is_told() {
        let root = tempfile::tempdir().unwrap();
        let run = RunDir::create(root.path().join("run")).unwrap();
        let mut log = MetricsLog::open(&run, None).unwrap();
        for step in [2, 4, 6] {
            let figures = [("loss".into(), 1.0), ("rate".into(), 0.1)];
            log.write(step, 0, "train", &figures).unwrap();
            log.write(step, 0, "eval", &[("loss".into(), 1.0)]).unwrap();
        }
        let path = run.join(METRICS);
        let whole = fs::read(&path).unwrap();
        let lost = |bytes: &[u8], step| {
            fs::write(&path, bytes).unwrap();
            let (_, lost) = MetricsLog::reopen(&run, step, 2).unwrap();
            (lost.lines, lost.steps)
        };
        assert_eq!(lost(&whole, 6), (0, 0));
        // What a crash leaves beyond the checkpoint is no loss.
        assert_eq!(lost(&[&whole[..], b"{\"step\":7,"].concat(), 7), (0, 0));
        assert_eq!(lost(&whole[..whole.len() / 2], 6), (0, 1));
        assert_eq!(lost(b"", 6), (0, 3));
        let mut damaged = whole.clone();
        damaged[1] = 0;
        assert_eq!(lost(&damaged, 6), (1, 1));
        fs::remove_file(&path).unwrap();
        let (_, lost) = MetricsLog::reopen(&run, 6, 2).unwrap();
        assert!(lost.any() && lost.steps == 3);
    }

    #[test]
    fn resuming_cuts_what_lies_beyond_the_checkpoint() {
        let root = tempfile::tempdir().unwrap();
        let run = RunDir::create(root.path().join("run")).unwrap();
        let mut log = MetricsLog::open(&run, None).unwrap();
        for step in 1..=4 {
            log.write(step, 0, "train", &[("loss".into(), step as f64)])
                .unwrap();
        }
        drop(log);
        let path = run.join(METRICS);
        let mut torn = fs::read(&path).unwrap();
        torn.extend_from_slice(b"{\"step\":2,");
        fs::write(&path, torn).unwrap();
        MetricsLog::open(&run, Some(2)).unwrap();
        let steps: Vec<u64> = read_metrics(&path)
            .unwrap()
            .iter()
            .map(|m| m.step)
            .collect();
        assert_eq!(steps, [1, 2]);
        assert!(fs::read(&path).unwrap().ends_with(b"\n"));
    }
}
