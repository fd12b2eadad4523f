//! Tables that come as batches of columns: Parquet and Arrow.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal128Type, DurationMicrosecondType, DurationMillisecondType,
    DurationNanosecondType, DurationSecondType, Float16Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, Time32MillisecondType, Time32SecondType,
    Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, LargeStringArray, RecordBatch,
    StringArray, StringViewArray, UInt64Array,
};
use arrow_schema::{ArrowError, DataType, Schema, TimeUnit};

use super::reader::{RowReader, unique};
use super::row::{Cell, Row};
use crate::{DataError, Ledger, Remark};

const DAY: i64 = 86_400;

/// The rows of batches of columns.
///
/// Whole and other numbers, decimals, text, truth values, and dictionaries of these are read; dates and times become seconds since 1970, of
/// whatever time zone they are said in, and durations and times of the day seconds. Columns of other types, such as lists, are left out.
pub(super) struct ColumnarReader<I> {
    path: PathBuf,
    columns: Vec<String>,
    /// Where these stand in a batch.
    places: Vec<usize>,
    /// The others, with their types.
    left_out: Vec<String>,
    batches: I,
    batch: Vec<Column>,
    next: usize,
    height: usize,
    row: u64,
}

impl<I: Iterator<Item = Result<RecordBatch, ArrowError>> + Send> ColumnarReader<I> {
    pub(super) fn new(path: &Path, schema: &Schema, batches: I) -> Result<Self, DataError> {
        let fields = schema.fields();
        let (read, others): (Vec<usize>, Vec<usize>) =
            (0..fields.len()).partition(|place| is_read(fields[*place].data_type()));
        let shown = |place: usize| {
            let field = &fields[place];
            format!("`{}` ({})", field.name().escape_debug(), field.data_type())
        };
        let left_out: Vec<String> = others.into_iter().map(shown).collect();
        if read.is_empty() && !left_out.is_empty() {
            let expected = "a column of numbers, text, truth values, dates or times";
            return Err(DataError::format("type", expected, left_out.join(", ")).at(path));
        }
        let columns: Vec<String> = read
            .iter()
            .map(|place| fields[*place].name().clone())
            .collect();
        unique(&columns)?;
        Ok(Self {
            path: path.to_path_buf(),
            columns,
            places: read,
            left_out,
            batches,
            batch: Vec::new(),
            next: 0,
            height: 0,
            row: 0,
        })
    }

    fn next_batch(&mut self) -> Result<bool, DataError> {
        let batches = &mut self.batches;
        let Some(batch) = guarded(&self.path, || batches.next().transpose())? else {
            return Ok(false);
        };
        let columns: Option<Vec<Column>> = self
            .places
            .iter()
            .map(|place| Column::read(batch.columns().get(*place)?))
            .collect();
        // The types were checked against the schema.
        self.batch = columns
            .filter(|columns| columns.len() == self.columns.len())
            .ok_or_else(|| {
                DataError::format("batch", "the types of the schema", "others").at(&self.path)
            })?;
        (self.next, self.height) = (0, batch.num_rows());
        Ok(true)
    }
}

impl<I: Iterator<Item = Result<RecordBatch, ArrowError>> + Send> RowReader for ColumnarReader<I> {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn read(&mut self, row: &mut Row) -> Result<bool, DataError> {
        while self.next == self.height {
            if !self.next_batch()? {
                return Ok(false);
            }
        }
        self.row += 1;
        row.restart(self.row);
        for column in &self.batch {
            column.push(self.next, row);
        }
        self.next += 1;
        Ok(true)
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::default();
        let becomes = "are left out: neither numbers, text, truth values, dates nor times";
        let remark = Remark::new("columns", self.left_out.len(), becomes)
            .of(self.columns.len() + self.left_out.len());
        ledger.add(remark.examples(self.left_out.clone()));
        ledger
    }
}

/// Runs the reader of a file that may be damaged. The libraries check much of it, and panic at some of the rest.
pub(super) fn guarded<T, E: std::fmt::Display>(
    path: &Path,
    read: impl FnOnce() -> Result<T, E>,
) -> Result<T, DataError> {
    let wrong = |got: String| DataError::format("contents", "a whole file", got).at(path);
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(result) => result.map_err(|error| wrong(error.to_string())),
        Err(panic) => {
            let message = panic.downcast_ref::<String>().map(String::as_str);
            let message = message.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(wrong(
                message.unwrap_or("damage that cannot be read").to_owned(),
            ))
        }
    }
}

/// A column of a batch, by what its cells are.
enum Column {
    Null,
    Integer(Int64Array),
    Unsigned(UInt64Array),
    Number(Float64Array),
    Truth(BooleanArray),
    Text(StringArray),
    LargeText(LargeStringArray),
    TextView(StringViewArray),
    Dictionary {
        keys: Vec<Option<usize>>,
        values: Box<Column>,
    },
}

fn is_read(data_type: &DataType) -> bool {
    match data_type {
        DataType::Null
        | DataType::Boolean
        | DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Date32
        | DataType::Date64
        | DataType::Timestamp(..)
        | DataType::Duration(_)
        | DataType::Time32(_)
        | DataType::Time64(_)
        | DataType::Decimal128(..) => true,
        DataType::Dictionary(_, values) => {
            !matches!(**values, DataType::Dictionary(..)) && is_read(values)
        }
        other => other.is_integer() || other.is_floating(),
    }
}

impl Column {
    /// The column; none if its type is not one of `is_read`.
    fn read(array: &ArrayRef) -> Option<Self> {
        /// A primitive array with each value converted.
        macro_rules! converted {
            ($source:ty => $kind:ident, $target:ty, $convert:expr) => {
                Self::$kind(
                    array
                        .as_primitive::<$source>()
                        .unary::<_, $target>($convert),
                )
            };
        }
        macro_rules! time {
            ($source:ty, $second:expr) => {
                converted!($source => Number, Float64Type, |at| at as f64 / $second)
            };
        }
        Some(match array.data_type() {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Truth(array.as_boolean().clone()),
            DataType::Utf8 => Self::Text(array.as_string::<i32>().clone()),
            DataType::LargeUtf8 => Self::LargeText(array.as_string::<i64>().clone()),
            DataType::Utf8View => Self::TextView(array.as_string_view().clone()),
            DataType::Int8 => converted!(Int8Type => Integer, Int64Type, i64::from),
            DataType::Int16 => converted!(Int16Type => Integer, Int64Type, i64::from),
            DataType::Int32 => converted!(Int32Type => Integer, Int64Type, i64::from),
            DataType::Int64 => Self::Integer(array.as_primitive::<Int64Type>().clone()),
            DataType::UInt8 => converted!(UInt8Type => Integer, Int64Type, i64::from),
            DataType::UInt16 => converted!(UInt16Type => Integer, Int64Type, i64::from),
            DataType::UInt32 => converted!(UInt32Type => Integer, Int64Type, i64::from),
            DataType::UInt64 => Self::Unsigned(array.as_primitive::<UInt64Type>().clone()),
            DataType::Float16 => converted!(Float16Type => Number, Float64Type, f64::from),
            DataType::Float32 => converted!(Float32Type => Number, Float64Type, f64::from),
            DataType::Float64 => Self::Number(array.as_primitive::<Float64Type>().clone()),
            DataType::Decimal128(_, scale) => {
                let unit = 10_f64.powi(i32::from(*scale));
                converted!(Decimal128Type => Number, Float64Type, |value| value as f64 / unit)
            }
            DataType::Date32 => {
                converted!(Date32Type => Integer, Int64Type, |day| i64::from(day) * DAY)
            }
            DataType::Date64 => time!(Date64Type, 1e3),
            DataType::Timestamp(TimeUnit::Second, _) => time!(TimestampSecondType, 1.0),
            DataType::Timestamp(TimeUnit::Millisecond, _) => time!(TimestampMillisecondType, 1e3),
            DataType::Timestamp(TimeUnit::Microsecond, _) => time!(TimestampMicrosecondType, 1e6),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => time!(TimestampNanosecondType, 1e9),
            DataType::Duration(TimeUnit::Second) => time!(DurationSecondType, 1.0),
            DataType::Duration(TimeUnit::Millisecond) => time!(DurationMillisecondType, 1e3),
            DataType::Duration(TimeUnit::Microsecond) => time!(DurationMicrosecondType, 1e6),
            DataType::Duration(TimeUnit::Nanosecond) => time!(DurationNanosecondType, 1e9),
            DataType::Time32(TimeUnit::Second) => time!(Time32SecondType, 1.0),
            DataType::Time32(_) => time!(Time32MillisecondType, 1e3),
            DataType::Time64(TimeUnit::Microsecond) => time!(Time64MicrosecondType, 1e6),
            DataType::Time64(_) => time!(Time64NanosecondType, 1e9),
            DataType::Dictionary(..) => {
                let dictionary = array.as_any_dictionary_opt()?;
                // Keys of empty dictionaries are null, and those need no normalising.
                let keys = if dictionary.values().is_empty() {
                    vec![None; array.len()]
                } else {
                    let keys = dictionary.normalized_keys().into_iter().enumerate();
                    keys.map(|(at, key)| array.is_valid(at).then_some(key))
                        .collect()
                };
                Self::Dictionary {
                    keys,
                    values: Box::new(Self::read(dictionary.values())?),
                }
            }
            _ => return None,
        })
    }

    /// Adds the cell at a place to a row.
    fn push(&self, at: usize, row: &mut Row) {
        macro_rules! cell {
            ($array:expr, $value:ident => $cell:expr) => {
                if $array.is_null(at) {
                    row.push(Cell::Missing);
                } else {
                    let $value = $array.value(at);
                    row.push($cell);
                }
            };
        }
        match self {
            Self::Null => row.push(Cell::Missing),
            Self::Integer(array) => cell!(array, value => Cell::Integer(value)),
            // Text keeps all digits of what is likely an identifier.
            Self::Unsigned(array) => cell!(array, value => match i64::try_from(value) {
                Ok(value) => Cell::Integer(value),
                Err(_) => return row.push(Cell::Text(&value.to_string())),
            }),
            Self::Number(array) => cell!(array, value => Cell::Number(value)),
            Self::Truth(array) => {
                cell!(array, value => Cell::Text(if value { "true" } else { "false" }));
            }
            Self::Text(array) => cell!(array, value => Cell::Text(value)),
            Self::LargeText(array) => cell!(array, value => Cell::Text(value)),
            Self::TextView(array) => cell!(array, value => Cell::Text(value)),
            Self::Dictionary { keys, values } => match keys[at] {
                Some(key) => values.push(key, row),
                None => row.push(Cell::Missing),
            },
        }
    }
}
