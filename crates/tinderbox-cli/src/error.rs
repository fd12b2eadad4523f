//! Errors of the program, and the exit code of each.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};

use tinderbox::data::DataError;
use tinderbox::nn::NnConfigError;
use tinderbox::objectives::ObjectiveConfigError;
use tinderbox::train::{TrainConfigError, TrainError};

use crate::device::DeviceError;
use crate::recipe::{Change, RecipeErrors};

/// Why the program ends.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command line does not make sense.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do instead.
        help: Option<String>,
    },
    /// The recipe has faults.
    #[error(transparent)]
    Recipe(#[from] RecipeErrors),
    /// No recipe goes by that name.
    #[error("`{name}` is neither a file nor a recipe of the program")]
    RecipeNotFound {
        /// What was asked for.
        name: String,
        /// The nearest name.
        near: Option<String>,
        /// All names.
        known: Vec<&'static str>,
    },
    /// The device cannot be used.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The data cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A loss or a gradient is not finite.
    #[error("{message}")]
    NotFinite {
        /// Where and what.
        message: String,
        /// The command that replays the step.
        replay: Option<String>,
    },
    /// The run directory exists.
    #[error("{} exists", path.display())]
    RunExists {
        /// The directory.
        path: PathBuf,
    },
    /// Another process works on the run directory, or it cannot be resumed.
    #[error("{message}")]
    Refused {
        /// Why.
        message: String,
        /// What to do instead.
        help: Option<String>,
    },
    /// The recipe differs from the one the run began with, in keys that may not change.
    #[error("the recipe differs from the one that {} began with", path.display())]
    RecipeChanged {
        /// The run directory.
        path: PathBuf,
        /// What differs, of which some may not.
        changes: Vec<Change>,
    },
    /// A file cannot be read or written.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was tried, such as "reading".
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Anything else that fails at run time.
    #[error(transparent)]
    Run(Box<dyn Error + Send + Sync>),
    /// A signal ended the run, after all was saved.
    #[error("stopped by {}", if *signal == 2 { "Ctrl-C" } else { "SIGTERM" })]
    Interrupted {
        /// The signal's number, 2 or 15.
        signal: i32,
        /// The command that goes on.
        resume: Option<String>,
    },
}

impl From<TrainError> for CliError {
    fn from(error: TrainError) -> Self {
        let message = error.to_string();
        match error {
            TrainError::Config(error) => error.into(),
            TrainError::Data(error) => Self::Data(error),
            TrainError::Stopped { signal } => Self::Interrupted {
                signal,
                resume: None,
            },
            TrainError::NotFinite { saved, .. } => Self::NotFinite {
                message,
                replay: saved.map(|path| {
                    format!("tinderbox replay {}", quoted(&path.display().to_string()))
                }),
            },
            TrainError::Exists { path } => Self::RunExists { path },
            TrainError::Locked { .. } => Self::Refused {
                message,
                help: Some("wait for it, or choose another directory with `--out`".into()),
            },
            TrainError::NoCheckpoint { .. } | TrainError::Incompatible { .. } => Self::Refused {
                message,
                help: None,
            },
            other => Self::Run(Box::new(other)),
        }
    }
}

impl From<TrainConfigError> for CliError {
    fn from(error: TrainConfigError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<NnConfigError> for CliError {
    fn from(error: NnConfigError) -> Self {
        Self::usage(format!("`encoder`: {error}"))
    }
}

impl From<ObjectiveConfigError> for CliError {
    fn from(error: ObjectiveConfigError) -> Self {
        Self::usage(format!("`objective`: {error}"))
    }
}

/// A word as a shell takes it.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_string()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

impl CliError {
    /// A fault of the command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            help: None,
        }
    }

    /// Attaches what was tried, and where, to an input or output error.
    pub fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    /// Attaches the file that was read to an error.
    pub fn reading(path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        Self::io("reading", path)
    }

    /// Attaches the file that was written to an error.
    pub fn writing(path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        Self::io("writing", path)
    }

    /// The exit code, as the program's help lists them.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Io { .. } | Self::Run(_) => 1,
            Self::Device(
                DeviceError::NoSuchIndex { .. }
                | DeviceError::Unreachable { .. }
                | DeviceError::Wrong { .. },
            ) => 1,
            Self::Usage { .. }
            | Self::Recipe(_)
            | Self::RecipeNotFound { .. }
            | Self::Device(_) => 2,
            Self::Data(_) => 3,
            Self::NotFinite { .. } => 4,
            Self::RunExists { .. } | Self::Refused { .. } | Self::RecipeChanged { .. } => 5,
            Self::Interrupted { signal, .. } => 128 + *signal as u8,
        }
    }

    /// A word for scripts to tell errors apart by.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Usage { .. } => "usage",
            Self::Recipe(_) | Self::RecipeNotFound { .. } => "recipe",
            Self::Device(_) => "device",
            Self::Data(_) => "data",
            Self::NotFinite { .. } => "not-finite",
            Self::RunExists { .. } => "run-exists",
            Self::Refused { .. } => "refused",
            Self::RecipeChanged { .. } => "recipe-changed",
            Self::Io { .. } => "io",
            Self::Run(_) => "run",
            Self::Interrupted { .. } => "interrupted",
        }
    }

    /// The same with the command that goes on, if a signal ended the run.
    pub fn with_resume(self, command: impl FnOnce() -> String) -> Self {
        match self {
            Self::Interrupted { signal, .. } => Self::Interrupted {
                signal,
                resume: Some(command()),
            },
            other => other,
        }
    }

    /// What the user can do about it.
    pub fn advice(&self) -> Option<String> {
        match self {
            Self::Usage { help, .. } | Self::Refused { help, .. } => help.clone(),
            Self::RecipeNotFound { near, known, .. } => Some(match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("recipes of the program: {}", known.join(", ")),
            }),
            Self::NotFinite { replay, .. } => replay
                .as_ref()
                .map(|replay| format!("look into the step with `{replay}`")),
            Self::RunExists { .. } => Some(
                "go on with it by `--resume`, replace it by `--overwrite`, or name another with \
                 `--out`"
                    .to_string(),
            ),
            Self::RecipeChanged { .. } => Some(
                "on resume only `threads`, `eval`, `checkpoint`, `out` and a device of the same \
                 kind may change; begin a new run with `--out`"
                    .to_string(),
            ),
            Self::Interrupted { resume, .. } => resume
                .as_ref()
                .map(|resume| format!("go on with `{resume}`")),
            Self::Data(DataError::Io { path, source })
                if path.is_relative() && source.kind() == io::ErrorKind::NotFound =>
            {
                let here = std::env::current_dir().ok()?;
                Some(format!(
                    "relative paths begin in the folder that the program is called in, {}",
                    here.display()
                ))
            }
            Self::Data(DataError::TooFew { items, .. }) => Some(format!(
                "a batch has at most {items} items here: lower `train.batch`, or name more data"
            )),
            _ => None,
        }
    }

    /// Single lines that say more: the faults of a recipe, the keys that changed.
    pub fn details(&self) -> Vec<String> {
        match self {
            Self::Recipe(errors) => errors.lines(),
            Self::RecipeChanged { changes, .. } => changes
                .iter()
                .map(|change| {
                    let mark = if change.allowed {
                        "may change"
                    } else {
                        "may not change"
                    };
                    format!("{change} ({mark})")
                })
                .collect(),
            _ => {
                let mut causes = Vec::new();
                let mut cause = self.source();
                while let Some(error) = cause {
                    // Transparent errors repeat themselves.
                    let text = error.to_string();
                    if !self.to_string().contains(&text) {
                        causes.push(text);
                    }
                    cause = error.source();
                }
                causes
            }
        }
    }

    /// The error for scripts, as `--json` prints it.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "error": {
                "code": self.exit_code(),
                "kind": self.kind(),
                "message": self.to_string(),
                "help": self.advice(),
                "details": self.details(),
            }
        })
    }

    /// The error for people. `fancy` uses colour and line drawing.
    pub fn render(&self, fancy: bool) -> String {
        let theme = if fancy {
            GraphicalTheme::unicode()
        } else {
            GraphicalTheme::none()
        };
        let handler = GraphicalReportHandler::new_themed(theme).with_width(100);
        let mut text = String::new();
        let written = match self {
            Self::Recipe(errors) if errors.can_be_underlined() => {
                handler.render_report(&mut text, errors)
            }
            other => handler.render_report(&mut text, &Plain(other)),
        };
        match written {
            Ok(()) => text,
            Err(_) => format!("error: {self}\n"),
        }
    }
}

/// An error without a source text.
#[derive(Debug)]
struct Plain<'a>(&'a CliError);

impl std::fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        for line in self.0.details() {
            write!(f, "\n  {line}")?;
        }
        Ok(())
    }
}

impl Error for Plain<'_> {}

impl Diagnostic for Plain<'_> {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.0
            .advice()
            .map(|text| Box::new(text) as Box<dyn std::fmt::Display>)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_help() {
        let cases = [
            (CliError::usage("x"), 2),
            (CliError::Data(DataError::TooFew { items: 1, batch: 2 }), 3),
            (CliError::Run("x".into()), 1),
            (
                CliError::RunExists {
                    path: "runs/x".into(),
                },
                5,
            ),
            (
                CliError::Interrupted {
                    signal: 2,
                    resume: None,
                },
                130,
            ),
            (
                CliError::Interrupted {
                    signal: 15,
                    resume: None,
                },
                143,
            ),
            (
                CliError::NotFinite {
                    message: "x".into(),
                    replay: None,
                },
                4,
            ),
        ];
        for (error, code) in cases {
            assert_eq!(error.exit_code(), code, "{error}");
        }
    }

    #[test]
    fn an_error_renders_with_advice_and_as_json() {
        let error = CliError::RunExists {
            path: "runs/x".into(),
        };
        let text = error.render(false);
        assert!(
            text.contains("runs/x exists") && text.contains("--overwrite"),
            "{text}"
        );
        let json = error.to_json();
        assert_eq!(json["error"]["code"], 5);
        assert_eq!(json["error"]["kind"], "run-exists");
    }

    #[test]
    fn changed_keys_are_listed() {
        let change = Change {
            key: "optim.lr".into(),
            old: Some("0.1".into()),
            new: Some("0.2".into()),
            allowed: false,
        };
        let error = CliError::RecipeChanged {
            path: "runs/x".into(),
            changes: vec![change],
        };
        assert!(
            error
                .render(false)
                .contains("optim.lr: 0.1 -> 0.2 (may not change)")
        );
    }
}
