//! Scalers and encoders of tables against scikit-learn's.

use serde::Deserialize;
use serde_json::Value;
use tinderbox_data::table::{
    CategoryConfig, CategoryCounts, Cell, ColumnPipelineConfig, Encoding, FittedTransform, Row,
    RowReader, Scaler, Table, TableOptions, UnknownCategory, open,
};

use crate::addressed::{below, uniform};
use crate::real_tables::fetched;

/// What scikit-learn found in a table (`tests/fixtures/tables.py`).
#[derive(Deserialize)]
struct Case {
    rows: usize,
    columns: usize,
    min: Vec<f64>,
    max: Vec<f64>,
    mean: Vec<f64>,
    std: Vec<f64>,
    max_abs: Vec<f64>,
    median: Vec<f64>,
    distance: Vec<f64>,
    entries: Entries,
}

/// Scaled values by the kind of scaler; null is NaN.
type Entries = std::collections::BTreeMap<String, Vec<Option<f64>>>;

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/tables.json")).unwrap()
}

fn case(name: &str) -> Case {
    serde_json::from_value(fixture()["tables"][name].clone()).unwrap()
}

/// 1e-6, relative for numbers above 1: the fixtures have twelve digits, the rest is rounding of different sums.
#[track_caller]
fn assert_close(got: f64, expected: f64, what: &str) {
    let allowed = 1e-6 * expected.abs().max(1.0);
    assert!(
        (got - expected).abs() <= allowed,
        "{what}: {got}, expected {expected}"
    );
}

/// As [`assert_close`], but relative for any size: scales may be tiny.
#[track_caller]
fn assert_relative(got: f64, expected: f64, what: &str) {
    assert!(
        (got - expected).abs() <= 1e-6 * expected.abs(),
        "{what}: {got}, expected {expected}"
    );
}

/// Fits every kind of scaler to the first columns of a table and compares.
#[track_caller]
fn check(name: &str, reader: &mut dyn RowReader) {
    let case = case(name);
    let table = Table::read(reader).unwrap();
    assert_eq!(table.rows().len(), case.rows);
    let names = &table.columns()[..case.columns];
    for (kind, entries) in &case.entries {
        let mut words = kind.split(' ');
        let scale = words.next().unwrap();
        let ends: Vec<&str> = words.collect();
        let more = match (scale, &ends[..]) {
            ("min-max", [low, high]) => format!(", range = [{low}, {high}]"),
            ("robust", [low, high]) => format!(", quantiles = [{low}, {high}]"),
            _ => String::new(),
        };
        let lines = names.iter().map(|name| {
            format!("{name:?} = {{ kind = \"number\", scale = \"{scale}\", missing = \"mean\"{more} }}\n")
        });
        let text = format!("[data.columns]\n{}", lines.collect::<String>());
        let config = ColumnPipelineConfig::from_toml(&text).unwrap();
        let pipeline = config.fit(&mut table.reader()).unwrap();
        let scalers: Vec<Scaler> = pipeline
            .columns()
            .iter()
            .map(|column| match &column.transform {
                FittedTransform::Number(number) => number.scaler,
                FittedTransform::Category(_) => unreachable!("all columns are numbers"),
            })
            .collect();
        if ends.is_empty() {
            for (column, scaler) in scalers.iter().enumerate() {
                let what = format!("{name}, {kind}, column {column}");
                match scaler {
                    Scaler::None => unreachable!("no such kind was asked for"),
                    Scaler::MinMax(scaler) => {
                        assert_relative(scaler.min, case.min[column], &what);
                        assert_relative(scaler.max, case.max[column], &what);
                    }
                    Scaler::Standard(scaler) => {
                        let least = 1e-6 * scaler.std;
                        assert!(
                            (scaler.mean - case.mean[column]).abs()
                                <= least.max(1e-6 * scaler.mean.abs()),
                            "{what}"
                        );
                        assert_relative(scaler.std, case.std[column], &what);
                    }
                    Scaler::MaxAbs(scaler) => {
                        assert_relative(scaler.max_abs, case.max_abs[column], &what);
                    }
                    Scaler::Robust(scaler) => {
                        assert_relative(scaler.median, case.median[column], &what);
                        assert_relative(scaler.distance, case.distance[column], &what);
                    }
                }
            }
        }
        let places = below(&format!("sample:{name}"), 64, case.rows * case.columns);
        for (place, expected) in places.into_iter().zip(entries) {
            let (row, column) = (place / case.columns, place % case.columns);
            let value = table.rows()[row].cell(column).number().unwrap();
            let got = scalers[column].transform(value);
            let what = format!("{name}, {kind}, row {row}, column {column}");
            match expected {
                Some(expected) => assert_close(got, *expected, &what),
                None => assert!(got.is_nan(), "{what}"),
            }
        }
    }
}

fn table_of(rows: impl Iterator<Item = Vec<f64>>, width: usize) -> Table {
    let columns = (0..width).map(|column| column.to_string()).collect();
    let rows = rows.map(|row| Row::from_cells(1, row.into_iter().map(Cell::Number)));
    Table::new(columns, rows.collect()).unwrap()
}

#[test]
fn columns_that_go_wrong_easily() {
    let noise = uniform("table", 501 * 6);
    let rows = noise.chunks_exact(6).enumerate().map(|(row, noise)| {
        let noise: Vec<f64> = noise.iter().map(|value| f64::from(*value)).collect();
        vec![
            1e6 + noise[0],
            -7.25,
            1e-12 * noise[2],
            if row % 7 == 3 {
                f64::NAN
            } else {
                100.0 * noise[3]
            },
            if row == 17 { 1e9 } else { noise[4] },
            if noise[5] > 0.8 { noise[5] } else { 0.0 },
        ]
    });
    check("made", &mut table_of(rows, 6).reader());
}

#[test]
fn digits() {
    use burn::data::dataset::Dataset;
    let digits = tinderbox_data::digits();
    let rows = (0..digits.len()).map(|index| {
        let values = digits.get(index).unwrap().image.into_f32();
        values
            .iter()
            .map(|value| f64::from(*value) * 16.0)
            .collect()
    });
    check("digits", &mut table_of(rows, 64).reader());
}

#[track_caller]
fn check_file(name: &str, set: &str, file: &str, options: &TableOptions) {
    if let Some(path) = fetched(set, file) {
        check(name, &mut *open(path, options).unwrap());
    }
}

/// The first line of these files counts rows, columns and classes.
fn counted() -> TableOptions {
    TableOptions {
        header: Some(false),
        skip_lines: Some(1),
        ..TableOptions::default()
    }
}

#[test]
fn breast_cancer() {
    check_file(
        "breast-cancer",
        "breast-cancer",
        "breast_cancer.csv",
        &counted(),
    );
}

#[test]
fn iris() {
    check_file("iris", "small-tables", "iris.csv", &counted());
}

#[test]
fn wine() {
    check_file("wine", "small-tables", "wine_data.csv", &counted());
}

#[test]
fn diabetes() {
    let options = TableOptions {
        header: Some(false),
        delimiter: Some(' '),
        ..TableOptions::default()
    };
    check_file(
        "diabetes",
        "small-tables",
        "diabetes_data_raw.csv.gz",
        &options,
    );
}

#[test]
fn categories_are_those_of_scikit_learn() {
    #[derive(Deserialize)]
    struct Expected {
        categories: Vec<String>,
        folded: Vec<String>,
        one_hot_columns: Vec<usize>,
        folded_columns: Vec<usize>,
        ordinal: Vec<usize>,
        new_folded: Vec<Vec<u8>>,
    }
    let expected: Expected = serde_json::from_value(fixture()["categories"].clone()).unwrap();
    let numbers = below("city", 300, 40)
        .into_iter()
        .zip(below("city again", 300, 40));
    let names: Vec<String> = numbers
        .map(|(a, b)| format!("city {}", a.min(b) / 4))
        .collect();
    let mut counts = CategoryCounts::new(CategoryCounts::MAX_CATEGORIES);
    for name in &names {
        counts.push(Cell::Text(name));
    }
    let columns = |config: &CategoryConfig| -> Vec<usize> {
        let encoder = config.fit(&counts).unwrap();
        let column = |name: &String| {
            let mut numbers = Vec::new();
            encoder.encode(Cell::Text(name), &mut numbers).unwrap();
            match encoder.encoding() {
                Encoding::Ordinal => numbers[0] as usize,
                _ => numbers.iter().position(|number| *number == 1.0).unwrap(),
            }
        };
        names.iter().map(column).collect()
    };
    let plain = CategoryConfig::default();
    assert_eq!(
        plain.fit(&counts).unwrap().categories(),
        expected.categories
    );
    assert_eq!(columns(&plain), expected.one_hot_columns);
    let ordinal = CategoryConfig {
        encode: Encoding::Ordinal,
        ..plain.clone()
    };
    assert_eq!(columns(&ordinal), expected.ordinal);
    let folding = CategoryConfig {
        min_count: 15,
        unknown: UnknownCategory::Other,
        ..plain
    };
    assert_eq!(columns(&folding), expected.folded_columns);
    let encoder = folding.fit(&counts).unwrap();
    assert!(!expected.folded.is_empty());
    assert_eq!(encoder.folded(), expected.folded);
    for (name, expected) in ["city 0", "city 8", "nowhere"]
        .iter()
        .zip(expected.new_folded)
    {
        let mut numbers = Vec::new();
        encoder.encode(Cell::Text(name), &mut numbers).unwrap();
        let expected: Vec<f32> = expected.into_iter().map(f32::from).collect();
        assert_eq!(numbers, expected);
    }
}
