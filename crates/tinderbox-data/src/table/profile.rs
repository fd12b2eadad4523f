//! What there is in a table: types, ranges, gaps, categories.

use std::collections::BTreeMap;
use std::fmt;

use super::category_counts::CategoryCounts;
use super::counter::Counter;
use super::date;
use super::form::{NumberForm, is_mark};
use super::moments::Moments;
use super::quantiles::QuantileSketch;
use super::reader::RowReader;
use super::row::{Cell, Row};
use super::suggest::Suggestion;
use crate::DataError;

/// Values of a column are counted one by one up to this many different ones.
const MAX_DISTINCT: usize = 10_000;

/// Different stand-ins for a missing number that are told apart.
const MAX_STAND_INS: usize = 20;

/// The intervals of a histogram that is printed.
const BINS: usize = 16;

/// What there is in a table, gathered in one pass and constant memory.
///
/// It prints as a page for a person; [`TableProfile::recipe`] writes what to do with the columns.
#[derive(Debug, Clone, PartialEq)]
pub struct TableProfile {
    /// How many rows there are.
    pub rows: u64,
    /// Fields whose bytes were not UTF-8 and were replaced.
    pub replaced: u64,
    /// The columns, in order.
    pub columns: Vec<ColumnProfile>,
}

/// What a column holds, judged by all of its cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// No values.
    Empty,
    /// One value in all cells that have one.
    Constant,
    /// Finite numbers, or dates and nothing else.
    Number,
    /// Numbers, and up to a tenth of values that are none.
    Mixed,
    /// Text that repeats, or numbers amid other categories.
    Category,
    /// Text that hardly repeats: names, sentences, identifiers.
    Text,
}

/// What there is in a column.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnProfile {
    /// Its name.
    pub name: String,
    /// How its numbers are written.
    pub form: NumberForm,
    /// Count, mean, deviation and extremes of its finite numbers.
    pub numbers: Moments,
    /// Their quantiles, and with them their histogram.
    pub quantiles: QuantileSketch,
    /// How many numbers are 0.
    pub zeros: u64,
    /// Whether all numbers are whole.
    pub whole: bool,
    /// How many values are no numbers, nor marks that stand for one.
    pub others: u64,
    /// The line and the beginning of the first of them.
    pub first_other: Option<(u64, String)>,
    /// How many values are dates ([`Cell::date`]). Where all are, they count as numbers, of seconds since 1970.
    pub dates: u64,
    first_date: Option<(u64, String)>,
    first: Option<String>,
    /// Marks and infinite numbers, which are missing where all else are numbers: how often each occurs, and the line of the first.
    pub(super) stand_ins: BTreeMap<String, (u64, u64)>,
    pub(super) counter: Counter,
    /// How often each value occurs, and how many cells are missing; up to 10,000 different values.
    pub categories: CategoryCounts,
}

impl TableProfile {
    /// Reads all rows that are left.
    ///
    /// # Errors
    /// Those of reading; [`DataError::Empty`] when there are no rows.
    pub fn inspect(reader: &mut dyn RowReader) -> Result<Self, DataError> {
        let forms = vec![NumberForm::Plain; reader.columns().len()];
        Self::inspect_as(reader, &forms)
    }

    /// Reads all rows that are left, of numbers that are written in these forms, one for each column.
    ///
    /// # Errors
    /// As [`TableProfile::inspect`].
    pub fn inspect_as(reader: &mut dyn RowReader, forms: &[NumberForm]) -> Result<Self, DataError> {
        let names = reader.columns().iter().zip(forms);
        let mut columns: Vec<ColumnProfile> = names
            .map(|(name, form)| ColumnProfile::new(name, form.clone()))
            .collect();
        let mut rows = 0;
        let mut row = Row::new();
        while reader.read(&mut row)? {
            rows += 1;
            for (column, cell) in columns.iter_mut().zip(row.cells()) {
                column.push(cell, row.line());
            }
        }
        if rows == 0 {
            return Err(DataError::Empty {
                path: reader.path().to_path_buf(),
                what: "rows",
                ignored: 0,
            });
        }
        Ok(Self {
            rows,
            replaced: reader.replaced(),
            columns,
        })
    }
}

impl ColumnProfile {
    fn new(name: &str, form: NumberForm) -> Self {
        Self {
            name: name.to_owned(),
            form,
            numbers: Moments::default(),
            quantiles: QuantileSketch::default(),
            zeros: 0,
            whole: true,
            others: 0,
            first_other: None,
            dates: 0,
            first_date: None,
            first: None,
            stand_ins: BTreeMap::new(),
            counter: Counter::default(),
            categories: CategoryCounts::new(MAX_DISTINCT),
        }
    }

    fn push(&mut self, cell: Cell<'_>, line: u64) {
        let read = match self.form {
            NumberForm::Plain => cell.number(),
            _ => self.form.read(cell),
        };
        if self.first.is_none() && !cell.is_missing() {
            self.first = Some(cell.shown());
        }
        let is_mark = matches!(cell, Cell::Text(text) if is_mark(text));
        let stands_in = read.is_some_and(f64::is_infinite) || is_mark;
        if stands_in && let Some(name) = cell.name() {
            let name = name.trim().to_owned();
            if self.stand_ins.len() < MAX_STAND_INS || self.stand_ins.contains_key(&name) {
                self.stand_ins.entry(name).or_insert((0, line)).0 += 1;
                self.categories.push(cell);
                return;
            }
        }
        let number = read.filter(|value| !value.is_infinite());
        // Text that reads as NaN is missing for a column of numbers, and is so here.
        let cell = if number.is_some_and(f64::is_nan) {
            Cell::Missing
        } else {
            cell
        };
        let date = match self.form {
            NumberForm::Plain => cell.date(),
            NumberForm::Date(_) => number,
            _ => None,
        };
        // Dates are numbers where there is nothing else. Amid numbers they have another unit, and amid text they are text.
        let only_dates = self.dates == self.values();
        if only_dates && date.is_none() && !cell.is_missing() {
            self.dates_are_no_numbers();
        }
        if date.is_some() {
            self.dates += 1;
            self.first_date.get_or_insert_with(|| (line, cell.shown()));
        }
        self.categories.push(cell);
        match number.or(date.filter(|_| only_dates)) {
            Some(value) if value.is_nan() => {}
            Some(value) => {
                self.numbers.push(value);
                self.quantiles.push(value);
                self.counter.push(value);
                self.zeros += u64::from(value == 0.0);
                self.whole &= value.fract() == 0.0;
            }
            None => {
                self.others += 1;
                self.first_other.get_or_insert_with(|| (line, cell.shown()));
            }
        }
    }

    /// Takes back that the dates so far, all values there were, are numbers.
    fn dates_are_no_numbers(&mut self) {
        (self.numbers, self.quantiles) = (Moments::default(), QuantileSketch::default());
        (self.zeros, self.whole) = (0, true);
        self.counter = Counter::default();
        (self.others, self.first_other) = (self.dates, self.first_date.take());
    }

    /// How many cells have no value; in a column of numbers, those with a mark that stands for one too.
    pub fn missing(&self) -> u64 {
        let stand_ins = match self.kind() {
            ColumnKind::Number | ColumnKind::Mixed => self.standing_in(),
            _ => 0,
        };
        self.categories.missing() + stand_ins
    }

    /// The first value, as errors show it.
    pub fn example(&self) -> Option<&str> {
        self.first.as_deref()
    }

    /// Whether its values are texts of several words.
    pub(super) fn is_sentences(&self) -> bool {
        let words = |text: &String| text.split_whitespace().count();
        self.kind() == ColumnKind::Text && self.first.as_ref().is_some_and(|text| words(text) > 2)
    }

    fn standing_in(&self) -> u64 {
        self.stand_ins.values().map(|(count, _)| count).sum()
    }

    /// How many values there are beside marks.
    fn values(&self) -> u64 {
        self.categories.total() - self.standing_in()
    }

    /// Whether there are more values that are no numbers than a slip explains: more than one, and more than one in twenty.
    pub(super) fn is_odd(&self) -> bool {
        self.others > 1 && self.others * 20 > self.values()
    }

    /// What the column holds.
    pub fn kind(&self) -> ColumnKind {
        let mut present = self.values();
        let mut distinct = self.categories.distinct();
        if present > 0 && self.others * 10 <= present {
            distinct = distinct.map(|distinct| distinct - self.stand_ins.len());
        } else {
            present = self.categories.total();
        }
        let hardly_repeats = |distinct: usize| present >= 20 && distinct as u64 * 2 > present;
        match distinct {
            _ if present == 0 => ColumnKind::Empty,
            Some(1) => ColumnKind::Constant,
            None if self.others == 0 && self.numbers.is_constant() => ColumnKind::Constant,
            _ if self.others == 0 && self.numbers.count() > 0 => ColumnKind::Number,
            // A few codes among which some are numbers are categories.
            _ if self.others * 10 <= present
                && distinct.is_none_or(|distinct| distinct > 100 || hardly_repeats(distinct)) =>
            {
                ColumnKind::Mixed
            }
            None => ColumnKind::Text,
            Some(distinct) if hardly_repeats(distinct) => ColumnKind::Text,
            Some(_) => ColumnKind::Category,
        }
    }

    /// The most frequent values with their counts, at most `most`; none when there are more than 10,000 different ones.
    pub fn top(&self, most: usize) -> Vec<(&str, u64)> {
        let mut all = self.categories.by_count().unwrap_or_default();
        all.truncate(most);
        all
    }

    /// What to do with the column, and why.
    pub fn suggestion(&self) -> Suggestion {
        Suggestion::of(self)
    }

    /// What there is, in a line: `569 numbers from 6.981 to 28.11, median 13.37, 456 different`.
    pub fn summary(&self) -> String {
        let kind = self.kind();
        let is_number = matches!(kind, ColumnKind::Number | ColumnKind::Mixed);
        let present = match is_number {
            true => self.values(),
            false => self.categories.total(),
        };
        let mut text = match kind {
            ColumnKind::Empty => "no values".to_owned(),
            ColumnKind::Constant => format!("{present} values, all equal"),
            ColumnKind::Number | ColumnKind::Mixed => {
                let median = self.quantiles.quantiles(&[0.5])[0];
                let (count, least, most) =
                    (self.numbers.count(), self.numbers.min(), self.numbers.max());
                let (kind, written): (_, fn(f64) -> String) = match self.kind() {
                    ColumnKind::Number if self.dates > 0 => ("dates", date::written),
                    _ if self.whole => ("whole numbers", short),
                    _ => ("numbers", short),
                };
                let ends = format!("from {} to {}", written(least), written(most));
                format!("{count} {kind} {ends}, median {}", written(median))
            }
            ColumnKind::Category => format!("{present} categories"),
            ColumnKind::Text => format!("{present} texts"),
        };
        let stand_ins = if is_number { self.stand_ins.len() } else { 0 };
        match self.categories.distinct().map(|all| all - stand_ins) {
            Some(0 | 1) => {}
            Some(distinct) => text.push_str(&format!(", {distinct} different")),
            None => text.push_str(&format!(", more than {MAX_DISTINCT} different, or long")),
        }
        if let (ColumnKind::Mixed, Some((line, first))) = (self.kind(), &self.first_other) {
            let others = self.others;
            text.push_str(&format!(
                ", {others} that are no numbers, first {first} in line {line}"
            ));
        }
        if !matches!(self.kind(), ColumnKind::Number | ColumnKind::Constant) && self.dates > 0 {
            text.push_str(&format!(", {} of them dates", self.dates));
        }
        if self.missing() > 0 {
            text.push_str(&format!(", {} missing", self.missing()));
        }
        text
    }
}

/// Four significant digits, fewer if they say all.
pub(super) fn short(value: f64) -> String {
    let size = value.abs();
    if value.fract() == 0.0 && size < 1e15 {
        return value.to_string();
    }
    if (1e-3..1e6).contains(&size) {
        let digits = (3 - size.log10().floor() as i32).max(0) as usize;
        let text = format!("{value:.digits$}");
        let text = if text.contains('.') {
            text.trim_end_matches('0')
        } else {
            &text
        };
        return text.trim_end_matches('.').to_owned();
    }
    format!("{value:.3e}")
}

impl fmt::Display for TableProfile {
    /// [`described`](TableProfile::described) with what is suggested for each column.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.described(|column| column.suggestion().comment()))
    }
}

impl TableProfile {
    /// A line for the table, and for each column one of what there is, one of its shape, and one of what `becomes` of it.
    pub fn described(&self, becomes: impl Fn(&ColumnProfile) -> String) -> String {
        let mut text = format!("{} rows, {} columns\n", self.rows, self.columns.len());
        if self.replaced > 0 {
            text += &format!("{} fields were not UTF-8\n", self.replaced);
        }
        for column in &self.columns {
            text += &format!("\n{}: {}\n", column.name.escape_debug(), column.summary());
            if let Some(shape) = column.shape() {
                text += &format!("  {shape}\n");
            }
            text += &format!("  {}\n", becomes(column));
        }
        text
    }
}

impl ColumnProfile {
    /// A histogram, or the most frequent values; nothing of a column without use.
    fn shape(&self) -> Option<String> {
        match self.kind() {
            ColumnKind::Number | ColumnKind::Mixed => Some(bars(&self.quantiles.histogram(BINS))),
            ColumnKind::Category | ColumnKind::Text => {
                let top = self.top(5);
                let top = top
                    .iter()
                    .map(|(name, count)| format!("{} {count}", Cell::Text(name).shown()));
                let top: Vec<String> = top.collect();
                (!top.is_empty()).then(|| top.join(", "))
            }
            ColumnKind::Empty | ColumnKind::Constant => None,
        }
    }
}

/// A bar for each count, from an eighth of a line to a whole one; a space for none.
fn bars(counts: &[u64]) -> String {
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let bar = |count: &u64| {
        let eighths = (u128::from(*count) * 8).div_ceil(u128::from(most)) as u32;
        char::from_u32(0x2580 + eighths)
            .filter(|_| *count > 0)
            .unwrap_or(' ')
    };
    counts.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Table;

    #[test]
    fn numbers_are_short() {
        let cases = [
            (13.370_000_1, "13.37"),
            (0.053_062_6, "0.05306"),
            (1234.567, "1235"),
            (28.10, "28.1"),
            (569.0, "569"),
            (-0.5, "-0.5"),
            (1e-9, "1.000e-9"),
            (1.5e20, "1.500e20"),
            (100.4, "100.4"),
            (1200.2, "1200"),
        ];
        for (value, expected) in cases {
            assert_eq!(short(value), expected);
        }
    }

    #[test]
    fn one_bad_cell_does_not_make_numbers_text() {
        let rows = (0..60).map(|row| match row {
            36 => Row::from_cells(row, [Cell::Text("oops")]),
            _ => Row::from_cells(row, [Cell::Number(row as f64 * 1.5)]),
        });
        let table = Table::new(vec!["a".to_owned()], rows.collect()).unwrap();
        let profile = TableProfile::inspect(&mut table.reader()).unwrap();
        assert_eq!(profile.columns[0].kind(), ColumnKind::Mixed);
        assert!(profile.to_string().contains("oops"), "{profile}");
    }

    #[test]
    fn bars_grow_with_counts() {
        assert_eq!(bars(&[0, 1, 4, 8]), " ▁▄█");
        assert_eq!(bars(&[]), "");
        assert_eq!(bars(&[1, 1_000_000]), "▁█");
    }
}
