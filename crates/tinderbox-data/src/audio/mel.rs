//! The mel scale and its filters.

use serde::{Deserialize, Serialize};

/// How mel relates to hertz.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MelScale {
    /// Linear up to 1 kHz and logarithmic above, as in Slaney's Auditory Toolbox (1998); librosa's default, and Whisper's.
    #[default]
    Slaney,
    /// `2595 log10(1 + f / 700)`, as in the Hidden Markov Toolkit; torchaudio's default.
    Htk,
}

/// Where the logarithmic part of Slaney's scale begins, in hertz and in mel.
const BREAK: (f64, f64) = (1_000.0, 15.0);

/// Hertz for each mel below.
const LINEAR: f64 = 200.0 / 3.0;

/// The natural logarithm of the frequencies' ratio for each mel above: 27 mel for a factor of 6.4.
fn logarithmic() -> f64 {
    6.4_f64.ln() / 27.0
}

impl MelScale {
    /// The mel of a frequency in hertz, 0 or above.
    pub fn from_hertz(self, frequency: f64) -> f64 {
        match self {
            Self::Htk => 2_595.0 * (1.0 + frequency / 700.0).log10(),
            Self::Slaney if frequency < BREAK.0 => frequency / LINEAR,
            Self::Slaney => BREAK.1 + (frequency / BREAK.0).ln() / logarithmic(),
        }
    }

    /// The frequency in hertz of a mel.
    pub fn to_hertz(self, mel: f64) -> f64 {
        match self {
            Self::Htk => 700.0 * (10.0_f64.powf(mel / 2_595.0) - 1.0),
            Self::Slaney if mel < BREAK.1 => mel * LINEAR,
            Self::Slaney => BREAK.0 * ((mel - BREAK.1) * logarithmic()).exp(),
        }
    }
}

/// Triangular filters, evenly spaced in mel, each from its left neighbour's peak to its right one's.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MelFilters {
    /// For each filter the first frequency bin above its left edge, and its weights from there.
    filters: Vec<(usize, Vec<f32>)>,
}

impl MelFilters {
    /// `mels` filters between two frequencies in hertz, over `bins` bins that lie `spacing` hertz apart from 0 on.
    ///
    /// With `slaney_norm` each is divided by half its width in hertz, so that all have the same area; else each peaks at 1.
    pub(super) fn new(
        scale: MelScale,
        slaney_norm: bool,
        mels: usize,
        (low, high): (f64, f64),
        bins: usize,
        spacing: f64,
    ) -> Self {
        let (low, high) = (scale.from_hertz(low), scale.from_hertz(high));
        let step = (high - low) / (mels as f64 + 1.0);
        let edges: Vec<f64> = (0..mels + 2)
            .map(|edge| scale.to_hertz(low + step * edge as f64))
            .collect();
        let filter = |edges: &[f64]| {
            let (left, peak, right) = (edges[0], edges[1], edges[2]);
            let norm = if slaney_norm {
                2.0 / (right - left)
            } else {
                1.0
            };
            let weight = |bin: usize| {
                let frequency = bin as f64 * spacing;
                let up = (frequency - left) / (peak - left);
                let down = (right - frequency) / (right - peak);
                (up.min(down).max(0.0) * norm) as f32
            };
            let first = (left / spacing) as usize + 1;
            let end = ((right / spacing).ceil() as usize).min(bins);
            (first, (first..end).map(weight).collect())
        };
        Self {
            filters: edges.windows(3).map(filter).collect(),
        }
    }

    /// The first filter that lets no bin through.
    pub(super) fn empty(&self) -> Option<usize> {
        self.filters
            .iter()
            .position(|(_, weights)| weights.iter().sum::<f32>() == 0.0)
    }

    /// What each filter lets through of the power of each bin.
    pub(super) fn apply<'a>(&'a self, power: &'a [f32]) -> impl Iterator<Item = f32> + 'a {
        self.filters.iter().map(|(first, weights)| {
            let products = weights.iter().zip(power.iter().skip(*first));
            products.map(|(weight, power)| weight * power).sum()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_go_forth_and_back_and_meet_their_definitions() {
        for scale in [MelScale::Slaney, MelScale::Htk] {
            for hertz in [0.0, 20.0, 999.0, 1_000.0, 1_001.0, 7_999.0] {
                let back = scale.to_hertz(scale.from_hertz(hertz));
                assert!((back - hertz).abs() < 1e-9, "{hertz} became {back}");
            }
        }
        // 1 kHz is 15 of Slaney's mel, 6.4 kHz 27 more; it is about 1000 of the other's.
        assert_eq!(MelScale::Slaney.from_hertz(1_000.0), 15.0);
        assert!((MelScale::Slaney.from_hertz(6_400.0) - 42.0).abs() < 1e-12);
        assert!((MelScale::Htk.from_hertz(1_000.0) - 1_000.0).abs() < 0.02);
    }

    #[test]
    fn neighbours_without_norm_sum_to_1_between_the_first_and_the_last_peak() {
        let filters = MelFilters::new(MelScale::Htk, false, 10, (0.0, 4_000.0), 257, 15.625);
        let mut sums = vec![0.0; 257];
        for (first, weights) in &filters.filters {
            for (sum, weight) in sums[*first..].iter_mut().zip(weights) {
                *sum += weight;
            }
        }
        let peak = |filter: f64| {
            let step = MelScale::Htk.from_hertz(4_000.0) / 11.0;
            (MelScale::Htk.to_hertz(step * filter) / 15.625) as usize
        };
        let between = &sums[peak(1.0) + 1..=peak(10.0)];
        assert!(between.len() > 150);
        assert!(between.iter().all(|sum| (sum - 1.0).abs() < 1e-5));
    }
}
