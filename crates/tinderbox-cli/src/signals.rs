//! Ctrl-C and SIGTERM: the first ends a run cleanly, the second at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tinderbox::train::StopFlag;

use crate::error::CliError;
use crate::output;

/// Listens for signals for as long as the process lives.
#[derive(Debug, Clone, Default)]
pub struct StopSignals {
    /// What the trainer looks at between steps.
    pub flag: StopFlag,
    /// Whether there are steps to end; without, a signal ends the process at once.
    in_steps: Arc<AtomicBool>,
    /// The command that goes on where a signal ends the process at once.
    resume: Arc<Mutex<Option<String>>>,
}

impl StopSignals {
    /// Starts to listen.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn listen() -> Result<Self, CliError> {
        let stop = Self::default();
        let refused = |error: std::io::Error| CliError::Run(Box::new(error));
        let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(refused)?;
        let listener = stop.clone();
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                signals
                    .forever()
                    .for_each(|signal| listener.receive(signal))
            })
            .map_err(refused)?;
        Ok(stop)
    }

    fn receive(&self, signal: i32) {
        let say = |text: &str| output::print(std::io::stderr().lock(), text);
        let first = self.flag.swap(signal, Ordering::Relaxed) == 0;
        if first && self.in_steps.load(Ordering::Relaxed) {
            say("\nstopping after this step, then saving; once more to stop at once\n");
            return;
        }
        // Files are written whole or not at all, so that leaving at any instant is safe.
        let resume = self.resume.lock().unwrap_or_else(PoisonError::into_inner);
        say(&match &*resume {
            Some(command) => format!("\nstopped; go on with: {command}\n"),
            None => "\nstopped\n".to_string(),
        });
        signal_hook::low_level::exit(128 + signal);
    }

    /// Names the command that goes on with what is being done.
    pub fn set_resume(&self, command: String) {
        *self.resume.lock().unwrap_or_else(PoisonError::into_inner) = Some(command);
    }

    /// Says that from now on, or no longer, a signal is to end the step in hand first.
    pub fn set_in_steps(&self, in_steps: bool) {
        self.in_steps.store(in_steps, Ordering::Relaxed);
    }
}
