//! CSV and JSON lines, whole and broken.

use std::io::{BufRead, Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tinderbox_data::DataError;
use tinderbox_data::table::{
    Cell, CsvReader, Interactions, JsonLinesReader, NotUtf8, Row, RowReader, Table, TableOptions,
    open,
};

use crate::allocation::peak;

fn csv(bytes: &[u8], options: &TableOptions) -> Result<Table, DataError> {
    Table::read(&mut CsvReader::new(
        bytes,
        Path::new("t.csv"),
        b',',
        options,
    )?)
}

fn json(bytes: &[u8]) -> Result<Table, DataError> {
    let options = TableOptions::default();
    Table::read(&mut JsonLinesReader::new(
        bytes,
        Path::new("t.jsonl"),
        &options,
    )?)
}

fn cells(table: &Table) -> Vec<Vec<Cell<'_>>> {
    table
        .rows()
        .iter()
        .map(|row| row.cells().collect())
        .collect()
}

fn headless() -> TableOptions {
    TableOptions {
        header: Some(false),
        ..TableOptions::default()
    }
}

#[test]
fn csv_is_read_as_rfc_4180_says() {
    let text = "\u{feff}name,\"a \"\"quoted\"\" one\",,x\r\n\r\n\"two\nlines, and a comma\",NA,1.5,\"\"\r\nÄ, nan ,-2,last";
    let table = csv(text.as_bytes(), &TableOptions::default()).unwrap();
    assert_eq!(
        table.columns(),
        ["name", "a \"quoted\" one", "column_3", "x"]
    );
    let (text, missing) = (Cell::Text, Cell::Missing);
    assert_eq!(
        cells(&table),
        [
            [
                text("two\nlines, and a comma"),
                missing,
                text("1.5"),
                missing
            ],
            [text("Ä"), missing, text("-2"), text("last")],
        ]
    );
    // The first row begins in line 3, behind an empty one, and has two lines.
    assert_eq!(table.rows()[0].line(), 3);
    assert_eq!(table.rows()[1].line(), 5);
}

#[test]
fn lines_are_counted_whatever_ends_them() {
    for end in ["\n", "\r\n"] {
        let body = "a,b\n1,2\n\n\n\"two\nlines\",4\n5,\"6\"\n\n7";
        let text = body.replace('\n', end);
        let mut reader =
            CsvReader::new(text.as_bytes(), Path::new("t"), b',', &headless()).unwrap();
        let mut row = tinderbox_data::table::Row::new();
        let mut lines = Vec::new();
        let error = loop {
            match reader.read(&mut row) {
                Ok(true) => lines.push(row.line()),
                Ok(false) => panic!("the last row is ragged"),
                Err(error) => break error.to_string(),
            }
        };
        assert_eq!(lines, [1, 2, 5, 7], "{end:?}");
        assert!(error.starts_with("t:9: number of fields"), "{error}");
    }
}

#[test]
fn csv_without_a_header_names_columns_by_place() {
    let options = TableOptions {
        delimiter: Some(';'),
        skip_lines: Some(2),
        missing: vec!["?".to_owned()],
        ..headless()
    };
    let table = csv(b"about this file\n\n1;?\n;2\n", &options).unwrap();
    assert_eq!(table.columns(), ["column_1", "column_2"]);
    let text = Cell::Text;
    assert_eq!(
        cells(&table),
        [[text("1"), Cell::Missing], [text(""), text("2")]]
    );
    assert_eq!(table.rows()[1].line(), 4);
}

#[test]
fn bytes_that_are_not_utf_8_are_refused_or_counted() {
    let bytes = b"a,b\n1,2\ncaf\xe9,\xff\n";
    let error = csv(bytes, &TableOptions::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "t.csv:3: encoding of field 1: expected UTF-8, got `caf\u{fffd}`"
    );
    let options = TableOptions {
        not_utf8: NotUtf8::Replace,
        ..TableOptions::default()
    };
    let mut reader = CsvReader::new(&bytes[..], Path::new("t.csv"), b',', &options).unwrap();
    let table = Table::read(&mut reader).unwrap();
    assert_eq!(table.rows()[1].cell(0), Cell::Text("caf\u{fffd}"));
    assert_eq!(reader.replaced(), 2);
}

#[track_caller]
fn refused(bytes: &[u8], expected: &str) {
    let error = csv(bytes, &TableOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn broken_csv_is_said_with_its_line() {
    refused(
        b"a,b\n1,2\n3\n",
        "t.csv:3: number of fields: expected 2, got 1",
    );
    refused(
        b"a,b\n1,2,3\n",
        "t.csv:2: number of fields: expected 2, got 3",
    );
    refused(b"", "t.csv: no header found (0 other files ignored)");
    refused(
        b"\xff\xfea\0,\0",
        "t.csv: encoding: expected UTF-8, got UTF-16",
    );
    let options = TableOptions {
        max_field: 3,
        ..TableOptions::default()
    };
    let error = csv(b"a,b\n1,four\n", &options).unwrap_err();
    assert_eq!(
        error.to_string(),
        "t.csv:2: length of field 2: expected at most 3 bytes, got 4 bytes"
    );
    for delimiter in ['ä', '"', '\n'] {
        let options = TableOptions {
            delimiter: Some(delimiter),
            ..TableOptions::default()
        };
        assert!(csv(b"a,b\n", &options).is_err());
    }
}

/// An endless field that begins with a quote.
struct Endless {
    given: u64,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        buffer.fill(if self.given == 0 { b'"' } else { b'x' });
        let length = if self.given == 0 { 1 } else { buffer.len() };
        self.given += length as u64;
        assert!(self.given < 1 << 30, "read on without end");
        Ok(length)
    }
}

#[test]
fn an_endless_field_takes_bounded_memory() {
    let (result, bytes) = peak(|| {
        let endless = std::io::BufReader::new(Endless { given: 0 });
        CsvReader::new(endless, Path::new("t.csv"), b',', &headless()).map(|_| ())
    });
    let error = result.unwrap_err().to_string();
    assert!(
        error.starts_with("t.csv:1: length of the record"),
        "{error}"
    );
    // The record of 16 MiB, and its copy while the vector doubles.
    assert!(bytes < 80 << 20, "{bytes} bytes");
    let (result, bytes) = peak(|| {
        let endless = std::io::BufReader::new(Endless { given: 0 });
        JsonLinesReader::new(endless, Path::new("t"), &TableOptions::default()).map(|_| ())
    });
    let error = result.unwrap_err().to_string();
    assert!(error.starts_with("t:1: length"), "{error}");
    assert!(bytes < 80 << 20, "{bytes} bytes");
}

#[test]
fn json_lines_give_columns_in_the_order_of_their_keys() {
    let text = "\u{feff}{\"b\": 1, \"a\": \"x\"}\n\n{\"a\": null, \"c\": true}\r\n{\"b\": -2.5e0, \"c\": false}\n{\"b\": 18446744073709551615}";
    let table = json(text.as_bytes()).unwrap();
    assert_eq!(table.columns(), ["b", "a", "c"]);
    let (text, missing) = (Cell::Text, Cell::Missing);
    assert_eq!(
        cells(&table),
        [
            [Cell::Integer(1), text("x"), missing],
            [missing, missing, text("true")],
            [Cell::Number(-2.5), missing, text("false")],
            [text("18446744073709551615"), missing, missing],
        ]
    );
    assert_eq!(table.rows()[1].line(), 3);
}

#[test]
fn numbers_of_json_are_read_to_the_last_bit() {
    // One of the numbers that serde_json's quick way misses by one in the last place.
    for number in ["51.24817837550540", "1.7976931348623157e308", "5e-324"] {
        let table = json(format!("{{\"a\": {number}}}").as_bytes()).unwrap();
        assert_eq!(
            table.rows()[0].cell(0).number(),
            Some(number.parse().unwrap())
        );
    }
}

#[track_caller]
fn refused_json(bytes: &[u8], line: u64, part: &str) {
    let error = json(bytes).unwrap_err().to_string();
    assert!(error.starts_with(&format!("t.jsonl:{line}: ")), "{error}");
    assert!(error.contains(part), "{error}");
}

#[test]
fn broken_json_is_said_with_its_line() {
    refused_json(b"{\"a\": 1}\n{\"a\": }\n", 2, "expected value");
    refused_json(b"{\"a\": 1}\n[1]\n", 2, "expected an object");
    refused_json(b"{\"a\": 1, \"a\": 2}\n", 1, "key `a` twice");
    refused_json(b"{\"a\": 1} x\n", 1, "trailing characters");
    refused_json(b"{\"a\": \"\xff\"}\n", 1, "invalid unicode");
    refused_json(b"{\"a\": NaN}\n", 1, "expected value");
    let error = json(b"\n\n").unwrap_err();
    assert!(matches!(error, DataError::Empty { .. }));
    let options = TableOptions {
        max_field: 2,
        ..TableOptions::default()
    };
    let long = b"{\"a\": \"xyz\"}";
    let mut reader = JsonLinesReader::new(&long[..], Path::new("t"), &options).unwrap();
    let error = Table::read(&mut reader).unwrap_err();
    assert!(
        error.to_string().contains("text of 3 bytes, more than 2"),
        "{error}"
    );
}

#[test]
fn what_json_holds_beside_values_is_left_out_and_told() {
    let late = "{\"a\": 1}\n".repeat(1000);
    let text = format!(
        "{{\"a\": 1, \"b\": [1, {{}}], \"c\": {{\"d\": 2}}}}\n{late}{{\"a\": 2, \"e\": [3]}}\n"
    );
    let options = TableOptions::default();
    let mut reader = JsonLinesReader::new(text.as_bytes(), Path::new("t"), &options).unwrap();
    let table = Table::read(&mut reader).unwrap();
    assert_eq!(table.columns(), ["a", "b", "c"]);
    let last: Vec<Cell<'_>> = table.rows()[1001].cells().collect();
    assert_eq!(last, [Cell::Integer(2), Cell::Missing, Cell::Missing]);
    let told: Vec<String> = reader
        .ledger()
        .remarks()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        told,
        [
            "1 keys are in none of the first 1000 objects, and are not read (`e`)",
            "2 of 3 columns hold lists or objects, which read as missing (`b`, `c`)"
        ]
    );
}

#[test]
fn a_reader_goes_on_behind_an_odd_line() {
    let options = TableOptions::default();
    let texts = ["a,b\n1,2\n3\n4,5\n", "{\"a\": 1}\n{\"a\": }\n{\"a\": 2}\n"];
    let csv = CsvReader::new(texts[0].as_bytes(), Path::new("t"), b',', &options).unwrap();
    let json = JsonLinesReader::new(texts[1].as_bytes(), Path::new("t"), &options).unwrap();
    let readers: [Box<dyn RowReader>; 2] = [Box::new(csv), Box::new(json)];
    for (mut reader, line) in readers.into_iter().zip([3, 2]) {
        let mut row = Row::new();
        assert!(reader.read(&mut row).unwrap());
        assert!(reader.read(&mut row).is_err() && reader.goes_on());
        assert_eq!(reader.line(), line);
        assert!(reader.read(&mut row).unwrap());
        assert!(!reader.read(&mut row).unwrap() && !reader.goes_on());
    }
}

#[test]
fn files_are_opened_by_their_ending_compressed_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let gzip = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = |bytes: &[u8]| {
        let level = ruzstd::encoding::CompressionLevel::Fastest;
        ruzstd::encoding::compress_to_vec(bytes, level)
    };
    let csv = b"user,item\n1,2\n3,\n";
    let tsv = b"user\titem\n1\t2\n3\t\n";
    let json = b"{\"user\": \"1\", \"item\": \"2\"}\n{\"user\": \"3\"}\n";
    for path in [
        write("a.csv", csv),
        write("a.csv.gz", &gzip(csv)),
        write("a.csv.zst", &zstd(csv)),
        // What the bytes are counts, not the second ending.
        write("b.csv", &gzip(csv)),
        write("a.tsv", tsv),
        write("a.tab.gz", &gzip(tsv)),
        write("a.jsonl", json),
        write("a.ndjson.zst", &zstd(json)),
    ] {
        let mut reader = open(&path, &TableOptions::default()).unwrap();
        assert_eq!(reader.path(), path);
        let table = Table::read(&mut *reader).unwrap();
        assert_eq!(table.columns(), ["user", "item"]);
        let text = Cell::Text;
        assert_eq!(
            cells(&table),
            [[text("1"), text("2")], [text("3"), Cell::Missing]]
        );
    }
    let mut cut = gzip(&csv.repeat(1000));
    cut.truncate(cut.len() / 2);
    let path = write("cut.csv.gz", &cut);
    let result =
        open(&path, &TableOptions::default()).and_then(|mut reader| Table::read(&mut *reader));
    let error = result.unwrap_err().to_string();
    assert!(
        error.contains("cut.csv.gz: compressed data: expected a whole stream"),
        "{error}"
    );
    assert!(open(folder.path().join("none.csv"), &TableOptions::default()).is_err());
    std::fs::create_dir(folder.path().join("folder.csv")).unwrap();
    assert!(open(folder.path().join("folder.csv"), &TableOptions::default()).is_err());
    let columns = tinderbox_data::table::InteractionColumns {
        user: "user".to_owned(),
        item: "item".to_owned(),
        rating: None,
        time: None,
    };
    let mut reader = open(folder.path().join("a.csv"), &TableOptions::default()).unwrap();
    let error = Interactions::read(&mut *reader, &columns).unwrap_err();
    let expected = "a.csv:3: column `item`: expected a name, got no value";
    assert!(error.to_string().ends_with(expected), "{error}");
}

/// A field of CSV, as any writer may quote it.
fn field() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop::sample::select(vec!['a', 'é', ',', '"', '\n', '\r', ' ', '7']),
        1..6,
    )
    .prop_map(|chars| format!("x{}", chars.into_iter().collect::<String>()))
}

proptest! {
    #[test]
    fn what_the_csv_crate_writes_is_read(rows in prop::collection::vec(prop::collection::vec(field(), 3), 1..8)) {
        let mut writer = csv_writer();
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let table = csv(&writer.into_inner().unwrap(), &headless()).unwrap();
        let expected: Vec<Vec<Cell<'_>>> = rows.iter().map(|row| row.iter().map(|text| Cell::Text(text)).collect()).collect();
        prop_assert_eq!(cells(&table), expected);
    }

    #[test]
    fn no_bytes_panic(bytes: Vec<u8>, header: bool) {
        let options = TableOptions { header: Some(header), not_utf8: NotUtf8::Replace, ..TableOptions::default() };
        let _ = csv(&bytes, &options);
        let _ = json(&bytes);
    }

    #[test]
    fn no_damage_panics(at: usize, value: u8, keep: usize) {
        let texts = [&b"a,b\n\"1,\n\",2\n3,\n"[..], b"{\"a\": 1.5, \"b\": \"\\u00e9\"}\n{\"b\": null}\n"];
        for text in texts {
            let mut bytes = text.to_vec();
            bytes[at % text.len()] = value;
            bytes.truncate(keep % (text.len() + 1));
            let (_, allocated) = peak(|| {
                let _ = csv(&bytes, &headless());
                let _ = json(&bytes);
            });
            prop_assert!(allocated < 300_000, "{} bytes", allocated);
        }
    }
}

fn csv_writer() -> ::csv::Writer<Vec<u8>> {
    ::csv::Writer::from_writer(Vec::new())
}

/// `peak` counts a thread's allocations; reading must not leave it.
#[test]
fn a_table_is_streamed() {
    let line = b"0.25,some text of a row\n";
    let (rows, bytes) = peak(|| {
        let text = std::io::BufReader::new(std::io::repeat(0).take(0)).chain(Repeat {
            line,
            at: 0,
            left: 20_000_000,
        });
        let mut reader = CsvReader::new(text, Path::new("t"), b',', &headless()).unwrap();
        let mut row = tinderbox_data::table::Row::new();
        let mut rows = 0;
        while reader.read(&mut row).unwrap() {
            rows += 1;
        }
        rows
    });
    assert_eq!(rows, 20_000_000 / line.len());
    assert!(bytes < 100_000, "{bytes} bytes");
}

/// A line again and again, as long as whole ones fit.
struct Repeat {
    line: &'static [u8],
    at: usize,
    left: usize,
}

impl Read for Repeat {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let bytes = self.fill_buf()?;
        let length = bytes.len().min(buffer.len());
        buffer[..length].copy_from_slice(&bytes[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Repeat {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        let done = self.at == 0 && self.left < self.line.len();
        Ok(if done { &[] } else { &self.line[self.at..] })
    }

    fn consume(&mut self, amount: usize) {
        self.at += amount;
        if self.at == self.line.len() {
            (self.at, self.left) = (0, self.left - self.line.len());
        }
    }
}
