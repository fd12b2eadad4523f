//! Loudness.

use serde::{Deserialize, Serialize};

use crate::views::{check_pair, check_probability};
use crate::{DataError, SampleRng};

/// Makes a waveform louder or softer at random.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gain {
    /// The probability of a change.
    pub p: f32,
    /// Bounds of the change, in decibels of amplitude; 6 dB double it.
    pub decibels: (f32, f32),
}

impl Default for Gain {
    /// torch-audiomentations: one half of the time, from -18 to 6 dB.
    fn default() -> Self {
        Self {
            p: 0.5,
            decibels: (-18.0, 6.0),
        }
    }
}

impl Gain {
    /// Changes the waveform or not.
    pub fn apply(&self, waveform: &mut [f32], rng: &mut SampleRng) {
        let chosen = rng.bool(self.p);
        let decibels = rng.range(self.decibels.0..self.decibels.1);
        if chosen {
            let factor = 10.0_f32.powf(decibels / 20.0);
            waveform.iter_mut().for_each(|value| *value *= factor);
        }
    }

    pub(super) fn validate(&self) -> Result<(), DataError> {
        check_probability("gain.p", self.p)?;
        check_pair("gain.decibels", self.decibels, -120.0, 120.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decibels_are_of_amplitude() {
        for (decibels, factor) in [(20.0, 10.0), (-6.020_6, 0.5), (0.0, 1.0)] {
            let gain = Gain {
                p: 1.0,
                decibels: (decibels, decibels),
            };
            let mut waveform = [0.5, -0.25];
            gain.apply(&mut waveform, &mut SampleRng::new(0, 0, 0, 0));
            // 6.0206 dB are a factor of 2 to seven digits.
            assert!((waveform[0] / 0.5 - factor).abs() < 1e-6 * factor);
            assert!((waveform[1] / -0.25 - factor).abs() < 1e-6 * factor);
        }
    }

    #[test]
    fn changes_lie_between_the_bounds() {
        let gain = Gain {
            p: 0.5,
            decibels: (-20.0, 20.0),
        };
        let factors: Vec<f32> = (0..1000)
            .map(|index| {
                let mut waveform = [1.0];
                gain.apply(&mut waveform, &mut SampleRng::new(0, 0, index, 0));
                waveform[0]
            })
            .collect();
        assert!(
            factors
                .iter()
                .all(|factor| (0.0999..10.001).contains(factor))
        );
        let count = |wanted: &dyn Fn(f32) -> bool| factors.iter().filter(|f| wanted(**f)).count();
        // A half stay, a quarter become louder: five standard deviations of a count are 79 and 68.
        assert!(count(&|factor| factor == 1.0).abs_diff(500) < 79);
        assert!(count(&|factor| factor > 1.0).abs_diff(250) < 68);
    }
}
