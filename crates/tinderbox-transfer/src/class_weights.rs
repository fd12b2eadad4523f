//! How much the examples of each class count.

use serde::{Deserialize, Serialize};

/// What the examples of a class count in a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeights {
    /// Every example counts 1, so a frequent class counts more than a rare one.
    #[default]
    None,
    /// An example counts `n / (K n_c)` for `n` examples of `K` classes, `n_c` of its own: all classes count the same, as by
    /// scikit-learn's `class_weight="balanced"` (King and Zeng 2001).
    Balanced,
}

impl ClassWeights {
    /// The weight of each of `classes`; 0 for a class without examples, which `K` leaves out.
    pub fn of(self, labels: &[usize], classes: usize) -> Vec<f64> {
        let mut counts = vec![0_usize; classes];
        labels.iter().for_each(|&label| counts[label] += 1);
        let seen = counts.iter().filter(|&&count| count > 0).count();
        let weight = |count: usize| match (self, count) {
            (_, 0) => 0.0,
            (Self::None, _) => 1.0,
            (Self::Balanced, count) => labels.len() as f64 / (seen * count) as f64,
        };
        counts.into_iter().map(weight).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::ClassWeights;

    #[test]
    fn balanced_classes_count_the_same_and_all_examples_count_n() {
        let labels = [0, 0, 0, 2, 2, 2, 2, 2, 2, 2];
        let weights = ClassWeights::Balanced.of(&labels, 4);
        assert_eq!(weights, [10.0 / 6.0, 0.0, 10.0 / 14.0, 0.0]);
        let total: f64 = labels.iter().map(|&label| weights[label]).sum();
        assert!((total - 10.0).abs() < 1e-12);
        assert_eq!(ClassWeights::None.of(&labels, 3), [1.0, 0.0, 1.0]);
    }
}
