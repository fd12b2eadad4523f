//! `cargo xtask`: the checks, data, fixtures, benches and documents of the workspace.
//!
//! One file a command; `shell` and `python` start programs, `json` compares documents, `interval` is what few seeds tell.
#![forbid(unsafe_code)]

mod bench;
mod ci;
mod data;
mod docs;
mod interval;
mod json;
mod parity;
mod python;
mod shell;
mod study;
mod tidy;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  ci [--full] [--list] [--only STEP]  run every check, the cheapest first
  tidy                                only the rules on architecture, licences and sources
  data --list | all | NAME...         fetch data sets into data/, with their digests checked
  parity [NAME...]                    make the fixtures anew with PyTorch and compare
  bench [FILTER] [-- ARGS]            run the benches, print one table
  bench peers [NAME...] [-- ARGS]     run the scripts in benches/peers
  bench peers steps [FILTER]          our training steps and PyTorch's in turn
  bench peers bert [--size tiny|mini] [--seeds N] [--steps N]
                                      a recipe of masked words, ours and in transformers
  study sentences [--seeds N]         masked words, next sentences, both or neither: two hours
  docs                                build the API documents, check links between pages";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rest = arguments.get(1..).unwrap_or_default();
    let result = match arguments.first().map(String::as_str) {
        Some("ci") => ci::run(rest),
        Some("tidy") => tidy::run(),
        Some("data") => data::run(rest),
        Some("parity") => parity::run(rest),
        Some("bench") => bench::run(rest),
        Some("study") => study::run(rest),
        Some("docs") => docs::run(),
        Some("help" | "--help" | "-h") => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        other => {
            if let Some(name) = other {
                eprintln!("no such command: {name}\n");
            }
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
