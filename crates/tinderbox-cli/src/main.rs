//! The `tinderbox` program.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    tinderbox::kernels::keep_freed_memory();
    tinderbox_cli::run(std::env::args_os()).into()
}
