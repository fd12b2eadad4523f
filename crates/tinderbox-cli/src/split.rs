//! How items with labels are split, for the test part and for validation.

use std::hash::{DefaultHasher, Hash, Hasher};

use rayon::prelude::*;
use tinderbox::data::text::DocumentSource;
use tinderbox::data::{DataError, Labelled, group_split, stratified_split};

use crate::inputs::{Items, Target};
use crate::recipe::DataRecipe;

/// The class of an item that can be learnt from.
pub fn class(labels: &dyn Labelled, target: Target, index: usize) -> Option<u32> {
    match target {
        Target::Items => labels.label(index),
        // All sentences have words with tags, and all questions answers: none has a label that would tell it from another.
        Target::Words | Target::Answers => Some(0),
    }
}

/// Splits items with labels into those to train on and a share of them: groups, and the questions about a text, stay together; else each
/// class keeps its share.
///
/// # Errors
/// As [`groups`].
pub fn split(
    items: &Items,
    recipe: &DataRecipe,
    chosen: &[usize],
    share: f64,
    seed: u64,
) -> Result<(Vec<usize>, Vec<usize>), DataError> {
    let labels = items.labelled();
    let split = match (items, recipe.source.target()) {
        _ if recipe.group.is_some() => group_split(&groups(labels, chosen)?, share, seed),
        (Items::Texts(texts), Target::Answers) => {
            group_split(&texts_of_questions(&**texts, chosen), share, seed)
        }
        (_, target) => {
            let classes = chosen.iter().filter_map(|&i| class(labels, target, i));
            stratified_split(&classes.collect::<Vec<u32>>(), share, seed)
        }
    };
    let pick = |part: &[usize]| part.iter().map(|&i| chosen[i]).collect::<Vec<usize>>();
    Ok((pick(&split.train), pick(&split.test)))
}

/// The groups of some items, as numbers; an item without one is a group of its own.
///
/// # Errors
/// [`DataError::Config`] if no item has one.
pub fn groups(labels: &dyn Labelled, items: &[usize]) -> Result<Vec<u64>, DataError> {
    let mut any = false;
    let group = |&index: &usize| {
        let mut hasher = DefaultHasher::new();
        let group = labels.group(index);
        any |= group.is_some();
        match group {
            Some(group) => group.hash(&mut hasher),
            None => index.hash(&mut hasher),
        }
        hasher.finish()
    };
    let groups = items.iter().map(group).collect();
    match any {
        true => Ok(groups),
        false => Err(DataError::Config {
            name: "data.group",
            expected: "groups, such as folders below those of the classes".into(),
            got: format!("set, but none of {} items has one", items.len()),
        }),
    }
}

/// What tells the texts apart that some questions are about: no text is to be both trained on and tested with.
fn texts_of_questions(questions: &dyn DocumentSource, items: &[usize]) -> Vec<u64> {
    let text = |index: &usize| {
        let document = questions.get(*index).ok()?;
        let mut hasher = DefaultHasher::new();
        document.second.hash(&mut hasher);
        Some(hasher.finish())
    };
    items
        .par_iter()
        .map(|item| text(item).unwrap_or_default())
        .collect()
}
