//! `--scaling`: the steps in several sizes on one thread and on two, as a Markdown table.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::ratio::{overall, ratio};
use super::turns::{Contestant, Effort, Programs, Side, Size, Turns, facts, noise, take};

/// Sizes of a step.
struct Scale {
    step: &'static str,
    /// PyTorch as it comes, and one option.
    options: [&'static str; 2],
    /// Batch and length.
    sizes: &'static [(usize, usize)],
}

const THREADS: [usize; 2] = [1, 2];

const SCALES: &[Scale] = &[
    Scale {
        step: "simclr-cnn",
        options: ["eager", "channels-last"],
        sizes: &[(16, 0), (64, 0), (128, 0), (256, 0)],
    },
    Scale {
        step: "simclr-resnet18",
        options: ["eager", "channels-last"],
        sizes: &[(16, 0), (64, 0), (128, 0), (256, 0)],
    },
    Scale {
        step: "mlm-bert-mini",
        options: ["eager", "masked-only"],
        sizes: &[
            (16, 64),
            (16, 128),
            (16, 256),
            (16, 512),
            (64, 128),
            (256, 128),
        ],
    },
    Scale {
        step: "mae-vit",
        options: ["eager", "compiled"],
        // Lengths are squares: images of 32, 64 and 88 pixels a side.
        sizes: &[(16, 64), (16, 256), (16, 484), (64, 64), (256, 64)],
    },
];

/// Measures the steps whose name holds `filter`.
pub fn run(programs: &Programs, filter: &str, effort: Effort, folder: &Path) -> Result<()> {
    let mut text = String::new();
    let mut results = Vec::new();
    for scale in SCALES.iter().filter(|scale| scale.step.contains(filter)) {
        let contestants = scale.contestants();
        for &(batch, length) in scale.sizes {
            let size = Size { batch, length };
            let turns = take(programs, scale.step, size, &contestants, effort)?;
            if text.is_empty() {
                text = head(&facts(&turns));
            }
            text += &scale.lines(size, &turns);
            if let Some(warning) = noise(turns.iter().map(|turns| turns.others)) {
                eprintln!("{}: {warning}", scale.step);
            }
            results.push(scale.to_json(size, &turns));
            // After each size: it takes long, and a run that is cut short leaves what it has.
            std::fs::write(folder.join("scaling.md"), &text)?;
            let document = serde_json::to_vec_pretty(&results)?;
            std::fs::write(folder.join("scaling.json"), document)?;
        }
    }
    if results.is_empty() {
        let names: Vec<&str> = SCALES.iter().map(|scale| scale.step).collect();
        bail!("no step is called so; there are {}", names.join(", "));
    }
    println!(
        "\n{text}\nwritten to {}",
        folder.join("scaling.md").display()
    );
    Ok(())
}

/// Facts and the head of the table.
fn head(facts: &Value) -> String {
    let mut text = String::new();
    for name in ["cpu", "cores", "packages"] {
        let value = facts[name].to_string();
        writeln!(text, "{name}: {}  ", value.trim_matches('"')).expect("a string takes all");
    }
    text + "\n| step | batch | length | threads | ours, ms | gain | PyTorch, ms | gain | ratio | option | ms | ratio | others |\n\
            |---|---|---|---|---|---|---|---|---|---|---|---|---|\n"
}

impl Scale {
    fn contestants(&self) -> Vec<Contestant> {
        let [plain, option] = self.options.map(Side::Peer);
        THREADS
            .iter()
            .flat_map(|&threads| {
                [Side::Ours, plain, option].map(|side| Contestant { side, threads })
            })
            .collect()
    }

    /// A line for each number of threads. A gain is over one thread.
    fn lines(&self, size: Size, turns: &[Turns]) -> String {
        let by = |side, threads| &find(turns, side, threads).seconds;
        let [plain, option] = self.options.map(Side::Peer);
        let mut text = String::new();
        for threads in THREADS {
            let milliseconds = |side| 1e3 * overall(by(side, threads));
            let gain = |side| ratio(by(side, threads), by(side, THREADS[0])).value;
            let against = |side| {
                let ratio = ratio(by(Side::Ours, threads), by(side, threads));
                format!("{:.2} ({:.2}..{:.2})", ratio.value, ratio.least, ratio.most)
            };
            let others = [Side::Ours, plain, option]
                .map(|side| find(turns, side, threads).others)
                .into_iter()
                .fold(0.0, f64::max);
            let length = match size.length {
                0 => String::new(),
                length => length.to_string(),
            };
            writeln!(
                text,
                "| {} | {} | {length} | {threads} | {:.1} | {:.2} | {:.1} | {:.2} | {} | {} | {:.1} | {} | {:.0} % |",
                self.step,
                size.batch,
                milliseconds(Side::Ours),
                gain(Side::Ours),
                milliseconds(plain),
                gain(plain),
                against(plain),
                self.options[1],
                milliseconds(option),
                against(option),
                100.0 * others,
            )
            .expect("a string takes all");
        }
        text
    }

    fn to_json(&self, size: Size, turns: &[Turns]) -> Value {
        let sides: Vec<Value> = turns
            .iter()
            .map(|turns| {
                json!({
                    "side": match turns.contestant.side {
                        Side::Ours => "ours",
                        Side::Peer(options) => options,
                    },
                    "threads": turns.contestant.threads,
                    "seconds": turns.seconds,
                    "peak_bytes": turns.memory.peak,
                    "others": turns.others,
                })
            })
            .collect();
        json!({"step": self.step, "batch": size.batch, "length": size.length, "sides": sides})
    }
}

fn find(turns: &[Turns], side: Side, threads: usize) -> &Turns {
    let wanted = Contestant { side, threads };
    turns
        .iter()
        .find(|turns| turns.contestant == wanted)
        .expect("every side takes turns with every number of threads")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::worker::Memory;

    #[test]
    fn a_line_has_both_gains_and_both_ratios() {
        let scale = &SCALES[0];
        let turns: Vec<Turns> = scale
            .contestants()
            .into_iter()
            .zip([8.0, 12.0, 10.0, 4.0, 8.0, 4.0])
            .map(|(contestant, milliseconds)| Turns {
                contestant,
                seconds: vec![vec![milliseconds / 1e3]],
                memory: Memory {
                    peak: None,
                    libraries: None,
                },
                others: 0.0,
                facts: Value::Null,
            })
            .collect();
        let size = Size {
            batch: 16,
            length: 0,
        };
        let lines = scale.lines(size, &turns);
        let second = lines.lines().nth(1).unwrap();
        let expected = "| simclr-cnn | 16 |  | 2 | 4.0 | 2.00 | 8.0 | 1.50 | 2.00 (2.00..2.00) | channels-last | 4.0 | 1.00 (1.00..1.00) | 0 % |";
        assert_eq!(second, expected);
        let columns = |line: &str| line.matches('|').count();
        let head = head(&json!({}));
        assert_eq!(columns(head.lines().last().unwrap()), columns(second));
    }
}
