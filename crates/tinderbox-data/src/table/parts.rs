//! A table in several files of a folder, as Spark, Hive and `split` write it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::reader::{TableFormat, TableOptions, open};
use crate::DataError;

/// Parts whose columns are looked at to tell whether they are of one table.
const MOST_LOOKED_AT: usize = 100;

/// Beginnings of names by which the parts of a split are told.
const TRAINING: [&str; 1] = ["train"];
const TEST: [&str; 6] = ["test", "val", "dev", "eval", "holdout", "held"];

/// A file of a table, and what its folders say of all its rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    pub path: PathBuf,
    /// Its path within the folder, with `/` between names.
    pub name: String,
    /// Columns and values of folders that are called `name=value`.
    pub values: Vec<(String, String)>,
}

/// Whether a path leads to a table: a file whose ending says so, or a folder of such files.
pub fn is_table(path: &Path) -> bool {
    if !path.is_dir() {
        return TableFormat::of_path(path).is_some();
    }
    parts(path, None).is_ok_and(|(parts, ignored)| parts.len() > ignored.len())
}

/// Whether the tables in a folder are parts of one: several with the same columns, none for training and another for testing, or one in a
/// folder that names a column.
pub fn is_one_table(root: &Path) -> bool {
    let Ok((parts, _)) = parts(root, None) else {
        return false;
    };
    let columns = |part: &Part| {
        let reader = open(&part.path, &TableOptions::default()).ok()?;
        Some(
            reader
                .columns()
                .iter()
                .cloned()
                .collect::<BTreeSet<String>>(),
        )
    };
    let same = || {
        let first = columns(&parts[0]);
        first.is_some()
            && parts[1..]
                .iter()
                .take(MOST_LOOKED_AT)
                .all(|part| columns(part) == first)
    };
    let several = parts.len() > 1 || !parts[0].values.is_empty();
    several && refuse_split(root, &parts).is_ok() && same()
}

/// The files of a table by name, and the names of those that are none.
///
/// Hidden files and those whose names begin with an underscore, such as `_SUCCESS`, are neither.
pub(super) fn parts(
    root: &Path,
    format: Option<TableFormat>,
) -> Result<(Vec<Part>, Vec<String>), DataError> {
    let (mut found, mut ignored) = (Vec::new(), Vec::new());
    let whole = Part {
        path: root.to_path_buf(),
        name: String::new(),
        values: Vec::new(),
    };
    let mut folders = vec![whole];
    while let Some(folder) = folders.pop() {
        let io = |source| DataError::io(&folder.path, source);
        for entry in fs::read_dir(&folder.path).map_err(io)? {
            let entry = entry.map_err(io)?;
            let own = entry.file_name().to_string_lossy().into_owned();
            if own.starts_with(['.', '_']) {
                continue;
            }
            let mut part = Part {
                path: entry.path(),
                name: match folder.name.as_str() {
                    "" => own.clone(),
                    above => format!("{above}/{own}"),
                },
                values: folder.values.clone(),
            };
            if entry.file_type().map_err(io)?.is_dir() {
                part.values.extend(value_of(&own));
                folders.push(part);
            } else if format
                .or_else(|| TableFormat::of_path(&part.path))
                .is_some()
            {
                found.push(part);
            } else {
                ignored.push(part.name);
            }
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    ignored.sort_unstable();
    if found.is_empty() {
        return Err(DataError::Empty {
            path: root.to_path_buf(),
            what: "CSV, TSV, JSON lines, Parquet or Arrow files",
            ignored: ignored.len(),
        });
    }
    Ok((found, ignored))
}

/// Refuses a folder that holds a table for training and another for testing.
pub(super) fn refuse_split(root: &Path, parts: &[Part]) -> Result<(), DataError> {
    let Some((train, test)) = split_of(parts.iter().map(|part| part.name.as_str())) else {
        return Ok(());
    };
    let own = |name: &str| root.join(name).display().to_string();
    let expected = format!(
        "one table: `path = \"{}\"` and `test_path = \"{}\"`",
        own(train),
        own(test)
    );
    let got = format!("{}, which holds both", root.display());
    Err(DataError::config("data.path", expected, got))
}

/// A name that says that it is for training and one that says that it is for testing, if there are both: of files or of folders at the top.
pub fn split_of<'n>(names: impl Iterator<Item = &'n str>) -> Option<(&'n str, &'n str)> {
    let (mut train, mut test) = (None, None);
    for name in names {
        let top = name.split('/').next().unwrap_or(name);
        let lower = top.to_ascii_lowercase();
        let is = |beginnings: &[&str]| {
            let mut words = lower.split(|c: char| !c.is_ascii_alphabetic());
            words.any(|word| {
                beginnings
                    .iter()
                    .any(|beginning| word.starts_with(beginning))
            })
        };
        if is(&TRAINING) {
            train.get_or_insert(top);
        } else if is(&TEST) {
            test.get_or_insert(top);
        }
    }
    train.zip(test)
}

/// Column and value of a folder that is called `name=value`.
fn value_of(folder: &str) -> Option<(String, String)> {
    let (name, value) = folder.split_once('=')?;
    (!name.is_empty()).then(|| (unescaped(name), unescaped(value)))
}

/// Hive writes what is no part of a file's name as `%` and two digits.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte.filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_with_the_values_of_their_folders() {
        let root = tempfile::tempdir().unwrap();
        for name in [
            "year=2021/part-1.csv",
            "year=2021/part-0.csv",
            "year=20%2F2/a.csv",
            "_SUCCESS",
            ".crc",
            "notes.md",
        ] {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "a\n1\n").unwrap();
        }
        let (parts, ignored) = parts(root.path(), None).unwrap();
        let shown: Vec<_> = parts
            .iter()
            .map(|part| (part.name.as_str(), part.values[0].1.as_str()))
            .collect();
        assert_eq!(
            shown,
            [
                ("year=20%2F2/a.csv", "20/2"),
                ("year=2021/part-0.csv", "2021"),
                ("year=2021/part-1.csv", "2021")
            ]
        );
        assert_eq!(ignored, ["notes.md"]);
        assert!(
            is_table(root.path()) && is_table(Path::new("a.tsv.gz")) && !is_table(Path::new("a"))
        );
    }

    #[test]
    fn a_split_is_told_by_names() {
        let split = |names: &[&'static str]| split_of(names.iter().copied());
        assert_eq!(
            split(&["train.csv", "test.csv"]),
            Some(("train.csv", "test.csv"))
        );
        assert_eq!(
            split(&["mail_train/0.csv", "mail_test/0.csv"]),
            Some(("mail_train", "mail_test"))
        );
        assert_eq!(split(&["part-0.csv", "part-1.csv"]), None);
        assert_eq!(split(&["latest.csv", "contest.csv", "training.csv"]), None);
    }
}
