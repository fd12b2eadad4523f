//! Texts with marks that people made: words with tags, and questions with answers.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use burn::data::dataset::Dataset;
use tinderbox::data::text::{Document, QuestionFile, TaggedFile, TextFileConfig};
use tinderbox::data::{DataError, Labelled};

use super::text::length;
use super::{Chart, Inspection, quoted, range};
use crate::error::CliError;

/// Tags with a bar of their own.
const TAGS: usize = 30;
/// The most items of a batch.
const BATCH: usize = 32;

/// A file of sentences whose words have tags.
pub(super) fn tags(path: &Path) -> Result<Inspection, CliError> {
    let file = TaggedFile::open(path, TextFileConfig::default())?;
    let mut counts = BTreeMap::<String, u64>::new();
    let mut words = Vec::new();
    for document in read(&file) {
        words.push(document.words.len() as f64);
        for word in document.words {
            *counts.entry(word.tag).or_default() += 1;
        }
    }
    let mut inspection = Inspection {
        kind: "sentences with tags",
        ledger: file.ledger(),
        recipe: recipe("tagging", "tags", path, words.len(), length(&words)),
        ..Inspection::default()
    };
    inspection.fact("path", path.display());
    inspection.fact("sentences", file.len());
    inspection.fact("words", counts.values().sum::<u64>());
    inspection.fact("words a sentence", range(&words));
    inspection.fact("tags", counts.len());
    let counts = counts.into_iter().collect();
    inspection.charts.push(Chart::of_classes(counts, TAGS));
    Ok(inspection)
}

/// A file of questions with the texts that answer them.
pub(super) fn questions(path: &Path) -> Result<Inspection, CliError> {
    let file = QuestionFile::open(path, false)?;
    let mut texts = HashSet::new();
    let (mut words, mut asked, mut without) = (Vec::new(), Vec::new(), 0);
    let count = |text: &str| text.split_whitespace().count() as f64;
    for document in read(&file) {
        asked.push(count(&document.text));
        without += usize::from(document.answers.is_empty());
        let text = document.second.unwrap_or_default();
        let long = count(&text);
        if texts.insert(text) {
            words.push(long);
        }
    }
    let recipe = recipe(
        "span-extraction",
        "questions",
        path,
        asked.len(),
        length(&words),
    );
    let mut inspection = Inspection {
        kind: "questions",
        ledger: file.ledger(),
        recipe,
        ..Inspection::default()
    };
    inspection.fact("path", path.display());
    inspection.fact("questions", file.len());
    inspection.fact("words a question", range(&asked));
    inspection.fact("without an answer", without);
    inspection.fact("texts", texts.len());
    inspection.fact("words a text", range(&words));
    Ok(inspection)
}

fn read<D: Dataset<Document, DataError>>(file: &D) -> impl Iterator<Item = Document> {
    (0..file.len()).filter_map(|index| file.get(index).ok())
}

fn recipe(objective: &str, source: &str, path: &Path, items: usize, length: usize) -> String {
    // A third of the items is held out.
    let batch = (items * 2 / 3).clamp(1, BATCH);
    format!(
        "version = 1\n\n[encoder]\nkind = \"bert\"\nwidth = 128\ndepth = 2\nheads = 2\nffn = 512\npositions = {length}\n\n\
         [objective]\nkind = \"{objective}\"\n\n[train]\nepochs = 20\nbatch = {batch}\n\n\
         [optim]\nkind = \"adamw\"\nlr = 1e-3\n\n[data.tokens]\nlength = {length}\n\n\
         [data]\nsource = \"{source}\"\npath = {}\n",
        quoted(path)
    )
}
