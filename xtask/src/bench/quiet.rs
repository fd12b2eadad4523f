//! How much of the machine others use while a worker computes. PyTorch's threads wait for each other at every
//! operation, so that a busy machine slows them by factors and makes ratios that are not to be believed.

use std::io::Read;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::shell;

/// Runs to the end; gives what it printed, and the share of processor time that others had meanwhile.
pub fn output(command: &mut Command) -> Result<(String, Option<f64>)> {
    let line = shell::describe(command);
    println!("$ {line}");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{line}`"))?;
    let before = Ticks::now(child.id());
    let mut printed = String::new();
    let mut out = child.stdout.take().expect("it is piped");
    out.read_to_string(&mut printed)
        .with_context(|| format!("`{line}` did not print UTF-8"))?;
    // It ends, but its times can be read until it is waited for.
    let after = Ticks::now(child.id());
    let status = child.wait()?;
    if !status.success() {
        bail!("`{line}` ended with {status}");
    }
    let others = before.zip(after);
    Ok((
        printed,
        others.map(|(before, after)| after.others_since(before)),
    ))
}

/// Processor time in ticks: what the whole machine spent, and one process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ticks {
    machine: u64,
    process: u64,
}

impl Ticks {
    /// Up to now; `None` where there is no Linux to tell.
    pub fn now(process: u32) -> Option<Self> {
        let machine = std::fs::read_to_string("/proc/stat").ok()?;
        let process = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        Some(Self {
            machine: busy(&machine)?,
            process: own(&process)?,
        })
    }

    /// Share of the processor time since `before` that was not the process's, from 0 to 1.
    pub fn others_since(self, before: Self) -> f64 {
        let machine = self.machine.saturating_sub(before.machine);
        let process = self.process.saturating_sub(before.process);
        machine.saturating_sub(process) as f64 / machine.max(1) as f64
    }
}

/// All cores' time but for idling and waiting for disks. What a host took away counts as busy.
fn busy(stat: &str) -> Option<u64> {
    let all = stat.lines().next()?.strip_prefix("cpu ")?;
    let fields: Vec<u64> = all
        .split_whitespace()
        .map(|field| field.parse().ok())
        .collect::<Option<_>>()?;
    let [
        user,
        nice,
        system,
        _idle,
        _disk,
        interrupts,
        soft_interrupts,
        stolen,
    ] = *fields.first_chunk()?;
    Some(user + nice + system + interrupts + soft_interrupts + stolen)
}

/// A process's own time, in programs and in the kernel: fields 14 and 15.
fn own(stat: &str) -> Option<u64> {
    // The second field is a name in brackets, which may hold anything.
    let after_name = &stat[stat.rfind(')')? + 1..];
    let mut fields = after_name.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_what_the_machine_did_and_the_process_did_not() {
        let ticks = |machine, process| Ticks { machine, process };
        assert_eq!(ticks(300, 190).others_since(ticks(100, 40)), 0.25);
        assert_eq!(ticks(100, 40).others_since(ticks(100, 40)), 0.0);
        // The two are not read at the same moment.
        assert_eq!(ticks(200, 141).others_since(ticks(100, 40)), 0.0);
    }

    #[test]
    fn linux_tells_both_times() {
        let stat = "cpu  10 1 5 900 70 2 3 4 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
        assert_eq!(busy(stat), Some(25));
        let stat = "42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 110 7 0 0 20 0";
        assert_eq!(own(stat), Some(117));
        assert_eq!(busy(""), None);
        assert_eq!(own("42 (x) S 1"), None);
    }
}
