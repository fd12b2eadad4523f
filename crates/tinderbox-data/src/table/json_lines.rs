//! JSON lines: one object a line.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::reader::{RowReader, TableOptions};
use super::row::{Cell, Row};
use crate::decompress::text_error;
use crate::{DataError, Ledger, Remark};

/// A line may have this many bytes.
const MAX_LINE: u64 = 16 << 20;

/// Columns are learnt from this many lines, or this many bytes of them.
const AHEAD: usize = 1000;
const AHEAD_BYTES: usize = 16 << 20;

/// A table of JSON objects, one a line.
///
/// The columns are the keys of the first 1,000 objects in the order in which they appear; a key that comes later is passed over and remarked
/// on. A key that an object lacks, and null, are missing values, and so are values that hold values. True and false are text. Empty lines are
/// passed over.
pub struct JsonLinesReader<R> {
    path: PathBuf,
    reader: R,
    columns: Vec<String>,
    places: HashMap<String, usize>,
    /// Lines that were read to learn the columns.
    ahead: VecDeque<(u64, Vec<u8>)>,
    buffer: Vec<u8>,
    line: u64,
    max_field: usize,
    goes_on: bool,
    /// Keys that came too late, and columns with values that hold values.
    late: BTreeSet<String>,
    nested: BTreeSet<String>,
}

impl<R: BufRead + Send> JsonLinesReader<R> {
    /// Reads the first lines to learn the columns; `path` is what errors name.
    ///
    /// # Errors
    /// [`DataError::Empty`] when there are no objects, as [`RowReader::read`] for those lines.
    pub fn new(reader: R, path: &Path, options: &TableOptions) -> Result<Self, DataError> {
        let mut json = Self {
            path: path.to_path_buf(),
            reader,
            columns: Vec::new(),
            places: HashMap::new(),
            ahead: VecDeque::new(),
            buffer: Vec::new(),
            line: 0,
            max_field: options.max_field,
            goes_on: false,
            late: BTreeSet::new(),
            nested: BTreeSet::new(),
        };
        let (mut lines, mut bytes) = (VecDeque::new(), 0);
        let mut row = Row::new();
        let mut refused = None;
        while lines.len() < AHEAD && bytes < AHEAD_BYTES && json.next_line()? {
            let parsed = json.parse(&mut row, true);
            refused = refused.or(parsed.err());
            bytes += json.buffer.len();
            lines.push_back((json.line, json.buffer.clone()));
        }
        if lines.is_empty() {
            return Err(DataError::Empty {
                path: json.path,
                what: "JSON objects",
                ignored: 0,
            });
        }
        match refused {
            // Not one object was among them.
            Some(error) if json.columns.is_empty() => return Err(error),
            _ => json.ahead = lines,
        }
        Ok(json)
    }

    /// Reads the next line that is not empty into `buffer`.
    fn next_line(&mut self) -> Result<bool, DataError> {
        if let Some((line, bytes)) = self.ahead.pop_front() {
            (self.line, self.buffer) = (line, bytes);
            return Ok(true);
        }
        loop {
            self.buffer.clear();
            let read = self
                .reader
                .by_ref()
                .take(MAX_LINE)
                .read_until(b'\n', &mut self.buffer)
                .map_err(|source| text_error(&self.path, source))?;
            self.line += 1;
            if read == 0 {
                return Ok(false);
            }
            if read as u64 == MAX_LINE && !self.buffer.ends_with(b"\n") {
                let expected = format!("at most {MAX_LINE} bytes");
                return Err(self.wrong("length", expected, "more".to_owned()));
            }
            if self.line == 1 && self.buffer.starts_with(&[0xef, 0xbb, 0xbf]) {
                self.buffer.drain(..3);
            }
            if !self.buffer.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }

    fn wrong(&self, what: &str, expected: String, got: String) -> DataError {
        DataError::Line {
            path: self.path.clone(),
            line: self.line,
            what: what.to_owned(),
            expected,
            got,
        }
    }

    /// Reads `buffer` into a row; if `learn`, unknown keys become columns.
    fn parse(&mut self, row: &mut Row, learn: bool) -> Result<(), DataError> {
        row.restart(self.line);
        for _ in 0..self.columns.len() {
            row.push(Cell::Missing);
        }
        let object = Object {
            row,
            columns: &mut self.columns,
            places: &mut self.places,
            max_field: self.max_field,
            learn,
            late: &mut self.late,
            nested: &mut self.nested,
        };
        let mut json = serde_json::Deserializer::from_slice(&self.buffer);
        object
            .deserialize(&mut json)
            .and_then(|()| json.end())
            .map_err(|error| {
                let expected = "an object of numbers, text, true, false and null".to_owned();
                self.wrong("JSON", expected, error.to_string())
            })
    }
}

impl<R: BufRead + Send> RowReader for JsonLinesReader<R> {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn read(&mut self, row: &mut Row) -> Result<bool, DataError> {
        self.goes_on = false;
        if !self.next_line()? {
            return Ok(false);
        }
        self.goes_on = true;
        self.parse(row, false)?;
        Ok(true)
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn goes_on(&self) -> bool {
        self.goes_on
    }

    fn line(&self) -> u64 {
        self.line
    }

    fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::default();
        let shown = |names: &BTreeSet<String>| -> Vec<String> {
            names.iter().map(|name| Cell::Text(name).shown()).collect()
        };
        let late = format!("are in none of the first {AHEAD} objects, and are not read");
        let late = Remark::new("keys", self.late.len(), late).examples(shown(&self.late));
        let nested = "hold lists or objects, which read as missing";
        let nested = Remark::new("columns", self.nested.len(), nested).of(self.columns.len());
        ledger.add(late);
        ledger.add(nested.examples(shown(&self.nested)));
        ledger
    }
}

/// Puts the values of an object at the places of its keys, without building the object.
struct Object<'a> {
    row: &'a mut Row,
    columns: &'a mut Vec<String>,
    places: &'a mut HashMap<String, usize>,
    max_field: usize,
    learn: bool,
    late: &'a mut BTreeSet<String>,
    nested: &'a mut BTreeSet<String>,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = vec![false; self.columns.len()];
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            let index = match self.places.get(&*key) {
                Some(index) => *index,
                None if self.learn => {
                    let index = self.columns.len();
                    self.columns.push(key.clone().into_owned());
                    self.places.insert(key.clone().into_owned(), index);
                    self.row.push(Cell::Missing);
                    seen.push(false);
                    index
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                    self.late.insert(key.into_owned());
                    continue;
                }
            };
            if std::mem::replace(&mut seen[index], true) {
                let key = Cell::Text(&key).shown();
                return Err(A::Error::custom(format!("key {key} twice")));
            }
            let mut nested = false;
            map.next_value_seed(Field {
                row: &mut *self.row,
                index,
                max_field: self.max_field,
                nested: &mut nested,
            })?;
            if nested {
                self.nested.insert(key.into_owned());
            }
        }
        Ok(())
    }
}

struct Field<'a> {
    row: &'a mut Row,
    index: usize,
    max_field: usize,
    nested: &'a mut bool,
}

impl<'de> DeserializeSeed<'de> for Field<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Field<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number, text, true, false or null")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        *self.nested = true;
        self.row.set(self.index, Cell::Missing);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        *self.nested = true;
        self.row.set(self.index, Cell::Missing);
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.row.set(self.index, Cell::Missing);
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        let text = if value { "true" } else { "false" };
        self.row.set(self.index, Cell::Text(text));
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.row.set(self.index, Cell::Integer(value));
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        match i64::try_from(value) {
            Ok(value) => self.row.set(self.index, Cell::Integer(value)),
            // Text keeps all digits of what is likely an identifier.
            Err(_) => self.row.set(self.index, Cell::Text(&value.to_string())),
        }
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.row.set(self.index, Cell::Number(value));
        Ok(())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        if value.len() > self.max_field {
            return Err(E::custom(format!(
                "text of {} bytes, more than {}",
                value.len(),
                self.max_field
            )));
        }
        self.row.set(self.index, Cell::Text(value));
        Ok(())
    }
}
