//! Figures beyond accuracy, and the output layer of a frozen encoder.

use std::fs;

use serde_json::Value;

use crate::{expect, read, text, unwrapped, write_images};

const RECIPE: &str = "\
version = 1
encoder.kind = \"reference-cnn\"
encoder.filters = 4
objective.kind = \"simclr\"
train = { steps = 30, batch = 32 }
eval = { knn = false, health = false }
[data]
";

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

#[test]
fn the_output_layer_of_a_frozen_encoder_is_its_probe() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("d.toml"), format!("{RECIPE}source = \"digits\"\n")).unwrap();
    expect(at, &["pretrain", "d.toml", "--out", "d"], 0);
    let labels = ["--labels", "0.2"];
    let words = [&["probe", "d", "--json"][..], &labels].concat();
    let whole = json(&expect(at, &words, 0).stdout);
    let probe = &whole["linear_probe"];
    let words = [&["finetune", "d", "--freeze", "--json"][..], &labels].concat();
    let idle = ["--set", "optim.lr=0.5", "--set", "train.steps=7"];
    let output = expect(at, &[&words[..], &idle].concat(), 0);
    assert!(unwrapped(&output.stderr).contains("2 settings change nothing"));
    let frozen = json(&output.stdout);
    assert_eq!(frozen["labels"], whole["labels"]);
    let near = |a: &Value, b: &Value, by: f64| {
        let [a, b] = [a, b].map(|value| value.as_f64().unwrap());
        assert!((a - b).abs() <= by, "{a}, {b}");
    };
    near(&frozen["test_accuracy"], &probe["accuracy"], 0.0);
    near(&frozen["test_log_loss"], &probe["log_loss"], 1e-4);
    let run = at.join("d/finetune-1");
    let test = read(&run.join("test.json"));
    assert_eq!(test["confusion"], probe["confusion"]);
    let page = fs::read_to_string(run.join("report.html")).unwrap();
    assert!(page.contains("Confusion") && page.contains("balanced accuracy"));

    // Killed before anything was saved, it ends the same; after the end there is nothing left to do.
    let weights = || fs::read(run.join("exported/model.safetensors")).unwrap();
    let first = weights();
    for lost in ["checkpoints", "exported"] {
        fs::remove_dir_all(run.join(lost)).unwrap();
    }
    let resume = [&words[..], &idle, &["--out", "d/finetune-1", "--resume"]].concat();
    for _ in 0..2 {
        let again = json(&expect(at, &resume, 0).stdout);
        assert_eq!(again["test_accuracy"], frozen["test_accuracy"]);
        assert!(weights() == first);
    }
    let words = ["predict", "d/finetune-1", "--out", "p.csv", "--json"];
    let figures = json(&expect(at, &words, 0).stdout)["figures"].clone();
    assert_eq!(figures["items"], 1797);
    assert!(figures["accuracy"].as_f64() > Some(0.8), "{figures}");
}

#[test]
fn uneven_classes_and_what_cannot_be_read_are_seen_in_the_figures() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let images = at.join("images");
    write_images(&images, 2, 60);
    for number in 12..60 {
        fs::remove_file(images.join(format!("class-1/{number:03}.png"))).unwrap();
    }
    let recipe = format!("{RECIPE}source = \"folder\"\npath = \"images\"\nmax_bad = 100\n");
    fs::write(at.join("mine.toml"), recipe).unwrap();
    expect(at, &["pretrain", "mine.toml", "--out", "mine"], 0);
    let output = expect(at, &["probe", "mine"], 0);
    let shown = text(&output.stdout);
    for row in [
        "balanced accuracy",
        "macro F1",
        "log loss",
        "calibration error",
    ] {
        assert!(shown.contains(row), "{shown}");
    }
    assert!(shown.contains("always class-0") && shown.contains("mostly taken for"));
    let probe = read(&at.join("mine/probe/probe.json"));
    let linear = &probe["linear_probe"];
    let majority = linear["majority_share"].as_f64().unwrap();
    assert!((majority - 20.0 / 24.0).abs() < 0.01, "{linear}");
    assert_eq!(linear["classes"], serde_json::json!(["class-0", "class-1"]));

    // All pictures of a class break: in the test part they are wrong, whatever the model.
    for number in 0..12 {
        let path = images.join(format!("class-1/{number:03}.png"));
        let begun = fs::read(&path).unwrap()[..60].to_vec();
        fs::write(&path, begun).unwrap();
    }
    let words = ["probe", "mine", "--class-weights", "balanced", "--json"];
    let output = expect(at, &words, 0);
    assert!(unwrapped(&output.stderr).contains("test items could not be read, and count as wrong"));
    let probe = json(&output.stdout);
    assert_eq!(probe["class_weights"], "balanced");
    let linear = &probe["linear_probe"];
    assert_eq!(linear["refused"], linear["per_class"][1]["items"]);
    assert!(linear["refused"].as_u64() > Some(0), "{linear}");
    assert_eq!(linear["balanced_accuracy"], 0.5);
}

#[test]
fn balanced_classes_are_asked_for_by_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("d.toml"), format!("{RECIPE}source = \"digits\"\n")).unwrap();
    expect(at, &["pretrain", "d.toml", "--out", "d"], 0);
    let key = ["--set", "objective.class_weights=balanced"];
    let short = ["--set", "train.steps=3", "--labels", "0.1"];
    let words = [&["finetune", "d"][..], &short, &key].concat();
    expect(at, &words, 0);
    let resolved = fs::read_to_string(at.join("d/finetune-1/resolved.toml")).unwrap();
    assert!(
        resolved.contains("class_weights = \"balanced\""),
        "{resolved}"
    );
    expect(
        at,
        &[&words[..], &["--set", "objective.class_weights=3"]].concat(),
        2,
    );
}
