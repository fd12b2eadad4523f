//! What a person writes about the columns of a table.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::encoder::CategoryConfig;
use super::form::NumberForm;
use super::scaler::{MinMaxScaler, RobustScaler, check_quantiles, check_range};
use crate::DataError;

/// How the numbers of a column are scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Not at all.
    None,
    /// To a range.
    MinMax,
    /// To mean 0 and standard deviation 1.
    #[default]
    Standard,
    /// To a largest absolute value of 1.
    MaxAbs,
    /// To median 0 and a distance of 1 between two quantiles.
    Robust,
}

/// What becomes of a cell without a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissingNumber {
    /// It is an error.
    #[default]
    Refuse,
    /// It gets the mean of the column.
    Mean,
    /// It gets the median of the column.
    Median,
}

/// What a person decides about a column of numbers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NumberConfig {
    /// How they are written, by an example such as `1,5`, `$1.5` or `dd.mm.yyyy`; by default as it is found, or plainly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<NumberForm>,
    /// How they are scaled.
    pub scale: Scale,
    /// The ends of the range of `min-max`; by default 0 and 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<[f64; 2]>,
    /// The two quantiles of `robust`, as shares; by default the quartiles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantiles: Option<[f64; 2]>,
    /// What becomes of cells without a number.
    pub missing: MissingNumber,
    /// Whether a second column says which cells had no number, by 1.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub indicator: bool,
}

impl NumberConfig {
    /// The range of `min-max`.
    pub(super) fn range(&self) -> [f64; 2] {
        self.range.unwrap_or(MinMaxScaler::DEFAULT_RANGE)
    }

    /// The quantiles of `robust`.
    pub(super) fn quantiles(&self) -> [f64; 2] {
        self.quantiles.unwrap_or(RobustScaler::DEFAULT_QUANTILES)
    }

    /// Checks what does not depend on the data.
    ///
    /// # Errors
    /// [`DataError::Config`] for a range or quantiles that are not ascending, or that belong to another way of scaling; for an indicator of
    /// what is refused.
    pub fn validate(&self) -> Result<(), DataError> {
        let owned = |name, given: bool, scale: Scale, of: &str| {
            if given && self.scale != scale {
                let got = format!("given with `{:?}`", self.scale);
                return Err(DataError::config(
                    name,
                    format!("to be that of `{of}`"),
                    got,
                ));
            }
            Ok(())
        };
        owned("range", self.range.is_some(), Scale::MinMax, "min-max")?;
        owned(
            "quantiles",
            self.quantiles.is_some(),
            Scale::Robust,
            "robust",
        )?;
        check_range("range", self.range())?;
        check_quantiles(self.quantiles())?;
        if self.indicator && self.missing == MissingNumber::Refuse {
            let expected = "false while cells without a number are refused";
            return Err(DataError::config("indicator", expected, true));
        }
        Ok(())
    }
}

/// What becomes of one column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ColumnConfig {
    /// It holds numbers, or dates ([`Cell::date`](super::Cell::date)), which become seconds since 1970.
    Number(NumberConfig),
    /// It holds categories.
    Category(CategoryConfig),
    /// It is left out.
    Drop,
}

/// What becomes of the columns of a table, by name. Columns without an entry are left out by [`ColumnPipelineConfig::fit`], and as they are
/// found to [`TableItems::fit`](super::TableItems::fit).
///
/// In a recipe it is a table with an inline table for each column:
///
/// ```
/// use tinderbox_data::table::ColumnPipelineConfig;
/// let config = ColumnPipelineConfig::from_toml(r#"
///     [data.columns]
///     age = { kind = "number", scale = "min-max", range = [-1, 1] }
///     income = { kind = "number", scale = "robust", missing = "median", indicator = true }
///     city = { kind = "category", encode = "binary", min_count = 10, unknown = "other" }
///     id = { kind = "drop" }
/// "#)?;
/// assert_eq!(config.columns.len(), 4);
/// # Ok::<(), tinderbox_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ColumnPipelineConfig {
    /// By the column's name. The order of a matrix is that of the table's columns, not of this map.
    pub columns: BTreeMap<String, ColumnConfig>,
}

impl ColumnPipelineConfig {
    /// Reads `[data.columns]` of a recipe.
    ///
    /// # Errors
    /// [`DataError::Format`] when the text is no TOML, has no such table, or the table does not fit; as [`ColumnPipelineConfig::validate`].
    pub fn from_toml(text: &str) -> Result<Self, DataError> {
        #[derive(Deserialize)]
        struct Recipe {
            data: Data,
        }
        #[derive(Deserialize)]
        struct Data {
            columns: ColumnPipelineConfig,
        }
        let recipe: Recipe = toml::from_str(text).map_err(|error| {
            DataError::format(
                "recipe",
                "a table `data.columns`",
                error.to_string().trim_end(),
            )
        })?;
        let config = recipe.data.columns;
        config.validate()?;
        Ok(config)
    }

    /// Checks each entry as far as it does not depend on the data.
    ///
    /// # Errors
    /// [`DataError::Column`] with the first column whose entry is wrong.
    pub fn validate_entries(&self) -> Result<(), DataError> {
        for (name, column) in &self.columns {
            match column {
                ColumnConfig::Number(number) => number.validate(),
                ColumnConfig::Category(category) => category.validate(),
                ColumnConfig::Drop => Ok(()),
            }
            .map_err(|error| error.of_column(name))?;
        }
        Ok(())
    }

    /// As [`validate_entries`](Self::validate_entries), for a configuration of all columns.
    ///
    /// # Errors
    /// Those, and [`DataError::Config`] when no column is kept.
    pub fn validate(&self) -> Result<(), DataError> {
        self.validate_entries()?;
        if self
            .columns
            .values()
            .all(|column| *column == ColumnConfig::Drop)
        {
            let got = format!("{} that are dropped", self.columns.len());
            return Err(DataError::config(
                "columns",
                "at least one that is kept",
                got,
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(entry: &str, part: &str) {
        let text = format!("[data.columns]\nage = {entry}\n");
        let error = ColumnPipelineConfig::from_toml(&text)
            .unwrap_err()
            .to_string();
        assert!(error.contains(part), "{error}");
    }

    #[test]
    fn what_is_wrong_is_said() {
        refused(r#"{ kind = "numbers" }"#, "unknown variant `numbers`");
        refused(
            r#"{ kind = "number", scales = "none" }"#,
            "unknown field `scales`",
        );
        refused(
            r#"{ kind = "category", scale = "none" }"#,
            "unknown field `scale`",
        );
        refused(
            r#"{ kind = "number", range = [0, 1] }"#,
            "column `age`: `range` is given with `Standard`, expected to be that of `min-max`",
        );
        refused(
            r#"{ kind = "number", scale = "min-max", range = [1, 0] }"#,
            "two ascending finite numbers",
        );
        refused(
            r#"{ kind = "number", scale = "robust", quantiles = [0.5, 1.5] }"#,
            "two ascending shares",
        );
        refused(r#"{ kind = "number", indicator = true }"#, "`indicator`");
        refused(r#"{ kind = "category", min_share = 1.0 }"#, "`min_share`");
        refused(r#"{ kind = "category", order = ["a", "a"] }"#, "`a` twice");
        refused(
            r#"{ kind = "category", order = ["a"], min_count = 2 }"#,
            "no bounds",
        );
        refused(r#"{ kind = "drop" }"#, "at least one that is kept");
        let error = ColumnPipelineConfig::from_toml("[data]\n").unwrap_err();
        assert!(error.to_string().contains("data.columns"), "{error}");
    }
}
