//! Correlation of ranks.

/// Spearman's rank correlation: Pearson's of the ranks, where equal values share the mean of theirs; none if one side is constant
/// or there are fewer than two pairs.
///
/// Spearman 1904, "The Proof and Measurement of Association between Two Things".
///
/// ```
/// use tinderbox_transfer::spearman;
/// assert_eq!(spearman(&[1.0, 2.0, 3.0], &[10.0, 100.0, 1000.0]), Some(1.0));
/// assert_eq!(spearman(&[1.0, 2.0, 3.0], &[5.0, 5.0, 5.0]), None);
/// ```
///
/// # Panics
/// If the lengths differ or a value is not a number.
pub fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    assert_eq!(
        a.len(),
        b.len(),
        "pairs of {} and {} values",
        a.len(),
        b.len()
    );
    let (a, b) = (ranks(a), ranks(b));
    // The mean of ranks is the same whatever the ties.
    let mean = (a.len() as f64 + 1.0) / 2.0;
    let covariance = |a: &[f64], b: &[f64]| -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum()
    };
    let scale = (covariance(&a, &a) * covariance(&b, &b)).sqrt();
    (scale > 0.0).then(|| (covariance(&a, &b) / scale).clamp(-1.0, 1.0))
}

/// The rank of each value from 1, of equal ones the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    assert!(
        values.iter().all(|value| !value.is_nan()),
        "the rank of what is not a number"
    );
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for equal in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let last = before + equal.len();
        for place in equal {
            ranks[*place] = (before + 1 + last) as f64 / 2.0;
        }
        before = last;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_the_mean_of_their_ranks() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
        // Both zeros are one value, whatever their signs.
        assert_eq!(ranks(&[0.0, -0.0, -1.0]), [2.5, 2.5, 1.0]);
    }

    #[test]
    fn what_has_no_order_has_no_correlation() {
        assert_eq!(spearman(&[], &[]), None);
        assert_eq!(spearman(&[1.0], &[2.0]), None);
        assert_eq!(spearman(&[1.0, 1.0], &[1.0, 2.0]), None);
    }
}
