//! The trainer: a step-addressed loop over any objective, resumable to the bit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use burn::tensor::Device;
use tinderbox_data::Loader;
use tinderbox_objectives::{Objective, StepContext};

use crate::batch::FromPlain;
use crate::checkpoint::{Best, Checkpoint, CheckpointState, Checkpoints};
use crate::early_stopping::Kept;
use crate::ema::Ema;
use crate::error::{TrainConfigError, TrainError};
use crate::evaluator::Evaluator;
use crate::metrics::{LostFigures, MetricsLog};
use crate::observer::{Observer, Outcome, Resumed, Silent, StepReport, Timing};
use crate::run_dir::RunDir;
use crate::step::{Computed, compute, write_batches};
use crate::trainer_config::TrainerConfig;
use crate::update::{RateFactor, Update, check_ids};

/// File of the objective's parameters and buffers in a checkpoint.
pub const MODEL: &str = "model.bpk";
/// File of the averaged weights in a checkpoint.
pub const EMA: &str = "ema.bpk";
/// File of the best weights in a checkpoint of a run that stops early.
const BEST: &str = "best.bpk";
const OPTIM: &str = "optim.bpk";
pub(crate) const BATCH: &str = "batch.safetensors";

/// One trainer at a time in a process: the CPU device has one random generator for all.
static ONE_TRAINER: Mutex<()> = Mutex::new(());

/// A request to stop: the number of the signal, 0 for none.
pub type StopFlag = Arc<AtomicI32>;

/// Why the objective is there.
const PRESENT: &str = "an update gives the objective back";

/// Trains an objective on what a loader yields.
///
/// Inside a run directory it logs, saves and resumes; without one it trains in memory.
pub struct Trainer<'a, O: Objective> {
    /// None only while it is updated: then nobody else holds its weights, so they change in place.
    objective: Option<O>,
    average: Option<Ema<O>>,
    update: Update,
    loader: Loader,
    device: Device,
    config: TrainerConfig,
    run: Option<(&'a RunDir, MetricsLog)>,
    evaluators: Vec<Box<dyn Evaluator<O> + 'a>>,
    last_evaluators: Vec<Box<dyn Evaluator<O> + 'a>>,
    observer: Box<dyn Observer + 'a>,
    stop: StopFlag,
    step: u64,
    best: Option<Best>,
    kept: Option<Kept<O>>,
    timing: Timing,
}

impl<'a, O> Trainer<'a, O>
where
    O: Objective,
    O::Batch: FromPlain,
{
    /// A trainer without a run directory. `objective` lives on `device`, which has autodiff.
    ///
    /// # Errors
    /// A value of the configuration out of its range, or an objective that holds a clone of a network.
    pub fn new(
        objective: O,
        loader: Loader,
        device: &Device,
        config: TrainerConfig,
    ) -> Result<Self, TrainConfigError> {
        config.validate()?;
        check_ids(&objective)?;
        Ok(Self {
            average: config.ema.map(|decay| Ema::new(&objective, decay)),
            update: Update::new(config.optim.clone(), None),
            objective: Some(objective),
            loader,
            device: device.clone(),
            config,
            run: None,
            evaluators: Vec::new(),
            last_evaluators: Vec::new(),
            observer: Box::new(Silent),
            stop: StopFlag::default(),
            step: 0,
            best: None,
            kept: None,
            timing: Timing::default(),
        })
    }

    /// Adds an evaluator; they run in the order they were added.
    pub fn with_evaluator(mut self, evaluator: impl Evaluator<O> + 'a) -> Self {
        self.evaluators.push(Box::new(evaluator));
        self
    }

    /// Adds an evaluator that speaks once, at the end of the run, of the weights that the run gives: one of test items.
    pub fn with_last_evaluator(mut self, evaluator: impl Evaluator<O> + 'a) -> Self {
        self.last_evaluators.push(Box::new(evaluator));
        self
    }

    /// Sets who watches.
    pub fn with_observer(mut self, observer: impl Observer + 'a) -> Self {
        self.observer = Box::new(observer);
        self
    }

    /// Sets the flag that asks for a stop.
    pub fn with_stop(mut self, stop: StopFlag) -> Self {
        self.stop = stop;
        self
    }

    /// Scales the learning rate by parameter path; 0 freezes a parameter.
    pub fn with_rate_factor(mut self, factor: RateFactor) -> Self {
        self.update = Update::new(self.config.optim.clone(), Some(factor));
        self
    }

    /// Starts a new run in `run`.
    ///
    /// # Errors
    /// What the file system says.
    pub fn start_in(&mut self, run: &'a RunDir) -> Result<(), TrainError> {
        self.run = Some((run, MetricsLog::open(run, None)?));
        Ok(())
    }

    /// Goes on in `run` from its newest checkpoint that verifies, or from the beginning if
    /// there is none.
    ///
    /// # Errors
    /// A checkpoint that does not fit the objective, or what the file system says.
    pub fn resume_in(&mut self, run: &'a RunDir) -> Result<Resumed, TrainError> {
        let (checkpoint, set_aside) = match Checkpoints::of(run.path()).latest() {
            Ok((checkpoint, set_aside)) => (Some(checkpoint), set_aside),
            Err(TrainError::NoCheckpoint { .. }) => (None, Vec::new()),
            Err(error) => return Err(error),
        };
        if let Some(checkpoint) = checkpoint {
            self.restore(checkpoint)?;
        }
        // Before the first step is nothing but an evaluation, which is made again.
        let (log, lost) = match self.step {
            0 => (MetricsLog::open(run, None)?, LostFigures::default()),
            step => MetricsLog::reopen(run, step, self.config.log_every)?,
        };
        self.run = Some((run, log));
        Ok(Resumed {
            step: self.step,
            set_aside,
            lost,
        })
    }

    fn restore(&mut self, mut checkpoint: Checkpoint) -> Result<(), TrainError> {
        if checkpoint.state.total_steps != self.config.steps {
            let reason = format!(
                "it is of a run of {} steps, this one has {}",
                checkpoint.state.total_steps, self.config.steps
            );
            return Err(TrainError::incompatible(&checkpoint.path, reason));
        }
        self.objective = Some(checkpoint.load_module(MODEL, self.objective().clone())?);
        if let Some(average) = &mut self.average {
            average.average = checkpoint.load_module(EMA, average.average.clone())?;
        }
        if let Some(best) = checkpoint.state.kept.clone() {
            let weights = checkpoint.load_module(BEST, self.objective().valid())?;
            self.kept = Some(Kept { best, weights });
        }
        let optim = checkpoint
            .take(OPTIM)
            .ok_or_else(|| TrainError::incompatible(&checkpoint.path, "it has no optimiser"))?;
        self.update
            .load(optim, &self.device.clone().inner())
            .map_err(|reason| TrainError::incompatible(&checkpoint.path, reason))?;
        self.loader.restore_skipped(checkpoint.state.skipped);
        self.step = checkpoint.state.step;
        self.best = checkpoint.state.best;
        Ok(())
    }

    /// Runs to the end or to a stop.
    ///
    /// # Errors
    /// [`TrainError::NotFinite`] before an update that would spoil the weights, a data error,
    /// or what the file system says.
    pub fn run(&mut self) -> Result<Outcome, TrainError> {
        let _one = ONE_TRAINER.lock().unwrap_or_else(PoisonError::into_inner);
        self.loader
            .seek(self.step * u64::from(self.config.accumulate));
        if self.step == 0 && self.config.evaluate_every > 0 {
            self.evaluate()?;
        }
        if self.config.steps == 0 {
            self.evaluate_last()?;
            self.save()?;
        }
        while !self.is_over() {
            let signal = self.stop.load(Ordering::Relaxed);
            if signal != 0 {
                self.save()?;
                return Ok(Outcome::Stopped {
                    signal,
                    step: self.step,
                });
            }
            self.one_step()?;
            let mut last = self.step == self.config.steps;
            let every = self.config.evaluate_every;
            let mut save = self.step.is_multiple_of(self.config.checkpoint.every);
            if last || (every > 0 && self.step.is_multiple_of(every)) {
                save |= self.evaluate()?;
                last = self.is_over();
            }
            if last {
                self.evaluate_last()?;
                save = true;
            }
            if save {
                self.save()?;
            }
        }
        Ok(Outcome::Finished)
    }

    /// Whether all steps are done, or no better evaluation came for long.
    fn is_over(&self) -> bool {
        let early = self.config.early_stopping.as_ref();
        self.step >= self.config.steps
            || early.is_some_and(|early| early.is_over(self.step, self.kept_best()))
    }

    fn objective(&self) -> &O {
        self.objective.as_ref().expect(PRESENT)
    }

    fn one_step(&mut self) -> Result<(), TrainError> {
        let start = Instant::now();
        let waited = self.loader.waited();
        let mut batches = Vec::with_capacity(self.config.accumulate as usize);
        for _ in 0..self.config.accumulate {
            batches.push(self.loader.next_batch()?);
        }
        let at = StepContext {
            step: self.step,
            total_steps: self.config.steps,
            micro_batch: 0,
        };
        // Running statistics move in the forward pass.
        let before = self.objective().clone();
        let computed = compute(
            self.objective(),
            &batches,
            self.config.seed,
            at,
            &self.device,
        );
        for (what, value) in [
            ("loss", computed.loss),
            ("gradient norm", computed.grad_norm),
        ] {
            if !value.is_finite() {
                self.objective = Some(before);
                let saved = self.save_not_finite(&batches)?;
                return Err(TrainError::NotFinite {
                    step: self.step,
                    what,
                    value,
                    saved,
                });
            }
        }
        let Computed {
            loss,
            metrics,
            grads,
            grad_norm,
            carried,
        } = computed;
        let rate =
            self.config.optim.lr() * self.config.schedule.factor(self.step, self.config.steps);
        let clip = match self.config.clip {
            Some(limit) if grad_norm > limit => limit / grad_norm,
            _ => 1.0,
        };
        let scale = clip / f64::from(self.config.accumulate);
        drop(before);
        let objective = self.objective.take().expect(PRESENT);
        let updated = self.update.step(objective, grads, rate, scale);
        let updated = updated.after_update(carried, at);
        if let Some(average) = self.average.take() {
            self.average = Some(average.update(&updated, self.step));
        }
        self.objective = Some(updated);
        self.step += 1;
        self.timing.steps += 1;
        self.timing.training += start.elapsed();
        self.timing.waiting += self.loader.waited() - waited;

        let epoch = self.epoch();
        let report = StepReport {
            step: self.step,
            total_steps: self.config.steps,
            epoch,
            loss,
            grad_norm,
            rate,
        };
        let log_now =
            self.step.is_multiple_of(self.config.log_every) || self.step == self.config.steps;
        if let (true, Some((_, log))) = (log_now, &mut self.run) {
            let mut figures = vec![
                ("loss".to_string(), loss),
                ("grad_norm".to_string(), grad_norm),
                ("rate".to_string(), rate),
            ];
            figures.extend(
                metrics
                    .iter()
                    .map(|(name, value)| (name.to_string(), *value)),
            );
            log.write(self.step, epoch, "train", &figures)?;
            let timing = [
                (
                    "steps_per_second".to_string(),
                    self.timing.steps_per_second(),
                ),
                ("waiting_share".to_string(), self.timing.waiting_share()),
            ];
            log.write_timing(self.step, epoch, &timing)?;
        }
        self.observer.step(&report);
        Ok(())
    }

    fn epoch(&self) -> u64 {
        self.step * u64::from(self.config.accumulate) / self.loader.steps_per_epoch().max(1)
    }

    /// Runs the evaluators; says whether the watched figure has a new best.
    fn evaluate(&mut self) -> Result<bool, TrainError> {
        if self.evaluators.is_empty() {
            return Ok(false);
        }
        let subject = self.current();
        let mut evaluators = std::mem::take(&mut self.evaluators);
        let figures = self.ask(&mut evaluators, &subject);
        self.evaluators = evaluators;
        let figures = figures?;
        if self.step > 0
            && let Some(early) = &self.config.early_stopping
            && let Some(best) = early.better(self.step, &figures, self.kept_best())
        {
            self.kept = Some(Kept {
                best,
                weights: subject,
            });
        }
        let Some(watched) = &self.config.checkpoint.best else {
            return Ok(false);
        };
        let found = figures.iter().find(|(name, _)| *name == watched.name);
        match found {
            Some((name, value)) if self.step > 0 && watched.is_better(*value, self.best()) => {
                self.best = Some(Best {
                    name: name.clone(),
                    value: *value,
                    step: self.step,
                });
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Runs the evaluators of the end, on what the run gives.
    fn evaluate_last(&mut self) -> Result<(), TrainError> {
        let mut evaluators = std::mem::take(&mut self.last_evaluators);
        let asked = match evaluators.is_empty() {
            true => Ok(Vec::new()),
            false => self.ask(&mut evaluators, &self.trained()),
        };
        self.last_evaluators = evaluators;
        asked.map(|_| ())
    }

    /// The figures of some evaluators, logged and told.
    fn ask(
        &mut self,
        evaluators: &mut [Box<dyn Evaluator<O> + 'a>],
        subject: &O,
    ) -> Result<Vec<(String, f64)>, TrainError> {
        let mut figures = Vec::new();
        for evaluator in evaluators {
            let evaluation = evaluator.evaluate(subject)?;
            figures.extend(evaluation.figures);
            for text in evaluation.warnings {
                let text = format!("step {}: {text}", self.step);
                self.observer.warning(&text);
            }
        }
        let epoch = self.epoch();
        if let Some((_, log)) = &mut self.run {
            log.write(self.step, epoch, "eval", &figures)?;
        }
        self.observer.evaluation(self.step, &figures);
        Ok(figures)
    }

    fn state(&self) -> CheckpointState {
        CheckpointState {
            kept: self.kept_best().cloned(),
            ..CheckpointState::new(
                self.step,
                self.config.steps,
                self.best.clone(),
                self.loader.skipped(),
            )
        }
    }

    fn files(&self) -> Result<BTreeMap<String, Vec<u8>>, TrainError> {
        let failed = |error: String| TrainError::incompatible(Path::new(MODEL), error);
        // `valid` first: it settles the running statistics, whose last update is pending.
        let bytes = |module: O| {
            module
                .into_record()
                .into_bytes()
                .map(|bytes| bytes.to_vec())
                .map_err(|error| failed(error.to_string()))
        };
        let mut files = BTreeMap::from([(MODEL.to_string(), bytes(self.objective().valid())?)]);
        if let Some(average) = &self.average {
            files.insert(EMA.to_string(), bytes(average.average.clone())?);
        }
        if let Some(kept) = &self.kept {
            files.insert(BEST.to_string(), bytes(kept.weights.clone())?);
        }
        let optim = self
            .update
            .to_bytes()
            .map_err(|error| failed(error.to_string()))?;
        files.insert(OPTIM.to_string(), optim);
        Ok(files)
    }

    fn save(&mut self) -> Result<(), TrainError> {
        let Some((run, log)) = &self.run else {
            return Ok(());
        };
        log.sync()?;
        let checkpoints = Checkpoints::of(run.path());
        let path = checkpoints.save(&self.state(), self.files()?)?;
        let best = self.best.as_ref().map(|best| best.step);
        checkpoints.prune(self.config.checkpoint.keep, best)?;
        self.observer.checkpoint(self.step, &path);
        Ok(())
    }

    /// Saves the state before the failing step and its batches, as `replay` wants them.
    fn save_not_finite(
        &self,
        batches: &[tinderbox_data::PlainBatch],
    ) -> Result<Option<PathBuf>, TrainError> {
        let Some((run, _)) = &self.run else {
            return Ok(None);
        };
        let folder = run.join(format!("not-finite/step-{:08}", self.step));
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(TrainError::io("removing", &folder))?;
        }
        Checkpoint::write(&folder, &self.state(), self.files()?)?;
        write_batches(&folder.join(BATCH), batches)?;
        Ok(Some(folder))
    }

    /// Steps done.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// The best value of the watched figure.
    pub fn best(&self) -> Option<&Best> {
        self.best.as_ref()
    }

    /// The evaluation that told the weights which the run gives, if it is one that stops early.
    pub fn kept_best(&self) -> Option<&Best> {
        self.kept.as_ref().map(|kept| &kept.best)
    }

    /// How the time was spent.
    pub fn timing(&self) -> Timing {
        self.timing
    }

    /// The loader.
    pub fn loader(&self) -> &Loader {
        &self.loader
    }

    /// What the run has made, for inference: the weights of the best evaluation if it stops early, else the averaged ones if there
    /// are any.
    pub fn trained(&self) -> O {
        match &self.kept {
            Some(kept) => kept.weights.clone(),
            None => self.current(),
        }
    }

    /// The weights after the last step, or their average, for inference.
    fn current(&self) -> O {
        match &self.average {
            Some(average) => average.average.clone(),
            None => self.objective().valid(),
        }
    }
}
