//! What predictions of classes are worth: figures that accuracy alone hides.

use serde::{Deserialize, Serialize};

use crate::stats::{Interval, mean, share_interval};

/// Bins of the calibration error.
const BINS: usize = 15;

/// Predictions as they are counted, one after another: its size depends on the classes alone.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassificationTally {
    /// How often a class of a row was taken for one of a column.
    confusion: Vec<Vec<u64>>,
    /// Items of each class without a prediction.
    refused: Vec<u64>,
    /// Predictions that came with probabilities.
    weighed: u64,
    loss: f64,
    bins: [Bin; BINS],
}

/// Predictions of about the same confidence.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Bin {
    count: u64,
    right: u64,
    confidence: f64,
}

/// What is said of one class.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClassFigures {
    /// Items of the class.
    pub items: u64,
    /// Items that were taken for it.
    pub predicted: u64,
    /// Share of those that are of it; 0 without any.
    pub precision: f64,
    /// Share of its items that were found; 0 without any.
    pub recall: f64,
    /// Harmonic mean of the two; 0 if both are.
    pub f1: f64,
}

/// Figures of predicted classes, with the definitions of scikit-learn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Classification {
    /// Items whose class is known.
    pub items: u64,
    /// Of these, the items without a prediction, such as those that could not be read: they count as wrong.
    #[serde(default)]
    pub refused: u64,
    /// Share of items in their class.
    pub accuracy: f64,
    /// Share of the most frequent class: the accuracy of always answering that.
    pub majority_share: f64,
    /// Mean recall of the classes that have items.
    pub balanced_accuracy: f64,
    /// Mean F1 of the classes that have items or were predicted.
    pub macro_f1: f64,
    /// Mean of `-ln p(class)`, natural logarithm; a probability counts as 2^-52 at least, so that one certain error is no
    /// infinity. None of predictions without probabilities, and without those that were refused.
    pub log_loss: Option<f64>,
    /// Expected calibration error: by how much the probability of the predicted class differs from the share of right
    /// ones, over 15 bins of equal width (Guo et al. 2017, equation 3). None where there is no log loss.
    pub calibration_error: Option<f64>,
    /// One entry a class.
    pub per_class: Vec<ClassFigures>,
    /// How often a class of a row was taken for one of a column.
    pub confusion: Vec<Vec<u64>>,
}

/// Mean share of hits of the classes that have items: what [`Classification::balanced_accuracy`] is, by hits alone.
///
/// # Panics
/// If there is not one label a hit, or none.
pub fn balanced_accuracy(hits: &[bool], labels: &[u32]) -> f64 {
    assert!(
        hits.len() == labels.len() && !hits.is_empty(),
        "a label for each hit"
    );
    let classes = labels.iter().max().map_or(0, |most| *most as usize + 1);
    let mut counts = vec![(0_u64, 0_u64); classes];
    for (hit, label) in hits.iter().zip(labels) {
        let (right, items) = &mut counts[*label as usize];
        *right += u64::from(*hit);
        *items += 1;
    }
    let there = counts.iter().filter(|(_, items)| *items > 0);
    let recalls: Vec<f64> = there
        .map(|(right, items)| *right as f64 / *items as f64)
        .collect();
    mean(&recalls)
}

/// Share of the most frequent class.
///
/// # Panics
/// If there are no labels.
pub fn majority_share(labels: &[u32]) -> f64 {
    let classes = labels.iter().max().expect("labels") + 1;
    let mut counts = vec![0_u64; classes as usize];
    labels.iter().for_each(|label| counts[*label as usize] += 1);
    counts.into_iter().max().unwrap_or(0) as f64 / labels.len() as f64
}

impl ClassificationTally {
    /// Nothing yet of so many classes.
    pub fn new(classes: usize) -> Self {
        Self {
            confusion: vec![vec![0; classes]; classes],
            refused: vec![0; classes],
            weighed: 0,
            loss: 0.0,
            bins: [Bin::default(); BINS],
        }
    }

    /// Counts an item of class `label` whose classes have these probabilities; the most probable is predicted, of equals
    /// the first.
    ///
    /// # Panics
    /// If there is not one probability a class, or `label` is no class.
    pub fn add(&mut self, label: u32, probabilities: &[f64]) {
        let classes = self.confusion.len();
        assert_eq!(
            probabilities.len(),
            classes,
            "probabilities of {classes} classes"
        );
        let label = label as usize;
        let mut predicted = 0;
        for (class, p) in probabilities.iter().enumerate() {
            if *p > probabilities[predicted] {
                predicted = class;
            }
        }
        self.confusion[label][predicted] += 1;
        self.weighed += 1;
        self.loss -= probabilities[label].max(f64::EPSILON).ln();
        let confidence = probabilities[predicted];
        let bin = (confidence * BINS as f64).ceil() as usize;
        let bin = &mut self.bins[bin.clamp(1, BINS) - 1];
        bin.count += 1;
        bin.right += u64::from(predicted == label);
        bin.confidence += confidence;
    }

    /// Counts an item whose class was predicted without probabilities.
    ///
    /// # Panics
    /// If `label` or `predicted` is no class.
    pub fn add_class(&mut self, label: u32, predicted: u32) {
        self.confusion[label as usize][predicted as usize] += 1;
    }

    /// Counts an item that got no prediction: it is wrong.
    ///
    /// # Panics
    /// If `label` is no class.
    pub fn refuse(&mut self, label: u32) {
        self.refused[label as usize] += 1;
    }

    /// The figures; `None` of no items.
    pub fn finish(self) -> Option<Classification> {
        let sum = |counts: &[u64]| counts.iter().sum::<u64>();
        let refused = sum(&self.refused);
        let items = self.confusion.iter().map(|row| sum(row)).sum::<u64>() + refused;
        if items == 0 {
            return None;
        }
        let ratio = |part: u64, whole: u64| match whole {
            0 => 0.0,
            whole => part as f64 / whole as f64,
        };
        let mut right = 0;
        let of_class = |(class, row): (usize, &Vec<u64>)| {
            let found = row[class];
            right += found;
            let items = sum(row) + self.refused[class];
            let predicted = self.confusion.iter().map(|row| row[class]).sum();
            ClassFigures {
                items,
                predicted,
                precision: ratio(found, predicted),
                recall: ratio(found, items),
                f1: ratio(2 * found, items + predicted),
            }
        };
        let per_class: Vec<ClassFigures> =
            self.confusion.iter().enumerate().map(of_class).collect();
        let there = per_class.iter().filter(|class| class.items > 0);
        let known = per_class
            .iter()
            .filter(|class| class.items + class.predicted > 0);
        let gaps = self
            .bins
            .iter()
            .map(|bin| (bin.right as f64 - bin.confidence).abs());
        let weighed = (self.weighed > 0).then_some(self.weighed as f64);
        let gaps: f64 = gaps.sum();
        Some(Classification {
            items,
            refused,
            accuracy: ratio(right, items),
            majority_share: ratio(per_class.iter().map(|class| class.items).max()?, items),
            balanced_accuracy: mean(&there.map(|class| class.recall).collect::<Vec<_>>()),
            macro_f1: mean(&known.map(|class| class.f1).collect::<Vec<_>>()),
            log_loss: weighed.map(|weighed| self.loss / weighed),
            calibration_error: weighed.map(|weighed| gaps / weighed),
            per_class,
            confusion: self.confusion,
        })
    }
}

impl Classification {
    /// Of predicted probabilities, one vector of all classes an item; `None` without items.
    ///
    /// # Panics
    /// As [`ClassificationTally::add`], or if there is not one label an item.
    pub fn of(labels: &[u32], probabilities: &[Vec<f64>], classes: usize) -> Option<Self> {
        assert_eq!(labels.len(), probabilities.len(), "a label for each item");
        let mut tally = ClassificationTally::new(classes);
        for (label, probabilities) in labels.iter().zip(probabilities) {
            tally.add(*label, probabilities);
        }
        tally.finish()
    }

    /// Of predicted classes without probabilities; `None` without items.
    ///
    /// # Panics
    /// As [`ClassificationTally::add_class`], or if there is not one label an item.
    pub fn of_classes(labels: &[u32], predicted: &[u32], classes: usize) -> Option<Self> {
        assert_eq!(labels.len(), predicted.len(), "a label for each item");
        let mut tally = ClassificationTally::new(classes);
        for (label, predicted) in labels.iter().zip(predicted) {
            tally.add_class(*label, *predicted);
        }
        tally.finish()
    }

    /// Of always answering the most frequent class, of equals the first.
    pub fn of_majority(&self) -> Self {
        let mut majority = 0;
        for (class, figures) in self.per_class.iter().enumerate() {
            if figures.items > self.per_class[majority].items {
                majority = class;
            }
        }
        let mut tally = ClassificationTally::new(self.per_class.len());
        for (class, figures) in self.per_class.iter().enumerate() {
            tally.confusion[class][majority] = figures.items;
        }
        tally.finish().expect("figures are of some items")
    }

    /// The 95 % interval of the accuracy over other items; see [`share_interval`].
    pub fn interval(&self) -> Interval {
        let right = self.confusion.iter().enumerate();
        share_interval(right.map(|(class, row)| row[class]).sum(), self.items)
    }

    /// The figures of all classes by name, those that there are.
    pub fn figures(&self) -> Vec<(&'static str, f64)> {
        let all = [
            ("accuracy", Some(self.accuracy)),
            ("balanced_accuracy", Some(self.balanced_accuracy)),
            ("macro_f1", Some(self.macro_f1)),
            ("log_loss", self.log_loss),
            ("calibration_error", self.calibration_error),
            ("majority_share", Some(self.majority_share)),
        ];
        let there = all
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        there.collect()
    }

    /// The class that items of a class were most often taken for wrongly, and how often; of equals the first.
    pub fn mostly_taken_for(&self, class: usize) -> Option<(usize, u64)> {
        let others = self.confusion[class].iter().copied().enumerate();
        let wrong = others.filter(|(other, count)| *other != class && *count > 0);
        wrong.reduce(|most, next| if next.1 > most.1 { next } else { most })
    }
}
