//! Tables as people have them: odd spellings, marks, dialects, parts.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{expect, read, text, unwrapped};

/// A copy of the input of a field case.
fn case(name: &str) -> tempfile::TempDir {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let target = to.join(entry.file_name());
            match entry.file_type().unwrap().is_dir() {
                true => copy(&entry.path(), &target),
                false => drop(fs::copy(entry.path(), target).unwrap()),
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let field = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/field");
    copy(&field.join(name), folder.path());
    folder
}

/// A folder with a table and a recipe for its column `label`.
pub(crate) fn project(name: &str, table: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), table).unwrap();
    fs::write(folder.path().join("mine.toml"), recipe(name)).unwrap();
    folder
}

fn recipe(path: &str) -> String {
    format!(
        "version = 1\nencoder = {{ kind = \"mlp\", hidden = [8] }}\nobjective = {{ kind = \"supervised\" }}\n\
         train = {{ steps = 4, batch = 8 }}\neval = {{ health = false }}\n\
         [data]\nsource = \"table\"\npath = \"{path}\"\nlabels = \"label\"\n"
    )
}

/// What a run says beforehand: the number of inputs, and the remarks.
pub(crate) struct Dry {
    pub inputs: u64,
    pub items: u64,
    pub remarks: Vec<String>,
}

#[track_caller]
pub(crate) fn dry(at: &Path, recipe: &str, set: &[&str]) -> Dry {
    let set = set.iter().flat_map(|set| ["--set", set]);
    let words: Vec<&str> = ["pretrain", recipe, "--dry-run", "--json"]
        .into_iter()
        .chain(set)
        .collect();
    let output = expect(at, &words, 0);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let remarks = text(&output.stderr);
    let remarks = remarks
        .lines()
        .filter_map(|line| line.strip_prefix("note: "));
    Dry {
        inputs: found["input"][1].as_u64().unwrap(),
        items: found["items"].as_u64().unwrap(),
        remarks: remarks.map(String::from).collect(),
    }
}

impl Dry {
    #[track_caller]
    pub fn says(&self, parts: &[&str]) -> &Self {
        let said = |remark: &&String| parts.iter().all(|part| remark.contains(part));
        assert!(
            self.remarks.iter().any(|remark| said(&remark)),
            "{parts:?} in {:#?}",
            self.remarks
        );
        self
    }
}

#[test]
fn decimal_comma() {
    let folder = case("decimal-comma");
    let at = folder.path();
    // Two numbers and three colours.
    let found = dry(at, "recipe.toml", &[]);
    assert_eq!(found.inputs, 5);
    found.says(&["`;` between its fields", "data.delimiter = \",\""]);
    found.says(&["2 of 3 columns are read as `1,5`", "`size`", "`weight`"]);
    assert_eq!(
        dry(
            at,
            "recipe.toml",
            &["data.delimiter=\";\"", "data.decimal=\",\""]
        )
        .inputs,
        5
    );
    let found = dry(at, "quoted.toml", &[]);
    assert_eq!(found.inputs, 5);
    found.says(&["are read as `1,5`"]);
    let found = dry(at, "tabs.toml", &[]);
    assert_eq!(found.inputs, 5);
    found.says(&["`\\t` between its fields"]);
}

#[test]
fn a_decimal_sign_that_is_told_is_taken() {
    let rows: String = (0..40)
        .map(|row| {
            format!(
                "\"{},{:03}\",{}\n",
                row % 9 + 1,
                row * 37 % 1000,
                "ab".as_bytes()[row % 2] as char
            )
        })
        .collect();
    let folder = project("t.csv", &format!("size,label\n{rows}"));
    let at = folder.path();
    dry(at, "mine.toml", &[]).says(&[
        "can be read as `1.5` and as `1,5`",
        "data.decimal = \",\"",
        "`size`",
    ]);
    let guessed = mean(at, &[]);
    let told = mean(at, &["--set", "data.decimal=\",\""]);
    assert!(guessed > 1000.0 && told < 10.0, "{guessed}, {told}");
}

/// The mean of the first column, as a pipeline was fitted to it.
fn mean(at: &Path, set: &[&str]) -> f64 {
    let words = [
        &["pretrain", "mine.toml", "--overwrite", "--out", "run"][..],
        set,
    ]
    .concat();
    expect(at, &words, 0);
    let pipeline = read(&at.join("run/exported/preprocessing.json"));
    pipeline["columns"][0]["transform"]["number"]["scaler"]["standard"]["mean"]
        .as_f64()
        .unwrap()
}

#[test]
fn thousands_and_other_spellings_are_numbers() {
    let folder = case("thousands");
    let found = dry(folder.path(), "recipe.toml", &[]);
    assert_eq!(found.inputs, 3);
    found
        .says(&["are read as `1.5%`", "`share`: `74.2%`"])
        .says(&["are read as `$1.5`", "`cost`"]);
    found.says(&["are read as `1.5`", "`price`: `5,983.21`"]);
    let folder = case("number-spellings");
    let found = dry(folder.path(), "recipe.toml", &[]);
    assert_eq!(found.inputs, 5);
    found.says(&["`hh:mm`", "`clock`"]);
    // And at prediction: the form travels with the model.
    let at = folder.path();
    expect(at, &["pretrain", "recipe.toml", "--out", "run"], 0);
    let row = "x,share,money,minus,clock\n0.4,\"7.6%\",\"$1,034.27\",\u{2212}1.00,00:30\n0.4,7.6,5\u{20ac},1,00:30\n";
    fs::write(at.join("new.csv"), row).unwrap();
    let output = expect(at, &["predict", "run", "--data", "new.csv"], 0);
    let shown = text(&output.stdout);
    let lines: Vec<&str> = shown.lines().collect();
    assert!(
        lines[1].starts_with("2,") && lines[1].ends_with(','),
        "{shown}"
    );
    assert!(
        lines[2].contains("column `share`") && lines[2].contains("1.5%"),
        "{shown}"
    );
}

#[test]
fn marks_and_infinite_numbers_among_numbers_cost_no_column() {
    let folder = case("missing-marks");
    let at = folder.path();
    for (name, mark) in [
        ("question", "?"),
        ("dash", "-"),
        ("none", "None"),
        ("hash", "#N/A"),
        ("na", "n/a"),
    ] {
        // The number, whether it is missing, and the other number.
        let found = dry(at, &format!("{name}.toml"), &[]);
        assert_eq!(found.inputs, 3, "{name}");
        found.says(&[
            "marks among numbers count as missing",
            &format!("`{mark}` in column `a`, line 5"),
        ]);
    }
    for name in ["nan", "space"] {
        assert_eq!(dry(at, &format!("{name}.toml"), &[]).inputs, 3, "{name}");
    }
    assert_eq!(
        dry(at, "question.toml", &["data.missing=[\"?\"]"]).inputs,
        3
    );
    let folder = case("infinity");
    for name in ["inf", "Infinity", "huge"] {
        let found = dry(folder.path(), &format!("{name}.toml"), &[]);
        assert_eq!(found.inputs, 3, "{name}");
        found.says(&["infinite numbers count as missing", "column `a`"]);
    }
}

#[test]
fn a_mark_that_a_person_names_is_missing_everywhere() {
    let rows: String = (0..40)
        .map(|row| {
            format!(
                "{},{},{}\n",
                if row % 8 == 0 {
                    "gone".into()
                } else {
                    (row * row % 37).to_string()
                },
                ["red", "gone", "blue"][row % 3],
                "ab".as_bytes()[row % 2] as char
            )
        })
        .collect();
    let folder = project("t.csv", &format!("size,colour,label\n{rows}"));
    let at = folder.path();
    dry(at, "mine.toml", &[]).says(&["column", "`size`"]);
    // Number, whether it is missing, and the colour.
    assert_eq!(dry(at, "mine.toml", &["data.missing=[\"gone\"]"]).inputs, 3);
}

#[test]
fn dates_are_read_and_their_form_can_be_told() {
    let folder = case("dates");
    let at = folder.path();
    let found = dry(at, "recipe.toml", &[]);
    for (column, form) in [
        ("european", "dd.mm.yyyy"),
        ("american", "mm/dd/yyyy"),
        ("month", "yyyy-mm"),
    ] {
        found.says(&[&format!("`{column}`"), &format!("are read as `{form}`")]);
    }
    found.says(&["`excel`", "counts rows"]);
    assert_eq!(found.inputs, 4);
    let found = dry(at, "only.toml", &[]);
    assert_eq!(found.inputs, 1);
    found.says(&["`when`", "dd.mm.yyyy"]);
    let told = "data.columns.when={ kind = \"number\", form = \"mm/dd/yyyy\" }";
    let output = expect(
        at,
        &["pretrain", "only.toml", "--dry-run", "--set", told],
        0,
    );
    assert!(unwrapped(&output.stderr).contains("what is not one such as `mm/dd/yyyy`"));
}

#[test]
fn a_table_in_parts_is_read_whole() {
    let folder = case("table-folder");
    let at = folder.path();
    let rows = |path: &str| {
        let output = expect(at, &["data", "inspect", path, "--json"], 0);
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        found["facts"]["rows"]
            .as_str()
            .unwrap()
            .parse::<usize>()
            .unwrap()
    };
    let lines = |path: PathBuf| fs::read_to_string(path).unwrap().lines().count() - 1;
    let parts = || (0..3).map(|part| lines(at.join(format!("train/part-{part}.csv"))));
    let all: usize = parts().sum();
    assert_eq!(rows("train"), all);
    assert_eq!(dry(at, "recipe.toml", &[]).items, all as u64);
    let output = expect(at, &["data", "leaks", "train", "test", "--json"], 0);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["train"].as_u64(), Some(all as u64));
    assert_eq!(found["leaks"].as_array().unwrap().len(), all);
    // A column in the names of folders.
    for (year, part) in [(2020, 0), (2021, 1)] {
        let inside = at.join(format!("years/year={year}"));
        fs::create_dir_all(&inside).unwrap();
        fs::copy(
            at.join(format!("train/part-{part}.csv")),
            inside.join("a.csv"),
        )
        .unwrap();
    }
    let found = dry(at, "recipe.toml", &["data.path=years"]);
    assert_eq!(found.inputs, 3);
    // Two tables for two purposes are not one.
    fs::create_dir(at.join("both")).unwrap();
    for name in ["train.csv", "test.csv"] {
        fs::copy(at.join("train/part-0.csv"), at.join("both").join(name)).unwrap();
    }
    let output = expect(
        at,
        &["pretrain", "recipe.toml", "--set", "data.path=both"],
        3,
    );
    assert!(
        unwrapped(&output.stderr).contains("test_path"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn what_inspect_writes_runs_as_it_is() {
    let folder = case("small-table");
    let at = folder.path();
    expect(at, &["data", "inspect", "t.csv", "--out", "look"], 0);
    let short = ["--set", "train.steps=3"];
    let words = [&["pretrain", "look/recipe.toml"][..], &short].concat();
    expect(at, &words, 0);
    let words = [&words[..], &["--set", "data.labels=label"]].concat();
    expect(at, &words, 0);
    // A test table beside it is used.
    fs::create_dir(at.join("both")).unwrap();
    for name in ["train.csv", "test.csv"] {
        fs::copy(at.join("t.csv"), at.join("both").join(name)).unwrap();
    }
    for path in ["both", "both/train.csv"] {
        let output = expect(at, &["data", "inspect", path, "--json"], 0);
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        let recipe = found["recipe"].as_str().unwrap();
        assert!(recipe.contains("path = \"both/train.csv\""), "{recipe}");
        assert!(recipe.contains("test_path = \"both/test.csv\""), "{recipe}");
        assert!(recipe.contains("# labels = \"label\""), "{recipe}");
    }
}

#[test]
fn the_recipe_of_a_table_of_texts_reads_the_texts() {
    let words = [
        "sea", "ship", "wind", "sail", "rock", "gull", "wave", "rope",
    ];
    let line = |row: usize| {
        let word = |place: usize| words[(row * (place + 3) + place * place) % 8];
        let text: Vec<&str> = (0..9).map(word).collect();
        format!("{},{} {row}\n", ["ham", "spam"][row % 2], text.join(" "))
    };
    let rows: String = (0..60).map(line).collect();
    let folder = project("mail.csv", &format!("label,message\n{rows}"));
    let at = folder.path();
    expect(at, &["data", "inspect", "mail.csv", "--out", "look"], 0);
    let recipe = fs::read_to_string(at.join("look/recipe.toml")).unwrap();
    assert!(recipe.contains("text = \"message\""), "{recipe}");
    assert!(recipe.contains("# labels = \"label\""), "{recipe}");
    expect(
        at,
        &[
            "pretrain",
            "look/recipe.toml",
            "--dry-run",
            "--set",
            "train.steps=2",
            "--set",
            "train.batch=2",
            "--set",
            "data.labels=label",
        ],
        0,
    );
}

#[test]
fn a_quote_in_a_field_swallows_no_rows() {
    let rows: String = (0..30)
        .map(|row| {
            let quote = if row % 10 == 3 { "\"" } else { "" };
            format!(
                "{}\t{}\t{quote}so {row}\n",
                ["a", "b"][row % 2],
                row * row % 23
            )
        })
        .collect();
    let folder = project("t.tsv", &format!("label\tsize\tnote\n{rows}"));
    let found = dry(folder.path(), "mine.toml", &[]);
    assert_eq!(found.items, 30);
    found.says(&[
        "3 fields begin with a quote that encloses nothing",
        "data.quote",
    ]);
    let folder = project(
        "t.tsv",
        &format!(
            "label\tsize\n{}",
            rows.lines()
                .map(|line| line.rsplit_once('\t').unwrap().0.to_owned() + "\n")
                .collect::<String>()
        ),
    );
    assert!(
        dry(folder.path(), "mine.toml", &[])
            .remarks
            .iter()
            .all(|remark| !remark.contains("quote"))
    );
}

#[test]
fn a_header_is_guessed_and_told() {
    let rows: String = (0..40)
        .map(|row| format!("{},{}\n", row * row % 23, ["ham", "spam"][row % 2]))
        .collect();
    let folder = project("t.csv", &rows);
    let at = folder.path();
    let found = dry(at, "mine.toml", &["data.labels=column_2"]);
    assert_eq!(found.items, 40);
    found.says(&["has no header", "data.header = true"]);
    // A name that is in the first line decides, and so does the key.
    assert_eq!(dry(at, "mine.toml", &["data.labels=ham"]).items, 39);
    assert_eq!(
        dry(at, "mine.toml", &["data.labels=ham", "data.header=true"]).items,
        39
    );
}

#[test]
fn an_odd_row_or_value_never_costs_the_whole() {
    let rows: String = (0..60)
        .map(|row| match row {
            7 => "1.5,b,no,more\n".to_owned(),
            _ => format!(
                "{},{},{}\n",
                if row == 20 {
                    "oops".into()
                } else {
                    (row * 7 % 59).to_string() + ".5"
                },
                ["u", "v", "w"][row % 3],
                ["no", "yes"][row % 2]
            ),
        })
        .collect();
    let folder = project("t.csv", &format!("size,kind,label\n{rows}"));
    let at = folder.path();
    let found = dry(at, "mine.toml", &[]);
    assert_eq!((found.items, found.inputs), (60, 4));
    found.says(&[
        "1 rows cannot be read and are left out: number of fields",
        "line 9: expected 3, got 4",
    ]);
    found.says(&["left out of training", "column `size`", "line 22: `oops`"]);
    // What a person says of one column leaves the others as they are found.
    let told = "data.columns.size={ kind = \"number\", scale = \"min-max\" }";
    assert_eq!(dry(at, "mine.toml", &[told]).inputs, 4);
    expect(at, &["pretrain", "mine.toml", "--out", "run"], 0);
    let output = expect(at, &["predict", "run", "--data", "t.csv"], 0);
    let shown = text(&output.stdout);
    assert_eq!(shown.lines().count(), 61, "{shown}");
    assert!(
        shown
            .lines()
            .any(|line| line.starts_with("9,,") && line.contains("number of fields")),
        "{shown}"
    );
    assert!(
        shown
            .lines()
            .any(|line| line.starts_with("22,,") && line.contains("oops")),
        "{shown}"
    );
}

#[test]
fn no_column_left_is_said_with_their_names_and_values() {
    let rows: String = (0..40)
        .map(|row| format!("name {row} of them,same,{}\n", ["no", "yes"][row % 2]))
        .collect();
    let folder = project("t.csv", &format!("title,constant,label\n{rows}"));
    let output = expect(folder.path(), &["pretrain", "mine.toml"], 3);
    let said = unwrapped(&output.stderr);
    for part in [
        "`title`: `name",
        "hardly repeats",
        "`constant`: `same`",
        "data.columns",
    ] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn marks_are_missing_in_files_with_types_too_and_a_sentinel_is_told() {
    let line = |row: usize| {
        let size = match row % 8 {
            0 => -999.0,
            _ => (row * row % 37) as f64 / 2.0,
        };
        let colour = ["red", "gone", "blue"][row % 3];
        format!(
            "{{\"size\": {size}, \"colour\": \"{colour}\", \"label\": \"{}\"}}\n",
            ["no", "yes"][row % 2]
        )
    };
    let folder = project("t.jsonl", &(0..60).map(line).collect::<String>());
    let at = folder.path();
    let found = dry(at, "mine.toml", &[]);
    assert_eq!(found.inputs, 4);
    found.says(&[
        "values of `size` are `-999`, far from all others",
        "data.missing = [\"-999\"]",
    ]);
    // Number, whether it is missing, and the colour.
    let found = dry(at, "mine.toml", &["data.missing=[\"-999\", \"gone\"]"]);
    assert_eq!(found.inputs, 3);
    assert!(found.remarks.iter().all(|remark| !remark.contains("-999")));
}

#[test]
fn a_backslash_before_a_quote_swallows_no_rows() {
    let rows: String = (0..40)
        .map(|row| {
            format!(
                "\"he said \\\"{row}, {row}\\\" and\",{},{}\n",
                row * 7 % 31,
                ["no", "yes"][row % 2]
            )
        })
        .collect();
    let folder = project("t.csv", &format!("note,size,label\n{rows}"));
    let found = dry(folder.path(), "mine.toml", &[]);
    assert_eq!((found.items, found.inputs), (40, 1));
    found.says(&["80 quotes stand behind a backslash", "data.escape"]);
}
