//! Columns that give the labels away, so that what is measured with them is too good.

use std::collections::{BTreeMap, BTreeSet};

use super::form::NumberForm;
use super::items::TableItems;
use super::row::Cell;
use crate::Labelled;
use crate::same_value::same_value;

/// Fewer rows may agree with their labels by chance.
const MIN_ROWS: usize = 20;

/// So many rows stand beside each value, or each class, of a column that tells labels by more than chance.
const ROWS_EACH: usize = 10;

/// One row in so many may be wrong, and one in so many of those that are wrong when the most frequent class is told.
const WRONG: usize = 100;
const LEFT_WRONG: usize = 20;

/// A column that tells the labels.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Giveaway {
    pub name: String,
    /// Whether it is the labels in other words: each value stands beside one class alone, and each class beside one value.
    pub is_copy: bool,
    /// A value with its class, or how many labels it tells.
    pub example: String,
}

impl TableItems {
    /// The columns that tell the labels of some rows, their numbers written in these forms.
    pub(super) fn giveaways(&self, rows: &[usize], forms: &[NumberForm]) -> Vec<Giveaway> {
        let labelled: Vec<(usize, u32)> = rows
            .iter()
            .filter_map(|row| Some((*row, self.labels[*row]?)))
            .collect();
        let columns = self.table.columns().iter().zip(forms).enumerate();
        let others = columns.filter(|(_, (name, _))| Some(*name) != self.label_column.as_ref());
        let giveaway = |(place, (name, form)): (usize, (&String, &NumberForm))| {
            let cells = labelled.iter().map(|(row, class)| {
                let cell = self.table.rows()[*row].cell(place);
                (cell, *class)
            });
            let present: Vec<(Cell<'_>, u32)> =
                cells.filter(|(cell, _)| !cell.is_missing()).collect();
            if present.len() < MIN_ROWS || present.len() * 2 < labelled.len() {
                return None;
            }
            let name_shown = Cell::Text(name).shown();
            let told = Told::of(&present);
            if let Some((value, class)) = told.copy() {
                let class = &self.class_names()[class as usize];
                let example = format!("{name_shown}: {} = {class}", Cell::Text(value).shown());
                return Some(Giveaway {
                    name: name.clone(),
                    is_copy: true,
                    example,
                });
            }
            let right = match separates(&present, form) {
                true => present.len(),
                false => told.tells()?,
            };
            let example = format!("{name_shown}: {right} of {} labels", present.len());
            Some(Giveaway {
                name: name.clone(),
                is_copy: false,
                example,
            })
        };
        others.filter_map(giveaway).collect()
    }
}

/// How often each value stands beside each class.
struct Told {
    counts: BTreeMap<String, BTreeMap<u32, usize>>,
    classes: BTreeMap<u32, usize>,
    rows: usize,
}

impl Told {
    fn of(present: &[(Cell<'_>, u32)]) -> Self {
        let mut told = Self {
            counts: BTreeMap::new(),
            classes: BTreeMap::new(),
            rows: present.len(),
        };
        for (cell, class) in present {
            let name = cell.name().unwrap_or_default();
            let value = same_value(&name).into_owned();
            *told
                .counts
                .entry(value)
                .or_default()
                .entry(*class)
                .or_default() += 1;
            *told.classes.entry(*class).or_default() += 1;
        }
        told
    }

    /// A value with its class, if values and classes are pairs.
    fn copy(&self) -> Option<(&str, u32)> {
        let (value, classes) = self.counts.first_key_value()?;
        let (class, _) = classes.first_key_value()?;
        let pairs = self.counts.values().all(|classes| classes.len() == 1);
        let is_copy = pairs && self.classes.len() > 1 && self.counts.len() == self.classes.len();
        is_copy.then_some((value.as_str(), *class))
    }

    /// How many labels are those that stand most often beside their value, if that is nearly all, and more than chance has.
    fn tells(&self) -> Option<usize> {
        let most = |counts: &BTreeMap<u32, usize>| counts.values().copied().max().unwrap_or(0);
        let right: usize = self.counts.values().map(most).sum();
        let wrong = self.rows - right;
        let guessed_wrong = self.rows - most(&self.classes);
        let repeats = self.counts.len() * ROWS_EACH <= self.rows;
        let nearly_all = wrong * WRONG <= self.rows && wrong * LEFT_WRONG <= guessed_wrong;
        (repeats && nearly_all && self.classes.len() > 1).then_some(right)
    }
}

/// Whether the numbers of each class lie together, none of another between them.
fn separates(present: &[(Cell<'_>, u32)], form: &NumberForm) -> bool {
    let number = |(cell, class): &(Cell<'_>, u32)| {
        let number = form.read(*cell).filter(|number| number.is_finite())?;
        Some((number, *class))
    };
    let numbers: Option<Vec<(f64, u32)>> = present.iter().map(number).collect();
    let Some(mut numbers) = numbers else {
        return false;
    };
    numbers.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
    let classes: BTreeSet<u32> = numbers.iter().map(|(_, class)| *class).collect();
    let runs: Vec<&[(f64, u32)]> = numbers.chunk_by(|one, other| one.1 == other.1).collect();
    let apart = runs
        .windows(2)
        .all(|pair| match (pair[0].last(), pair[1].first()) {
            (Some(one), Some(other)) => one.0 < other.0,
            _ => true,
        });
    let large = runs.iter().all(|run| run.len() >= ROWS_EACH);
    classes.len() > 1 && runs.len() == classes.len() && large && apart
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Row, Table};

    #[track_caller]
    fn check(value: impl Fn(usize) -> String, is_copy: Option<bool>) {
        let rows = (0..80).map(|row| {
            let class = ["no", "yes"][usize::from(row % 4 == 0)];
            Row::from_cells(row as u64, [Cell::Text(&value(row)), Cell::Text(class)])
        });
        let columns = ["value", "label"].map(String::from).to_vec();
        let table = Table::new(columns, rows.collect()).unwrap();
        let items = TableItems::new(table, "t.csv", Some("label")).unwrap();
        let all: Vec<usize> = (0..80).collect();
        let forms = [NumberForm::Plain, NumberForm::Plain];
        let found = items.giveaways(&all, &forms);
        let found: Vec<bool> = found.iter().map(|column| column.is_copy).collect();
        assert_eq!(found, is_copy.into_iter().collect::<Vec<bool>>());
    }

    #[test]
    fn the_labels_in_other_words_are_a_copy() {
        check(
            |row| ["b", "a"][usize::from(row % 4 == 0)].into(),
            Some(true),
        );
        check(|row| ["0", "1.0", "0.0", "0"][row % 4].into(), None);
        check(|row| ["1", "0.0", "0", "0"][row % 4].into(), Some(true));
    }

    #[test]
    fn what_tells_nearly_all_labels_is_found() {
        check(|row| ["w", "x", "y", "z"][row % 4].into(), Some(false));
        check(
            |row| (row + 1000 * usize::from(row % 4 == 0)).to_string(),
            Some(false),
        );
    }

    #[test]
    fn what_tells_some_labels_is_not() {
        check(|row| row.to_string(), None);
        check(|row| (row / 10).to_string(), None);
        check(
            |row| ["w", "x", "y", "z"][(row + row / 20) % 4].into(),
            None,
        );
        check(|row| if row < 70 { "a" } else { "b" }.into(), None);
    }
}
