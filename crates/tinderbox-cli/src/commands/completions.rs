//! `completions`: scripts for shells.

use crate::args::{CompletionsArgs, command};
use crate::error::CliError;
use crate::output;

pub(super) fn run(args: &CompletionsArgs) -> Result<(), CliError> {
    // The generator panics on a closed pipe, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command(), "tinderbox", &mut script);
    output::print(std::io::stdout().lock(), &String::from_utf8_lossy(&script));
    Ok(())
}
