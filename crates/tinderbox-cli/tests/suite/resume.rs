//! A run that is killed at any instant and resumed ends as if nothing had happened.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::{expect, short, tinderbox};

/// Kills for each number of threads; `TINDERBOX_KILLS` sets another.
const KILLS: u64 = 10;

/// The figures of a run but for their seconds.
fn figures(run: &Path) -> Vec<serde_json::Value> {
    let lines = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let parse = |line: &str| {
        let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
        value.as_object_mut().unwrap().remove("seconds");
        value
    };
    lines.lines().map(parse).collect()
}

#[track_caller]
pub(crate) fn assert_same(one: &Path, other: &Path) {
    for name in [
        "exported/model.safetensors",
        "exported/preprocessing.json",
        "comparison.json",
    ] {
        let [a, b] = [one, other].map(|run| fs::read(run.join(name)).unwrap());
        assert!(a == b, "{name} differs");
    }
    assert_eq!(figures(one), figures(other));
}

/// The `n`th of a fixed sequence that fills 0 to 1 evenly (van der Corput), so that kills fall
/// everywhere in a run and a failure can be repeated.
fn evenly(n: u64) -> f64 {
    (0..8)
        .map(|bit| ((n >> bit) & 1) as f64 / (2 << bit) as f64)
        .sum()
}

#[track_caller]
fn killed_and_resumed(threads: &str) {
    let kills = std::env::var("TINDERBOX_KILLS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(KILLS);
    let folder = tempfile::tempdir().unwrap();
    let words =
        |out: &'static str| short(&["--quiet", "--out", out, "--set", "checkpoint.every=3"]);
    let start = Instant::now();
    expect(
        folder.path(),
        &[words("whole"), vec!["--threads", "0"]].concat(),
        0,
    );
    let whole = start.elapsed();

    let base = [words("killed"), vec!["--threads", threads]].concat();
    let resumed = [base.clone(), vec!["--resume"]].concat();
    let mut killed = 0;
    for n in 1..=kills {
        // A run that came to its end is begun anew, so that every kill meets one that runs.
        let run = folder.path().join("killed");
        if run.join("report.html").exists() {
            assert_same(&folder.path().join("whole"), &run);
            fs::remove_dir_all(&run).unwrap();
        }
        let words = if run.join("LOCK").exists() {
            &resumed
        } else {
            &base
        };
        let mut child = tinderbox(folder.path(), words).spawn().unwrap();
        std::thread::sleep(Duration::from_secs_f64(whole.as_secs_f64() * evenly(n)));
        killed += u64::from(child.try_wait().unwrap().is_none());
        let _ = child.kill();
        child.wait().unwrap();
    }
    assert!(
        killed > kills / 2,
        "only {killed} of {kills} kills met a run"
    );
    if folder.path().join("killed/LOCK").exists() {
        expect(folder.path(), &resumed, 0);
    } else {
        expect(folder.path(), &base, 0);
    }
    assert_same(&folder.path().join("whole"), &folder.path().join("killed"));
}

#[test]
fn killed_at_any_instant_with_one_thread() {
    killed_and_resumed("1");
}

#[test]
fn killed_at_any_instant_with_two_threads() {
    killed_and_resumed("2");
}

/// A run that has stopped half-way, to be resumed.
fn stopped() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    expect(folder.path(), &short(&["--quiet", "--out", "run"]), 0);
    let run = folder.path().join("run");
    for name in ["report.html", "comparison.json"] {
        fs::remove_file(run.join(name)).unwrap();
    }
    fs::remove_dir_all(run.join("exported")).unwrap();
    folder
}

#[test]
fn a_damaged_checkpoint_is_named_and_the_one_before_is_used() {
    let folder = stopped();
    let run = folder.path().join("run");
    let last = run.join("checkpoints/step-00000060/model.bpk");
    let bytes = fs::read(&last).unwrap();
    fs::write(&last, &bytes[..bytes.len() / 2]).unwrap();
    let output = expect(folder.path(), &short(&["--out", "run", "--resume"]), 0);
    let said = crate::unwrapped(&output.stderr);
    assert!(
        said.contains("damaged") && said.contains("model.bpk has"),
        "{said}"
    );
    assert!(run.join("exported/model.safetensors").exists());
}

#[test]
fn a_changed_recipe_is_refused_with_the_difference() {
    let folder = stopped();
    let words = short(&["--out", "run", "--resume", "--set", "optim.lr=0.5"]);
    let output = expect(folder.path(), &words, 5);
    let said = crate::unwrapped(&output.stderr);
    assert!(
        said.contains("optim.lr: 0.002 -> 0.5 (may not change)"),
        "{said}"
    );
    let words = short(&[
        "--out",
        "run",
        "--resume",
        "--threads",
        "1",
        "--set",
        "eval.every=30",
    ]);
    expect(folder.path(), &words, 0);
}

#[test]
fn changed_data_is_refused_unless_accepted() {
    let folder = crate::folder_project(2, 15);
    let words = ["pretrain", "mine.toml", "--quiet", "--out", "run"];
    expect(folder.path(), &words, 0);
    let resume = [&words[..], &["--resume"]].concat();
    fs::remove_file(folder.path().join("images/class-0/003.png")).unwrap();
    let output = expect(folder.path(), &resume, 5);
    let said = crate::unwrapped(&output.stderr);
    assert!(
        said.contains("30 items, now 29") && said.contains("--accept-data-change"),
        "{said}"
    );
    expect(
        folder.path(),
        &[&resume[..], &["--accept-data-change"]].concat(),
        0,
    );
}
