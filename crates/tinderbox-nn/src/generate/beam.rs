//! Beam search.

use super::sampling::log_softmax;
use super::{Hypothesis, Search};

/// Replaces the open hypotheses by their best continuations.
///
/// As in Hugging Face's `generate` with its defaults: of twice as many continuations as there are beams, those that end and are
/// among the first half are finished, and of those that go on the best are kept. The search is over once the best open one, at
/// its present length, ranks no higher than the worst of a full set of finished ones.
pub(super) fn advance(
    search: &mut Search,
    logits: &[Vec<f32>],
    beams: usize,
    length_penalty: f64,
    end: Option<u32>,
    last: bool,
) {
    let mut continuations: Vec<(f64, usize, usize)> = Vec::new();
    for (beam, (hypothesis, logits)) in search.open.iter().zip(logits).enumerate() {
        let scores = log_softmax(logits).into_iter().enumerate();
        let mut of_beam: Vec<_> = scores
            .map(|(token, score)| (hypothesis.score + score, beam, token))
            .collect();
        keep_best(&mut of_beam, 2 * beams);
        continuations.extend(of_beam);
    }
    keep_best(&mut continuations, 2 * beams);

    let length = search.open[0].tokens.len() + 1 - search.prompt;
    let divisor = (length as f64).powf(length_penalty);
    let mut open = Vec::with_capacity(beams);
    for (rank, (score, beam, token)) in continuations.into_iter().enumerate() {
        let ends = last || end == Some(token as u32);
        let wanted = match ends {
            true => rank < beams,
            false => open.len() < beams,
        };
        if !wanted {
            continue;
        }
        let mut tokens = search.open[beam].tokens.clone();
        tokens.push(token as u32);
        match ends {
            true => search.finished.push(Hypothesis {
                tokens,
                score: score / divisor,
            }),
            false => open.push(Hypothesis { tokens, score }),
        }
    }
    // Stable: of equals the earlier one stays before.
    let by_score = |a: &Hypothesis, b: &Hypothesis| b.score.total_cmp(&a.score);
    search.finished.sort_by(by_score);
    search.finished.truncate(beams);
    search.open = open;
    if let (Some(best), Some(worst)) = (search.open.first(), search.finished.get(beams - 1))
        && best.score / divisor <= worst.score
    {
        search.open.clear();
    }
}

/// The `count` best by their score, the best first; of equals the first.
fn keep_best(continuations: &mut Vec<(f64, usize, usize)>, count: usize) {
    let order = |a: &(f64, usize, usize), b: &(f64, usize, usize)| {
        let by_score = b.0.total_cmp(&a.0);
        by_score.then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2))
    };
    if continuations.len() > count {
        continuations.select_nth_unstable_by(count, order);
        continuations.truncate(count);
    }
    continuations.sort_unstable_by(order);
}
