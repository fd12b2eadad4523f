//! Benches of Tinderbox. `cargo xtask bench [FILTER]` builds and runs them, and prints their results as one table.
//!
//! A file a group; a bench is a function that gives [`Measurement`]s. `README.md` says how to read them.
#![forbid(unsafe_code)]

mod audio;
mod checkpoint;
mod loader;
mod machine;
mod measurement;
mod start_up;
mod step;
mod synthetic;
mod views;
mod words;
mod worker;

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
    ("audio", audio::bench),
    ("cnn-step", step::bench::cnn),
    ("simclr-cnn", step::bench::simclr_cnn),
    ("loader", loader::bench),
    ("checkpoint", checkpoint::bench),
    ("mlm-bert-mini", step::bench::mlm_bert_mini),
    ("mae-vit", step::bench::mae_vit),
    ("simclr-resnet18", step::bench::simclr_resnet18),
];

const USAGE: &str = "\
usage: tinderbox-benches --json FILE [FILTER]
       tinderbox-benches --worker STEP --batch N [--length N]
       tinderbox-benches --words KIND --corpus FILE --seed N --threads N --out FILE
       tinderbox-benches --score VECTORS JUDGEMENTS...";

/// What the command line asks for.
#[derive(Debug, PartialEq)]
enum Task {
    /// To write the benches whose name holds the word to the file.
    Measure { file: PathBuf, filter: String },
    /// To take steps when asked to.
    Serve(worker::Order),
    /// To train word vectors.
    Words(words::Order),
    /// To compare word vectors with judgements.
    Score {
        vectors: PathBuf,
        judgements: Vec<PathBuf>,
    },
}

fn main() -> ExitCode {
    // As the program does.
    tinderbox::kernels::keep_freed_memory();
    let Some(task) = parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let result = match &task {
        Task::Measure { file, filter } => run(file, filter),
        Task::Serve(order) => worker::serve(order),
        Task::Words(order) => words::train(order),
        Task::Score {
            vectors,
            judgements,
        } => words::score(vectors, judgements),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tinderbox-benches: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: impl Iterator<Item = String>) -> Option<Task> {
    let mut arguments = arguments.peekable();
    if let Some(kind) = arguments.next_if(|first| first == "--words" || first == "--score") {
        return match kind.as_str() {
            "--words" => parse_words(arguments),
            _ => Some(Task::Score {
                vectors: arguments.next()?.into(),
                judgements: arguments.map(PathBuf::from).collect(),
            }),
        };
    }
    let (mut file, mut filter) = (None, None);
    let (mut step, mut batch, mut length) = (None, None, None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" if file.is_none() => file = Some(PathBuf::from(arguments.next()?)),
            "--worker" if step.is_none() => step = Some(arguments.next()?),
            "--batch" if batch.is_none() => batch = Some(arguments.next()?.parse().ok()?),
            "--length" if length.is_none() => length = Some(arguments.next()?.parse().ok()?),
            word if !word.starts_with('-') && filter.is_none() => filter = Some(argument),
            _ => return None,
        }
    }
    match (file, filter, step, batch, length) {
        (Some(file), filter, None, None, None) => Some(Task::Measure {
            file,
            filter: filter.unwrap_or_default(),
        }),
        (None, None, Some(step), Some(batch), length) => Some(Task::Serve(worker::Order {
            step,
            batch,
            length: length.unwrap_or(0),
        })),
        _ => None,
    }
}

fn parse_words(mut arguments: impl Iterator<Item = String>) -> Option<Task> {
    let kind = arguments.next()?;
    let (mut corpus, mut seed, mut threads, mut out) = (None, None, None, None);
    while let Some(argument) = arguments.next() {
        let value = arguments.next()?;
        match argument.as_str() {
            "--corpus" => corpus = Some(value.into()),
            "--seed" => seed = Some(value.parse().ok()?),
            "--threads" => threads = Some(value.parse().ok()?),
            "--out" => out = Some(value.into()),
            _ => return None,
        }
    }
    Some(Task::Words(words::Order {
        kind,
        corpus: corpus?,
        seed: seed?,
        threads: threads?,
        out: out?,
    }))
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

    fn check(line: &str) -> Option<Task> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn the_command_line_is_a_file_and_at_most_one_word() {
        let measure = |filter: &str| {
            Some(Task::Measure {
                file: PathBuf::from("x.json"),
                filter: filter.to_owned(),
            })
        };
        assert_eq!(check("--json x.json"), measure(""));
        assert_eq!(check("cnn --json x.json"), measure("cnn"));
        for line in ["", "cnn", "--json", "--json x.json a b", "--json x.json -v"] {
            assert_eq!(check(line), None, "{line}");
        }
    }

    #[test]
    fn or_word_vectors() {
        let order = words::Order {
            kind: "cbow".to_owned(),
            corpus: "c".into(),
            seed: 3,
            threads: 2,
            out: "o".into(),
        };
        let line = "--words cbow --corpus c --seed 3 --threads 2 --out o";
        assert_eq!(check(line), Some(Task::Words(order)));
        assert_eq!(
            check("--words cbow --corpus c --seed x --threads 2 --out o"),
            None
        );
        assert_eq!(check("--words cbow --corpus c"), None);
        let score = Task::Score {
            vectors: "v".into(),
            judgements: vec!["a".into(), "b".into()],
        };
        assert_eq!(check("--score v a b"), Some(score));
    }

    #[test]
    fn or_a_step_with_its_size() {
        let order = worker::Order {
            step: "mae-vit".to_owned(),
            batch: 8,
            length: 64,
        };
        let line = "--worker mae-vit --batch 8 --length 64";
        assert_eq!(check(line), Some(Task::Serve(order)));
        for line in [
            "--worker x",
            "--worker x --batch y",
            "--worker x --batch 1 --json f",
        ] {
            assert_eq!(check(line), None, "{line}");
        }
    }
}
