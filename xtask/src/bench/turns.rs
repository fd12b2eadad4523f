//! Rounds in which workers take turns, so that only one of them computes at a time and all see the same machine.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use serde_json::Value;

use super::quiet::Ticks;
use super::ratio::Rounds;
use super::worker::{Memory, Worker};
use crate::shell;

/// Others may have this share of the processor time of a turn; a quiet machine's own tasks have less.
pub const QUIET: f64 = 0.05;

/// The shape of a step's batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Items of a batch.
    pub batch: usize,
    /// Tokens of a sentence, or patches of an image; 0 where neither is chosen.
    pub length: usize,
}

/// How long to measure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effort {
    /// Turns of each worker.
    pub rounds: usize,
    /// Seconds of a turn, about.
    pub turn: f64,
}

/// Where the two kinds of workers are.
pub struct Programs {
    /// Our benches.
    pub ours: PathBuf,
    /// A Python with the peers' packages.
    pub python: PathBuf,
}

/// Who takes steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Tinderbox.
    Ours,
    /// PyTorch with these options, as `benches/peers/_worker.py` calls them.
    Peer(&'static str),
}

/// One who takes turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contestant {
    pub side: Side,
    pub threads: usize,
}

/// What one contestant did.
pub struct Turns {
    pub contestant: Contestant,
    pub seconds: Rounds,
    pub memory: Memory,
    /// The largest share of processor time that others had in a turn, from 0 to 1.
    pub others: f64,
    pub facts: Value,
}

impl Programs {
    fn command(&self, step: &str, size: Size, contestant: Contestant) -> Command {
        let threads = contestant.threads.to_string();
        let mut command = match contestant.side {
            Side::Ours => {
                let mut command = Command::new(&self.ours);
                command.args(["--worker", step]);
                command.env("RAYON_NUM_THREADS", &threads);
                command
            }
            Side::Peer(options) => {
                let script = shell::root().join("benches/peers/_worker.py");
                let mut command = Command::new(&self.python);
                command.arg(script).args([step, options]);
                command.args(["--threads", &threads]);
                command
            }
        };
        command.args(["--batch", &size.batch.to_string()]);
        command.args(["--length", &size.length.to_string()]);
        command.current_dir(shell::root());
        command
    }
}

/// Starts and warms up all, then lets each take its turn in each round.
pub fn take(
    programs: &Programs,
    step: &str,
    size: Size,
    contestants: &[Contestant],
    effort: Effort,
) -> Result<Vec<Turns>> {
    let mut ready = Vec::new();
    for &contestant in contestants {
        let name = match contestant.side {
            Side::Ours => format!("{step}: ours"),
            Side::Peer(options) => format!("{step}: PyTorch, {options}"),
        };
        eprintln!("{name}, threads: {} ...", contestant.threads);
        let mut command = programs.command(step, size, contestant);
        let (mut worker, facts) = Worker::start(&name, &mut command)?;
        ready.push(Ready {
            contestant,
            steps: worker.warm_up(effort.turn)?,
            worker,
            facts,
            seconds: Rounds::new(),
            others: 0.0,
        });
    }
    for round in 1..=effort.rounds {
        eprintln!("{step}: round {round} of {}", effort.rounds);
        for ready in &mut ready {
            ready.take_turn()?;
        }
    }
    ready.into_iter().map(Ready::finish).collect()
}

/// A worker that is warm.
struct Ready {
    contestant: Contestant,
    worker: Worker,
    facts: Value,
    /// Steps of a turn.
    steps: usize,
    seconds: Rounds,
    others: f64,
}

impl Ready {
    fn take_turn(&mut self) -> Result<()> {
        let before = Ticks::now(self.worker.id());
        self.seconds.push(self.worker.run(self.steps)?);
        if let (Some(before), Some(after)) = (before, Ticks::now(self.worker.id())) {
            self.others = self.others.max(after.others_since(before));
        }
        Ok(())
    }

    fn finish(self) -> Result<Turns> {
        Ok(Turns {
            contestant: self.contestant,
            seconds: self.seconds,
            memory: self.worker.quit()?,
            others: self.others,
            facts: self.facts,
        })
    }
}

/// A warning if others had one of these shares of the processor time of a turn.
pub fn noise(others: impl Iterator<Item = f64>) -> Option<String> {
    let others = others.fold(0.0, f64::max);
    (others > QUIET).then(|| {
        format!(
            "others had {:.0} % of the processor time of a turn: the machine is not quiet, and these ratios are not to be believed",
            100.0 * others
        )
    })
}

/// The machine as our worker tells it, with the packages that PyTorch's tells.
pub fn facts(turns: &[Turns]) -> Value {
    let of = |ours: bool| {
        turns
            .iter()
            .find(|turns| (turns.contestant.side == Side::Ours) == ours)
            .map_or(Value::Null, |turns| turns.facts.clone())
    };
    let mut facts = of(true);
    facts["packages"] = of(false)["packages"].clone();
    facts
}
