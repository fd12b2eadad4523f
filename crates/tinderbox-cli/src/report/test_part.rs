//! The figures of a test part, class by class, on a report's page.

use maud::{Markup, html};
use serde::Deserialize;
use tinderbox::transfer::Classification;

use super::table;
use crate::class_figures::{per_class, summary};

/// Classes whose confusion is shown; more fill no page.
const CLASSES: usize = 30;

/// What `test.json` holds.
#[derive(Debug, Clone, Deserialize)]
pub struct TestReport {
    /// The figures.
    #[serde(flatten)]
    pub of: Classification,
    /// Names of the classes.
    pub classes: Vec<String>,
}

impl TestReport {
    /// Its part of the page.
    pub(super) fn section(&self) -> Markup {
        let Self { of, classes } = self;
        html! {
            h2 { "Test part" }
            (table(summary(&[("this model", of)], classes).into_cells()))
            (table(per_class(of, classes).into_cells()))
            @if classes.len() <= CLASSES {
                h3 { "Confusion" }
                (table(self.confusion()))
                p.soft { "Items of the class of a row that were taken for the class of a column." }
            }
        }
    }

    fn confusion(&self) -> (Vec<String>, Vec<Vec<String>>) {
        let heading = std::iter::once("class").chain(self.classes.iter().map(String::as_str));
        let rows = self.classes.iter().zip(&self.of.confusion);
        let row = |(class, counts): (&String, &Vec<u64>)| {
            let counts = counts.iter().map(u64::to_string);
            std::iter::once(class.clone()).chain(counts).collect()
        };
        (heading.map(String::from).collect(), rows.map(row).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class_figures::to_json;

    #[test]
    fn names_are_escaped_and_counts_are_shown() {
        let classes = ["<b>".to_string(), "spam".into()];
        let of = Classification::of_classes(&[0, 0, 1], &[0, 1, 1], 2).unwrap();
        let test: TestReport = serde_json::from_value(to_json(&of, &classes)).unwrap();
        let page = test.section().into_string();
        assert!(
            page.contains("&lt;b&gt;") && !page.contains("<b>"),
            "{page}"
        );
        assert!(
            page.contains("<td>&lt;b&gt;</td><td>1</td><td>1</td>"),
            "{page}"
        );
        assert!(page.contains("balanced accuracy"));
    }
}
