//! The rows of a table from its file or files, one odd row never costing the others.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::parts::{Part, parts, refuse_split};
use super::reader::{RowReader, Table, TableOptions, open};
use super::row::{Cell, Row};
use crate::{DataError, Ledger, Remark};

/// What Hive writes where a value is missing.
const NO_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";

/// A table with where its rows come from.
#[derive(Debug)]
pub(super) struct TableSource {
    pub table: Table,
    /// In the order of their rows.
    pub files: Vec<SourceFile>,
    /// Rows that could not be read, by place: they stand in the table with all values missing.
    pub broken: BTreeMap<usize, DataError>,
    /// What is not used as it was given, and what was guessed.
    pub ledger: Ledger,
    /// Whether fields stand between semicolons.
    pub semicolons: bool,
}

/// A file of a table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SourceFile {
    /// The place of its first row.
    pub first: usize,
    /// What precedes the lines of its rows in their ids.
    pub prefix: String,
    pub path: PathBuf,
}

impl TableSource {
    /// Reads a file, or all parts in a folder.
    pub fn read(path: &Path, options: &TableOptions) -> Result<Self, DataError> {
        if !path.is_dir() {
            let source = Self::of_file(path, options)?;
            return source.with_remarks();
        }
        let (parts, ignored) = parts(path, options.format)?;
        refuse_split(path, &parts)?;
        let mut options = options.clone();
        let mut read = Vec::new();
        for part in &parts {
            let mut source = Self::of_file(&part.path, &options)?;
            // What the first is like, the others are.
            if options.columns.is_empty() {
                options.columns = source.table.columns().to_vec();
            }
            source.add_values(part);
            read.push((part.name.as_str(), source));
        }
        let mut whole = Self::of_parts(path, read)?;
        let becomes = "are of no known kind of table, and are not read";
        let count = parts.len() + ignored.len();
        whole.ledger.add(
            Remark::new("files", ignored.len(), becomes)
                .of(count)
                .examples(ignored),
        );
        whole.with_remarks()
    }

    fn of_file(path: &Path, options: &TableOptions) -> Result<Self, DataError> {
        let mut reader = open(path, options)?;
        let (mut rows, broken) = rows(&mut *reader)?;
        if reader.delimiter().is_none() {
            let marks = Marks::new(&options.missing);
            rows.iter_mut().for_each(|row| marks.take_from(row));
        }
        Ok(Self {
            table: Table::new(reader.columns().to_vec(), rows)?,
            files: vec![SourceFile {
                first: 0,
                prefix: String::new(),
                path: path.to_path_buf(),
            }],
            broken,
            ledger: reader.ledger(),
            semicolons: reader.delimiter() == Some(';'),
        })
    }

    /// Adds the columns that a part's folders say.
    fn add_values(&mut self, part: &Part) {
        let known = |name: &String| self.table.columns().contains(name);
        let values: Vec<_> = part
            .values
            .iter()
            .filter(|(name, _)| !known(name))
            .cloned()
            .collect();
        if !values.is_empty() {
            self.table.push_columns(&values, NO_VALUE);
        }
    }

    /// The parts behind each other, with the columns of all.
    fn of_parts(root: &Path, parts: Vec<(&str, Self)>) -> Result<Self, DataError> {
        let mut columns: Vec<String> = Vec::new();
        for (name, part) in &parts {
            let own = part.table.columns();
            let shared = own.iter().filter(|column| columns.contains(column)).count();
            if !columns.is_empty() && shared * 2 < own.len().min(columns.len()) {
                let got = format!(
                    "{}, where `{name}` has the columns {}",
                    root.display(),
                    own.join(", ")
                );
                let expected = format!(
                    "the parts of one table, with the columns {}",
                    columns.join(", ")
                );
                return Err(DataError::config("data.path", expected, got));
            }
            let new: Vec<String> = own
                .iter()
                .filter(|column| !columns.contains(column))
                .cloned()
                .collect();
            columns.extend(new);
        }
        let mut whole = Self {
            table: Table::new(columns.clone(), Vec::new())?,
            files: Vec::new(),
            broken: BTreeMap::new(),
            ledger: Ledger::default(),
            semicolons: false,
        };
        let count = parts.len();
        for (name, mut part) in parts {
            let first = whole.table.rows().len();
            let lacks: Vec<&String> = {
                let own = part.table.columns();
                columns
                    .iter()
                    .filter(|column| !own.contains(column))
                    .collect()
            };
            if !lacks.is_empty() {
                let becomes = "lack columns that others have: there the values are missing";
                let shown: Vec<String> = lacks
                    .iter()
                    .map(|column| Cell::Text(column).shown())
                    .collect();
                let example = format!("{name} lacks {}", shown.join(", "));
                whole.ledger.add(
                    Remark::new("files", 1, becomes)
                        .of(count)
                        .examples([example]),
                );
            }
            part.table.arrange(&columns);
            whole.table.extend(part.table);
            whole.ledger.extend(part.ledger);
            let broken = part.broken.into_iter();
            whole
                .broken
                .extend(broken.map(|(row, error)| (first + row, error)));
            whole.semicolons |= part.semicolons;
            whole
                .files
                .extend(part.files.into_iter().map(|file| SourceFile {
                    first: first + file.first,
                    prefix: format!("{name}/{}", file.prefix),
                    ..file
                }));
        }
        Ok(whole)
    }

    /// The same with remarks on rows that could not be read; an error if those are most.
    fn with_remarks(mut self) -> Result<Self, DataError> {
        let rows = self.table.rows().len();
        if self.broken.len() * 2 > rows
            && let Some(error) = self.broken.values().next()
        {
            return Err(match error.clone() {
                DataError::Line {
                    path,
                    line,
                    what,
                    expected,
                    got,
                } if what.starts_with("number of fields") => DataError::Line {
                    path,
                    line,
                    what,
                    expected: format!("{expected}, or another `data.delimiter`"),
                    got,
                },
                other => other,
            });
        }
        for error in self.broken.values() {
            let (what, example) = match error {
                DataError::Line {
                    line,
                    what,
                    expected,
                    got,
                    ..
                } => (
                    what.as_str(),
                    format!("line {line}: expected {expected}, got {got}"),
                ),
                other => ("damage", other.to_string()),
            };
            // The field's number makes no other remark.
            let what = what.split(" of field ").next().unwrap_or(what);
            let becomes = format!("cannot be read and are left out: {what}");
            self.ledger
                .add(Remark::new("rows", 1, becomes).examples([example]));
        }
        Ok(self)
    }
}

/// What stands for a missing value in a file with types.
struct Marks<'m> {
    texts: &'m [String],
    numbers: Vec<f64>,
}

impl<'m> Marks<'m> {
    fn new(texts: &'m [String]) -> Self {
        let numbers = texts.iter().filter_map(|text| text.parse().ok());
        Self {
            texts,
            numbers: numbers.filter(|number: &f64| !number.is_nan()).collect(),
        }
    }

    fn has(&self, cell: Cell<'_>) -> bool {
        match cell {
            Cell::Missing => false,
            Cell::Integer(number) => self.numbers.contains(&(number as f64)),
            Cell::Number(number) => self.numbers.contains(&number),
            Cell::Text(text) => self.texts.iter().any(|mark| mark == text.trim()),
        }
    }

    /// Takes the values away that stand for none.
    fn take_from(&self, row: &mut Row) {
        for place in 0..row.len() {
            if self.has(row.cell(place)) {
                row.set(place, Cell::Missing);
            }
        }
    }
}

/// All rows that are left, those that cannot be read with all values missing.
fn rows(reader: &mut dyn RowReader) -> Result<(Vec<Row>, BTreeMap<usize, DataError>), DataError> {
    let (mut rows, mut broken) = (Vec::new(), BTreeMap::new());
    let mut row = Row::new();
    loop {
        match reader.read(&mut row) {
            Ok(true) => rows.push(row.clone()),
            Ok(false) => return Ok((rows, broken)),
            Err(error) if reader.goes_on() => {
                broken.insert(rows.len(), error);
                let cells = reader.columns().iter().map(|_| Cell::Missing);
                rows.push(Row::from_cells(reader.line(), cells));
            }
            Err(error) => return Err(error),
        }
    }
}
