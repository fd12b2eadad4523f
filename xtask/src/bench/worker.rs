//! A process that takes training steps when it is asked to, and waits in between.
//!
//! It answers with one JSON object a line: first what it runs on, then for each `run K` the seconds of K steps, and
//! for `quit` its memory.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Memory of a process, in bytes; `None` where the system does not tell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Memory {
    /// The most that was resident.
    pub peak: Option<u64>,
    /// What was resident when the libraries were loaded and no model was made.
    pub libraries: Option<u64>,
}

/// A running worker; it ends with this value.
pub struct Worker {
    name: String,
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Worker {
    /// Starts it and waits until its model is built; gives the worker and the facts that it tells of itself.
    pub fn start(name: &str, command: &mut Command) -> Result<(Self, Value)> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let input = child.stdin.take().expect("it is piped");
        let output = child.stdout.take().expect("it is piped");
        let mut worker = Self {
            name: name.to_owned(),
            child,
            input,
            output: BufReader::new(output).lines(),
        };
        let facts = worker.answer()?;
        Ok((worker, facts))
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Takes so many steps and gives the seconds of each.
    pub fn run(&mut self, steps: usize) -> Result<Vec<f64>> {
        self.ask(&format!("run {steps}"))?;
        let answer = self.answer()?;
        seconds(&answer, steps).with_context(|| format!("{} answered {answer}", self.name))
    }

    /// Warms up, and says how many steps last about so many seconds.
    pub fn warm_up(&mut self, turn: f64) -> Result<usize> {
        // The first steps compile, allocate and fault pages in.
        self.run(1)?;
        let second = self.run(1)?[0];
        let more = (1.0 / second).ceil().clamp(1.0, 20.0) as usize;
        let step = super::ratio::median(&self.run(more)?);
        Ok((turn / step).round().max(1.0) as usize)
    }

    /// Ends it.
    pub fn quit(mut self) -> Result<Memory> {
        self.ask("quit")?;
        let answer = self.answer()?;
        self.child.wait()?;
        Ok(memory(&answer))
    }

    fn ask(&mut self, line: &str) -> Result<()> {
        writeln!(self.input, "{line}").with_context(|| format!("{} has ended", self.name))
    }

    fn answer(&mut self) -> Result<Value> {
        let Some(line) = self.output.next() else {
            let status = self.child.wait()?;
            bail!("{} ended with {status}", self.name);
        };
        let line = line?;
        serde_json::from_str(&line).with_context(|| format!("{} wrote {line}", self.name))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // After `quit` it has ended already, and both do nothing.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn seconds(answer: &Value, steps: usize) -> Result<Vec<f64>> {
    let seconds: Option<Vec<f64>> = answer["seconds"]
        .as_array()
        .and_then(|values| values.iter().map(Value::as_f64).collect());
    match seconds {
        Some(seconds) if seconds.len() == steps => Ok(seconds),
        Some(seconds) => bail!("expected {steps} steps, got {}", seconds.len()),
        None => bail!("expected the seconds of {steps} steps"),
    }
}

fn memory(answer: &Value) -> Memory {
    Memory {
        peak: answer["peak_bytes"].as_u64(),
        libraries: answer["library_bytes"].as_u64(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_holds_the_seconds_of_each_step() {
        assert_eq!(
            seconds(&json!({"seconds": [0.5, 1]}), 2).unwrap(),
            [0.5, 1.0]
        );
        for wrong in [
            json!({"seconds": [0.5]}),
            json!({"seconds": [0.5, "x"]}),
            json!({}),
        ] {
            assert!(seconds(&wrong, 2).is_err(), "{wrong}");
        }
    }

    #[test]
    fn memory_may_be_unknown() {
        let answer = json!({"peak_bytes": 7, "library_bytes": null});
        let expected = Memory {
            peak: Some(7),
            libraries: None,
        };
        assert_eq!(memory(&answer), expected);
    }

    #[cfg(unix)]
    #[test]
    fn a_worker_answers_in_turn_and_its_end_is_an_error() {
        let script =
            r#"echo '{"cpu": "x"}'; read line; echo '{"seconds": [0.25]}'; read line; exit 3"#;
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let (mut worker, facts) = Worker::start("fake", &mut command).unwrap();
        assert_eq!(facts, json!({"cpu": "x"}));
        assert_eq!(worker.run(1).unwrap(), [0.25]);
        let error = worker.run(1).unwrap_err().to_string();
        assert!(error.contains("fake ended with exit status: 3"), "{error}");
    }
}
