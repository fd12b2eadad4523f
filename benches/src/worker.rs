//! Takes training steps, or makes views, whenever `cargo xtask bench peers` asks, and waits in between.
//!
//! It writes one JSON object a line: first what it runs on, then an answer to each line that it reads. `run K` takes
//! K steps and answers with the seconds of each; `quit`, or the end of its input, is answered with the peak memory.

use std::cell::RefCell;
use std::error::Error;
use std::io::{BufRead, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use serde_json::{Value, json};
use tinderbox::objectives::Objective;
use tinderbox::train::{FromPlain, Observer, StepReport, StopFlag};

use crate::step::{self, Subject};
use crate::{machine, views};

/// Which step to take.
#[derive(Debug, PartialEq)]
pub(crate) struct Order {
    pub(crate) step: String,
    pub(crate) batch: usize,
    /// Tokens of a sentence, or patches of an image.
    pub(crate) length: usize,
}

/// Builds the step, then answers until there is no more to do.
pub(crate) fn serve(order: &Order) -> Result<(), Box<dyn Error>> {
    match order.step.as_str() {
        "cnn-step" => answer_with(step::cnn(order.batch)),
        "simclr-cnn" => answer_with(step::simclr_cnn(order.batch)),
        "simclr-resnet18" => answer_with(step::simclr_resnet18(order.batch)),
        "mlm-bert-mini" => answer_with(step::mlm_bert_mini(order.batch, order.length)),
        "mae-vit" => answer_with(step::mae_vit(order.batch, order.length)),
        "views-cifar" => answer_with_calls(views::cifar_batch(order.batch)?),
        "views-jpeg" => answer_with_calls(views::jpeg_batch(order.batch)?),
        other => Err(format!("there is no step `{other}`").into()),
    }
}

/// For what is no step of a trainer.
fn answer_with_calls(
    mut call: impl FnMut() -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    answer(&Value::Object(machine::facts()))?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        match parse(&line) {
            Some(Request::Run(count)) => {
                let seconds: Vec<f64> = (0..count)
                    .map(|_| {
                        let start = Instant::now();
                        call()?;
                        Ok(start.elapsed().as_secs_f64())
                    })
                    .collect::<Result<_, Box<dyn Error>>>()?;
                answer(&json!({ "seconds": seconds }))?;
            }
            Some(Request::Quit) => break,
            None => return Err(format!("expected `run K` or `quit`, got {line:?}").into()),
        }
    }
    answer(&json!({"peak_bytes": machine::peak_memory(), "library_bytes": null}))
}

fn answer_with<O>(subject: Subject<O>) -> Result<(), Box<dyn Error>>
where
    O: Objective,
    O::Batch: FromPlain,
{
    answer(&Value::Object(machine::facts()))?;
    let stop = StopFlag::default();
    let failure = RefCell::new(None);
    let mut turns = Turns {
        wanted: 0,
        seconds: Vec::new(),
        began: Instant::now(),
        stop: Arc::clone(&stop),
        failure: &failure,
    };
    turns.wait();
    // The trainer sees the flag before its first step, if the first line was `quit`.
    subject.train(u64::MAX, turns, stop)?;
    if let Some(error) = failure.into_inner() {
        return Err(error);
    }
    answer(&json!({"peak_bytes": machine::peak_memory(), "library_bytes": null}))
}

/// Stands between two steps of the trainer while no turn is ours.
struct Turns<'a> {
    wanted: usize,
    seconds: Vec<f64>,
    began: Instant,
    stop: StopFlag,
    failure: &'a RefCell<Option<Box<dyn Error>>>,
}

impl Observer for Turns<'_> {
    fn step(&mut self, _report: &StepReport) {
        self.seconds.push(self.began.elapsed().as_secs_f64());
        if self.seconds.len() == self.wanted {
            let seconds = std::mem::take(&mut self.seconds);
            match answer(&json!({ "seconds": seconds })) {
                Ok(()) => self.wait(),
                Err(error) => self.end(Some(error)),
            }
        }
        self.began = Instant::now();
    }
}

impl Turns<'_> {
    /// Until the next turn, or the end.
    fn wait(&mut self) {
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        match (read, parse(&line)) {
            (Err(error), _) => self.end(Some(error.into())),
            (Ok(_), Some(Request::Run(steps))) => self.wanted = steps,
            (Ok(0), _) | (Ok(_), Some(Request::Quit)) => self.end(None),
            (Ok(_), None) => {
                let error = format!("expected `run K` or `quit`, got {line:?}");
                self.end(Some(error.into()));
            }
        }
        self.began = Instant::now();
    }

    fn end(&mut self, failure: Option<Box<dyn Error>>) {
        *self.failure.borrow_mut() = failure;
        self.stop.store(1, Ordering::Relaxed);
    }
}

#[derive(Debug, PartialEq)]
enum Request {
    Run(usize),
    Quit,
}

fn parse(line: &str) -> Option<Request> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        ["run", steps] => {
            let steps = steps.parse().ok().filter(|steps| *steps > 0)?;
            Some(Request::Run(steps))
        }
        ["quit"] => Some(Request::Quit),
        _ => None,
    }
}

fn answer(value: &Value) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{value}")?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_asks_for_steps_or_the_end() {
        assert_eq!(parse("run 3\n"), Some(Request::Run(3)));
        assert_eq!(parse("quit\n"), Some(Request::Quit));
        for line in ["", "run", "run 0", "run -1", "run 1 2", "stop"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
