//! Dates as text: in profiles, pipelines, interactions and splits.

use std::path::Path;

use proptest::prelude::*;
use tinderbox_data::table::{
    Cell, ColumnConfig, ColumnKind, ColumnPipelineConfig, ColumnProfile, CsvReader,
    InteractionColumns, Interactions, JsonLinesReader, MissingNumber, Row, RowReader, Scale, Table,
    TableOptions, TableProfile, Value,
};
use tinderbox_data::{SampleRng, time_split};

/// 17 May 2024 at midnight UTC, in seconds since 1970, as `date -u -d 2024-05-17 +%s` says.
const MAY_17: f64 = 1_715_904_000.0;

fn csv(text: &str) -> CsvReader<&[u8]> {
    let options = TableOptions::default();
    CsvReader::new(text.as_bytes(), Path::new("t.csv"), b',', &options).unwrap()
}

fn profile(reader: &mut dyn RowReader) -> ColumnProfile {
    TableProfile::inspect(reader).unwrap().columns.remove(0)
}

fn column(cells: &[&str]) -> Table {
    let rows = (1..).zip(cells);
    let rows = rows.map(|(line, text)| Row::from_cells(line, [Cell::Text(text)]));
    Table::new(vec!["c".to_owned()], rows.collect()).unwrap()
}

fn numbers(entry: &str) -> ColumnPipelineConfig {
    let text = format!("[data.columns]\nc = {{ kind = \"number\", {entry} }}");
    ColumnPipelineConfig::from_toml(&text).unwrap()
}

#[test]
fn a_column_of_dates_is_inspected_fitted_and_taken_back_as_seconds() {
    let text = "c\n2024-05-17\n2024-05-18T12:00:00Z\nNA\n2024-05-19 02:00:00+02:00\n2024-05-16\n";
    let lines = r#"{"c": "2024-05-17"}
        {"c": "2024-05-18T12:00:00Z"}
        {"c": null}
        {"c": "2024-05-19 02:00:00+02:00"}
        {"c": "2024-05-16"}"#;
    let options = TableOptions::default();
    let json = JsonLinesReader::new(lines.as_bytes(), Path::new("t.jsonl"), &options).unwrap();
    let readers: [Box<dyn RowReader>; 2] = [Box::new(csv(text)), Box::new(json)];
    for mut reader in readers {
        let table = Table::read(&mut *reader).unwrap();
        let found = profile(&mut table.reader());
        assert_eq!(
            (found.kind(), found.dates, found.others),
            (ColumnKind::Number, 4, 0)
        );
        assert_eq!(
            found.summary(),
            "4 dates from 2024-05-16 to 2024-05-19, median 2024-05-17T18:00:00Z, 4 different, 1 missing"
        );
        let suggested = found.suggestion();
        assert!(suggested.reason.starts_with("it holds dates"));
        let ColumnConfig::Number(config) = suggested.config else {
            panic!("a column of numbers");
        };
        assert_eq!(
            (config.scale, config.missing),
            (Scale::Standard, MissingNumber::Median)
        );
        let recipe = TableProfile::inspect(&mut table.reader()).unwrap().recipe();
        let pipeline = ColumnPipelineConfig::from_toml(&recipe)
            .and_then(|config| config.fit(&mut table.reader()))
            .unwrap();
        let matrix = pipeline.transform(&mut table.reader()).unwrap();
        let days = [0.0, 1.5, f64::NAN, 2.0, -1.0];
        for (row, days) in days.into_iter().enumerate() {
            let value = pipeline.inverse(matrix.row(row)).unwrap().remove(0);
            if days.is_nan() {
                assert_eq!(value, Value::Missing);
                continue;
            }
            let Value::Number(seconds) = value else {
                panic!("{value:?}");
            };
            // 32 bits of a few deviations, each of about a day.
            assert!((seconds - (MAY_17 + days * 86_400.0)).abs() < 0.1);
            // Seconds mean the same moment as the date.
            let again = Table::new(
                vec!["c".to_owned()],
                vec![Row::from_cells(1, [Cell::Number(seconds)])],
            );
            let again = pipeline.transform(&mut again.unwrap().reader()).unwrap();
            assert!((again.row(0)[0] - matrix.row(row)[0]).abs() < 1e-6);
        }
    }
}

/// What a column holds, and its values that are numbers and that are not.
#[track_caller]
fn judged(cells: &[&str], kind: ColumnKind, counts: (u64, u64)) -> ColumnProfile {
    let found = profile(&mut column(cells).reader());
    assert_eq!(found.kind(), kind);
    assert_eq!((found.numbers.count(), found.others), counts);
    found
}

#[test]
fn codes_and_dates_amid_other_values_are_judged_as_text() {
    use ColumnKind::{Category, Constant, Mixed};
    judged(&["2024-05", "2024-06", "2024-05"], Category, (0, 3));
    judged(
        &["12345-6789", "04229-0001", "12345-6789"],
        Category,
        (0, 3),
    );
    judged(
        &["0000-00-00", "2024-13-01", "2024-02-31"],
        Category,
        (0, 3),
    );
    judged(&["2024-05-17"; 3], Constant, (3, 0));
    let some = judged(&["2024-05-17", "2024-02-31", "7"], Category, (1, 2));
    assert_eq!(some.dates, 1);
    assert_eq!(some.first_other, Some((1, "`2024-05-17`".to_owned())));
    assert_eq!(some.summary(), "3 categories, 3 different, 1 of them dates");
    let numbers: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    let mut cells: Vec<&str> = numbers.iter().map(String::as_str).collect();
    cells[20] = "2024-05-17";
    let found = judged(&cells, Mixed, (199, 1));
    // A date amid numbers would be by far the largest.
    assert_eq!(found.numbers.max(), 199.0);
    // As categories, dates stay text.
    let config = "[data.columns]\nc = { kind = \"category\", encode = \"one-hot\" }";
    let config = ColumnPipelineConfig::from_toml(config).unwrap();
    let table = column(&["2024-05-17", "2024-05-17T00:00:00Z"]);
    let pipeline = config.fit(&mut table.reader()).unwrap();
    assert_eq!(
        pipeline.feature_names(),
        ["c=2024-05-17", "c=2024-05-17T00:00:00Z"]
    );
}

#[test]
fn what_is_no_date_is_refused_with_its_line_and_so_are_dates_amid_numbers() {
    let config = numbers("scale = \"none\"");
    let refused = |cells: &[&str]| {
        let error = config.fit(&mut column(cells).reader()).unwrap_err();
        error.to_string()
    };
    assert_eq!(
        refused(&["2024-05-17", "2024-02-31"]),
        "<memory>:2: column `c`: expected a number or a date, got `2024-02-31`"
    );
    let mixed = "column `c`: `values` is partly dates, 1 of 3, expected dates alone or numbers";
    assert_eq!(refused(&["3", "2024-05-17", "5"]), mixed);
    let tables = [column(&["2024-05-17"]), column(&["3", "5"])];
    let mut parts = tables.map(|table| {
        let mut fit = config.start(table.columns()).unwrap();
        table.rows().iter().for_each(|row| fit.push(row).unwrap());
        fit
    });
    let [first, second] = &mut parts;
    first.merge(second);
    assert_eq!(first.clone().finish().unwrap_err().to_string(), mixed);
}

#[test]
fn interactions_have_times_of_dates_and_are_split_by_them() {
    let columns = InteractionColumns {
        user: "who".to_owned(),
        item: "what".to_owned(),
        rating: Some("stars".to_owned()),
        time: Some("when".to_owned()),
    };
    let read = |rows: &str| {
        let text = format!("who,what,stars,when\n{rows}");
        Interactions::read(&mut csv(&text), &columns)
    };
    let got = read("a,x,1,2024-05-17T12:00:00Z\nb,x,2,2024-05-17 13:00+02:00\na,y,3,2024-05-17\n");
    let times = got.unwrap().times.unwrap();
    let hours: Vec<f64> = times.iter().map(|time| (time - MAY_17) / 3600.0).collect();
    assert_eq!(hours, [12.0, 11.0, 0.0]);
    assert_eq!(time_split(&times, 0.34).unwrap().test, [0]);
    let refused = |rows: &str| read(rows).unwrap_err().to_string();
    assert_eq!(
        refused("a,x,2024-05-17,1\n"),
        "t.csv:2: column `stars`: expected a finite number, got `2024-05-17`"
    );
    assert_eq!(
        refused("a,x,1,yesterday\n"),
        "t.csv:2: column `when`: expected a finite number or a date, got `yesterday`"
    );
    assert_eq!(
        refused("a,x,1,2024-05-17\na,x,1,9\n"),
        "column `when`: `values` is partly dates, 1 of 2, expected dates alone or numbers"
    );
}

proptest! {
    #[test]
    fn the_order_of_rows_does_not_matter(
        cells in prop::collection::vec("(2024-0[1-3]-[0-3][0-9]|[0-9]{1,2}|x?)", 1..12), seed: u64,
    ) {
        let mut cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        let before = profile(&mut column(&cells).reader());
        SampleRng::new(seed, 0, 0, 0).shuffle(&mut cells);
        let after = profile(&mut column(&cells).reader());
        prop_assert_eq!(before.kind(), after.kind());
        let counts = |found: &ColumnProfile| (found.numbers.count(), found.zeros, found.whole, found.others, found.dates);
        prop_assert_eq!(counts(&before), counts(&after));
        prop_assert_eq!(before.numbers.min(), after.numbers.min());
        prop_assert_eq!(&before.categories, &after.categories);
        // What is suggested fits.
        if before.kind() == ColumnKind::Number {
            numbers("missing = \"mean\"").fit(&mut column(&cells).reader()).unwrap();
        }
    }
}
