//! The keys of `[data]` that say how the file of a table is written, where it is not as it is found.

use serde::Serialize;
use tinderbox::data::table::{Decimal, NotUtf8, TableOptions};

use super::DataSource;
use super::reader::TableReader;

/// What marks a missing value is this long at most.
const LONGEST_MARK: usize = 1024;

/// How a table is written, as far as a person says it.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct TableReading {
    /// What stands between fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// What stands around fields that hold delimiters; nothing if quotes are characters like any other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// What stands before a quote that does not end its field; nothing if only a doubled quote is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escape: Option<String>,
    /// Whether the first line names the columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// How many lines before the header, or the first row, are passed over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip_lines: Option<usize>,
    /// The sign before decimals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<Decimal>,
    /// What stands for a missing value beside nothing at all, in place of the usual marks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<Vec<String>>,
    /// Columns that are known to be there: a first line that has them is a header.
    #[serde(skip)]
    pub known: Vec<String>,
}

impl TableReading {
    const KEYS: [&'static str; 7] = [
        "delimiter",
        "quote",
        "escape",
        "header",
        "skip_lines",
        "decimal",
        "missing",
    ];

    pub(super) fn read(table: &mut TableReader<'_>, source: DataSource) -> Self {
        for key in Self::KEYS {
            if table.has(key) && source != DataSource::Table {
                table.complain_at(key, format!("`data.{key}` is for `table` only"));
            }
        }
        Self {
            delimiter: table.field::<String>("delimiter").parse(|text| {
                let mut chars = text.chars();
                match (text.as_str(), chars.next(), chars.next()) {
                    ("tab", _, _) => Ok('\t'),
                    (_, Some(only), None) if only.is_ascii() && !"\"\r\n".contains(only) => Ok(only),
                    _ => Err(format!(
                        "`data.delimiter` is {text:?}, expected one ASCII character, such as \";\" or \"\\t\""
                    )),
                }
            }),
            quote: table
                .field("quote")
                .check("one ASCII character, or \"\" for none", |quote: &String| {
                    quote.len() <= 1 && quote.is_ascii()
                })
                .optional(),
            escape: table
                .field("escape")
                .check("one ASCII character, or \"\" for none", |escape: &String| {
                    escape.len() <= 1 && escape.is_ascii()
                })
                .optional(),
            header: table.field("header").optional(),
            skip_lines: table.field("skip_lines").optional(),
            decimal: table.field::<String>("decimal").parse(|text| match text.as_str() {
                "." => Ok(Decimal::Point),
                "," => Ok(Decimal::Comma),
                _ => Err(format!("`data.decimal` is {text:?}, expected \".\" or \",\"")),
            }),
            missing: table
                .field("missing")
                .check("a list of short marks, such as [\"?\"]", |marks: &Vec<String>| {
                    marks.iter().all(|mark| mark.len() <= LONGEST_MARK)
                })
                .optional(),
            known: Vec::new(),
        }
    }

    /// The options of a reader; bytes that are no UTF-8 are replaced, or make their row one that cannot be read.
    pub fn options(&self, not_utf8: NotUtf8) -> TableOptions {
        let usual = TableOptions::default();
        let missing = self.missing.as_ref().map(|marks| {
            let marks = marks.iter().map(|mark| mark.trim().to_owned());
            std::iter::once(String::new()).chain(marks).collect()
        });
        TableOptions {
            delimiter: self.delimiter,
            quote: self.quote.clone(),
            escape: self.escape.clone(),
            header: self.header,
            decimal: self.decimal,
            missing: missing.unwrap_or(usual.missing),
            columns: self.known.clone(),
            not_utf8,
            format: usual.format,
            skip_lines: self.skip_lines,
            max_field: usual.max_field,
        }
    }
}
