//! Tables: what each column holds, and how it becomes numbers.

use std::path::Path;

use tinderbox::data::table::{
    self, ColumnKind, ColumnProfile, NotUtf8, TableOptions, TableProfile,
};

use super::{Chart, Inspection, quoted};
use crate::error::CliError;

/// Categories that get a bar of their own.
const CATEGORIES: usize = 20;
const BINS: usize = 20;

pub(super) fn inspect(path: &Path) -> Result<Inspection, CliError> {
    let options = TableOptions {
        not_utf8: NotUtf8::Replace,
        ..TableOptions::default()
    };
    let profile = TableProfile::inspect(&mut *table::open(path, &options)?)?;
    let count = |kinds: &[ColumnKind]| {
        let columns = profile.columns.iter();
        columns
            .filter(|column| kinds.contains(&column.kind()))
            .count()
    };
    let mut inspection = Inspection {
        kind: "table",
        details: profile.to_string(),
        recipe: text_of(path, &profile),
        charts: profile.columns.iter().filter_map(chart).collect(),
        ..Inspection::default()
    };
    inspection.fact("file", path.display());
    inspection.fact("rows", profile.rows);
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
    if profile.replaced > 0 {
        inspection.warnings.push(format!(
            "{} fields are not UTF-8; what could not be read stands as \u{fffd}",
            profile.replaced
        ));
    }
    Ok(inspection)
}

/// A recipe that runs, for a person to change.
fn text_of(path: &Path, profile: &TableProfile) -> String {
    format!(
        "version = 1\n\n[data]\nsource = \"table\"\npath = {}\n\
         # labels = \"COLUMN\" # the column that holds the classes, if there is one: name it here before pre-training, so that no model sees it\n\n{}\n\
         # A row attracts itself with this share of its features swapped for those of other rows (SCARF).\n\
         [data.views]\nswap = 0.6\n\n[encoder]\nkind = \"mlp\"\n\n\
         [objective]\nkind = \"simclr\"\ntemperature = 1.0\n\n[train]\nepochs = 100\nbatch = {}\n",
        quoted(path),
        profile.recipe(),
        profile.rows.clamp(2, 128),
    )
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
