//! Corruption of tables by their own values.

use super::matrix::Matrix;
use crate::{DataError, SampleRng};

/// Replaces features of a row by those of other rows, the corruption of SCARF (Bahri, Jiang, Tay and Metzler 2022, "SCARF: Self-supervised
/// contrastive learning using random feature corruption").
///
/// Each feature is replaced, independently, with the probability `p`, by that feature of a row that is drawn uniformly from the table: a draw
/// from its empirical marginal distribution, which may be the value it has. All columns of a feature are replaced together, so that a one-hot
/// category stays one. The paper corrupts 60 % of the features, `SwapNoise::default()`; it draws exactly that share of them, this each by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SwapNoise {
    p: f32,
}

impl Default for SwapNoise {
    fn default() -> Self {
        Self { p: Self::DEFAULT_P }
    }
}

impl SwapNoise {
    /// The share of the paper.
    pub const DEFAULT_P: f32 = 0.6;

    /// With the probability `p` for each feature.
    ///
    /// # Errors
    /// [`DataError::Config`] when it is not within 0..=1.
    pub fn new(p: f32) -> Result<Self, DataError> {
        if (0.0..=1.0).contains(&p) {
            return Ok(Self { p });
        }
        Err(DataError::config("p", "a number from 0 to 1", p))
    }

    /// Corrupts a row in place, with draws from `table`. The row need not be one of the table's, such as a row of a test set.
    ///
    /// # Panics
    /// If the row has not as many values as the table has columns, or the table has no rows.
    pub fn apply(&self, row: &mut [f32], table: &Matrix, mut rng: SampleRng) {
        assert_eq!(row.len(), table.width(), "values of a row");
        for feature in table.features() {
            // Both numbers are drawn for every feature, so that what one feature does moves no other.
            let (swap, other) = (rng.bool(self.p), rng.below(table.height() as u64));
            if swap {
                let other = table.row(other as usize);
                row[feature.clone()].copy_from_slice(&other[feature.clone()]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: usize = 40;

    /// Column 0 alone, columns 1 and 2 a feature, column 3 alone; every value of a column is its row's number plus 100 times the column's.
    fn table() -> Matrix {
        let names = (0..4).map(|column| column.to_string()).collect();
        let values = (0..ROWS * 4).map(|at| (at / 4 + at % 4 * 100) as f32);
        Matrix::of_features(names, vec![0..1, 1..3, 3..4], values.collect())
    }

    fn corrupted(noise: SwapNoise, row: usize, seed: u64) -> Vec<f32> {
        let table = table();
        let mut values = table.row(row).to_vec();
        noise.apply(
            &mut values,
            &table,
            SampleRng::new(seed, 0, row as u64, SampleRng::VIEW),
        );
        values
    }

    #[test]
    fn values_come_from_their_own_column_and_features_stay_whole() {
        for seed in 0..50 {
            let row = corrupted(SwapNoise::default(), 7, seed);
            for (column, value) in row.iter().enumerate() {
                let source = value - 100.0 * column as f32;
                assert!((0.0..ROWS as f32).contains(&source));
            }
            assert_eq!(row[1] + 100.0, row[2]);
            assert_eq!(row, corrupted(SwapNoise::default(), 7, seed));
        }
    }

    #[test]
    fn features_are_replaced_with_the_probability_and_each_by_itself() {
        let (mut replaced, mut both, mut sum) = ([0_u32; 3], 0_u32, 0.0_f64);
        let trials = 20_000;
        for seed in 0..trials {
            let row = corrupted(SwapNoise::default(), 7, seed);
            let changed = [row[0] != 7.0, row[1] != 107.0, row[3] != 307.0];
            for (count, changed) in replaced.iter_mut().zip(changed) {
                *count += u32::from(changed);
            }
            both += u32::from(changed[0] && changed[1]);
            sum += if changed[0] { f64::from(row[0]) } else { 0.0 };
        }
        // One draw in 40 is the value itself: p = 0.6 * 39 / 40 = 0.585; deviation 0.0035, 5 deviations.
        for count in replaced {
            let share = f64::from(count) / trials as f64;
            assert!((share - 0.585).abs() < 0.0175, "{share}");
        }
        let share = f64::from(both) / trials as f64;
        assert!((share - 0.585 * 0.585).abs() < 0.0175, "{share}");
        // What replaces is uniform over the other rows: their mean is (780 - 7) / 39, its deviation here 0.11.
        let mean = sum / f64::from(replaced[0]);
        assert!((mean - 773.0 / 39.0).abs() < 0.55, "{mean}");
    }

    #[test]
    fn the_ends_replace_nothing_and_all() {
        assert_eq!(
            corrupted(SwapNoise::new(0.0).unwrap(), 3, 1),
            table().row(3)
        );
        let all = (0..50).map(|seed| corrupted(SwapNoise::new(1.0).unwrap(), 3, seed));
        let kept = all.filter(|row| row[0] == 3.0).count();
        // 50 draws of 1 in 40.
        assert!(kept <= 8, "{kept}");
        for p in [-0.1, 1.1, f32::NAN] {
            assert!(SwapNoise::new(p).is_err());
        }
    }
}
