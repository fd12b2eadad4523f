//! Every verb, on a user's own folder with a ten-line recipe.

use std::fs;
use std::path::Path;

use safetensors::SafeTensors;

use crate::{expect, folder_project, idx, text, unwrapped};

#[test]
fn every_built_in_recipe_passes_a_dry_run() {
    let folder = folder_project(3, 12);
    let at = folder.path();
    let mnist = at.join("data/mnist");
    fs::create_dir_all(&mnist).unwrap();
    for (name, count) in [("train", 600), ("t10k", 100)] {
        let write = |kind: &str, bytes: Vec<u8>| {
            fs::write(mnist.join(format!("{name}-{kind}-ubyte")), bytes).unwrap();
        };
        let pixels = (0..count * 28 * 28).map(|i| (i * 37 % 251) as u8);
        write("images-idx3", idx(&[count, 28, 28], pixels));
        write(
            "labels-idx1",
            idx(&[count], (0..count).map(|i| (i % 10) as u8)),
        );
    }
    let cancer = at.join("data/breast-cancer");
    fs::create_dir_all(&cancer).unwrap();
    let rows: String = (0..20).map(|i| format!("{i},{}\n", i % 2)).collect();
    fs::write(
        cancer.join("breast-cancer.csv"),
        format!("a,diagnosis\n{rows}"),
    )
    .unwrap();
    for folder in [
        "addresses/a",
        "brown/b",
        "mail/messages/ham",
        "mail/messages/spam",
    ] {
        let folder = at.join("data").join(folder);
        fs::create_dir_all(&folder).unwrap();
        for number in 0..6 {
            let text = "One of the words, and some of the others. ".repeat(60);
            fs::write(folder.join(format!("{number}.txt")), text).unwrap();
        }
    }
    let recipes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes");
    let mut ran = 0;
    for recipe in fs::read_dir(recipes).unwrap() {
        let file = recipe.unwrap().path();
        let name = file.file_stem().unwrap().to_str().unwrap();
        let small = ["--set", "train.batch=4"];
        let words = [&["pretrain", name, "--dry-run", "--json"][..], &small].concat();
        let output = expect(at, &words, 0);
        let dry: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(dry["input"][0], 4, "{name}");
        ran += 1;
    }
    assert!(ran >= 3);
}

#[test]
fn from_a_folder_to_predictions() {
    let folder = folder_project(3, 12);
    let at = folder.path();
    let broken = at.join("images/class-1/broken.jpg");
    fs::write(&broken, b"\xff\xd8\xff\xe0 no picture").unwrap();

    let output = expect(at, &["pretrain", "mine.toml", "--json", "--dry-run"], 0);
    let dry: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(dry["input"], serde_json::json!([16, 3, 12, 12]));
    assert_eq!(dry["feature_dim"], 16);
    assert!(!at.join("runs").exists(), "a dry run leaves nothing behind");

    let output = expect(at, &["pretrain", "mine.toml"], 0);
    assert!(text(&output.stdout).contains("run: runs/mine"));
    let run = at.join("runs/mine");
    for name in [
        "recipe.toml",
        "resolved.toml",
        "env.json",
        "data.json",
        "metrics.jsonl",
        "report.html",
        "exported/README.md",
    ] {
        assert!(run.join(name).is_file(), "{name}");
    }
    let weights = fs::read(run.join("exported/model.safetensors")).unwrap();
    let weights = SafeTensors::deserialize(&weights).unwrap();
    assert!(weights.names().contains(&"conv.weight"));

    let output = expect(at, &["probe", "runs/mine", "--json"], 0);
    let probe: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(probe["linear_probe"]["accuracy"].as_f64().unwrap() > 0.5);
    assert!(run.join("probe/probe.json").is_file());

    let fast = ["--set", "train.steps=60", "--set", "optim.lr=0.01"];
    let words = [&["finetune", "runs/mine", "--data", "images"][..], &fast].concat();
    let output = expect(at, &words, 0);
    assert!(text(&output.stdout).contains("runs/mine/finetune-1"));
    let words = [
        &["finetune", "runs/mine", "--freeze", "--labels", "0.5"][..],
        &fast,
    ]
    .concat();
    expect(at, &words, 0);
    // A frozen encoder stays what it was, to the bit.
    let tuned = fs::read(run.join("finetune-2/exported/model.safetensors")).unwrap();
    let tuned = SafeTensors::deserialize(&tuned).unwrap();
    for name in weights.names() {
        let [a, b] = [&weights, &tuned].map(|file| file.tensor(name).unwrap().data().to_vec());
        assert!(a == b, "{name} moved");
    }
    assert!(tuned.names().contains(&"output.weight"));

    let output = expect(
        at,
        &["predict", "runs/mine/finetune-1", "--data", "images"],
        0,
    );
    let rows: Vec<String> = text(&output.stdout).lines().map(String::from).collect();
    assert_eq!(rows.len(), 1 + 37);
    assert_eq!(rows[0], "id,class,name,probability,error");
    assert!(rows[1].starts_with("class-0/000.png,"));
    let bad = rows
        .iter()
        .find(|row| row.starts_with("class-1/broken.jpg,,,,"))
        .unwrap();
    assert!(bad.contains("not a readable picture"), "{bad}");
    let right = rows.iter().filter(|row| {
        let cells: Vec<&str> = row.split(',').collect();
        cells[0].starts_with(&format!("{}/", cells[2]))
    });
    assert!(right.count() > 24, "{rows:#?}");
    let output = expect(at, &["predict", "runs/mine"], 2);
    assert!(unwrapped(&output.stderr).contains("tinderbox finetune"));

    expect(at, &["embed", "runs/mine", "--out", "f.npy"], 0);
    let npy = fs::read(at.join("f.npy")).unwrap();
    assert_eq!(npy.len(), 128 + 37 * 16 * 4);
    assert_eq!(
        fs::read_to_string(at.join("f.csv"))
            .unwrap()
            .lines()
            .count(),
        38
    );
    let output = expect(at, &["embed", "runs/mine/exported", "--data", "images"], 0);
    assert_eq!(text(&output.stdout).lines().count(), 38);
    expect(at, &["embed", "runs/mine", "--out", "f.npy"], 5);

    expect(at, &["export", "runs/mine", "whole"], 0);
    expect(at, &["export", "runs/mine", "early", "--step", "10"], 0);
    let read = |name: &str| fs::read(at.join(name).join("model.safetensors")).unwrap();
    assert!(read("whole") == read("runs/mine/exported"));
    assert!(read("early") != read("whole"));
    let output = expect(at, &["export", "runs/mine", "never", "--step", "999"], 2);
    assert!(unwrapped(&output.stderr).contains("steps with a checkpoint: "));
    // An exported folder is all that is needed to go on.
    expect(
        at,
        &["embed", "whole", "--data", "images", "--out", "g.csv"],
        0,
    );
    expect(at, &["probe", "whole"], 2);

    // The broken image is counted wherever it was met.
    let report = fs::read_to_string(run.join("report.html")).unwrap();
    let data: serde_json::Value =
        serde_json::from_slice(&fs::read(run.join("data.json")).unwrap()).unwrap();
    let skipped = data["skipped"].as_array().unwrap().len();
    assert_eq!(report.contains("Skipped items"), skipped > 0);
}

#[test]
fn weights_to_start_from_are_checked_by_name() {
    let folder = folder_project(2, 12);
    let at = folder.path();
    expect(at, &["pretrain", "mine.toml", "--out", "first"], 0);
    expect(
        at,
        &[
            "pretrain",
            "mine.toml",
            "--out",
            "second",
            "--set",
            "encoder.init=first",
        ],
        0,
    );
    let weights = fs::read(at.join("first/exported/model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&weights).unwrap();
    let some: Vec<_> = file
        .tensors()
        .into_iter()
        .filter(|(name, _)| name != "fc.bias")
        .collect();
    fs::write(
        at.join("some.safetensors"),
        safetensors::serialize(some, None).unwrap(),
    )
    .unwrap();
    let init = ["--set", "encoder.init=some.safetensors"];
    let words = [&["pretrain", "mine.toml", "--out", "third"][..], &init].concat();
    let output = expect(at, &words, 2);
    let said = unwrapped(&output.stderr);
    assert!(
        said.contains("fc.bias") && said.contains("partial = true"),
        "{said}"
    );
    let words = [
        &words[..],
        &["--overwrite", "--set", "encoder.partial=true"],
    ]
    .concat();
    let output = expect(at, &words, 0);
    assert!(unwrapped(&output.stderr).contains("left as drawn: fc.bias"));
}

#[test]
fn a_step_that_is_not_finite_is_saved_and_replayed() {
    let folder = folder_project(2, 12);
    let at = folder.path();
    let words = [
        "pretrain",
        "mine.toml",
        "--set",
        "optim.kind=sgd",
        "--set",
        "optim.lr=1e38",
    ];
    let output = expect(at, &words, 4);
    let said = unwrapped(&output.stderr);
    assert!(
        said.contains("not finite") && said.contains("tinderbox replay"),
        "{said}"
    );
    let output = expect(at, &["replay", "runs/mine"], 0);
    let said = text(&output.stdout);
    assert!(
        said.contains("the first tensor that is not finite"),
        "{said}"
    );
    assert!(said.contains("items of the batch: 16 (class-"), "{said}");
    let output = expect(at, &["replay", "runs/mine", "--json"], 0);
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(!found["not_finite"].as_array().unwrap().is_empty());
}

#[test]
fn lists_and_shards_of_images_are_read_as_a_folder_is() {
    let folder = folder_project(3, 12);
    let at = folder.path();
    let mut list = String::from("path,label\n");
    fs::create_dir(at.join("shards")).unwrap();
    for class in 0..3 {
        let mut shard = tar::Builder::new(Vec::new());
        for number in 0..12 {
            let name = format!("class-{class}/{number:03}.png");
            list += &format!("images/{name},kind {class}\n");
            let key = format!("{class}{number:03}");
            shard
                .append_path_with_name(at.join("images").join(&name), format!("{key}.png"))
                .unwrap();
            let mut header = tar::Header::new_gnu();
            header.set_size(1);
            header.set_mode(0o644);
            header.set_cksum();
            let label = class.to_string();
            shard
                .append_data(&mut header, format!("{key}.cls"), label.as_bytes())
                .unwrap();
        }
        let bytes = shard.into_inner().unwrap();
        fs::write(at.join(format!("shards/{class}.tar")), bytes).unwrap();
    }
    fs::write(at.join("list.csv"), list).unwrap();
    for (source, path) in [("list", "list.csv"), ("shards", "shards")] {
        let out = format!("by-{source}");
        let sets = [
            format!("data.source={source}"),
            format!("data.path={path}"),
            "train.steps=2".to_string(),
        ];
        let sets = sets.iter().flat_map(|set| ["--set", set.as_str()]);
        let words: Vec<&str> = ["pretrain", "mine.toml", "--out", &out]
            .into_iter()
            .chain(sets)
            .collect();
        expect(at, &words, 0);
        let facts = fs::read(at.join(&out).join("data.json")).unwrap();
        let facts: serde_json::Value = serde_json::from_slice(&facts).unwrap();
        let got = ["items", "classes", "channels"].map(|key| facts[key].as_u64().unwrap());
        assert_eq!(got, [36, 3, 3], "{source}");
    }
    fs::create_dir(at.join("empty")).unwrap();
    let words = ["--set", "data.source=shards", "--set", "data.path=empty"];
    let words = [&["pretrain", "mine.toml"][..], &words].concat();
    let output = expect(at, &words, 3);
    assert!(unwrapped(&output.stderr).contains("no tar files found"));
}
