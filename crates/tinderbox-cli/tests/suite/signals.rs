//! Ctrl-C and SIGTERM save everything and say how to go on.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::{expect, says, short, text, tinderbox, unwrapped};

/// Sends a signal to the program once its first line of progress, which begins with `unit`, says that it works; it ends with `code`.
#[track_caller]
fn stop(folder: &Path, words: &[&str], unit: &str, [signal, code]: [&str; 2]) {
    let mut child = tinderbox(folder, words)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(first.starts_with(unit), "{first}");
    let sent = Instant::now();
    let kill = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(kill.success());
    let said: Vec<String> = lines.map(Result::unwrap).collect();
    let ended = child.wait().unwrap().code().unwrap();
    assert_eq!(ended.to_string(), code, "{said:?}");
    assert!(sent.elapsed() < Duration::from_secs(10));
    let said = said.join("\n");
    assert!(
        said.contains("stopping after this step") && said.contains("--resume"),
        "{said}"
    );
}

fn check(signal: [&str; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let words = short(&["--out", "run", "--set", "train.steps=100000"]);
    stop(folder.path(), &words, "step ", signal);
    let checkpoints = std::fs::read_dir(folder.path().join("run/checkpoints")).unwrap();
    assert!(checkpoints.count() > 0);
    assert!(folder.path().join("run/report.html").exists());
}

#[test]
fn ctrl_c_ends_with_130() {
    check(["-INT", "130"]);
}

#[test]
fn sigterm_ends_with_143() {
    check(["-TERM", "143"]);
}

#[test]
fn stopped_word_vectors_end_as_if_they_had_not_been() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let word = |line: usize, place: usize| format!("w{} ", (line * line + place * 7) % 200);
    let line = |line: usize| (0..20).map(|place| word(line, place)).collect::<String>() + "\n";
    let corpus: String = (0..2000).map(line).collect();
    std::fs::write(at.join("corpus.txt"), corpus).unwrap();
    let train = |kind: &'static str, epochs: &'static str, out: &'static str| {
        [
            "words",
            "train",
            "corpus.txt",
            "--kind",
            kind,
            "--set",
            epochs,
            "--out",
            out,
        ]
    };
    for (kind, epochs, unit) in [
        ("skip-gram", "epochs=200", "word "),
        ("glove", "epochs=1000", "epoch "),
    ] {
        expect(at, &train(kind, epochs, "whole.txt"), 0);
        let half = train(kind, epochs, "half.txt");
        stop(at, &half, unit, ["-INT", "130"]);
        assert!(!at.join("half.txt").exists() && at.join("half.txt.state").exists());
        // What is there is not lost by beginning anew.
        let said = unwrapped(&expect(at, &half, 5).stderr);
        assert!(
            said.contains("half.txt.state") && said.contains("--resume"),
            "{said}"
        );
        let again = [&half[..], &["--resume", "--threads", "1"]].concat();
        expect(at, &again, 0);
        let read = |name: &str| std::fs::read(at.join(name)).unwrap();
        assert!(read("whole.txt") == read("half.txt"), "{kind}");
        assert!(!at.join("half.txt.state").exists());
        says(at, &again, 5, "no training was stopped");
        for name in ["whole.txt", "half.txt"] {
            std::fs::remove_file(at.join(name)).unwrap();
        }
    }
}

#[test]
fn a_stopped_run_is_found_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let long = short(&["--set", "train.steps=400"]);
    let mut child = tinderbox(folder.path(), &long)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    // A second process finds the directory locked, and is told by whom.
    let busy = [&long[..], &["--out", "runs/simclr-digits", "--resume"]].concat();
    let output = expect(folder.path(), &busy, 5);
    assert!(unwrapped(&output.stderr).contains(&child.id().to_string()));
    Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    lines.for_each(drop);
    child.wait().unwrap();
    let output = expect(folder.path(), &[&long[..], &["--resume"]].concat(), 0);
    assert!(unwrapped(&output.stderr).contains("going on after step"));
    assert!(text(&output.stdout).contains("runs/simclr-digits\n"));
    let output = expect(folder.path(), &[&long[..], &["--resume"]].concat(), 5);
    assert!(unwrapped(&output.stderr).contains("no unfinished run"));
}
