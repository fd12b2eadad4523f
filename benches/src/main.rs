//! Benches of Tinderbox. `cargo xtask bench [FILTER]` builds and runs them, and prints their results as one table.
//!
//! A file a group; a bench is a function that gives [`Measurement`]s. `README.md` says how to read them.
#![forbid(unsafe_code)]

mod checkpoint;
mod loader;
mod machine;
mod measurement;
mod start_up;
mod step;
mod synthetic;
mod views;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::Value;

use crate::measurement::Measurement;

type Bench = fn() -> Result<Vec<Measurement>, Box<dyn Error>>;

/// Every bench, the shortest first.
const BENCHES: &[(&str, Bench)] = &[
    ("start-up", start_up::bench),
    ("views", views::bench),
    ("cnn-step", step::cnn),
    ("simclr-cnn", step::simclr_cnn),
    ("loader", loader::bench),
    ("checkpoint", checkpoint::bench),
    ("simclr-resnet18", step::simclr_resnet18),
];

const USAGE: &str = "usage: tinderbox-benches --json FILE [FILTER]";

fn main() -> ExitCode {
    // As the program does.
    tinderbox::kernels::keep_freed_memory();
    let Some((file, filter)) = parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(&file, &filter) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tinderbox-benches: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The file to write, and the word that a bench's name must hold.
fn parse(arguments: impl Iterator<Item = String>) -> Option<(PathBuf, String)> {
    let mut arguments = arguments;
    let (mut file, mut filter) = (None, None);
    while let Some(argument) = arguments.next() {
        if argument == "--json" && file.is_none() {
            file = Some(PathBuf::from(arguments.next()?));
        } else if !argument.starts_with('-') && filter.is_none() {
            filter = Some(argument);
        } else {
            return None;
        }
    }
    Some((file?, filter.unwrap_or_default()))
}

fn run(file: &Path, filter: &str) -> Result<(), Box<dyn Error>> {
    let chosen: Vec<_> = BENCHES
        .iter()
        .filter(|(name, _)| name.contains(filter))
        .collect();
    if chosen.is_empty() {
        let names: Vec<_> = BENCHES.iter().map(|(name, _)| *name).collect();
        return Err(format!(
            "no bench is called `{filter}`; there are {}",
            names.join(", ")
        )
        .into());
    }
    let mut document = machine::facts();
    let mut results = Vec::new();
    for (name, bench) in chosen {
        eprintln!("{name} ...");
        let measurements = bench().map_err(|error| format!("{name}: {error}"))?;
        results.extend(measurements.iter().map(Measurement::to_json));
    }
    document.insert("results".to_owned(), Value::Array(results));
    std::fs::write(file, serde_json::to_vec_pretty(&document)?)
        .map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_a_file_and_at_most_one_word() {
        let parse = |line: &str| parse(line.split_whitespace().map(str::to_owned));
        let file = PathBuf::from("x.json");
        assert_eq!(parse("--json x.json"), Some((file.clone(), String::new())));
        assert_eq!(parse("cnn --json x.json"), Some((file, "cnn".to_owned())));
        for line in ["", "cnn", "--json", "--json x.json a b", "--json x.json -v"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
