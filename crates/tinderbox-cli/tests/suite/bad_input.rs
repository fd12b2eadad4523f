//! Bad input ends in a clear error with the right code, or in a counted skip.

use std::fs;
use std::path::Path;

use crate::{expect, folder_project, idx, short, unwrapped};

/// Expects an exit code, and words in the error.
#[track_caller]
fn check(folder: &Path, words: &[&str], code: i32, said: &[&str]) {
    let output = expect(folder, words, code);
    let stderr = unwrapped(&output.stderr);
    for part in said {
        assert!(stderr.contains(part), "expected {part:?} in:\n{stderr}");
    }
    assert!(!stderr.contains("panicked"), "{stderr}");
    // The same error for scripts.
    let output = expect(folder, &[words, &["--json"]].concat(), code);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["error"]["code"], code);
}

const MINE: &[&str] = &["pretrain", "mine.toml"];

#[test]
fn an_empty_folder() {
    let folder = folder_project(2, 3);
    fs::remove_dir_all(folder.path().join("images")).unwrap();
    check(folder.path(), MINE, 3, &["images"]);
    fs::create_dir(folder.path().join("images")).unwrap();
    fs::write(folder.path().join("images/notes.txt"), "x").unwrap();
    check(
        folder.path(),
        MINE,
        3,
        &["BMP files found (1 other files ignored)"],
    );
}

#[test]
fn fewer_items_than_a_batch() {
    let folder = folder_project(2, 3);
    check(
        folder.path(),
        MINE,
        3,
        &["4 items, fewer than one batch of 16"],
    );
}

#[test]
fn one_class_where_labels_are_needed() {
    let folder = folder_project(2, 24);
    fs::remove_dir_all(folder.path().join("images/class-1")).unwrap();
    let words = [MINE, &["--set", "objective.kind=supervised"]].concat();
    check(
        folder.path(),
        &words,
        3,
        &["at least 2 classes", "1 classes over 24 items"],
    );
    expect(folder.path(), MINE, 0);
}

#[test]
fn a_picture_too_large_and_a_broken_one_are_skipped_and_listed() {
    let folder = folder_project(2, 12);
    let images = folder.path().join("images/class-0");
    fs::write(images.join("huge.png"), forged_png(20_000)).unwrap();
    let whole = fs::read(images.join("000.png")).unwrap();
    fs::write(images.join("cut.png"), &whole[..whole.len() / 2]).unwrap();
    // Held-out items are not trained on, so all are taken into the training part.
    let words = [
        MINE,
        &["--set", "data.labels=false", "--set", "train.steps=20"],
    ]
    .concat();
    let output = expect(folder.path(), &words, 0);
    assert!(unwrapped(&output.stderr).contains("2 item(s) could not be read"));
    let data = fs::read(folder.path().join("runs/mine/data.json")).unwrap();
    let data: serde_json::Value = serde_json::from_slice(&data).unwrap();
    let skipped: Vec<&str> = data["skipped"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["reason"].as_str().unwrap())
        .collect();
    assert_eq!(skipped.len(), 2);
    assert!(
        skipped
            .iter()
            .any(|reason| reason.contains("huge.png") && reason.contains("limit")),
        "{skipped:?}"
    );
    let report = fs::read_to_string(folder.path().join("runs/mine/report.html")).unwrap();
    assert!(report.contains("Skipped items") && report.contains("cut.png"));
    let words = [&words[..], &["--set", "data.max_bad=1"]].concat();
    check(folder.path(), &words, 3, &["more than the 1 allowed"]);
}

/// A PNG whose header claims `side` x `side` pixels, with next to nothing behind it.
fn forged_png(side: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    image::RgbImage::new(1, 1)
        .write_to(
            &mut std::io::Cursor::new(&mut bytes),
            image::ImageFormat::Png,
        )
        .unwrap();
    bytes[16..20].copy_from_slice(&side.to_be_bytes());
    bytes[20..24].copy_from_slice(&side.to_be_bytes());
    let sum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&sum.to_be_bytes());
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg())
        })
    })
}

#[test]
fn labels_that_do_not_match_the_images() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("images"), idx(&[3, 4, 4], [1; 48])).unwrap();
    fs::write(folder.path().join("labels"), idx(&[2], [1; 2])).unwrap();
    let words = [
        "pretrain",
        "simclr-mnist",
        "--set",
        "data.path=images",
        "--set",
        "data.labels=labels",
    ];
    check(folder.path(), &words, 3, &["label"]);
    fs::write(
        folder.path().join("labels"),
        b"\x00\x00\x08\x01\xff\xff\xff\xff",
    )
    .unwrap();
    check(folder.path(), &words, 3, &["labels"]);
}

#[test]
fn an_unknown_key_is_underlined_with_the_nearest() {
    let folder = folder_project(2, 12);
    let words = [
        MINE,
        &["--set", "optim.learning_rate=1", "--set", "train.bach=3"],
    ]
    .concat();
    check(
        folder.path(),
        &words,
        2,
        &["2 errors", "train.bach", "did you mean `batch`?"],
    );
    check(
        folder.path(),
        &["pretrain", "mine.tml"],
        2,
        &["neither a file nor a recipe"],
    );
    check(
        folder.path(),
        &[MINE, &["--device", "cuda:0"]].concat(),
        2,
        &["--features cuda"],
    );
}

#[test]
fn an_existing_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("mine")).unwrap();
    fs::write(folder.path().join("mine/thesis.txt"), "x").unwrap();
    check(
        folder.path(),
        &short(&["--out", "mine"]),
        5,
        &["mine exists", "--resume", "--overwrite"],
    );
    check(
        folder.path(),
        &short(&["--out", "mine", "--overwrite"]),
        5,
        &["not a run's directory"],
    );
    assert!(folder.path().join("mine/thesis.txt").exists());
    check(
        folder.path(),
        &short(&["--resume"]),
        5,
        &["no unfinished run"],
    );
}

#[test]
fn a_size_that_cannot_be_told_is_asked_for() {
    let folder = folder_project(2, 12);
    image::RgbImage::new(9, 5)
        .save(folder.path().join("images/class-0/000.png"))
        .unwrap();
    check(
        folder.path(),
        MINE,
        3,
        &["data.size", "class-0/000.png has 9 x 5"],
    );
    expect(
        folder.path(),
        &[MINE, &["--set", "data.size=10"]].concat(),
        0,
    );
}

/// Needs root on Linux, which nothing can install. Without it the refused calls of `system_calls` are left.
#[test]
fn a_full_disk_fails_the_run_and_keeps_what_was_saved() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let shell = |line: &str| std::process::Command::new("sh").args(["-c", line]).status();
    let mounted = shell(&format!(
        "mount -t tmpfs -o size=4m none '{}' 2>/dev/null",
        disk.display()
    ));
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: there is no right to mount a small disk");
        return;
    }
    let words = short(&[
        "--out",
        "disk/run",
        "--set",
        "train.steps=400",
        "--set",
        "checkpoint.keep=50",
    ]);
    let output = crate::tinderbox(folder.path(), &words).output().unwrap();
    let checkpoints = disk.join("run/checkpoints");
    let whole = fs::read_dir(&checkpoints).map(|entries| {
        entries
            .flatten()
            .filter(|entry| entry.path().join("manifest.json").exists())
            .count()
    });
    let resumed = crate::tinderbox(folder.path(), &["export", "disk/run", "saved"]).output();
    shell(&format!("umount '{}'", disk.display())).unwrap();
    let said = unwrapped(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("writing") && said.to_lowercase().contains("space"),
        "{said}"
    );
    assert!(whole.unwrap() > 0);
    assert!(
        resumed.unwrap().status.success(),
        "the last whole checkpoint is of use"
    );
}
