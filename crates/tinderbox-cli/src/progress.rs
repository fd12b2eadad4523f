//! Progress of a run on stderr: a bar on a terminal, else a line now and then.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::print;
use crate::table::{duration, tidy};

/// Without a terminal, at most one line in this time.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgressMode {
    /// A bar that is redrawn.
    Bar,
    /// A line at most every 30 seconds.
    Lines,
    /// Nothing.
    Silent,
}

impl ProgressMode {
    /// A bar on a terminal, else lines; nothing if quiet.
    pub fn detect(quiet: bool) -> Self {
        if quiet {
            Self::Silent
        } else if io::stderr().is_terminal() {
            Self::Bar
        } else {
            Self::Lines
        }
    }
}

/// Progress through a known number of steps, or of longer parts.
#[derive(Debug)]
pub struct Progress {
    mode: ProgressMode,
    /// What is counted, several of them.
    unit: &'static str,
    bar: ProgressBar,
    total: u64,
    first: Option<(u64, Instant)>,
    /// The part in hand: what it is, which number, and when it began.
    part: Option<(String, u64, Instant)>,
    /// Parts that were done before.
    passed: u64,
    last_line: Option<Instant>,
    /// Figures that come now and then and stay until the next, such as kNN accuracy.
    kept: Vec<(String, String)>,
}

impl Progress {
    /// Progress towards `total` steps.
    pub fn new(total: u64, mode: ProgressMode) -> Self {
        let target = match mode {
            ProgressMode::Bar => ProgressDrawTarget::stderr_with_hz(8),
            _ => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        let style = ProgressStyle::with_template("{bar:24} {pos}/{len}  {msg}");
        if let Ok(style) = style {
            bar.set_style(style.progress_chars("━╸ "));
        }
        Self {
            mode,
            unit: "steps",
            bar,
            total,
            first: None,
            part: None,
            passed: 0,
            last_line: None,
            kept: Vec::new(),
        }
    }

    /// The same of something else than steps.
    pub fn of(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }

    /// Shows that `step` steps are done, with the loss and further figures, each as it is to be read. A figure is shown
    /// until another of its name comes.
    pub fn update(&mut self, step: u64, loss: f64, extra: &[(&str, String)]) {
        if self.mode == ProgressMode::Silent {
            return;
        }
        for (name, value) in extra {
            match self.kept.iter_mut().find(|(kept, _)| kept == name) {
                Some((_, kept)) => kept.clone_from(value),
                None => self.kept.push((name.to_string(), value.clone())),
            }
        }
        let now = Instant::now();
        // The first step, which warms up, is not timed; nor is what was done before a resume.
        let (first_step, first_time) = *self.first.get_or_insert((step, now));
        let seconds = now.duration_since(first_time).as_secs_f64();
        let message = message(
            self.unit,
            step - first_step.min(step),
            self.total.saturating_sub(step),
            seconds,
            loss,
            &self.kept,
        );
        self.show(step, self.unit.trim_end_matches('s'), message, now);
    }

    /// Shows that another part has begun, such as one training of several.
    pub fn part(&mut self, what: &str) {
        let now = Instant::now();
        let begun = self
            .part
            .as_ref()
            .map_or(self.passed, |(_, number, _)| *number)
            + 1;
        self.first.get_or_insert((begun, now));
        self.part = Some((what.to_string(), begun, now));
        let message = format!("{what}{}", self.left(now, 0.0));
        self.show(begun, "part", message, now);
    }

    /// Passes over a part that was done before.
    pub fn pass(&mut self) {
        match &mut self.part {
            Some((_, number, _)) => *number += 1,
            None => self.passed += 1,
        }
        if let Some((first, _)) = &mut self.first {
            *first += 1;
        }
    }

    /// Shows that so many steps of the part in hand are done.
    pub fn within(&mut self, step: u64, steps: u64) {
        let now = Instant::now();
        let Some((what, number, begun)) = &self.part else {
            return;
        };
        let seconds = now.duration_since(*begun).as_secs_f64().max(1e-9);
        let (speed, number) = (tidy_rate(step as f64 / seconds), *number);
        let left = self.left(now, step as f64 / steps as f64);
        let message = format!("{what}: step {step} of {steps}, {speed} steps/s{left}");
        self.show(number, "part", message, now);
    }

    /// The time left if all parts take as long as those so far; none before the third.
    fn left(&self, now: Instant, share: f64) -> String {
        let (Some((first, start)), Some((_, number, _))) = (self.first, &self.part) else {
            return String::new();
        };
        let done = (number - first) as f64 + share;
        if done < 2.0 {
            return String::new();
        }
        let spent = now.duration_since(start).as_secs_f64();
        let left = self.total.saturating_sub(*number) as f64 + 1.0 - share;
        format!(", about {} left", duration(spent / done * left))
    }

    fn show(&mut self, position: u64, unit: &str, message: String, now: Instant) {
        match self.mode {
            ProgressMode::Bar => {
                self.bar.set_position(position);
                self.bar.set_message(message);
            }
            ProgressMode::Lines => {
                let due = self
                    .last_line
                    .is_none_or(|last| now.duration_since(last) >= LINE_EVERY);
                if due {
                    self.last_line = Some(now);
                    let line = format!("{unit} {position}/{}  {message}\n", self.total);
                    print(io::stderr().lock(), &line);
                }
            }
            ProgressMode::Silent => {}
        }
    }

    /// Prints a line without disturbing the bar.
    pub fn note(&self, text: &str) {
        match self.mode {
            ProgressMode::Bar => {
                self.bar
                    .suspend(|| print(io::stderr().lock(), &format!("{text}\n")));
            }
            ProgressMode::Lines => print(io::stderr().lock(), &format!("{text}\n")),
            ProgressMode::Silent => {}
        }
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// Ends the progress, and takes the bar away.
    pub fn finish(self) {
        self.clear();
    }
}

fn message(
    unit: &str,
    done: u64,
    left: u64,
    seconds: f64,
    loss: f64,
    kept: &[(String, String)],
) -> String {
    let mut parts = Vec::new();
    if done > 0 && seconds > 0.0 {
        let rate = done as f64 / seconds;
        parts.push(format!("{} {unit}/s", tidy_rate(rate)));
        parts.push(format!("{} left", duration(left as f64 / rate)));
    }
    parts.push(format!("loss {}", tidy(loss)));
    for (name, value) in kept {
        parts.push(format!("{name} {value}"));
    }
    parts.join("  ")
}

fn tidy_rate(rate: f64) -> String {
    if rate < 10.0 {
        format!("{rate:.2}")
    } else {
        format!("{rate:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_shows_speed_time_left_loss_and_figures() {
        let kept = [("kNN".to_string(), "97.3 %".to_string())];
        assert_eq!(
            message("steps", 50, 100, 10.0, 2.345_67, &kept),
            "5.00 steps/s  20 s left  loss 2.346  kNN 97.3 %"
        );
        assert_eq!(message("words", 0, 100, 0.0, 1.0, &[]), "loss 1");
    }

    #[test]
    fn parts_are_counted() {
        let mut progress = Progress::new(3, ProgressMode::Lines);
        progress.pass();
        progress.part("one");
        progress.part("two");
        progress.within(3, 10);
        assert_eq!(progress.part.as_ref().unwrap().1, 3);
        assert_eq!(progress.first.unwrap().0, 2);
        progress.finish();
    }

    #[test]
    fn figures_stay_until_the_next() {
        let mut progress = Progress::new(10, ProgressMode::Lines);
        progress.update(1, 1.0, &[("kNN", "50.0 %".into())]);
        progress.update(2, 1.0, &[]);
        progress.update(3, 1.0, &[("kNN", "60.0 %".into())]);
        assert_eq!(progress.kept, [("kNN".to_string(), "60.0 %".to_string())]);
        progress.finish();
    }
}
