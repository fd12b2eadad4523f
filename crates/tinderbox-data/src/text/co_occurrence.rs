//! Which words occur near each other.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::path::PathBuf;

use super::sorted_runs::{Merge, SortedRuns};
use crate::DataError;

/// The widest window: the least common multiple of `1..=40` still leaves 2^75 for the counts in 128 bits.
const WIDEST: usize = 40;

/// How co-occurrences are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoOccurrenceConfig {
    /// How many words back a window reaches, 1 to 40. GloVe's value is 15.
    pub window: usize,
    /// Whether words behind the centre count like those before it.
    pub symmetric: bool,
    /// The most pairs held in memory, about 100 bytes each while they are sorted; when there are as many they are written to disk. A
    /// symmetric window counts both orders of two words as one pair here.
    pub max_pairs: usize,
    /// The folder for what does not fit memory: 24 bytes for each pair of each run, and twice that while runs are merged.
    pub folder: PathBuf,
}

impl Default for CoOccurrenceConfig {
    /// Pennington et al. 2014, "GloVe", section 4.2, and its program: 15 words to each side. 16 million pairs take about 1.6 GB.
    fn default() -> Self {
        Self {
            window: 15,
            symmetric: true,
            max_pairs: 1 << 24,
            folder: std::env::temp_dir(),
        }
    }
}

/// Counts co-occurrences for GloVe in bounded memory: two words at distance `d` add `1 / d`.
///
/// Sums are kept as whole multiples of one over the least common multiple of `1..=window`, so they are exact and do
/// not depend on the order of the sentences, on the bound or on what was spilled.
///
/// ```
/// use tinderbox_data::text::{CoOccurrenceConfig, CoOccurrenceCounter};
/// let mut counter = CoOccurrenceCounter::new(CoOccurrenceConfig { window: 2, symmetric: false, ..Default::default() })?;
/// counter.add(&[5, 6, 7])?;
/// let pairs = counter.finish()?.collect::<Result<Vec<_>, _>>()?;
/// let pairs: Vec<_> = pairs.iter().map(|pair| (pair.centre, pair.context, pair.weight)).collect();
/// assert_eq!(pairs, [(6, 5, 1.0), (7, 5, 0.5), (7, 6, 1.0)]);
/// # Ok::<(), tinderbox_data::DataError>(())
/// ```
#[derive(Debug)]
pub struct CoOccurrenceCounter {
    window: usize,
    symmetric: bool,
    max_pairs: usize,
    /// The sum that stands for a weight of 1.
    one: u64,
    /// The sums by the pair's two ids in one number; of a symmetric window by the smaller id, then the larger.
    pairs: HashMap<u64, u128, BuildHasherDefault<PairHasher>>,
    /// The most pairs ever held, for the test of the bound.
    most: usize,
    runs: SortedRuns,
}

impl CoOccurrenceCounter {
    /// A counter without pairs.
    ///
    /// # Errors
    /// [`DataError::Config`] if the window is not in `1..=40` or `max_pairs` is 0.
    pub fn new(config: CoOccurrenceConfig) -> Result<Self, DataError> {
        let CoOccurrenceConfig {
            window,
            symmetric,
            max_pairs,
            folder,
        } = config;
        if !(1..=WIDEST).contains(&window) {
            let expected = format!("a number from 1 to {WIDEST}");
            return Err(DataError::config("window", expected, window));
        }
        if max_pairs == 0 {
            return Err(DataError::config("max_pairs", "at least 1", max_pairs));
        }
        Ok(Self {
            window,
            symmetric,
            max_pairs,
            one: (1..=window as u64).fold(1, |multiple, n| multiple / gcd(multiple, n) * n),
            pairs: HashMap::default(),
            most: 0,
            runs: SortedRuns::new(folder),
        })
    }

    /// Counts the pairs of one sentence or document; windows do not reach beyond it.
    ///
    /// # Errors
    /// [`DataError::Io`] if pairs cannot be written to disk; what was counted is then incomplete.
    pub fn add(&mut self, words: &[u32]) -> Result<(), DataError> {
        for (place, centre) in words.iter().enumerate() {
            let before = words[place.saturating_sub(self.window)..place].iter().rev();
            for (context, distance) in before.zip(1..) {
                let weight = u128::from(self.one / distance);
                // Both orders have the same sum.
                let pair = match self.symmetric {
                    true => [*centre.min(context), *centre.max(context)],
                    false => [*centre, *context],
                };
                let key = u64::from(pair[0]) << 32 | u64::from(pair[1]);
                *self.pairs.entry(key).or_default() += weight;
                self.most = self.most.max(self.pairs.len());
                if self.pairs.len() >= self.max_pairs {
                    self.spill()?;
                }
            }
        }
        Ok(())
    }

    /// Writes the pairs to disk, in order, those of a symmetric window in both orders.
    fn spill(&mut self) -> Result<(), DataError> {
        let mut entries = Vec::with_capacity(self.pairs.len() * (1 + usize::from(self.symmetric)));
        for (key, sum) in self.pairs.drain() {
            let pair = ((key >> 32) as u32, key as u32);
            match self.symmetric {
                // A word near itself is seen from both places.
                true if pair.0 == pair.1 => entries.push((pair, 2 * sum)),
                true => entries.extend([(pair, sum), ((pair.1, pair.0), sum)]),
                false => entries.push((pair, sum)),
            }
        }
        entries.sort_unstable_by_key(|(pair, _)| *pair);
        self.runs.push(entries.into_iter())
    }

    /// The pairs, ascending by centre, then by context, each once.
    ///
    /// # Errors
    /// [`DataError::Io`] if pairs cannot be written to disk or read from it.
    pub fn finish(mut self) -> Result<CoOccurrences, DataError> {
        if !self.pairs.is_empty() {
            self.spill()?;
        }
        // Its memory is not needed while the runs are merged.
        self.pairs = HashMap::default();
        Ok(CoOccurrences {
            merge: self.runs.merge()?,
            one: self.one as f64,
        })
    }
}

/// Two words that occur near each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CoOccurrence {
    /// The word whose window it is, the row of GloVe's matrix.
    pub centre: u32,
    /// The word in it.
    pub context: u32,
    /// The sum of one over their distances.
    pub weight: f64,
}

/// Iterates over counted pairs, ascending by centre, then by context; at most 64 runs of 64 KiB each are in memory.
#[derive(Debug)]
pub struct CoOccurrences {
    merge: Merge,
    one: f64,
}

impl Iterator for CoOccurrences {
    type Item = Result<CoOccurrence, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.merge.next()?;
        Some(entry.map(|((centre, context), sum)| CoOccurrence {
            centre,
            context,
            weight: sum as f64 / self.one,
        }))
    }
}

/// Hashes a number by the two halves of its product with an odd number: pairs come in no order that somebody else chose.
#[derive(Debug, Default)]
struct PairHasher(u64);

impl Hasher for PairHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0 ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        let product = u128::from(number ^ 0x9e37_79b9_7f4a_7c15) * 0xd1b5_4a32_d192_ed03;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SampleRng;

    fn corpus() -> Vec<Vec<u32>> {
        let mut rng = SampleRng::new(2, 0, 0, 50);
        let mut sentence = || {
            let length = rng.below(30);
            (0..length).map(|_| rng.below(40) as u32).collect()
        };
        (0..60).map(|_| sentence()).collect()
    }

    fn counter(max_pairs: usize) -> CoOccurrenceCounter {
        let config = CoOccurrenceConfig {
            window: 7,
            max_pairs,
            ..CoOccurrenceConfig::default()
        };
        let mut counter = CoOccurrenceCounter::new(config).unwrap();
        for sentence in corpus() {
            counter.add(&sentence).unwrap();
        }
        counter
    }

    #[test]
    fn memory_is_bounded_and_spilling_changes_nothing() {
        let all = |counter: CoOccurrenceCounter| -> Vec<_> {
            counter.finish().unwrap().map(Result::unwrap).collect()
        };
        let whole = counter(usize::MAX);
        let distinct = whole.pairs.len();
        let expected = all(whole);
        let with_itself = expected
            .iter()
            .filter(|pair| pair.centre == pair.context)
            .count();
        assert_eq!(expected.len(), 2 * distinct - with_itself);
        for max_pairs in [1, 10, 137, distinct, distinct + 1] {
            let counter = counter(max_pairs);
            assert_eq!(counter.most, max_pairs.min(distinct));
            assert_eq!(all(counter), expected);
        }
    }

    #[test]
    fn settings_are_checked() {
        for (window, max_pairs) in [(0, 1), (41, 1), (5, 0)] {
            let config = CoOccurrenceConfig {
                window,
                max_pairs,
                ..CoOccurrenceConfig::default()
            };
            assert!(CoOccurrenceCounter::new(config).is_err());
        }
        let widest = CoOccurrenceConfig {
            window: 40,
            ..CoOccurrenceConfig::default()
        };
        assert_eq!(
            CoOccurrenceCounter::new(widest).unwrap().one,
            5_342_931_457_063_200
        );
    }
}
