//! `cargo xtask bench peers steps` and `views`: our training steps against PyTorch's, and our views against torchvision's, in turn.

use std::path::Path;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::comparison::{Comparison, NONE, Row, bounds, compare, table};
use super::turns::{Contestant, Effort, Programs, Side, Size, Turns, facts, noise, take};
use super::{scaling, show_facts};
use crate::{python, shell};

const IMAGES: Size = Size {
    batch: 128,
    length: 0,
};
const SENTENCES: Size = Size {
    batch: 16,
    length: 128,
};
const PATCHES: Size = Size {
    batch: 64,
    length: 64,
};

const CONVOLUTIONS: &[&str] = &["eager", "channels-last", "compiled"];

const ROWS: &[Row] = &[
    Row {
        name: "cnn-step",
        step: "cnn-step",
        size: IMAGES,
        options: CONVOLUTIONS,
        plain: NONE,
        fastest: NONE,
    },
    Row {
        name: "simclr-cnn",
        step: "simclr-cnn",
        size: IMAGES,
        options: CONVOLUTIONS,
        plain: bounds(Some(1.0), Some(1.5)),
        fastest: bounds(None, Some(1.3)),
    },
    Row {
        name: "simclr-resnet18",
        step: "simclr-resnet18",
        size: IMAGES,
        options: CONVOLUTIONS,
        plain: bounds(Some(1.0), Some(1.5)),
        fastest: bounds(None, Some(1.2)),
    },
    Row {
        name: "mlm-bert-mini",
        step: "mlm-bert-mini",
        size: SENTENCES,
        options: &["eager", "compiled", "fused"],
        plain: bounds(Some(1.3), Some(2.0)),
        fastest: NONE,
    },
    Row {
        name: "mlm-bert-mini/masked-only",
        step: "mlm-bert-mini",
        size: SENTENCES,
        options: &["masked-only", "masked-only+compiled", "masked-only+fused"],
        plain: NONE,
        fastest: bounds(Some(1.0), Some(1.5)),
    },
    Row {
        name: "mae-vit",
        step: "mae-vit",
        size: PATCHES,
        options: &["eager", "compiled", "fused"],
        plain: bounds(Some(1.0), Some(1.5)),
        fastest: bounds(None, Some(1.3)),
    },
];

/// One thread each: a loader of either side has as many as it likes.
const VIEWS: &[Row] = &[
    Row {
        name: "views-cifar",
        step: "views-cifar",
        size: Size {
            batch: 64,
            length: 0,
        },
        options: &["tensor", "pil"],
        plain: bounds(Some(10.0), None),
        fastest: bounds(Some(10.0), None),
    },
    Row {
        name: "views-jpeg",
        step: "views-jpeg",
        size: Size {
            batch: 8,
            length: 0,
        },
        options: &["tensor", "pil"],
        plain: bounds(Some(5.0), None),
        fastest: bounds(Some(5.0), None),
    },
];

const USAGE: &str =
    "steps and views take [FILTER] [--scaling] [--rounds N] [--seconds S] [--threads N]";

/// What was asked for on the command line.
#[derive(Debug, Clone, PartialEq)]
struct Arguments {
    filter: String,
    scaling: bool,
    rounds: Option<usize>,
    turn: Option<f64>,
    threads: Option<usize>,
}

impl Arguments {
    fn parse(arguments: &[String]) -> Option<Self> {
        let mut parsed = Self {
            filter: String::new(),
            scaling: false,
            rounds: None,
            turn: None,
            threads: None,
        };
        let mut rest = arguments.iter().filter(|argument| *argument != "--");
        while let Some(argument) = rest.next() {
            match argument.as_str() {
                "--scaling" => parsed.scaling = true,
                "--rounds" => parsed.rounds = Some(positive(rest.next()?)?),
                "--threads" => parsed.threads = Some(positive(rest.next()?)?),
                "--seconds" => {
                    let turn: f64 = rest.next()?.parse().ok()?;
                    parsed.turn = Some(turn).filter(|turn| *turn > 0.0);
                    parsed.turn?;
                }
                word if !word.starts_with('-') && parsed.filter.is_empty() => {
                    parsed.filter = word.to_owned();
                }
                _ => return None,
            }
        }
        Some(parsed)
    }
}

fn positive(text: &str) -> Option<usize> {
    text.parse().ok().filter(|number| *number > 0)
}

/// Runs the rows whose name holds the filter, or with `--scaling` the same steps in other sizes.
pub fn run(arguments: &[String]) -> Result<()> {
    measure(arguments, ROWS, "steps.json", 2)
}

/// Runs the rows of views whose name holds the filter.
pub fn views(arguments: &[String]) -> Result<()> {
    measure(arguments, VIEWS, "views.json", 1)
}

fn measure(arguments: &[String], rows: &[Row], file: &str, threads: usize) -> Result<()> {
    let Some(arguments) = Arguments::parse(arguments) else {
        bail!("{USAGE}");
    };
    let folder = shell::root().join("target").join("bench").join("peers");
    std::fs::create_dir_all(&folder)?;
    let programs = programs()?;
    if arguments.scaling {
        let effort = Effort {
            rounds: arguments.rounds.unwrap_or(3),
            turn: arguments.turn.unwrap_or(2.0),
        };
        return scaling::run(&programs, &arguments.filter, effort, &folder);
    }
    let effort = Effort {
        rounds: arguments.rounds.unwrap_or(7),
        turn: arguments.turn.unwrap_or(4.0),
    };
    let chosen: Vec<&Row> = rows
        .iter()
        .filter(|row| row.name.contains(&arguments.filter))
        .collect();
    if chosen.is_empty() {
        let names: Vec<&str> = rows.iter().map(|row| row.name).collect();
        bail!("no row is called so; there are {}", names.join(", "));
    }
    let file = folder.join(file);
    let mut measured = Vec::new();
    for rows in chosen.chunk_by(|one, next| one.step == next.step) {
        let contestants = contestants(rows, arguments.threads.unwrap_or(threads));
        let turns = take(&programs, rows[0].step, rows[0].size, &contestants, effort)?;
        measured.push((rows, turns));
        // After each step, so that a run that is cut short leaves what it has.
        let results: Vec<Value> = comparisons(&measured).map(|one| one.to_json()).collect();
        let facts = facts(&measured[0].1);
        let document = json!({"facts": facts, "results": results});
        std::fs::write(&file, serde_json::to_vec_pretty(&document)?)?;
    }
    show_facts(&facts(&measured[0].1));
    shell::print_table(&table(comparisons(&measured)));
    let turns = measured.iter().flat_map(|(_, turns)| turns);
    if let Some(warning) = noise(turns.map(|turns| turns.others)) {
        println!("\n{warning}");
    }
    println!("\nwritten to {}", file.display());
    Ok(())
}

/// Every row against every of its options.
fn comparisons<'a>(
    measured: &'a [(&'a [&'a Row], Vec<Turns>)],
) -> impl Iterator<Item = Comparison<'a>> {
    measured
        .iter()
        .flat_map(|(rows, turns)| rows.iter().flat_map(|row| compare(row, turns)))
}

/// Builds our worker and finds a Python for the other.
fn programs() -> Result<Programs> {
    let requirements = Path::new("benches/peers/requirements.txt");
    Ok(Programs {
        ours: shell::built(&["tinderbox-benches"], "tinderbox-benches")?,
        python: python::interpreter("peers-venv", &shell::root().join(requirements))?,
    })
}

fn contestants(rows: &[&Row], threads: usize) -> Vec<Contestant> {
    let peers = rows.iter().flat_map(|row| row.options).copied();
    std::iter::once(Side::Ours)
        .chain(peers.map(Side::Peer))
        .map(|side| Contestant { side, threads })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_a_filter_and_flags() {
        let parse = |line: &str| {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            Arguments::parse(&words)
        };
        let plain = Arguments {
            filter: String::new(),
            scaling: false,
            rounds: None,
            turn: None,
            threads: None,
        };
        assert_eq!(parse(""), Some(plain.clone()));
        let short = Arguments {
            filter: "mae".to_owned(),
            scaling: true,
            rounds: Some(1),
            turn: Some(0.5),
            threads: Some(1),
        };
        let line = "mae -- --scaling --rounds 1 --seconds 0.5 --threads 1";
        assert_eq!(parse(line), Some(short));
        for line in ["a b", "--rounds", "--rounds 0", "--seconds -1", "--fast"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn rows_of_one_step_lie_side_by_side_and_share_its_size() {
        for (index, row) in ROWS.iter().enumerate() {
            for other in &ROWS[..index] {
                assert_ne!(row.name, other.name);
                let beside = ROWS[index - 1].step == row.step;
                assert!(row.step != other.step || beside, "{}", row.name);
                assert!(
                    row.step != other.step || row.size == other.size,
                    "{}",
                    row.name
                );
            }
        }
    }
}
