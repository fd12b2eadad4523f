//! Which test items are equal to one that is trained on.

use tinderbox::data::Remark;
use tinderbox::data::leak::{equal_content, hash_of, on_both_sides};
use tinderbox::data::table::TableRows;

use crate::inputs::Items;

/// Remarks on test items that are equal to one that is trained on, as a model reads them; `rows` are those of a table through its pipeline.
pub fn equal_items(
    items: &Items,
    rows: Option<&TableRows>,
    train: &[usize],
    test: &[usize],
) -> Remark {
    let repeated = match (items, rows) {
        (Items::Rows(_), Some(rows)) => equal_content(rows, train, test),
        (Items::Rows(_), None) => Vec::new(),
        (Items::Images(images), _) => equal_content(&**images, train, test),
        (Items::Texts(texts), _) => on_both_sides(train, test, |item| {
            let document = texts.get(item).ok()?;
            let second = document.second.as_deref().unwrap_or_default();
            Some(hash_of(&[
                document.text.as_bytes(),
                b"\0",
                second.as_bytes(),
            ]))
        }),
    };
    let becomes = "are equal to one that is trained on: what is measured on them is too good";
    let labels = items.labelled();
    let ids = repeated.iter().map(|item| labels.id(*item));
    Remark::new("test items", repeated.len(), becomes)
        .of(test.len())
        .examples(ids)
}
