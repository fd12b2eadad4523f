//! The `tinderbox` program as a library: recipes, verbs, reports.
//!
//! The binary is [`run()`] and the choice of how memory is kept, so that tests reach everything the program does.
#![forbid(unsafe_code)]

pub mod answerer;
pub mod args;
mod card_python;
pub mod class_figures;
pub mod classifier;
pub mod commands;
pub mod comparison;
pub mod data_facts;
pub mod dataset;
pub mod device;
pub mod encoder;
pub mod environment;
pub mod equal_items;
pub mod error;
pub mod export;
pub mod features;
pub mod frozen;
pub mod images;
pub mod inputs;
pub mod inspect;
pub mod manifest;
pub mod model;
pub mod model_card;
pub mod npy;
pub mod on_labels;
pub mod output;
pub mod progress;
pub mod published;
pub mod recipe;
pub mod registry;
pub mod report;
pub mod rivals;
pub mod rows;
pub mod run;
pub mod session;
pub mod signals;
mod split;
mod starting_weights;
pub mod table;
pub mod tagger;
pub mod text_source;
pub mod texts;
pub mod training;
mod validation;
mod word_trainer;

use std::ffi::OsString;
use std::io;

use clap::error::ErrorKind;

use args::Cli;
use error::CliError;
use output::Output;

/// Runs the program with the given command line, its own name first, and returns the exit code.
pub fn run(line: impl IntoIterator<Item = OsString>) -> u8 {
    let line: Vec<OsString> = line.into_iter().collect();
    match Cli::read(&line) {
        Ok(cli) => {
            let output = Output {
                json: cli.global.json,
                quiet: cli.global.quiet,
            };
            let words: Vec<String> = line
                .iter()
                .map(|word| word.to_string_lossy().into_owned())
                .collect();
            match commands::dispatch(&cli, &words, &output) {
                Ok(()) => 0,
                Err(error) => {
                    show(&error, output.json);
                    error.exit_code()
                }
            }
        }
        Err(error) => refuse(&error, line.iter().any(|word| word == "--json")),
    }
}

/// Shows help, the version, or what is wrong with the command line.
fn refuse(error: &clap::Error, json: bool) -> u8 {
    let asked = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    );
    if json && !asked {
        let text = error.render().to_string();
        // The first paragraph is the fault; usage and hints follow.
        let words: Vec<&str> = text
            .lines()
            .map(str::trim)
            .take_while(|l| !l.is_empty())
            .collect();
        let message = words.join(" ");
        let message = message.strip_prefix("error: ").unwrap_or(&message);
        show(&CliError::usage(message), true);
        return 2;
    }
    // A closed pipe is no fault of ours.
    let _ = error.print();
    if asked { 0 } else { 2 }
}

/// Errors for people go to stderr; for scripts, to stdout with the results.
fn show(error: &CliError, json: bool) {
    if json {
        output::print(io::stdout().lock(), &format!("{}\n", error.to_json()));
    } else {
        let text = error.render(output::stderr_is_fancy());
        output::print(io::stderr().lock(), &text);
    }
}
