//! How many times as fast one side is as the other, from rounds in which both took their turn.

/// Seconds of each step of one side, a list a round.
pub type Rounds = Vec<Vec<f64>>;

/// A ratio of medians with its spread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// Of the medians over all steps of all rounds.
    pub value: f64,
    /// The least of the rounds' own ratios of medians.
    pub least: f64,
    /// The most of them.
    pub most: f64,
}

/// The time of `peer` over that of `ours`: above 1 ours is faster.
///
/// # Panics
/// If there is no round, a round is empty, or the two have different numbers of rounds.
pub fn ratio(ours: &Rounds, peer: &Rounds) -> Ratio {
    assert_eq!(ours.len(), peer.len(), "both sides take part in each round");
    let each: Vec<f64> = ours
        .iter()
        .zip(peer)
        .map(|(ours, peer)| median(peer) / median(ours))
        .collect();
    Ratio {
        value: overall(peer) / overall(ours),
        least: each.iter().copied().fold(f64::INFINITY, f64::min),
        most: each.iter().copied().fold(0.0, f64::max),
    }
}

/// The median over all steps of all rounds.
pub fn overall(rounds: &Rounds) -> f64 {
    median(&rounds.concat())
}

/// The middle, or the mean of the middle two.
///
/// # Panics
/// If there are no samples.
pub fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) {
        (sorted[middle - 1] + sorted[middle]) / 2.0
    } else {
        sorted[middle]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn the_ratio_is_of_all_steps_and_its_spread_of_rounds() {
        let ours = vec![vec![1.0, 1.0, 9.0], vec![2.0], vec![1.0]];
        let peer = vec![vec![3.0, 3.0], vec![3.0, 3.0], vec![4.0, 4.0]];
        let expected = Ratio {
            value: 3.0,
            least: 1.5,
            most: 4.0,
        };
        assert_eq!(ratio(&ours, &peer), expected);
    }

    #[test]
    fn a_machine_that_slows_down_changes_no_ratio() {
        let slowing = |seconds: f64| (1..=5).map(|round| vec![seconds * round as f64]).collect();
        let found = ratio(&slowing(1.0), &slowing(1.5));
        assert_eq!((found.value, found.least, found.most), (1.5, 1.5, 1.5));
    }
}
