//! Tables: reading them, and turning their columns into numbers by preprocessing that is fitted, saved and travels with the model.
//!
//! A table is read row by row, whatever its file: [`open`] gives a [`RowReader`] of CSV, JSON lines, Parquet or Arrow. One pass over it
//! fits a [`ColumnPipeline`], from a [`ColumnPipelineConfig`] that a person wrote or that [`TableProfile::recipe`] suggests; the pipeline turns
//! rows into a [`Matrix`] and its rows back into values, and serialises. [`TableItems`] holds a table as a data set to train on, its rows the
//! items and one of its columns their classes; [`SwapViews`] makes the two views of a row for contrastive pre-training.
//!
//! # Decision: what is missing, and what is not a number
//!
//! Scalers leave NaN out when they are fitted and keep it. A pipeline never gives NaN: a missing cell is refused with its line, unless the
//! column's configuration says what it becomes. Infinite numbers are refused always.
//!
//! # Decision: dates are numbers
//!
//! Text that is a date of ISO 8601 ([`Cell::date`]) is a number of seconds since 1970 to a column of numbers, as dates of Parquet and Arrow
//! are, and comes back as this number. Columns of categories keep it as text. A fit takes dates or numbers in a column, not both.
//!
//! # Cost
//!
//! A fit holds one row, and for each column five numbers; where a column needs quantiles (`robust`, or the median for missing numbers) up to
//! 512 KiB and what [`QuantileSketch`] says beyond 65,536 rows; for categories, each once. The matrix takes 4 bytes a value.
//!
//! ```
//! use tinderbox_data::table::{Cell, ColumnPipeline, ColumnPipelineConfig, Row, Table, Value};
//!
//! let columns = ["age", "city"].map(String::from).to_vec();
//! let rows = [(20, "Rome"), (40, "Oslo"), (30, "Rome")];
//! let rows = rows.map(|(age, city)| Row::from_cells(1, [Cell::Integer(age), Cell::Text(city)]));
//! let table = Table::new(columns, rows.to_vec())?;
//!
//! let config = ColumnPipelineConfig::from_toml(r#"
//!     [data.columns]
//!     age = { kind = "number", scale = "min-max" }
//!     city = { kind = "category", encode = "one-hot" }
//! "#)?;
//! let pipeline = config.fit(&mut table.reader())?;
//! let matrix = pipeline.transform(&mut table.reader())?;
//! assert_eq!(matrix.names(), ["age", "city=Oslo", "city=Rome"]);
//! assert_eq!(matrix.row(2), [0.5, 0.0, 1.0]);
//!
//! let text = serde_json::to_string(&pipeline).unwrap();
//! let saved: ColumnPipeline = serde_json::from_str(&text).unwrap();
//! let values = saved.inverse(matrix.row(2))?;
//! assert_eq!(values, [Value::Number(30.0), Value::Text("Rome".to_owned())]);
//! # Ok::<(), tinderbox_data::DataError>(())
//! ```

mod category_counts;
mod class_column;
mod config;
mod counter;
mod csv;
mod date;
mod date_order;
mod dialect;
mod encoder;
mod fit;
mod form;
mod form_finder;
mod giveaways;
mod interactions;
mod item_fit;
mod items;
mod json_lines;
mod matrix;
mod moments;
mod numeral;
mod parts;
mod pipeline;
mod profile;
mod quantiles;
mod quotes;
mod reader;
mod row;
mod scaler;
mod sentinel;
#[cfg(feature = "image")]
mod shared_rows;
mod source;
mod suggest;
mod swap_noise;
mod view;

#[cfg(feature = "parquet")]
mod columnar;
#[cfg(feature = "parquet")]
mod ipc;
#[cfg(feature = "parquet")]
mod parquet;

pub use category_counts::CategoryCounts;
pub use class_column::check_classes;
pub use config::{ColumnConfig, ColumnPipelineConfig, MissingNumber, NumberConfig, Scale};
pub use csv::CsvReader;
pub use date_order::DateOrder;
pub use encoder::{CategoryConfig, CategoryEncoder, Encoding, MissingCategory, UnknownCategory};
pub use fit::PipelineFit;
pub use form::NumberForm;
pub use interactions::{InteractionColumns, Interactions};
pub use item_fit::TableFit;
pub use items::{RowItem, TableItems, TableRows};
pub use json_lines::JsonLinesReader;
pub use matrix::Matrix;
pub use moments::Moments;
pub use numeral::Decimal;
pub use parts::{is_one_table, is_table, split_of};
pub use pipeline::{BoundPipeline, ColumnPipeline, FittedColumn, FittedNumber, FittedTransform};
pub use profile::{ColumnKind, ColumnProfile, TableProfile};
pub use quantiles::QuantileSketch;
pub use reader::{NotUtf8, RowReader, Table, TableFormat, TableOptions, open};
pub use row::{Cell, Row, Value};
pub use scaler::{MaxAbsScaler, MinMaxScaler, RobustScaler, Scaler, StandardScaler};
#[cfg(feature = "image")]
pub use shared_rows::shared_rows;
pub use suggest::Suggestion;
pub use swap_noise::SwapNoise;
pub use view::{PlainRow, SwapViews};
