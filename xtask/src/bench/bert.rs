//! `cargo xtask bench peers bert`: a built-in recipe of masked words with our program and with transformers, one after the
//! other for each seed.
//!
//! A run that has ended is not made again, so that the command goes on where it was stopped.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::plot::{Line, svg};
use super::ratio::{Rounds, overall, ratio};
use super::turns::noise;
use super::{quiet, show_facts};
use crate::{interval, python, shell};

/// Of either side.
const THREADS: &str = "2";
/// Parts of a run that end with an evaluation; there is one before the first step too.
const EVALUATIONS: u64 = 10;
/// The most seeds that `interval` knows a t for.
const SEEDS: u64 = 10;
/// What a cell of the table is, of each side.
const FIGURES: [&str; 2] = ["loss", "accuracy"];

const USAGE: &str = "bert takes [--size tiny|mini] [--seeds 1..=10] [--steps N]";

/// What was asked for on the command line.
#[derive(Debug, Clone, PartialEq)]
struct Arguments {
    size: String,
    seeds: u64,
    /// None for those of the recipe.
    steps: Option<u64>,
}

impl Arguments {
    fn parse(arguments: &[String]) -> Option<Self> {
        let mut parsed = Self {
            size: "tiny".to_owned(),
            seeds: 3,
            steps: None,
        };
        let mut rest = arguments.iter().filter(|argument| *argument != "--");
        while let Some(argument) = rest.next() {
            let value = rest.next()?;
            match argument.as_str() {
                "--size" if ["tiny", "mini"].contains(&value.as_str()) => {
                    parsed.size = value.clone()
                }
                "--seeds" => {
                    parsed.seeds = value.parse().ok().filter(|n| (1..=SEEDS).contains(n))?
                }
                "--steps" => parsed.steps = Some(value.parse().ok().filter(|n| *n > 0)?),
                _ => return None,
            }
        }
        Some(parsed)
    }
}

/// Runs what has not ended yet, then prints losses, accuracies and speeds, and draws the losses.
pub fn run(arguments: &[String]) -> Result<()> {
    let arguments = Arguments::parse(arguments).context(USAGE)?;
    let recipe = Recipe::read(&arguments.size)?;
    let folder = shell::root().join(format!("runs/bench-bert-{}", arguments.size));
    let bench = Bench {
        steps: arguments.steps.unwrap_or(recipe.whole("train", "steps")?),
        python: python::interpreter(
            "peers-venv",
            &shell::root().join("benches/peers/requirements.txt"),
        )?,
        program: shell::built(&["tinderbox-cli"], "tinderbox")?,
        size: arguments.size,
        recipe,
        folder,
    };
    fs::create_dir_all(&bench.folder)?;
    let (mut ours, mut peers) = (Vec::new(), Vec::new());
    for seed in 0..arguments.seeds {
        ours.push(bench.result("ours", seed)?);
        peers.push(bench.result("transformers", seed)?);
    }
    bench.show(&ours, &peers)
}

/// A file of `recipes/`, where the values are that both sides take.
struct Recipe(toml::Table);

impl Recipe {
    fn read(size: &str) -> Result<Self> {
        let path = shell::root().join(format!("recipes/bert-{size}.toml"));
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self(toml::from_str(&text)?))
    }

    fn value(&self, table: &str, key: &str) -> Result<&toml::Value> {
        let found = self.0.get(table).and_then(|table| table.get(key));
        found.with_context(|| format!("the recipe has no {table}.{key}"))
    }

    fn whole(&self, table: &str, key: &str) -> Result<u64> {
        let number = self.value(table, key)?.as_integer();
        let number = number.and_then(|number| number.try_into().ok());
        number.with_context(|| format!("{table}.{key} of the recipe is no count"))
    }

    /// Tokens of a sequence.
    fn length(&self) -> Result<u64> {
        let tokens = self.value("data", "tokens")?.get("length");
        let length = tokens.and_then(toml::Value::as_integer);
        Ok(length
            .context("the recipe has no data.tokens.length")?
            .try_into()?)
    }
}

struct Bench {
    program: PathBuf,
    size: String,
    steps: u64,
    recipe: Recipe,
    folder: PathBuf,
    python: PathBuf,
}

impl Bench {
    /// Of a run that has ended, which is made if there is none.
    fn result(&self, side: &str, seed: u64) -> Result<Run> {
        let file = self.folder.join(format!("{side}-{seed}.json"));
        let document = match fs::read_to_string(&file) {
            Ok(text) => serde_json::from_str(&text)?,
            Err(_) => {
                let document = match side {
                    "ours" => self.ours(seed)?,
                    _ => self.transformers(seed)?,
                };
                fs::write(&file, serde_json::to_vec_pretty(&document)?)?;
                document
            }
        };
        let run =
            Run::read(document).with_context(|| format!("{} is no result", file.display()))?;
        let (steps, [loss, accuracy]) = run.last();
        ensure!(
            steps == self.steps,
            "{} is of {steps} steps, not of {}: ask for as many, or delete the folder",
            file.display(),
            self.steps
        );
        println!(
            "{side}, seed {seed}: loss {loss:.3}, accuracy {:.1} %, {} tokens a second, others {}",
            100.0 * accuracy,
            grouped(run.tokens_a_second),
            share(run.others)
        );
        Ok(run)
    }

    fn every(&self) -> String {
        (self.steps / EVALUATIONS).max(1).to_string()
    }

    fn ours(&self, seed: u64) -> Result<Value> {
        let out = self.run_directory(seed);
        let (mut others, mut seconds) = (None, None);
        if !out.join("exported").is_dir() {
            let mut command = Command::new(&self.program);
            command.args(["pretrain", &format!("bert-{}", self.size), "--quiet"]);
            for set in [
                format!("seed={seed}"),
                format!("train.steps={}", self.steps),
                format!("eval.every={}", self.every()),
            ] {
                command.args(["--set", &set]);
            }
            command.args(["--threads", THREADS]).arg("--out").arg(&out);
            command.env("RAYON_NUM_THREADS", THREADS);
            let whole = !out.exists();
            if !whole {
                command.arg("--resume");
            }
            let begun = Instant::now();
            others = quiet::output(command.current_dir(shell::root()))?.1;
            seconds = whole.then(|| begun.elapsed().as_secs_f64());
        }
        let read = |name: &str| {
            let path = out.join(name);
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        let tokens = self.recipe.whole("train", "batch")? * self.recipe.length()?;
        let mut document = ours(&read("metrics.jsonl")?, &read("timing.jsonl")?, tokens)?;
        document["others"] = json!(others);
        document["seconds"] = json!(seconds);
        Ok(document)
    }

    /// It takes the tokeniser of our run.
    fn transformers(&self, seed: u64) -> Result<Value> {
        let mut command = Command::new(&self.python);
        command.arg(shell::root().join("benches/peers/bert_text.py"));
        command.args(["--size", &self.size, "--logits", "masked"]);
        for (option, value) in [
            ("--seed", seed.to_string()),
            ("--steps", self.steps.to_string()),
            ("--every", self.every()),
            ("--length", self.recipe.length()?.to_string()),
        ] {
            command.args([option, &value]);
        }
        for (option, table, key) in [
            ("--batch", "train", "batch"),
            ("--clip", "train", "clip"),
            ("--lr", "optim", "lr"),
            ("--weight-decay", "optim", "weight_decay"),
            ("--warm-up", "schedule", "warmup"),
        ] {
            command.args([option, &self.recipe.value(table, key)?.to_string()]);
        }
        let exported = self.run_directory(seed).join("exported");
        command.arg("--tokeniser").arg(&exported);
        command.arg("--other").arg(&exported);
        let begun = Instant::now();
        let (printed, others) = quiet::output(command.current_dir(shell::root()))?;
        let mut document = transformers(&printed)?;
        document["others"] = json!(others);
        document["seconds"] = json!(begun.elapsed().as_secs_f64());
        Ok(document)
    }

    fn run_directory(&self, seed: u64) -> PathBuf {
        self.folder.join(format!("ours-{seed}"))
    }

    fn show(&self, ours: &[Run], peers: &[Run]) -> Result<()> {
        let facts = &peers[0].facts;
        show_facts(
            &json!({"cpu": facts["cpu"], "threads": THREADS, "packages": facts["packages"]}),
        );
        shell::print_markdown(&table(ours, peers));
        println!("\n{}", last_difference(ours, peers));
        let guess = unigram_loss(ours);
        println!(
            "\nA guess by the tokens' frequencies alone has a loss of {guess:.3} on our masks, of {:.3} on those of transformers. \
             In the table each side has masks of its own, drawn once for all seeds.",
            unigram_loss(peers)
        );
        println!("\n{}", speeds(ours, peers));
        if let Some(times) = whole_times(ours, peers) {
            println!("\n{times}");
        }
        let others = ours.iter().chain(peers).filter_map(|run| run.others);
        if let Some(warning) = noise(others) {
            println!("\n{warning}");
        }
        let file = self.folder.join("loss.svg");
        fs::write(&file, plot(ours, peers))?;
        println!("\nwritten to {}", file.display());
        Ok(())
    }
}

/// What our run directory tells, in the form of what is kept of either side.
fn ours(metrics: &str, timing: &str, tokens_a_step: u64) -> Result<Value> {
    let mut held_out: BTreeMap<u64, Value> = BTreeMap::new();
    let mut document = json!({});
    for line in metrics.lines() {
        let line: Value = serde_json::from_str(line)?;
        let key = match line["name"].as_str() {
            _ if line["phase"] != "eval" => continue,
            Some("held-out/loss") => "loss",
            Some("held-out/masked_accuracy") => "accuracy",
            Some("held-out/unigram_loss") => {
                document["unigram_loss"] = line["value"].clone();
                continue;
            }
            _ => continue,
        };
        let step = line["step"].as_u64().context("a figure has no step")?;
        let evaluation = held_out.entry(step).or_insert(json!({"step": step}));
        evaluation[key] = line["value"].clone();
    }
    for line in timing.lines() {
        let line: Value = serde_json::from_str(line)?;
        // The last is of all steps, or of those since the run was resumed.
        if let ("steps_per_second", Some(speed)) = (
            line["name"].as_str().unwrap_or_default(),
            line["value"].as_f64(),
        ) {
            document["tokens_a_second"] = json!(speed * tokens_a_step as f64);
        }
    }
    document["held_out"] = held_out.into_values().collect();
    Ok(document)
}

/// The same of the lines that `bert_text.py` printed: those with a step are evaluations, the others' fields are of the run.
fn transformers(printed: &str) -> Result<Value> {
    let (mut held_out, mut document) = (Vec::new(), json!({}));
    for line in printed.lines() {
        let line: Value = serde_json::from_str(line).with_context(|| format!("it wrote {line}"))?;
        if line.get("step").is_some() {
            held_out.push(line);
        } else {
            for (name, value) in line.as_object().into_iter().flatten() {
                document[name] = value.clone();
            }
        }
    }
    document["held_out"] = held_out.into();
    Ok(document)
}

/// What a run measured.
#[derive(Debug, Clone, PartialEq)]
struct Run {
    /// By step, [`FIGURES`] of the masked tokens held out.
    held_out: BTreeMap<u64, [f64; 2]>,
    unigram_loss: f64,
    tokens_a_second: f64,
    /// Share of processor time that others had, from 0 to 1; none where it is not known.
    others: Option<f64>,
    /// All that is kept.
    facts: Value,
}

impl Run {
    fn read(facts: Value) -> Result<Self> {
        let number = |of: &Value, key: &str| {
            let found = of[key].as_f64();
            found.with_context(|| format!("there is no {key}"))
        };
        let mut held_out = BTreeMap::new();
        for evaluation in facts["held_out"].as_array().into_iter().flatten() {
            let step = evaluation["step"].as_u64().context("there is no step")?;
            let [loss, accuracy] = FIGURES.map(|key| number(evaluation, key));
            held_out.insert(step, [loss?, accuracy?]);
        }
        if held_out.is_empty() {
            bail!("there is no evaluation");
        }
        Ok(Self {
            held_out,
            unigram_loss: number(&facts, "unigram_loss")?,
            tokens_a_second: number(&facts, "tokens_a_second")?,
            others: facts["others"].as_f64(),
            facts,
        })
    }

    fn last(&self) -> (u64, [f64; 2]) {
        let last = self.held_out.last_key_value();
        last.map(|(step, figures)| (*step, *figures))
            .expect("a run was evaluated")
    }
}

/// The steps at which all runs were evaluated.
fn shared_steps(ours: &[Run], peers: &[Run]) -> Vec<u64> {
    let all = |step: &u64| {
        ours.iter()
            .chain(peers)
            .all(|run| run.held_out.contains_key(step))
    };
    ours[0].held_out.keys().copied().filter(all).collect()
}

/// One of [`FIGURES`] at a step, a value a seed.
fn values(runs: &[Run], step: u64, figure: usize) -> Vec<f64> {
    runs.iter().map(|run| run.held_out[&step][figure]).collect()
}

/// A row each shared step under a head: losses in nats, then accuracies in per cent, ours before the other.
fn table(ours: &[Run], peers: &[Run]) -> Vec<Vec<String>> {
    let head = [
        "step",
        "loss held out, ours",
        "transformers",
        "accuracy held out, ours",
        "transformers",
    ];
    let row = |step| {
        let cell = |runs, figure| interval::of(&values(runs, step, figure));
        let loss = |runs| format!("{:.3}", cell(runs, 0));
        let accuracy = |runs| format!("{:.1} %", cell(runs, 1).times(100.0));
        vec![
            grouped(step as f64),
            loss(ours),
            loss(peers),
            accuracy(ours),
            accuracy(peers),
        ]
    };
    std::iter::once(head.map(str::to_owned).to_vec())
        .chain(shared_steps(ours, peers).into_iter().map(row))
        .collect()
}

fn last_difference(ours: &[Run], peers: &[Run]) -> String {
    let step = ours[0].last().0;
    let of_ours = ["other_loss", "other_accuracy"].map(|key| -> Option<Vec<f64>> {
        peers.iter().map(|run| run.facts[key].as_f64()).collect()
    });
    let same = of_ours.iter().all(Option::is_some);
    let [loss, accuracy] = [0, 1].map(|figure| {
        let own = || values(ours, step, figure);
        let ours = of_ours[figure].clone().unwrap_or_else(own);
        interval::difference(&ours, &values(peers, step, figure))
    });
    let masks = match same {
        true => "Ours, opened by transformers and asked on its masks,",
        false => "Ours",
    };
    let how = match ours.len() {
        1 => "One seed has no interval.".to_owned(),
        seeds => format!(
            "`±` is half the width of the 95 % interval over {seeds} seeds; that of a difference is by Welch's t, as the seeds of \
             two libraries are no pairs."
        ),
    };
    format!(
        "{masks} less transformers at step {}: loss {loss:+.3}, accuracy {:+.1} percentage points. {how}",
        grouped(step as f64),
        accuracy.times(100.0)
    )
}

/// The mean over the seeds.
fn unigram_loss(runs: &[Run]) -> f64 {
    let losses: Vec<f64> = runs.iter().map(|run| run.unigram_loss).collect();
    interval::of(&losses).mean
}

/// The medians of the time from the start of a program to its end, where all of them ran without a stop.
fn whole_times(ours: &[Run], peers: &[Run]) -> Option<String> {
    let rounds = |runs: &[Run]| -> Option<Rounds> {
        let seconds = runs.iter().map(|run| run.facts["seconds"].as_f64());
        seconds.map(|seconds| Some(vec![seconds?])).collect()
    };
    let (ours, peers) = (rounds(ours)?, rounds(peers)?);
    Some(format!(
        "From the start of the program to its end: ours {:.0} s, transformers {:.0} s, the ratio {:.2}. This is with reading, tokenising, \
         steps, logging and evaluations; ours also trains the tokeniser, which transformers is given, and saves checkpoints.",
        overall(&ours),
        overall(&peers),
        ratio(&ours, &peers).value
    ))
}

/// The medians of the seeds, their ratio, and what others did meanwhile.
fn speeds(ours: &[Run], peers: &[Run]) -> String {
    // A round a seed, each with the seconds of a token.
    let rounds = |runs: &[Run]| -> Rounds {
        runs.iter()
            .map(|run| vec![1.0 / run.tokens_a_second])
            .collect()
    };
    let (our_rounds, peer_rounds) = (rounds(ours), rounds(peers));
    let ratio = ratio(&our_rounds, &peer_rounds);
    let others = |runs: &[Run]| {
        let known: Option<Vec<f64>> = runs.iter().map(|run| run.others).collect();
        share(known.map(|shares| shares.into_iter().fold(0.0, f64::max)))
    };
    format!(
        "Tokens a second: ours {}, transformers {}, the ratio {:.2} ({:.2}..{:.2} of the seeds). On both sides a step is from the \
         choice of its texts to the update, with masking, waiting for data and the reading of the loss; reading and tokenising, \
         which come before, logging, evaluation and saving are left out. Others had {} of the processor time in our runs and {} in \
         those of transformers, at most.",
        grouped(1.0 / overall(&our_rounds)),
        grouped(1.0 / overall(&peer_rounds)),
        ratio.value,
        ratio.least,
        ratio.most,
        others(ours),
        others(peers)
    )
}

/// The mean losses of both sides, and the guess that a run begins to beat.
fn plot(ours: &[Run], peers: &[Run]) -> String {
    let steps = shared_steps(ours, peers);
    let means = |runs| -> Vec<(f64, f64)> {
        let mean = |step: &u64| interval::of(&values(runs, *step, 0)).mean;
        steps
            .iter()
            .map(|step| (*step as f64, mean(step)))
            .collect()
    };
    let guess = unigram_loss(ours);
    let lines = [
        Line {
            name: "Tinderbox",
            colour: "#e06c1f",
            width: 4.0,
            dashed: false,
            points: means(ours),
        },
        Line {
            name: "transformers",
            colour: "#1f5fa8",
            width: 1.5,
            dashed: false,
            points: means(peers),
        },
        Line {
            name: "guess by frequency",
            colour: "#555555",
            width: 1.5,
            dashed: true,
            points: steps.iter().map(|step| (*step as f64, guess)).collect(),
        },
    ];
    svg("step", "loss on masked tokens held out, nats", &lines)
}

fn share(others: Option<f64>) -> String {
    others.map_or("?".to_owned(), |others| format!("{:.0} %", 100.0 * others))
}

/// A whole number with commas between thousands.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_of(held_out: &[(u64, [f64; 2])], tokens_a_second: f64) -> Run {
        Run {
            held_out: held_out.iter().copied().collect(),
            unigram_loss: 6.75,
            tokens_a_second,
            others: Some(0.01),
            facts: json!({"seconds": 1e6 / tokens_a_second}),
        }
    }

    #[test]
    fn the_command_line_is_options_with_values() {
        let parse = |line: &str| {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            Arguments::parse(&words)
        };
        let plain = Arguments {
            size: "tiny".to_owned(),
            seeds: 3,
            steps: None,
        };
        assert_eq!(parse(""), Some(plain));
        let all = Arguments {
            size: "mini".to_owned(),
            seeds: 5,
            steps: Some(4),
        };
        assert_eq!(parse("-- --size mini --seeds 5 --steps 4"), Some(all));
        for line in [
            "--size base",
            "--seeds 0",
            "--seeds 11",
            "--steps",
            "--fast 1",
            "tiny",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn both_sides_are_read_into_the_same_form() {
        let metrics = r#"{"step":0,"epoch":0,"phase":"eval","name":"held-out/unigram_loss","value":6.75,"seconds":1.3}
{"step":0,"epoch":0,"phase":"eval","name":"held-out/loss","value":9.0,"seconds":1.3}
{"step":0,"epoch":0,"phase":"eval","name":"held-out/masked_accuracy","value":0.0,"seconds":1.3}
{"step":4,"epoch":0,"phase":"train","name":"loss","value":7.0,"seconds":1.4}
{"step":4,"epoch":0,"phase":"eval","name":"held-out/loss","value":8.0,"seconds":2.6}
{"step":4,"epoch":0,"phase":"eval","name":"held-out/masked_accuracy","value":0.125,"seconds":2.6}
"#;
        let timing = r#"{"step":2,"epoch":0,"phase":"timing","name":"steps_per_second","value":9.0,"seconds":1.4}
{"step":4,"epoch":0,"phase":"timing","name":"steps_per_second","value":10.0,"seconds":1.8}
{"step":4,"epoch":0,"phase":"timing","name":"waiting_share","value":0.5,"seconds":1.8}
"#;
        let mut document = ours(metrics, timing, 4096).unwrap();
        document["others"] = json!(0.01);
        let printed = r#"{"cpu": "x", "unigram_loss": 6.75}
{"step": 0, "loss": 9.0, "accuracy": 0.0}
{"step": 4, "loss": 8.0, "accuracy": 0.125, "lr": 0.001}
{"tokens_a_second": 40960, "training_seconds": 0.4}
"#;
        let mut theirs = transformers(printed).unwrap();
        theirs["others"] = json!(0.01);
        assert_eq!(theirs["cpu"], "x");
        for document in [document, theirs] {
            let mut found = Run::read(document).unwrap();
            let expected = run_of(&[(0, [9.0, 0.0]), (4, [8.0, 0.125])], 40_960.0);
            found.facts = expected.facts.clone();
            assert_eq!(found, expected);
        }
        // A run that was cut short has no speed, or no evaluation.
        let cut = printed.lines().take(3).collect::<Vec<_>>().join("\n");
        assert!(Run::read(transformers(&cut).unwrap()).is_err());
        assert!(Run::read(ours("", timing, 1).unwrap()).is_err());
    }

    #[test]
    fn the_table_has_the_shared_steps_with_intervals() {
        let ours = [
            run_of(
                &[(0, [9.0, 0.0]), (2, [8.0, 0.1]), (4, [7.0, 0.25])],
                50_000.0,
            ),
            run_of(&[(0, [9.0, 0.0]), (4, [7.5, 0.25])], 60_000.0),
        ];
        let peers = [
            run_of(&[(0, [9.0, 0.0]), (4, [7.0, 0.5])], 30_000.0),
            run_of(&[(0, [9.0, 0.0]), (4, [7.0, 0.5])], 30_000.0),
        ];
        let table = table(&ours, &peers);
        assert_eq!(table.len(), 3);
        // Half a difference of 0.5, times t for one degree of freedom.
        let last = [
            "4",
            "7.250 ± 3.177",
            "7.000 ± 0.000",
            "25.0 ± 0.0 %",
            "50.0 ± 0.0 %",
        ];
        assert_eq!(table[2], last);
        let words = last_difference(&ours, &peers);
        assert!(
            words.contains("loss +0.250 ± 3.177, accuracy -25.0 ± 0.0 percentage"),
            "{words}"
        );
        let words = speeds(&ours, &peers);
        let expected = "ours 54,545, transformers 30,000, the ratio 1.82 (1.67..2.00 of the seeds)";
        assert!(words.contains(expected), "{words}");
        let words = whole_times(&ours, &peers).unwrap();
        assert!(
            words.contains("transformers 33 s, the ratio 1.82"),
            "{words}"
        );
        let alone = last_difference(&ours[..1], &peers[..1]);
        assert!(
            alone.contains("loss +0.000, accuracy -25.0 percentage points. One seed"),
            "{alone}"
        );
        assert_eq!(plot(&ours, &peers).matches("<polyline").count(), 3);
    }

    #[test]
    fn thousands_are_grouped() {
        let found = [0.0, 999.0, 1_000.0, 52_999.6, 1_234_567.0].map(grouped);
        assert_eq!(found, ["0", "999", "1,000", "53,000", "1,234,567"]);
    }
}
