//! Tables whose types other crates define through serde, read with the same care as our own.

use std::fmt::Display;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::complaint::Complaint;
use super::document::{Entry, Table, Value};
use super::findings::nearest;
use super::from_value::FromValue;
use super::reader::TableReader;

impl TableReader<'_> {
    /// Everything not read yet, as a type that another crate defines through serde.
    ///
    /// What it refuses is complained about key by key: each faulty value is found, reported
    /// and left out, until the rest is accepted or nothing more can be left out.
    pub fn rest<T: DeserializeOwned + Serialize>(&mut self) -> Option<T> {
        if self.findings.explores() {
            explore::<T>(self);
        }
        let mut entries = std::mem::take(&mut self.entries);
        let mut left_out = Vec::new();
        loop {
            let error = match attempt::<T>(&entries) {
                Ok(value) => return Some(value),
                Err(error) => error,
            };
            // A value that was left out because it is faulty is not missing as well.
            let missing = error
                .strip_prefix("missing field `")
                .map(|rest| rest.trim_end_matches('`'));
            if missing.is_some_and(|key| {
                left_out
                    .iter()
                    .any(|path: &Vec<String>| path.ends_with(&[key.to_string()]))
            }) {
                return None;
            }
            // Of keys whose absence changes the error, the one whose name or value it names.
            let named = |start| Some(error.strip_prefix(start)?.split('`').next()?.to_owned());
            let (field, variant) = (named("unknown field `"), named("unknown variant `"));
            let culprit = paths(&entries).into_iter().find(|path| {
                if field.is_some() && path.last() != field.as_ref()
                    || variant.is_some() && text_at(&entries, path) != variant.as_deref()
                {
                    return false;
                }
                let mut without = entries.clone();
                remove(&mut without, path);
                attempt::<T>(&without).err().as_ref() != Some(&error)
            });
            let Some(path) = culprit else {
                self.complain(format!("`{}`: {error}", self.path));
                return None;
            };
            let entry = remove(&mut entries, &path)?;
            let dotted = self.dotted(&path.join("."));
            let help = self.findings.help_of_kind(&dotted);
            self.findings
                .complain(foreign_complaint(&dotted, &entry, &error, help));
            left_out.push(path);
        }
    }

    /// As [`TableReader::rest`], and then checks the values. A refusal that begins with a key in
    /// backticks, relative to this table, is complained about at that key.
    pub fn checked_rest<T: DeserializeOwned + Serialize, E: Display>(
        &mut self,
        check: impl FnOnce(&T) -> Result<(), E>,
    ) -> Option<T> {
        let entries = self.entries.clone();
        let value = self.rest::<T>()?;
        if let Err(error) = check(&value) {
            let text = error.to_string();
            let named = text.strip_prefix('`').and_then(|rest| rest.split_once('`'));
            match named {
                Some((key, rest)) => {
                    let path: Vec<String> = key.split('.').map(String::from).collect();
                    let mut copy = entries;
                    let found = remove(&mut copy, &path).map(|entry| entry.node.span);
                    let span = found.unwrap_or(self.span.clone());
                    let message = format!("`{}`{rest}", self.dotted(key));
                    self.findings.complain(Complaint::new(span, message));
                }
                None => self.complain(format!("`{}`: {text}", self.path)),
            }
        }
        Some(value)
    }

    /// As [`TableReader::rest`], for an enum that serde tells apart by the key `tag`.
    pub fn tagged_rest<T: DeserializeOwned + Serialize>(
        &mut self,
        tag: &str,
        names: &[&str],
    ) -> Option<T> {
        let written = self.entries.get(tag).cloned();
        let found = self.choice(tag, names, None);
        match (found, written) {
            (Some(_), Some(entry)) => self.entries.insert(tag.to_string(), entry),
            _ => {
                self.pass_over();
                return None;
            }
        };
        self.rest()
    }
}

/// Puts an error of serde's into the words of a recipe's reader; `help` is for a key that is
/// like no other.
fn foreign_complaint(path: &str, entry: &Entry, error: &str, help: Option<String>) -> Complaint {
    let named: Vec<&str> = error.split('`').skip(1).step_by(2).collect();
    if error.starts_with("unknown field") {
        let complaint = Complaint::new(entry.key_span.clone(), format!("unknown key `{path}`"));
        let others = named.get(1..).unwrap_or_default();
        let near = named
            .first()
            .and_then(|key| nearest(key, others.iter().copied()));
        return match (near, help) {
            (Some(near), _) => complaint.with_help(format!("did you mean `{near}`?")),
            (None, Some(help)) => complaint.with_help(help),
            (None, None) if others.is_empty() => complaint,
            (None, None) => complaint.with_help(format!("known here: `{}`", others.join("`, `"))),
        };
    }
    let message = format!("`{path}`: {}", in_our_words(error));
    Complaint::new(entry.node.span.clone(), message)
}

/// What serde says of a value, without the names of Rust's types.
fn in_our_words(error: &str) -> String {
    match error.rsplit_once(", expected ") {
        Some((got, expected)) => format!("{got}, expected {}", kind_of(expected)),
        None => error.to_string(),
    }
}

/// A kind of value that serde expects, in the words of recipes.
fn kind_of(expected: &str) -> String {
    match expected {
        "f32" | "f64" => f64::EXPECTED.into(),
        "usize" | "u8" | "u16" | "u32" | "u64" => u64::EXPECTED.into(),
        "a boolean" => bool::EXPECTED.into(),
        "a string" | "string" | "path string" => "a string".into(),
        "a sequence" => "a list".into(),
        other if other.starts_with("struct ") || other == "a map" => "a table".into(),
        other => match other
            .rsplit_once(" of size ")
            .or(other.rsplit_once(" of length "))
        {
            Some((_, count)) => format!("a list of {count}"),
            None => other.into(),
        },
    }
}

/// A key that no table has.
const NO_KEY: &str = "?";

/// Notes the keys of a table that another crate defines, as far as the tables in it: each refuses [`NO_KEY`] by naming those it knows.
fn explore<T: DeserializeOwned + Serialize>(table: &TableReader<'_>) {
    let written = Value::Table(table.entries.clone()).to_toml();
    explore_at::<T>(table, &written, &mut Vec::new());
}

fn explore_at<T: DeserializeOwned + Serialize>(
    table: &TableReader<'_>,
    written: &toml::Value,
    at: &mut Vec<String>,
) {
    let path = table.dotted(&at.join("."));
    let refused = T::deserialize(within(written, at, |inner| {
        inner.insert(NO_KEY.into(), 1.into());
    }));
    let refused = refused.err();
    let refused = refused.map_or(String::new(), |error| error.message().to_string());
    let names: Vec<String> = refused
        .split('`')
        .skip(3)
        .step_by(2)
        .map(String::from)
        .collect();
    if refused.starts_with("unknown field `?`") {
        for name in names {
            at.push(name);
            explore_at::<T>(table, written, at);
            at.pop();
        }
        if !at.is_empty() {
            table.findings.note_known(path);
        }
        return;
    }
    if at.is_empty() || table.entries.contains_key(&at[0]) {
        // A map of any keys, or what tells the kind of the table.
        return;
    }
    table.findings.note_known(path.clone());
    let accepts = match refused.rsplit_once(", expected ") {
        _ if refused.starts_with("unknown variant") => format!("\"{}\"", names.join("\", \"")),
        Some((_, expected)) if refused.starts_with("invalid type") => kind_of(expected),
        _ => "a table".into(),
    };
    table.findings.note_accepted(&path, accepts);
    // What it is where the tables around it are written and no more.
    let around = within(written, &at[..at.len() - 1], |_| {});
    let read = T::deserialize(around)
        .ok()
        .and_then(|read| toml::Value::try_from(read).ok());
    let found = read.and_then(|read| {
        at.iter()
            .try_fold(read, |value, part| value.get(part).cloned())
    });
    if let Some(default) = found {
        table.findings.note_default(&path, shown(&default));
    }
}

/// A value as a recipe has it: numbers of 32 bits with the digits that were written.
fn shown(value: &toml::Value) -> String {
    match value {
        toml::Value::Float(number) if f64::from(*number as f32) == *number => {
            let text = (*number as f32).to_string();
            if text.contains(['.', 'e']) {
                text
            } else {
                format!("{text}.0")
            }
        }
        toml::Value::Array(items) => {
            let items: Vec<String> = items.iter().map(shown).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}

/// A table with tables on a path in it, the last of which is changed.
fn within(
    written: &toml::Value,
    at: &[String],
    change: impl FnOnce(&mut toml::Table),
) -> toml::Value {
    let mut whole = written.clone();
    let inner = at.iter().try_fold(&mut whole, |value, part| {
        let inner = value.as_table_mut()?.entry(part.as_str());
        Some(inner.or_insert_with(|| toml::Table::new().into()))
    });
    if let Some(toml::Value::Table(inner)) = inner {
        change(inner);
    }
    whole
}

fn attempt<T: DeserializeOwned>(entries: &Table) -> Result<T, String> {
    T::deserialize(Value::Table(entries.clone()).to_toml())
        .map_err(|error| error.message().to_string())
}

/// Paths of all values, the innermost first.
fn paths(entries: &Table) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (key, entry) in entries {
        if let Value::Table(inner) = &entry.node.value {
            for mut path in paths(inner) {
                path.insert(0, key.clone());
                found.push(path);
            }
        }
        found.push(vec![key.clone()]);
    }
    found
}

fn text_at<'t>(entries: &'t Table, path: &[String]) -> Option<&'t str> {
    let (key, rest) = path.split_first()?;
    match &entries.get(key)?.node.value {
        Value::String(text) if rest.is_empty() => Some(text),
        Value::Table(inner) => text_at(inner, rest),
        _ => None,
    }
}

fn remove(entries: &mut Table, path: &[String]) -> Option<Entry> {
    let (key, rest) = path.split_first()?;
    if rest.is_empty() {
        return entries.remove(key);
    }
    match &mut entries.get_mut(key)?.node.value {
        Value::Table(inner) => remove(inner, rest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::document::Document;
    use super::super::findings::Findings;
    use super::*;

    #[derive(Debug, Default, Deserialize, Serialize)]
    #[serde(default, deny_unknown_fields)]
    struct Foreign {
        p: f64,
        inner: Inner,
    }

    #[derive(Debug, Default, Deserialize, Serialize)]
    #[serde(default, deny_unknown_fields)]
    struct Inner {
        sizes: Option<(u32, u32)>,
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let mut complaints = Vec::new();
        let document = Document::parse("r.toml", text, &[], &mut complaints);
        let findings = Findings::default();
        TableReader::root(&findings, document.root, |root| {
            root.table("t", |t| {
                t.checked_rest(|foreign: &Foreign| match foreign.p {
                    0.0..=1.0 => Ok(()),
                    p => Err(format!("`p` is {p}, expected 0 to 1")),
                })
            })
        });
        complaints.extend(findings.into_complaints());
        let got: Vec<_> = complaints
            .iter()
            .map(|c| format!("{} | {}", &text[c.span.clone()], c.message))
            .collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn what_another_crate_refuses_is_found_key_by_key() {
        check("t.p = 0.5\nt.inner.sizes = [1, 2]", &[]);
        check("t.p = 1.5", &["1.5 | `t.p` is 1.5, expected 0 to 1"]);
        check(
            "t.p = \"x\"\nt.q = 1\nt.inner.sizes = 3\nt.inner.size = 4",
            &[
                "size | unknown key `t.inner.size`",
                "3 | `t.inner.sizes`: invalid type: integer `3`, expected a list of 2",
                "\"x\" | `t.p`: invalid type: string \"x\", expected a number",
                "q | unknown key `t.q`",
            ],
        );
    }

    #[test]
    fn the_nearest_name_is_near_enough() {
        assert_eq!(
            nearest("simclr_digit", ["simclr-digits", "simclr-mnist"]),
            Some("simclr-digits")
        );
        assert_eq!(
            nearest("weigth_decay", ["lr", "weight_decay"]),
            Some("weight_decay")
        );
        assert_eq!(nearest("zzz", ["lr", "betas"]), None);
    }
}
