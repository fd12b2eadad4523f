//! The choice among penalties by cross-validation.

use rayon::prelude::*;

use crate::linear_probe::{LinearProbeConfig, ProbeStage};
use crate::softmax_regression::Regression;
use crate::stats::{mean, standard_deviation};
use crate::stratified_folds::{Fold, stratified_folds};

/// Folds of the choice among penalties, when every class has as many labels.
const FOLDS: usize = 5;

/// Most rows that the choice looks at: the best penalty of a sum over rows hardly depends on their number.
const CHOICE_ROWS: usize = 20_000;

/// With more rows than these, a single fold tells the penalties apart.
const FOLDED_ROWS: usize = 5_000;

/// Fewer rows held out tell nothing.
const LEAST_HELD_OUT: usize = 10;

/// Fits that only choose end sooner.
const CHOICE_TOLERANCE: f64 = 1e-4;

/// A loss that lies by this share above the least one rises.
const RISEN: f64 = 0.01;

/// The penalty unless the labels speak for another; see [`LinearProbeConfig`].
const DEFAULT_L2: f64 = 10.0;

/// The penalty, and where to begin the fit by it.
pub(crate) fn choose(
    config: &LinearProbeConfig,
    all: &Regression<'_>,
    watch: &mut dyn FnMut(ProbeStage),
) -> (f64, Vec<f64>) {
    // From the strongest on: each fit starts at the one before, which is close.
    let mut candidates = config.l2.clone();
    candidates.sort_by(|a, b| b.total_cmp(a));
    candidates.dedup();
    let nearest = nearest_to_default(&candidates);
    let some = all.on(spread(&all.rows, CHOICE_ROWS));
    let folds = match candidates.len() > 1 && all.classes() > 1 {
        true => stratified_folds(&some.labels(), all.classes(), FOLDS),
        false => None,
    };
    let held_out = |folds: &[Fold]| folds.iter().map(|fold| fold.held_out.len()).sum::<usize>();
    let enough = LEAST_HELD_OUT.max(some.rows.len().div_ceil(2));
    let Some(mut folds) = folds.filter(|folds| held_out(folds) >= enough) else {
        return (candidates[nearest], all.start());
    };
    if some.rows.len() > FOLDED_ROWS {
        folds.truncate(1);
    }
    let mut paths: Vec<Path<'_>> = folds
        .iter()
        .map(|fold| {
            let rows = |places: &[usize]| places.iter().map(|&i| some.rows[i]).collect();
            Path {
                train: all.on(rows(&fold.train)),
                held_out: all.on(rows(&fold.held_out)),
                at: all.start(),
            }
        })
        .collect();
    let mut trials: Vec<Trial> = Vec::new();
    for (number, &l2) in candidates.iter().enumerate() {
        watch(ProbeStage::Choose {
            l2,
            number,
            of: candidates.len(),
        });
        let tolerance = config.tolerance.max(CHOICE_TOLERANCE);
        let losses: Vec<Vec<f64>> = paths
            .par_iter_mut()
            .map(|path| path.follow(l2, config.max_iter, tolerance))
            .collect();
        trials.push(Trial {
            losses: losses.concat(),
            start: paths[0].at.clone(),
        });
        let best = best_of(&trials);
        // The loss falls, and then rises: what is weaker still is worse still, and takes longest.
        if number > nearest && trials[number].mean() > (1.0 + RISEN) * trials[best].mean() {
            break;
        }
    }
    let chosen = choice(&trials, nearest);
    (candidates[chosen], trials.swap_remove(chosen).start)
}

/// A fit of some of the rows, from penalty to penalty, and the rows that judge it.
struct Path<'d> {
    train: Regression<'d>,
    held_out: Regression<'d>,
    at: Vec<f64>,
}

impl Path<'_> {
    /// Fits by the next penalty, and returns the losses of the rows held out.
    fn follow(&mut self, l2: f64, max_iter: usize, tolerance: f64) -> Vec<f64> {
        let start = std::mem::take(&mut self.at);
        self.at = self.train.fit(l2, start, max_iter, tolerance).x;
        self.held_out.losses(&self.at)
    }
}

/// A candidate and what the rows held out say of it.
struct Trial {
    losses: Vec<f64>,
    /// A fit by it.
    start: Vec<f64>,
}

impl Trial {
    fn mean(&self) -> f64 {
        self.losses.iter().sum::<f64>() / self.losses.len() as f64
    }

    /// How much lower the loss is than that of another, and the standard error of that: the same rows judge both.
    fn lead(&self, other: &Self) -> (f64, f64) {
        let pairs = self.losses.iter().zip(&other.losses);
        let leads: Vec<f64> = pairs.map(|(ours, theirs)| theirs - ours).collect();
        let error = standard_deviation(&leads) / (leads.len() as f64).sqrt();
        (mean(&leads), error)
    }
}

/// The trial of the least loss; of equals the first.
fn best_of(trials: &[Trial]) -> usize {
    let mut best = 0;
    for (i, trial) in trials.iter().enumerate() {
        if trial.mean() < trials[best].mean() {
            best = i;
        }
    }
    best
}

/// The trial of the least loss, unless its lead over the default is within the error.
fn choice(trials: &[Trial], default: usize) -> usize {
    let best = best_of(trials);
    let Some(by_default) = trials.get(default) else {
        return best;
    };
    let (lead, error) = trials[best].lead(by_default);
    if lead > error { best } else { default }
}

/// The place of the candidate that is nearest to the default in ratio; of equals the stronger.
fn nearest_to_default(candidates: &[f64]) -> usize {
    let distance = |l2: f64| (l2 / DEFAULT_L2).ln().abs();
    let mut nearest = 0;
    for (i, l2) in candidates.iter().enumerate() {
        if distance(*l2) < distance(candidates[nearest]) {
            nearest = i;
        }
    }
    nearest
}

/// At most `most` of some rows, evenly spread.
fn spread(rows: &[usize], most: usize) -> Vec<usize> {
    let count = rows.len().min(most);
    (0..count)
        .map(|i| rows[(i as u128 * rows.len() as u128 / count as u128) as usize])
        .collect()
}
