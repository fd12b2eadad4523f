//! Tables: what each column holds, and how it becomes numbers.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::data::dataset::Dataset;
use tinderbox::data::Labelled;
use tinderbox::data::table::{
    ColumnConfig, ColumnKind, ColumnProfile, NotUtf8, TableItems, TableProfile, is_table, split_of,
};
use tinderbox::data::text::TextRows;

use super::{Chart, Inspection, quoted};
use crate::dataset::read_table;
use crate::error::CliError;
use crate::recipe::DataRecipe;

/// Columns of use beside a text, such as its class and its source, with which a table is still one of texts; beside long ones they may be more.
const BESIDE_TEXT: usize = 2;
const BESIDE_LONG_TEXT: usize = 6;
/// Words of a text, on average, and of a long one; fewer are a name.
const SENTENCE: f64 = 4.0;
const LONG: f64 = 10.0;
/// What a column of classes is called.
const LABELS: [&str; 9] = [
    "label",
    "labels",
    "class",
    "target",
    "category",
    "y",
    "outcome",
    "species",
    "diagnosis",
];
/// Categories that get a bar of their own.
const CATEGORIES: usize = 20;
const BINS: usize = 20;

pub(super) fn inspect(path: &Path) -> Result<Inspection, CliError> {
    let items = read_table(&DataRecipe::table(path), NotUtf8::Replace)?;
    let rows: Vec<usize> = (0..items.len()).collect();
    let profile = items.profile(&rows)?;
    let count = |kinds: &[ColumnKind]| {
        let columns = profile.columns.iter();
        columns
            .filter(|column| kinds.contains(&column.kind()))
            .count()
    };
    let mut inspection = Inspection {
        kind: "table",
        ledger: items.ledger(),
        charts: profile.columns.iter().filter_map(chart).collect(),
        ..Inspection::default()
    };
    inspection.fact("file", path.display());
    inspection.fact("rows", items.len());
    inspection.fact("columns", profile.columns.len());
    inspection.fact(
        "of numbers",
        count(&[ColumnKind::Number, ColumnKind::Mixed]),
    );
    inspection.fact("of categories", count(&[ColumnKind::Category]));
    inspection.fact("of text", count(&[ColumnKind::Text]));
    inspection.fact(
        "without use",
        count(&[ColumnKind::Empty, ColumnKind::Constant]),
    );
    let missing: u64 = profile.columns.iter().map(ColumnProfile::missing).sum();
    inspection.fact("missing cells", missing);
    let items = Arc::new(items);
    let text = text_column(&items, &profile);
    inspection.details = match text {
        Some(text) => profile.described(|column| match column.name == text {
            true => "the text that a model reads".into(),
            false => "not read by a model of texts, but it may be the class".into(),
        }),
        None => profile.to_string(),
    };
    inspection.recipe = match text {
        Some(column) => {
            let texts = TextRows::new(items.clone(), column, None)?;
            inspection.ledger = texts.ledger();
            recipe_of_texts(path, &texts, &profile, column)
        }
        None => {
            match items.fit(None, &rows) {
                Ok(fit) => inspection.ledger.extend(fit.ledger),
                Err(error) => inspection.warnings.push(error.to_string()),
            }
            recipe_of_rows(path, &profile)
        }
    };
    Ok(inspection)
}

/// The column of a table whose rows are texts: one of sentences, beside which little else is told.
fn text_column<'p>(items: &TableItems, profile: &'p TableProfile) -> Option<&'p str> {
    let kept = profile
        .columns
        .iter()
        .filter(|column| column.suggestion().config != ColumnConfig::Drop);
    let words = |place: usize| {
        let texts = items.table().rows().iter().filter_map(|row| {
            row.cell(place)
                .name()
                .map(|text| text.split_whitespace().count())
        });
        let (sum, count) = texts.fold((0, 0), |(sum, count), words| (sum + words, count + 1));
        sum as f64 / f64::from(count.max(1))
    };
    let texts = profile
        .columns
        .iter()
        .enumerate()
        .filter(|(_, column)| matches!(column.kind(), ColumnKind::Text | ColumnKind::Category));
    let longest = texts.map(|(place, column)| (words(place), column.name.as_str()));
    let (words, column) = longest.max_by(|one, other| one.0.total_cmp(&other.0))?;
    let (least, most) = match words >= LONG {
        true => (LONG, BESIDE_LONG_TEXT),
        false => (SENTENCE, BESIDE_TEXT),
    };
    (words >= least && kept.count() <= most).then_some(column)
}

/// The keys of a table: where it lies, where its test part lies, which column may hold the classes.
fn head(path: &Path, profile: &TableProfile, text: Option<&str>) -> String {
    let mut head = format!("source = \"table\"\npath = {}\n", quoted(path));
    if let Some(test) = test_beside(path) {
        head += &format!(
            "# It lies beside, and is held out.\ntest_path = {}\n",
            quoted(&test)
        );
    }
    let mut candidates = profile.columns.iter().filter(|column| {
        let classes = column
            .categories
            .distinct()
            .is_some_and(|distinct| (2..=CATEGORIES).contains(&distinct));
        classes && Some(column.name.as_str()) != text
    });
    let name = |column: &&ColumnProfile| {
        let name = column.name.to_lowercase();
        LABELS.iter().any(|label| name == *label)
    };
    let likely = candidates
        .clone()
        .find(name)
        .or_else(|| candidates.next_back());
    let column = likely.map_or("COLUMN", |column| column.name.as_str());
    let column = toml::Value::from(column);
    head + &format!(
        "# labels = {column} # the column that holds the classes, if there is one: name it here before pre-training, so that no model sees it\n"
    )
}

/// The file or folder for testing that lies beside one for training.
fn test_beside(path: &Path) -> Option<PathBuf> {
    let own = path.file_name()?.to_str()?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let beside = fs::read_dir(folder.unwrap_or(Path::new("."))).ok()?;
    let mut names: Vec<String> = beside
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| is_table(&path.with_file_name(name)))
        .collect();
    names.sort_unstable();
    let others = names.iter().map(String::as_str).filter(|name| *name != own);
    let (train, test) = split_of(std::iter::once(own).chain(others))?;
    (train == own).then(|| path.with_file_name(test))
}

/// A recipe that runs, for a person to change.
fn recipe_of_rows(path: &Path, profile: &TableProfile) -> String {
    // A third is held out once there are labels; four batches are left at least.
    let most = (profile.rows / 6).clamp(2, 128);
    let batch = 1_u64 << most.ilog2();
    format!(
        "version = 1\n\n[data]\n{}\n{}\n\
         # A row attracts itself with this share of its features swapped for those of other rows (SCARF).\n\
         [data.views]\nswap = 0.6\n\n[encoder]\nkind = \"mlp\"\n\n\
         [objective]\nkind = \"simclr\"\ntemperature = 1.0\n\n[train]\nepochs = 100\nbatch = {batch}\n",
        head(path, profile, None),
        profile.recipe(),
    )
}

/// The recipe of its texts, as of any others.
fn recipe_of_texts(path: &Path, texts: &TextRows, profile: &TableProfile, column: &str) -> String {
    let recipe = super::text::recipe_of(texts);
    let data = format!(
        "{}text = {}\n",
        head(path, profile, Some(column)),
        toml::Value::from(column)
    );
    recipe.replace("source = \"text\"\n", &data)
}

fn chart(column: &ColumnProfile) -> Option<Chart> {
    let reason = column.suggestion().reason;
    match column.kind() {
        ColumnKind::Number | ColumnKind::Mixed => {
            let ends = (column.numbers.min(), column.numbers.max());
            let counts = column.quantiles.histogram(BINS);
            Some(Chart::of_bins(&column.name, &reason, ends, &counts))
        }
        ColumnKind::Category => {
            let counts = column.categories.by_count()?;
            let counts = counts
                .into_iter()
                .map(|(name, count)| (name.to_owned(), count));
            Some(Chart {
                title: column.name.clone(),
                hint: reason,
                ..Chart::of_classes(counts.collect(), CATEGORIES)
            })
        }
        _ => None,
    }
}
