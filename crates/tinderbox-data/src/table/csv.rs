//! Comma-separated values and their relatives (RFC 4180).

use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead, Chain, Cursor, Read};
use std::path::{Path, PathBuf};

use ::csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder};

use super::dialect::{Dialect, Unnamed};
use super::reader::{NotUtf8, RowReader, TableOptions, unique, wrong_width};
use super::row::{Cell, Row};
use crate::decompress::text_error;
use crate::{DataError, Ledger, Remark};

/// A record may have this many bytes, quotes and delimiters included.
const MAX_RECORD: u64 = 16 << 20;

/// A table of separated values.
///
/// A byte-order mark is passed over, UTF-16 is refused. Records end with CR, LF or both, empty lines are not records, and a quoted field may
/// hold delimiters, line ends and doubled quotes. Lines are counted by LF. Every record must have as many fields as the first. Columns without a name in the header
/// get that of their place, `column_1` for the first.
pub struct CsvReader<R> {
    path: PathBuf,
    columns: Vec<String>,
    inner: Reader<Capped<Chain<Cursor<Vec<u8>>, R>>>,
    record: ByteRecord,
    /// Whether `record` is a row that was read to learn the number of columns.
    ahead: bool,
    skipped: u64,
    /// The first line of `record`.
    line: u64,
    replaced: u64,
    missing: Vec<String>,
    not_utf8: NotUtf8,
    max_field: usize,
    delimiter: u8,
    /// Whether the last error was of one record alone.
    goes_on: bool,
    found: Ledger,
}

impl<R: BufRead + Send> CsvReader<R> {
    /// Reads the header; `path` is what errors name, `delimiter` holds when the options have none.
    ///
    /// # Errors
    /// [`DataError::Config`] for a delimiter that is no ASCII character, or for two columns of one name; [`DataError::Format`] for UTF-16; as
    /// [`RowReader::read`] for the header.
    pub fn new(
        mut reader: R,
        path: &Path,
        delimiter: u8,
        options: &TableOptions,
    ) -> Result<Self, DataError> {
        let delimiter = match options.delimiter {
            None => delimiter,
            Some(other) if other.is_ascii() && !matches!(other, '"' | '\r' | '\n') => other as u8,
            Some(other) => {
                let expected = "an ASCII character, no quote and no line end";
                let got = other.escape_debug();
                return Err(DataError::config("data.delimiter", expected, got));
            }
        };
        let quote = match options.quote.as_deref().map(str::as_bytes) {
            None => Some(b'"'),
            Some([]) => None,
            Some([one]) if one.is_ascii() && *one != delimiter && !one.is_ascii_control() => {
                Some(*one)
            }
            Some(_) => {
                let expected = "one ASCII character, or \"\" for none";
                let got = options.quote.as_deref().unwrap_or_default().escape_debug();
                return Err(DataError::config("data.quote", expected, got));
            }
        };
        let escape = match options.escape.as_deref().map(str::as_bytes) {
            None | Some([]) => None,
            Some([one]) if one.is_ascii() && *one != delimiter && !one.is_ascii_control() => {
                Some(*one)
            }
            Some(_) => {
                let expected = "one ASCII character, or \"\" for none";
                let got = options.escape.as_deref().unwrap_or_default().escape_debug();
                return Err(DataError::config("data.escape", expected, got));
            }
        };
        let io = |source| text_error(path, source);
        let start = beginning(&mut reader).map_err(io)?;
        if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
            return Err(DataError::format("encoding", "UTF-8", "UTF-16").at(path));
        }
        let mut whole = Cursor::new(start).chain(reader);
        let skipped = options.skip_lines.unwrap_or(0);
        for line in 0..skipped {
            skip_line(&mut whole).map_err(|error| too_long(path, line as u64 + 1, error))?;
        }
        let inner = ReaderBuilder::new()
            .delimiter(delimiter)
            .quoting(quote.is_some())
            .quote(quote.unwrap_or(b'"'))
            .escape(escape)
            .has_headers(false)
            .flexible(true)
            .from_reader(Capped {
                inner: whole,
                left: 0,
                last: Vec::new(),
                given: 0,
                quotes: 0,
                // Behind a backslash a quote has no other half.
                quote: quote.filter(|_| escape.is_none()),
                ended: false,
            });
        let mut csv = Self {
            path: path.to_path_buf(),
            columns: Vec::new(),
            inner,
            record: ByteRecord::new(),
            ahead: false,
            skipped: skipped as u64,
            line: 0,
            replaced: 0,
            missing: options.missing.clone(),
            not_utf8: options.not_utf8,
            max_field: options.max_field,
            delimiter,
            goes_on: false,
            found: Ledger::default(),
        };
        csv.read_columns(options.header.unwrap_or(true))?;
        Ok(csv)
    }

    /// The same, with what was found in the file beforehand.
    pub(super) fn with_found(mut self, found: Dialect) -> Result<Self, DataError> {
        self.found.extend(found.ledger);
        match found.unnamed {
            Some(Unnamed::First) => self.columns.insert(0, "column_1".to_owned()),
            Some(Unnamed::Last) => self
                .columns
                .push(format!("column_{}", self.columns.len() + 1)),
            None => {}
        }
        unique(&self.columns)?;
        Ok(self)
    }

    fn read_columns(&mut self, header: bool) -> Result<(), DataError> {
        if !self.next_record()? {
            return Err(DataError::Empty {
                path: self.path.clone(),
                what: if header { "header" } else { "rows" },
                ignored: 0,
            });
        }
        let mut names = Row::new();
        if header {
            self.decode(&mut names)?;
        } else {
            self.ahead = true;
        }
        self.columns = (0..self.record.len())
            .map(|index| match names.cells().nth(index) {
                Some(Cell::Text(name)) if !name.trim().is_empty() => name.trim().to_owned(),
                _ => format!("column_{}", index + 1),
            })
            .collect();
        let mut taken = HashSet::new();
        let mut numbers = HashMap::<String, usize>::new();
        let mut renamed = Vec::new();
        for own in &mut self.columns {
            let name = own.clone();
            while !taken.insert(own.clone()) {
                let number = numbers.entry(name.clone()).or_insert(1);
                *number += 1;
                *own = format!("{name}_{number}");
            }
            if *own != name {
                let [name, own] = [&name, &*own].map(|name| Cell::Text(name).shown());
                renamed.push(format!("{name} as {own}"));
            }
        }
        let becomes = "have the name of another, and get a number behind it";
        self.found.add(
            Remark::new("columns", renamed.len(), becomes)
                .of(self.columns.len())
                .examples(renamed),
        );
        unique(&self.columns)
    }

    /// Reads into `record` and finds its line; false at the end.
    fn next_record(&mut self) -> Result<bool, DataError> {
        // The parser leaves the second half of CR LF to the next record, and has not counted it.
        let pending = u64::from(self.last_byte() == Some(b'\r'));
        self.line = self.inner.position().line() + pending + self.skipped;
        self.inner.get_mut().left = MAX_RECORD;
        let read = self
            .inner
            .read_byte_record(&mut self.record)
            .map_err(|error| match error.into_kind() {
                ErrorKind::Io(source) => too_long(&self.path, self.line, source),
                other => DataError::Line {
                    path: self.path.clone(),
                    line: self.line,
                    what: "record".to_owned(),
                    expected: "separated values".to_owned(),
                    got: format!("{other:?}"),
                },
            })?;
        // Empty lines before the record are passed over: its first line is known from its last.
        let line_ends = self.record.as_slice().iter().filter(|byte| **byte == b'\n');
        let own = line_ends.count() as u64 + u64::from(self.last_byte() == Some(b'\n'));
        self.line = (self.inner.position().line() + self.skipped).saturating_sub(own);
        // The parser takes the end of the file for the end of a quoted field, and so all rows behind an open quote for one field.
        let source = self.inner.get_ref();
        let last = source.ended && source.given == self.inner.position().byte();
        if read && last && source.quotes % 2 == 1 && self.record.as_slice().contains(&b'\n') {
            return Err(DataError::Line {
                path: self.path.clone(),
                line: self.line,
                what: "quoted field".to_owned(),
                expected: "a closing quote".to_owned(),
                got: "the end of the file".to_owned(),
            });
        }
        Ok(read)
    }

    /// The last byte that the parser took.
    fn last_byte(&self) -> Option<u8> {
        let source = self.inner.get_ref();
        let ahead = source.given - self.inner.position().byte();
        let taken = source.last.len().checked_sub(ahead as usize)?;
        source.last[..taken].last().copied()
    }

    /// Puts the fields of `record` into a row.
    fn decode(&mut self, row: &mut Row) -> Result<(), DataError> {
        let line = self.line;
        row.restart(line);
        for (index, field) in self.record.iter().enumerate() {
            let error = |what: &str, expected: String, got: String| DataError::Line {
                path: self.path.clone(),
                line,
                what: format!("{what} of field {}", index + 1),
                expected,
                got,
            };
            if field.len() > self.max_field {
                let most = format!("at most {} bytes", self.max_field);
                return Err(error("length", most, format!("{} bytes", field.len())));
            }
            let text = match (String::from_utf8_lossy(field), self.not_utf8) {
                (text, NotUtf8::Replace) => {
                    self.replaced += u64::from(matches!(text, std::borrow::Cow::Owned(_)));
                    text
                }
                (text @ std::borrow::Cow::Borrowed(_), NotUtf8::Refuse) => text,
                (text, NotUtf8::Refuse) => {
                    return Err(error(
                        "encoding",
                        "UTF-8".to_owned(),
                        Cell::Text(&text).shown(),
                    ));
                }
            };
            let trimmed = text.trim();
            if self.missing.iter().any(|missing| missing == trimmed) {
                row.push(Cell::Missing);
            } else {
                row.push(Cell::Text(&text));
            }
        }
        Ok(())
    }
}

impl<R: BufRead + Send> RowReader for CsvReader<R> {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn read(&mut self, row: &mut Row) -> Result<bool, DataError> {
        self.goes_on = false;
        if !std::mem::take(&mut self.ahead) && !self.next_record()? {
            return Ok(false);
        }
        self.goes_on = true;
        let (expected, got) = (self.columns.len(), self.record.len());
        if expected != got {
            return Err(wrong_width(&self.path, self.line, expected, got));
        }
        self.decode(row)?;
        Ok(true)
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn replaced(&self) -> u64 {
        self.replaced
    }

    fn goes_on(&self) -> bool {
        self.goes_on
    }

    fn line(&self) -> u64 {
        self.line
    }

    fn delimiter(&self) -> Option<char> {
        Some(self.delimiter as char)
    }

    fn ledger(&self) -> Ledger {
        let mut ledger = self.found.clone();
        let becomes = "are not UTF-8: what could not be read stands as \u{fffd}";
        ledger.add(Remark::new("fields", self.replaced as usize, becomes));
        ledger
    }
}

/// The first bytes without the mark that says UTF-8.
pub(super) fn beginning(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    reader.take(3).read_to_end(&mut start)?;
    if start == [0xef, 0xbb, 0xbf] {
        start.clear();
    }
    Ok(start)
}

/// Passes over one line without holding it.
fn skip_line(reader: &mut impl BufRead) -> io::Result<()> {
    loop {
        let bytes = reader.fill_buf()?;
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(bytes.len(), |end| end + 1);
        reader.consume(length);
        if end.is_some() || length == 0 {
            return Ok(());
        }
    }
}

/// Gives at most `left` bytes until it is set again. The parser keeps a whole record in memory, whatever its size; this bounds it.
struct Capped<R> {
    inner: R,
    left: u64,
    /// What was given last, and how much in all.
    last: Vec<u8>,
    given: u64,
    /// Quotes in what was given, if there are any in this file.
    quotes: u64,
    quote: Option<u8>,
    /// Whether there is no more to give.
    ended: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("the record is too long")]
struct TooLong;

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::other(TooLong));
        }
        let most = buffer.len().min(self.left as usize);
        let read = self.inner.read(&mut buffer[..most])?;
        self.left -= read as u64;
        self.ended = read == 0 && most > 0;
        let quotes = buffer[..read]
            .iter()
            .filter(|byte| Some(**byte) == self.quote);
        self.quotes += quotes.count() as u64;
        if read > 0 {
            self.last.clear();
            self.last.extend(&buffer[..read]);
            self.given += read as u64;
        }
        Ok(read)
    }
}

fn too_long(path: &Path, line: u64, source: io::Error) -> DataError {
    if source.get_ref().is_some_and(|inner| inner.is::<TooLong>()) {
        return DataError::Line {
            path: path.to_path_buf(),
            line,
            what: "length of the record".to_owned(),
            expected: format!("at most {MAX_RECORD} bytes"),
            got: "more; is a quote left open?".to_owned(),
        };
    }
    text_error(path, source)
}
