//! Choosing a share of a sequence's tokens.

use std::ops::Range;

use crate::SampleRng;

/// Chooses about `share` of the tokens that `units` cover, whole units only, as ascending groups of adjacent units.
///
/// Units are visited in random order. Each one not yet chosen begins a group of up to `length(rng)` adjacent units. The number of
/// tokens is `share` of them, rounded up or down at random so that the share holds in the mean, and at least `at_least`;
/// a unit that would exceed it is passed over, but the first unit is taken anyway while fewer than `at_least` are chosen.
///
/// # Panics
/// If a unit is empty, in debug builds.
pub(super) fn choose(
    units: &[Range<usize>],
    share: f32,
    at_least: usize,
    rng: &mut SampleRng,
    mut length: impl FnMut(&mut SampleRng) -> usize,
) -> Vec<Range<usize>> {
    debug_assert!(units.iter().all(|unit| !unit.is_empty()));
    let tokens: usize = units.iter().map(Range::len).sum();
    let wanted = (share * tokens as f32 + rng.uniform()) as usize;
    let budget = wanted.max(at_least).min(tokens);
    let mut order: Vec<usize> = (0..units.len()).collect();
    rng.shuffle(&mut order);
    let mut chosen = vec![false; units.len()];
    let mut groups = Vec::new();
    let mut count = 0;
    for first in order {
        if count >= budget {
            break;
        }
        if chosen[first] {
            continue;
        }
        let mut group = units[first].start..units[first].start;
        for (unit, chosen) in units[first..]
            .iter()
            .zip(&mut chosen[first..])
            .take(length(rng))
        {
            let fits = count + unit.len() <= budget || count < at_least;
            if *chosen || unit.start != group.end || !fits {
                break;
            }
            *chosen = true;
            count += unit.len();
            group.end = unit.end;
        }
        if !group.is_empty() {
            groups.push(group);
        }
    }
    groups.sort_unstable_by_key(|group| group.start);
    groups
}

#[cfg(test)]
mod tests {
    use super::super::testing::rng;
    use super::*;

    #[test]
    fn a_group_runs_on_until_the_share_or_the_end_stops_it() {
        let units: Vec<_> = (0..30).map(|unit| 2 * unit..2 * unit + 2).collect();
        for index in 0..200 {
            let groups = choose(&units, 0.3, 1, &mut rng(index), |_| usize::MAX);
            let tokens: usize = groups.iter().map(Range::len).sum();
            assert_eq!(tokens, 18);
            let single = groups.len() == 1;
            assert!(single || groups.last().is_some_and(|group| group.end == 60));
        }
    }

    #[test]
    fn a_gap_between_units_ends_a_group() {
        let units = [1..2, 2..4, 5..6, 6..9];
        for index in 0..50 {
            let groups = choose(&units, 1.0, 1, &mut rng(index), |_| usize::MAX);
            assert!(
                groups
                    .iter()
                    .all(|group| group.end <= 4 || group.start >= 5)
            );
            assert_eq!(groups.into_iter().flatten().count(), 7);
        }
    }
}
