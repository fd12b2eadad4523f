//! One run of an objective in its directory, with progress, evaluators and signals.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::Device;
use rayon::prelude::*;
use serde::Serialize;
use tinderbox::data::{DataError, Loader, LoaderConfig, PlainBatch, Skipped};
use tinderbox::objectives::Objective;
use tinderbox::train::{
    Best, CheckpointConfig, EarlyStopping, FromPlain, HealthEvaluator, HeldOutEvaluator,
    KnnEvaluator, LabelledItems, LostFigures, METRICS, Observer, Outcome, ProbeEvaluator, RunDir,
    StepReport, Timing, Trainer, TrainerConfig, Watched, read_metrics,
};
use tinderbox::transfer::health::{COLLAPSED_LANGUAGE_SPREAD, COLLAPSED_SPREAD};
use tinderbox::transfer::{Better, Knn, LinearProbeConfig};

use crate::answerer::ANSWER_F1;
use crate::classifier::HEAD_ACCURACY;
use crate::data_facts::DataFacts;
use crate::dataset::DataSet;
use crate::encoder::{AnyEncoder, AnyInput};
use crate::environment::cores;
use crate::error::CliError;
use crate::inputs::{Inputs, Pretext, Views};
use crate::output::{Output, escaped};
use crate::progress::{Progress, ProgressMode};
use crate::recipe::Recipe;
use crate::run::{DATA, Opened};
use crate::signals::StopSignals;
use crate::table::figure;
use crate::texts::UnigramLoss;
use crate::validation::PATIENCE;

/// Items of the fixed batch whose features tell the health of a representation.
const HEALTH_ITEMS: usize = 512;
/// Validations over a whole run.
const VALIDATIONS: u64 = 30;
/// Sentences and questions that are validated with at once.
const VALIDATION_BATCH: usize = 16;

/// What a run trains on, and by which recipe.
#[derive(Clone, Copy)]
pub struct Setup<'a> {
    /// The recipe.
    pub recipe: &'a Recipe,
    /// The data.
    pub data: &'a DataSet,
    /// Its items as a model reads them.
    pub inputs: &'a Inputs,
    /// Items that are trained on.
    pub items: &'a [usize],
    /// Items with labels that tell the best weights.
    pub validation: &'a [usize],
    /// How many views the objective eats.
    pub views: Views,
    /// Where the run is, without gradients.
    pub device: &'a Device,
    /// Its directory, if it has one.
    pub run: Option<&'a RunDir>,
}

impl Setup<'_> {
    /// Batches of the training items.
    ///
    /// # Errors
    /// Fewer items than a batch.
    pub fn loader(&self) -> Result<Loader, CliError> {
        self.loader_of(self.items, self.recipe.train.batch, self.views)
    }

    fn loader_of(&self, items: &[usize], batch: usize, views: Views) -> Result<Loader, CliError> {
        let recipe = &self.recipe.data.views;
        let config = self.loader_config(batch);
        Ok(self.inputs.loader(items, views, recipe, config)?)
    }

    fn loader_config(&self, batch: usize) -> LoaderConfig {
        let threads = self.recipe.threads.unwrap_or_else(cores);
        LoaderConfig {
            batch,
            seed: self.recipe.seed,
            threads,
            prefetch: threads + 2,
            shuffle: true,
            max_bad: self.recipe.data.max_bad,
        }
    }

    /// The trainer's configuration for a loader.
    pub fn config(&self, loader: &Loader, best: Option<&str>) -> TrainerConfig {
        let recipe = self.recipe;
        let accumulate = recipe.train.accumulate as u64;
        let length = recipe.train.length.steps(loader.steps_per_epoch());
        let steps = match recipe.train.length {
            // What is frozen is fitted at once.
            _ if recipe.finetune.is_some_and(|own| own.freeze) => 0,
            // An epoch is a pass over the data, however many batches make a step.
            crate::recipe::Length::Epochs(_) => length.div_ceil(accumulate),
            crate::recipe::Length::Steps(_) => length,
        };
        let tenth = (steps / 10).max(1);
        let usual = match self.validation.is_empty() {
            true => tenth,
            false => (steps / VALIDATIONS).max(1),
        };
        let evaluate_every = recipe.eval.every.unwrap_or(usual);
        TrainerConfig {
            steps,
            accumulate: accumulate as u32,
            clip: recipe.train.clip,
            ema: recipe.train.ema,
            seed: recipe.seed,
            optim: recipe.optim.clone(),
            schedule: recipe.schedule.clone(),
            evaluate_every,
            log_every: (steps / 1000).clamp(1, 50),
            checkpoint: CheckpointConfig {
                every: recipe.checkpoint.every.unwrap_or(tenth),
                keep: recipe.checkpoint.keep,
                best: best
                    .filter(|_| recipe.checkpoint.best)
                    .and_then(Watched::known),
            },
            early_stopping: self.early_stopping(evaluate_every),
        }
    }

    /// The weights with the lowest loss on what is held out for validation are kept.
    fn early_stopping(&self, every: u64) -> Option<EarlyStopping> {
        let patience = match &self.recipe.finetune {
            Some(finetune) => finetune.patience,
            None => Some(PATIENCE),
        };
        (!self.validation.is_empty()).then(|| EarlyStopping {
            watched: Watched {
                name: HeldOutEvaluator::VALIDATION_LOSS.to_string(),
                better: Better::Lower,
            },
            patience: patience.map_or(u64::MAX, |patience| patience.saturating_mul(every)),
        })
    }

    /// Adds the evaluators of the recipe's `[eval]` table, as far as the data has labels, and says
    /// which figure tells the best checkpoint.
    ///
    /// # Errors
    /// If the items to evaluate on cannot be read.
    pub fn evaluators<'t, O>(
        &self,
        mut trainer: Trainer<'t, O>,
        output: &Output,
    ) -> Result<Trainer<'t, O>, CliError>
    where
        O: Objective<Encoder = AnyEncoder>,
        O::Batch: FromPlain,
    {
        let eval = &self.recipe.eval;
        if !self.validation.is_empty() {
            trainer = trainer.with_evaluator(HeldOutEvaluator {
                name: HeldOutEvaluator::VALIDATION,
                batches: self.validation_batches(output)?,
                device: self.device.clone(),
            });
        }
        if self.data.has_labels() && (eval.knn || eval.linear_probe) {
            let (train, test) = self.data.evaluation_parts(eval.items);
            let train = Arc::new(self.load(&train, output)?);
            let test = Arc::new(self.load(&test, output)?);
            if eval.knn {
                trainer = trainer.with_evaluator(KnnEvaluator {
                    train: train.clone(),
                    test: test.clone(),
                    knn: Knn::default(),
                    device: self.device.clone(),
                });
            }
            if eval.linear_probe {
                trainer = trainer.with_evaluator(ProbeEvaluator {
                    train,
                    test,
                    classes: self.data.classes.len(),
                    probe: LinearProbeConfig::default(),
                    device: self.device.clone(),
                });
            }
        }
        if self.measures_held_out() {
            let config = self.loader_config(self.recipe.train.batch);
            let (items, most) = (&self.data.held_out, eval.items);
            let views = &self.recipe.data.views;
            let batches = self
                .inputs
                .batches(items, self.views, views, config, most)?;
            if let (
                Inputs::Texts(texts),
                Views::Sequences(Pretext::Masked | Pretext::MaskedPairs(_)),
            ) = (self.inputs, self.views)
            {
                let loss = texts.unigram_loss(self.items, self.recipe.data.max_bad, &batches)?;
                trainer = trainer.with_evaluator(UnigramLoss(loss));
            }
            trainer = trainer.with_evaluator(HeldOutEvaluator {
                name: HeldOutEvaluator::HELD_OUT,
                batches,
                device: self.device.clone(),
            });
        }
        if eval.health {
            let items = self.items.len().min(HEALTH_ITEMS);
            let batch = self
                .loader_of(self.items, items, Views::Two)?
                .next_batch()?;
            // Where nothing learns from two views, stronger ones would not help.
            let remedy = match (self.inputs, self.views) {
                (Inputs::Images(..), Views::Two) => "lower `optim.lr`, or strengthen `data.views`",
                (Inputs::Rows(_), Views::Two) => "lower `optim.lr`, or raise `data.views.swap`",
                _ => "lower `optim.lr`",
            };
            let least_spread = match (self.inputs, self.views) {
                (Inputs::Texts(_), Views::Sequences(_)) => COLLAPSED_LANGUAGE_SPREAD,
                _ => COLLAPSED_SPREAD,
            };
            let health =
                HealthEvaluator::<AnyInput>::new(&batch, self.device, least_spread, remedy);
            trainer = trainer.with_evaluator(health);
        }
        Ok(trainer)
    }

    /// The items to validate with as they are, without random views.
    fn validation_batches(&self, output: &Output) -> Result<Vec<PlainBatch>, CliError> {
        if self.views == Views::One {
            return Ok(self.load(self.validation, output)?.batches);
        }
        let config = self.loader_config(VALIDATION_BATCH);
        let views = &self.recipe.data.views;
        let batches =
            self.inputs
                .batches(self.validation, self.views, views, config, usize::MAX)?;
        Ok(batches)
    }

    fn measures_held_out(&self) -> bool {
        !self.data.held_out.is_empty() && !self.recipe.objective.is_supervised()
    }

    /// The figure whose best checkpoint is kept.
    pub fn best_figure(&self) -> Option<&'static str> {
        let eval = &self.recipe.eval;
        let labels = self.data.has_labels();
        match self.views {
            // Of the test items nothing is chosen by.
            _ if !self.validation.is_empty() => Some(HeldOutEvaluator::VALIDATION_LOSS),
            Views::Tagged | Views::Question | Views::One => None,
            _ if labels && eval.knn => Some("knn/accuracy"),
            _ if labels && eval.linear_probe => Some("probe/accuracy"),
            _ if self.measures_held_out() => Some(HeldOutEvaluator::LOSS),
            _ => None,
        }
    }

    /// Reads the test part in a way of its own; what cannot be read is left out, with a warning.
    ///
    /// # Errors
    /// If none can be read.
    pub fn read_test<T: Send>(
        &self,
        read: impl Fn(usize) -> Result<T, DataError> + Sync,
        output: &Output,
    ) -> Result<Vec<T>, CliError> {
        let test = &self.data.test;
        let read = test.par_iter().map(|index| (*index, read(*index)));
        let read: Vec<(usize, Result<T, DataError>)> = read.collect();
        let (mut found, mut skipped) = (Vec::new(), Vec::new());
        for (index, read) in read {
            match read {
                Ok(item) => found.push(item),
                Err(error) => skipped.push(Skipped {
                    index: index as u64,
                    reason: error.to_string(),
                }),
            }
        }
        if found.is_empty() {
            return Err(CliError::Data(DataError::NothingReadable {
                items: test.len(),
                reasons: skipped.into_iter().take(3).map(|it| it.reason).collect(),
            }));
        }
        warn_of_skipped(&skipped, test.len(), output);
        Ok(found)
    }

    /// Reads items for evaluation; those that cannot be read are left out, with a warning.
    ///
    /// # Errors
    /// If none can be read.
    pub fn load(&self, items: &[usize], output: &Output) -> Result<LabelledItems, CliError> {
        let (loaded, skipped) = self.inputs.load(items)?;
        warn_of_skipped(&skipped, items.len(), output);
        Ok(loaded)
    }
}

/// Says how many of `count` items that were to be evaluated on were left out, and why the first of them.
pub fn warn_of_skipped(skipped: &[Skipped], count: usize, output: &Output) {
    if let Some(first) = skipped.first() {
        output.warn(&format!(
            "{} of {count} items to evaluate on could not be read; the first: {}",
            skipped.len(),
            escaped(&first.reason)
        ));
    }
}

/// What a run has made.
#[derive(Debug)]
pub struct Trained<O> {
    /// The objective for inference, with averaged weights if the recipe wants them.
    pub objective: O,
    /// Steps done.
    pub step: u64,
    /// How the time was spent.
    pub timing: Timing,
    /// Figures of the last evaluation.
    pub figures: Vec<(String, f64)>,
    /// What told the weights that were kept, if some items did.
    pub best: Option<Best>,
}

/// Runs an objective in a directory to its end.
///
/// # Errors
/// Whatever ends the run early; a stop by a signal is [`CliError::Interrupted`], after all was saved.
pub fn train<'a, O>(
    mut trainer: Trainer<'a, O>,
    opened: &'a Opened,
    facts: &DataFacts,
    stop: &StopSignals,
    output: &Output,
    total: u64,
) -> Result<Trained<O>, CliError>
where
    O: Objective<Encoder = AnyEncoder>,
    O::Batch: FromPlain,
{
    let run = &opened.dir;
    if opened.resume {
        let resumed = trainer.resume_in(run)?;
        for damaged in &resumed.set_aside {
            let path = damaged.path.display();
            output.warn(&format!(
                "a damaged checkpoint is set aside as {path}: {}",
                damaged.reason
            ));
        }
        if resumed.lost.any() {
            let LostFigures { lines, steps } = resumed.lost;
            output.warn(&format!(
                "{} was cut or damaged: {lines} lines cannot be read, {steps} steps that were logged are gone; the curves have gaps, \
                 the weights do not depend on it",
                run.join(METRICS).display()
            ));
        }
        output.note(&format!("going on after step {}", resumed.step));
    } else {
        trainer.start_in(run)?;
    }
    let shared = Arc::new(Mutex::new(Progress::new(
        total,
        ProgressMode::detect(output.quiet),
    )));
    let figures = Arc::new(Mutex::new(Vec::new()));
    let mut trainer = trainer
        .with_stop(stop.flag.clone())
        .with_observer(RunObserver {
            progress: shared.clone(),
            figures: figures.clone(),
            output: *output,
            last_loss: f64::NAN,
        });
    stop.set_in_steps(true);
    let outcome = trainer.run();
    stop.set_in_steps(false);
    locked(&shared).clear();
    let skipped = trainer.loader().skipped();
    if !skipped.is_empty() {
        let count = skipped.len();
        output.warn(&format!(
            "{count} item(s) could not be read; {DATA} and the report list them"
        ));
    }
    let facts = DataFacts {
        skipped,
        ..facts.clone()
    };
    run.write(DATA, &json_bytes(&facts))?;
    match outcome? {
        Outcome::Finished => Ok(Trained {
            objective: trainer.trained(),
            step: trainer.step(),
            timing: trainer.timing(),
            best: trainer.kept_best().cloned(),
            figures: match std::mem::take(&mut *locked(&figures)) {
                // A run that was stopped after its last step has nothing left to evaluate.
                none if none.is_empty() => last_figures(&run.join(METRICS)),
                some => some,
            },
        }),
        Outcome::Stopped { signal, step } => {
            output.note(&format!("saved after step {step} of {total}"));
            Err(CliError::Interrupted {
                signal,
                resume: None,
            })
        }
    }
}

/// Figures of the last evaluation in a file of figures.
fn last_figures(path: &Path) -> Vec<(String, f64)> {
    let mut metrics = read_metrics(path).unwrap_or_default();
    metrics.retain(|metric| metric.phase == "eval");
    let last = metrics.last().map(|metric| metric.step);
    let of_last = metrics
        .into_iter()
        .filter(|metric| Some(metric.step) == last);
    of_last
        .filter_map(|metric| Some((metric.name, metric.value?)))
        .collect()
}

/// A value as the bytes of a JSON file.
pub fn json_bytes(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("what is written is plain data");
    bytes.push(b'\n');
    bytes
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct RunObserver {
    progress: Arc<Mutex<Progress>>,
    figures: Arc<Mutex<Vec<(String, f64)>>>,
    output: Output,
    last_loss: f64,
}

impl Observer for RunObserver {
    fn step(&mut self, report: &StepReport) {
        self.last_loss = report.loss;
        locked(&self.progress).update(report.step, report.loss, &[]);
    }

    fn evaluation(&mut self, step: u64, figures: &[(String, f64)]) {
        let shown: Vec<(&str, String)> = figures
            .iter()
            .filter_map(|(name, value)| {
                let short = match name.as_str() {
                    "knn/accuracy" => "kNN",
                    "probe/accuracy" => "probe",
                    HEAD_ACCURACY | ANSWER_F1 => "test",
                    HeldOutEvaluator::LOSS => "held-out",
                    HeldOutEvaluator::VALIDATION_LOSS => "validation",
                    _ => return None,
                };
                Some((short, figure(name, *value)))
            })
            .collect();
        if step > 0 {
            locked(&self.progress).update(step, self.last_loss, &shown);
        }
        *locked(&self.figures) = figures.to_vec();
    }

    fn checkpoint(&mut self, _step: u64, _path: &Path) {}

    fn warning(&mut self, text: &str) {
        if !self.output.quiet {
            locked(&self.progress).note(&format!("warning: {}", escaped(text)));
        }
    }
}
