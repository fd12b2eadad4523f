//! Which test items are equal to one that is trained on.

use burn::data::dataset::Dataset;
use tinderbox::data::leak::{self, content_hash};
use tinderbox::data::table::{ColumnPipeline, TableItems};
use tinderbox::data::text::Document;
use tinderbox::data::{DataError, Remark};

use crate::inputs::{Items, Preprocessing};

/// Remarks on test items that are equal to one that is trained on, as a model reads them.
///
/// # Errors
/// If the rows of a table lack a column of their pipeline.
pub fn on_both_sides(
    items: &Items,
    fitted: Option<&Preprocessing>,
    train: &[usize],
    test: &[usize],
) -> Result<Remark, DataError> {
    let repeated = match (items, fitted) {
        (Items::Rows(rows), Some(Preprocessing::Row(pipeline))) if !test.is_empty() => {
            let hashes = features_hashed(rows, pipeline)?;
            leak::on_both_sides(train, test, |row| hashes[row])
        }
        (Items::Rows(_), _) => Vec::new(),
        (Items::Images(images), _) => {
            leak::on_both_sides(train, test, |item| content_hash(&**images, item).ok())
        }
        (Items::Texts(texts), _) => {
            leak::on_both_sides(train, test, |item| Some(text_hash(&texts.get(item).ok()?)))
        }
    };
    let becomes = "are equal to one that is trained on: what is measured on them is too good";
    let labels = items.labelled();
    let ids = repeated.iter().map(|item| labels.id(*item));
    Ok(Remark::new("test items", repeated.len(), becomes)
        .of(test.len())
        .examples(ids))
}

/// What tells the features of each row from those of others; nothing of rows that the pipeline refuses or that could not be read.
fn features_hashed(
    rows: &TableItems,
    pipeline: &ColumnPipeline,
) -> Result<Vec<Option<u128>>, DataError> {
    let bound = rows.bind(pipeline)?;
    let mut values = Vec::new();
    let hash = |row: usize| {
        values.clear();
        bound.apply(rows.row(row).ok()?, &mut values).ok()?;
        let bits = values.iter().flat_map(|value| (value + 0.0).to_le_bytes());
        Some(hash_of(bits))
    };
    Ok((0..rows.len()).map(hash).collect())
}

/// What tells a text, with its pair, from others.
fn text_hash(document: &Document) -> u128 {
    let second = document.second.as_deref().unwrap_or_default();
    hash_of([document.text.as_str(), second].join("\0").bytes())
}

fn hash_of(bytes: impl Iterator<Item = u8>) -> u128 {
    let hash = blake3::hash(&bytes.collect::<Vec<u8>>());
    let (first, _) = hash.as_bytes().split_at(16);
    u128::from_le_bytes(first.try_into().expect("16 bytes"))
}
