//! Whether the values of a column of labels are classes.

use super::config::{ColumnConfig, ColumnPipelineConfig};
use super::row::Cell;
use crate::{DataError, Labelled};

/// Whole numbers that are classes have at most so many values, and others so many, unless a person says that they are classes.
const MOST_WHOLE: usize = 100;
const MOST_OTHER: usize = 20;

/// Numbers that count classes, 0, 1, 2, ..., may be more, with so many items in each on average.
const ITEMS_EACH: usize = 5;

/// Refuses a column of labels that names no classes: one of numbers that hardly repeat, or of one value or none. A column that the
/// configuration says to hold categories may have as many as it likes. `items` is how many items there are.
///
/// # Errors
/// [`DataError::Config`] with the key that helps.
pub fn check_classes(
    labels: &dyn Labelled,
    items: usize,
    column: &str,
    config: Option<&ColumnPipelineConfig>,
) -> Result<(), DataError> {
    let shown = Cell::Text(column).shown();
    let names = labels.class_names();
    if names.len() < 2 {
        let got = match names.first() {
            Some(only) => format!("{shown}, whose values are all {}", Cell::Text(only).shown()),
            None => format!("{shown}, which has no values"),
        };
        let expected = "a column of at least 2 classes, or `labels = false` to train without";
        return Err(DataError::config("data.labels", expected, got));
    }
    let told = config.and_then(|config| config.columns.get(column));
    if matches!(told, Some(ColumnConfig::Category(_))) {
        return Ok(());
    }
    let Some(numbers) = names
        .iter()
        .map(|name| name.parse().ok())
        .collect::<Option<Vec<f64>>>()
    else {
        return Ok(());
    };
    let count = numbers.len();
    let whole = numbers.iter().all(|number| number.fract() == 0.0);
    let most = if whole { MOST_WHOLE } else { MOST_OTHER };
    let labelled = (0..items).filter(|item| labels.label(*item).is_some());
    if count <= most || counts_classes(&numbers) && labelled.count() >= ITEMS_EACH * count {
        return Ok(());
    }
    let got = format!("{shown}, numbers of {count} different values");
    let expected = format!(
        "a column of classes: there is no regression, which learns numbers, yet; if these are names of classes, write `{column} = {{ kind = \"category\" }}` in `[data.columns]`"
    );
    Err(DataError::config("data.labels", expected, got))
}

/// Whether numbers, in order, are 0, 1, 2, ... or 1, 2, 3, ...
fn counts_classes(numbers: &[f64]) -> bool {
    let first = numbers.first().copied().unwrap_or(-1.0);
    let follow = numbers.windows(2).all(|pair| pair[1] == pair[0] + 1.0);
    (first == 0.0 || first == 1.0) && follow
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Row, Table, TableItems};

    #[track_caller]
    fn check(label: impl Fn(usize) -> String, told: Option<&str>, ok: bool) {
        let rows = (0..1000).map(|row| Row::from_cells(row as u64, [Cell::Text(&label(row))]));
        let table = Table::new(vec!["label".to_owned()], rows.collect()).unwrap();
        let items = TableItems::new(table, "t.csv", Some("label")).unwrap();
        let config = told.map(|text| ColumnPipelineConfig::from_toml(text).unwrap());
        let checked = check_classes(&items, 1000, "label", config.as_ref());
        assert_eq!(checked.is_ok(), ok, "{checked:?}");
    }

    #[test]
    fn numbers_that_hardly_repeat_are_no_classes() {
        check(|row| (row * 7 % 253).to_string(), None, false);
        check(|row| (row % 150).to_string(), None, true);
        check(|row| (2 * (row % 150)).to_string(), None, false);
        check(|row| (row % 90).to_string(), None, true);
        check(|row| format!("{}.5", row % 40), None, false);
        check(|row| format!("{}.5", row % 9), None, true);
        check(|row| format!("item {row}"), None, true);
        let told = "[data.columns]\nlabel = { kind = \"category\" }\n";
        check(|row| (2 * (row % 150)).to_string(), Some(told), true);
    }

    #[test]
    fn one_value_is_no_class() {
        check(|_| "one".to_owned(), None, false);
    }
}
