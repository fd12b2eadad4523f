//! A table as a data set of labelled rows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::data::dataset::Dataset;

use super::form::is_mark;
use super::matrix::Matrix;
use super::numeral::Decimal;
use super::pipeline::{BoundPipeline, ColumnPipeline, place};
use super::reader::{Table, TableOptions};
use super::row::{Cell, Row};
use super::source::{SourceFile, TableSource};
use crate::classes::classes;
use crate::joined::numbers;
use crate::{Content, DataError, Labelled, Ledger, Remark};

/// A table in memory whose rows are items, of which one column may tell the classes.
///
/// Classes are the distinct values of that column, in the order of their values if all are whole numbers, else of their bytes; a row without
/// one has no label. The id of an item is its line, behind the name of its file if there are several.
///
/// A row that cannot be read, such as one with too few fields, is an item without a label that no pipeline reads.
#[derive(Debug)]
pub struct TableItems {
    pub(super) table: Table,
    files: Vec<SourceFile>,
    pub(super) broken: BTreeMap<usize, DataError>,
    ledger: Ledger,
    pub(super) labels: Vec<Option<u32>>,
    class_names: Vec<String>,
    pub(super) label_column: Option<String>,
    pub(super) decimal: Option<Decimal>,
    pub(super) semicolons: bool,
}

impl TableItems {
    /// Reads a table, or all parts of one in a folder, with the classes of its column `labels`, if given.
    ///
    /// # Errors
    /// As [`open`](super::open) and reading, when most rows cannot be read; [`DataError::Empty`] without rows; [`DataError::Config`] when
    /// there is no such column, or when a folder holds more than one table.
    pub fn read(
        path: impl AsRef<Path>,
        options: &TableOptions,
        labels: Option<&str>,
    ) -> Result<Self, DataError> {
        let path = path.as_ref();
        let source = TableSource::read(path, options)?;
        Ok(Self {
            decimal: options.decimal,
            ..Self::of_source(source, path, labels)?
        })
    }

    /// The items of a table that came from `path`.
    ///
    /// # Errors
    /// [`DataError::Empty`] without rows; [`DataError::Config`] when there is no column `labels`.
    pub fn new(
        table: Table,
        path: impl Into<PathBuf>,
        labels: Option<&str>,
    ) -> Result<Self, DataError> {
        let path = path.into();
        let source = TableSource {
            table,
            files: vec![SourceFile {
                first: 0,
                prefix: String::new(),
                path: path.clone(),
            }],
            broken: BTreeMap::new(),
            ledger: Ledger::default(),
            semicolons: false,
        };
        Self::of_source(source, &path, labels)
    }

    fn of_source(
        source: TableSource,
        path: &Path,
        labels: Option<&str>,
    ) -> Result<Self, DataError> {
        let rows = source.table.rows();
        if rows.is_empty() {
            return Err(DataError::Empty {
                path: path.to_path_buf(),
                what: "rows",
                ignored: 0,
            });
        }
        let names: Vec<Option<String>> = match labels {
            None => vec![None; rows.len()],
            Some(column) => {
                let place = place(source.table.columns(), "data.labels", column)?;
                let name = |row: &Row| row.cell(place).name().map(|name| name.into_owned());
                rows.iter().map(name).collect()
            }
        };
        let classes = classes(&names);
        let mut ledger = source.ledger;
        ledger.extend(classes.ledger);
        for (class, name) in (0..).zip(&classes.names) {
            if is_mark(name) && classes.names.len() > 1 {
                let count = classes
                    .numbers
                    .iter()
                    .filter(|number| **number == Some(class));
                let becomes = format!(
                    "are {}, and are a class of their own",
                    Cell::Text(name).shown()
                );
                let remark = Remark::new("labels", count.count(), becomes).of(rows.len());
                ledger.add(remark.key(format!("data.missing = [{:?}]", name.trim())));
            }
        }
        Ok(Self {
            table: source.table,
            files: source.files,
            broken: source.broken,
            ledger,
            labels: classes.numbers,
            class_names: classes.names,
            label_column: labels.map(str::to_owned),
            decimal: None,
            semicolons: source.semicolons,
        })
    }

    /// A training and a test set as one, the second behind the first. Its ids are `test/LINE`. Columns of the test set are found by name.
    ///
    /// # Errors
    /// [`DataError::Config`] if the test set lacks a column, or has a class that the training set lacks.
    pub fn join(mut self, mut test: Self) -> Result<Self, DataError> {
        let own = self.table.columns();
        let (theirs, shown) = (test.table.columns(), |name: &String| {
            Cell::Text(name).shown()
        });
        let lacking: Vec<String> = own
            .iter()
            .filter(|name| !theirs.contains(name))
            .map(shown)
            .collect();
        if !lacking.is_empty() {
            let expected = format!("a table with the columns {}", own.join(", "));
            let got = format!("one without {}", lacking.join(", "));
            return Err(DataError::config("data.test_path", expected, got));
        }
        let more: Vec<String> = theirs
            .iter()
            .filter(|name| !own.contains(name))
            .map(shown)
            .collect();
        let remark = Remark::new(
            "columns",
            more.len(),
            "of the test table are not in the training table, and are not read",
        );
        test.ledger.add(remark.of(theirs.len()).examples(more));
        test.table.arrange(own);
        let (numbers, ledger) = numbers(&self.class_names, &test.class_names)?;
        test.ledger.extend(ledger);
        let labels = test.labels.iter();
        let labels = labels.map(|label| label.map(|label| numbers[label as usize]));
        let first = self.len();
        self.labels.extend(labels);
        self.table.extend(test.table);
        self.ledger.extend(test.ledger);
        self.semicolons |= test.semicolons;
        let broken = test.broken.into_iter();
        self.broken
            .extend(broken.map(|(row, error)| (first + row, error)));
        self.files
            .extend(test.files.into_iter().map(|file| SourceFile {
                first: first + file.first,
                prefix: format!("test/{}", file.prefix),
                ..file
            }));
        Ok(self)
    }

    /// The table.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The column that tells the classes.
    pub fn label_column(&self) -> Option<&str> {
        self.label_column.as_deref()
    }

    /// A row.
    ///
    /// # Errors
    /// Why it could not be read, if that is so.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&self, index: usize) -> Result<&Row, DataError> {
        match self.broken.get(&index) {
            Some(error) => Err(error.clone()),
            None => Ok(&self.table.rows()[index]),
        }
    }

    /// The file that a row comes from.
    pub(super) fn file(&self, index: usize) -> &SourceFile {
        let behind = self.files.partition_point(|file| file.first <= index);
        &self.files[behind.saturating_sub(1)]
    }

    /// Finds the columns of a pipeline.
    ///
    /// # Errors
    /// [`DataError::Config`] with the columns that the table does not have, or when the pipeline reads the column of the labels: what
    /// is to be told would be an input.
    pub fn bind<'p>(&self, pipeline: &'p ColumnPipeline) -> Result<BoundPipeline<'p>, DataError> {
        let read = |column: &String| pipeline.columns().iter().any(|read| read.name == *column);
        if let Some(column) = self.label_column.as_ref().filter(|column| read(column)) {
            let expected = "a column that the pipeline was not fitted to: name it before pre-training, or drop it";
            return Err(DataError::config(
                "labels",
                expected,
                Cell::Text(column).shown(),
            ));
        }
        pipeline.bind(self.table.columns())
    }

    /// The rows through a pipeline.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub fn through(self: &Arc<Self>, pipeline: &ColumnPipeline) -> Result<TableRows, DataError> {
        let bound = self.bind(pipeline)?;
        let width = pipeline.width();
        let mut values = Vec::with_capacity(width * self.len());
        let mut refused = vec![None; self.len()];
        for (index, refused) in refused.iter_mut().enumerate() {
            let applied = self.row(index).and_then(|row| {
                let applied = bound.apply(row, &mut values);
                applied.map_err(|error| error.at(&self.file(index).path))
            });
            *refused = applied.err();
            values.resize(width * (index + 1), 0.0);
        }
        let matrix = Matrix::of_features(pipeline.feature_names(), pipeline.spans(), values);
        Ok(TableRows {
            items: self.clone(),
            matrix,
            refused,
        })
    }
}

impl Dataset<Row, DataError> for TableItems {
    fn get(&self, index: usize) -> Result<Row, DataError> {
        self.row(index).cloned()
    }

    fn len(&self) -> usize {
        self.labels.len()
    }
}

impl Labelled for TableItems {
    fn label(&self, index: usize) -> Option<u32> {
        self.labels[index]
    }

    fn class_names(&self) -> &[String] {
        &self.class_names
    }

    fn id(&self, index: usize) -> String {
        let line = self.table.rows()[index].line();
        format!("{}{line}", self.file(index).prefix)
    }

    fn ledger(&self) -> Ledger {
        self.ledger.clone()
    }
}

impl Content for TableItems {
    fn content(&self, index: usize, sink: &mut dyn FnMut(&[u8])) -> Result<(), DataError> {
        for cell in self.table.rows()[index].cells() {
            // A length tells a missing cell from an empty one, and one cell from two.
            match cell.name() {
                None => sink(&u64::MAX.to_le_bytes()),
                Some(name) => {
                    sink(&(name.len() as u64).to_le_bytes());
                    sink(name.as_bytes());
                }
            }
        }
        Ok(())
    }
}

/// A row as numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct RowItem {
    /// The features, F of them.
    pub values: Vec<f32>,
    /// The number of the class, if it is known.
    pub label: Option<u32>,
}

/// The rows of a table through a pipeline. It takes 4 bytes a feature and row, beside the table.
///
/// A row with a cell that the pipeline refuses, such as a category that it does not know, is an item that cannot be read.
#[derive(Debug)]
pub struct TableRows {
    items: Arc<TableItems>,
    matrix: Matrix,
    refused: Vec<Option<DataError>>,
}

impl TableRows {
    /// Why the pipeline cannot read a row, nothing if it can.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn refused(&self, row: usize) -> Option<&DataError> {
        self.refused[row].as_ref()
    }

    /// Those of `rows` that can be read, such as what [`SwapNoise`](super::SwapNoise) draws from.
    ///
    /// # Errors
    /// [`DataError::NothingReadable`] when none can.
    pub fn matrix(&self, rows: &[usize]) -> Result<Matrix, DataError> {
        let readable = rows.iter().filter(|row| self.refused(**row).is_none());
        let values: Vec<f32> = readable
            .flat_map(|row| self.matrix.row(*row))
            .copied()
            .collect();
        if values.is_empty() {
            let reasons = rows.iter().filter_map(|row| self.refused(*row));
            return Err(DataError::NothingReadable {
                items: rows.len(),
                reasons: reasons.take(3).map(DataError::to_string).collect(),
            });
        }
        let names = self.matrix.names().to_vec();
        Ok(Matrix::of_features(
            names,
            self.matrix.features().to_vec(),
            values,
        ))
    }
}

impl Dataset<RowItem, DataError> for TableRows {
    fn get(&self, index: usize) -> Result<RowItem, DataError> {
        match self.refused(index) {
            Some(error) => Err(error.clone()),
            None => Ok(RowItem {
                values: self.matrix.row(index).to_vec(),
                label: self.items.labels[index],
            }),
        }
    }

    fn len(&self) -> usize {
        self.refused.len()
    }
}

impl Labelled for TableRows {
    fn label(&self, index: usize) -> Option<u32> {
        self.items.label(index)
    }

    fn class_names(&self) -> &[String] {
        self.items.class_names()
    }

    fn id(&self, index: usize) -> String {
        self.items.id(index)
    }

    fn ledger(&self) -> Ledger {
        self.items.ledger()
    }
}

/// The features, as a model reads them.
impl Content for TableRows {
    fn content(&self, index: usize, sink: &mut dyn FnMut(&[u8])) -> Result<(), DataError> {
        if let Some(error) = self.refused(index) {
            return Err(error.clone());
        }
        for value in self.matrix.row(index) {
            // Zero has one sign here.
            sink(&(value + 0.0).to_le_bytes());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{PlainRow, SwapNoise, SwapViews};
    use crate::{Collate, SampleRng, View, ViewCollate, fingerprint};

    fn items(rows: &[(f64, &str, Option<&str>)], labels: Option<&str>) -> TableItems {
        let columns = ["size", "colour", "class"].map(String::from).to_vec();
        let row = |(line, (size, colour, class)): (usize, &(f64, &str, Option<&str>))| {
            let class = class.map_or(Cell::Missing, Cell::Text);
            Row::from_cells(
                line as u64 + 2,
                [Cell::Number(*size), Cell::Text(colour), class],
            )
        };
        let table = Table::new(columns, rows.iter().enumerate().map(row).collect()).unwrap();
        TableItems::new(table, "rows.csv", labels).unwrap()
    }

    fn four() -> TableItems {
        let rows = [
            (1.0, "red", Some("b")),
            (2.0, "blue", Some("a")),
            (3.0, "red", None),
            (4.0, "blue", Some("a")),
        ];
        items(&rows, Some("class"))
    }

    #[test]
    fn a_column_names_the_classes_and_is_no_input() {
        let items = Arc::new(four());
        assert_eq!(items.class_names(), ["a", "b"]);
        let labels: Vec<_> = (0..4).map(|row| items.label(row)).collect();
        assert_eq!(labels, [Some(1), Some(0), None, Some(0)]);
        assert_eq!(items.id(2), "4");
        let pipeline = items.fit(None, &[0, 1, 2, 3]).unwrap().pipeline;
        assert_eq!(pipeline.feature_names(), ["size", "colour"]);
        let rows = items.through(&pipeline).unwrap();
        let views = [0, 3].map(|row| {
            let rng = SampleRng::new(0, 0, row, SampleRng::VIEW);
            PlainRow.apply(rows.get(row as usize).unwrap(), rng)
        });
        let batch = ViewCollate.collate(views.to_vec());
        assert_eq!(&batch.tensors[0].1.shape()[..], [2, 2]);
        assert_eq!(batch.tensors[1].1.as_slice::<i64>().unwrap(), [1, 0]);
    }

    #[test]
    fn the_second_view_takes_features_of_other_rows() {
        let items = Arc::new(four());
        let rows = items.through(&items.fit(None, &[0, 1, 2, 3]).unwrap().pipeline);
        let rows = rows.unwrap();
        let view = SwapViews {
            noise: SwapNoise::new(1.0).unwrap(),
            table: Arc::new(rows.matrix(&[1]).unwrap()),
        };
        let row = rows.get(0).unwrap();
        let sample = view.apply(row.clone(), SampleRng::new(0, 0, 0, SampleRng::VIEW));
        assert_eq!(sample.views, [row.values, rows.get(1).unwrap().values]);
    }

    #[test]
    fn a_row_with_a_refused_cell_cannot_be_read_and_the_others_can() {
        let train = four();
        let pipeline = train.fit(None, &[0, 1, 2, 3]).unwrap().pipeline;
        let other = [(f64::INFINITY, "red", None), (2.0, "red", None)];
        let rows = Arc::new(items(&other, None)).through(&pipeline).unwrap();
        let error = rows.get(0).unwrap_err().to_string();
        assert!(error.starts_with("rows.csv:2: column `size`"), "{error}");
        assert_eq!(rows.get(1).unwrap().values[1..], [1.0]);
        assert_eq!(rows.matrix(&[0, 1]).unwrap().height(), 1);
        assert!(rows.matrix(&[0]).is_err());
    }

    #[test]
    fn a_class_that_is_an_input_is_refused() {
        let rows = [(1.0, "red", Some("b")), (2.0, "blue", Some("a"))];
        let pipeline = items(&rows, None).fit(None, &[0, 1]).unwrap().pipeline;
        let labelled = Arc::new(items(&rows, Some("class")));
        let error = labelled.through(&pipeline).unwrap_err().to_string();
        assert!(
            error.starts_with("`labels` is `class`, expected a column"),
            "{error}"
        );
    }

    #[test]
    fn a_test_table_follows_and_its_classes_match_by_name() {
        let test = items(&[(9.0, "red", Some("b"))], Some("class"));
        let alone = fingerprint(&four());
        let joined = four().join(test).unwrap();
        assert_eq!(joined.label(4), Some(1));
        assert_eq!((joined.id(0), joined.id(4)), ("2".into(), "test/2".into()));
        assert_ne!(fingerprint(&joined), alone);
        let unknown = items(&[(9.0, "red", Some("c"))], Some("class"));
        let error = four().join(unknown).unwrap_err().to_string();
        assert!(error.contains("the class c"), "{error}");
    }
}
