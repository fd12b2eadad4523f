//! What a comparison found: hits of each arm on each draw, and the scores and leads over the draws.

use std::iter::repeat_n;

use serde::{Deserialize, Serialize};
use tinderbox_transfer::stats::{Interval, hits_interval, paired_hits_interval};
use tinderbox_transfer::{PairedDifference, balanced_accuracy};

use crate::labelled::LabelledItems;
use crate::labelled_training::Tuning;

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

impl Arm {
    /// What it is called in the names of files.
    pub(super) fn slug(self) -> &'static str {
        match self {
            Self::PreTrained => "pre-trained",
            Self::Random => "random",
            Self::Plain => "plain",
            Self::Scratch => "scratch",
        }
    }
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

/// Which test items an arm put into their class, in order; a line of `1` and `0` in files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub struct Hits(pub Vec<bool>);

impl Hits {
    /// Compares classes with the right ones; an item that could not be read is no hit, and behind the others.
    ///
    /// # Panics
    /// If there are not as many predictions as items that could be read, or none.
    pub fn of(predicted: &[u32], items: &LabelledItems) -> Self {
        let right = &items.labels;
        assert!(predicted.len() == right.len() && !right.is_empty());
        let both = predicted.iter().zip(right);
        let hits = both.map(|(predicted, right)| predicted == right);
        Self(hits.chain(repeat_n(false, items.unreadable)).collect())
    }
}

impl From<Hits> for String {
    fn from(hits: Hits) -> Self {
        let digit = |hit: &bool| if *hit { '1' } else { '0' };
        hits.0.iter().map(digit).collect()
    }
}

impl From<String> for Hits {
    fn from(text: String) -> Self {
        Self(text.bytes().map(|digit| digit == b'1').collect())
    }
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
    /// Mean recall of the classes, of each seed; none in files of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub balanced: Vec<f64>,
    /// The mean accuracy with its 95 % interval, which counts draws and test items; absent in files of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
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
    /// Difference of accuracies, pre-trained minus rival, with its 95 % interval, which counts draws and test items.
    pub difference: PairedDifference,
}

/// Rate and length of an arm that is trained, chosen on a part of the labels given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tuned {
    /// The arm.
    pub arm: Arm,
    /// Share of the training labels.
    pub share: f64,
    /// What was chosen; none if the labels are too few to choose by.
    pub tuning: Option<Tuning>,
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
    /// Scratch runs without a chosen length whose training loss still fell after the longest training tried.
    pub scratch_not_flat: usize,
    /// What was chosen for the arms that are trained; none in files of earlier versions.
    #[serde(default)]
    pub tuned: Vec<Tuned>,
    /// Share of the most frequent class among the items that were classified; absent in files of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub majority_share: Option<f64>,
}

/// An arm on a draw of labels, as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The arm.
    pub arm: Arm,
    /// Share of the training labels.
    pub share: f64,
    /// Labels drawn.
    pub labels: usize,
    /// What each readout put into its class.
    pub hits: Vec<(Readout, Hits)>,
    /// Whether its training loss was flat at the end; true of what is not trained.
    pub flat: bool,
}

/// The share of hits.
fn accuracy(hits: &[bool]) -> f64 {
    hits.iter().filter(|hit| **hit).count() as f64 / hits.len() as f64
}

/// The hits of an arm at a share, seed by seed.
fn hits_of(parts: &[Part], arm: Arm, readout: Readout, share: f64) -> Vec<&[bool]> {
    let same = parts
        .iter()
        .filter(|part| part.arm == arm && part.share == share);
    let hits = same.flat_map(|part| &part.hits);
    hits.filter(|(other, _)| *other == readout)
        .map(|(_, hits)| hits.0.as_slice())
        .collect()
}

/// Arms in the order of their table, each at every share; `labels` are the right classes.
pub(super) fn scores(parts: &[Part], labels: &[u32]) -> Vec<Score> {
    let mut found: Vec<Score> = Vec::new();
    for arm in [Arm::PreTrained, Arm::Random, Arm::Plain, Arm::Scratch] {
        for readout in [Readout::Knn, Readout::LinearProbe, Readout::Head] {
            for part in parts.iter().filter(|part| part.arm == arm) {
                let share = part.share;
                let known = |score: &Score| {
                    (score.arm, score.readout, score.share) == (arm, readout, share)
                };
                let hits = hits_of(parts, arm, readout, share);
                if hits.is_empty() || found.iter().any(known) {
                    continue;
                }
                found.push(Score {
                    arm,
                    readout,
                    share,
                    labels: part.labels,
                    accuracies: hits.iter().map(|hits| accuracy(hits)).collect(),
                    balanced: hits
                        .iter()
                        .map(|hits| balanced_accuracy(hits, labels))
                        .collect(),
                    interval: Some(hits_interval(&hits)),
                });
            }
        }
    }
    found
}

pub(super) fn leads(parts: &[Part], scores: &[Score]) -> Vec<Lead> {
    let hits = |of: &Score| hits_of(parts, of.arm, of.readout, of.share);
    let ours = scores.iter().filter(|score| score.arm == Arm::PreTrained);
    ours.flat_map(|ours| {
        let rivals = scores.iter().filter(|rival| {
            let comparable = [ours.readout, Readout::Head].contains(&rival.readout);
            rival.arm != Arm::PreTrained && rival.share == ours.share && comparable
        });
        rivals.map(move |rival| Lead {
            rival: rival.arm,
            readout: ours.readout,
            share: ours.share,
            difference: paired_hits_interval(&hits(ours), &hits(rival)),
        })
    })
    .collect()
}
