//! The weighted nearest-neighbour classifier over cosine similarity.

use std::cmp::Ordering;

use rayon::prelude::*;

use crate::feature_matrix::{FeatureMatrix, accuracy};
use crate::vector::{dot_f32, unit_rows};

/// Queries one task works on together, so that a block of the training rows is read from cache.
const QUERY_BLOCK: usize = 16;

/// Values of the training rows in such a block: 128 KiB, which fits a level-2 cache.
const TRAIN_BLOCK_VALUES: usize = 32 * 1024;

/// A nearest-neighbour classifier: no training, no parameters to tune, and so the quickest honest
/// look at what an encoder has learnt.
///
/// ```text
/// score(c) = sum over the k most similar training rows i with label c of exp(cos(q, x_i) / t)
/// ```
///
/// Wu, Xiong, Yu and Lin, "Unsupervised Feature Learning via Non-Parametric Instance
/// Discrimination" (2018), section 3.4. The class of the highest score wins; of equal classes the
/// lowest, and of equally similar rows the earlier, so that a result never depends on threads. The
/// lengths of the vectors do not matter; a zero vector has similarity 0 to all. A similarity that
/// is not a number counts as the lowest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Knn {
    /// Neighbours that vote; all training rows when there are fewer.
    pub k: usize,
    /// Temperature of the votes, positive: the lower, the more the nearest count.
    pub temperature: f64,
}

impl Default for Knn {
    /// 20 neighbours, temperature 0.07 (the paper's, as for its loss).
    fn default() -> Self {
        Self {
            k: 20,
            temperature: 0.07,
        }
    }
}

impl Knn {
    /// The class of each query.
    ///
    /// Takes `queries.rows * train.rows * dim` multiplications, on all of rayon's threads, and
    /// memory for a copy of both matrices.
    ///
    /// # Panics
    /// If there are no training rows, not one label a training row, the matrices differ in `dim`,
    /// `k` is 0 or `temperature` is not a positive finite number.
    pub fn predict(
        &self,
        train: &FeatureMatrix,
        labels: &[u32],
        queries: &FeatureMatrix,
    ) -> Vec<u32> {
        assert!(train.rows > 0, "kNN without training rows");
        assert_eq!(
            train.rows,
            labels.len(),
            "kNN: {} training rows, {} labels",
            train.rows,
            labels.len()
        );
        assert_eq!(
            train.dim, queries.dim,
            "kNN: training rows of {} values, queries of {}",
            train.dim, queries.dim
        );
        assert!(self.k > 0, "kNN: k must be at least 1, got 0");
        assert!(
            self.temperature > 0.0 && self.temperature.is_finite(),
            "kNN: temperature must be a positive finite number, got {}",
            self.temperature
        );
        let (train, queries) = (unit_rows(train), unit_rows(queries));
        let starts: Vec<usize> = (0..queries.rows).step_by(QUERY_BLOCK).collect();
        starts
            .par_iter()
            .flat_map_iter(|&start| {
                let end = (start + QUERY_BLOCK).min(queries.rows);
                let nearest = self.nearest(&train, &queries, start..end);
                nearest.into_iter().map(|found| self.vote(&found, labels))
            })
            .collect()
    }

    /// The `k` most similar training rows of a block of queries.
    fn nearest(
        &self,
        train: &FeatureMatrix,
        queries: &FeatureMatrix,
        block: std::ops::Range<usize>,
    ) -> Vec<Vec<Neighbour>> {
        let k = self.k.min(train.rows);
        let mut nearest = vec![Vec::with_capacity(k + 1); block.len()];
        let rows = (TRAIN_BLOCK_VALUES / train.dim.max(1)).max(1);
        for first in (0..train.rows).step_by(rows) {
            let last = (first + rows).min(train.rows);
            for (found, query) in nearest.iter_mut().zip(block.clone()) {
                for row in first..last {
                    let similarity = dot_f32(queries.row(query), train.row(row));
                    keep_nearest(found, k, Neighbour::new(row, similarity));
                }
            }
        }
        nearest
    }

    /// The class of the highest score among the neighbours.
    fn vote(&self, neighbours: &[Neighbour], labels: &[u32]) -> u32 {
        // Similarities relative to the nearest keep the exponentials within 0..=1 at any
        // temperature; all scores shrink by one factor, so their order stays.
        let top = f64::from(neighbours[0].similarity);
        let mut votes: Vec<(u32, f64)> = neighbours
            .iter()
            .map(|n| {
                let below = f64::from(n.similarity) - top;
                (labels[n.row], (below / self.temperature).exp())
            })
            .collect();
        // Stable: the votes of a class are added from the nearest on.
        votes.sort_by_key(|&(label, _)| label);
        votes
            .chunk_by(|a, b| a.0 == b.0)
            .map(|votes| (votes[0].0, votes.iter().map(|v| v.1).sum::<f64>()))
            .reduce(|best, next| if next.1 > best.1 { next } else { best })
            .map_or(0, |(label, _)| label)
    }
}

/// Accuracy of the default [`Knn`] on labelled queries, in `0..=1`.
///
/// # Panics
/// As [`Knn::predict`] does; if there is not one query label a query, or there are no queries.
pub fn knn_accuracy(
    train: &FeatureMatrix,
    train_labels: &[u32],
    queries: &FeatureMatrix,
    query_labels: &[u32],
) -> f64 {
    let predicted = Knn::default().predict(train, train_labels, queries);
    accuracy(&predicted, query_labels)
}

/// A training row and how similar it is to a query.
#[derive(Debug, Clone, Copy)]
struct Neighbour {
    row: usize,
    similarity: f32,
}

impl Neighbour {
    fn new(row: usize, similarity: f32) -> Self {
        let similarity = if similarity.is_nan() {
            f32::MIN
        } else {
            similarity
        };
        Self { row, similarity }
    }

    /// Nearer first; of equals the earlier row.
    fn order(&self, other: &Self) -> Ordering {
        let by_similarity = other.similarity.total_cmp(&self.similarity);
        by_similarity.then(self.row.cmp(&other.row))
    }
}

/// Puts `new` at its place among the sorted `found`, which stays at most `k` long.
fn keep_nearest(found: &mut Vec<Neighbour>, k: usize, new: Neighbour) {
    if found.len() == k && new.order(&found[k - 1]) == Ordering::Greater {
        return;
    }
    let place = found.partition_point(|n| n.order(&new) == Ordering::Less);
    found.insert(place, new);
    found.truncate(k);
}
