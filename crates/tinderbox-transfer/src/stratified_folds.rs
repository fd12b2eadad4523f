//! Folds of cross-validation that keep the shares of the classes.

/// Rows to fit on and rows to validate on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fold {
    pub(crate) train: Vec<usize>,
    pub(crate) held_out: Vec<usize>,
}

/// Deals the rows of each class over the folds in turn.
///
/// There are `folds` of them, or as many as the most frequent class has rows; `None` if no class of `0..classes` has two. A class
/// with rows is in the training part of every fold: a single row is never held out. Nothing is random.
pub(crate) fn stratified_folds(
    labels: &[usize],
    classes: usize,
    folds: usize,
) -> Option<Vec<Fold>> {
    let mut counts = vec![0usize; classes];
    labels.iter().for_each(|&l| counts[l] += 1);
    let folds = folds.min(counts.iter().copied().max()?);
    if folds < 2 {
        return None;
    }
    // Each class starts where the one before ended, so that the folds' sizes differ by one at most.
    let mut next: Vec<usize> = counts
        .iter()
        .scan(0, |end, count| {
            let start = *end;
            *end += count;
            Some(start)
        })
        .collect();
    let fold_of: Vec<Option<usize>> = labels
        .iter()
        .map(|&l| {
            next[l] += 1;
            (counts[l] > 1).then_some((next[l] - 1) % folds)
        })
        .collect();
    Some(
        (0..folds)
            .map(|fold| {
                let (held_out, train) = (0..labels.len()).partition(|&i| fold_of[i] == Some(fold));
                Fold { train, held_out }
            })
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_held_out_once_and_every_class_is_everywhere() {
        let labels: Vec<usize> = (0..47).map(|i| (i * i) % 3).collect();
        let classes = 2; // 0 and 1: squares modulo 3
        let folds = stratified_folds(&labels, classes, 5).unwrap();
        let mut held: Vec<usize> = folds.iter().flat_map(|f| f.held_out.clone()).collect();
        held.sort_unstable();
        assert_eq!(held, (0..47).collect::<Vec<_>>());
        for fold in &folds {
            assert!((9..=10).contains(&fold.held_out.len()));
            assert_eq!(fold.train.len() + fold.held_out.len(), 47);
            for class in 0..classes {
                assert!(fold.train.iter().any(|&i| labels[i] == class));
                assert!(fold.held_out.iter().any(|&i| labels[i] == class));
            }
        }
    }

    #[test]
    fn a_rare_class_costs_no_folds_and_is_always_trained_on() {
        let labels = [0, 0, 0, 0, 0, 0, 1, 1, 2];
        let folds = stratified_folds(&labels, 4, 5).unwrap();
        assert_eq!(folds.len(), 5);
        let mut held: Vec<usize> = folds.iter().flat_map(|f| f.held_out.clone()).collect();
        held.sort_unstable();
        assert_eq!(held, [0, 1, 2, 3, 4, 5, 6, 7]);
        for fold in &folds {
            for class in 0..3 {
                assert!(fold.train.iter().any(|&i| labels[i] == class));
            }
        }
    }

    #[test]
    fn single_rows_cannot_be_held_out() {
        assert_eq!(stratified_folds(&[0, 0, 1], 2, 5).unwrap().len(), 2);
        assert_eq!(stratified_folds(&[0, 1, 2], 3, 5), None);
    }
}
