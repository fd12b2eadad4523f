//! Pipelines of columns: fitted, saved, applied and taken back.

use proptest::prelude::*;
use tinderbox_data::table::{
    Cell, ColumnConfig, ColumnKind, ColumnPipeline, ColumnPipelineConfig, Row, Table, TableProfile,
    Value,
};

fn table(columns: &[&str], rows: &[Vec<Value>]) -> Table {
    let columns = columns.iter().map(|name| (*name).to_owned()).collect();
    let rows = (1..).zip(rows);
    let rows = rows.map(|(line, cells)| Row::from_cells(line, cells.iter().map(Value::as_cell)));
    Table::new(columns, rows.collect()).unwrap()
}

fn config(columns: &str) -> ColumnPipelineConfig {
    ColumnPipelineConfig::from_toml(&format!("[data.columns]\n{columns}")).unwrap()
}

fn number(value: f64) -> Value {
    Value::Number(value)
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

/// Numbers with gaps, and categories with gaps, some of them rare; at least two rows, the first without gaps.
fn mixed() -> impl Strategy<Value = Vec<Vec<Value>>> {
    let value = prop_oneof![6 => (-1e4_f64..1e4).prop_map(number), 1 => Just(Value::Missing)];
    let other = prop_oneof![
        Just(number(0.0)),
        (-3_i8..9).prop_map(|whole| number(whole.into()))
    ];
    let city = prop_oneof![6 => "[a-e]{1,2}".prop_map(Value::Text), 1 => Just(Value::Missing)];
    let code = (0_u8..6).prop_map(|code| number(code.into()));
    let row = (value, other, city, code).prop_map(|(a, b, c, d)| vec![a, b, c, d]);
    prop::collection::vec(row, 1..60).prop_map(|mut rows| {
        rows.insert(0, vec![number(1.5), number(0.0), text("a"), number(3.0)]);
        rows
    })
}

const COLUMNS: [&str; 4] = ["size", "count", "city", "code"];

/// Every way to scale and to encode, with the policies that take any data.
fn some_config() -> impl Strategy<Value = ColumnPipelineConfig> {
    let scale = prop::sample::select(vec![
        r#"scale = "none""#,
        r#"scale = "min-max""#,
        r#"scale = "min-max", range = [-3, 2.5]"#,
        r#"scale = "standard""#,
        r#"scale = "max-abs""#,
        r#"scale = "robust", quantiles = [0.1, 0.9]"#,
    ]);
    let encode = prop::sample::select(vec!["one-hot", "ordinal", "binary"]);
    let fill = prop::sample::select(vec!["mean", "median"]);
    (scale.clone(), scale, fill, encode.clone(), encode).prop_map(|(a, b, fill, city, code)| {
        config(&format!(
            r#"
            size = {{ kind = "number", {a}, missing = "{fill}", indicator = true }}
            count = {{ kind = "number", {b} }}
            city = {{ kind = "category", encode = "{city}", missing = "class" }}
            code = {{ kind = "category", encode = "{code}" }}
            "#
        ))
    })
}

/// Values that came back: numbers up to the rounding of 32 bits, relative to the largest of the column; names exactly, a code as its name.
#[track_caller]
fn assert_came_back(got: &[Value], expected: &[Value]) {
    for (got, expected) in got.iter().zip(expected) {
        match (got, expected) {
            (Value::Number(got), Value::Number(expected)) => {
                assert!(
                    (got - expected).abs() <= 4e-7 * 1e4,
                    "{got}, expected {expected}"
                );
            }
            (Value::Text(got), Value::Number(code)) => assert_eq!(*got, code.to_string()),
            _ => assert_eq!(got, expected),
        }
    }
}

proptest! {
    #[test]
    fn the_inverse_of_the_transform_is_the_row(rows in mixed(), config in some_config()) {
        let table = table(&COLUMNS, &rows);
        let pipeline = config.fit(&mut table.reader()).unwrap();
        let matrix = pipeline.transform(&mut table.reader()).unwrap();
        prop_assert_eq!(matrix.height(), rows.len());
        prop_assert_eq!(matrix.width(), pipeline.width());
        prop_assert_eq!(matrix.names(), &pipeline.feature_names()[..]);
        prop_assert!(matrix.values().iter().all(|value| value.is_finite()));
        for (index, row) in rows.iter().enumerate() {
            assert_came_back(&pipeline.inverse(matrix.row(index)).unwrap(), row);
        }
    }

    #[test]
    fn the_fit_of_parts_merged_is_that_of_the_whole(rows in mixed(), config in some_config(), cut in 0.0_f64..1.0) {
        let table = table(&COLUMNS, &rows);
        let whole = config.fit(&mut table.reader()).unwrap();
        let (left, right) = table.rows().split_at((cut * rows.len() as f64) as usize);
        let mut parts = [left, right].map(|rows| {
            let mut fit = config.start(table.columns()).unwrap();
            rows.iter().for_each(|row| fit.push(row).unwrap());
            fit
        });
        let [first, second] = &mut parts;
        first.merge(second);
        let merged = first.clone().finish().unwrap();
        let (a, b) = (whole.transform(&mut table.reader()).unwrap(), merged.transform(&mut table.reader()).unwrap());
        prop_assert_eq!(a.names(), b.names());
        for (a, b) in a.values().iter().zip(b.values()) {
            // Means of parts round otherwise than that of the whole.
            prop_assert!((a - b).abs() <= 1e-5 * a.abs().max(1.0), "{} and {}", a, b);
        }
    }

    #[test]
    fn it_comes_back_from_json_to_the_last_bit(rows in mixed(), config in some_config()) {
        let table = table(&COLUMNS, &rows);
        let pipeline = config.fit(&mut table.reader()).unwrap();
        let saved = serde_json::to_string(&pipeline).unwrap();
        let again: ColumnPipeline = serde_json::from_str(&saved).unwrap();
        prop_assert_eq!(&again, &pipeline);
        prop_assert_eq!(again.transform(&mut table.reader()).unwrap(), pipeline.transform(&mut table.reader()).unwrap());
    }

    #[test]
    fn every_category_round_trips(names in prop::collection::hash_set("x[ -~]{0,6}x", 1..70), encode in 0_usize..3) {
        let names: Vec<String> = names.into_iter().collect();
        let rows: Vec<Vec<Value>> = names.iter().map(|name| vec![text(name)]).collect();
        let table = table(&["c"], &rows);
        let encode = ["one-hot", "ordinal", "binary"][encode];
        let pipeline = config(&format!("c = {{ kind = \"category\", encode = \"{encode}\" }}")).fit(&mut table.reader()).unwrap();
        let matrix = pipeline.transform(&mut table.reader()).unwrap();
        let width = match encode {
            "one-hot" => names.len(),
            "ordinal" => 1,
            _ => (1..).find(|digits| 1 << digits >= names.len()).unwrap(),
        };
        prop_assert_eq!(matrix.width(), width);
        for (index, name) in names.iter().enumerate() {
            prop_assert_eq!(pipeline.inverse(matrix.row(index)).unwrap(), [text(name)]);
        }
    }

    #[test]
    fn what_is_suggested_reads_back_and_fits(rows in mixed(), name in "[a-z #\"\\\\=.\\n\u{7f}é]{0,5}") {
        let table = table(&["size", "count", &format!("{name}x"), "code"], &rows);
        let profile = TableProfile::inspect(&mut table.reader()).unwrap();
        prop_assert_eq!(profile.rows, rows.len() as u64);
        let suggested = profile.config();
        // Rows with the odd values of such a column are left out by `TableItems::fit`.
        let mixed = profile.columns.iter().any(|column| column.kind() == ColumnKind::Mixed);
        if suggested.validate().is_ok() && !mixed {
            let read = ColumnPipelineConfig::from_toml(&profile.recipe());
            prop_assert_eq!(read.unwrap(), suggested.clone(), "{}", profile.recipe());
            let pipeline = suggested.fit(&mut table.reader()).unwrap();
            pipeline.transform(&mut table.reader()).unwrap();
        }
        prop_assert!(profile.to_string().lines().count() > 4);
    }

    #[test]
    fn any_bytes_make_no_pipeline_and_no_panic(bytes in "\\PC{0,40}") {
        let _ = serde_json::from_str::<ColumnPipeline>(&bytes);
        let _ = ColumnPipelineConfig::from_toml(&bytes);
    }
}

/// Two columns, fitted.
fn small() -> ColumnPipeline {
    let rows =
        [("a", 1.0), ("b", 3.0), ("a", 5.0)].map(|(city, size)| vec![text(city), number(size)]);
    let table = table(&["city", "size"], &rows);
    let config = config(
        r#"
        size = { kind = "number", scale = "min-max", missing = "mean", indicator = true }
        city = { kind = "category", encode = "one-hot", unknown = "other", missing = "class" }
        "#,
    );
    config.fit(&mut table.reader()).unwrap()
}

#[test]
fn columns_follow_the_table_and_are_found_by_name() {
    let pipeline = small();
    let names = [
        "city=a",
        "city=b",
        "city=<other>",
        "city=<missing>",
        "size",
        "size=<missing>",
    ];
    assert_eq!(pipeline.feature_names(), names);
    assert_eq!(pipeline.spans(), [0..4, 4..6]);
    // Another order, and a column that the fit did not see.
    let rows = [
        vec![number(2.0), Value::Missing, text("b")],
        vec![Value::Missing, Value::Missing, text("z")],
        vec![text("7"), Value::Missing, Value::Missing],
    ];
    let matrix = pipeline
        .transform(&mut table(&["size", "new", "city"], &rows).reader())
        .unwrap();
    assert_eq!(matrix.row(0), [0.0, 1.0, 0.0, 0.0, 0.25, 0.0]);
    assert_eq!(matrix.row(1), [0.0, 0.0, 1.0, 0.0, 0.5, 1.0]);
    assert_eq!(matrix.row(2), [0.0, 0.0, 0.0, 1.0, 1.5, 0.0]);
    assert_eq!(
        pipeline.inverse(matrix.row(1)).unwrap(),
        [Value::Other, Value::Missing]
    );
    assert_eq!(
        pipeline.inverse(matrix.row(2)).unwrap(),
        [Value::Missing, number(7.0)]
    );
    let error = pipeline
        .transform(&mut table(&["size"], &[]).reader())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`columns` is a table without `city`, expected all that the pipeline was fitted to"
    );
}

#[test]
fn the_file_is_versioned_and_checked() {
    let saved = serde_json::to_string(&small()).unwrap();
    let wrong = [
        ("\"format_version\":1", "\"format_version\":2"),
        ("\"min\":1.0", "\"min\":9.0"),
        ("\"max\":5.0", "\"max\":null"),
        ("\"fill\":3.0", "\"fill\":null"),
        ("\"range\":[0.0,1.0]", "\"range\":[1.0,1.0]"),
        ("[\"a\",\"b\"]", "[\"a\",\"a\"]"),
        ("\"name\":\"city\"", "\"name\":\"size\""),
        ("\"folded\":[]", "\"folded\":[],\"more\":1"),
        ("\"folded\":[]", "\"folded\":[\"b\"]"),
        ("\"indicator\":true", "\"indicator\":true,\"more\":1"),
    ];
    for (part, other) in wrong {
        assert!(saved.contains(part), "{part} in {saved}");
        let text = saved.replace(part, other);
        assert!(
            serde_json::from_str::<ColumnPipeline>(&text).is_err(),
            "{text}"
        );
    }
}

#[track_caller]
fn refused(columns: &str, fitted: &[Value], new: &Value, expected: &str) {
    let rows: Vec<Vec<Value>> = fitted.iter().map(|value| vec![value.clone()]).collect();
    let config = config(columns);
    let fit = config.fit(&mut table(&["c"], &rows).reader());
    let result = fit
        .and_then(|pipeline| pipeline.transform(&mut table(&["c"], &[vec![new.clone()]]).reader()));
    assert_eq!(result.unwrap_err().to_string(), expected);
}

#[test]
fn what_does_not_fit_is_named() {
    let numbers = r#"c = { kind = "number" }"#;
    let (one, two) = (number(1.0), number(2.0));
    let fitted = [one.clone(), two.clone()];
    refused(
        numbers,
        &[one.clone(), text("x")],
        &one,
        "<memory>:2: column `c`: expected a number or a date, got `x`",
    );
    refused(
        numbers,
        &[Value::Missing],
        &one,
        "<memory>:1: column `c`: expected a number, or `missing` that is not `refuse`, got no value",
    );
    refused(
        numbers,
        &fitted,
        &Value::Missing,
        "<memory>:1: column `c`: expected a number, got no value",
    );
    refused(
        numbers,
        &fitted,
        &number(f64::INFINITY),
        "<memory>:1: column `c`: expected a finite number, got `inf`",
    );
    refused(
        numbers,
        &fitted,
        &number(1e60),
        "<memory>:1: column `c`: expected a number that scales to one of 32 bits, got `1000000000000000000000000000000000000000...`",
    );
    let filled = r#"c = { kind = "number", missing = "mean" }"#;
    refused(
        filled,
        &[Value::Missing],
        &one,
        "column `c`: `numbers` is none, expected at least one to fit",
    );
    let categories = r#"c = { kind = "category" }"#;
    let (a, b) = (text("a"), text("b"));
    refused(
        categories,
        &[a.clone(), b.clone()],
        &text("z"),
        "<memory>:1: column `c`: expected one of `a`, `b`, got `z`",
    );
    refused(
        categories,
        &[a.clone(), Value::Missing],
        &a,
        "column `c`: `missing` is `refuse` with 1 of them, expected `class` or `other`, because cells have no value",
    );
    refused(
        r#"c = { kind = "category", order = ["a"] }"#,
        &[a.clone(), b],
        &a,
        "column `c`: `order` is `b`, which is not listed, expected every category",
    );
    refused(
        r#"d = { kind = "number" }"#,
        std::slice::from_ref(&one),
        &one,
        "`column` is `d`, expected one of `c`",
    );
}

#[test]
fn rare_categories_are_folded_by_count_or_share() {
    let names = "a a a a a a b b b c d";
    let rows: Vec<Vec<Value>> = names.split(' ').map(|name| vec![text(name)]).collect();
    let table = table(&["c"], &rows);
    for bound in ["min_count = 3", "min_share = 0.2"] {
        let config = config(&format!("c = {{ kind = \"category\", {bound} }}"));
        let pipeline = config.fit(&mut table.reader()).unwrap();
        assert_eq!(pipeline.feature_names(), ["c=a", "c=b", "c=<other>"]);
        let matrix = pipeline.transform(&mut table.reader()).unwrap();
        assert_eq!(matrix.row(9), [0.0, 0.0, 1.0]);
        assert_eq!(pipeline.inverse(matrix.row(10)).unwrap(), [Value::Other]);
        // `unknown` is still `refuse`: a rare category is known, another one is not.
        let bound = pipeline.bind(table.columns()).unwrap();
        let row = Row::from_cells(1, [Cell::Text("e")]);
        assert!(bound.apply(&row, &mut Vec::new()).is_err());
    }
}

#[test]
fn an_order_that_is_given_is_kept() {
    let rows = ["mid", "low", "high"].map(|name| vec![text(name)]);
    let config =
        config(r#"c = { kind = "category", encode = "ordinal", order = ["low", "mid", "high"] }"#);
    let pipeline = config.fit(&mut table(&["c"], &rows).reader()).unwrap();
    let matrix = pipeline
        .transform(&mut table(&["c"], &rows).reader())
        .unwrap();
    assert_eq!(matrix.values(), [1.0, 0.0, 2.0]);
    // What a model predicts is read too.
    assert_eq!(pipeline.inverse(&[1.4]).unwrap(), [text("mid")]);
    assert_eq!(pipeline.inverse(&[-0.4]).unwrap(), [text("low")]);
    for wrong in [2.6, -0.6, f32::NAN, f32::INFINITY] {
        assert!(pipeline.inverse(&[wrong]).is_err());
    }
}

#[test]
fn suggestions_have_their_reasons() {
    let rows: Vec<Vec<Value>> = (0..200)
        .map(|row| {
            let wave = f64::from(row * 37 % 101);
            vec![
                number(f64::from(row)),
                number(wave * 0.1),
                number(if row == 5 { 1e6 } else { wave + 0.5 }),
                number(if row % 4 == 0 { wave } else { 0.0 }),
                if row % 10 == 0 {
                    Value::Missing
                } else {
                    number(wave / 101.0)
                },
                number(f64::from(row % 2 * 3)),
                text(["red", "green", "blue"][row as usize % 3]),
                text(["no", "yes"][row as usize % 2]),
                text(&format!("town {}", row % 40)),
                text(&format!("name {row}")),
                number(7.0),
                Value::Missing,
                if row == 9 {
                    text("?")
                } else {
                    number(wave * f64::from(row))
                },
            ]
        })
        .collect();
    let columns = [
        "row", "plain", "outlier", "sparse", "share", "two", "colour", "flag", "town", "name",
        "same", "nothing", "mixed",
    ];
    let profile = TableProfile::inspect(&mut table(&columns, &rows).reader()).unwrap();
    let comments: Vec<String> = profile
        .recipe()
        .lines()
        .filter(|line| line.contains(", because "))
        .map(|line| {
            line.trim_start_matches("# ")
                .split_once("; ")
                .unwrap()
                .0
                .to_owned()
        })
        .collect();
    assert_eq!(
        comments,
        [
            "dropped, because it counts rows from 0 to 199",
            "standard, because its numbers have no outliers and no known bounds",
            "robust, because numbers lie up to 19800 interquartile ranges beyond the quartiles and would set any other scale",
            "max-abs, because 75.5 % of its numbers are zeros, which stay zeros",
            "kept as it is, because its numbers lie between 0 and 1 already",
            "min-max, because it has two values, 0 and 3, which become 0 and 1",
            "one-hot, because it has 3 categories and no order is implied",
            "ordinal, because it has two categories",
            "dropped, because none of its 40 categories has 10 rows, so that all would be `other`",
            "dropped, because its text hardly repeats",
            "dropped, because all its values are equal",
            "dropped, because it has no values",
            "standard, because its numbers have no outliers and no known bounds",
        ]
    );
    let kinds: Vec<ColumnKind> = profile.columns.iter().map(|column| column.kind()).collect();
    use ColumnKind::{Category, Constant, Empty, Number, Text};
    assert_eq!(
        kinds,
        [
            Number, Number, Number, Number, Number, Number, Category, Category, Category, Text,
            Constant, Empty, Number
        ]
    );
    let mixed = profile.columns[12].summary();
    assert!(
        mixed.contains("199 whole numbers") && mixed.contains(", 1 missing"),
        "{mixed}"
    );
    let ColumnConfig::Number(share) = profile.columns[4].suggestion().config else {
        panic!("a column of numbers");
    };
    assert!(share.indicator);
    assert_eq!(profile.columns[6].top(2), [("green", 67), ("red", 67)]);
    assert!(
        profile
            .to_string()
            .contains("\nshare: 180 numbers from 0 to 0.9901")
    );
}
