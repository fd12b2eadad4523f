//! The `tinderbox` program.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    tinderbox_cli::run(std::env::args_os()).into()
}
