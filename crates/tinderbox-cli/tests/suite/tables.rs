//! A table through every verb: pre-training, measuring, fine-tuning, and raw rows to predictions.

use std::fs;
use std::path::Path;

use crate::{expect, read, text, unwrapped};

/// Rows with a number that tells the class, one that does not, and a category that goes with the class.
fn rows(count: usize) -> Vec<[String; 4]> {
    let row = |index: usize| {
        let (class, noise) = (index % 2, index * 37 % 61);
        [
            (500 * class + noise).to_string(),
            noise.to_string(),
            ["red", "green", "blue"][class + noise % 2].to_string(),
            ["no", "yes"][class].to_string(),
        ]
    };
    (0..count).map(row).collect()
}

fn csv(heading: &[&str], rows: &[[String; 4]]) -> String {
    let line = |cells: &[String]| cells[..heading.len()].join(",") + "\n";
    let rows: String = rows.iter().map(|row| line(row)).collect();
    format!("{}\n{rows}", heading.join(","))
}

const COLUMNS: [&str; 4] = ["size", "noise", "colour", "class"];

const RECIPE: &str = "\
version = 1
encoder = { kind = \"mlp\", hidden = [16, 8] }
objective = { kind = \"simclr\", projection_dim = 8 }
train = { steps = 40, batch = 16 }
[data]
source = \"table\"
path = \"rows.csv\"
labels = \"class\"
";

/// A folder with a table and a recipe.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rows.csv"), csv(&COLUMNS, &rows(90))).unwrap();
    fs::write(folder.path().join("mine.toml"), RECIPE).unwrap();
    folder
}

#[test]
fn from_a_table_to_predictions_of_raw_rows() {
    let folder = project();
    let at = folder.path();
    let compare = ["--set", "compare.shares=[0.5]", "--set", "compare.seeds=2"];
    let short = ["--set", "compare.scratch_steps=20"];
    let words = [&["pretrain", "mine.toml"][..], &compare, &short].concat();
    let output = expect(at, &words, 0);
    assert!(text(&output.stdout).contains("plain input, linear probe"));
    let exported = at.join("runs/mine/exported");
    let pipeline = read(&exported.join("preprocessing.json"));
    let names: Vec<&str> = pipeline["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| column["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["size", "noise", "colour"],
        "no model sees the class"
    );
    assert_eq!(read(&exported.join("tinderbox.json"))["columns"], 5);

    let output = expect(at, &["probe", "runs/mine", "--json"], 0);
    let probe: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(probe["linear_probe"]["accuracy"].as_f64().unwrap() > 0.9);

    let fast = ["--set", "train.steps=80", "--set", "optim.lr=0.01"];
    let words = [
        &["finetune", "runs/mine", "--layer-decay", "0.5"][..],
        &fast,
    ]
    .concat();
    expect(at, &words, 0);

    // Raw rows without a class, in another order of the columns, one of them not readable.
    let mut raw = String::from("colour,extra,noise,size\n");
    for [size, noise, colour, _] in rows(6) {
        raw += &format!("{colour},?,{noise},{size}\n");
    }
    raw += "red,?,1,large\n";
    fs::write(at.join("new.csv"), raw).unwrap();
    let words = ["predict", "runs/mine/finetune-1", "--data", "new.csv"];
    let output = expect(at, &words, 0);
    let shown = text(&output.stdout);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 1 + 7, "{shown}");
    for (index, line) in lines[1..7].iter().enumerate() {
        let class = index % 2;
        let expected = format!("{},{class},{},", index + 2, ["no", "yes"][class]);
        assert!(line.starts_with(&expected), "{line}, not {expected}");
    }
    assert!(lines[7].starts_with("8,,,,") && lines[7].contains("column `size`"));

    // A file with labels of its own is told which column they are in.
    fs::write(at.join("more.csv"), csv(&COLUMNS, &rows(40))).unwrap();
    expect(at, &["probe", "runs/mine", "--data", "more.csv"], 0);
    expect(
        at,
        &["embed", "runs/mine", "--data", "new.csv", "--out", "f.npy"],
        0,
    );
}

#[test]
fn a_test_table_is_held_out_whole() {
    let folder = project();
    let at = folder.path();
    fs::write(at.join("test.csv"), csv(&COLUMNS, &rows(10))).unwrap();
    let words = ["pretrain", "mine.toml", "--dry-run", "--json"];
    let words = [&words[..], &["--set", "data.test_path=test.csv"]].concat();
    let dry: serde_json::Value = serde_json::from_slice(&expect(at, &words, 0).stdout).unwrap();
    assert_eq!((&dry["train"], &dry["test"]), (&90.into(), &10.into()));
    assert_eq!(dry["input"], serde_json::json!([16, 5]));
}

#[test]
fn a_recipe_that_inspect_writes_runs() {
    let folder = project();
    let at = folder.path();
    expect(at, &["data", "inspect", "rows.csv", "--out", "look"], 0);
    let labels = ["--set", "data.labels=class", "--set", "train.batch=16"];
    let words = [
        &["pretrain", "look/recipe.toml", "--dry-run", "--json"][..],
        &labels,
    ]
    .concat();
    let dry: serde_json::Value = serde_json::from_slice(&expect(at, &words, 0).stdout).unwrap();
    // The class is among its columns, and still no input.
    assert_eq!(dry["input"], serde_json::json!([16, 5]));
}

#[test]
fn what_does_not_fit_a_table_says_so() {
    #[track_caller]
    fn check(at: &Path, sets: &[&str], code: i32, expected: &str) {
        let sets = sets.iter().flat_map(|set| ["--set", set]);
        let words: Vec<&str> = ["pretrain", "mine.toml"].into_iter().chain(sets).collect();
        let shown = unwrapped(&expect(at, &words, code).stderr);
        assert!(shown.contains(expected), "{shown}");
    }
    let folder = project();
    let at = folder.path();
    let other = "which reads images, but the data is rows";
    check(at, &["encoder={kind=\"resnet18\"}"], 2, other);
    let other = "`encoder.kind` is mlp, which reads rows, but the data is images";
    check(at, &["data={source=\"digits\"}"], 2, other);
    check(
        at,
        &["data.size=3"],
        2,
        "`data.size` has no use with a table",
    );
    check(at, &["data.labels=true"], 2, "the name of the column");
    check(
        at,
        &["data.views.swap=2"],
        2,
        "`data.views.swap` is 2, expected",
    );
    check(at, &["data.labels=klass"], 3, "`data.labels` is `klass`");
    check(at, &["data.path=none.csv"], 3, "none.csv");
    let unknown = "data.columns={size={kind=\"number\",scal=\"none\"}}";
    check(
        at,
        &[unknown],
        2,
        "unknown key `data.columns.size.scal`; did you mean `scale`?",
    );

    expect(at, &["pretrain", "mine.toml"], 0);
    fs::write(at.join("less.csv"), "size,noise\n1,2\n").unwrap();
    let output = expect(at, &["embed", "runs/mine", "--data", "less.csv"], 3);
    assert!(unwrapped(&output.stderr).contains("`colour`"));
    let digits = ["embed", "runs/mine", "--recipe", "simclr-digits"];
    let output = expect(at, &digits, 3);
    assert!(unwrapped(&output.stderr).contains("expected rows, which the model reads"));
}

#[test]
fn a_run_without_labels_goes_on_and_its_inputs_are_no_labels() {
    let folder = project();
    let at = folder.path();
    let free = ["--set", "data.labels=false", "--out", "free"];
    expect(at, &[&["pretrain", "mine.toml"][..], &free].concat(), 0);
    expect(
        at,
        &[&["pretrain", "mine.toml", "--resume"][..], &free].concat(),
        0,
    );
    expect(at, &["embed", "free", "--out", "f.csv"], 0);
    // Without a label the class was a column like any other, so it cannot be what is told.
    let output = expect(at, &["probe", "free", "--set", "data.labels=class"], 3);
    assert!(unwrapped(&output.stderr).contains("`labels` is `class`, expected a column that"));
    expect(at, &["finetune", "free", "--set", "data.labels=class"], 3);
    assert!(!at.join("free/finetune-1").exists());
    let output = expect(at, &["probe", "free"], 3);
    assert!(unwrapped(&output.stderr).contains("labels of at least 2 classes"));
}

#[test]
fn what_is_read_is_never_written_over() {
    let folder = project();
    let at = folder.path();
    expect(at, &["pretrain", "mine.toml"], 0);
    let table = fs::read(at.join("rows.csv")).unwrap();
    for out in ["rows.csv", "rows.npy", "./rows.csv"] {
        let words = ["embed", "runs/mine", "--overwrite", "--out", out];
        let output = expect(at, &words, 5);
        assert!(unwrapped(&output.stderr).contains("is what is read"));
    }
    assert_eq!(fs::read(at.join("rows.csv")).unwrap(), table);
}

#[test]
fn rows_that_evaluation_cannot_read_are_told() {
    let folder = project();
    let at = folder.path();
    let mut test = csv(&COLUMNS, &rows(10));
    test += "7,7,purple,yes\n";
    fs::write(at.join("test.csv"), test).unwrap();
    let words = ["pretrain", "mine.toml", "--set", "data.test_path=test.csv"];
    let strict =
        "data.columns={size={kind=\"number\"},colour={kind=\"category\",unknown=\"refuse\"}}";
    let output = expect(at, &[&words[..], &["--set", strict]].concat(), 0);
    let shown = unwrapped(&output.stderr);
    assert!(
        shown.contains("1 of 11 items to evaluate on") && shown.contains("test.csv:12"),
        "{shown}"
    );
    let output = expect(at, &["pretrain", "rows.csv"], 2);
    assert!(unwrapped(&output.stderr).contains("is a table, not a recipe"));
}

#[test]
fn rows_of_the_test_that_were_trained_on_are_named() {
    let folder = project();
    let at = folder.path();
    let mut test = csv(&COLUMNS, &rows(1));
    test += "7,7,purple,yes\n";
    fs::write(at.join("test.csv"), test).unwrap();
    let output = expect(at, &["data", "leaks", "rows.csv", "test.csv"], 0);
    let shown = text(&output.stdout);
    assert!(
        shown.contains("1 of 2 test rows are in the training data, of 90"),
        "{shown}"
    );
}
