//! Milliseconds from the start of the program to its end when it has next to nothing to do.

use std::error::Error;
use std::process::{Command, Stdio};

use crate::measurement::{Measurement, seconds, verdict};

const RUNS: usize = 31;

/// In milliseconds.
const TARGET: f64 = 50.0;

/// `tinderbox recipes`, which lies beside this program.
pub(crate) fn bench() -> Result<Vec<Measurement>, Box<dyn Error>> {
    let name = format!("tinderbox{}", std::env::consts::EXE_SUFFIX);
    let program = std::env::current_exe()?.with_file_name(name);
    if !program.exists() {
        let path = program.display();
        return Err(format!("{path} is not there; build it with tinderbox-cli").into());
    }
    let seconds = seconds(RUNS, || {
        let status = Command::new(&program)
            .arg("recipes")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()?;
        match status.success() {
            true => Ok(()),
            false => Err(std::io::Error::other(format!(
                "tinderbox recipes: {status}"
            ))),
        }
    })?;
    let milliseconds = seconds.into_iter().map(|seconds| 1e3 * seconds).collect();
    let measured = Measurement::new("start-up", "ms", milliseconds);
    let note = format!(
        "tinderbox recipes; target below {TARGET} ms: {}",
        verdict(measured.median() < TARGET)
    );
    Ok(vec![measured.with_note(note)])
}
