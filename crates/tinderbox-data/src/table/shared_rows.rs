//! Rows that two tables have in common, whatever their files.

use std::collections::HashMap;

use super::form::NumberForm;
use super::items::TableItems;
use super::row::Cell;
use crate::leak::{Leak, Leaks, Same, short};
use crate::same_value::same_value;
use crate::{DataError, Ledger, Remark};

/// Finds which rows of `test` are in `train`: those whose values are equal in all columns that both have. Numbers are equal however they are
/// written, text whatever its spelling, and columns that only count rows are passed over. What is passed over is remarked on.
///
/// # Errors
/// [`DataError::Config`] when the tables have no column in common.
pub fn shared_rows(train: &TableItems, test: &TableItems) -> Result<(Leaks, Ledger), DataError> {
    let (own, theirs) = (train.table().columns(), test.table().columns());
    let common: Vec<&String> = own
        .iter()
        .filter(|column| theirs.contains(column))
        .collect();
    if common.is_empty() {
        let expected = format!("a table with some of the columns {}", own.join(", "));
        return Err(DataError::config("columns", expected, theirs.join(", ")));
    }
    let (of_train, of_test) = (Typed::new(train)?, Typed::new(test)?);
    let counts = |column: &&&String| !(of_train.counts(column) && of_test.counts(column));
    let told: Vec<&String> = common.iter().filter(counts).copied().collect();
    let mut ledger = Ledger::default();
    let compared = match told.is_empty() {
        true => common.clone(),
        false => told,
    };
    let passed = |columns: &[String]| -> Vec<String> {
        let others = columns.iter().filter(|column| !compared.contains(column));
        others.map(|column| Cell::Text(column).shown()).collect()
    };
    for (which, columns) in [("training", own), ("test", theirs)] {
        let passed = passed(columns);
        let becomes = format!(
            "of the {which} table are not compared: the other table lacks them, or they only count rows"
        );
        ledger.add(
            Remark::new("columns", passed.len(), becomes)
                .of(columns.len())
                .examples(passed),
        );
    }
    let mut places = HashMap::new();
    let mut leaks = Leaks::default();
    for (row, key) in of_train.keys(&compared) {
        match key {
            Ok(key) => {
                places.entry(key).or_insert(row);
            }
            Err(error) => leaks.unreadable_train.push((row, error)),
        }
    }
    for (row, key) in of_test.keys(&compared) {
        match key {
            Ok(key) => leaks.found.extend(places.get(&key).map(|train| Leak {
                test: row,
                train: *train,
                same: Same::Values,
            })),
            Err(error) => leaks.unreadable_test.push((row, error)),
        }
    }
    Ok((leaks, ledger))
}

/// A table with what its columns are.
struct Typed<'t> {
    items: &'t TableItems,
    forms: Vec<NumberForm>,
    counters: Vec<bool>,
}

impl<'t> Typed<'t> {
    fn new(items: &'t TableItems) -> Result<Self, DataError> {
        let rows: Vec<usize> = (0..items.table().rows().len()).collect();
        let profile = items.profile(&rows)?;
        let columns = profile.columns.iter();
        Ok(Self {
            items,
            forms: columns.clone().map(|column| column.form.clone()).collect(),
            counters: columns.map(|column| column.counter.counts_rows()).collect(),
        })
    }

    fn place(&self, column: &str) -> Option<usize> {
        let columns = self.items.table().columns();
        columns.iter().position(|own| own == column)
    }

    fn counts(&self, column: &str) -> bool {
        self.place(column).is_some_and(|place| self.counters[place])
    }

    /// What tells each row from others by these columns.
    fn keys(&self, columns: &[&String]) -> impl Iterator<Item = (usize, Result<u128, DataError>)> {
        let places: Vec<usize> = columns
            .iter()
            .filter_map(|column| self.place(column))
            .collect();
        let count = self.items.table().rows().len();
        (0..count).map(move |index| {
            let key = self.items.row(index).map(|row| {
                let mut hasher = blake3::Hasher::new();
                for &place in &places {
                    add(&mut hasher, row.cell(place), &self.forms[place]);
                }
                short(&hasher)
            });
            (index, key)
        })
    }
}

fn add(hasher: &mut blake3::Hasher, cell: Cell<'_>, form: &NumberForm) {
    let mut number = |value: f64| {
        // A file of 32 bits and one of text hold the same fraction; whole numbers are exact in both.
        let value = if value.fract() == 0.0 {
            value
        } else {
            f64::from(value as f32)
        };
        hasher.update(b"n").update(&(value + 0.0).to_le_bytes());
    };
    match (form.read(cell), cell.name()) {
        (Some(value), _) if value.is_nan() => {
            hasher.update(b"-");
        }
        (Some(value), _) => number(value),
        (None, name) => {
            let name = name.unwrap_or_default();
            let name = same_value(&name);
            hasher
                .update(b"t")
                .update(&(name.len() as u64).to_le_bytes());
            hasher.update(name.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::TableOptions;

    fn read(text: &str) -> TableItems {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, text).unwrap();
        TableItems::read(&path, &TableOptions::default(), None).unwrap()
    }

    #[test]
    fn rows_are_compared_by_value_in_the_columns_in_common() {
        let train = read("a,b,c\n1.50,red,x\n2,blue,y\n0.25,red,z\n");
        let test = read("b;a;d\nred ;1,5;1\nblue;3,25;2\nred;0,25;9\n");
        let (leaks, ledger) = shared_rows(&train, &test).unwrap();
        let found: Vec<_> = leaks
            .found
            .iter()
            .map(|leak| (leak.test, leak.train))
            .collect();
        assert_eq!(found, [(0, 0), (2, 2)]);
        assert_eq!(ledger.remarks().len(), 2, "{ledger:?}");
        assert!(shared_rows(&train, &read("e\n1\n")).is_err());
    }

    #[test]
    fn what_counts_rows_tells_nothing() {
        let rows = |from: usize| -> String {
            (0..30)
                .map(|row| format!("{},{}\n", from + row, row * row % 17))
                .collect()
        };
        let (train, test) = (
            read(&format!("id,x\n{}", rows(0))),
            read(&format!("id,x\n{}", rows(500))),
        );
        assert_eq!(shared_rows(&train, &test).unwrap().0.found.len(), 30);
    }
}
