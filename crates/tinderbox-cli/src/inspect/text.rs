//! Text: lengths, words, repeats, bytes that are no text.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use tinderbox::data::Remark;
use tinderbox::data::text::{
    DocumentSource, TextFile, TextFileConfig, TextFolder, TextFolderConfig, lower_words,
};

use super::{Chart, Inspection, quoted, range};
use crate::error::CliError;

/// Documents that are looked into at most, evenly spread.
const DOCUMENTS: usize = 100_000;
const BINS: usize = 20;
/// Words with a bar of their own.
const WORDS: usize = 20;
/// Different words that are counted; beyond these, only known ones go on being counted.
const VOCABULARY: usize = 1_000_000;
/// A word is about so many pieces for a tokeniser of a usual size.
const PIECES: f64 = 1.3;
/// What a remark says of texts that are read although they hold bytes that are no text.
const REPLACED: &str = "read as \u{fffd}";
/// A longer document is cut or split anyway.
const LONGEST: usize = 512;

pub(super) fn inspect(path: &Path) -> Result<Inspection, CliError> {
    let documents = open(path)?;
    let mut inspection = Inspection {
        kind: "text",
        ..Inspection::default()
    };
    inspection.fact("path", path.display());
    look(&mut inspection, &*documents);
    inspection.recipe += &format!("path = {}\n", quoted(path));
    Ok(inspection)
}

/// The recipe of some texts, without the path.
pub(super) fn recipe_of(documents: &dyn DocumentSource) -> String {
    let mut inspection = Inspection::default();
    look(&mut inspection, documents);
    inspection.recipe
}

/// A folder of files, or the lines of a file. Bytes that are no text are replaced and counted.
fn open(path: &Path) -> Result<Box<dyn DocumentSource>, CliError> {
    if path.is_dir() {
        let config = TextFolderConfig {
            lossy: true,
            ..TextFolderConfig::default()
        };
        return Ok(Box::new(TextFolder::open(path, config)?));
    }
    let config = TextFileConfig {
        lossy: true,
        ..TextFileConfig::default()
    };
    Ok(Box::new(TextFile::open(path, config)?))
}

fn look(inspection: &mut Inspection, documents: &dyn DocumentSource) {
    let items = documents.len();
    let count = items.min(DOCUMENTS);
    let (mut words, mut characters, mut unreadable) = (Vec::new(), 0_u64, Vec::new());
    let (mut empty, mut repeats, mut foreign) = (0, 0, 0_u64);
    let mut seen = HashSet::new();
    let mut counts = HashMap::<String, u64>::new();
    for place in 0..count {
        let document = match documents.get(place * items / count) {
            Ok(document) => document,
            Err(error) => {
                unreadable.push(error.to_string());
                continue;
            }
        };
        let text = &document.text;
        let length = text.split_whitespace().count();
        for word in lower_words(text) {
            if word.len() > 64 {
                continue;
            }
            if counts.len() < VOCABULARY || counts.contains_key(&word) {
                *counts.entry(word).or_default() += 1;
            }
        }
        empty += usize::from(length == 0);
        words.push(length as f64);
        characters += text.chars().count() as u64;
        foreign += text.chars().filter(|c| !c.is_ascii()).count() as u64;
        repeats +=
            usize::from(length > 0 && !seen.insert(*blake3::hash(text.as_bytes()).as_bytes()));
    }
    inspection.fact("documents", items);
    inspection.fact("looked into", count);
    inspection.fact("words a document", range(&words));
    let together: f64 = words.iter().sum();
    let share = if count < items {
        items as f64 / count as f64
    } else {
        1.0
    };
    let about = if count < items { "about " } else { "" };
    inspection.fact("words", format!("{about}{:.0}", together * share));
    inspection.fact("different words", counts.len());
    let once = counts.values().filter(|count| **count == 1).count();
    inspection.fact("that occur once", once);
    let beyond = 100.0 * foreign as f64 / characters.max(1) as f64;
    inspection.fact("characters beyond ASCII", format!("{beyond:.2} %"));
    inspection.fact("empty documents", empty);
    inspection.classes(
        documents.class_names(),
        (0..items).map(|index| documents.label(index)),
    );
    inspection.repeats(repeats, "documents");
    inspection.unreadable(&unreadable, count, "documents");
    let logarithms: Vec<f64> = words
        .iter()
        .filter(|n| **n > 0.0)
        .map(|n| n.log2())
        .collect();
    inspection.charts.extend(Chart::histogram(
        "Length",
        "Words of a document, as a power of two.",
        &logarithms,
        BINS,
    ));
    let mut common: Vec<(String, u64)> = counts.into_iter().collect();
    common.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let vocabulary = vocabulary(&common);
    common.truncate(WORDS);
    inspection.charts.push(Chart {
        title: "Words".into(),
        hint: "The most frequent ones, lower case.".into(),
        bars: common,
    });
    let length = length(&words);
    inspection.ledger = documents.ledger();
    let cut = words
        .iter()
        .filter(|words| PIECES * **words > (length - 2) as f64);
    let sample = match count < items {
        true => format!(" ({count} of {items} were looked at)"),
        false => String::new(),
    };
    let becomes = format!(
        "are longer than {length} tokens, at {PIECES} a word; their ends are not read but by objectives that pack texts{sample}"
    );
    let cut = Remark::new("texts", cut.count(), becomes).of(words.len());
    inspection.ledger.add(cut.key("data.tokens.length"));
    // Each word makes a token or more, and a twentieth of the texts is held out.
    let sequences = (0.95 * together * share / length as f64) as usize;
    let batch = sequences.clamp(1, 32);
    // A tenth of the 20 epochs' steps.
    let warmup = (2 * sequences / batch).clamp(1, 100);
    let remarks = inspection.ledger.remarks();
    let replaced = remarks
        .iter()
        .any(|remark| remark.becomes.contains(REPLACED));
    let lossy = match replaced {
        false => "",
        true => "# Bytes that are no text are replaced.\nlossy = true\n",
    };
    inspection.recipe = format!(
        "version = 1\n\n[encoder]\nkind = \"bert\"\nwidth = 128\ndepth = 2\nheads = 2\nffn = 512\npositions = {length}\n\n\
         [objective]\nkind = \"masked-lm\"\n\n[train]\nepochs = 20\nbatch = {batch}\n\n\
         [optim]\nkind = \"adamw\"\nlr = 1e-3\n\n[schedule]\nkind = \"linear\"\nwarmup = {warmup}\n\n\
         [data.tokens]\n# So many different words make nine tenths of the text.\nvocabulary = {vocabulary}\n\
         # Tokens, {PIECES} a word, that nine documents of ten fit into, up to {LONGEST}.\nlength = {length}\n{lossy}\n\
         [data]\nsource = \"text\"\n",
    );
}

/// How many different words make nine tenths of the text, as a power of two between 1,024 and 32,768.
fn vocabulary(by_count: &[(String, u64)]) -> usize {
    let all: u64 = by_count.iter().map(|(_, count)| count).sum();
    let mut sum = 0;
    let needed = by_count.iter().take_while(|(_, count)| {
        let wanted = 10 * sum < 9 * all;
        sum += count;
        wanted
    });
    needed.count().next_power_of_two().clamp(1_024, 32_768)
}

/// Tokens that nine documents of ten fit into, as a power of two.
pub(super) fn length(words: &[f64]) -> usize {
    let mut sorted = words.to_vec();
    sorted.sort_by(f64::total_cmp);
    let most = sorted.get(sorted.len() * 9 / 10).copied().unwrap_or(0.0);
    ((PIECES * most) as usize)
        .next_power_of_two()
        .clamp(16, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tinderbox::data::text::InMemoryDocuments;

    #[test]
    fn documents_are_counted_by_words_and_repeats() {
        let texts = [
            "To be, or not to be",
            "that is the question",
            "To be, or not to be",
            "",
        ];
        let mut inspection = Inspection::default();
        look(&mut inspection, &InMemoryDocuments::new(texts));
        let fact = |name: &str| {
            let found = inspection.facts.iter().find(|(n, _)| n == name);
            found.map(|(_, value)| value.as_str())
        };
        assert_eq!(fact("documents"), Some("4"));
        assert_eq!(fact("words"), Some("16"));
        assert_eq!(fact("different words"), Some("8"));
        assert_eq!(fact("empty documents"), Some("1"));
        assert_eq!(fact("exact repeats"), Some("1"));
        let words = inspection.charts.last().unwrap();
        assert_eq!(words.bars[0], ("be".to_owned(), 4));
    }

    #[test]
    fn sizes_are_powers_of_two_that_fit_most() {
        let counts: Vec<(String, u64)> = (0..5_000).map(|n| (n.to_string(), 1)).collect();
        assert_eq!(vocabulary(&counts), 8_192);
        assert_eq!(vocabulary(&counts[..10]), 1_024);
        let words: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(length(&words), 128);
        assert_eq!(length(&[]), 16);
    }
}
