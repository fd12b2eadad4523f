//! Text from a causal language model.

use std::fs;
use std::path::Path;

use crate::{ends_as_if_it_had_not_stopped, expect, says, text, unwrapped};

const ENCODER: &str = "kind = \"bert\", width = 16, depth = 1, heads = 2, ffn = 32, positions = 24, dropout = 0.0, causal = true";

const RECIPE: &str = "\
version = 1
objective.kind = \"causal-lm\"
train = { steps = 250, batch = 8 }
optim = { kind = \"adamw\", lr = 0.02 }
eval.health = false
[data]
source = \"text\"
path = \"texts.txt\"
[data.tokens]
vocabulary = 300
length = 24
";

/// A folder with a text that says the same again and again, and a recipe `mine.toml`.
fn texts(encoder: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let line = "one two three four five six seven eight\n";
    fs::write(at.join("texts.txt"), line.repeat(200)).unwrap();
    let recipe = format!("encoder = {{ {encoder} }}\n{RECIPE}");
    fs::write(at.join("mine.toml"), recipe).unwrap();
    folder
}

/// The same with a model as `runs/mine`.
fn project(encoder: &str) -> tempfile::TempDir {
    let folder = texts(encoder);
    expect(folder.path(), &["pretrain", "mine.toml"], 0);
    folder
}

/// What is written after some words.
fn written(at: &Path, prompt: &str, more: &[&str]) -> String {
    let words = ["generate", "runs/mine", "--prompt", prompt];
    text(&expect(at, &[&words[..], more].concat(), 0).stdout)
}

#[test]
fn a_model_goes_on_as_its_texts_do() {
    let folder = project(ENCODER);
    let at = folder.path();
    let six = ["--tokens", "6"];
    let expected = "One  two three four five six seven eight\n";
    assert_eq!(written(at, "One  two", &six), expected);
    assert_eq!(
        written(at, "One  two", &[&six[..], &["--greedy"]].concat()),
        expected
    );
    assert_eq!(
        written(at, "One  two", &[&six[..], &["--beams", "3"]].concat()),
        expected
    );
    let likely = ["--top-k", "1"];
    assert_eq!(
        written(at, "One  two", &[&six[..], &likely].concat()),
        expected
    );
    // It ends where the positions do, or before, where the sequences ended that it was trained on.
    let whole = written(at, "one two three", &[]).split_whitespace().count();
    assert!((22..=24).contains(&whole), "{whole}");
    assert_eq!(written(at, "one", &["--tokens", "0"]), "one\n");

    // By chance: texts differ, and a seed gives them again.
    let drawn = ["--tokens", "8", "--samples", "4", "--temperature", "5"];
    let seeded = |seed: &str| written(at, "one", &[&drawn[..], &["--set", seed]].concat());
    assert_eq!(seeded("seed=3"), seeded("seed=3"));
    assert_ne!(seeded("seed=3"), seeded("seed=4"));
    let json = written(at, "one", &[&drawn[..], &["--json"]].concat());
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let texts = json["texts"].as_array().unwrap();
    assert_eq!(texts.len(), 4);
    assert_ne!(texts[0], texts[1]);
    assert!(texts[0]["score"].as_f64().unwrap() < 0.0);
    assert!(texts[0]["tokens"].as_u64().unwrap() <= 8);
    let free = text(&expect(at, &["generate", "runs/mine", "--tokens", "4"], 0).stdout);
    assert!(free.split_whitespace().count() >= 3, "{free}");

    // The head travels with the model, and stays behind when the encoder is transferred.
    expect(at, &["export", "runs/mine", "exported"], 0);
    let words = ["generate", "exported", "--prompt", "seven", "--tokens", "1"];
    assert_eq!(text(&expect(at, &words, 0).stdout), "seven eight\n");
    expect(at, &["embed", "runs/mine", "--out", "e.npy"], 0);
    let init = ["--set", "encoder.init=exported", "--set", "train.steps=1"];
    let again = ["pretrain", "mine.toml", "--out", "again"];
    expect(at, &[&again[..], &init].concat(), 0);
}

#[test]
fn recurrent_networks_write_too() {
    let folder = project("kind = \"recurrent\", embedding = 16, hidden = 32");
    let at = folder.path();
    let found = written(at, "one two", &["--tokens", "40"]);
    assert!(found.starts_with("one two three four five"), "{found}");
}

#[test]
fn what_cannot_be_written_says_why() {
    let folder = project(ENCODER);
    let at = folder.path();
    let refused = |model: &str, words: &[&str], expected: &str| {
        let output = expect(at, &[&["generate", model], words].concat(), 2);
        let said = unwrapped(&output.stderr);
        assert!(said.contains(expected), "{words:?}: {said}");
    };
    let run = "runs/mine";
    refused(run, &["--prompt", " "], "`--prompt` is empty");
    refused(run, &["--top-k", "301"], "the vocabulary has");
    refused(run, &["--beams", "999"], "the vocabulary has");
    refused(run, &["--top-k", "0"], "`--top-k` is 0, expected 1 or more");
    refused(run, &["--beams", "0"], "`--beams` is 0");
    refused(run, &["--top-p", "1.5"], "above 0 and up to 1");
    refused(run, &["--temperature", "-1"], "above 0");
    refused(run, &["--temperature", "nan"], "above 0");
    refused(run, &["--samples", "0"], "expected 1 or more");
    refused(run, &["--greedy", "--top-k", "2"], "cannot be used with");
    let long = "one ".repeat(24);
    let said = "`--prompt` has 24 tokens, but the model reads at most 23";
    refused(run, &["--prompt", &long], said);
    expect(at, &["generate", run, "--prompt", &"one ".repeat(23)], 0);

    let other = [
        "--set",
        "objective.kind=masked-lm",
        "--set",
        "train.steps=1",
    ];
    let masked = [
        "pretrain",
        "mine.toml",
        "--out",
        "masked",
        "--set",
        "encoder.causal=false",
    ];
    expect(at, &[&masked[..], &other].concat(), 0);
    refused(
        "masked",
        &[],
        "writes no text: its objective was `masked-lm`",
    );
    refused("masked", &[], "objective.kind = \"causal-lm\"");
    refused("nowhere", &[], "holds no exported model");
    // As models were described before they kept their head.
    let description = at.join("runs/mine/exported/tinderbox.json");
    let without = fs::read_to_string(&description).unwrap();
    let without: String = (without.lines())
        .filter(|line| !line.contains("word_head"))
        .collect();
    fs::write(&description, without).unwrap();
    // Nor had they digests.
    says(
        at,
        &["generate", run],
        5,
        "tinderbox.json is damaged or was changed",
    );
    fs::remove_file(at.join("runs/mine/exported/manifest.json")).unwrap();
    refused(run, &[], "exported without what names the next token");
}

const WRITER: &str = "kind = \"encoder-decoder\", width = 32, depth = 1, decoder_depth = 1, heads = 2, ffn = 64, dropout = 0.0";
const DENOISING: [&str; 4] = [
    "--set",
    "objective.kind=denoising",
    "--set",
    "data.tokens.length=10",
];

#[test]
fn noise_is_taken_off() {
    let folder = texts(WRITER);
    let at = folder.path();
    expect(
        at,
        &[&["pretrain", "mine.toml"], &DENOISING[..]].concat(),
        0,
    );
    let whole = "one two three four five six seven eight\n";
    for noisy in [
        "one two [MASK] five six seven eight",
        "one [MASK] six seven eight",
        "one two three four five six [MASK]",
    ] {
        assert_eq!(written(at, noisy, &[]), whole, "{noisy}");
    }
    let noisy = "one [MASK] five six seven eight";
    assert_eq!(written(at, noisy, &["--beams", "3"]), whole);
    let drawn = written(at, noisy, &["--samples", "2", "--temperature", "0.1"]);
    assert_eq!(drawn, format!("{whole}\n{whole}"));
    let output = expect(at, &["generate", "runs/mine"], 2);
    assert!(unwrapped(&output.stderr).contains("`--prompt` is missing"));
    let card = fs::read_to_string(at.join("runs/mine/exported/README.md")).unwrap();
    assert!(
        card.contains("A restorer of texts (encoder-decoder)"),
        "{card}"
    );

    // What was learnt is transferred, without the decoder's part in it.
    expect(at, &["embed", "runs/mine", "--out", "e.npy"], 0);
    let rows: String = (0..40)
        .map(|row| format!("{} two three,{}\n", ["one", "eight"][row % 2], row % 2))
        .collect();
    fs::write(at.join("labelled.csv"), format!("words,class\n{rows}")).unwrap();
    let data = ["--data", "labelled.csv", "--set", "data.text=words"];
    let more = ["--set", "data.labels=class", "--set", "train.steps=20"];
    expect(
        at,
        &[&["finetune", "runs/mine"], &data[..], &more].concat(),
        0,
    );
    let tuned = "runs/mine/finetune-1";
    expect(at, &[&["predict", tuned], &data[..]].concat(), 0);
    let output = expect(at, &["generate", tuned, "--prompt", "one"], 2);
    assert!(unwrapped(&output.stderr).contains("its objective was `supervised`"));
}

#[test]
fn a_stopped_denoising_ends_as_if_it_had_not_been() {
    let folder = texts(WRITER);
    let short = [
        "--set",
        "train.steps=30",
        "--set",
        "objective.noise=deletion",
    ];
    let words = [&["pretrain", "mine.toml"], &DENOISING[..], &short].concat();
    ends_as_if_it_had_not_stopped(folder.path(), &words);
}

#[test]
fn what_cannot_denoise_says_why() {
    let folder = texts(WRITER);
    let at = folder.path();
    let refused = |set: &[&str], expected: &str| {
        let sets = set.iter().flat_map(|set| ["--set", set]);
        let words: Vec<&str> = ["pretrain", "mine.toml"].into_iter().chain(sets).collect();
        let said = unwrapped(&expect(at, &words, 2).stderr);
        assert!(said.contains(expected), "{set:?}: {said}");
    };
    let kind = "objective.kind=denoising";
    refused(
        &[kind, "objective.share=1.5"],
        "`objective.share` is 1.5, expected a number from 0 to 1",
    );
    refused(
        &[kind, "objective.mean_length=0"],
        "`objective.mean_length` is 0",
    );
    refused(&[kind, "objective.noise=rotation"], "unknown variant");
    refused(&[kind, "objective.shar=0.2"], "did you mean `share`?");
    let bert = "encoder={ kind = \"bert\" }";
    refused(&[kind, bert], "which needs `encoder.kind` encoder-decoder");
    refused(
        &["objective.kind=masked-lm"],
        "which needs `encoder.kind` bert; for an encoder with a decoder there is denoising",
    );
    refused(&["objective.kind=causal-lm"], "no later token");
}
