//! Noise.

use serde::{Deserialize, Serialize};

use crate::views::{check_pair, check_probability};
use crate::{DataError, SampleRng};

/// Adds white Gaussian noise to a waveform at random.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Noise {
    /// The probability of noise.
    pub p: f32,
    /// Bounds of the signal-to-noise ratio: the waveform's mean power over the noise's, in decibels.
    pub snr: (f32, f32),
}

impl Default for Noise {
    /// torch-audiomentations: one half of the time, from 3 to 30 dB.
    fn default() -> Self {
        Self {
            p: 0.5,
            snr: (3.0, 30.0),
        }
    }
}

impl Noise {
    /// Adds noise or not; silence stays silent.
    pub fn apply(&self, waveform: &mut [f32], rng: &mut SampleRng) {
        let chosen = rng.bool(self.p);
        let snr = rng.range(self.snr.0..self.snr.1);
        if !chosen || waveform.is_empty() {
            return;
        }
        let power = waveform.iter().map(|value| value * value).sum::<f32>() / waveform.len() as f32;
        let deviation = (power * 10.0_f32.powf(-snr / 10.0)).sqrt();
        if deviation > 0.0 {
            let mut noise = [0.0; 1024];
            for part in waveform.chunks_mut(noise.len()) {
                let noise = &mut noise[..part.len()];
                rng.fill_normal(noise);
                for (value, noise) in part.iter_mut().zip(noise) {
                    *value += deviation * *noise;
                }
            }
        }
    }

    pub(super) fn validate(&self) -> Result<(), DataError> {
        check_probability("noise.p", self.p)?;
        check_pair("noise.snr", self.snr, -120.0, 120.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn always(snr: f32) -> Noise {
        Noise {
            p: 1.0,
            snr: (snr, snr),
        }
    }

    #[test]
    fn the_ratio_is_that_of_the_powers() {
        let clean: Vec<f32> = (0..20_000).map(|n| 0.3 * (n as f32 * 0.1).sin()).collect();
        let power = |values: &[f32]| values.iter().map(|v| f64::from(v * v)).sum::<f64>();
        for snr in [-10.0, 0.0, 20.0] {
            let mut noisy = clean.clone();
            always(snr).apply(&mut noisy, &mut SampleRng::new(3, 0, 0, 0));
            let noise: Vec<f32> = noisy.iter().zip(&clean).map(|(a, b)| a - b).collect();
            let got = 10.0 * (power(&clean) / power(&noise)).log10();
            // The power of 20,000 draws is uncertain by 1 %, 0.04 dB; five times that.
            assert!(
                (got - f64::from(snr)).abs() < 0.22,
                "{got} dB, expected {snr}"
            );
            // White: neighbours do not go together.
            let product: f64 = noise
                .windows(2)
                .map(|pair| f64::from(pair[0] * pair[1]))
                .sum();
            assert!((product / power(&noise)).abs() < 5.0 / 20_000_f64.sqrt());
        }
    }

    #[test]
    fn silence_and_p_0_stay() {
        let mut rng = SampleRng::new(0, 0, 0, 0);
        let mut silence = [0.0; 8];
        always(0.0).apply(&mut silence, &mut rng);
        assert_eq!(silence, [0.0; 8]);
        let never = Noise {
            p: 0.0,
            ..Noise::default()
        };
        let mut waveform = [0.5; 8];
        never.apply(&mut waveform, &mut rng);
        assert_eq!(waveform, [0.5; 8]);
    }
}
