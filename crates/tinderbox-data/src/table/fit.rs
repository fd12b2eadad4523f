//! Fitting a pipeline in one pass.

use super::category_counts::CategoryCounts;
use super::config::{ColumnConfig, ColumnPipelineConfig, MissingNumber, NumberConfig, Scale};
use super::date::check_unit;
use super::encoder::CategoryConfig;
use super::form::NumberForm;
use super::moments::Moments;
use super::pipeline::{
    ColumnPipeline, FittedColumn, FittedNumber, FittedTransform, place, read_number, refused_cell,
};
use super::quantiles::QuantileSketch;
use super::reader::RowReader;
use super::row::Row;
use super::scaler::{MaxAbsScaler, MinMaxScaler, RobustScaler, Scaler, StandardScaler};
use crate::DataError;

impl ColumnPipelineConfig {
    /// Fits to all rows that are left, in one pass and constant memory.
    ///
    /// # Errors
    /// As [`ColumnPipelineConfig::start`], [`PipelineFit::push`] and [`PipelineFit::finish`], and those of reading.
    pub fn fit(&self, reader: &mut dyn RowReader) -> Result<ColumnPipeline, DataError> {
        let mut fit = self.start(reader.columns())?;
        let mut row = Row::new();
        while reader.read(&mut row)? {
            fit.push(&row).map_err(|error| error.at(reader.path()))?;
        }
        fit.finish()
    }

    /// Begins a fit to rows with these columns. The pipeline's columns are in the order of these.
    ///
    /// # Errors
    /// As [`ColumnPipelineConfig::validate`]; [`DataError::Config`] for a column that the table does not have.
    pub fn start(&self, columns: &[String]) -> Result<PipelineFit, DataError> {
        self.validate()?;
        for name in self.columns.keys() {
            place(columns, "column", name)?;
        }
        let mut parts = Vec::new();
        for (place, name) in columns.iter().enumerate() {
            let gathered = match self.columns.get(name) {
                None | Some(ColumnConfig::Drop) => continue,
                Some(ColumnConfig::Number(config)) => Gathered::Number {
                    form: config.form.clone().unwrap_or_default(),
                    moments: Moments::default(),
                    quantiles: needs_quantiles(config).then(QuantileSketch::default),
                    dates: 0,
                    config: config.clone(),
                },
                Some(ColumnConfig::Category(config)) => Gathered::Category {
                    counts: CategoryCounts::new(CategoryCounts::MAX_CATEGORIES),
                    config: config.clone(),
                },
            };
            parts.push(Part {
                place,
                name: name.clone(),
                gathered,
            });
        }
        Ok(PipelineFit { parts })
    }
}

fn needs_quantiles(config: &NumberConfig) -> bool {
    config.scale == Scale::Robust || config.missing == MissingNumber::Median
}

/// A fit under way: what was gathered of each column. Fits of parts of a table merge into that of the whole.
#[derive(Debug, Clone, PartialEq)]
pub struct PipelineFit {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
struct Part {
    place: usize,
    name: String,
    gathered: Gathered,
}

#[derive(Debug, Clone, PartialEq)]
enum Gathered {
    Number {
        config: NumberConfig,
        form: NumberForm,
        moments: Moments,
        quantiles: Option<QuantileSketch>,
        /// How many of the numbers were written as dates.
        dates: u64,
    },
    Category {
        config: CategoryConfig,
        counts: CategoryCounts,
    },
}

impl PipelineFit {
    /// Takes a row in, unless it is refused: then nothing of it is.
    ///
    /// # Errors
    /// [`DataError::Line`] for a cell that is no number in a column of numbers, or an infinite one, or that is missing where that is refused.
    ///
    /// # Panics
    /// If the row has fewer cells than there are columns.
    pub fn push(&mut self, row: &Row) -> Result<(), DataError> {
        let mut numbers = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            let Gathered::Number { config, form, .. } = &part.gathered else {
                continue;
            };
            let cell = row.cell(part.place);
            let refuse = |expected| refused_cell(row, &part.name, expected, cell);
            let filled = config.missing != MissingNumber::Refuse;
            let value = read_number(cell, form, filled).map_err(refuse)?;
            if value.is_nan() && !filled {
                let expected = "a number, or `missing` that is not `refuse`";
                return Err(refuse(expected.to_owned()));
            }
            numbers.push(value);
        }
        let mut next = numbers.iter();
        for part in &mut self.parts {
            let cell = row.cell(part.place);
            match &mut part.gathered {
                Gathered::Category { counts, .. } => counts.push(cell),
                Gathered::Number {
                    form,
                    moments,
                    quantiles,
                    dates,
                    ..
                } => {
                    let value = *next.next().expect("a number for each such column");
                    moments.push(value);
                    *dates += u64::from(form.is_date(cell) && !value.is_nan());
                    if let Some(sketch) = quantiles {
                        sketch.push(value);
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes in all rows that `other` has seen.
    ///
    /// # Panics
    /// If `other` was started with other columns or another configuration.
    pub fn merge(&mut self, other: &Self) {
        assert_eq!(self.parts.len(), other.parts.len(), "columns of two fits");
        for (part, other) in self.parts.iter_mut().zip(&other.parts) {
            assert_eq!(part.name, other.name, "columns of two fits");
            match (&mut part.gathered, &other.gathered) {
                (
                    Gathered::Number {
                        moments,
                        quantiles,
                        dates,
                        ..
                    },
                    Gathered::Number {
                        moments: more,
                        quantiles: more_quantiles,
                        dates: more_dates,
                        ..
                    },
                ) => {
                    moments.merge(more);
                    *dates += more_dates;
                    if let (Some(sketch), Some(more)) = (quantiles, more_quantiles) {
                        sketch.merge(more);
                    }
                }
                (Gathered::Category { counts, .. }, Gathered::Category { counts: more, .. }) => {
                    counts.merge(more);
                }
                _ => panic!("column `{}` has two kinds in two fits", part.name),
            }
        }
    }

    /// The pipeline.
    ///
    /// # Errors
    /// [`DataError::Column`] for a column that cannot be fitted: one without any number, with dates and numbers, with too many
    /// categories, or with cells without a value where that is refused.
    pub fn finish(self) -> Result<ColumnPipeline, DataError> {
        let fitted = self.parts.into_iter().map(|part| {
            let transform = part.gathered.finish();
            Ok(FittedColumn {
                transform: transform.map_err(|error| error.of_column(&part.name))?,
                name: part.name,
            })
        });
        ColumnPipeline::new(fitted.collect::<Result<_, DataError>>()?)
    }
}

impl Gathered {
    fn finish(self) -> Result<FittedTransform, DataError> {
        Ok(match self {
            Self::Category { config, counts } => FittedTransform::Category(config.fit(&counts)?),
            Self::Number {
                config,
                form,
                moments,
                quantiles,
                dates,
            } => {
                check_unit(dates, moments.count())?;
                let sketch = quantiles.unwrap_or_default();
                let scaler = match config.scale {
                    Scale::None => Scaler::None,
                    Scale::MinMax => Scaler::MinMax(MinMaxScaler::fit(&moments, config.range())?),
                    Scale::Standard => Scaler::Standard(StandardScaler::fit(&moments)?),
                    Scale::MaxAbs => Scaler::MaxAbs(MaxAbsScaler::fit(&moments)?),
                    Scale::Robust => {
                        Scaler::Robust(RobustScaler::fit(&sketch, config.quantiles())?)
                    }
                };
                FittedTransform::Number(FittedNumber {
                    form,
                    scaler,
                    fill: match config.missing {
                        MissingNumber::Refuse => None,
                        MissingNumber::Mean => Some(moments.mean()),
                        MissingNumber::Median => Some(sketch.quantiles(&[0.5])[0]),
                    },
                    indicator: config.indicator,
                })
            }
        })
    }
}
