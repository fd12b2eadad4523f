//! Reads a document table by table, and notes every fault on the way instead of stopping at one.

use std::fmt::Display;
use std::ops::{Range, RangeBounds};

use super::complaint::Complaint;
use super::document::{Node, Table, Value};
use super::findings::{Findings, nearest};
use super::from_value::FromValue;

/// A key that has been looked up, with its value if it was written and of the right kind.
#[derive(Debug)]
pub struct Field<'a, T> {
    findings: &'a Findings,
    path: String,
    /// Where the value was written, or the table it is missing from.
    span: Range<usize>,
    written: bool,
    value: Option<T>,
}

impl<T: FromValue> Field<'_, T> {
    /// Complains about a value that `accept` refuses; the value stays as it is.
    pub fn check(self, expected: &str, accept: impl Fn(&T) -> bool) -> Self
    where
        T: std::fmt::Debug,
    {
        self.findings.note_accepted(&self.path, expected);
        if let Some(value) = &self.value
            && !accept(value)
        {
            let message = format!("`{}` is {value:?}, expected {expected}", self.path);
            self.findings
                .complain(Complaint::new(self.span.clone(), message));
        }
        self
    }

    /// Complains about a value outside a range. NaN lies outside every range.
    pub fn within<R>(self, range: R, expected: &str) -> Self
    where
        T: PartialOrd + std::fmt::Debug,
        R: RangeBounds<T>,
    {
        self.check(expected, |value| range.contains(value))
    }

    /// The value or a default.
    pub fn or(self, default: T) -> T {
        self.findings.note_default(&self.path, default.show());
        self.value.unwrap_or(default)
    }

    /// The value, if it was written.
    pub fn optional(self) -> Option<T> {
        self.value
    }

    /// The value, or a complaint that it is missing and a stand-in to go on with.
    pub fn required(self, stand_in: T) -> T {
        let what = format!("`{}`", self.path);
        self.required_as(&what, stand_in)
    }

    /// As [`Field::required`], naming what is missing in other words.
    pub fn required_as(self, what: &str, stand_in: T) -> T {
        if !self.written {
            let message = format!("{what} is missing");
            self.findings
                .complain(Complaint::new(self.span.clone(), message));
        }
        self.value.unwrap_or(stand_in)
    }

    /// Turns the value into another; a refusal is a complaint at the value.
    pub fn parse<U, E: Display>(self, parse: impl FnOnce(T) -> Result<U, E>) -> Option<U> {
        match parse(self.value?) {
            Ok(value) => Some(value),
            Err(error) => {
                self.findings
                    .complain(Complaint::new(self.span, error.to_string()));
                None
            }
        }
    }
}

/// One table of a recipe. Keys that nobody asked for are unknown.
#[derive(Debug)]
pub struct TableReader<'a> {
    pub(super) findings: &'a Findings,
    pub(super) path: String,
    pub(super) span: Range<usize>,
    pub(super) entries: Table,
}

impl<'a> TableReader<'a> {
    /// Reads the root of a document, then complains about keys that were not asked for.
    pub fn root<T>(findings: &'a Findings, root: Table, read: impl FnOnce(&mut Self) -> T) -> T {
        Self::scope(findings, String::new(), 0..0, root, read)
    }

    fn scope<T>(
        findings: &'a Findings,
        path: String,
        span: Range<usize>,
        entries: Table,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let mut reader = Self {
            findings,
            path,
            span,
            entries,
        };
        let value = read(&mut reader);
        for (key, entry) in &reader.entries {
            let unknown = (reader.dotted(key), entry.key_span.clone());
            findings.note_unknown(unknown);
        }
        value
    }

    pub(super) fn dotted(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_string()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    fn take(&mut self, key: &str) -> Option<Node> {
        self.findings.note_known(self.dotted(key));
        self.entries.remove(key).map(|entry| entry.node)
    }

    /// Whether a key is written in this table.
    pub fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// The string that is written for a key, if it is one.
    pub fn text(&self, key: &str) -> Option<&str> {
        match &self.entries.get(key)?.node.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// Gives up on the keys not read yet, because which are known cannot be told.
    pub fn pass_over(&mut self) {
        self.entries.clear();
    }

    /// Notes a fault of the table as a whole.
    pub fn complain(&self, message: impl Into<String>) {
        self.findings
            .complain(Complaint::new(self.span.clone(), message));
    }

    /// Notes a fault at one key, which must not have been read yet.
    pub fn complain_at(&self, key: &str, message: impl Into<String>) {
        let span = self
            .entries
            .get(key)
            .map_or(&self.span, |entry| &entry.node.span);
        self.findings
            .complain(Complaint::new(span.clone(), message));
    }

    /// A key of a simple kind.
    pub fn field<T: FromValue>(&mut self, key: &str) -> Field<'a, T> {
        let path = self.dotted(key);
        let node = self.take(key);
        self.findings.note_accepted(&path, T::EXPECTED);
        let written = node.is_some();
        let span = node
            .as_ref()
            .map_or(self.span.clone(), |node| node.span.clone());
        let value = node.and_then(|node| {
            let value = T::from_value(&node.value);
            if value.is_none() {
                let message = match &node.value {
                    Value::Integer(number) => {
                        format!("`{path}` is {number}, expected {}", T::EXPECTED)
                    }
                    other => format!("`{path}` is {}, expected {}", other.kind(), T::EXPECTED),
                };
                self.findings.complain(Complaint::new(node.span, message));
            }
            value
        });
        Field {
            findings: self.findings,
            path,
            span,
            written,
            value,
        }
    }

    /// A key that takes one of some names; `None` with a complaint for any other value.
    ///
    /// A key that is not written gives `default`; without a default it is missing.
    pub fn choice<'n>(
        &mut self,
        key: &str,
        names: &[&'n str],
        default: Option<&'n str>,
    ) -> Option<&'n str> {
        let field = self.field::<String>(key);
        let (path, span) = (field.path.clone(), field.span.clone());
        let one_of = format!("\"{}\"", names.join("\", \""));
        self.findings.note_accepted(&path, one_of);
        if let Some(default) = default {
            self.findings
                .note_default(&path, default.to_string().show());
        }
        if !field.written && default.is_some() {
            return default;
        }
        let wrong = field.written && field.value.is_none();
        let given = field.required(String::new());
        let found = names.iter().find(|name| **name == given).copied();
        if found.is_none() && !given.is_empty() && !wrong {
            let help = match nearest(&given, names.iter().copied()) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("one of \"{}\"", names.join("\", \"")),
            };
            let message = format!("`{path}` is \"{given}\", which is not known");
            self.findings
                .complain(Complaint::new(span, message).with_help(help));
        }
        found
    }

    /// A table inside this one; one that is not written reads as empty.
    pub fn table<T>(&mut self, key: &str, read: impl FnOnce(&mut TableReader<'a>) -> T) -> T {
        let node = self.take(key);
        let (span, entries) = match node {
            None => (self.span.clone(), Table::new()),
            Some(node) => (node.span.clone(), self.entries_of(key, node)),
        };
        Self::scope(self.findings, self.dotted(key), span, entries, read)
    }

    /// A table inside this one that may be absent.
    pub fn optional_table<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&mut TableReader<'a>) -> T,
    ) -> Option<T> {
        let node = self.take(key)?;
        let (span, entries) = (node.span.clone(), self.entries_of(key, node));
        Some(Self::scope(
            self.findings,
            self.dotted(key),
            span,
            entries,
            read,
        ))
    }

    fn entries_of(&self, key: &str, node: Node) -> Table {
        match node.value {
            Value::Table(entries) => entries,
            other => {
                let message = format!(
                    "`{}` is {}, expected a table",
                    self.dotted(key),
                    other.kind()
                );
                self.findings.complain(Complaint::new(node.span, message));
                Table::new()
            }
        }
    }
}
