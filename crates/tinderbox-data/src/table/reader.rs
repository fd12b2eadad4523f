//! One way to read every kind of table: row by row.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::csv::CsvReader;
use super::dialect;
use super::json_lines::JsonLinesReader;
use super::numeral::Decimal;
use super::pipeline::place;
use super::row::{Cell, Row};
use crate::decompress::decompressed;
use crate::error::memory;
use crate::{DataError, Ledger};

/// A table that is read once, from the first row to the last, in constant memory.
pub trait RowReader: Send {
    /// The names of the columns, each once.
    fn columns(&self) -> &[String];

    /// Reads the next row into `row`, a cell for each column; false when there is none.
    ///
    /// # Errors
    /// [`DataError`] of the file and the line; after an error the rest of the table is defined only if the reader [goes
    /// on](RowReader::goes_on).
    fn read(&mut self, row: &mut Row) -> Result<bool, DataError>;

    /// The file, or `<memory>`.
    fn path(&self) -> &Path;

    /// How many fields so far held bytes that are not UTF-8 and were replaced by U+FFFD.
    fn replaced(&self) -> u64 {
        0
    }

    /// Whether the error that [`read`](RowReader::read) gave last concerns one row, and the next call reads the one behind it.
    fn goes_on(&self) -> bool {
        false
    }

    /// The line of the row that was read last, or gave an error; 0 where that is not known.
    fn line(&self) -> u64 {
        0
    }

    /// What stands between fields, in files of separated values.
    fn delimiter(&self) -> Option<char> {
        None
    }

    /// What of the file is not used as it was given so far, and what was guessed.
    fn ledger(&self) -> Ledger {
        Ledger::default()
    }
}

/// A kind of file that holds a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TableFormat {
    /// Comma-separated values, or with another delimiter (RFC 4180).
    Csv,
    /// Tab-separated values.
    Tsv,
    /// One JSON object a line.
    JsonLines,
    /// Apache Parquet.
    #[cfg(feature = "parquet")]
    Parquet,
    /// Arrow's IPC, as a file (Feather 2) or a stream.
    #[cfg(feature = "parquet")]
    Arrow,
}

impl TableFormat {
    /// The kind that the ending of the file's name says, before `.gz`, `.zst` or `.zstd`.
    pub fn of_path(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let name = [".gz", ".zst", ".zstd"]
            .iter()
            .find_map(|ending| name.strip_suffix(ending))
            .unwrap_or(&name);
        match name.rsplit_once('.')?.1 {
            "csv" => Some(Self::Csv),
            "tsv" | "tab" => Some(Self::Tsv),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            #[cfg(feature = "parquet")]
            "parquet" => Some(Self::Parquet),
            #[cfg(feature = "parquet")]
            "arrow" | "feather" | "ipc" | "arrows" => Some(Self::Arrow),
            _ => None,
        }
    }
}

/// What is done with bytes that are not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotUtf8 {
    /// The line is an error.
    #[default]
    Refuse,
    /// They become U+FFFD, and the field is counted ([`RowReader::replaced`]).
    Replace,
}

/// How a table is read. What a format has no use for is not looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TableOptions {
    /// The kind of file; by default what the ending of its name says.
    pub format: Option<TableFormat>,
    /// CSV: whether the first line names the columns; by default [`open`] finds that out. Without names they are `column_1`, `column_2`, ...
    pub header: Option<bool>,
    /// CSV: the character between fields, an ASCII one; by default [`open`] finds it.
    pub delimiter: Option<char>,
    /// CSV: the character around fields that hold delimiters, an ASCII one, or nothing if there is none; by default a double quote,
    /// unless [`open`] finds that these enclose nothing.
    pub quote: Option<String>,
    /// CSV: the character that says of a quote behind it that it does not end its field, an ASCII one, or nothing if there is none; by
    /// default none, unless [`open`] finds backslashes there. A doubled quote does not end its field either.
    pub escape: Option<String>,
    /// CSV: the sign before decimals, if it is known.
    pub decimal: Option<Decimal>,
    /// Columns that are known to be there: a first line that has them is a header.
    pub columns: Vec<String>,
    /// CSV: how many lines before the header, or the first row, are passed over; by default [`open`] finds lines that are of no table.
    pub skip_lines: Option<usize>,
    /// Fields that stand for "no value", quoted or not, spaces around them aside. In files with types, these are text; but a number among
    /// them is one there, too.
    pub missing: Vec<String>,
    /// CSV: what is done with bytes that are not UTF-8. JSON must be UTF-8.
    pub not_utf8: NotUtf8,
    /// Text formats: the most bytes that one field may have.
    pub max_field: usize,
}

impl Default for TableOptions {
    /// Nothing known of the file, and the empty field and the usual spellings of NA, NaN and null as missing; fields of at most 1 MiB.
    fn default() -> Self {
        Self {
            format: None,
            header: None,
            delimiter: None,
            quote: None,
            escape: None,
            decimal: None,
            columns: Vec::new(),
            skip_lines: None,
            missing: ["", "NA", "N/A", "NaN", "nan", "NULL", "null"]
                .map(String::from)
                .to_vec(),
            not_utf8: NotUtf8::default(),
            max_field: 1 << 20,
        }
    }
}

/// Opens a table of any kind. Text formats may be compressed by gzip or zstd, whatever the name says. A file whose name says nothing is
/// taken by what it begins with, and else for one of separated values.
///
/// # Errors
/// [`DataError::Io`] when the file cannot be read, [`DataError::Config`] when it is a workbook or an archive or an option is out of range, [`DataError::Format`] and [`DataError::Line`] when its beginning is not of that kind.
pub fn open(
    path: impl AsRef<Path>,
    options: &TableOptions,
) -> Result<Box<dyn RowReader>, DataError> {
    let path = path.as_ref();
    let mut file = File::open(path).map_err(|source| DataError::io(path, source))?;
    let metadata = file
        .metadata()
        .map_err(|source| DataError::io(path, source))?;
    if !metadata.is_file() {
        return Err(DataError::format("kind", "a regular file", "something else").at(path));
    }
    let format = match options.format.or_else(|| TableFormat::of_path(path)) {
        Some(format) => format,
        None => of_beginning(&mut file, path)?,
    };
    let text = |file| decompressed(BufReader::new(file), path);
    let separated = |file, usual| -> Result<Box<dyn RowReader>, DataError> {
        let found = dialect::resolved(path, usual, options)?;
        let reader = CsvReader::new(text(file)?, path, usual, &found.options)?;
        Ok(Box::new(reader.with_found(found)?))
    };
    Ok(match format {
        TableFormat::Csv => separated(file, b',')?,
        TableFormat::Tsv => separated(file, b'\t')?,
        TableFormat::JsonLines => Box::new(JsonLinesReader::new(text(file)?, path, options)?),
        #[cfg(feature = "parquet")]
        TableFormat::Parquet => Box::new(super::parquet::read(file, path)?),
        #[cfg(feature = "parquet")]
        TableFormat::Arrow => Box::new(super::ipc::read(file, path)?),
    })
}

/// The kind that the first bytes of a file say.
fn of_beginning(file: &mut File, path: &Path) -> Result<TableFormat, DataError> {
    let io = |source| DataError::io(path, source);
    let mut start = Vec::new();
    file.by_ref().take(8).read_to_end(&mut start).map_err(io)?;
    file.rewind().map_err(io)?;
    let refuse = |what: &str| {
        let got = format!("{}, {what}", path.display());
        Err(DataError::config(
            "data.path",
            "a table as CSV, TSV, JSON lines, Parquet or Arrow",
            got,
        ))
    };
    match &start[..] {
        [b'P', b'K', ..] => refuse("a workbook or an archive: save the sheet as CSV"),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => refuse("a workbook: save the sheet as CSV"),
        #[cfg(feature = "parquet")]
        [b'P', b'A', b'R', b'1', ..] => Ok(TableFormat::Parquet),
        #[cfg(feature = "parquet")]
        [b'A', b'R', b'R', b'O', b'W', b'1', ..] => Ok(TableFormat::Arrow),
        [b'{', ..] => Ok(TableFormat::JsonLines),
        start if start.contains(&0) => refuse("no text, and of no known kind"),
        _ => Ok(TableFormat::Csv),
    }
}

/// A table in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    columns: Vec<String>,
    rows: Vec<Row>,
}

impl Table {
    /// A table of these rows.
    ///
    /// # Errors
    /// [`DataError::Config`] when two columns have one name, [`DataError::Line`] when a row has not one cell for each column.
    pub fn new(columns: Vec<String>, rows: Vec<Row>) -> Result<Self, DataError> {
        unique(&columns)?;
        for row in &rows {
            if row.len() != columns.len() {
                return Err(wrong_width(&memory(), row.line(), columns.len(), row.len()));
            }
        }
        Ok(Self { columns, rows })
    }

    /// Reads all rows that are left.
    ///
    /// # Errors
    /// As [`RowReader::read`].
    pub fn read(reader: &mut dyn RowReader) -> Result<Self, DataError> {
        let mut rows = Vec::new();
        let mut row = Row::new();
        while reader.read(&mut row)? {
            rows.push(row.clone());
        }
        Ok(Self {
            columns: reader.columns().to_vec(),
            rows,
        })
    }

    /// The names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Where a column stands; `setting` is the name of what asks for it.
    ///
    /// # Errors
    /// [`DataError::Config`] with the columns that there are.
    pub fn place(&self, setting: &'static str, column: &str) -> Result<usize, DataError> {
        place(&self.columns, setting, column)
    }

    /// The rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Adds the rows of a table with the same columns.
    pub(super) fn extend(&mut self, other: Self) {
        self.rows.extend(other.rows);
    }

    /// Adds columns with one value each in all rows; `missing` stands for none.
    pub(super) fn push_columns(&mut self, values: &[(String, String)], missing: &str) {
        self.columns
            .extend(values.iter().map(|(name, _)| name.clone()));
        for row in &mut self.rows {
            for (_, value) in values {
                row.push(match value == missing {
                    true => Cell::Missing,
                    false => Cell::Text(value),
                });
            }
        }
    }

    /// Takes on these columns in this order: others are gone, and what it lacks is missing.
    pub(super) fn arrange(&mut self, columns: &[String]) {
        if self.columns == columns {
            return;
        }
        let place = |column: &String| self.columns.iter().position(|own| own == column);
        let places: Vec<Option<usize>> = columns.iter().map(place).collect();
        for row in &mut self.rows {
            let cell = |place: &Option<usize>| place.map_or(Cell::Missing, |place| row.cell(place));
            *row = Row::from_cells(row.line(), places.iter().map(cell));
        }
        self.columns = columns.to_vec();
    }

    /// A reader from the first row on.
    pub fn reader(&self) -> impl RowReader + '_ {
        TableReader {
            columns: &self.columns,
            rows: self.rows.iter(),
            path: memory(),
        }
    }

    /// A reader of some rows, in this order, that names `path` in errors.
    ///
    /// It panics for a row that there is not.
    pub(super) fn reader_of<'t>(&'t self, rows: &'t [usize], path: &Path) -> impl RowReader + 't {
        TableReader {
            columns: &self.columns,
            rows: rows.iter().map(|row| &self.rows[*row]),
            path: path.to_path_buf(),
        }
    }
}

struct TableReader<'t, R> {
    columns: &'t [String],
    rows: R,
    path: PathBuf,
}

impl<'t, R: Iterator<Item = &'t Row> + Send> RowReader for TableReader<'t, R> {
    fn columns(&self) -> &[String] {
        self.columns
    }

    fn read(&mut self, row: &mut Row) -> Result<bool, DataError> {
        let next = self.rows.next();
        if let Some(next) = next {
            row.clone_from(next);
        }
        Ok(next.is_some())
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

/// Refuses two columns of one name.
pub(super) fn unique(columns: &[String]) -> Result<(), DataError> {
    let mut sorted: Vec<&String> = columns.iter().collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => {
            let got = format!("`{}` twice", pair[0].escape_debug());
            Err(DataError::config("columns", "a name for each column", got))
        }
        None => Ok(()),
    }
}

pub(super) fn wrong_width(path: &Path, line: u64, expected: usize, got: usize) -> DataError {
    DataError::Line {
        path: path.to_path_buf(),
        line,
        what: "number of fields".to_owned(),
        expected: expected.to_string(),
        got: got.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Cell;

    #[test]
    fn the_ending_says_the_kind() {
        let of = |name: &str| TableFormat::of_path(Path::new(name));
        assert_eq!(of("a.csv"), Some(TableFormat::Csv));
        assert_eq!(of("a.b.TSV.gz"), Some(TableFormat::Tsv));
        assert_eq!(of("a.jsonl.zst"), Some(TableFormat::JsonLines));
        assert_eq!(of("a.xlsx"), None);
        assert_eq!(of("csv"), None);
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            open(&path, &TableOptions::default())
        };
        let error = write("a.xlsx", b"PK\x03\x04").err();
        assert!(matches!(error, Some(DataError::Config { .. })));
        let columns = |reader: Box<dyn RowReader>| reader.columns().to_vec();
        assert_eq!(
            columns(write("iris.data", b"a;b\n1;2\n").unwrap()),
            ["a", "b"]
        );
        assert_eq!(columns(write("lines", b"{\"c\": 1}\n").unwrap()), ["c"]);
    }

    #[test]
    fn a_table_in_memory_reads_as_it_was_made() {
        let columns = vec!["a".to_owned(), "b".to_owned()];
        let rows = vec![
            Row::from_cells(1, [Cell::Integer(1), Cell::Text("x")]),
            Row::from_cells(2, [Cell::Missing, Cell::Text("")]),
        ];
        let table = Table::new(columns.clone(), rows.clone()).unwrap();
        assert_eq!(Table::read(&mut table.reader()).unwrap(), table);
        let ragged = vec![Row::from_cells(5, [Cell::Missing])];
        let error = Table::new(columns, ragged).unwrap_err();
        assert_eq!(
            error.to_string(),
            "<memory>:5: number of fields: expected 2, got 1"
        );
        let twice = vec!["a".to_owned(), "a".to_owned()];
        let error = Table::new(twice, rows).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`columns` is `a` twice, expected a name for each column"
        );
    }
}
