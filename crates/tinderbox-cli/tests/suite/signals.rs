//! Ctrl-C and SIGTERM save everything and say how to go on.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::{expect, short, text, tinderbox, unwrapped};

#[track_caller]
fn check(signal: &str, code: i32) {
    let folder = tempfile::tempdir().unwrap();
    let words = short(&["--out", "run", "--set", "train.steps=100000"]);
    let mut child = tinderbox(folder.path(), &words)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    // The first line of progress says that steps are being done.
    let first = lines.next().unwrap().unwrap();
    assert!(first.starts_with("step "), "{first}");
    let sent = Instant::now();
    let kill = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(kill.success());
    let said: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(code), "{said:?}");
    assert!(sent.elapsed() < Duration::from_secs(10));
    let said = said.join("\n");
    assert!(
        said.contains("stopping after this step") && said.contains("--resume"),
        "{said}"
    );
    let checkpoints = std::fs::read_dir(folder.path().join("run/checkpoints")).unwrap();
    assert!(checkpoints.count() > 0);
    assert!(folder.path().join("run/report.html").exists());
}

#[test]
fn ctrl_c_ends_with_130() {
    check("-INT", 130);
}

#[test]
fn sigterm_ends_with_143() {
    check("-TERM", 143);
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
