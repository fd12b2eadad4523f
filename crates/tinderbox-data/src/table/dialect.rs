//! How a file of separated values is written: what stands between fields, whether quotes are quotes, whether there is a header.
//!
//! What the options do not say is found in the file, and what is not as the file's ending has it is remarked on.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::Path;

use ::csv::{ByteRecord, ReaderBuilder};

use super::csv::beginning;
use super::date;
use super::date_order::clock;
use super::form::is_mark;
use super::numeral::{self, Decimal};
use super::quotes::Quotes;
use super::reader::TableOptions;
use crate::decompress::{decompressed, text_error};
use crate::{DataError, Ledger, Remark};

/// What may stand between fields.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The beginning of a file by which its delimiter and header are judged: so many bytes, and so many records.
const SAMPLE_BYTES: u64 = 1 << 20;
const SAMPLE: usize = 1000;

/// Leading lines that are of no table are so many at most.
const MOST_PREFACE: usize = 50;

/// What was found in a file.
#[derive(Debug)]
pub(super) struct Dialect {
    /// The options with it.
    pub options: TableOptions,
    /// A column that the header does not name.
    pub unnamed: Option<Unnamed>,
    /// Remarks on it.
    pub ledger: Ledger,
}

/// Where a column stands that the header does not name, as R writes the names of rows, or another program a last delimiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unnamed {
    First,
    Last,
}

/// The options with what was found in the file, and remarks on it.
pub(super) fn resolved(
    path: &Path,
    usual: u8,
    options: &TableOptions,
) -> Result<Dialect, DataError> {
    let mut options = options.clone();
    let mut ledger = Ledger::default();
    let open = || -> Result<Box<dyn BufRead>, DataError> {
        let file = File::open(path).map_err(|source| DataError::io(path, source))?;
        let mut text = decompressed(BufReader::new(file), path)?;
        let start = beginning(&mut text).map_err(|source| text_error(path, source))?;
        Ok(Box::new(Cursor::new(start).chain(text)))
    };
    let skip = options.skip_lines.unwrap_or(0);
    let sample = sample(open()?, skip).map_err(|source| text_error(path, source))?;
    let delimiter = match options.delimiter {
        Some(told) if told.is_ascii() => told as u8,
        // The reader complains.
        Some(_) => {
            return Ok(Dialect {
                options,
                unnamed: None,
                ledger,
            });
        }
        None => {
            let found = delimiter(&sample, usual);
            if found != usual {
                let shown = (found as char).escape_debug();
                let becomes =
                    format!("is read with `{shown}` between its fields, as its first rows have it");
                let key = format!("data.delimiter = \"{}\"", (usual as char).escape_debug());
                ledger.add(Remark::new("table", 1, becomes).key(key));
            }
            found
        }
    };
    options.delimiter = Some(delimiter as char);
    if options.quote.is_none() && sample.contains(&b'"') | (sample.len() as u64 >= SAMPLE_BYTES) {
        let quotes = Quotes::scan(open()?, delimiter).map_err(|source| text_error(path, source))?;
        if quotes.are_none() {
            let becomes = "begin with a quote that encloses nothing: quotes are read as they stand";
            let remark = Remark::new("fields", quotes.begun, becomes);
            ledger.add(remark.key("data.quote = \"\\\"\""));
            options.quote = Some(String::new());
        } else if options.escape.is_none() && quotes.are_escaped() {
            let becomes = "stand behind a backslash and do not end their field";
            let remark = Remark::new("quotes", quotes.escaped.skipped, becomes);
            ledger.add(remark.key("data.escape = \"\""));
            options.escape = Some("\\".to_owned());
        }
    }
    let quoting = options.quote.as_deref() != Some("");
    let escape = options
        .escape
        .as_deref()
        .and_then(|escape| escape.bytes().next());
    let mut records = records(&sample, delimiter, quoting, escape);
    let layout = Layout::of(&records);
    if options.skip_lines.is_none() && layout.preface > 0 {
        let skipped: Vec<Record> = records.drain(..layout.preface).collect();
        let lines = records.first().map_or(0, |record| record.line - 1);
        let becomes = "before the table have other fields than its rows, and are passed over";
        let remark = Remark::new("lines", lines, becomes);
        let shown = skipped.iter().map(|record| record.fields.join(" "));
        ledger.add(remark.examples(shown).key("data.skip_lines = 0"));
        options.skip_lines = Some(lines);
    }
    let mut unnamed = layout.unnamed.filter(|_| options.header != Some(false));
    if options.header.is_none() {
        let mut rows: Vec<Vec<String>> = records.into_iter().map(|record| record.fields).collect();
        if let (Some(place), Some(first)) = (unnamed, rows.first_mut()) {
            match place {
                Unnamed::First => first.insert(0, String::new()),
                Unnamed::Last => first.push(String::new()),
            }
        }
        let header = has_header(&rows, &options.columns);
        if !header {
            let becomes = "has no header: its first row is one of values, and its columns are called column_1, column_2, ...";
            let first = rows.first().map(|first| first.join(" "));
            let remark = Remark::new("table", 1, becomes).examples(first);
            ledger.add(remark.key("data.header = true"));
            unnamed = None;
        }
        options.header = Some(header);
    }
    if unnamed == Some(Unnamed::First) {
        let becomes = "before the first of the header has no name, and is called column_1";
        ledger.add(Remark::new("column", 1, becomes));
    }
    Ok(Dialect {
        options,
        unnamed,
        ledger,
    })
}

/// A record of a sample.
#[derive(Debug)]
struct Record {
    fields: Vec<String>,
    /// The line that it begins with, from 1.
    line: usize,
}

/// How the first records differ from the others.
#[derive(Debug, PartialEq)]
struct Layout {
    /// How many fields the records have.
    width: usize,
    /// How many records come before the table.
    preface: usize,
    unnamed: Option<Unnamed>,
}

impl Layout {
    /// That of a table that the first record begins.
    fn of_first(records: &[Record]) -> Self {
        Self {
            width: records.first().map_or(1, |record| record.fields.len()),
            preface: 0,
            unnamed: None,
        }
    }

    fn of(records: &[Record]) -> Self {
        let widths: Vec<usize> = records.iter().map(|record| record.fields.len()).collect();
        let plain = Self::of_first(records);
        let mut counts = BTreeMap::<usize, usize>::new();
        for width in &widths {
            *counts.entry(*width).or_default() += 1;
        }
        let most = counts.iter().max_by_key(|(_, count)| **count);
        let Some((&width, &count)) = most.filter(|(width, _)| **width > 1) else {
            return plain;
        };
        let before = widths.iter().take_while(|other| **other != width).count();
        let behind = widths.len() - before;
        if before == 0 || before > MOST_PREFACE || count < 3 || count * 10 < behind * 9 {
            return plain;
        }
        let narrower = |most: usize| widths[..before].iter().all(|other| *other <= most);
        let has_header_behind = || {
            let behind = records[before..].iter();
            let behind: Vec<Vec<String>> = behind.map(|record| record.fields.clone()).collect();
            has_header(&behind, &[])
        };
        let has_header_behind = has_header_behind();
        let lacks_one = widths[before - 1] + 1 == width && width > 2 && !has_header_behind;
        let preface = before - usize::from(lacks_one);
        if preface > 0 && !(narrower(1) || narrower(width - 1) && has_header_behind) {
            return plain;
        }
        let ends_empty = || {
            let rows = records.iter().filter(|record| record.fields.len() == width);
            rows.flat_map(|record| record.fields.last())
                .all(String::is_empty)
        };
        Self {
            width,
            preface,
            unnamed: lacks_one.then(|| match ends_empty() {
                true => Unnamed::Last,
                false => Unnamed::First,
            }),
        }
    }
}

/// The whole lines at the beginning.
fn sample(mut text: Box<dyn BufRead>, skip_lines: usize) -> std::io::Result<Vec<u8>> {
    let mut line = Vec::new();
    for _ in 0..skip_lines {
        line.clear();
        text.by_ref()
            .take(SAMPLE_BYTES)
            .read_until(b'\n', &mut line)?;
    }
    let mut sample = Vec::new();
    text.take(SAMPLE_BYTES).read_to_end(&mut sample)?;
    if sample.len() as u64 == SAMPLE_BYTES
        && let Some(end) = sample.iter().rposition(|byte| *byte == b'\n')
    {
        sample.truncate(end + 1);
    }
    Ok(sample)
}

fn records(sample: &[u8], delimiter: u8, quoting: bool, escape: Option<u8>) -> Vec<Record> {
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .quoting(quoting)
        .escape(escape)
        .has_headers(false)
        .flexible(true)
        .from_reader(sample);
    let mut records = Vec::new();
    let mut record = ByteRecord::new();
    while records.len() < SAMPLE && reader.read_byte_record(&mut record).unwrap_or(false) {
        let fields = record
            .iter()
            .map(|field| String::from_utf8_lossy(field).trim().to_owned());
        records.push(Record {
            fields: fields.collect(),
            line: record.position().map_or(1, |place| place.line() as usize),
        });
    }
    records
}

/// The delimiter that gives most records as many fields as the first, and more than one, or as the others where none does; among equals, one
/// whose fields are numbers, then the usual one.
fn delimiter(sample: &[u8], usual: u8) -> u8 {
    let tables = DELIMITERS.map(|delimiter| (delimiter, records(sample, delimiter, true, None)));
    let judged = |delimiter: u8, records: &[Record], layout: &Layout| {
        if layout.width < 2 {
            return (0, 0, u8::from(delimiter == usual));
        }
        let table = &records[layout.preface..];
        let same = |record: &&Record| record.fields.len() == layout.width;
        let same = table.iter().filter(same).count() + usize::from(layout.unnamed.is_some());
        let share = 100 * same / table.len();
        let fields = table.iter().flat_map(|record| &record.fields);
        let (numbers, all) = fields.fold((0, 0), |(numbers, all), field| {
            (numbers + usize::from(is_number(field)), all + 1)
        });
        (share, 100 * numbers / all, u8::from(delimiter == usual))
    };
    let best = |layout: fn(&[Record]) -> Layout| {
        let all = tables.iter().map(|(delimiter, records)| {
            let (share, numbers, is_usual) = judged(*delimiter, records, &layout(records));
            // One ragged row in ten is a fault of the file, and not of the delimiter.
            ((share.min(90), numbers, share, is_usual), *delimiter)
        });
        let all: Vec<_> = all.collect();
        let of_usual = all.iter().find(|(_, delimiter)| *delimiter == usual);
        let of_usual = of_usual.map_or(0, |((share, ..), _)| *share);
        match all.into_iter().max_by_key(|(judged, _)| *judged) {
            Some(((share, ..), best)) if share > of_usual.min(89) => (share, best),
            _ => (of_usual, usual),
        }
    };
    match best(Layout::of_first) {
        (90.., plain) => plain,
        (share, plain) => match best(Layout::of) {
            (more, prefaced) if more > share => prefaced,
            _ => plain,
        },
    }
}

fn is_number(field: &str) -> bool {
    let spelled = |decimal| numeral::read(field, decimal).is_some();
    field.parse::<f64>().is_ok()
        || spelled(Decimal::Point)
        || spelled(Decimal::Comma)
        || date::parse(field).is_some()
        || clock(field).is_some()
}

/// Whether the first record names the columns. Columns that are known by `names` decide, else those whose values are numbers, else
/// whether what the first record says comes again below it.
fn has_header(records: &[Vec<String>], names: &[String]) -> bool {
    let Some((first, rest)) = records.split_first() else {
        return true;
    };
    if !names.is_empty() {
        let place =
            |name: &String| (1..=first.len()).any(|place| *name == format!("column_{place}"));
        if names.iter().all(|name| first.contains(name)) {
            return true;
        }
        if names.iter().all(place) {
            return false;
        }
    }
    let (mut header, mut values) = (0, 0);
    for (place, name) in first.iter().enumerate() {
        let below = rest.iter().filter_map(|record| record.get(place));
        let below: Vec<&String> = below.filter(|value| !is_mark(value)).collect();
        if name.is_empty() || is_mark(name) || below.is_empty() {
            continue;
        }
        let numbers = below.iter().filter(|value| is_number(value)).count();
        if numbers * 10 >= below.len() * 9 {
            *(if is_number(name) {
                &mut values
            } else {
                &mut header
            }) += 1;
        } else {
            let again = below.iter().filter(|value| **value == name).count();
            values += usize::from(again >= 2);
        }
    }
    header > 0 && header >= values || values == 0 || counts_up(first)
}

/// Whether names are numbers that count columns, or years.
fn counts_up(names: &[String]) -> bool {
    let named = names.iter().filter(|name| !name.is_empty());
    let numbers: Vec<Option<i64>> = named.map(|name| name.parse().ok()).collect();
    let numbers: Vec<i64> = numbers.into_iter().flatten().collect();
    let in_order = numbers.windows(2).all(|pair| pair[1] == pair[0] + 1);
    numbers.len() > 2 && numbers.len() + 1 >= names.len() && in_order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, usual: u8, delimiter_: char, quotes: bool, header: bool) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, text).unwrap();
        let Dialect {
            options, ledger, ..
        } = resolved(&path, usual, &TableOptions::default()).unwrap();
        assert_eq!(options.delimiter, Some(delimiter_), "{text}");
        assert_eq!(options.quote.as_deref() != Some(""), quotes, "{text}");
        assert_eq!(options.header, Some(header), "{text}");
        let told = [delimiter_ as u8 != usual, !quotes, !header];
        let told = told.iter().filter(|told| **told).count();
        assert_eq!(ledger.remarks().len(), told, "{ledger:?}");
    }

    #[test]
    fn the_delimiter_is_what_all_rows_have() {
        check("a,b\n1,2\n3,4\n", b',', ',', true, true);
        check("a;b\n1,5;2\n3,25;4\n", b',', ';', true, true);
        check("1,5;2,5\n3,5;4,5\n", b',', ';', true, false);
        check("a\tb\n1,5\tx, y\n", b',', '\t', true, true);
        check("a|b\n1|2\n", b',', '|', true, true);
        check("a\tb\n1\t2\n", b'\t', '\t', true, true);
        check("a,b\n1,2\n", b'\t', ',', true, true);
        check("text\nhello, you\nwell\n", b',', ',', true, true);
        check("a,b\n\"x;y\",2\n\"z;w\",3\n", b',', ',', true, true);
    }

    #[test]
    fn quotes_that_enclose_nothing_are_characters() {
        check(
            "t\tk\nham\t\"Hi\nspam\tso \" what\nham\tall\" good\n",
            b'\t',
            '\t',
            false,
            true,
        );
        check(
            "t\tk\nham\t\"Hi\" he said\nspam\tx\n",
            b'\t',
            '\t',
            false,
            true,
        );
        check("t\tk\nham\t\"Hi\nspam\tx\n", b'\t', '\t', false, true);
        check("t,k\nham,\"two\nlines\"\nspam,x\n", b',', ',', true, true);
        check(
            "t,k\nham,\"a, b\"\nspam,\"say \"\"x\"\"\"\n",
            b',',
            ',',
            true,
            true,
        );
    }

    #[test]
    fn a_backslash_keeps_a_quote_from_ending_its_field() {
        let text = "t,k\nham,\"say \\\"a, b\\\" and go\"\nspam,\"x, y\"\nham,\"ends \\\"\"\n";
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, text).unwrap();
        let Dialect {
            options, ledger, ..
        } = resolved(&path, b',', &TableOptions::default()).unwrap();
        assert_eq!(options.escape.as_deref(), Some("\\"));
        assert_eq!(ledger.remarks()[0].count, 3);
        let mut reader = crate::table::open(&path, &TableOptions::default()).unwrap();
        let table = crate::table::Table::read(&mut *reader).unwrap();
        let second: Vec<String> = table
            .rows()
            .iter()
            .filter_map(|row| row.cell(1).name().map(|name| name.into_owned()))
            .collect();
        assert_eq!(second, ["say \"a, b\" and go", "x, y", "ends \""]);
        // A path that ends with one is whole.
        check("t,k\nham,\"C:\\\"\nspam,\"x\"\n", b',', ',', true, true);
    }

    #[track_caller]
    fn layout(text: &str, columns: &[&str], rows: usize, remarks: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, text).unwrap();
        let mut reader = crate::table::open(&path, &TableOptions::default()).unwrap();
        let table = crate::table::Table::read(&mut *reader).unwrap();
        assert_eq!(
            (table.columns(), table.rows().len()),
            (
                &columns
                    .iter()
                    .map(|name| (*name).to_owned())
                    .collect::<Vec<_>>()[..],
                rows
            )
        );
        let said: Vec<String> = reader
            .ledger()
            .remarks()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(said.len(), remarks.len(), "{said:?}");
        for (said, part) in said.iter().zip(remarks) {
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn lines_before_a_table_and_names_that_lack_are_told() {
        let preface = "2 lines before the table";
        layout(
            "# by me\n# today, or so\na,b,c\n1,2,3\n4,5,6\n7,8,9\n",
            &["a", "b", "c"],
            3,
            &[preface],
        );
        layout(
            "Report\n\na,b,c\n1,2,3\n4,5,6\n7,8,9\n",
            &["a", "b", "c"],
            3,
            &["before the table"],
        );
        // What is wider than the rows is no preface, and a table that its first record begins has none.
        let plain = "a,b,c,d\n1,2,3\n4,5,6\n7,8,9\n";
        assert_eq!(
            Layout::of(&records(plain.as_bytes(), b',', true, None)).preface,
            0
        );
        layout(
            "a;b\n0,00;1\n0,25;2\n0,50;3\n",
            &["a", "b"],
            3,
            &["read with `;`"],
        );
        let unnamed = "called column_1";
        layout(
            "a,b\nx,2,3\ny,5,6\nz,8,9\n",
            &["column_1", "a", "b"],
            3,
            &[unnamed],
        );
        layout("a,b\n2,3,\n5,6,\n8,9,\n", &["a", "b", "column_3"], 3, &[]);
        layout(
            "a,a,b\n2,3,4\n5,6,7\n",
            &["a", "a_2", "b"],
            2,
            &["`a` as `a_2`"],
        );
    }

    #[test]
    fn a_header_is_unlike_what_stands_below() {
        check("1.5,red\n2.5,blue\n3,red\n", b',', ',', true, false);
        check(
            "ham,one\nspam,two\nham,three\nham,four\n",
            b',',
            ',',
            true,
            false,
        );
        check("label,text\nspam,two\nham,three\n", b',', ',', true, true);
        check("0,1,2,3\n5,6,7,8\n9,9,9,9\n", b',', ',', true, true);
        check(",0,1,2\n0,6,7,8\n1,9,9,9\n", b',', ',', true, true);
        check(
            "country,2019,2020,2021\nx,6,7,8\ny,9,9,9\n",
            b',',
            ',',
            true,
            true,
        );
        check("?,2\n1,2\n3,4\n", b',', ',', true, false);
    }

    #[test]
    fn known_columns_decide() {
        let records = vec![vec!["ham".to_owned(), "x".to_owned()]; 4];
        assert!(!has_header(&records, &[]));
        assert!(has_header(&records, &["ham".to_owned()]));
        assert!(!has_header(&records, &["column_1".to_owned()]));
    }
}
