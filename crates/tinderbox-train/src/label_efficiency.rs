//! Whether pre-training paid: accuracy against the number of labels, beside its rivals.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use burn::module::Module;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use tinderbox_data::{DataError, Loader, LoaderConfig, stratified_subset};
use tinderbox_nn::Encoder;
use tinderbox_objectives::{Supervised, SupervisedConfig};
use tinderbox_transfer::{
    FeatureMatrix, Knn, LinearProbeConfig, PairedDifference, stats::paired_interval,
};

use crate::batch::PlainInput;
use crate::error::TrainError;
use crate::labelled::{LabelledItems, encode};
use crate::observer::{Observer, StepReport};
use crate::optim::OptimConfig;
use crate::schedule::Schedule;
use crate::step::initialise;
use crate::trainer::{Trainer, TrainerConfig};

/// What is compared with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arm {
    /// The pre-trained encoder: frozen, or with [`Readout::Head`] fine-tuned as the one from scratch is trained.
    PreTrained,
    /// The same encoder as it was initialised, frozen.
    Random,
    /// The plain input, such as pixels.
    #[serde(alias = "pixels")]
    Plain,
    /// The same encoder trained on the labels alone.
    Scratch,
}

/// How an arm turns features into classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Readout {
    /// Weighted k nearest neighbours.
    Knn,
    /// Multinomial logistic regression.
    LinearProbe,
    /// The network's own head, trained with it.
    Head,
}

/// Accuracies of one arm at one share of the labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The arm.
    pub arm: Arm,
    /// How it was read out.
    pub readout: Readout,
    /// Share of the training labels, above 0 up to 1.
    pub share: f64,
    /// Labels used.
    pub labels: usize,
    /// Test accuracy of each seed, 0 to 1.
    pub accuracies: Vec<f64>,
}

/// The pre-trained encoder against a rival, seed by seed on the same labels.
///
/// Like is compared with like: nearest neighbours with nearest neighbours, probe with probe, and
/// all with the head of the network trained from scratch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lead {
    /// The rival.
    pub rival: Arm,
    /// How the pre-trained encoder was read out.
    pub readout: Readout,
    /// Share of the training labels.
    pub share: f64,
    /// Difference of accuracies, pre-trained minus rival, with its 95 % interval.
    pub difference: PairedDifference,
}

/// The whole comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelEfficiency {
    /// Items whose labels were drawn from.
    pub train: usize,
    /// Items that were classified.
    pub test: usize,
    /// Whether every seed had a pre-trained encoder of its own.
    pub pretrain_each: bool,
    /// Every arm at every share.
    pub scores: Vec<Score>,
    /// The lead of the pre-trained encoder over every rival at every share.
    pub leads: Vec<Lead>,
    /// Scratch runs whose training loss still fell after the longest training tried.
    pub scratch_not_flat: usize,
}

/// The labelled data of a comparison.
pub struct Task<'a> {
    /// Training items; labels are drawn from these.
    pub train: &'a LabelledItems,
    /// Test items, always the same.
    pub test: &'a LabelledItems,
    /// Number of classes.
    pub classes: usize,
    /// Where encoders run, without autodiff.
    pub device: Device,
}

/// Features of the arms that are frozen, computed once a seed.
struct Frozen {
    arm: Arm,
    train: FeatureMatrix,
    test: FeatureMatrix,
}

/// What is measured how often.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelEfficiencyConfig {
    /// Shares of the training labels, each above 0 up to 1.
    pub shares: Vec<f64>,
    /// Seeds, each of which draws labels and initial weights.
    pub seeds: Range<u64>,
    /// Whether every seed has a pre-trained encoder of its own; otherwise all share the first.
    pub pretrain_each: bool,
    /// Whether the pre-trained encoder is fine-tuned as well.
    pub fine_tune: bool,
    /// The probe of frozen features.
    pub probe: LinearProbeConfig,
}

/// Compares arms over label shares and seeds.
///
/// A seed draws labels, and is given to the arms to draw their weights by: `pretrained` and `random`
/// give the frozen encoder of a seed, in inference mode; `trained` trains one, the given encoder or from scratch, on the positions
/// drawn (into `task.train`) and gives the test accuracy and whether the training loss was flat. All arms
/// of a seed share the draw.
///
/// # Errors
/// What `trained` or `pretrained` could not do.
pub fn label_efficiency<E, X>(
    task: &Task<'_>,
    config: &LabelEfficiencyConfig,
    mut pretrained: impl FnMut(u64) -> Result<E, X>,
    mut random: impl FnMut(u64) -> E,
    mut trained: impl FnMut(Option<&E>, u64, &[usize]) -> Result<(f64, bool), X>,
) -> Result<LabelEfficiency, X>
where
    E: Encoder<Input: PlainInput>,
    X: From<TrainError>,
{
    let mut scores: Vec<Score> = Vec::new();
    let mut scratch_not_flat = 0;
    let all: Vec<usize> = (0..task.train.len()).collect();
    let features = |arm, encoder: &E| {
        let [train, test] =
            [task.train, task.test].map(|items| encode(encoder, items, &task.device));
        Frozen { arm, train, test }
    };
    let plain = Frozen {
        arm: Arm::Plain,
        train: task.train.plain(),
        test: task.test.plain(),
    };
    let mut ours = None;
    for seed in config.seeds.clone() {
        let pretrained = match ours.take() {
            Some(shared) if !config.pretrain_each => shared,
            _ => {
                let encoder = pretrained(seed)?;
                (features(Arm::PreTrained, &encoder), encoder)
            }
        };
        let (pretrained, encoder) = &*ours.insert(pretrained);
        let random = features(Arm::Random, &random(seed));
        for &share in &config.shares {
            let drawn = stratified_subset(&task.train.labels, &all, share, seed);
            let labels: Vec<u32> = drawn.iter().map(|&i| task.train.labels[i]).collect();
            let mut add = |arm, readout, accuracy| {
                let same = |score: &&mut Score| {
                    (score.arm, score.readout, score.share) == (arm, readout, share)
                };
                match scores.iter_mut().find(same) {
                    Some(score) => score.accuracies.push(accuracy),
                    None => scores.push(Score {
                        arm,
                        readout,
                        share,
                        labels: drawn.len(),
                        accuracies: vec![accuracy],
                    }),
                }
            };
            for Frozen { arm, train, test } in [pretrained, &random, &plain] {
                let known = train.select(&drawn);
                let predicted = Knn::default().predict(&known, &labels, test);
                add(*arm, Readout::Knn, task.test.accuracy(&predicted));
                let fitted = config
                    .probe
                    .try_fit(&known, &labels, task.classes)
                    .map_err(TrainError::Probe)?;
                let right = task.test.accuracy(&fitted.predict(test));
                add(*arm, Readout::LinearProbe, right);
            }
            if config.fine_tune {
                let (right, _) = trained(Some(encoder), seed, &drawn)?;
                add(Arm::PreTrained, Readout::Head, right);
            }
            let (right, flat) = trained(None, seed, &drawn)?;
            add(Arm::Scratch, Readout::Head, right);
            scratch_not_flat += usize::from(!flat);
        }
    }
    Ok(LabelEfficiency {
        train: task.train.len(),
        test: task.test.len(),
        pretrain_each: config.pretrain_each,
        leads: leads(&scores),
        scores,
        scratch_not_flat,
    })
}

fn leads(scores: &[Score]) -> Vec<Lead> {
    let ours = scores.iter().filter(|score| score.arm == Arm::PreTrained);
    ours.flat_map(|ours| {
        let rivals = scores.iter().filter(|rival| {
            let comparable = [ours.readout, Readout::Head].contains(&rival.readout);
            rival.arm != Arm::PreTrained && rival.share == ours.share && comparable
        });
        rivals.map(|rival| Lead {
            rival: rival.arm,
            readout: ours.readout,
            share: ours.share,
            difference: paired_interval(&ours.accuracies, &rival.accuracies),
        })
    })
    .collect()
}

/// How the arms train that are not frozen.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledTrainingConfig {
    /// Optimiser, at a rate tuned for training from scratch.
    pub optim: OptimConfig,
    /// Steps of the first try; doubled while the loss still falls.
    pub steps: u64,
    /// How often the steps may be doubled.
    pub doublings: u32,
    /// Largest batch; fewer labels make a smaller one.
    pub batch: usize,
}

/// Trains `encoder`, new or pre-trained, with a head on `items` labelled items, until the training loss is flat. `loader` makes their batches, by
/// the random views of the pre-training.
///
/// Flat means that over the last tenth of the steps the mean loss fell by less than 0.02, or by
/// less than 5 %, against the tenth before. Returns the model in inference mode, and whether
/// its loss was flat.
///
/// # Errors
/// A loss that is not finite, or data that cannot be read.
pub fn train_until_flat<E>(
    encoder: impl Fn() -> E,
    classes: usize,
    items: usize,
    loader: impl Fn(LoaderConfig) -> Result<Loader, DataError>,
    config: &LabelledTrainingConfig,
    seed: u64,
    device: &Device,
) -> Result<(Supervised<E>, bool), TrainError>
where
    E: Encoder<Input: PlainInput>,
{
    let mut steps = config.steps;
    for attempt in 0..=config.doublings {
        let objective = initialise(device, seed, || {
            SupervisedConfig::new(classes)
                .init(encoder(), device)
                .expect("a task has at least two classes")
        });
        let loader = loader(LoaderConfig {
            batch: config.batch.min(items),
            seed,
            threads: 1,
            prefetch: 4,
            shuffle: true,
            max_bad: 0,
        })?;
        let losses = Arc::new(Mutex::new(Tail::new((steps / 10).max(1) as usize)));
        let trainer_config = TrainerConfig {
            seed,
            schedule: Schedule::Cosine {
                warmup: steps / 20,
                final_share: 0.0,
            },
            ..TrainerConfig::new(steps, config.optim.clone())
        };
        let mut trainer = Trainer::new(objective, loader, device, trainer_config)?
            .with_observer(Recorder(losses.clone()));
        trainer.run()?;
        let trained = trainer.trained();
        let flat = losses.lock().is_ok_and(|losses| losses.is_flat());
        if flat || attempt == config.doublings {
            return Ok((trained.valid(), flat));
        }
        steps *= 2;
    }
    unreachable!("the last attempt returns")
}

/// The losses of the last two tenths of a run.
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

struct Recorder(Arc<Mutex<Tail>>);

impl Observer for Recorder {
    fn step(&mut self, report: &StepReport) {
        if let Ok(mut tail) = self.0.lock() {
            tail.push(report.loss);
        }
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
