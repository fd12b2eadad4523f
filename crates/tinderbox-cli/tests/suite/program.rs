//! The program as such: help, exit codes, closed pipes, start-up.

use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::{expect, text, tinderbox};

#[test]
fn help_teaches_and_wrong_words_exit_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let help = expect(folder.path(), &["--help"], 0);
    assert!(text(&help.stdout).contains("Exit codes:"));
    for verb in [
        "pretrain", "probe", "finetune", "embed", "predict", "export", "replay",
    ] {
        let help = text(&expect(folder.path(), &[verb, "--help"], 0).stdout);
        assert!(help.contains("Exit codes:"), "{verb}");
    }
    expect(folder.path(), &["pretrian"], 2);
    expect(folder.path(), &[], 2);
    let output = expect(folder.path(), &["pretrain", "--json"], 2);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["error"]["kind"], "usage");
    assert!(
        json["error"]["message"]
            .as_str()
            .unwrap()
            .contains("<RECIPE>")
    );
}

#[test]
fn lists_are_json_for_scripts() {
    let folder = tempfile::tempdir().unwrap();
    for verb in ["devices", "recipes"] {
        let output = expect(folder.path(), &[verb, "--json"], 0);
        let list: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(list.as_array().unwrap().len() >= 3, "{verb}");
    }
    let output = expect(folder.path(), &["recipes", "simclr-digits"], 0);
    assert!(text(&output.stdout).contains("version = 1"));
    let script = expect(folder.path(), &["completions", "zsh"], 0);
    assert!(text(&script.stdout).contains("#compdef tinderbox"));
}

#[test]
fn a_closed_pipe_is_no_fault() {
    let folder = crate::folder_project(2, 12);
    expect(folder.path(), &["pretrain", "mine.toml", "--quiet"], 0);
    for words in [
        &["recipes"][..],
        &["embed", "runs/mine"],
        &["completions", "bash"],
    ] {
        let mut child = tinderbox(folder.path(), words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let mut said = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{words:?}: {said}");
        assert_eq!(said, "", "{words:?}");
    }
}

#[test]
fn quiet_is_silent_and_escapes_are_shown() {
    let folder = crate::folder_project(2, 12);
    let output = expect(folder.path(), &["pretrain", "mine.toml", "--quiet"], 0);
    assert_eq!(text(&output.stderr), "");
    let odd = folder.path().join("images/class-0/\u{1b}[31m.png");
    std::fs::write(odd, "no picture").unwrap();
    let output = expect(folder.path(), &["probe", "runs/mine"], 0);
    assert!(!text(&output.stderr).contains('\u{1b}'));
}

#[test]
fn it_starts_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let fastest = (0..5)
        .map(|_| {
            let start = Instant::now();
            expect(folder.path(), &["recipes"], 0);
            start.elapsed()
        })
        .min();
    assert!(fastest.unwrap() < Duration::from_millis(50), "{fastest:?}");
}
