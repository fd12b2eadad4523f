//! Training on labels: rate and length chosen on a part of the labels given, then all of them trained on.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use tinderbox_data::{DataError, Loader, LoaderConfig, PlainBatch};
use tinderbox_nn::Encoder;
use tinderbox_objectives::{Supervised, SupervisedConfig};
use tinderbox_transfer::Better;

use crate::batch::PlainInput;
use crate::checkpoint::{Best, Watched};
use crate::early_stopping::EarlyStopping;
use crate::error::TrainError;
use crate::evaluator::HeldOutEvaluator;
use crate::observer::{Observer, Outcome, StepReport};
use crate::optim::OptimConfig;
use crate::schedule::Schedule;
use crate::step::initialise;
use crate::trainer::{StopFlag, Trainer};
use crate::trainer_config::TrainerConfig;

/// Labels a class, on average, below which a part held out for validation tells nothing.
pub const LEAST_PER_CLASS: usize = 5;
/// Share of the labels that is held out for validation.
const VALIDATION_SHARE: f64 = 0.2;
/// Labels held out for validation at most: more of them cost time and training, and hardly tell more.
const MOST: usize = 2_000;
/// Evaluations over a whole training.
const EVALUATIONS: u64 = 20;
/// Evaluations without a better one that end a training.
const PATIENCE: u64 = 5;

/// The share of so many labels to validate with: a fifth, but 2,000 labels at most, and none of fewer than [`LEAST_PER_CLASS`] a class.
pub fn validation_share(labels: usize, classes: usize) -> f64 {
    match labels < LEAST_PER_CLASS * classes {
        true => 0.0,
        false => VALIDATION_SHARE.min(MOST as f64 / labels as f64),
    }
}

/// How an encoder is trained on labels.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledTrainingConfig {
    /// Optimiser, at the rate for labels too few to choose one by.
    pub optim: OptimConfig,
    /// Rates to choose among.
    pub rates: Vec<f64>,
    /// Steps of the first try; doubled while the loss still falls.
    pub steps: u64,
    /// How often the steps may be doubled.
    pub doublings: u32,
    /// Largest batch; fewer labels make a smaller one.
    pub batch: usize,
}

/// What was chosen on labels held out for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tuning {
    /// The rate.
    pub rate: f64,
    /// Steps after which the loss on the labels held out was lowest.
    pub steps: u64,
    /// That loss at each rate tried.
    pub tried: Vec<(f64, f64)>,
}

/// What a training on labels came to.
pub struct TrainedOnLabels<E: Encoder> {
    /// The model, in inference mode.
    pub model: Supervised<E>,
    /// Its base rate.
    pub rate: f64,
    /// Its steps.
    pub steps: u64,
    /// Whether the training loss was flat at the end, as [`LabelledTraining::train`] says.
    pub flat: bool,
}

/// Gives batches of random views of some items.
pub type LoadViews<'a> = dyn Fn(&[usize], LoaderConfig) -> Result<Loader, DataError> + 'a;

/// Splits items into those to train on and a share of them.
pub type HoldOut<'a> = dyn Fn(&[usize], f64) -> Result<[Vec<usize>; 2], DataError> + 'a;

/// Gives some items as they are, in batches with their labels.
pub type LoadClean<'a> = dyn Fn(&[usize]) -> Result<Vec<PlainBatch>, TrainError> + 'a;

/// An encoder, new or pre-trained, to be trained with a head on labels.
pub struct LabelledTraining<'a, E> {
    /// How.
    pub config: LabelledTrainingConfig,
    /// The encoder at its start.
    pub encoder: &'a dyn Fn() -> E,
    /// Number of classes.
    pub classes: usize,
    /// Batches of random views of some items.
    pub loader: &'a LoadViews<'a>,
    /// Splits items into those to train on and a share of them to validate with, which may be none.
    pub hold_out: &'a HoldOut<'a>,
    /// Some items as they are, in batches with their labels.
    pub clean: &'a LoadClean<'a>,
    /// Draws the head, the order and the views.
    pub seed: u64,
    /// Where, with autodiff.
    pub device: Device,
    /// Asks for a stop.
    pub stop: StopFlag,
    /// Hears of each step.
    pub watch: &'a dyn Fn(&StepReport),
}

impl<E> LabelledTraining<'_, E>
where
    E: Encoder<Input: PlainInput>,
{
    /// Chooses a rate and a length for items with labels: those with the lowest loss on a [share](validation_share) of them, after training
    /// on the rest.
    /// None where there are too few labels to split, or where no rate has a finite loss.
    ///
    /// # Errors
    /// Data that cannot be read, or a stop.
    pub fn tune(&self, items: &[usize]) -> Result<Option<Tuning>, TrainError> {
        let share = validation_share(items.len(), self.classes);
        let [train, held_out] = (self.hold_out)(items, share)?;
        if held_out.is_empty() {
            return Ok(None);
        }
        let batches = (self.clean)(&held_out)?;
        let mut found: Option<(f64, Tuning)> = None;
        let mut tried = Vec::new();
        for &rate in &self.config.rates {
            let Some(best) = self.lowest(&train, &batches, rate)? else {
                continue;
            };
            tried.push((rate, best.value));
            if found
                .as_ref()
                .is_none_or(|(lowest, _)| best.value < *lowest)
            {
                let steps = best.step;
                let tried = Vec::new();
                found = Some((best.value, Tuning { rate, steps, tried }));
            }
        }
        Ok(found.map(|(_, tuning)| Tuning { tried, ..tuning }))
    }

    /// The lowest loss on what is held out, in a training that is made longer while it still falls; none if a loss is not finite.
    fn lowest(
        &self,
        train: &[usize],
        held_out: &[PlainBatch],
        rate: f64,
    ) -> Result<Option<Best>, TrainError> {
        let mut steps = self.config.steps;
        for attempt in 0..=self.config.doublings {
            let every = (steps / EVALUATIONS).max(1);
            let watched = Watched {
                name: HeldOutEvaluator::VALIDATION_LOSS.to_string(),
                better: Better::Lower,
            };
            let config = TrainerConfig {
                evaluate_every: every,
                early_stopping: Some(EarlyStopping {
                    watched,
                    patience: PATIENCE * every,
                }),
                ..self.trainer_config(rate, steps)
            };
            let evaluator = HeldOutEvaluator {
                name: HeldOutEvaluator::VALIDATION,
                batches: held_out.to_vec(),
                device: self.device.clone().inner(),
            };
            let trainer = self.trainer(train, config, Arc::default())?;
            let mut trainer = trainer.with_evaluator(evaluator);
            match run(&mut trainer) {
                // A rate that is too high is none to choose.
                Err(TrainError::NotFinite { .. }) => return Ok(None),
                other => other?,
            }
            let best = trainer.kept_best().cloned();
            let still_falls = best.as_ref().is_some_and(|best| best.step + every >= steps);
            if !still_falls || attempt == self.config.doublings {
                return Ok(best);
            }
            steps *= 2;
        }
        unreachable!("the last attempt returns")
    }

    /// Trains on `items`: at the rate and for the steps chosen, or without a choice at the given rate until the training loss is flat.
    ///
    /// Flat means that over the last tenth of the steps the mean loss fell by less than 0.02, or by
    /// less than 5 %, against the tenth before.
    ///
    /// # Errors
    /// A loss that is not finite, data that cannot be read, or a stop.
    pub fn train(
        &self,
        items: &[usize],
        tuning: Option<&Tuning>,
    ) -> Result<TrainedOnLabels<E>, TrainError> {
        let config = &self.config;
        let (rate, mut steps, doublings) = match tuning {
            Some(tuning) => (tuning.rate, tuning.steps, 0),
            None => (config.optim.lr(), config.steps, config.doublings),
        };
        for attempt in 0..=doublings {
            let losses = Arc::new(Mutex::new(Tail::new((steps / 10).max(1) as usize)));
            let config = self.trainer_config(rate, steps);
            let mut trainer = self.trainer(items, config, losses.clone())?;
            run(&mut trainer)?;
            let flat = locked(&losses).is_flat();
            if flat || attempt == doublings {
                return Ok(TrainedOnLabels {
                    model: trainer.trained(),
                    rate,
                    steps,
                    flat: flat || tuning.is_some(),
                });
            }
            steps *= 2;
        }
        unreachable!("the last attempt returns")
    }

    fn trainer_config(&self, rate: f64, steps: u64) -> TrainerConfig {
        TrainerConfig {
            seed: self.seed,
            schedule: Schedule::Cosine {
                warmup: steps / 20,
                final_share: 0.0,
            },
            ..TrainerConfig::new(steps, self.config.optim.clone().with_lr(rate))
        }
    }

    fn trainer(
        &self,
        items: &[usize],
        config: TrainerConfig,
        losses: Arc<Mutex<Tail>>,
    ) -> Result<Trainer<'_, Supervised<E>>, TrainError> {
        let objective = initialise(&self.device, self.seed, || {
            SupervisedConfig::new(self.classes)
                .init((self.encoder)(), &self.device)
                .expect("a task has at least two classes")
        });
        let loader = LoaderConfig {
            batch: self.config.batch.min(items.len()),
            seed: self.seed,
            threads: 1,
            prefetch: 4,
            shuffle: true,
            max_bad: 0,
        };
        let loader = (self.loader)(items, loader)?;
        let watch = self.watch;
        let trainer = Trainer::new(objective, loader, &self.device, config)?;
        Ok(trainer
            .with_stop(self.stop.clone())
            .with_observer(Recorder { losses, watch }))
    }
}

/// Runs to the end; a stop is an error, since nothing of it is kept.
fn run<E>(trainer: &mut Trainer<'_, Supervised<E>>) -> Result<(), TrainError>
where
    E: Encoder<Input: PlainInput>,
{
    match trainer.run()? {
        Outcome::Finished => Ok(()),
        Outcome::Stopped { signal, .. } => Err(TrainError::Stopped { signal }),
    }
}

/// The losses of the last two tenths of a run.
#[derive(Default)]
struct Tail {
    width: usize,
    losses: VecDeque<f64>,
}

impl Tail {
    fn new(width: usize) -> Self {
        Self {
            width,
            losses: VecDeque::with_capacity(2 * width + 1),
        }
    }

    fn push(&mut self, loss: f64) {
        self.losses.push_back(loss);
        if self.losses.len() > 2 * self.width {
            self.losses.pop_front();
        }
    }

    fn is_flat(&self) -> bool {
        let mean = |range: std::ops::Range<usize>| {
            let count = range.len() as f64;
            self.losses.range(range).sum::<f64>() / count
        };
        if self.losses.len() < 2 * self.width {
            return false;
        }
        let before = mean(0..self.width);
        let after = mean(self.width..2 * self.width);
        before - after < 0.02_f64.max(0.05 * before)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Recorder<'a> {
    losses: Arc<Mutex<Tail>>,
    watch: &'a dyn Fn(&StepReport),
}

impl Observer for Recorder<'_> {
    fn step(&mut self, report: &StepReport) {
        locked(&self.losses).push(report.loss);
        (self.watch)(report);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_falling_loss_is_not_flat_and_a_settled_one_is() {
        let mut tail = Tail::new(10);
        (0..30).for_each(|step| tail.push(3.0 - 0.1 * step as f64));
        assert!(!tail.is_flat());
        (0..30).for_each(|step| tail.push(0.3 + 0.01 * f64::from(step % 2)));
        assert!(tail.is_flat());
    }
}
