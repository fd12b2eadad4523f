//! Preprocessing of a table that was fitted, and travels with the model.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::encoder::CategoryEncoder;
use super::form::NumberForm;
use super::matrix::Matrix;
use super::reader::{RowReader, unique};
use super::row::{Cell, Row, Value};
use super::scaler::Scaler;
use crate::DataError;

/// The version of the serialised form.
const FORMAT_VERSION: u32 = 1;

/// The deterministic way from the rows of a table to a model's input, and back.
///
/// It is fitted by [`ColumnPipelineConfig::fit`](super::ColumnPipelineConfig::fit), serialises with a version, and is checked when it is read.
/// Columns are found by name: a table may have others, and in another order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct ColumnPipeline {
    columns: Vec<FittedColumn>,
}

/// The serialised form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format_version: u32,
    columns: Vec<FittedColumn>,
}

impl From<ColumnPipeline> for Stored {
    fn from(pipeline: ColumnPipeline) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            columns: pipeline.columns,
        }
    }
}

impl TryFrom<Stored> for ColumnPipeline {
    type Error = DataError;

    fn try_from(stored: Stored) -> Result<Self, DataError> {
        if stored.format_version != FORMAT_VERSION {
            let got = stored.format_version;
            return Err(DataError::config("format_version", FORMAT_VERSION, got));
        }
        Self::new(stored.columns)
    }
}

/// A column with what was fitted to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FittedColumn {
    /// The name of the column.
    pub name: String,
    /// What happens to its cells.
    pub transform: FittedTransform,
}

/// What happens to the cells of a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FittedTransform {
    /// They are numbers, or dates as seconds since 1970.
    Number(FittedNumber),
    /// They are categories.
    Category(CategoryEncoder),
}

/// What happens to the numbers of a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FittedNumber {
    /// How they are written.
    #[serde(default, skip_serializing_if = "NumberForm::is_plain")]
    pub form: NumberForm,
    /// How they are scaled.
    pub scaler: Scaler,
    /// What a cell without a number gets, before it is scaled; if nothing, it is refused.
    pub fill: Option<f64>,
    /// Whether a second column says which cells had no number.
    pub indicator: bool,
}

impl FittedColumn {
    fn width(&self) -> usize {
        match &self.transform {
            FittedTransform::Number(number) => 1 + usize::from(number.indicator),
            FittedTransform::Category(encoder) => encoder.width(),
        }
    }

    fn names(&self) -> Vec<String> {
        match &self.transform {
            FittedTransform::Number(number) => {
                let mut names = vec![self.name.clone()];
                if number.indicator {
                    names.push(format!("{}=<missing>", self.name));
                }
                names
            }
            FittedTransform::Category(encoder) => encoder.names(&self.name),
        }
    }

    fn validate(&self) -> Result<(), DataError> {
        let FittedTransform::Number(number) = &self.transform else {
            return Ok(());
        };
        number.scaler.validate()?;
        match number.fill {
            Some(fill) if !fill.is_finite() => {
                Err(DataError::config("fill", "a finite number", fill))
            }
            None if number.indicator => {
                Err(DataError::config("indicator", "false without a fill", true))
            }
            _ => Ok(()),
        }
    }

    /// Adds the features of a cell; what is refused gives what was expected.
    fn transform(&self, cell: Cell<'_>, out: &mut Vec<f32>) -> Result<(), String> {
        let number = match &self.transform {
            FittedTransform::Category(encoder) => {
                return encoder.encode(cell, out).map_err(|_| encoder.expected());
            }
            FittedTransform::Number(number) => number,
        };
        let found = read_number(cell, &number.form, number.fill.is_some())?;
        let value = match number.fill {
            _ if !found.is_nan() => found,
            Some(fill) => fill,
            None => return Err("a number".to_owned()),
        };
        let scaled = number.scaler.transform(value) as f32;
        if !scaled.is_finite() {
            return Err("a number that scales to one of 32 bits".to_owned());
        }
        out.push(scaled);
        if number.indicator {
            out.push(f32::from(u8::from(found.is_nan())));
        }
        Ok(())
    }

    fn inverse(&self, features: &[f32]) -> Result<Value, DataError> {
        match &self.transform {
            FittedTransform::Category(encoder) => encoder.decode(features),
            FittedTransform::Number(number) if number.indicator && features[1] >= 0.5 => {
                Ok(Value::Missing)
            }
            FittedTransform::Number(number) => {
                Ok(Value::Number(number.scaler.inverse(f64::from(features[0]))))
            }
        }
    }
}

/// The number of a cell, seconds since 1970 when it is a date, NaN when it is missing; what was expected when it is none. One that is not
/// finite is missing, where that is `filled`, and else refused.
pub(super) fn read_number(cell: Cell<'_>, form: &NumberForm, filled: bool) -> Result<f64, String> {
    match form.read(cell) {
        None if form.is_plain() => Err("a number or a date".to_owned()),
        None => Err(format!("one such as `{form}`")),
        Some(value) if value.is_infinite() && filled => Ok(f64::NAN),
        Some(value) if value.is_infinite() => Err("a finite number".to_owned()),
        // Text that says NaN but is not listed as missing reads as missing too.
        Some(value) => Ok(value),
    }
}

impl ColumnPipeline {
    /// A pipeline of these columns, whose features follow one another in their order.
    ///
    /// # Errors
    /// [`DataError::Config`] when there are no columns or two of one name; [`DataError::Column`] when numbers of one are not finite.
    pub fn new(columns: Vec<FittedColumn>) -> Result<Self, DataError> {
        if columns.is_empty() {
            return Err(DataError::config("columns", "at least one", 0));
        }
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        unique(&names)?;
        for column in &columns {
            column
                .validate()
                .map_err(|error| error.of_column(&column.name))?;
        }
        Ok(Self { columns })
    }

    /// The columns with what was fitted to them.
    pub fn columns(&self) -> &[FittedColumn] {
        &self.columns
    }

    /// F, the number of features.
    pub fn width(&self) -> usize {
        self.columns.iter().map(FittedColumn::width).sum()
    }

    /// The names of the features, in order.
    pub fn feature_names(&self) -> Vec<String> {
        self.columns.iter().flat_map(FittedColumn::names).collect()
    }

    /// Which features come from each column.
    pub fn spans(&self) -> Vec<Range<usize>> {
        let mut end = 0;
        let span = |column: &FittedColumn| {
            let start = end;
            end += column.width();
            start..end
        };
        self.columns.iter().map(span).collect()
    }

    /// Finds the columns in a table, once for all its rows.
    ///
    /// # Errors
    /// [`DataError::Config`] with the columns that the table does not have.
    pub fn bind(&self, columns: &[String]) -> Result<BoundPipeline<'_>, DataError> {
        let (mut bound, mut missing) = (Vec::new(), Vec::new());
        for wanted in &self.columns {
            match columns.iter().position(|column| *column == wanted.name) {
                Some(place) => bound.push((place, wanted)),
                None => missing.push(Cell::Text(&wanted.name).shown()),
            }
        }
        if missing.is_empty() {
            return Ok(BoundPipeline { columns: bound });
        }
        let got = format!("a table without {}", missing.join(", "));
        Err(DataError::config(
            "columns",
            "all that the pipeline was fitted to",
            got,
        ))
    }

    /// All rows that are left, as a matrix `[N, F]`.
    ///
    /// # Errors
    /// As [`ColumnPipeline::bind`] and [`RowReader::read`]; [`DataError::Line`] for the first cell that is refused.
    pub fn transform(&self, reader: &mut dyn RowReader) -> Result<Matrix, DataError> {
        let bound = self.bind(reader.columns())?;
        let mut values = Vec::new();
        let mut row = Row::new();
        while reader.read(&mut row)? {
            bound
                .apply(&row, &mut values)
                .map_err(|error| error.at(reader.path()))?;
        }
        Ok(Matrix::of_features(
            self.feature_names(),
            self.spans(),
            values,
        ))
    }

    /// The values that a row of features stands for, one for each column. Numbers are exact up to the rounding of 32 bits; a number that was
    /// filled in comes back as the fill, unless an indicator says that it was missing. A date comes back as its seconds since 1970.
    ///
    /// # Errors
    /// [`DataError::Column`] for features that stand for no category.
    ///
    /// # Panics
    /// If there are not [`ColumnPipeline::width`] features.
    pub fn inverse(&self, features: &[f32]) -> Result<Vec<Value>, DataError> {
        assert_eq!(features.len(), self.width(), "features of a row");
        let columns = self.columns.iter().zip(self.spans());
        columns
            .map(|(column, span)| {
                let value = column.inverse(&features[span]);
                value.map_err(|error| error.of_column(&column.name))
            })
            .collect()
    }
}

/// A pipeline whose columns were found in a table.
#[derive(Debug, Clone)]
pub struct BoundPipeline<'a> {
    columns: Vec<(usize, &'a FittedColumn)>,
}

impl BoundPipeline<'_> {
    /// Adds the features of a row to `out`, F of them.
    ///
    /// # Errors
    /// [`DataError::Line`] for the first cell that is refused; `out` then has some of the features.
    ///
    /// # Panics
    /// If the row is of another table and has fewer cells.
    pub fn apply(&self, row: &Row, out: &mut Vec<f32>) -> Result<(), DataError> {
        for (place, column) in &self.columns {
            let cell = row.cell(*place);
            column
                .transform(cell, out)
                .map_err(|expected| refused_cell(row, &column.name, expected, cell))?;
        }
        Ok(())
    }
}

/// Where a column is in a table.
pub(super) fn place(
    columns: &[String],
    name: &'static str,
    wanted: &str,
) -> Result<usize, DataError> {
    columns
        .iter()
        .position(|column| column == wanted)
        .ok_or_else(|| {
            let mut shown: Vec<String> = columns
                .iter()
                .take(20)
                .map(|name| Cell::Text(name).shown())
                .collect();
            if columns.len() > shown.len() {
                shown.push("...".to_owned());
            }
            let expected = format!("one of {}", shown.join(", "));
            DataError::config(name, expected, Cell::Text(wanted).shown())
        })
}

pub(super) fn refused_cell(row: &Row, column: &str, expected: String, cell: Cell<'_>) -> DataError {
    DataError::Line {
        path: crate::error::memory(),
        line: row.line(),
        what: format!("column {}", Cell::Text(column).shown()),
        expected,
        got: cell.shown(),
    }
}
