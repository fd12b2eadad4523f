//! Rows of a table as documents.

use std::sync::Arc;

use burn::data::dataset::Dataset;

use super::document::Document;
use crate::table::TableItems;
use crate::{Content, DataError, Labelled, Ledger, Remark};

/// The texts in one column of a table, or the pairs in two, with the table's labels.
///
/// A row without a text is an item that cannot be read.
#[derive(Debug, Clone)]
pub struct TextRows {
    table: Arc<TableItems>,
    text: usize,
    second: Option<usize>,
}

impl TextRows {
    /// The texts in the column `text`; with `second`, each is a pair with that column's.
    ///
    /// # Errors
    /// [`DataError::Config`] when there is no such column.
    pub fn new(
        table: Arc<TableItems>,
        text: &str,
        second: Option<&str>,
    ) -> Result<Self, DataError> {
        let place = |column| table.table().place("text", column);
        Ok(Self {
            text: place(text)?,
            second: second.map(place).transpose()?,
            table,
        })
    }

    fn cell(&self, index: usize, column: usize) -> Result<String, DataError> {
        let cell = self.table.row(index)?.cell(column);
        let text = cell.name().ok_or_else(|| {
            let line = format!("line {}", self.table.id(index));
            DataError::format("text", "one in each row", format!("none in {line}"))
        })?;
        Ok(text.into_owned())
    }
}

impl Dataset<Document, DataError> for TextRows {
    fn get(&self, index: usize) -> Result<Document, DataError> {
        let second = self.second.map(|column| self.cell(index, column));
        Ok(Document {
            text: self.cell(index, self.text)?,
            second: second.transpose()?,
            words: Vec::new(),
            answers: Vec::new(),
            label: self.label(index),
            id: self.id(index),
        })
    }

    fn len(&self) -> usize {
        self.table.len()
    }
}

impl Labelled for TextRows {
    fn label(&self, index: usize) -> Option<u32> {
        self.table.label(index)
    }

    fn class_names(&self) -> &[String] {
        self.table.class_names()
    }

    fn id(&self, index: usize) -> String {
        self.table.id(index)
    }

    fn place(&self, index: usize) -> Option<String> {
        Some(format!("line {}", self.table.id(index)))
    }

    fn ledger(&self) -> Ledger {
        let columns = self.table.table().columns();
        let read = |place: usize| {
            let is_text = place == self.text || Some(place) == self.second;
            is_text || self.table.label_column() == Some(columns[place].as_str())
        };
        let others = (0..columns.len()).filter(|place| !read(*place));
        let others: Vec<String> = others.map(|place| columns[place].clone()).collect();
        let becomes = "are not read: the texts, and their labels, are all that is";
        let mut ledger = self.table.ledger();
        ledger.add(
            Remark::new("columns", others.len(), becomes)
                .of(columns.len())
                .examples(others)
                .key("data.text"),
        );
        let rows = 0..self.table.len();
        let lacks = |row: &usize| self.table.row(*row).is_ok() && self.get(*row).is_err();
        let lacks: Vec<String> = rows.filter(lacks).map(|row| self.id(row)).collect();
        ledger.add(
            Remark::new("rows", lacks.len(), "have no text, and are left out")
                .of(self.table.len())
                .examples(lacks.iter().map(|line| format!("line {line}"))),
        );
        ledger
    }
}

impl Content for TextRows {
    fn content(&self, index: usize, sink: &mut dyn FnMut(&[u8])) -> Result<(), DataError> {
        self.table.content(index, sink)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::TableOptions;

    #[test]
    fn a_column_is_the_text_and_another_its_pair() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, "q,a,same\nwhy,because,yes\nwho,,no\n").unwrap();
        let read = || TableItems::read(&path, &TableOptions::default(), Some("same")).unwrap();
        let rows = TextRows::new(Arc::new(read()), "q", Some("a")).unwrap();
        let first = rows.get(0).unwrap();
        assert_eq!(
            (first.text.as_str(), first.second.as_deref()),
            ("why", Some("because"))
        );
        assert_eq!(rows.class_names()[first.label.unwrap() as usize], "yes");
        let error = rows.get(1).unwrap_err().to_string();
        assert!(error.contains("line 3"), "{error}");
        let said = rows.ledger().remarks()[0].to_string();
        assert_eq!(said, "1 of 2 rows have no text, and are left out (line 3)");
        let error = TextRows::new(Arc::new(read()), "b", None).unwrap_err();
        assert!(error.to_string().contains('q'), "{error}");
    }
}
