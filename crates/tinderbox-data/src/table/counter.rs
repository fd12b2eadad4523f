//! Whether whole numbers say nothing but which row they stand in.

use std::collections::HashSet;

/// Fewer rows are in order, or different, by chance.
const MIN_ROWS: u64 = 20;

/// Numbers in order are too far apart to count rows if there are so many times as many between the first and the last.
const SPARSE: f64 = 100.0;

/// Numbers drawn by chance would repeat, unless by an accident of less than one in a million: e to the minus 14.
const SURE: f64 = 14.0;

/// Looks for numbers that count rows, with gaps or in any order, as identifiers and the index of a table do.
///
/// Memory is that of the numbers until the first that repeats.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Counter {
    /// The numbers so far; nothing once one repeats or is not whole.
    seen: Option<HashSet<i64>>,
    last: Option<i64>,
    rising: bool,
    falling: bool,
}

impl Default for Counter {
    fn default() -> Self {
        Self {
            seen: Some(HashSet::new()),
            last: None,
            rising: true,
            falling: true,
        }
    }
}

impl Counter {
    /// Takes the next number in.
    pub fn push(&mut self, value: f64) {
        let Some(seen) = &mut self.seen else {
            return;
        };
        let number = value as i64;
        if value.fract() != 0.0 || value.abs() >= 9e15 || !seen.insert(number) {
            self.seen = None;
            return;
        }
        if let Some(last) = self.last.replace(number) {
            self.rising &= number > last;
            self.falling &= number < last;
        }
    }

    /// Whether the numbers count rows.
    pub fn counts_rows(&self) -> bool {
        let Some(seen) = &self.seen else {
            return false;
        };
        let count = seen.len() as u64;
        let (Some(least), Some(most)) = (seen.iter().min(), seen.iter().max()) else {
            return false;
        };
        let (range, count_f) = ((most - least + 1) as f64, count as f64);
        let in_order = (self.rising || self.falling) && range <= SPARSE * count_f;
        // By chance, n different of so many numbers have the probability exp(-n^2 / 2 range), about.
        let unlikely = count_f * count_f / (2.0 * range) >= SURE;
        count >= MIN_ROWS && (range == count_f || in_order || unlikely)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(numbers: impl IntoIterator<Item = f64>, expected: bool) {
        let mut counter = Counter::default();
        numbers.into_iter().for_each(|number| counter.push(number));
        assert_eq!(counter.counts_rows(), expected);
    }

    #[test]
    fn numbers_that_count_rows_are_found() {
        let numbers = || (0..90).map(f64::from);
        check(numbers(), true);
        check(numbers().rev(), true);
        check(numbers().filter(|number| number % 3.0 != 1.0), true);
        check((0..89).map(|row| f64::from(row * 37 % 89)), true);
        check(
            (0..89)
                .map(|row| f64::from(row * 37 % 89))
                .filter(|number| number % 3.0 != 1.0),
            true,
        );
    }

    #[test]
    fn measures_are_none() {
        check((0..10).map(f64::from), false);
        check((0..90).map(|row| f64::from(row % 50)), false);
        check((0..90).map(|row| f64::from(row) + 0.5), false);
        check((0..90).map(|row| f64::from(row * 7919 % 10_007)), false);
        check((0..30).map(|row: i32| f64::from(row).powi(6)), false);
    }
}
