//! The verbs, one a file.

mod compare;
mod completions;
mod data;
mod devices;
mod dry_run;
mod embed;
mod export;
mod finetune;
mod generate;
mod inspect;
mod leaks;
mod predict;
mod pretrain;
mod probe;
mod recipes;
mod replay;
mod stream;
mod words;

use std::io;
use std::path::Path;

use burn::tensor::Device;

use crate::args::{Cli, DataVerb, GlobalArgs, Verb};
use crate::device::DeviceName;
use crate::error::CliError;
use crate::output::Output;
use crate::session::Context;

/// Does what the command line says. `line` are its words.
///
/// # Errors
/// Whatever ends the verb early; its exit code is [`CliError::exit_code`].
pub fn dispatch(cli: &Cli, line: &[String], output: &Output) -> Result<(), CliError> {
    let context = Context {
        global: &cli.global,
        output,
        line,
    };
    match &cli.verb {
        Verb::Pretrain(args) => pretrain::run(args, context),
        Verb::Probe(args) => probe::run(args, context),
        Verb::Finetune(args) => finetune::run(args, context),
        Verb::Compare(args) => compare::run(args, context),
        Verb::Embed(args) => embed::run(args, context),
        Verb::Predict(args) => predict::run(args, context),
        Verb::Generate(args) => generate::run(args, context),
        Verb::Export(args) => export::run(args, context),
        Verb::Replay(args) => replay::run(args, context),
        Verb::Data(args) => match &args.verb {
            DataVerb::Inspect(args) => inspect::run(args, context),
            DataVerb::Leaks(args) => leaks::run(args, context),
        },
        Verb::Words(args) => words::run(&args.verb, context),
        Verb::Devices => devices::run(output),
        Verb::Recipes(args) => recipes::run(args, output),
        Verb::Completions(args) => completions::run(args),
    }
}

/// The device of `--device`, or the default.
fn device_of(global: &GlobalArgs) -> Result<Device, CliError> {
    device_or(global, &DeviceName::default())
}

/// The device of `--device`, or another.
fn device_or(global: &GlobalArgs, other: &DeviceName) -> Result<Device, CliError> {
    let name = match &global.device {
        Some(name) => name.parse()?,
        None => other.clone(),
    };
    Ok(name.open()?)
}

/// The seed of `--set seed=N`; verbs without a recipe take no other key but those of [`data::of`].
fn seed(global: &GlobalArgs) -> Result<u64, CliError> {
    let mut seed = 0;
    let of_data = |set: &String| data::KEYS.iter().any(|key| set.starts_with(key));
    for set in global.set.iter().filter(|set| !of_data(set)) {
        seed = set
            .strip_prefix("seed=")
            .and_then(|value| value.trim().parse().ok())
            .ok_or_else(|| {
                CliError::usage(format!(
                    "`--set {set}`: this verb takes `seed=N` and, of the data, `data.labels=COLUMN`, `data.text=COLUMN` and `data.source=SOURCE`"
                ))
            })?;
    }
    Ok(seed)
}

/// A share of the labels, checked.
fn share(share: f64) -> Result<f64, CliError> {
    if share > 0.0 && share <= 1.0 {
        Ok(share)
    } else {
        Err(CliError::usage(format!(
            "`--labels` is {share}, expected above 0 and up to 1"
        )))
    }
}

/// Refuses to write over a file or folder unless told to.
fn refuse_existing(path: &Path, global: &GlobalArgs) -> Result<(), CliError> {
    if path.exists() && !global.overwrite {
        return Err(CliError::RunExists {
            path: path.to_path_buf(),
        });
    }
    Ok(())
}

/// Whoever closed stdout does not want the rest: no error, and nothing more to say.
fn pipe<T>(result: Result<T, CliError>) -> Result<Option<T>, CliError> {
    match result {
        Err(CliError::Io { source, .. }) if source.kind() == io::ErrorKind::BrokenPipe => Ok(None),
        other => other.map(Some),
    }
}
