//! What happens in a system call: killed in one, refused by one, and the ones that are never made.
//!
//! strace does it, on Linux. Where it is missing these tests have nothing to run, and say so.

use std::path::Path;
use std::process::{Command, Output};

use crate::resume::assert_same;
use crate::{expect, lacks, short, text, unwrapped};

/// Calls that a save makes, in its order.
const CALLS: [&str; 5] = ["mkdir", "openat", "write", "fsync", "rename"];

/// The short run under strace; none if there is no strace.
fn traced(folder: &Path, options: &[&str], words: &[&str]) -> Option<Output> {
    let program = env!("CARGO_BIN_EXE_tinderbox");
    let output = Command::new("strace")
        .args(["-f", "-qq"])
        .args(options)
        .arg(program)
        .args(words)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .output();
    match output {
        Ok(output) => Some(output),
        Err(_) => {
            lacks("strace");
            None
        }
    }
}

/// Words of a short run that saves at every third step.
fn saving<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let words = ["--quiet", "--out", out, "--set", "checkpoint.every=3"];
    short(&[&words[..], more].concat())
}

/// Kills the run in the `nth` of a call, as often as asked, resumes it each time, and compares with a
/// run that nothing happened to.
#[track_caller]
fn killed_in(kills: impl IntoIterator<Item = (&'static str, u32)>) {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    expect(at, &saving("whole", &[]), 0);
    let mut killed = 0;
    for (call, nth) in kills {
        let begun = at.join("killed/LOCK").exists();
        let words = saving("killed", if begun { &["--resume"] } else { &[] });
        let trace = format!("trace={call}");
        let inject = format!("inject={call}:signal=KILL:when={nth}");
        let options = ["-e", &trace, "-e", &inject, "-o", "/dev/null"];
        let Some(output) = traced(at, &options, &words) else {
            return;
        };
        killed += u32::from(output.status.code().is_none());
        if at.join("killed/report.html").exists() {
            assert_same(&at.join("whole"), &at.join("killed"));
            std::fs::remove_dir_all(at.join("killed")).unwrap();
        }
    }
    assert!(killed >= 10, "only {killed} kills met a run");
    let begun = at.join("killed/LOCK").exists();
    expect(
        at,
        &saving("killed", if begun { &["--resume"] } else { &[] }),
        0,
    );
    assert_same(&at.join("whole"), &at.join("killed"));
}

#[test]
fn killed_while_a_checkpoint_is_being_written() {
    // A checkpoint has four files; each is made, written and synced, then the folder is renamed.
    killed_in([
        ("fsync", 9),
        ("fsync", 10),
        ("fsync", 12),
        ("write", 30),
        ("rename", 8),
        ("write", 41),
        ("mkdir", 3),
        ("fsync", 5),
        ("rename", 3),
        ("openat", 60),
        ("fsync", 17),
        ("rename", 4),
        ("write", 47),
    ]);
}

#[test]
#[ignore = "takes minutes; `cargo xtask ci --full` runs it"]
fn killed_in_any_call_of_a_save() {
    killed_in((1..=60).flat_map(|nth| CALLS.map(|call| (call, nth))));
}

#[test]
fn a_save_that_fails_says_so_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    expect(at, &saving("whole", &[]), 0);
    for (call, error, said) in [
        ("fsync", "EIO", "Input/output error"),
        ("mkdir", "ENOSPC", "No space left"),
        ("rename", "EDQUOT", "quota"),
    ] {
        let trace = format!("trace={call}");
        // From the tenth on, which is behind what a run begins with.
        let inject = format!("inject={call}:error={error}:when=10+");
        let options = ["-e", &trace, "-e", &inject, "-o", "/dev/null"];
        let Some(output) = traced(at, &options, &saving("failed", &[])) else {
            return;
        };
        let stderr = unwrapped(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{call} {error}: {stderr}");
        assert!(stderr.contains(said), "{call} {error}: {stderr}");
        expect(at, &saving("failed", &["--resume"]), 0);
        assert_same(&at.join("whole"), &at.join("failed"));
        std::fs::remove_dir_all(at.join("failed")).unwrap();
    }
}

#[test]
fn no_socket_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    // Not `socketpair`, by which the program wakes itself on a signal.
    let options = ["-e", "trace=socket,connect,bind,listen"];
    let words = short(&["--quiet", "--out", "run"]);
    let Some(output) = traced(folder.path(), &options, &words) else {
        return;
    };
    assert!(output.status.success(), "{}", text(&output.stderr));
    // The calls would stand on stderr.
    assert_eq!(text(&output.stderr), "");
}
