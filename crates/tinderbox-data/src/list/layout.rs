//! Where in the lines of a list paths and labels stand.

use std::collections::HashSet;

use crate::DataError;

/// Names of the column of paths in a head.
const PATHS: &[&str] = &[
    "file",
    "file_name",
    "file_path",
    "filename",
    "filepath",
    "image",
    "image_file",
    "image_path",
    "img",
    "img_path",
    "path",
    "picture",
];

/// Names of the column of labels in a head.
const LABELS: &[&str] = &[
    "category",
    "class",
    "class_name",
    "classname",
    "label",
    "labels",
    "target",
];

/// A line: its number from 1, and its fields.
pub(super) type Row = (u64, Vec<Vec<u8>>);

/// How a line is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fields {
    /// It is one field.
    Line,
    /// At the last blank.
    LastBlank,
    /// At all blanks.
    Blanks,
    /// By a separator, with quotes as in RFC 4180.
    Separated(u8),
}

impl Fields {
    /// Those that a list with such an ending may have, the likeliest first.
    pub(super) fn of_ending(ending: &str) -> [Self; 6] {
        let [comma, tab, semicolon] = [b',', b'\t', b';'].map(Self::Separated);
        match ending {
            "csv" => [
                comma,
                semicolon,
                tab,
                Self::Line,
                Self::LastBlank,
                Self::Blanks,
            ],
            "tsv" => [
                tab,
                comma,
                semicolon,
                Self::Line,
                Self::LastBlank,
                Self::Blanks,
            ],
            _ => [
                Self::Line,
                tab,
                Self::LastBlank,
                comma,
                semicolon,
                Self::Blanks,
            ],
        }
    }

    /// The first `most` rows that are not blank.
    pub(super) fn rows(self, bytes: &[u8], most: usize) -> Result<Vec<Row>, DataError> {
        let Self::Separated(separator) = self else {
            let lines = (1..).zip(bytes.split(|byte| *byte == b'\n'));
            let lines = lines.map(|(number, line)| (number, line.trim_ascii()));
            let some = lines.filter(|(_, line)| !line.is_empty()).take(most);
            return Ok(some
                .map(|(number, line)| (number, self.divided(line)))
                .collect());
        };
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(separator)
            .has_headers(false)
            .flexible(true)
            .from_reader(bytes);
        let mut rows = Vec::new();
        for record in reader.byte_records() {
            let record = record.map_err(|error| {
                let line = error.position().map_or(0, csv::Position::line);
                DataError::format("row", "fields", format!("{error} in line {line}"))
            })?;
            let line = record.position().map_or(0, csv::Position::line);
            let fields: Vec<Vec<u8>> = record
                .iter()
                .map(|field| field.trim_ascii().to_vec())
                .collect();
            if fields.iter().any(|field| !field.is_empty()) {
                rows.push((line, fields));
            }
            if rows.len() == most {
                break;
            }
        }
        Ok(rows)
    }

    fn divided(self, line: &[u8]) -> Vec<Vec<u8>> {
        let blank = |byte: &u8| byte.is_ascii_whitespace();
        match self {
            Self::LastBlank => match line.iter().rposition(&blank) {
                Some(at) => vec![line[..at].trim_ascii().to_vec(), line[at + 1..].to_vec()],
                None => vec![line.to_vec()],
            },
            Self::Blanks => {
                let words = line.split(blank).filter(|word| !word.is_empty());
                words.map(<[u8]>::to_vec).collect()
            }
            _ => vec![line.to_vec()],
        }
    }
}

/// What is in which field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) fields: Fields,
    /// The names of the fields, if the first row has them.
    pub(super) head: Option<Vec<String>>,
    pub(super) path: usize,
    pub(super) label: Option<usize>,
}

impl Layout {
    /// The first division of lines that lets the first row name a file, or else the second one; else what the ending says.
    pub(super) fn find(
        bytes: &[u8],
        ending: &str,
        is_file: impl Fn(&[u8]) -> bool,
    ) -> Result<Self, DataError> {
        let candidates = Fields::of_ending(ending);
        for behind_head in [false, true] {
            for fields in candidates {
                // A row that is wrong by one division may be right by another.
                let rows = fields.rows(bytes, 2).unwrap_or_default();
                let row = rows.get(usize::from(behind_head));
                let path =
                    row.and_then(|(_, fields)| fields.iter().position(|field| is_file(field)));
                if let Some(path) = path {
                    let head = behind_head.then(|| &rows[0].1);
                    return Ok(Self::new(fields, head, path));
                }
            }
        }
        // Nothing is there; a head may still say what is meant.
        let fields = candidates[0];
        let rows = fields.rows(bytes, 1)?;
        let head = rows.first().map(|(_, head)| head);
        let named = head.and_then(|head| Some((head, named(head, PATHS)?)));
        Ok(match named {
            Some((head, path)) => Self::new(fields, Some(head), path),
            None => Self::new(fields, None, 0),
        })
    }

    fn new(fields: Fields, head: Option<&Vec<Vec<u8>>>, path: usize) -> Self {
        let label = head.and_then(|head| named(head, LABELS));
        Self {
            fields,
            path,
            label: label.filter(|label| *label != path).or(Some(path + 1)),
            head: head.map(|head| head.iter().map(|name| text(name)).collect()),
        }
    }

    /// Settles where labels are once all rows are there: behind the path, or before it where values repeat, as labels do.
    pub(super) fn settle(&mut self, rows: &[Row]) {
        let has = |column: usize| rows.iter().any(|(_, fields)| fields.len() > column);
        if self.label.is_some_and(has) {
            return;
        }
        self.label = self.path.checked_sub(1).filter(|column| {
            let values: HashSet<&Vec<u8>> =
                rows.iter().map(|(_, fields)| &fields[*column]).collect();
            2 * values.len() <= rows.len()
        });
    }

    /// The column with this name in the head.
    pub(super) fn column(&self, key: &'static str, name: &str) -> Result<usize, DataError> {
        let head = self.head.as_deref().unwrap_or_default();
        head.iter().position(|other| other == name).ok_or_else(|| {
            let expected = match head {
                [] => "a column, which needs a head of the list with their names".to_owned(),
                head => format!("one of the columns {}", head.join(", ")),
            };
            DataError::config(key, expected, format!("{name:?}"))
        })
    }
}

/// The field of a head with one of some names.
fn named(head: &[Vec<u8>], names: &[&str]) -> Option<usize> {
    head.iter().position(|name| {
        let name = text(name).to_lowercase().replace([' ', '-'], "_");
        names.contains(&name.as_str())
    })
}

/// Bytes as text; what is none is shown as such.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        list: &str,
        ending: &str,
        fields: Fields,
        head: bool,
        path: usize,
        label: Option<usize>,
    ) {
        let is_file = |field: &[u8]| [&b"a.png"[..], b"b.png", b"a b.png"].contains(&field);
        let mut layout = Layout::find(list.as_bytes(), ending, is_file).unwrap();
        let rows = layout.fields.rows(list.as_bytes(), usize::MAX).unwrap();
        layout.settle(&rows[usize::from(head)..]);
        let got = (
            layout.fields,
            layout.head.is_some(),
            layout.path,
            layout.label,
        );
        assert_eq!(got, (fields, head, path, label));
    }

    #[test]
    fn layouts_are_found_by_the_files_that_are_there() {
        let comma = Fields::Separated(b',');
        check("a.png,x\n", "csv", comma, false, 0, Some(1));
        check("filename,label\na.png,x\n", "csv", comma, true, 0, Some(1));
        check(
            "n;label;file\n1;x;a.png\n",
            "csv",
            Fields::Separated(b';'),
            true,
            2,
            Some(1),
        );
        check(
            "breed,picture no\ny,a.png\ny,b.png",
            "csv",
            comma,
            true,
            1,
            Some(0),
        );
        check("a.png\nb c.png\n", "txt", Fields::Line, false, 0, None);
        check("a b.png 0\n", "txt", Fields::LastBlank, false, 0, Some(1));
        check(
            "a.png\t0\n",
            "txt",
            Fields::Separated(b'\t'),
            false,
            0,
            Some(1),
        );
        check("a.png 0 1 1\n", "lst", Fields::Blanks, false, 0, Some(1));
        check(
            "1 a.png\n2 b.png\n",
            "txt",
            Fields::LastBlank,
            false,
            1,
            None,
        );
        check("path,class\n", "csv", comma, true, 0, None);
        check("gone.jpg 1\n", "txt", Fields::Line, false, 0, None);
    }
}
