//! Labels written as text.

use std::collections::HashMap;

use crate::Ledger;
use crate::same_value::{Spellings, same_value};

/// Classes as labels tell them.
#[derive(Debug)]
pub(crate) struct Classes {
    /// The number of each label.
    pub(crate) numbers: Vec<Option<u32>>,
    /// The names of the classes by number: the distinct values, in the order of their values if all are whole numbers, else in the
    /// order of their bytes.
    pub(crate) names: Vec<String>,
    /// Which spellings count as one class, as [`same_value`] has it.
    pub(crate) ledger: Ledger,
}

/// The classes of some labels.
pub(crate) fn classes(labels: &[Option<String>]) -> Classes {
    let spellings = Spellings::of(labels.iter().flatten().map(String::as_str));
    let mut names = spellings.names();
    sort(&mut names);
    let places: HashMap<&str, u32> = names.iter().copied().zip(0..).collect();
    let number =
        |label: &Option<String>| label.as_deref().map(|label| places[spellings.name(label)]);
    let mut ledger = Ledger::default();
    ledger.add(spellings.remark("labels"));
    Classes {
        numbers: labels.iter().map(number).collect(),
        names: names.into_iter().map(str::to_owned).collect(),
        ledger,
    }
}

/// Sorts names by their values if all are whole numbers, else by their bytes.
pub(crate) fn sort(names: &mut [&str]) {
    let number = |name: &str| same_value(name).parse::<i128>().ok();
    names.sort_unstable();
    if names.iter().all(|name| number(name).is_some()) {
        // Equal numbers that are written otherwise, such as 7 and 07, are two.
        names.sort_by_key(|name| number(name));
    }
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
        assert_eq!(got.numbers, numbers);
        assert_eq!(got.names, names);
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

    #[test]
    fn the_same_value_is_one_class() {
        check(
            &["True", "FALSE", "True", "TRUE", "FALSE"],
            &[Some(1), Some(0), Some(1), Some(1), Some(0)],
            &["FALSE", "True"],
        );
        check(
            &["10", "2.0", "2"],
            &[Some(1), Some(0), Some(0)],
            &["2", "10"],
        );
        let labels = ["a", "a "].map(|label| Some(label.to_owned()));
        assert_eq!(classes(&labels).ledger.remarks().len(), 1);
    }
}
