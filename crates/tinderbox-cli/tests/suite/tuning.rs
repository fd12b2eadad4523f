//! Fine-tuning validates on labels it was given, and a comparison goes on wherever it was stopped.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::{expect, read, says, text, tinderbox, unwrapped};

/// A short pre-training on the digits, which ends in a second.
const PRETRAIN: &[&str] = &[
    "pretrain",
    "simclr-digits",
    "--quiet",
    "--set",
    "train.steps=20",
    "--out",
    "run",
    "--set",
    "compare.seeds=2",
    "--set",
    "compare.scratch_steps=20",
];

/// A run of the digits with a comparison of so little that it takes no time.
fn pretrained(at: &Path) {
    let line = [
        PRETRAIN,
        &[
            "--set",
            "compare.shares=[0.02]",
            "--set",
            "compare.pretrain_each=false",
        ],
    ];
    expect(at, &line.concat(), 0);
}

/// The lines of `metrics.jsonl` with this name: step and value.
fn figures(run: &Path, name: &str) -> Vec<(u64, f64)> {
    let lines = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let named = lines.filter(|line| line["name"] == name);
    named
        .map(|line| {
            (
                line["step"].as_u64().unwrap(),
                line["value"].as_f64().unwrap(),
            )
        })
        .collect()
}

#[test]
fn fine_tuning_validates_on_its_labels_and_asks_the_test_part_once() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    pretrained(at);
    let words = [
        "finetune",
        "run",
        "--labels",
        "0.1",
        "--set",
        "train.steps=60",
    ];
    let dry = expect(at, &[&words[..], &["--dry-run"]].concat(), 0);
    let said = unwrapped(&dry.stderr);
    assert!(
        said.contains("24 of 120 labels are held out of training for validation"),
        "{said}"
    );
    assert!(said.contains("finetune.validation_share"), "{said}");
    assert!(
        unwrapped(&dry.stdout).contains("rate 0.001"),
        "{}",
        text(&dry.stdout)
    );
    let done = expect(at, &[&words[..], &["--json"]].concat(), 0);
    let found: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(
        (found["labels"].as_u64(), found["validation"].as_u64()),
        (Some(120), Some(24))
    );
    let run = at.join("run/finetune-1");
    let losses = figures(&run, "validation/loss");
    let tests = figures(&run, "test/accuracy");
    assert_eq!(tests.len(), 1, "{tests:?}");
    assert_eq!(found["test_accuracy"].as_f64(), Some(tests[0].1));
    let lowest = losses.iter().filter(|(step, _)| *step > 0);
    let lowest = lowest.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    assert_eq!(
        (
            found["best_step"].as_u64(),
            found["validation_loss"].as_f64()
        ),
        (Some(lowest.0), Some(lowest.1))
    );
    let ledger = read(&run.join("data.json"))["ledger"].to_string();
    assert!(
        ledger.contains("held out of training for validation"),
        "{ledger}"
    );

    // Two labels a class tell nothing of the rest.
    let few = ["finetune", "run", "--labels", "0.02", "--json"];
    let done = expect(at, &few, 0);
    let said = unwrapped(&done.stderr);
    assert!(
        said.contains("24 of 24 labels are all trained on, for a fixed number of steps"),
        "{said}"
    );
    let found: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert!(found["step"].as_u64().unwrap() <= 200, "{found}");
    assert!(figures(&at.join("run/finetune-2"), "validation/loss").is_empty());
}

#[test]
fn a_fine_tuning_that_stops_early_is_resumed_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    pretrained(at);
    let words = [
        "finetune",
        "run",
        "--labels",
        "0.1",
        "--quiet",
        "--set",
        "train.steps=2000",
        "--set",
        "eval.every=5",
        "--set",
        "finetune.patience=4",
        "--set",
        "checkpoint.every=3",
        "--set",
        "checkpoint.keep=1000",
    ];
    let run = |out: &str, more: &[&str]| {
        let done = expect(
            at,
            &[&words[..], &["--out", out, "--json"], more].concat(),
            0,
        );
        serde_json::from_slice::<serde_json::Value>(&done.stdout).unwrap()
    };
    let whole = run("whole", &[]);
    let (end, best) = (
        whole["step"].as_u64().unwrap(),
        whole["best_step"].as_u64().unwrap(),
    );
    assert!(end < 2000 && end == best + 20, "{whole}");
    let weights = |run: &str| fs::read(at.join(run).join("exported/model.safetensors")).unwrap();
    for back_to in [best - best % 3, best + 1] {
        let _ = fs::remove_dir_all(at.join("half"));
        run("half", &[]);
        for entry in fs::read_dir(at.join("half/checkpoints")).unwrap() {
            let path = entry.unwrap().path();
            let step: u64 = path
                .to_str()
                .unwrap()
                .rsplit('-')
                .next()
                .unwrap()
                .parse()
                .unwrap();
            if step > back_to {
                fs::remove_dir_all(path).unwrap();
            }
        }
        fs::remove_dir_all(at.join("half/exported")).unwrap();
        let resumed = run("half", &["--resume", "--threads", "1"]);
        assert_eq!(resumed["best_step"], whole["best_step"]);
        assert!(weights("whole") == weights("half"), "from {back_to}");
    }
}

/// The words of a comparison of some seconds, and its table when nothing stops it.
const COMPARE: &[&str] = &[
    "compare",
    "run",
    "--quiet",
    "--set",
    "compare.shares=[0.02, 0.1]",
];

#[test]
fn a_killed_comparison_goes_on_and_prints_the_same_table() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    expect(
        at,
        &[PRETRAIN, &["--set", "compare.shares=[0.02]"]].concat(),
        0,
    );
    let start = Instant::now();
    let whole = text(&expect(at, COMPARE, 0).stdout);
    let took = start.elapsed();
    let found = fs::read(at.join("run/comparison.json")).unwrap();
    assert!(
        whole.contains("fine-tuned over training from scratch") && whole.contains("10 %"),
        "{whole}"
    );
    fs::remove_dir_all(at.join("run/comparison")).unwrap();
    fs::remove_file(at.join("run/comparison.json")).unwrap();
    let kills = std::env::var("TINDERBOX_KILLS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(3);
    for kill in 1..=kills {
        let mut child = tinderbox(at, COMPARE)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(took.mul_f64(f64::from(kill) / f64::from(kills + 1)));
        child.kill().unwrap();
        child.wait().unwrap();
        let parts = fs::read_dir(at.join("run/comparison")).unwrap().count();
        assert!(parts > 0);
    }
    assert_eq!(text(&expect(at, COMPARE, 0).stdout), whole);
    assert_eq!(fs::read(at.join("run/comparison.json")).unwrap(), found);
}

#[test]
fn ctrl_c_in_a_part_ends_soon_and_says_how_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    pretrained(at);
    let words = [
        "compare",
        "run",
        "--set",
        "compare.scratch_steps=1000000",
        "--set",
        "compare.shares=[0.1]",
    ];
    let mut child = tinderbox(at, &words)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    // The rates are tried after the parts that are not trained.
    let tuning = at.join("run/comparison/plain-0.1-0.json");
    let begun = Instant::now();
    while !tuning.exists() {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(500));
    let sent = Instant::now();
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    let said: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said:?}");
    assert!(sent.elapsed() < Duration::from_secs(10));
    let said = said.join("\n");
    assert!(
        said.contains("go on with `tinderbox compare run --set"),
        "{said}"
    );
}

#[test]
fn a_comparison_tells_its_cost_and_is_added_to_a_finished_run() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    pretrained(at);
    let more = [
        "compare",
        "run",
        "--set",
        "compare.shares=[0.02, 0.5]",
        "--set",
        "compare.seeds=3",
    ];
    let dry = text(&expect(at, &[&more[..], &["--dry-run"]].concat(), 0).stdout);
    // Two arms: 3 seeds at 2 %, and at 50 % three rates as well.
    assert!(
        dry.contains("18 trainings on labels of 20 steps or more, 18 probes"),
        "{dry}"
    );
    let part = at.join("run/comparison/scratch-head-0.02-0.json");
    let before = fs::metadata(&part).unwrap().modified().unwrap();
    let table = text(&expect(at, &more, 0).stdout);
    assert!(
        table.contains("2 % (24 labels)") && table.contains("50 % (599 labels)"),
        "{table}"
    );
    assert!(table.contains("over 3 draws"), "{table}");
    assert!(
        table.contains("training from scratch at 50 %: rate"),
        "{table}"
    );
    assert!(
        table.contains("training from scratch at 2 %: too few labels"),
        "{table}"
    );
    assert_eq!(
        fs::metadata(&part).unwrap().modified().unwrap(),
        before,
        "it was measured again"
    );
    assert!(
        fs::read_to_string(at.join("run/report.html"))
            .unwrap()
            .contains("50 % (599 labels)")
    );

    // Parts that were measured otherwise are put aside, not mixed in and not lost.
    let other = [
        "compare",
        "run",
        "--set",
        "compare.scratch_steps=10",
        "--set",
        "compare.shares=[0.02]",
    ];
    expect(at, &other, 0);
    assert!(at.join("run/comparison-1/scratch-head-0.5-2.json").exists());
    assert!(!at.join("run/comparison/scratch-head-0.5-2.json").exists());
    // A table without parts, as versions before wrote it, says what it was asked then; more is measured anew.
    fs::remove_dir_all(at.join("run/comparison")).unwrap();
    let asked = |shares: &str| {
        let shares = format!("compare.shares={shares}");
        text(&expect(at, &["compare", "run", "--set", &shares], 0).stdout)
    };
    let old = asked("[0.02]");
    assert!(old.contains("2 % (24 labels)"), "{old}");
    assert!(!at.join("run/comparison").exists());
    assert!(asked("[0.02, 0.1]").contains("10 % (120 labels)"));
    assert!(at.join("run/comparison-2/comparison.json").exists());
    let refused = expect(at, &["compare", "run", "--set", "train.steps=3"], 2);
    assert!(unwrapped(&refused.stderr).contains("compare.KEY=VALUE"));
}

/// Training from scratch on the digits.
const SUPERVISED: &str = "\
version = 1
data.source = \"digits\"
encoder.kind = \"reference-cnn\"
objective.kind = \"supervised\"
train = { steps = 60, batch = 64 }
eval = { knn = false, health = false }
";

#[test]
fn training_from_scratch_validates_on_its_labels_too() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("supervised.toml"), SUPERVISED).unwrap();
    let words = ["pretrain", "supervised.toml", "--out"];
    let done = expect(at, &[&words[..], &["run"]].concat(), 0);
    let said = unwrapped(&done.stderr);
    // 1,198 digits have labels to learn from.
    assert!(
        said.contains("240 of 1198 labels are held out of training for validation"),
        "{said}"
    );
    assert!(said.contains("`train.validation_share`"), "{said}");
    let run = at.join("run");
    assert_eq!(figures(&run, "validation/loss").len(), 31);
    assert_eq!(figures(&run, "test/accuracy").len(), 1);

    let all = [&words[..], &["whole", "--set", "train.validation_share=0"]];
    let said = unwrapped(&expect(at, &all.concat(), 0).stderr);
    assert!(!said.contains("validation"), "{said}");
    assert!(figures(&at.join("whole"), "validation/loss").is_empty());

    let useless = ["pretrain", "simclr-digits", "--dry-run", "--set"];
    let useless = [&useless[..], &["train.validation_share=0.1"]].concat();
    says(at, &useless, 2, "name `data.held_out`");
}
