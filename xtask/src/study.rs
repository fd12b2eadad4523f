//! Studies: many runs of the program, one after another, that end in a table.
//!
//! A run that has ended is not made again, so that a study goes on where it was stopped.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::{interval, shell};

/// Seeds of pre-training, each with a fine-tuning of the same seed.
const SEEDS: u64 = 3;
/// Glosses that the study uses, evenly spread: 10,000 of them to learn from.
const GLOSSES: usize = 15_000;

/// A way to pre-train.
struct Strategy {
    name: &'static str,
    sets: &'static [&'static str],
}

const STRATEGIES: [Strategy; 4] = [
    // A step that moves nothing: the weights are as drawn.
    Strategy {
        name: "neither",
        sets: &[
            "objective.kind=\"masked-lm\"",
            "train.steps=1",
            "optim.lr=1e-12",
        ],
    },
    Strategy {
        name: "masked words",
        sets: &["objective.kind=\"masked-lm\""],
    },
    Strategy {
        name: "next sentence",
        sets: &["objective.kind=\"next-sentence\""],
    },
    Strategy {
        name: "both",
        sets: &["objective.kind=\"bert\""],
    },
];

/// A task to fine-tune for.
struct Task {
    name: &'static str,
    recipe: &'static str,
    /// Items of a step, for each of the [`SHARES`].
    batches: [u64; 3],
}

const TASKS: [Task; 3] = [
    Task {
        name: "mail (2 classes)",
        recipe: "source = \"text\"\npath = \"data/mail/messages\"\ntokens.lossy = true\n",
        batches: [32; 3],
    },
    Task {
        name: "Brown genres (15)",
        recipe: "source = \"text\"\npath = \"data/brown\"\n",
        // One document of each genre is all there is.
        batches: [15, 32, 32],
    },
    Task {
        name: "glosses (45)",
        recipe: "source = \"table\"\npath = \"FOLDER/glosses.tsv\"\ntext = \"gloss\"\nlabels = \"class\"\n",
        batches: [32; 3],
    },
];

/// Shares of the labels, and the steps of a fine-tuning on them: beyond these the training loss of few labels is zero.
const SHARES: [(f64, u64); 3] = [(0.01, 200), (0.1, 400), (1.0, 600)];

/// Masked words, next sentences, both or neither, on three tasks with three shares of labels.
pub fn run(arguments: &[String]) -> Result<()> {
    let mut extra = Vec::new();
    let mut seeds = SEEDS;
    let mut arguments = arguments.iter();
    match arguments.next().map(String::as_str) {
        Some("sentences") => {}
        _ => bail!("the studies are: sentences"),
    }
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().context("a value is missing");
        match argument.as_str() {
            "--seeds" => seeds = value()?.parse().context("--seeds takes a number")?,
            "--set" => extra.push(value()?.clone()),
            other => bail!("unknown: {other}"),
        }
    }
    let study = Study {
        program: shell::built(&["tinderbox-cli"], "tinderbox")?,
        folder: shell::root().join("runs/study-sentences"),
        extra,
    };
    fs::create_dir_all(&study.folder)?;
    study.sample_glosses()?;
    let mut results: BTreeMap<(usize, usize, usize), Vec<f64>> = BTreeMap::new();
    for seed in 0..seeds {
        for (s, strategy) in STRATEGIES.iter().enumerate() {
            let run = study.pretrain(strategy, seed)?;
            for (t, task) in TASKS.iter().enumerate() {
                for l in 0..SHARES.len() {
                    let accuracy = study.finetune(&run, task, l, seed)?;
                    results.entry((t, l, s)).or_default().push(accuracy);
                }
            }
        }
        print(&results);
    }
    Ok(())
}

struct Study {
    program: PathBuf,
    folder: PathBuf,
    /// Settings of every pre-training.
    extra: Vec<String>,
}

impl Study {
    fn sample_glosses(&self) -> Result<()> {
        let from = shell::root().join("data/glosses/glosses.tsv");
        let text = fs::read_to_string(&from)
            .with_context(|| format!("{}: run `cargo xtask data glosses`", from.display()))?;
        let lines: Vec<&str> = text.lines().collect();
        let (heading, rows) = lines.split_first().context("the glosses are empty")?;
        let stride = (rows.len() / GLOSSES).max(1);
        let some = rows.iter().step_by(stride).take(GLOSSES);
        let sample: Vec<&str> = std::iter::once(*heading).chain(some.copied()).collect();
        Ok(fs::write(
            self.folder.join("glosses.tsv"),
            sample.join("\n") + "\n",
        )?)
    }

    /// The run directory of a pre-training that has ended.
    fn pretrain(&self, strategy: &Strategy, seed: u64) -> Result<PathBuf> {
        let name = strategy.name.replace(' ', "-");
        let out = self.folder.join(format!("{name}-{seed}"));
        if out.join("exported").is_dir() {
            return Ok(out);
        }
        let mut command = self.program(&["pretrain", "bert-tiny", "--quiet"]);
        for set in strategy
            .sets
            .iter()
            .copied()
            .chain(self.extra.iter().map(String::as_str))
        {
            command.args(["--set", set]);
        }
        command
            .args(["--set", &format!("seed={seed}"), "--out"])
            .arg(&out);
        if out.exists() {
            command.arg("--resume");
        }
        shell::run(&mut command)?;
        Ok(out)
    }

    /// Test accuracy of a fine-tuning on the `l`-th share of the labels.
    fn finetune(&self, run: &Path, task: &Task, l: usize, seed: u64) -> Result<f64> {
        let ((share, steps), batch) = (SHARES[l], task.batches[l]);
        let word = task.name.split(' ').next().expect("a name has a word");
        let out = run.join(format!("{word}-{share}"));
        let result = out.join("result.json");
        if let Ok(text) = fs::read_to_string(&result) {
            let value: Value = serde_json::from_str(&text)?;
            return value["test_accuracy"].as_f64().context("no accuracy");
        }
        let recipe = self.folder.join(format!("{word}.toml"));
        let text = task
            .recipe
            .replace("FOLDER", &self.folder.display().to_string());
        fs::write(&recipe, format!("version = 1\n[data]\n{text}{HEAD}"))?;
        let mut command = self.program(&["finetune"]);
        command.arg(run).arg("--recipe").arg(&recipe);
        command.args([
            "--labels",
            &share.to_string(),
            "--json",
            "--overwrite",
            "--quiet",
        ]);
        for set in [
            format!("train.batch={batch}"),
            format!("train.steps={steps}"),
            format!("eval.every={steps}"),
            format!("checkpoint.every={steps}"),
            format!("seed={seed}"),
        ] {
            command.args(["--set", &set]);
        }
        command.arg("--out").arg(&out);
        let printed = shell::output(&mut command)?;
        let line = printed.lines().last().unwrap_or_default();
        let found: Value = serde_json::from_str(line).context("no result was printed")?;
        let accuracy = found["test_accuracy"].as_f64().context("no accuracy")?;
        println!(
            "{}, {} labels of {word}: {:.1} %",
            run.file_name().unwrap_or_default().display(),
            found["labels"],
            100.0 * accuracy
        );
        fs::write(
            &result,
            json!({"test_accuracy": accuracy, "labels": found["labels"]}).to_string(),
        )?;
        Ok(accuracy)
    }

    fn program(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(words).current_dir(shell::root());
        command
    }
}

/// What a recipe must have beside its data; fine-tuning reads the data alone.
const HEAD: &str = "\
[encoder]
kind = \"bert\"
[objective]
kind = \"masked-lm\"
[train]
steps = 1
";

/// A row each task and share, a column each strategy, in per cent with the lead over `neither`.
fn print(results: &BTreeMap<(usize, usize, usize), Vec<f64>>) {
    let mut rows = vec![vec!["test accuracy, %".to_string(), "labels".to_string()]];
    rows[0].extend(STRATEGIES.iter().map(|strategy| strategy.name.to_string()));
    for (t, task) in TASKS.iter().enumerate() {
        for (l, (share, _)) in SHARES.iter().enumerate() {
            let mut row = vec![task.name.to_string(), format!("{} %", 100.0 * share)];
            let base = results.get(&(t, l, 0));
            for s in 0..STRATEGIES.len() {
                let Some(values) = results.get(&(t, l, s)) else {
                    row.push("-".into());
                    continue;
                };
                let percent = |values: &[f64]| format!("{:.1}", interval::of(values).times(100.0));
                let mut cell = percent(values);
                if s > 0
                    && let Some(base) = base
                {
                    let leads: Vec<f64> = values.iter().zip(base).map(|(a, b)| a - b).collect();
                    cell += &format!(" (lead {})", percent(&leads));
                }
                row.push(cell);
            }
            rows.push(row);
        }
    }
    println!();
    shell::print_markdown(&rows);
    println!("\nmean, and half the width of the 95 % interval over the seeds\n");
}
