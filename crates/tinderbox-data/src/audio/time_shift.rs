//! Shifts in time.

use serde::{Deserialize, Serialize};

use crate::views::{check_probability, check_range};
use crate::{DataError, SampleRng};

/// Moves a waveform to an earlier or later time at random.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimeShift {
    /// The probability of a shift.
    pub p: f32,
    /// The largest shift to either side, as a share of the length.
    pub share: f32,
    /// Whether what leaves at one end comes in again at the other; else silence comes in.
    pub roll: bool,
}

impl Default for TimeShift {
    /// torch-audiomentations: one half of the time, by up to half of the length, rolling over.
    fn default() -> Self {
        Self {
            p: 0.5,
            share: 0.5,
            roll: true,
        }
    }
}

impl TimeShift {
    /// Shifts the waveform or not.
    pub fn apply(&self, waveform: &mut [f32], rng: &mut SampleRng) {
        let chosen = rng.bool(self.p);
        let share = rng.range(-self.share..self.share);
        if chosen {
            let by = (share * waveform.len() as f32).round() as isize;
            shift(waveform, by, self.roll);
        }
    }

    pub(super) fn validate(&self) -> Result<(), DataError> {
        check_probability("time_shift.p", self.p)?;
        check_range("time_shift.share", self.share, 0.0, 1.0)
    }
}

/// Later by so many samples, or earlier when negative.
fn shift(waveform: &mut [f32], by: isize, roll: bool) {
    let distance = by.unsigned_abs().min(waveform.len());
    let moved_in = if by > 0 {
        waveform.rotate_right(distance);
        &mut waveform[..distance]
    } else {
        waveform.rotate_left(distance);
        let start = waveform.len() - distance;
        &mut waveform[start..]
    };
    if !roll {
        moved_in.fill(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_and_both_fillings() {
        for (by, roll, expected) in [
            (0, true, [1.0, 2.0, 3.0]),
            (1, true, [3.0, 1.0, 2.0]),
            (-1, true, [2.0, 3.0, 1.0]),
            (1, false, [0.0, 1.0, 2.0]),
            (-2, false, [3.0, 0.0, 0.0]),
            (3, false, [0.0, 0.0, 0.0]),
            (-3, true, [1.0, 2.0, 3.0]),
            (0, false, [1.0, 2.0, 3.0]),
        ] {
            let mut waveform = [1.0, 2.0, 3.0];
            shift(&mut waveform, by, roll);
            assert_eq!(waveform, expected, "{by} {roll}");
        }
    }

    #[test]
    fn shifts_reach_the_share_on_both_sides_and_no_further() {
        let config = TimeShift {
            p: 1.0,
            share: 0.1,
            roll: true,
        };
        let mut places = [0; 101];
        for index in 0..2_000 {
            let mut waveform = [0.0; 101];
            waveform[50] = 1.0;
            config.apply(&mut waveform, &mut SampleRng::new(0, 0, index, 0));
            places[waveform.iter().position(|value| *value == 1.0).unwrap()] += 1;
        }
        assert!((40..=60).all(|place| places[place] > 0));
        assert_eq!(places[40..=60].iter().sum::<i32>(), 2_000);
    }
}
