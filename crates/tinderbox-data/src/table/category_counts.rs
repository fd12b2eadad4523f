//! Counting categories in bounded memory.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use super::row::Cell;
use crate::Remark;
use crate::same_value::{Spellings, same_value};

/// The longest name that a category may have, in bytes.
const MAX_NAME: usize = 1024;

/// How often each category of a column occurs, for up to `limit` of them.
///
/// A column with more, or with a name of more than 1,024 bytes, is not one of categories: its counts are given up, so that memory stays
/// bounded and the result does not depend on the order of rows or on how parts are merged.
///
/// Spellings of one value, such as `True` and `TRUE` or `0` and `0.0`, are one category, known by the most frequent of them.
#[derive(Debug, Clone, PartialEq)]
pub struct CategoryCounts {
    limit: usize,
    /// By spelling.
    counts: HashMap<String, u64>,
    /// The form that all spellings of a category share.
    values: HashSet<String>,
    total: u64,
    missing: u64,
    given_up: bool,
}

impl CategoryCounts {
    /// As many categories as an encoder takes.
    pub const MAX_CATEGORIES: usize = 65_536;

    /// Counts of nothing yet, for at most `limit` categories.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            counts: HashMap::new(),
            values: HashSet::new(),
            total: 0,
            missing: 0,
            given_up: false,
        }
    }

    /// Takes one cell in.
    pub fn push(&mut self, cell: Cell<'_>) {
        if self.given_up {
            self.missing += u64::from(cell.is_missing());
            self.total += u64::from(!cell.is_missing());
            return;
        }
        match cell.name() {
            None => self.missing += 1,
            Some(name) => self.add(&name, 1),
        }
    }

    fn add(&mut self, name: &str, count: u64) {
        self.total += count;
        if self.given_up {
            return;
        }
        if let Some(known) = self.counts.get_mut(name) {
            *known += count;
        } else if self.counts.len() < self.limit && name.len() <= MAX_NAME {
            self.counts.insert(name.to_owned(), count);
            self.values.insert(same_value(name).into_owned());
        } else {
            self.give_up();
        }
    }

    fn give_up(&mut self) {
        self.given_up = true;
        self.counts = HashMap::new();
        self.values = HashSet::new();
    }

    /// Takes in all that `other` has seen. The smaller limit holds.
    pub fn merge(&mut self, other: &Self) {
        self.limit = self.limit.min(other.limit);
        self.missing += other.missing;
        if other.given_up || self.counts.len() > self.limit {
            self.give_up();
        }
        if self.given_up {
            self.total += other.total;
            return;
        }
        for (name, count) in &other.counts {
            self.add(name, *count);
        }
    }

    /// The most categories that are counted.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// How many cells had a value.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// How many cells had none.
    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// How many categories there are, nothing when there are more than the limit.
    pub fn distinct(&self) -> Option<usize> {
        (!self.given_up).then_some(self.values.len())
    }

    /// The categories with their counts, nothing when there are more than the limit. Numbers come first, by size, then text, by bytes.
    pub fn by_name(&self) -> Option<Vec<(&str, u64)>> {
        self.sorted(|a, b| by_name(a.0, b.0))
    }

    /// The categories with their counts, the most frequent first, nothing when there are more than the limit.
    pub fn by_count(&self) -> Option<Vec<(&str, u64)>> {
        self.sorted(|a, b| b.1.cmp(&a.1).then_with(|| by_name(a.0, b.0)))
    }

    /// That spellings of one value are one category; `what` they are is in the plural.
    pub(super) fn remark(&self, what: &str) -> Remark {
        self.spellings().remark(what)
    }

    fn spellings(&self) -> Spellings<'_> {
        Spellings::counted(self.counts.iter().map(|(name, count)| (&**name, *count)))
    }

    fn sorted(
        &self,
        order: impl Fn(&(&str, u64), &(&str, u64)) -> Ordering,
    ) -> Option<Vec<(&str, u64)>> {
        if self.given_up {
            return None;
        }
        let mut counts = HashMap::new();
        let spellings = self.spellings();
        for (name, count) in &self.counts {
            *counts.entry(spellings.name(name)).or_default() += count;
        }
        let mut all: Vec<(&str, u64)> = counts.into_iter().collect();
        all.sort_unstable_by(order);
        Some(all)
    }
}

/// Numbers by size, then text by bytes; "2" comes before "10".
fn by_name(a: &str, b: &str) -> Ordering {
    let number = |name: &str| name.parse::<f64>().ok().filter(|value| !value.is_nan());
    match (number(a), number(b)) {
        (Some(x), Some(y)) => x.total_cmp(&y).then_with(|| a.cmp(b)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counted(names: &[String], limit: usize) -> CategoryCounts {
        let mut counts = CategoryCounts::new(limit);
        for name in names {
            counts.push(Cell::Text(name));
        }
        counts
    }

    proptest! {
        #[test]
        fn parts_merged_are_the_whole(
            parts in prop::collection::vec(prop::collection::vec("[a-f]{1,2}", 0..20), 1..6), limit in 1_usize..30,
        ) {
            let whole = counted(&parts.concat(), limit);
            let mut merged = CategoryCounts::new(limit);
            for part in &parts {
                merged.merge(&counted(part, limit));
            }
            prop_assert_eq!(merged, whole);
        }
    }

    #[test]
    fn the_order_is_that_of_numbers_then_text() {
        let names = ["b", "10", "2", "-1.5", "a", "a"].map(String::from);
        let counts = counted(&names, 10);
        let order: Vec<&str> = counts
            .by_name()
            .unwrap()
            .iter()
            .map(|(name, _)| *name)
            .collect();
        assert_eq!(order, ["-1.5", "2", "10", "a", "b"]);
        assert_eq!(counts.by_count().unwrap()[0], ("a", 2));
        assert_eq!((counts.distinct(), counts.total()), (Some(5), 6));
    }

    #[test]
    fn spellings_of_one_value_are_one_category() {
        let names = [
            "True",
            "TRUE",
            "True",
            "0.0",
            "0",
            "caf\u{e9}",
            "cafe\u{301}",
        ];
        let counts = counted(&names.map(String::from), 10);
        let expected = [("0", 2), ("True", 3), ("cafe\u{301}", 2)];
        assert_eq!(counts.by_name().unwrap(), expected);
        assert_eq!(counts.distinct(), Some(3));
        assert_eq!(counts.remark("categories").count, 3);
    }

    #[test]
    fn too_many_or_too_long_names_are_given_up() {
        let names: Vec<String> = (0..4).map(|number| number.to_string()).collect();
        assert_eq!(counted(&names, 4).distinct(), Some(4));
        let given_up = counted(&names, 3);
        assert_eq!((given_up.distinct(), given_up.total()), (None, 4));
        assert!(given_up.by_count().is_none());
        assert_eq!(counted(&["x".repeat(1025)], 3).distinct(), None);
        assert_eq!(counted(&["x".repeat(1024)], 3).distinct(), Some(1));
    }

    #[test]
    fn missing_cells_are_counted_apart() {
        let mut counts = CategoryCounts::new(1);
        for cell in [
            Cell::Missing,
            Cell::Number(f64::NAN),
            Cell::Integer(1),
            Cell::Number(1.0),
        ] {
            counts.push(cell);
        }
        assert_eq!(
            (counts.missing(), counts.total(), counts.distinct()),
            (2, 2, Some(1))
        );
        counts.push(Cell::Text("x"));
        counts.push(Cell::Missing);
        assert_eq!(
            (counts.missing(), counts.total(), counts.distinct()),
            (3, 3, None)
        );
    }
}
