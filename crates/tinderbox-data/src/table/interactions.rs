//! What users did with items: ratings, clicks, purchases.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::date::check_unit;
use super::form::NumberForm;
use super::pipeline::{place, read_number, refused_cell};
use super::reader::RowReader;
use super::row::Row;
use crate::DataError;
use crate::error::memory;

/// Which columns of a table hold interactions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InteractionColumns {
    /// Who.
    pub user: String,
    /// With what.
    pub item: String,
    /// How well, if it was rated.
    pub rating: Option<String>,
    /// When, as a number in any unit that grows with time, or as a date ([`Cell::date`](super::Cell::date)).
    pub time: Option<String>,
}

/// A list of interactions, in the order of the table. The vectors have one entry for each.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Interactions {
    /// The user's number, below `user_names.len()`.
    pub users: Vec<u32>,
    /// The item's number, below `item_names.len()`.
    pub items: Vec<u32>,
    /// The rating, finite.
    pub ratings: Option<Vec<f32>>,
    /// The time, finite, of dates in seconds since 1970; [`time_split`](crate::time_split) takes it.
    pub times: Option<Vec<f64>>,
    /// By number, in the order in which users first appear.
    pub user_names: Vec<String>,
    /// By number, in the order in which items first appear.
    pub item_names: Vec<String>,
}

impl Interactions {
    /// Reads all rows that are left.
    ///
    /// # Errors
    /// [`DataError::Config`] for a column that the table does not have; [`DataError::Line`] for a row without a user or an item, with a rating
    /// or a time that is no finite number; [`DataError::Column`] for times of which some are dates and some are numbers; [`DataError::Empty`] when there are no rows; those of reading.
    pub fn read<'a>(
        reader: &mut dyn RowReader,
        columns: &'a InteractionColumns,
    ) -> Result<Self, DataError> {
        let names = reader.columns();
        let (user, item) = (found(names, &columns.user)?, found(names, &columns.item)?);
        let optional = |name: &'a Option<String>| name.as_deref().map(|name| found(names, name));
        let rating = optional(&columns.rating).transpose()?;
        let time = optional(&columns.time).transpose()?;
        let (mut users, mut items) = (Names::default(), Names::default());
        let mut all = Self {
            ratings: rating.map(|_| Vec::new()),
            times: time.map(|_| Vec::new()),
            ..Self::default()
        };
        let mut dates = 0;
        let path = reader.path().to_path_buf();
        let mut row = Row::new();
        while reader.read(&mut row)? {
            let mut add = || {
                all.users.push(users.number(&row, user)?);
                all.items.push(items.number(&row, item)?);
                if let (Some(ratings), Some(rating)) = (&mut all.ratings, rating) {
                    let number = row.cell(rating.0).number();
                    ratings.push(finite(&row, rating, number, "a finite number")? as f32);
                }
                if let (Some(times), Some(time)) = (&mut all.times, time) {
                    let cell = row.cell(time.0);
                    let number = read_number(cell, &NumberForm::Plain, false).ok();
                    times.push(finite(&row, time, number, "a finite number or a date")?);
                    dates += u64::from(cell.date().is_some());
                }
                Ok(())
            };
            add().map_err(|error: DataError| error.at(&path))?;
        }
        if all.users.is_empty() {
            return Err(DataError::Empty {
                path: memory(),
                what: "interactions",
                ignored: 0,
            }
            .at(&path));
        }
        if let (Some(times), Some((_, name))) = (&all.times, time) {
            check_unit(dates, times.len() as u64).map_err(|error| error.of_column(name))?;
        }
        (all.user_names, all.item_names) = (users.names, items.names);
        Ok(all)
    }

    /// The number of interactions.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }
}

/// A column with its place.
type Found<'a> = (usize, &'a str);

fn found<'a>(columns: &[String], name: &'a str) -> Result<Found<'a>, DataError> {
    Ok((place(columns, "column", name)?, name))
}

/// Names with the numbers in which they came.
#[derive(Default)]
struct Names {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Names {
    fn number(&mut self, row: &Row, (place, column): Found<'_>) -> Result<u32, DataError> {
        let cell = row.cell(place);
        let Some(name) = cell.name() else {
            return Err(refused_cell(row, column, "a name".to_owned(), cell));
        };
        if let Some(number) = self.numbers.get(&*name) {
            return Ok(*number);
        }
        let Ok(number) = u32::try_from(self.names.len()) else {
            let expected = "at most 2^32 names".to_owned();
            return Err(refused_cell(row, column, expected, cell));
        };
        self.names.push(name.clone().into_owned());
        self.numbers.insert(name.into_owned(), number);
        Ok(number)
    }
}

/// The number that was read in a cell, if that is finite.
fn finite(
    row: &Row,
    (place, column): Found<'_>,
    number: Option<f64>,
    expected: &str,
) -> Result<f64, DataError> {
    number
        .filter(|value| (*value as f32).is_finite())
        .ok_or_else(|| refused_cell(row, column, expected.to_owned(), row.cell(place)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Cell, Table};

    fn table(rows: Vec<[Cell<'static>; 4]>) -> Table {
        let columns = ["who", "what", "stars", "when"].map(String::from).to_vec();
        let rows = (2..)
            .zip(rows)
            .map(|(line, cells)| Row::from_cells(line, cells));
        Table::new(columns, rows.collect()).unwrap()
    }

    fn columns() -> InteractionColumns {
        InteractionColumns {
            user: "who".to_owned(),
            item: "what".to_owned(),
            rating: Some("stars".to_owned()),
            time: Some("when".to_owned()),
        }
    }

    #[test]
    fn names_get_dense_numbers_in_order() {
        let (a, b) = (Cell::Text("ann"), Cell::Text("ben"));
        let rows = vec![
            [b, Cell::Integer(70), Cell::Text("4.5"), Cell::Integer(9)],
            [a, Cell::Integer(7), Cell::Number(1.0), Cell::Number(8.5)],
            [b, Cell::Integer(7), Cell::Integer(3), Cell::Integer(7)],
        ];
        let table = table(rows);
        let got = Interactions::read(&mut table.reader(), &columns()).unwrap();
        assert_eq!(
            (&got.users[..], &got.items[..]),
            (&[0, 1, 0][..], &[0, 1, 1][..])
        );
        assert_eq!(got.user_names, ["ben", "ann"]);
        assert_eq!(got.item_names, ["70", "7"]);
        assert_eq!(got.ratings.as_deref(), Some(&[4.5, 1.0, 3.0][..]));
        assert_eq!(got.times.as_deref(), Some(&[9.0, 8.5, 7.0][..]));
        let plain = InteractionColumns {
            rating: None,
            time: None,
            ..columns()
        };
        let got = Interactions::read(&mut table.reader(), &plain).unwrap();
        assert_eq!((got.len(), got.ratings, got.times), (3, None, None));
    }

    #[track_caller]
    fn refused(cells: [Cell<'static>; 4], expected: &str) {
        let table = table(vec![cells]);
        let error = Interactions::read(&mut table.reader(), &columns()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let (name, one) = (Cell::Text("a"), Cell::Integer(1));
        refused(
            [Cell::Missing, name, one, one],
            "<memory>:2: column `who`: expected a name, got no value",
        );
        refused(
            [name, name, Cell::Text("good"), one],
            "<memory>:2: column `stars`: expected a finite number, got `good`",
        );
        refused(
            [name, name, Cell::Missing, one],
            "<memory>:2: column `stars`: expected a finite number, got no value",
        );
        refused(
            [name, name, one, Cell::Number(f64::INFINITY)],
            "<memory>:2: column `when`: expected a finite number or a date, got `inf`",
        );
        let error = Interactions::read(&mut table(vec![]).reader(), &columns()).unwrap_err();
        assert!(matches!(error, DataError::Empty { .. }));
        let other = InteractionColumns {
            item: "which".to_owned(),
            ..columns()
        };
        let error = Interactions::read(&mut table(vec![]).reader(), &other).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`column` is `which`, expected one of `who`, `what`, `stars`, `when`"
        );
    }
}
