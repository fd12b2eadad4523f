//! Another sample rate.

use std::collections::BTreeMap;
use std::f64::consts::PI;
use std::sync::{Arc, Mutex, PoisonError};

/// Zero crossings of the filter on each side.
const CROSSINGS: f64 = 64.0;

/// The filter's cut-off as a share of the lower of the two Nyquist frequencies.
const ROLL_OFF: f64 = 0.947_593_716_739_959_6;

/// The shape of the Kaiser window.
const BETA: f64 = 14.769_656_459_379_492;

/// Weights that are kept for one pair of rates, 4 MB. Pairs that need more have theirs computed again for every sample.
const MOST_WEIGHTS: usize = 1 << 20;

/// Pairs of rates whose weights are kept.
const MOST_FILTERS: usize = 16;

/// Brings waveforms of any rate to one, with a sinc filter under a Kaiser window.
///
/// The filter is resampy's `kaiser_best`, in the form of torchaudio's `sinc_interp_kaiser` with the parameters that it documents for that: 64
/// zero crossings, roll-off 0.9476, beta 14.77. Tones up to 0.86 of half the lower rate keep level and phase, those above all of it are removed,
/// both to 100 dB. A waveform is taken as silent before its beginning and after its end.
///
/// Weights are computed once for each pair of rates and shared by all threads.
#[derive(Debug)]
pub struct Resampler {
    to: u32,
    filters: Mutex<BTreeMap<u32, Arc<Filter>>>,
}

impl Resampler {
    /// To `to` samples a second.
    ///
    /// # Panics
    /// If it is 0.
    pub fn new(to: u32) -> Self {
        assert!(to > 0, "a sample rate of 0");
        Self {
            to,
            filters: Mutex::default(),
        }
    }

    /// How many samples `samples` at the rate `from` become: `ceil(samples * to / from)`.
    ///
    /// # Panics
    /// If `from` is 0.
    pub fn length(&self, samples: usize, from: u32) -> usize {
        (samples as u128 * u128::from(self.to)).div_ceil(from.into()) as usize
    }

    /// The waveform, of one channel, at the wanted rate. Nothing is copied when it has that rate.
    ///
    /// # Panics
    /// If `from` is 0.
    pub fn apply(&self, waveform: Vec<f32>, from: u32) -> Vec<f32> {
        if from == self.to {
            return waveform;
        }
        let length = self.length(waveform.len(), from);
        self.filter(from).apply(&waveform, length)
    }

    fn filter(&self, from: u32) -> Arc<Filter> {
        let lock = || self.filters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(filter) = lock().get(&from) {
            return filter.clone();
        }
        // Two threads may both compute it; they get the same.
        let filter = Arc::new(Filter::new(from, self.to));
        let mut filters = lock();
        if filters.len() < MOST_FILTERS {
            filters.insert(from, filter.clone());
        }
        filter
    }
}

/// The filter between two rates.
#[derive(Debug)]
struct Filter {
    /// The rates without their common divisor.
    from: u64,
    to: u64,
    /// Inputs on each side of an output.
    reach: usize,
    /// The weights of each of the `to` places that an output can have between two inputs, or none when these are too many.
    rows: Vec<f32>,
}

impl Filter {
    fn new(from: u32, to: u32) -> Self {
        let divisor = gcd(from, to);
        let (from, to) = (u64::from(from / divisor), u64::from(to / divisor));
        let mut filter = Self {
            from,
            to,
            reach: 0,
            rows: Vec::new(),
        };
        filter.reach = (CROSSINGS / filter.cut_off()).ceil() as usize;
        let taps = filter.taps();
        if taps.saturating_mul(to as usize) <= MOST_WEIGHTS {
            let mut rows = vec![0.0; taps * to as usize];
            for (place, row) in rows.chunks_exact_mut(taps).enumerate() {
                filter.weights(place as u64, row);
            }
            filter.rows = rows;
        }
        filter
    }

    /// The cut-off in units of the input's Nyquist frequency.
    fn cut_off(&self) -> f64 {
        ROLL_OFF * (self.to as f64 / self.from as f64).min(1.0)
    }

    fn taps(&self) -> usize {
        2 * self.reach
    }

    /// The weights for an output that lies `place / to` after the input number `reach - 1` of the row.
    fn weights(&self, place: u64, row: &mut [f32]) {
        let cut_off = self.cut_off();
        let after = place as f64 / self.to as f64;
        let peak = bessel(BETA);
        for (tap, weight) in row.iter_mut().enumerate() {
            let distance = cut_off * ((tap as f64 + 1.0 - self.reach as f64) - after);
            *weight = (cut_off * sinc(distance) * kaiser(distance / CROSSINGS) / peak) as f32;
        }
    }

    fn apply(&self, waveform: &[f32], length: usize) -> Vec<f32> {
        let taps = self.taps();
        let mut row = vec![0.0; if self.rows.is_empty() { taps } else { 0 }];
        let mut output = Vec::with_capacity(length);
        for number in 0..length as u64 {
            let (input, place) = (number * self.from / self.to, number * self.from % self.to);
            let weights = if self.rows.is_empty() {
                self.weights(place, &mut row);
                &row
            } else {
                &self.rows[place as usize * taps..][..taps]
            };
            // The first weight meets input `input + 1 - reach`; silence before and after needs no product.
            let next = input as usize + 1;
            let silent = self.reach.saturating_sub(next);
            let start = next.saturating_sub(self.reach).min(waveform.len());
            output.push(dot(&weights[silent..], &waveform[start..]));
        }
        output
    }
}

/// The sum of the products, as far as both reach, in eight sums that the compiler makes a vector of.
fn dot(weights: &[f32], values: &[f32]) -> f32 {
    let length = weights.len().min(values.len());
    let (weights, last_weights) = weights[..length].as_chunks::<8>();
    let (values, last_values) = values[..length].as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (weights, values) in weights.iter().zip(values) {
        for ((sum, weight), value) in sums.iter_mut().zip(weights).zip(values) {
            *sum += weight * value;
        }
    }
    let last = last_weights.iter().zip(last_values);
    sums.iter().sum::<f32>() + last.map(|(weight, value)| weight * value).sum::<f32>()
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        1.0
    } else {
        (PI * x).sin() / (PI * x)
    }
}

/// The Kaiser window, times its peak, at `x` of -1..1, and 0 beyond.
fn kaiser(x: f64) -> f64 {
    let inside = 1.0 - x * x;
    if inside < 0.0 {
        0.0
    } else {
        bessel(BETA * inside.sqrt())
    }
}

/// The modified Bessel function of the first kind and order 0, by its series.
fn bessel(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut sum, mut term) = (1.0, 1.0);
    for k in 1.. {
        term *= quarter / f64::from(k * k);
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
    }
    sum
}

fn gcd(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::testing::{assert_close, fixture, numbers};

    #[test]
    fn waveforms_agree_with_torchaudio() {
        let fixture = fixture(include_str!("../../tests/fixtures/resample.json"));
        let cases = fixture["cases"].as_array().unwrap();
        assert_eq!(cases.len(), 5);
        for case in cases {
            let rate = |name: &str| case[name].as_u64().unwrap() as u32;
            let resampler = Resampler::new(rate("to"));
            let got = resampler.apply(numbers(&case["input"]), rate("from"));
            // Sums of up to 373 products of about 1 in single precision.
            assert_close(&got, &numbers(&case["output"]), 2e-6);
        }
    }

    /// A second of a tone of amplitude 1.
    fn tone(rate: u32, frequency: f64) -> Vec<f32> {
        let angle = |n| 2.0 * PI * frequency * f64::from(n) / f64::from(rate);
        (0..rate).map(|n| angle(n).sin() as f32).collect()
    }

    /// The power of the middle half, in decibels over that of a tone of amplitude 1. The ends ring.
    fn decibels(values: &[f32]) -> f64 {
        let middle = &values[values.len() / 4..values.len() * 3 / 4];
        let sum: f64 = middle.iter().map(|v| f64::from(*v) * f64::from(*v)).sum();
        10.0 * (2.0 * sum / middle.len() as f64).max(1e-30).log10()
    }

    const PAIRS: [(u32, u32); 7] = [
        (8_000, 16_000),
        (16_000, 8_000),
        (44_100, 16_000),
        (48_000, 44_100),
        (11_025, 16_000),
        (96_000, 16_000),
        // Weights are computed again for each sample.
        (16_001, 9_001),
    ];

    #[test]
    fn tones_below_the_cut_off_keep_their_level_and_phase() {
        for (from, to) in PAIRS {
            for share in [0.05, 0.5, 0.86] {
                let frequency = f64::from(from.min(to)) / 2.0 * share;
                let got = Resampler::new(to).apply(tone(from, frequency), from);
                assert_eq!(got.len(), to as usize);
                let expected = tone(to, frequency);
                let difference: Vec<f32> = got.iter().zip(&expected).map(|(a, b)| a - b).collect();
                // Aliases, images, changes of level and of phase together lie 100 dB below the tone.
                let error = decibels(&difference);
                assert!(error < -100.0, "{frequency} Hz, {from} to {to}: {error} dB");
            }
        }
    }

    #[test]
    fn tones_above_half_the_new_rate_are_removed() {
        for (from, to) in PAIRS.into_iter().filter(|(from, to)| from > to) {
            let (low, high) = (f64::from(to) / 2.0, f64::from(from) / 2.0);
            for share in [0.0, 0.3, 0.9] {
                let frequency = low + (high - low) * share;
                let got = Resampler::new(to).apply(tone(from, frequency), from);
                let level = decibels(&got);
                assert!(level < -100.0, "{frequency} Hz, {from} to {to}: {level} dB");
            }
        }
    }

    #[test]
    fn kept_weights_and_computed_ones_are_the_same() {
        let kept = Filter::new(44_100, 16_000);
        let computed = Filter {
            rows: Vec::new(),
            ..Filter::new(44_100, 16_000)
        };
        assert!(!kept.rows.is_empty());
        let waveform = tone(4_410, 100.0);
        assert_eq!(
            kept.apply(&waveform, 1_600),
            computed.apply(&waveform, 1_600)
        );
        assert!(Filter::new(16_001, 9_001).rows.is_empty());
    }

    #[test]
    fn short_waveforms_and_equal_rates() {
        let resampler = Resampler::new(16_000);
        assert!(resampler.apply(Vec::new(), 8_000).is_empty());
        assert_eq!(resampler.apply(vec![0.25], 16_000), [0.25]);
        let two = resampler.apply(vec![1.0], 8_000);
        assert_eq!(two.len(), 2);
        assert_eq!(resampler.apply(vec![1.0], 48_000).len(), 1);
        assert_eq!(resampler.length(3, 44_100), 2);
        for from in 1_000..1_040 {
            resampler.apply(vec![0.0; 4], from);
        }
        assert_eq!(resampler.filters.lock().unwrap().len(), MOST_FILTERS);
    }
}
