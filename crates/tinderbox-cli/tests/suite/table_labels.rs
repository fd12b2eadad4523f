//! The labels of tables: what is one, what gives one away, which figures they make.

use std::fs;

use serde_json::Value;

use crate::odd_tables::{dry, project};
use crate::{expect, read, text, unwrapped};

#[test]
fn columns_that_say_too_much_are_left_out_and_told() {
    let rows: String = (0..90)
        .map(|row| {
            let class = row / 45;
            format!(
                "{},{},{},{}\n",
                1000 + 3 * row + row % 2,
                ["n", "y"][class],
                row * 37 % 41,
                ["no", "yes"][class]
            )
        })
        .collect();
    let folder = project("t.csv", &format!("number,copy,size,label\n{rows}"));
    let at = folder.path();
    let found = dry(at, "mine.toml", &[]);
    assert_eq!(found.inputs, 1);
    found
        .says(&["`number`", "counts rows"])
        .says(&["repeats the labels", "`copy`: `n` = no"]);
    let told = "data.columns.copy={ kind = \"category\" }";
    assert_eq!(dry(at, "mine.toml", &[told]).inputs, 3);
}

#[test]
fn items_on_both_sides_of_the_split_are_told() {
    let rows: String = (0..80)
        .map(|row| {
            format!(
                "{},{},{}\n",
                row / 4 * 37 % 101,
                row / 4 * 7 % 13,
                ["no", "yes"][row / 4 % 2]
            )
        })
        .collect();
    let folder = project("t.csv", &format!("a,b,label\n{rows}"));
    let found = dry(folder.path(), "mine.toml", &[]);
    found.says(&["test items are equal to one that is trained on"]);
    // Pictures, too.
    let folder = crate::folder_project(2, 3);
    let at = folder.path();
    for class in 0..2 {
        for copy in 0..9 {
            let inside = at.join(format!("images/class-{class}"));
            fs::copy(
                inside.join("000.png"),
                inside.join(format!("copy-{copy}.png")),
            )
            .unwrap();
        }
    }
    let output = expect(
        at,
        &[
            "pretrain",
            "mine.toml",
            "--dry-run",
            "--set",
            "train.batch=4",
        ],
        0,
    );
    assert!(
        unwrapped(&output.stderr).contains("are equal to one that is trained on"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn labels_that_are_no_classes_are_refused() {
    let rows: String = (0..300)
        .map(|row| format!("{},{},one\n", row * row % 101, row * 7 % 253))
        .collect();
    let folder = project("t.csv", &format!("a,weight,same\n{rows}"));
    let at = folder.path();
    let output = expect(
        at,
        &["pretrain", "mine.toml", "--set", "data.labels=weight"],
        3,
    );
    let said = unwrapped(&output.stderr);
    assert!(
        said.contains("`weight`") && said.contains("253") && said.contains("regression"),
        "{said}"
    );
    let output = expect(
        at,
        &["pretrain", "mine.toml", "--set", "data.labels=same"],
        3,
    );
    let said = unwrapped(&output.stderr);
    assert!(said.contains("`same`") && said.contains("`one`"), "{said}");
}

#[test]
fn rows_are_compared_by_value_whatever_their_file() {
    let line = |row: usize| {
        format!(
            "{{\"b\": \"{}\", \"a\": {}}}\n",
            ["x", "y"][row % 2],
            row as f64 / 4.0
        )
    };
    let rows: String = (0..20)
        .map(|row| {
            format!(
                "{},{}\n",
                format!("{:.2}", row as f64 / 4.0).replace('.', ","),
                ["x", "y"][row % 2]
            )
        })
        .collect();
    let folder = project(
        "a.csv",
        &format!("a;b\n{}", rows.replace(",x", ";x").replace(",y", ";y")),
    );
    let at = folder.path();
    fs::write(at.join("b.jsonl"), (10..30).map(line).collect::<String>()).unwrap();
    let output = expect(at, &["data", "leaks", "a.csv", "b.jsonl", "--json"], 0);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["leaks"].as_array().unwrap().len(), 10);
}

#[test]
fn what_tells_nearly_all_labels_is_told() {
    let rows: String = (0..120)
        .map(|row| {
            let yes = row % 3 == 0;
            let score = row * 7 % 50 + if yes { 60 } else { 0 };
            format!(
                "{score}.5,{},{}\n",
                row * 37 % 41,
                ["no", "yes"][usize::from(yes)]
            )
        })
        .collect();
    let folder = project("t.csv", &format!("score,size,label\n{rows}"));
    let found = dry(folder.path(), "mine.toml", &[]);
    assert_eq!(found.inputs, 2);
    found.says(&[
        "1 of 2 columns alone tell the labels",
        "`score`: 80 of 80 labels",
    ]);
}

#[test]
fn the_same_value_is_one_label_and_one_category() {
    let rows: String = (0..80)
        .map(|row| {
            let flag = ["True", "False", "True", "false", "TRUE", "False"][row % 6];
            let zero = ["0", "1", "0.0", "0", "1.0"][row % 5];
            let place = ["caf\u{e9}", "bar", "cafe\u{301}", "caf\u{e9}"][row % 4];
            format!("{flag},{place},{},{zero}\n", row * 37 % 41)
        })
        .collect();
    let folder = project("t.csv", &format!("flag,place,size,label\n{rows}"));
    let at = folder.path();
    // Two flags, two places, and a number.
    let found = dry(at, "mine.toml", &[]);
    assert_eq!(found.inputs, 3);
    found
        .says(&[
            "labels are other spellings of the same value",
            "\"0.0\" as \"0\"",
        ])
        .says(&[
            "categories of `flag` are other spellings",
            "\"TRUE\" as \"True\"",
        ])
        .says(&["categories of `place`", "\\u{301}"]);
    expect(at, &["pretrain", "mine.toml", "--out", "run"], 0);
    let facts = read(&at.join("run/data.json"));
    assert_eq!(facts["classes"], 2);
    // And at prediction.
    fs::write(
        at.join("new.csv"),
        "flag,place,size\nTRUE,cafe\u{301},3\ntrue,caf\u{e9},3.0\n",
    )
    .unwrap();
    let output = expect(at, &["predict", "run", "--data", "new.csv"], 0);
    let shown = text(&output.stdout);
    let predicted: Vec<&str> = shown
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(',').map(|(_, rest)| rest))
        .collect();
    assert_eq!(predicted.len(), 2, "{shown}");
    assert_eq!(predicted[0], predicted[1]);
}

#[test]
fn a_row_that_is_refused_counts_as_a_wrong_one() {
    let rows = |odd: usize| -> String {
        let row = |row: usize| {
            let class = row % 2;
            let size = match row < odd {
                true => "oops".to_owned(),
                false => format!("{}.5", 100 * class + row * 7 % 13),
            };
            format!("{size},{}\n", ["no", "yes"][class])
        };
        (0..60).map(row).collect()
    };
    let folder = project("t.csv", &format!("size,label\n{}", rows(0)));
    let at = folder.path();
    for (name, odd) in [("test", 0), ("odd", 30)] {
        fs::write(
            at.join(format!("{name}.csv")),
            format!("size,label\n{}", rows(odd)),
        )
        .unwrap();
    }
    let accuracy = |test: &str| {
        let set = format!("data.test_path={test}");
        let words = [
            "pretrain",
            "mine.toml",
            "--overwrite",
            "--out",
            "run",
            "--json",
            "--set",
            "train.steps=60",
            "--set",
            &set,
        ];
        let output = expect(at, &words, 0);
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        (found, unwrapped(&output.stderr))
    };
    let (all, _) = accuracy("test.csv");
    let (half, said) = accuracy("odd.csv");
    let figure = |summary: &Value| summary["figures"]["test/accuracy"].as_f64().unwrap();
    assert!(figure(&all) > 0.9, "{all}");
    assert_eq!(figure(&half), figure(&all) / 2.0, "{half}");
    assert!(
        said.contains("30 of 60 items to evaluate on could not be read"),
        "{said}"
    );
}

#[test]
fn numbers_of_many_values_are_no_classes_of_texts_either() {
    let rows: String = (0..300)
        .map(|row| format!("{}.5,the sea and the ship {row} went on\n", row * 7 % 253))
        .collect();
    let folder = project("t.csv", &format!("label,note\n{rows}"));
    let at = folder.path();
    let recipe = "version = 1\nencoder = { kind = \"bert\", width = 16, depth = 1, heads = 2, ffn = 32, positions = 24 }\nobjective = { kind = \"supervised\" }\n\
                  train = { steps = 2, batch = 8 }\n[data]\nsource = \"table\"\npath = \"t.csv\"\ntext = \"note\"\nlabels = \"label\"\n[data.tokens]\nvocabulary = 300\nlength = 24\n";
    fs::write(at.join("texts.toml"), recipe).unwrap();
    let output = expect(at, &["pretrain", "texts.toml", "--dry-run"], 3);
    let said = unwrapped(&output.stderr);
    assert!(
        said.contains("`label`, numbers of 253 different values"),
        "{said}"
    );
    let told = "data.columns.label={ kind = \"category\" }";
    expect(
        at,
        &["pretrain", "texts.toml", "--dry-run", "--set", told],
        0,
    );
}
