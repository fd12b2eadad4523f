//! What a bench gives: samples of one quantity, and their median.

use std::time::Instant;

use serde_json::{Value, json};

/// Samples of one quantity.
pub(crate) struct Measurement {
    name: String,
    unit: &'static str,
    /// Ascending, at least one.
    samples: Vec<f64>,
    note: String,
}

impl Measurement {
    /// # Panics
    /// If there are no samples.
    pub(crate) fn new(name: impl Into<String>, unit: &'static str, mut samples: Vec<f64>) -> Self {
        assert!(!samples.is_empty(), "a measurement without samples");
        samples.sort_by(f64::total_cmp);
        Self {
            name: name.into(),
            unit,
            samples,
            note: String::new(),
        }
    }

    /// A quantity that is counted or derived, not sampled.
    pub(crate) fn single(name: impl Into<String>, unit: &'static str, value: f64) -> Self {
        Self::new(name, unit, vec![value])
    }

    pub(crate) fn with_note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// The middle sample, or the mean of the middle two.
    pub(crate) fn median(&self) -> f64 {
        let middle = self.samples.len() / 2;
        if self.samples.len().is_multiple_of(2) {
            (self.samples[middle - 1] + self.samples[middle]) / 2.0
        } else {
            self.samples[middle]
        }
    }

    /// A flat object, a row of the table.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "unit": self.unit,
            "median": self.median(),
            "min": self.samples[0],
            "max": self.samples[self.samples.len() - 1],
            "runs": self.samples.len(),
            "note": self.note,
        })
    }
}

/// Says whether a target holds.
pub(crate) fn verdict(holds: bool) -> &'static str {
    if holds { "holds" } else { "MISSED" }
}

/// Runs `work` once unmeasured, then `runs` times; gives the seconds of each.
pub(crate) fn seconds<E>(
    runs: usize,
    mut work: impl FnMut() -> Result<(), E>,
) -> Result<Vec<f64>, E> {
    work()?;
    (0..runs)
        .map(|_| {
            let start = Instant::now();
            work()?;
            Ok(start.elapsed().as_secs_f64())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        let of = |samples: &[f64]| Measurement::new("x", "s", samples.to_vec()).median();
        assert_eq!(of(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(of(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
