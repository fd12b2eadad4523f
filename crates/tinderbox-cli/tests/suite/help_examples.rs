//! Whatever help says can be typed: its examples run as they stand there.

use std::fs;
use std::path::Path;

use crate::{expect, folder_project, text, write_images};

/// The words of a line as a shell has them.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            (None, ' ') => words.push(std::mem::take(&mut word)),
            _ => word.push(letter),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// A language model as `runs/lm`.
fn language_model(at: &Path) {
    fs::write(
        at.join("speech.txt"),
        "my fellow citizens of the senate\n".repeat(20),
    )
    .unwrap();
    let recipe = "version = 1\nobjective.kind = \"causal-lm\"\ntrain = { steps = 2, batch = 4 }\neval.health = false\n\
        encoder = { kind = \"bert\", width = 8, depth = 1, heads = 1, ffn = 8, positions = 8, causal = true }\n\
        data = { source = \"text\", path = \"speech.txt\", tokens = { vocabulary = 300, length = 8 } }\n";
    fs::write(at.join("lm.toml"), recipe).unwrap();
    expect(
        at,
        &["pretrain", "lm.toml", "--out", "runs/lm", "--quiet"],
        0,
    );
}

#[test]
fn the_examples_in_help_run_in_their_order() {
    let folder = folder_project(2, 12);
    let at = folder.path();
    let mine = fs::read_to_string(at.join("mine.toml")).unwrap();
    write_images(&at.join("labelled"), 2, 6);
    write_images(&at.join("new"), 2, 2);
    let table: String = (0..60)
        .map(|row| format!("{row}.5,{}\n", ["a", "b"][row % 2]))
        .collect();
    fs::write(at.join("table.csv"), format!("size,town\n{table}")).unwrap();
    language_model(at);
    let help = text(&expect(at, &["--help"], 0).stdout);
    let (_, examples) = help.split_once("Examples:\n").unwrap();
    let examples = examples.lines().map(str::trim);
    let examples: Vec<&str> = examples
        .filter(|line| line.starts_with("tinderbox "))
        .collect();
    assert_eq!(examples.len(), 11, "{help}");
    for example in examples {
        let (command, to) = example.split_once(" > ").unwrap_or((example, ""));
        let words = words(command);
        let mut words: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
        match words[..] {
            // Minutes else.
            ["pretrain", "simclr-digits"] => words.push("--dry-run"),
            // There is nothing to go on with but what was stopped.
            [.., "--resume"] => fs::remove_file(at.join("runs/mine/report.html")).unwrap(),
            _ => {}
        }
        let output = expect(at, &words, 0).stdout;
        if !to.is_empty() {
            let read = text(&output).parse::<toml::Table>().unwrap();
            assert_eq!(read["version"].as_integer(), Some(1), "{example}");
            // A smaller one in its place.
            fs::write(at.join(to), &mine).unwrap();
        }
    }
    assert!(at.join("look/recipe.toml").is_file());
    let predicted = fs::read_to_string(at.join("new.csv")).unwrap();
    assert_eq!(predicted.lines().count(), 1 + 4);
}

#[test]
fn the_settings_in_help_are_taken() {
    let folder = folder_project(2, 12);
    let at = folder.path();
    let help = |verb: &[&str]| text(&expect(at, &[&["help"], verb].concat(), 0).stdout);
    let settings = |verb: &[&str]| -> Vec<String> {
        let help = help(verb).split_whitespace().collect::<Vec<_>>().join(" ");
        let shown = help.split('`').skip(1).step_by(2);
        let shown = shown.filter_map(|shown| shown.strip_prefix("--set "));
        let shown = shown.map(|shown| words(shown).concat());
        shown.filter(|shown| !shown.contains("KEY")).collect()
    };
    let corpus = "the cat sat on the mat and the dog sat on the log\n".repeat(20);
    fs::write(at.join("corpus.txt"), corpus).unwrap();
    let of_words = settings(&["words", "train"]);
    assert!(of_words.len() >= 5, "{of_words:?}");
    for set in of_words {
        let train = [
            "words",
            "train",
            "corpus.txt",
            "--out",
            "v.txt",
            "--overwrite",
        ];
        expect(at, &[&train[..], &["--set", &set]].concat(), 0);
    }
    let of_run = settings(&["pretrain"]);
    assert!(of_run.len() >= 3, "{of_run:?}");
    for set in of_run {
        expect(
            at,
            &["pretrain", "mine.toml", "--dry-run", "--set", &set],
            0,
        );
    }
}
