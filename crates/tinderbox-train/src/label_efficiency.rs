//! Label efficiency: a pre-trained encoder against its rivals, at several shares of the labels.
//!
//! A comparison is made of parts, an arm on a draw of labels each, which are kept one by one: one that was stopped goes on with the
//! parts it lacks, and ends with the same figures.

mod scores;

use std::ops::Range;

use burn::tensor::Device;
use serde::Serialize;
use tinderbox_data::stratified_subset;
use tinderbox_nn::Encoder;
use tinderbox_transfer::{FeatureMatrix, Knn, LinearProbeConfig, majority_share};

use crate::batch::PlainInput;
use crate::error::TrainError;
use crate::labelled::{LabelledItems, encode};
use crate::labelled_training::Tuning;

pub use scores::{Arm, Hits, LabelEfficiency, Lead, Part, Readout, Score, Tuned};

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

impl LabelEfficiencyConfig {
    /// How many parts there are, at most: those whose draws are the same are measured once.
    pub fn parts(&self) -> u64 {
        let seeds = self.seeds.end - self.seeds.start;
        let trained = 1 + u64::from(self.fine_tune);
        let shares = self.shares.len() as u64;
        let pretrained = if self.pretrain_each { seeds } else { 1 };
        pretrained + shares * (seeds * (3 + trained) + trained)
    }
}

/// A draw of labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Draw {
    /// The share that was asked for.
    pub share: f64,
    /// What drew it, and draws weights.
    pub seed: u64,
    /// Positions in the training part, ascending.
    pub items: Vec<usize>,
    /// Their classes.
    pub labels: Vec<u32>,
}

/// What a comparison asks of whoever has the encoders.
pub trait Arms {
    /// The encoder.
    type Encoder: Encoder<Input: PlainInput>;
    /// What can go wrong.
    type Error: From<TrainError>;

    /// Hears what is measured next, and may end it.
    ///
    /// # Errors
    /// A stop.
    fn begin(&mut self, what: &str) -> Result<(), Self::Error>;

    /// What was kept under a name.
    fn kept(&self, name: &str) -> Option<Vec<u8>>;

    /// Keeps something, whole or not at all.
    ///
    /// # Errors
    /// What the file system says.
    fn keep(&mut self, name: &str, bytes: &[u8]) -> Result<(), Self::Error>;

    /// The pre-trained encoder of a seed, in inference mode.
    ///
    /// # Errors
    /// What kept it from being trained.
    fn pretrained(&mut self, seed: u64) -> Result<Self::Encoder, Self::Error>;

    /// An encoder as a seed draws it, in inference mode.
    fn random(&mut self, seed: u64) -> Self::Encoder;

    /// Chooses rate and length on a draw, for the given encoder or for a new one; none if the labels are too few.
    ///
    /// # Errors
    /// What kept it from being trained.
    fn tune(
        &mut self,
        start: Option<&Self::Encoder>,
        draw: &Draw,
    ) -> Result<Option<Tuning>, Self::Error>;

    /// Trains the given encoder, or a new one, on a draw; which test items it then puts into their class, and whether the training loss was flat.
    ///
    /// # Errors
    /// What kept it from being trained.
    fn trained(
        &mut self,
        start: Option<&Self::Encoder>,
        draw: &Draw,
        tuning: Option<&Tuning>,
    ) -> Result<(Hits, bool), Self::Error>;
}

/// Compares arms over label shares and seeds. All arms of a seed share its draws.
///
/// # Errors
/// What an arm could not do.
pub fn label_efficiency<A: Arms>(
    task: &Task<'_>,
    config: &LabelEfficiencyConfig,
    arms: &mut A,
) -> Result<LabelEfficiency, A::Error> {
    let mut measured = Measured {
        task,
        config,
        arms,
        encoder: None,
        features: None,
        parts: Vec::new(),
        tuned: Vec::new(),
    };
    for seed in config.seeds.clone() {
        measured.seed(seed)?;
    }
    let Measured { parts, tuned, .. } = measured;
    let scores = scores::scores(&parts, &task.test.labels);
    let scratch = parts.iter().filter(|part| part.arm == Arm::Scratch);
    Ok(LabelEfficiency {
        train: task.train.len(),
        test: task.test.len(),
        pretrain_each: config.pretrain_each,
        leads: scores::leads(&parts, &scores),
        scores,
        scratch_not_flat: scratch.filter(|part| !part.flat).count(),
        tuned,
        majority_share: Some(majority_share(&task.test.labels)),
    })
}

/// A comparison under way.
struct Measured<'m, A: Arms> {
    task: &'m Task<'m>,
    config: &'m LabelEfficiencyConfig,
    arms: &'m mut A,
    /// The pre-trained encoder in hand, made at its first use, and its features.
    encoder: Option<A::Encoder>,
    features: Option<Frozen>,
    parts: Vec<Part>,
    tuned: Vec<Tuned>,
}

impl<A: Arms> Measured<'_, A> {
    fn seed(&mut self, seed: u64) -> Result<(), A::Error> {
        let shares = self.config.shares.iter();
        let draws: Vec<Draw> = shares.map(|&share| self.task.draw(share, seed)).collect();
        if self.config.pretrain_each {
            (self.encoder, self.features) = (None, None);
        }
        for arm in [Arm::PreTrained, Arm::Random, Arm::Plain] {
            self.frozen(arm, &draws)?;
        }
        for draw in &draws {
            if self.config.fine_tune {
                self.trained(Arm::PreTrained, draw)?;
            }
            self.trained(Arm::Scratch, draw)?;
        }
        Ok(())
    }

    fn frozen(&mut self, arm: Arm, draws: &[Draw]) -> Result<(), A::Error> {
        let mut others = None;
        for draw in draws {
            let labels = draw.labels.len();
            // With all labels, what no seed draws is the same for all seeds.
            let drawn = arm == Arm::Random || (arm == Arm::PreTrained && self.config.pretrain_each);
            let seed = match labels == self.task.train.len() && !drawn {
                true => self.config.seeds.start,
                false => draw.seed,
            };
            let name = format!("{}-{}-{seed}", arm.slug(), draw.share);
            if let Some(part) = read(self.arms, &name) {
                self.parts.push(part);
                continue;
            }
            if arm == Arm::PreTrained {
                self.pretrained(draw.seed)?;
            }
            self.arms
                .begin(&format!("seed {seed}: {} on {labels} labels", arm.slug()))?;
            let features = match arm {
                Arm::PreTrained => &mut self.features,
                _ => &mut others,
            };
            let encoder = self.encoder.as_ref();
            let features = features.get_or_insert_with(|| match (arm, encoder) {
                (Arm::PreTrained, Some(encoder)) => self.task.features(encoder),
                (Arm::Random, _) => self.task.features(&self.arms.random(seed)),
                _ => self.task.plain(),
            });
            let part = self
                .task
                .read_out(arm, features, draw, &self.config.probe)?;
            write(self.arms, &name, &part)?;
            self.parts.push(part);
        }
        Ok(())
    }

    fn trained(&mut self, arm: Arm, draw: &Draw) -> Result<(), A::Error> {
        let Draw { share, seed, .. } = *draw;
        let labels = draw.labels.len();
        let known = |tuned: &&Tuned| (tuned.arm, tuned.share) == (arm, share);
        let tuning_name = format!("tuning-{}-{share}", arm.slug());
        if !self.tuned.iter().any(|tuned| known(&tuned))
            && let Some(kept) = read(self.arms, &tuning_name)
        {
            self.tuned.push(kept);
        }
        let name = format!("{}-head-{share}-{seed}", arm.slug());
        if let Some(part) = read(self.arms, &name) {
            self.parts.push(part);
            return Ok(());
        }
        let what = match arm {
            Arm::Scratch => "from scratch",
            _ => "fine-tuning",
        };
        if arm == Arm::PreTrained {
            self.pretrained(seed)?;
        }
        let start = self.encoder.as_ref().filter(|_| arm == Arm::PreTrained);
        let tuning = match self.tuned.iter().find(known) {
            Some(tuned) => tuned.tuning.clone(),
            None => {
                self.arms
                    .begin(&format!("seed {seed}: rates of {what} on {labels} labels"))?;
                let tuning = self.arms.tune(start, draw)?;
                let tuned = Tuned { arm, share, tuning };
                write(self.arms, &tuning_name, &tuned)?;
                self.tuned.push(tuned.clone());
                tuned.tuning
            }
        };
        self.arms
            .begin(&format!("seed {seed}: {what} on {labels} labels"))?;
        let (hits, flat) = self.arms.trained(start, draw, tuning.as_ref())?;
        let part = Part {
            arm,
            share,
            labels,
            hits: vec![(Readout::Head, hits)],
            flat,
        };
        write(self.arms, &name, &part)?;
        self.parts.push(part);
        Ok(())
    }

    /// Makes the pre-trained encoder of a seed, or of all of them, ready.
    fn pretrained(&mut self, seed: u64) -> Result<(), A::Error> {
        let seed = match self.config.pretrain_each {
            true => seed,
            false => self.config.seeds.start,
        };
        if self.encoder.is_none() {
            self.arms.begin(&format!("seed {seed}: pre-training"))?;
            self.encoder = Some(self.arms.pretrained(seed)?);
        }
        Ok(())
    }
}

fn read<A: Arms, T: serde::de::DeserializeOwned>(arms: &A, name: &str) -> Option<T> {
    serde_json::from_slice(&arms.kept(&format!("{name}.json"))?).ok()
}

fn write<A: Arms>(arms: &mut A, name: &str, value: &impl Serialize) -> Result<(), A::Error> {
    let bytes = serde_json::to_vec(value).expect("it is plain data");
    arms.keep(&format!("{name}.json"), &bytes)
}

/// Features of an arm that is frozen.
struct Frozen {
    train: FeatureMatrix,
    test: FeatureMatrix,
}

impl Task<'_> {
    fn draw(&self, share: f64, seed: u64) -> Draw {
        let all: Vec<usize> = (0..self.train.len()).collect();
        let items = stratified_subset(&self.train.labels, &all, share, seed);
        let labels = items.iter().map(|&item| self.train.labels[item]).collect();
        Draw {
            share,
            seed,
            items,
            labels,
        }
    }

    fn features<E: Encoder<Input: PlainInput>>(&self, encoder: &E) -> Frozen {
        let of = |items| encode(encoder, items, &self.device);
        Frozen {
            train: of(self.train),
            test: of(self.test),
        }
    }

    fn plain(&self) -> Frozen {
        Frozen {
            train: self.train.plain(),
            test: self.test.plain(),
        }
    }

    fn read_out(
        &self,
        arm: Arm,
        features: &Frozen,
        draw: &Draw,
        probe: &LinearProbeConfig,
    ) -> Result<Part, TrainError> {
        let known = features.train.select(&draw.items);
        let neighbours = Knn::default().predict(&known, &draw.labels, &features.test);
        let fitted = probe
            .try_fit(&known, &draw.labels, self.classes)
            .map_err(TrainError::Probe)?;
        let linear = fitted.predict(&features.test);
        let hits = |predicted: &[u32]| Hits::of(predicted, self.test);
        Ok(Part {
            arm,
            share: draw.share,
            labels: draw.labels.len(),
            hits: vec![
                (Readout::Knn, hits(&neighbours)),
                (Readout::LinearProbe, hits(&linear)),
            ],
            flat: true,
        })
    }
}
