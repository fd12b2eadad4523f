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
use crate::checkpoint::Watched;
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
    /// Optimiser, at the rate that stands unless the labels speak for another.
    pub optim: OptimConfig,
    /// Rates to choose among beside that.
    pub rates: Vec<f64>,
    /// Steps of the first try; doubled while the loss still falls.
    pub steps: u64,
    /// How often the steps may be doubled.
    pub doublings: u32,
    /// Largest batch; fewer labels make a smaller one.
    pub batch: usize,
}

/// What was chosen with the help of labels held out for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tuning {
    /// The rate.
    pub rate: f64,
    /// The steps.
    pub steps: u64,
    /// The lowest loss on the labels held out, at each rate tried.
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
    /// Chooses a rate and a length for items with labels, on a [share](validation_share) of them, after training on the rest.
    ///
    /// The given rate, until the training loss is flat, stands, unless another rate, or fewer steps, puts more of the labels held out into
    /// their class, by more than the standard error of that difference. What competes is each rate where its loss on them is lowest. The
    /// loss alone would choose too little training when labels are few: one wrong and certain answer of 24 outweighs the rest (on 120
    /// digits it chose 92.2 % on the test part, where the given rate has 96.2).
    ///
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
        let judged = Judged {
            train: &train,
            batches: (self.clean)(&held_out)?,
        };
        let given = self.config.optim.lr();
        let others = self.config.rates.iter().filter(|rate| **rate != given);
        let whole = self.follow(&judged, given, Length::UntilFlat)?;
        let standard = whole.last().copied();
        let mut lowest: Vec<Point> = Point::lowest(&whole).into_iter().collect();
        for &rate in others {
            let points = self.follow(&judged, rate, Length::UntilRisen)?;
            lowest.extend(Point::lowest(&points));
        }
        let chosen = Point::chosen(standard, &lowest, held_out.len());
        Ok(chosen.map(|point| Tuning {
            rate: point.rate,
            steps: point.step,
            tried: lowest.iter().map(|of| (of.rate, of.loss)).collect(),
        }))
    }

    /// What the labels held out say of a training on the others; nothing if a loss is not finite.
    fn follow(
        &self,
        judged: &Judged<'_>,
        rate: f64,
        length: Length,
    ) -> Result<Vec<Point>, TrainError> {
        let mut steps = self.config.steps;
        for attempt in 0..=self.config.doublings {
            let every = (steps / EVALUATIONS).max(1);
            let watched = Watched {
                name: HeldOutEvaluator::VALIDATION_LOSS.to_string(),
                better: Better::Lower,
            };
            let early_stopping = EarlyStopping {
                watched,
                patience: PATIENCE * every,
            };
            let config = TrainerConfig {
                evaluate_every: every,
                early_stopping: (length == Length::UntilRisen).then_some(early_stopping),
                ..self.trainer_config(rate, steps)
            };
            let evaluator = HeldOutEvaluator {
                name: HeldOutEvaluator::VALIDATION,
                batches: judged.batches.clone(),
                device: self.device.clone().inner(),
            };
            let heard = Heard::over(steps);
            let trainer = self.trainer(judged.train, config, heard.clone())?;
            match run(&mut trainer.with_evaluator(evaluator)) {
                // A rate that is too high is none to choose.
                Err(TrainError::NotFinite { .. }) => return Ok(Vec::new()),
                other => other?,
            }
            let heard = locked(&heard);
            let points: Vec<Point> = heard
                .validated
                .iter()
                .map(|&(step, loss, accuracy)| Point {
                    rate,
                    step,
                    loss,
                    accuracy,
                })
                .collect();
            let still_falls = match length {
                Length::UntilFlat => !heard.tail.is_flat(),
                Length::UntilRisen => {
                    Point::lowest(&points).is_some_and(|lowest| lowest.step + every >= steps)
                }
            };
            if !still_falls || attempt == self.config.doublings {
                return Ok(points);
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
            let heard = Heard::over(steps);
            let config = self.trainer_config(rate, steps);
            let mut trainer = self.trainer(items, config, heard.clone())?;
            run(&mut trainer)?;
            let flat = locked(&heard).tail.is_flat();
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
        heard: Arc<Mutex<Heard>>,
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
            .with_observer(Recorder { heard, watch }))
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

/// Items to train on, and batches of those held out.
struct Judged<'i> {
    train: &'i [usize],
    batches: Vec<PlainBatch>,
}

/// When a training that is judged ends.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Length {
    /// Once the training loss is flat.
    UntilFlat,
    /// Once the loss on what is held out has risen for long.
    UntilRisen,
}

/// A training after some steps, as the labels held out judge it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Point {
    rate: f64,
    step: u64,
    loss: f64,
    accuracy: f64,
}

impl Point {
    /// That of the lowest loss; of equals the first.
    fn lowest(points: &[Self]) -> Option<Self> {
        let finite = points.iter().filter(|point| point.loss.is_finite());
        finite
            .min_by(|one, other| one.loss.total_cmp(&other.loss))
            .copied()
    }

    /// The best of some by accuracy, and then by loss, if it leads the standard by more than the standard error; else the standard.
    fn chosen(standard: Option<Self>, others: &[Self], held_out: usize) -> Option<Self> {
        let best = others.iter().max_by(|one, other| {
            let by_accuracy = one.accuracy.total_cmp(&other.accuracy);
            by_accuracy.then(other.loss.total_cmp(&one.loss))
        });
        let (Some(standard), Some(best)) = (standard, best) else {
            return standard.or(best.copied());
        };
        let rows = held_out as f64;
        // By the rule of succession: all of a few rows right is no certainty.
        let share = |of: &Self| (of.accuracy * rows + 1.0) / (rows + 2.0);
        let variance = |of: &Self| share(of) * (1.0 - share(of)) / rows;
        let error = (variance(&standard) + variance(best)).sqrt();
        match best.accuracy - standard.accuracy > error {
            true => Some(*best),
            false => Some(standard),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was heard of a training.
struct Heard {
    tail: Tail,
    /// Step, loss, and accuracy on the labels held out.
    validated: Vec<(u64, f64, f64)>,
}

impl Heard {
    fn over(steps: u64) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self {
            tail: Tail::new((steps / 10).max(1) as usize),
            validated: Vec::new(),
        }))
    }
}

struct Recorder<'a> {
    heard: Arc<Mutex<Heard>>,
    watch: &'a dyn Fn(&StepReport),
}

impl Observer for Recorder<'_> {
    fn step(&mut self, report: &StepReport) {
        locked(&self.heard).tail.push(report.loss);
        (self.watch)(report);
    }

    fn evaluation(&mut self, step: u64, figures: &[(String, f64)]) {
        let figure = |wanted: &str| {
            let found = figures.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| *value)
        };
        let loss = figure(HeldOutEvaluator::VALIDATION_LOSS);
        let accuracy = figure(HeldOutEvaluator::VALIDATION_ACCURACY);
        if let (1.., Some(loss), Some(accuracy)) = (step, loss, accuracy) {
            locked(&self.heard).validated.push((step, loss, accuracy));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_leads_by_more_than_its_error() {
        let point = |rate: f64, loss: f64, right: usize| Point {
            rate,
            step: 100,
            loss,
            accuracy: right as f64 / 24.0,
        };
        let standard = point(1.0, 0.4, 23);
        let chosen = |others: &[Point]| Point::chosen(Some(standard), others, 24).unwrap();
        // A lower loss is no reason, nor is a single row.
        assert_eq!(chosen(&[point(0.3, 0.1, 22)]), standard);
        assert_eq!(chosen(&[point(0.3, 0.1, 24)]), standard);
        let poor = point(1.0, 0.1, 18);
        let (low, high) = (point(0.3, 0.5, 22), point(3.0, 0.3, 22));
        assert_eq!(Point::chosen(Some(poor), &[low, high], 24), Some(high));
        // A rate that spoils the weights is none to stay with.
        assert_eq!(Point::chosen(None, &[low], 24), Some(low));
        assert_eq!(Point::chosen(None, &[], 24), None);
        assert_eq!(Point::lowest(&[low, point(0.3, f64::NAN, 24)]), Some(low));
    }

    #[test]
    fn a_falling_loss_is_not_flat_and_a_settled_one_is() {
        let mut tail = Tail::new(10);
        (0..30).for_each(|step| tail.push(3.0 - 0.1 * step as f64));
        assert!(!tail.is_flat());
        (0..30).for_each(|step| tail.push(0.3 + 0.01 * f64::from(step % 2)));
        assert!(tail.is_flat());
    }
}
