//! One row of a table as it was read.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::date;

/// One value of a table, as its file has it.
///
/// Text formats without types give text even for numbers: `number` reads it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// No value.
    Missing,
    /// A whole number.
    Integer(i64),
    /// A number; NaN counts as missing.
    Number(f64),
    /// Text.
    Text(&'a str),
}

impl<'a> Cell<'a> {
    /// The value as a number: NaN when it is missing, nothing when it is text that is no number.
    ///
    /// Text may have spaces around it. A whole number beyond 2^53 is rounded.
    pub fn number(self) -> Option<f64> {
        match self {
            Self::Missing => Some(f64::NAN),
            Self::Integer(value) => Some(value as f64),
            Self::Number(value) => Some(value),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }

    /// The moment that text says as a date of ISO 8601: seconds since 1970-01-01T00:00:00Z, nothing for what is no such date.
    ///
    /// It reads `2024-05-17`, `2024-05-17T12:30:00Z`, `2024-05-17 12:30:00.25+02:00`; what has no offset is UTC. A month alone,
    /// `2024-05`, is none, nor are dates that the calendar does not have, leap seconds and other orders of day, month and year.
    ///
    /// ```
    /// use tinderbox_data::table::Cell;
    /// assert_eq!(Cell::Text("1970-01-02T00:30:00+01:00").date(), Some(84_600.0));
    /// assert_eq!(Cell::Text("2023-02-29").date(), None);
    /// ```
    pub fn date(self) -> Option<f64> {
        match self {
            Self::Missing | Self::Integer(_) | Self::Number(_) => None,
            Self::Text(text) => date::parse(text),
        }
    }

    /// The value as the name of a category, nothing when it is missing. A number is written in the shortest form that reads back.
    pub fn name(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Missing => None,
            Self::Integer(value) => Some(value.to_string().into()),
            Self::Number(value) if value.is_nan() => None,
            Self::Number(value) => Some(value.to_string().into()),
            Self::Text(text) => Some(text.into()),
        }
    }

    /// Whether there is no value.
    pub fn is_missing(self) -> bool {
        match self {
            Self::Missing => true,
            Self::Number(value) => value.is_nan(),
            Self::Integer(_) | Self::Text(_) => false,
        }
    }

    /// What an error says of the value: at most 40 characters of it.
    pub(super) fn shown(self) -> String {
        match self.name() {
            None => "no value".to_owned(),
            Some(name) => {
                let short: String = name.chars().take(40).collect();
                let more = if short.len() < name.len() { "..." } else { "" };
                format!("`{}{more}`", short.escape_debug())
            }
        }
    }
}

/// One value that a fitted pipeline gives back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// No value.
    Missing,
    /// A category that was folded into "other", or was not known.
    Other,
    /// A number.
    Number(f64),
    /// The name of a category.
    Text(String),
}

impl Value {
    /// The cell that reads as this value; that of `Other` is text that says so.
    pub fn as_cell(&self) -> Cell<'_> {
        match self {
            Self::Missing => Cell::Missing,
            Self::Other => Cell::Text("<other>"),
            Self::Number(value) => Cell::Number(*value),
            Self::Text(text) => Cell::Text(text),
        }
    }
}

/// The cells of one row, in memory that is used again for the next.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    text: String,
    cells: Vec<Stored>,
    line: u64,
}

/// A cell whose text lies in the row.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stored {
    Missing,
    Integer(i64),
    Number(f64),
    Text { from: usize, to: usize },
}

impl Row {
    /// A row without cells.
    pub fn new() -> Self {
        Self::default()
    }

    /// A row with these cells, for tables made by code.
    pub fn from_cells<'a>(line: u64, cells: impl IntoIterator<Item = Cell<'a>>) -> Self {
        let mut row = Self::new();
        row.restart(line);
        for cell in cells {
            row.push(cell);
        }
        row
    }

    /// Removes all cells; those to come are of `line`.
    pub fn restart(&mut self, line: u64) {
        self.text.clear();
        self.cells.clear();
        self.line = line;
    }

    /// Adds a cell at the end.
    pub fn push(&mut self, cell: Cell<'_>) {
        let stored = self.store(cell);
        self.cells.push(stored);
    }

    /// Puts a cell at a place that is there already; the text of the old one keeps its memory until `restart`.
    ///
    /// # Panics
    /// If there is no such cell.
    pub fn set(&mut self, index: usize, cell: Cell<'_>) {
        self.cells[index] = self.store(cell);
    }

    fn store(&mut self, cell: Cell<'_>) -> Stored {
        match cell {
            Cell::Missing => Stored::Missing,
            Cell::Integer(value) => Stored::Integer(value),
            Cell::Number(value) => Stored::Number(value),
            Cell::Text(text) => {
                let from = self.text.len();
                self.text.push_str(text);
                Stored::Text {
                    from,
                    to: self.text.len(),
                }
            }
        }
    }

    /// The cell of a column.
    ///
    /// # Panics
    /// If there is no such cell.
    pub fn cell(&self, index: usize) -> Cell<'_> {
        match self.cells[index] {
            Stored::Missing => Cell::Missing,
            Stored::Integer(value) => Cell::Integer(value),
            Stored::Number(value) => Cell::Number(value),
            Stored::Text { from, to } => Cell::Text(&self.text[from..to]),
        }
    }

    /// All cells in order.
    pub fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        (0..self.cells.len()).map(|index| self.cell(index))
    }

    /// The number of cells.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there are no cells.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Where the row stands in its file: the line, from 1; in a file without lines, the row.
    pub fn line(&self) -> u64 {
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_come_back_and_memory_is_used_again() {
        let cells = [
            Cell::Text("Ä"),
            Cell::Missing,
            Cell::Integer(-3),
            Cell::Text(""),
            Cell::Number(0.5),
        ];
        let mut row = Row::from_cells(7, cells);
        assert_eq!(row.cells().collect::<Vec<_>>(), cells);
        assert_eq!((row.line(), row.len()), (7, 5));
        row.set(1, Cell::Text("now"));
        assert_eq!(row.cell(1), Cell::Text("now"));
        assert_eq!(row.cell(0), Cell::Text("Ä"));
        row.restart(8);
        assert!(row.is_empty());
    }

    #[test]
    fn a_cell_is_a_number_or_a_name() {
        assert_eq!(Cell::Text(" 1.5 ").number(), Some(1.5));
        assert_eq!(Cell::Text("1,5").number(), None);
        assert!(Cell::Missing.number().is_some_and(f64::is_nan));
        assert_eq!(Cell::Number(3.0).name().as_deref(), Some("3"));
        assert_eq!(Cell::Integer(3).name().as_deref(), Some("3"));
        assert_eq!(Cell::Text("3.0").name().as_deref(), Some("3.0"));
        assert_eq!(Cell::Number(f64::NAN).name(), None);
        assert!(Cell::Number(f64::NAN).is_missing() && !Cell::Text("").is_missing());
    }

    #[test]
    fn an_error_shows_the_beginning_of_long_text() {
        let long = "x".repeat(100);
        assert_eq!(
            Cell::Text(&long).shown(),
            format!("`{}...`", "x".repeat(40))
        );
        assert_eq!(Cell::Text("a\nb").shown(), "`a\\nb`");
        assert_eq!(Cell::Missing.shown(), "no value");
    }
}
