//! How figures of predicted classes are shown: as tables, and as JSON.

use serde_json::{Value, json};
use tinderbox::transfer::Classification;

use crate::output::escaped;
use crate::table::{Table, figure};

/// Classes that have a row each; of more than these, those that are told worst.
const ROWS: usize = 20;
/// Of more, how many.
const WORST: usize = 10;
/// Characters of a class's name in a heading.
const NAME: usize = 16;

/// The figures of some ways to predict the same items, a way a column, and last that of always answering the most frequent class.
pub fn summary(ways: &[(&str, &Classification)], classes: &[String]) -> Table {
    let majority = ways[0].1.of_majority();
    let answer = majority.per_class.iter().position(|it| it.predicted > 0);
    let answer = answer.map_or(String::new(), |class| short(&classes[class]));
    let always = format!("always {answer}");
    let ways: Vec<(&str, &Classification)> = ways
        .iter()
        .copied()
        .chain([(always.as_str(), &majority)])
        .collect();
    let names = ways.iter().map(|(name, _)| *name);
    let mut table = Table::new(std::iter::once("of the test items").chain(names));
    let all: Vec<_> = ways.iter().map(|(_, way)| way.figures()).collect();
    for (name, _) in &all[0] {
        if *name == "majority_share" {
            continue;
        }
        let cell = |figures: &Vec<(&str, f64)>| {
            let found = figures.iter().find(|(other, _)| other == name);
            found.map_or(String::new(), |(name, value)| figure(name, *value))
        };
        let title = match *name {
            "macro_f1" => "macro F1".to_string(),
            name => name.replace('_', " "),
        };
        table.row(std::iter::once(title).chain(all.iter().map(cell)));
        if *name == "accuracy" {
            let interval = |(_, way): &(&str, &Classification)| {
                let interval = way.interval();
                format!(
                    "{:.1} to {:.1} %",
                    100.0 * interval.low,
                    100.0 * interval.high
                )
            };
            let intervals = ways[..ways.len() - 1].iter().map(interval);
            table.row(std::iter::once("  95 % interval".to_string()).chain(intervals));
        }
    }
    table
}

/// A row for each class, or for those with the lowest F1 of many: how many there are, how many are found, and what they are taken for.
pub fn per_class(of: &Classification, classes: &[String]) -> Table {
    let mut order: Vec<usize> = (0..classes.len()).collect();
    if order.len() > ROWS {
        let f1 = |class: &usize| of.per_class[*class].f1;
        order.sort_by(|a, b| f1(a).total_cmp(&f1(b)));
        order.truncate(WORST);
    }
    let first = match classes.len() {
        0..=ROWS => "class".to_string(),
        many => format!("worst of {many} classes"),
    };
    let mut table = Table::new([
        &first,
        "items",
        "recall",
        "precision",
        "F1",
        "mostly taken for",
    ]);
    for class in order {
        let figures = &of.per_class[class];
        let mistake = of.mostly_taken_for(class);
        let mistake = mistake.map_or(String::new(), |(other, count)| {
            format!("{} ({count})", short(&classes[other]))
        });
        let share = |value: f64| format!("{:.1} %", 100.0 * value);
        table.row([
            short(&classes[class]),
            figures.items.to_string(),
            share(figures.recall),
            share(figures.precision),
            share(figures.f1),
            mistake,
        ]);
    }
    table
}

/// All of it, the names of the classes and the interval of the accuracy with it.
pub fn to_json(of: &Classification, classes: &[String]) -> Value {
    let mut value = serde_json::to_value(of).expect("figures are plain data");
    let interval = of.interval();
    value["interval"] = json!([interval.low, interval.high]);
    value["classes"] = json!(classes);
    value
}

/// A name as far as it fits into a column.
fn short(name: &str) -> String {
    let name = escaped(name);
    match name.char_indices().nth(NAME) {
        Some(_) => name.chars().take(NAME - 1).chain(['\u{2026}']).collect(),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> (Classification, Vec<String>) {
        let probabilities = [[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]];
        let probabilities: Vec<Vec<f64>> = probabilities.iter().map(|p| p.to_vec()).collect();
        let of = Classification::of(&[0, 0, 0, 1], &probabilities, 2).unwrap();
        (of, ["ham", "spam"].map(String::from).to_vec())
    }

    #[test]
    fn the_majority_stands_beside_the_figures() {
        let (of, classes) = example();
        let text = summary(&[("probe", &of)], &classes).render();
        let lines: Vec<Vec<&str>> = text
            .lines()
            .map(|line| {
                line.split("  ")
                    .filter(|cell| !cell.is_empty())
                    .map(str::trim)
                    .collect()
            })
            .collect();
        assert_eq!(lines[0], ["of the test items", "probe", "always ham"]);
        assert_eq!(lines[1], ["accuracy", "75.0 %", "75.0 %"]);
        assert_eq!(lines[2][0], "95 % interval");
        assert_eq!(lines[3], ["balanced accuracy", "50.0 %", "50.0 %"]);
        assert_eq!(lines[4], ["macro F1", "42.9 %", "42.9 %"]);
        assert_eq!(lines[5][0], "log loss");
        assert!(!text.contains("majority"), "{text}");
    }

    #[test]
    fn a_class_is_shown_with_what_it_is_taken_for() {
        let (of, mut classes) = example();
        classes[0] = "a name that is far too long".into();
        let text = per_class(&of, &classes).render();
        assert!(text.contains("a name that is …"), "{text}");
        let spam = text.lines().last().unwrap();
        assert!(
            spam.ends_with("a name that is … (1)") && spam.contains("0.0 %"),
            "{text}"
        );
    }

    #[test]
    fn of_many_classes_the_worst_are_shown() {
        let labels: Vec<u32> = (0..60).map(|item| item % 30).collect();
        let predicted: Vec<u32> = labels
            .iter()
            .map(|&label| if label == 7 { 8 } else { label })
            .collect();
        let of = Classification::of_classes(&labels, &predicted, 30).unwrap();
        let classes: Vec<String> = (0..30).map(|class| format!("c{class}")).collect();
        let text = per_class(&of, &classes).render();
        assert_eq!(text.lines().count(), 1 + WORST);
        assert!(text.starts_with("worst of 30 classes"));
        assert!(text.lines().nth(1).unwrap().starts_with("c7 "), "{text}");
    }
}
