//! Tables of others, where `cargo xtask data` has fetched them.

use std::path::PathBuf;

use tinderbox_data::table::{
    ColumnPipelineConfig, InteractionColumns, Interactions, Table, TableOptions, TableProfile,
    Value, open,
};

/// A file that `cargo xtask data SET` fetches; without it the test says that it was skipped.
pub fn fetched(set: &str, file: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../data")
        .join(set)
        .join(file);
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED: {file} is not there; `cargo xtask data {set}` fetches it");
    None
}

/// Inspects a table, fits what its recipe says, and takes every row there and back.
#[track_caller]
fn there_and_back(set: &str, file: &str, features: usize) {
    let Some(path) = fetched(set, file) else {
        return;
    };
    let options = TableOptions::default();
    let profile = TableProfile::inspect(&mut *open(&path, &options).unwrap()).unwrap();
    let config = ColumnPipelineConfig::from_toml(&profile.recipe()).unwrap();
    assert_eq!(config, profile.config());
    let pipeline = config.fit(&mut *open(&path, &options).unwrap()).unwrap();
    assert_eq!(pipeline.width(), features, "{:?}", pipeline.feature_names());
    let matrix = pipeline
        .transform(&mut *open(&path, &options).unwrap())
        .unwrap();
    let table = Table::read(&mut *open(&path, &options).unwrap()).unwrap();
    assert_eq!(matrix.height(), table.rows().len());
    for (index, row) in table.rows().iter().enumerate() {
        let values = pipeline.inverse(matrix.row(index)).unwrap();
        for (value, column) in values.iter().zip(pipeline.columns()) {
            let place = table
                .columns()
                .iter()
                .position(|name| *name == column.name)
                .unwrap();
            let cell = row.cell(place);
            match value {
                Value::Number(got) => {
                    let expected = cell.number().unwrap();
                    // Numbers that were filled in have no value to come back to.
                    let size = profile.columns[place].numbers.max_abs();
                    assert!(
                        expected.is_nan() || (got - expected).abs() <= 1e-6 * size,
                        "{got}, expected {expected}"
                    );
                }
                Value::Text(got) => assert_eq!(Some(got.as_str()), cell.name().as_deref()),
                Value::Missing => assert!(cell.is_missing()),
                Value::Other => assert!(!cell.is_missing()),
            }
        }
    }
}

#[test]
fn breast_cancer_there_and_back() {
    there_and_back("breast-cancer", "breast-cancer.csv", 31);
}

#[test]
fn diamonds_there_and_back() {
    // Carat, depth, table, price, x, y, z; 5 cuts, 7 colours and 8 clarities.
    there_and_back("diamonds", "diamonds.csv", 7 + 5 + 7 + 8);
}

#[test]
fn ratings_are_interactions() {
    let Some(path) = fetched("ratings", "InstEval.csv") else {
        return;
    };
    let columns = InteractionColumns {
        user: "s".to_owned(),
        item: "d".to_owned(),
        rating: Some("y".to_owned()),
        time: None,
    };
    let mut reader = open(&path, &TableOptions::default()).unwrap();
    let ratings = Interactions::read(&mut *reader, &columns).unwrap();
    // The numbers that lme4 documents.
    assert_eq!(ratings.len(), 73_421);
    assert_eq!(ratings.user_names.len(), 2_972);
    assert_eq!(ratings.item_names.len(), 1_128);
    assert_eq!(
        (
            ratings.user_names[0].as_str(),
            ratings.item_names[0].as_str()
        ),
        ("1", "1002")
    );
    let ratings = ratings.ratings.unwrap();
    assert!(
        ratings
            .iter()
            .all(|rating| [1.0, 2.0, 3.0, 4.0, 5.0].contains(rating))
    );
}
