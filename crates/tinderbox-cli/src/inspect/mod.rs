//! What `tinderbox data inspect` finds in a file or folder: figures, charts, example views, and a recipe to begin with.
//!
//! [`Source::find`] says what kind of data a path leads to; a file beside this one looks at each kind and fills an
//! [`Inspection`], which prints as text and, with its charts and pictures, as a page.

mod annotated;
mod images;
mod page;
mod sound;
mod source;
mod tabular;
mod text;

use std::path::{Component, Path};

use serde_json::{Value, json};

use tinderbox::data::{Ledger, SplitFolders, split_folders};

use crate::error::CliError;
use crate::output::escaped;
use crate::table::Table;

pub use source::Source;

/// Items that are looked into, evenly spread, where looking costs time.
const SAMPLE: usize = 500;
/// Classes with a bar of their own.
const CLASSES: usize = 30;

/// What there is in a data set.
#[derive(Debug, Clone, Default)]
pub struct Inspection {
    /// What kind of data it is, such as `images`.
    pub kind: &'static str,
    /// Name and value of each figure, in order.
    pub facts: Vec<(String, String)>,
    /// Distributions.
    pub charts: Vec<Chart>,
    /// More to read, for a terminal.
    pub details: String,
    /// What is not used as it was given.
    pub ledger: Ledger,
    /// What to mind before training.
    pub warnings: Vec<String>,
    /// Examples as PNG, with what they show.
    pub sheet: Option<(Vec<u8>, String)>,
    /// A recipe, or the part of one that concerns the data, to edit.
    pub recipe: String,
}

/// How many there are of each, as bars.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// What is counted.
    pub title: String,
    /// What to think of it.
    pub hint: String,
    /// What a bar stands for, and its count.
    pub bars: Vec<(String, u64)>,
}

/// So many times the items of the rarest class in the largest are worth a word.
const UNEVEN: u64 = 5;

impl Inspection {
    /// Looks at a file or folder.
    ///
    /// # Errors
    /// If there is nothing that can be read, or the kind of data cannot be told.
    pub fn of(path: &Path) -> Result<Self, CliError> {
        let mut inspection = match Source::find(path)? {
            Source::Table(file) => tabular::inspect(&file)?,
            Source::Images(recipe) => images::inspect(&recipe)?,
            Source::Text(path) => text::inspect(&path)?,
            Source::Tags(path) => annotated::tags(&path)?,
            Source::Questions(path) => annotated::questions(&path)?,
            Source::Sound(folder) => sound::inspect(&folder)?,
        };
        if let Some(rest) = inspection.recipe.strip_prefix("version = 1\n") {
            let name = toml::Value::from(name_of(path));
            inspection.recipe =
                format!("version = 1\nname = {name} # of the run: runs/NAME\n{rest}");
        }
        Ok(inspection)
    }

    /// For a terminal.
    pub fn to_text(&self) -> String {
        let mut table = Table::new([self.kind, ""]).left();
        for (name, value) in &self.facts {
            table.row([name, value]);
        }
        let mut text = table.render();
        if !self.details.is_empty() {
            text += "\n";
            text += &self.details;
        }
        for remark in self.ledger.remarks() {
            text += &format!("\nnote: {}", escaped(&remark.to_string()));
        }
        for warning in &self.warnings {
            text += &format!("\nmind: {warning}");
        }
        if !self.warnings.is_empty() || !self.ledger.is_empty() {
            text += "\n";
        }
        text
    }

    /// For scripts.
    pub fn to_json(&self) -> Value {
        let facts = self.facts.iter();
        let charts = self.charts.iter();
        json!({
            "kind": self.kind,
            "facts": facts.map(|(name, value)| (name.clone(), json!(value))).collect::<serde_json::Map<_, _>>(),
            "charts": charts.map(|chart| json!({"title": chart.title, "bars": chart.bars})).collect::<Value>(),
            "ledger": self.ledger,
            "warnings": self.warnings,
            "recipe": self.recipe,
        })
    }

    /// One file with everything, which needs no network.
    pub fn to_html(&self, title: &str) -> String {
        page::render(self, title)
    }

    fn fact(&mut self, name: &str, value: impl ToString) {
        self.facts.push((name.to_owned(), value.to_string()));
    }

    /// How many items each class has; nothing without classes.
    fn classes(&mut self, names: &[String], labels: impl Iterator<Item = Option<u32>>) {
        let mut counts: Vec<(String, u64)> = names.iter().map(|name| (name.clone(), 0)).collect();
        let mut without = 0;
        for label in labels {
            match label {
                Some(label) => counts[label as usize].1 += 1,
                None => without += 1,
            }
        }
        self.fact("classes", counts.len());
        if counts.is_empty() {
            return;
        }
        if let Some(split) = split_folders(names.iter().map(String::as_str)) {
            let SplitFolders { train, test } = split;
            self.warnings.push(format!(
                "the folders `{}` are the parts of a split and no classes: name `{train}` as `data.path` and `{test}` as `data.test_path`",
                names.join("`, `")
            ));
        }
        let least = counts.iter().map(|(_, count)| *count).min();
        let largest = counts.iter().map(|(_, count)| *count).max();
        let (least, largest) = (least.unwrap_or(0), largest.unwrap_or(0));
        self.fact("items a class", format!("{least} to {largest}"));
        self.fact("without a label", without);
        if largest >= UNEVEN * least.max(1) {
            self.warnings.push(format!(
                "the largest class has {largest} items and the rarest {least}: accuracy then says little of the rare ones; \
                 fine-tuning prints balanced accuracy, too, and `--set objective.class_weights=balanced` trains for it"
            ));
        }
        if least < 10 {
            self.warnings.push(format!(
                "the rarest class has {least} items; what is measured on it says little"
            ));
        }
        self.charts.push(Chart::of_classes(counts, CLASSES));
    }

    /// Which of the items that were looked into cannot be read, and why.
    fn unreadable(&mut self, reasons: &[String], looked_at: usize, what: &str) {
        if let Some(first) = reasons.first() {
            let count = reasons.len();
            self.warnings.push(format!(
                "{count} of {looked_at} {what} cannot be read, the first: {first}"
            ));
        }
    }

    /// How many items are equal to one before them.
    fn repeats(&mut self, repeats: usize, what: &str) {
        self.fact("exact repeats", repeats);
        if repeats > 0 {
            self.warnings.push(format!(
                "{repeats} {what} are equal to one before them; where such a pair falls into both training and test part, the \
                 accuracy that is measured is too good"
            ));
        }
    }
}

impl Chart {
    /// Bars for at most `most` classes, the largest first; the others are one bar.
    fn of_classes(mut counts: Vec<(String, u64)>, most: usize) -> Self {
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let others = counts.split_off(most.min(counts.len()));
        if !others.is_empty() {
            let together = others.iter().map(|(_, count)| count).sum();
            counts.push((format!("{} others", others.len()), together));
        }
        Self {
            title: "Classes".to_owned(),
            hint: "Items of each; rare ones are hard to learn and to measure.".to_owned(),
            bars: counts,
        }
    }

    /// A histogram of equal intervals; none without values.
    fn histogram(title: &str, hint: &str, values: &[f64], bins: usize) -> Option<Self> {
        let finite = || values.iter().copied().filter(|value| value.is_finite());
        let (least, most) = (finite().reduce(f64::min)?, finite().reduce(f64::max)?);
        let width = (most - least) / bins as f64;
        let bins = if width > 0.0 { bins } else { 1 };
        let mut counts = vec![0; bins];
        for value in finite() {
            let bin = if width > 0.0 {
                ((value - least) / width) as usize
            } else {
                0
            };
            counts[bin.min(bins - 1)] += 1;
        }
        Some(Self::of_bins(title, hint, (least, most), &counts))
    }

    /// A histogram whose counts are known, from the least to the largest value.
    fn of_bins(title: &str, hint: &str, (least, most): (f64, f64), counts: &[u64]) -> Self {
        let width = (most - least) / counts.len().max(1) as f64;
        let from = |bin: usize| crate::table::tidy(least + width * bin as f64);
        Self {
            title: title.to_owned(),
            hint: hint.to_owned(),
            bars: counts
                .iter()
                .enumerate()
                .map(|(bin, count)| (format!("from {}", from(bin)), *count))
                .collect(),
        }
    }
}

/// Up to [`SAMPLE`] indices, evenly spread.
fn spread(items: usize) -> impl Iterator<Item = usize> {
    let count = items.min(SAMPLE);
    (0..count).map(move |place| place * items / count)
}

/// The least, the median and the largest of some numbers.
fn range(values: &[f64]) -> String {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let tidy = crate::table::tidy;
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else {
        return "unknown".to_owned();
    };
    if first == last {
        tidy(*first)
    } else {
        let median = sorted[sorted.len() / 2];
        format!(
            "{} to {}, median {}",
            tidy(*first),
            tidy(*last),
            tidy(median)
        )
    }
}

/// What data is called by its path: the last name that says something, without its ending and without what is no letter or digit.
fn name_of(path: &Path) -> String {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let names = whole.components().rev().filter_map(|part| match part {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    let name = |whole: &str| -> String {
        let whole = whole.split_once('.').map_or(whole, |(front, _)| front);
        let words = whole.split(|c: char| !c.is_alphanumeric() && c != '_');
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        words.join("-")
    };
    let mut names = names.map(name).filter(|name| !name.is_empty());
    // A part of a split, such as `train`, is of something.
    let says = |name: &String| split_folders([name.as_str(), "test"]).is_none();
    names.find(says).unwrap_or_else(|| "data".to_owned())
}

/// A path as a value of TOML.
fn quoted(path: &Path) -> String {
    toml::Value::from(path.to_string_lossy().into_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_all_values_and_the_ends_belong_to_it() {
        let chart = Chart::histogram("t", "", &[0.0, 1.0, 2.0, 4.0, f64::NAN], 4).unwrap();
        let counts: Vec<u64> = chart.bars.iter().map(|bar| bar.1).collect();
        assert_eq!(counts, [1, 1, 1, 1]);
        assert_eq!(chart.bars[3].0, "from 3");
        assert_eq!(
            Chart::histogram("t", "", &[2.0, 2.0], 4).unwrap().bars,
            [("from 2".into(), 2)]
        );
        assert_eq!(Chart::histogram("t", "", &[], 4), None);
    }

    #[test]
    fn a_recipe_is_named_after_its_data() {
        for (path, name) in [
            ("/d/my birds", "my-birds"),
            ("/d/birds/train", "birds"),
            ("/d/birds/train.csv.gz", "birds"),
            ("/d/shards-{000..004}.tar", "shards-000"),
            ("/", "data"),
        ] {
            assert_eq!(name_of(Path::new(path)), name);
        }
    }

    #[test]
    fn many_classes_are_the_largest_and_the_rest() {
        let counts = [("a", 1), ("b", 5), ("c", 2), ("d", 3)].map(|(n, c)| (n.to_owned(), c));
        let bars = Chart::of_classes(counts.to_vec(), 2).bars;
        let expected = [("b", 5), ("d", 3), ("2 others", 3)].map(|(n, c)| (n.to_owned(), c));
        assert_eq!(bars, expected);
    }

    #[test]
    fn a_sample_is_spread_over_all() {
        assert_eq!(spread(3).collect::<Vec<_>>(), [0, 1, 2]);
        let some: Vec<usize> = spread(100_000).collect();
        assert_eq!((some.len(), some[1]), (SAMPLE, 200));
        assert_eq!(spread(0).count(), 0);
        assert_eq!(range(&[3.0, 1.0, 2.0]), "1 to 3, median 2");
    }
}
