//! The program from outside: its verbs, its exit codes, and that it goes on after any interruption.

mod any_text;
mod bad_input;
mod class_figures;
mod data_verbs;
mod device_suite;
mod digits;
mod elsewhere;
mod generate;
mod help_examples;
mod images;
mod messages;
mod odd_tables;
mod program;
mod published;
mod questions;
mod resume;
mod signals;
mod system_calls;
mod table_labels;
mod tables;
mod tags;
mod text_care;
mod texts;
mod tuning;
mod use_of_flags;
mod verbs;
mod where_runs_lie;

use std::path::Path;
use std::process::{Command, Output};

/// A short run on the digits: a second or so.
const SHORT: &[&str] = &[
    "pretrain",
    "simclr-digits",
    "--set",
    "train.steps=60",
    "--set",
    "checkpoint.every=7",
    "--set",
    "eval.every=20",
    "--set",
    "compare.seeds=2",
    "--set",
    "compare.shares=[0.1]",
    "--set",
    "compare.scratch_steps=20",
];

/// The program in a folder.
fn tinderbox(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tinderbox"));
    command.args(words).current_dir(folder).env("NO_COLOR", "1");
    command
}

/// Runs the program and expects an exit code.
#[track_caller]
fn expect(folder: &Path, words: &[&str], code: i32) -> Output {
    let output = tinderbox(folder, words).output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(code),
        "{words:?}\n{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    output
}

/// Expects an exit code, and that this is said on standard error.
#[track_caller]
fn says(folder: &Path, words: &[&str], code: i32, part: &str) {
    let said = unwrapped(&expect(folder, words, code).stderr);
    assert!(said.contains(part), "{words:?}: {said}");
}

/// Expects of a training of 30 steps that it ends with the same weights if it is taken back to its tenth, as if it had been killed, and goes
/// on with another number of threads.
#[track_caller]
fn ends_as_if_it_had_not_stopped(at: &Path, words: &[&str]) {
    let steps = [
        "--set",
        "checkpoint.every=10",
        "--set",
        "checkpoint.best=false",
        "--set",
        "train.steps=30",
    ];
    let run = |out: &str, more: &[&str]| {
        expect(at, &[words, &steps, &["--out", out], more].concat(), 0);
    };
    run("whole", &[]);
    run("half", &[]);
    for step in [20, 30] {
        let checkpoint = at.join(format!("half/checkpoints/step-{step:08}"));
        std::fs::remove_dir_all(checkpoint).unwrap();
    }
    std::fs::remove_dir_all(at.join("half/exported")).unwrap();
    run("half", &["--resume", "--set", "threads=1"]);
    let weights =
        |run: &str| std::fs::read(at.join(run).join("exported/model.safetensors")).unwrap();
    assert!(weights("whole") == weights("half"));
}

/// Says that a test has nothing to run here, which is a failure where `TINDERBOX_STRICT` is set, as it
/// is in continuous integration.
#[track_caller]
fn lacks(what: &str) {
    assert!(
        std::env::var_os("TINDERBOX_STRICT").is_none(),
        "{what} is missing"
    );
    eprintln!("SKIPPED: {what} is missing");
}

/// What was said, without the line breaks and bars of long messages.
fn unwrapped(bytes: &[u8]) -> String {
    let text = text(bytes);
    let words: Vec<&str> = text
        .split_whitespace()
        .filter(|word| *word != "|")
        .collect();
    words.join(" ")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A file of JSON.
fn read(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Words of the short run, and more.
fn short<'a>(more: &[&'a str]) -> Vec<&'a str> {
    SHORT.iter().copied().chain(more.iter().copied()).collect()
}

/// A folder of labelled images: `classes` folders of `each` images, told apart by brightness.
fn write_images(folder: &Path, classes: u8, each: u8) {
    for class in 0..classes {
        let inside = folder.join(format!("class-{class}"));
        std::fs::create_dir_all(&inside).unwrap();
        for number in 0..each {
            let image = image::RgbImage::from_fn(12, 12, |x, y| {
                let noise = (x * 7 + y * 13 + u32::from(number) * 5) % 40;
                let value = (u32::from(class) * 180 / u32::from(classes - 1) + noise) as u8;
                image::Rgb([value, value / 2, 255 - value])
            });
            image.save(inside.join(format!("{number:03}.png"))).unwrap();
        }
    }
}

/// An IDX file of bytes.
fn idx(dimensions: &[u32], values: impl IntoIterator<Item = u8>) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, dimensions.len() as u8];
    bytes.extend(dimensions.iter().flat_map(|n| n.to_be_bytes()));
    bytes.extend(values);
    bytes
}

/// A folder with images and a recipe.
fn folder_project(classes: u8, each: u8) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_images(&folder.path().join("images"), classes, each);
    std::fs::write(folder.path().join("mine.toml"), RECIPE).unwrap();
    folder
}

/// A recipe for a user's own folder.
const RECIPE: &str = "\
version = 1
encoder = { kind = \"reference-cnn\", filters = 8, hidden = 16, dropout = 0.0 }
objective.kind = \"simclr\"
train = { steps = 12, batch = 16 }
[data]
source = \"folder\"
path = \"images\"
[data.views]
crop = { scale = [0.5, 1.0] }
flip = {}
";
