//! What predictions of classes are worth: figures that accuracy alone hides.

use serde::{Deserialize, Serialize};

/// Bins of the calibration error.
const BINS: usize = 15;

/// Predictions as they are counted, one after another: its size depends on the classes alone.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassificationTally {
    /// How often a class of a row was taken for one of a column.
    confusion: Vec<Vec<u64>>,
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
    /// Items that were classified.
    pub items: u64,
    /// Share of items in their class.
    pub accuracy: f64,
    /// Share of the most frequent class: the accuracy of always answering that.
    pub majority_share: f64,
    /// Mean recall of the classes that have items.
    pub balanced_accuracy: f64,
    /// Mean F1 of the classes that have items or were predicted.
    pub macro_f1: f64,
    /// Mean of `-ln p(class)`, natural logarithm; a probability counts as 2^-52 at least, so that one certain error is no
    /// infinity.
    pub log_loss: f64,
    /// Expected calibration error: by how much the probability of the predicted class differs from the share of right
    /// ones, over 15 bins of equal width (Guo et al. 2017, equation 3).
    pub calibration_error: f64,
    /// One entry a class.
    pub per_class: Vec<ClassFigures>,
    /// How often a class of a row was taken for one of a column.
    pub confusion: Vec<Vec<u64>>,
}

impl ClassificationTally {
    /// Nothing yet of so many classes.
    pub fn new(classes: usize) -> Self {
        Self {
            confusion: vec![vec![0; classes]; classes],
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
        self.loss -= probabilities[label].max(f64::EPSILON).ln();
        let confidence = probabilities[predicted];
        let bin = (confidence * BINS as f64).ceil() as usize;
        let bin = &mut self.bins[bin.clamp(1, BINS) - 1];
        bin.count += 1;
        bin.right += u64::from(predicted == label);
        bin.confidence += confidence;
    }

    /// The figures; `None` of no items.
    pub fn finish(self) -> Option<Classification> {
        let sum = |counts: &[u64]| counts.iter().sum::<u64>();
        let items: u64 = self.confusion.iter().map(|row| sum(row)).sum();
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
            let (items, predicted) = (sum(row), self.confusion.iter().map(|row| row[class]).sum());
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
        let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
        let there = per_class.iter().filter(|class| class.items > 0);
        let known = per_class
            .iter()
            .filter(|class| class.items + class.predicted > 0);
        let gaps = self
            .bins
            .iter()
            .map(|bin| (bin.right as f64 - bin.confidence).abs());
        Some(Classification {
            items,
            accuracy: ratio(right, items),
            majority_share: ratio(per_class.iter().map(|class| class.items).max()?, items),
            balanced_accuracy: mean(there.map(|class| class.recall).collect()),
            macro_f1: mean(known.map(|class| class.f1).collect()),
            log_loss: self.loss / items as f64,
            calibration_error: gaps.sum::<f64>() / items as f64,
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
}
