//! Messages advise what helps, of the kind of data at hand.

use std::fs;

use crate::{expect, folder_project, unwrapped};

#[test]
fn a_language_model_that_collapses_is_not_told_of_views() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("texts.txt"), "one two three four\n".repeat(40)).unwrap();
    let recipe = "version = 1\nobjective.kind = \"causal-lm\"\ntrain = { steps = 2, batch = 4 }\n\
        encoder = { kind = \"bert\", width = 8, depth = 1, heads = 1, ffn = 8, positions = 8, dropout = 0.0, causal = true }\n\
        data = { source = \"text\", path = \"texts.txt\", tokens = { vocabulary = 300, length = 8 } }\n";
    fs::write(at.join("mine.toml"), recipe).unwrap();
    let said = unwrapped(&expect(at, &["pretrain", "mine.toml"], 0).stderr);
    assert!(
        said.contains("has collapsed") && said.contains("`optim.lr`"),
        "{said}"
    );
    assert!(
        !said.contains("view") && !said.contains("warning: warning"),
        "{said}"
    );
}

#[test]
fn a_fine_tuning_does_not_take_what_the_model_brings() {
    let folder = folder_project(2, 12);
    let at = folder.path();
    expect(at, &["pretrain", "mine.toml", "--quiet"], 0);
    for set in [
        "encoder.filters=9",
        "data.size=24",
        "compare.seeds=2",
        "encoder.init=x",
    ] {
        let words = ["finetune", "runs/mine", "--set", set];
        let said = unwrapped(&expect(at, &words, 2).stderr);
        let (key, _) = set.split_once('=').unwrap();
        assert!(said.contains(&format!("`{key}` has no use here")), "{said}");
    }
    assert!(!at.join("runs/mine/finetune-1").exists());
}

/// A folder with a language model of two steps in `runs/mine`, of texts of a few words, and with the recipe it was made by.
fn language_model(kind: &str, steps: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let words = ["red", "green", "blue", "black", "white", "grey", "pink"];
    let line = |n: usize| {
        let word = |place: usize| words[(n * 5 + place * place * (n % 3 + 1)) % words.len()];
        (0..6).map(word).collect::<Vec<_>>().join(" ") + "\n"
    };
    fs::write(at.join("texts.txt"), (0..200).map(line).collect::<String>()).unwrap();
    let recipe = format!(
        "version = 1\nobjective.kind = \"{kind}\"\ntrain = {{ steps = {steps}, batch = 8 }}\neval.every = 1\n\
         encoder = {{ kind = \"bert\", width = 16, depth = 1, heads = 1, ffn = 16, positions = 16 }}\n\
         data = {{ source = \"text\", path = \"texts.txt\", tokens = {{ vocabulary = 300, length = 16 }} }}\n"
    );
    fs::write(at.join("mine.toml"), recipe).unwrap();
    folder
}

#[test]
fn narrow_features_of_a_language_model_are_no_collapse_and_too_short_a_run_is_told() {
    let folder = language_model("masked-lm", 2);
    let said = expect(folder.path(), &["pretrain", "mine.toml"], 0).stderr;
    let said = unwrapped(&said);
    assert!(!said.contains("collapsed"), "{said}");
    assert!(
        said.contains("no better than a guess that knows how often each token occurs"),
        "{said}"
    );
}

#[test]
fn a_table_for_a_model_of_texts_names_its_columns() {
    let folder = language_model("masked-lm", 2);
    let at = folder.path();
    expect(at, &["pretrain", "mine.toml", "--quiet"], 0);
    let rows: String = (0..24)
        .map(|n| match n % 2 {
            0 => "red green blue,warm\n",
            _ => "black white grey,cold\n",
        })
        .collect();
    fs::write(at.join("labelled.csv"), format!("body,topic\n{rows}")).unwrap();
    for verb in ["finetune", "probe", "embed"] {
        let mut words = vec![verb, "runs/mine", "--data", "labelled.csv"];
        if verb == "embed" {
            words.extend(["--out", "features.npy"]);
        }
        let said = unwrapped(&expect(at, &words, 3).stderr);
        for part in ["labelled.csv is a table", "`body`, `topic`", "data.text"] {
            assert!(said.contains(part), "{verb}: {said}");
        }
    }
    let words = [
        "finetune",
        "runs/mine",
        "--data",
        "labelled.csv",
        "--set",
        "data.text=body",
        "--set",
        "data.labels=topic",
        "--set",
        "train.steps=2",
    ];
    expect(at, &words, 0);
}
