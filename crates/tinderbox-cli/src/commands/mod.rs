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
mod help;
mod inspect;
mod judge;
mod leaks;
mod outputs;
mod predict;
mod pretrain;
mod probe;
mod recipes;
mod replay;
mod stream;
mod words;

use std::io;

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
        Verb::Help(args) => help::run(args, output),
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

/// Whoever closed stdout does not want the rest: no error, and nothing more to say.
fn pipe<T>(result: Result<T, CliError>) -> Result<Option<T>, CliError> {
    match result {
        Err(CliError::Io { source, .. }) if source.kind() == io::ErrorKind::BrokenPipe => Ok(None),
        other => other.map(Some),
    }
}
