//! Labels written as text.

/// The number of each label and the names of the classes by number.
///
/// Names are the distinct labels, in the order of their values if all are whole numbers, else in the order of their bytes.
pub(crate) fn classes(labels: &[Option<String>]) -> (Vec<Option<u32>>, Vec<String>) {
    let mut names: Vec<&str> = labels.iter().flatten().map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    let numbers: Option<Vec<i128>> = names.iter().map(|name| name.parse().ok()).collect();
    if numbers.is_some() {
        // Equal numbers that are written otherwise, such as 7 and 07, stay two classes.
        names.sort_by_key(|name| (name.parse::<i128>().unwrap_or(i128::MAX), *name));
    }
    let places: std::collections::HashMap<&str, u32> = names.iter().copied().zip(0..).collect();
    let numbers = labels
        .iter()
        .map(|label| label.as_deref().map(|label| places[label]))
        .collect();
    let names = names.into_iter().map(str::to_owned).collect();
    (numbers, names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(labels: &[&str], numbers: &[Option<u32>], names: &[&str]) {
        let labels: Vec<_> = labels
            .iter()
            .map(|label| (!label.is_empty()).then(|| (*label).to_owned()))
            .collect();
        let got = classes(&labels);
        assert_eq!(got.0, numbers);
        assert_eq!(got.1, names);
    }

    #[test]
    fn classes_are_the_distinct_labels_in_order() {
        let cats = ["cat", "", "ant", "cat"];
        check(&cats, &[Some(1), None, Some(0), Some(1)], &["ant", "cat"]);
        check(&["10", "9"], &[Some(1), Some(0)], &["9", "10"]);
        check(
            &["10", "9", "x"],
            &[Some(0), Some(1), Some(2)],
            &["10", "9", "x"],
        );
        check(&["7", "07"], &[Some(1), Some(0)], &["07", "7"]);
        check(&[], &[], &[]);
    }
}
