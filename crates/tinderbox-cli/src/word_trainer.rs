//! Training of word vectors that can be stopped and gone on with.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tinderbox::nn::{WordVectors, WordVectorsError};
use tinderbox::train::TrainError;
use tinderbox::train::word_vectors::{GloveTrainer, Word2VecTrainer};

use crate::error::CliError;
use crate::output::escaped;
use crate::progress::{Progress, ProgressMode};
use crate::session::Context;
use crate::signals::StopSignals;

/// The least time from one saving of the state to the next.
const SAVE_EVERY: Duration = Duration::from_secs(60);

/// A host trainer of word vectors, of either kind.
pub trait WordTrainer {
    /// What it counts, several of them.
    const UNIT: &'static str;

    /// Trains a little, unless all is done.
    fn advance(&mut self) -> Option<Advance>;

    /// Writes its state.
    ///
    /// # Errors
    /// If it cannot be written.
    fn save(&self, path: &Path) -> Result<(), TrainError>;

    /// Goes on from a state.
    ///
    /// # Errors
    /// If it is of another training.
    fn resume(&mut self, path: &Path) -> Result<(), TrainError>;

    /// The vectors so far.
    ///
    /// # Errors
    /// Vectors that are not finite.
    fn vectors(&self) -> Result<WordVectors, WordVectorsError>;
}

/// How far a training is.
pub struct Advance {
    done: u64,
    total: u64,
    loss: f64,
}

/// What the trainers have by the same names.
macro_rules! own {
    ($trainer:ident) => {
        fn save(&self, path: &Path) -> Result<(), TrainError> {
            $trainer::save(self, path)
        }

        fn resume(&mut self, path: &Path) -> Result<(), TrainError> {
            $trainer::resume(self, path)
        }

        fn vectors(&self) -> Result<WordVectors, WordVectorsError> {
            $trainer::vectors(self)
        }
    };
}

impl WordTrainer for Word2VecTrainer<'_> {
    const UNIT: &'static str = "words";

    own!(Word2VecTrainer);

    fn advance(&mut self) -> Option<Advance> {
        let at = self.round()?;
        Some(Advance {
            done: at.words,
            total: at.total_words,
            loss: at.loss.unwrap_or(f64::NAN),
        })
    }
}

impl WordTrainer for GloveTrainer<'_> {
    const UNIT: &'static str = "epochs";

    own!(GloveTrainer);

    fn advance(&mut self) -> Option<Advance> {
        let at = self.epoch()?;
        Some(Advance {
            done: at.epochs,
            total: at.total_epochs,
            loss: at.loss,
        })
    }
}

/// The file of the state beside that of the vectors.
pub fn state_path(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".state");
    name.into()
}

/// Trains to the end, from the state beside `out` on `--resume`. The state is saved now and then and when a signal asks to stop, and is gone
/// in the end.
///
/// # Errors
/// [`CliError::Interrupted`] after a signal; a state that cannot be read or written.
pub fn train_to_end<T: WordTrainer>(
    mut trainer: T,
    out: &Path,
    context: Context<'_>,
) -> Result<WordVectors, CliError> {
    let state = state_path(out);
    match context.global.resume {
        true => trainer.resume(&state)?,
        // What `--overwrite` replaces is not to be gone on with.
        false => remove_state(out)?,
    }
    let stop = StopSignals::listen()?;
    stop.set_in_steps(true);
    let mode = ProgressMode::detect(context.output.quiet);
    let mut progress: Option<Progress> = None;
    let (mut saved, mut wait) = (Instant::now(), SAVE_EVERY);
    while let Some(Advance { done, total, loss }) = trainer.advance() {
        let progress = progress.get_or_insert_with(|| Progress::new(total, mode).of(T::UNIT));
        progress.update(done, loss, &[]);
        let signal = stop.flag.load(Ordering::Relaxed);
        if signal == 0 && saved.elapsed() >= wait {
            let begun = Instant::now();
            if let Err(error) = trainer.save(&state) {
                progress.note(&format!(
                    "warning: going on unsaved: {}",
                    escaped(&error.to_string())
                ));
            }
            // Saving is to take little of the time, however large the vectors are.
            wait = SAVE_EVERY.max(20 * begun.elapsed());
            saved = Instant::now();
        }
        if signal != 0 {
            progress.clear();
            trainer.save(&state)?;
            return Err(CliError::Interrupted {
                signal,
                resume: Some(context.resume_command(out)),
            });
        }
    }
    stop.set_in_steps(false);
    if let Some(progress) = progress {
        progress.finish();
    }
    let vectors = trainer.vectors();
    vectors.map_err(|error| CliError::Run(error.into()))
}

/// Takes the state away once the vectors are written.
///
/// # Errors
/// What the file system says.
pub fn remove_state(out: &Path) -> Result<(), CliError> {
    let state = state_path(out);
    match fs::remove_file(&state) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(CliError::io("removing", &state)(error))
        }
        _ => Ok(()),
    }
}
