//! Results on stdout, notes on stderr. A closed pipe ends the output, not the program.

use std::io::{self, IsTerminal, Write};

use tinderbox::data::Ledger;

/// Where a verb's words go.
#[derive(Debug, Clone, Copy, Default)]
pub struct Output {
    /// Results are JSON, one value on stdout.
    pub json: bool,
    /// No notes, no warnings and no progress.
    pub quiet: bool,
}

impl Output {
    /// Prints text of a result, unless results are JSON.
    pub fn text(&self, text: &str) {
        if !self.json {
            print(io::stdout().lock(), text);
        }
    }

    /// Prints a result for scripts, if results are JSON.
    pub fn json(&self, value: &serde_json::Value) {
        if self.json {
            print(io::stdout().lock(), &format!("{value}\n"));
        }
    }

    /// Says something beside the result, on stderr, unless quiet.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            print(io::stderr().lock(), &format!("{text}\n"));
        }
    }

    /// Says what is not used as it was given, a line each.
    pub fn ledger(&self, ledger: &Ledger) {
        for remark in ledger.remarks() {
            self.note(&format!("note: {}", escaped(&remark.to_string())));
        }
    }

    /// Says something that is likely to be wrong, on stderr, unless quiet.
    pub fn warn(&self, text: &str) {
        self.note(&format!("warning: {text}"));
    }
}

/// Whether stderr is a terminal that takes colour.
pub fn stderr_is_fancy() -> bool {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    io::stderr().is_terminal() && !plain
}

/// Writes text; whoever closed the other end does not want it.
pub fn print(mut to: impl Write, text: &str) {
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}

/// Text from outside, such as a file name, made safe for a terminal: control characters are shown
/// as escapes.
pub fn escaped(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let control = c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c);
            let shown = if control {
                c.escape_unicode().to_string()
            } else {
                c.to_string()
            };
            shown.chars().collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown() {
        assert_eq!(escaped("a\u{1b}[31m\nb ä"), "a\\u{1b}[31m\\u{a}b ä");
    }
}
