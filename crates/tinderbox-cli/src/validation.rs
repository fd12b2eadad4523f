//! Labels held out of training: they tell the best weights and when a training ends. The test part never does.

use tinderbox::data::{DataError, Remark};
use tinderbox::train::{LEAST_PER_CLASS, validation_share};

use crate::dataset::DataSet;
use crate::inputs::Target;
use crate::recipe::Recipe;

/// Validations without a lower loss that end a training.
pub const PATIENCE: u64 = 10;

/// The share of so many labels that is held out where the recipe names none.
pub fn usual_share(data: &DataSet, labels: usize) -> f64 {
    let classes = match data.target() {
        Target::Items => data.classes.len(),
        // All sentences have tags, and all questions answers.
        Target::Words | Target::Answers => 2,
    };
    validation_share(labels, classes)
}

/// The items that a settled recipe trains on, and those that it validates with.
///
/// # Errors
/// [`DataError::Config`] if its groups are none.
pub fn examples(data: &DataSet, recipe: &Recipe) -> Result<(Vec<usize>, Vec<usize>), DataError> {
    if !recipe.objective.is_supervised() {
        return Ok((data.train.clone(), Vec::new()));
    }
    let (items, share) = match &recipe.finetune {
        Some(own) => {
            let items = data.subset(&data.labelled, own.labels, recipe.seed);
            (items, own.validation_share.filter(|_| !own.freeze))
        }
        None => (data.labelled.clone(), recipe.train.validation_share),
    };
    data.hold_out(&recipe.data, items, share.unwrap_or(0.0), recipe.seed)
}

/// What becomes of the examples given, some of which are held out for validation; nothing to tell if none are, as was asked.
pub fn remark(
    target: Target,
    [trained_on, held_out]: [usize; 2],
    share: Option<f64>,
    key: &'static str,
) -> Option<Remark> {
    let all = trained_on + held_out;
    let (count, becomes) = match (held_out, share) {
        (0, Some(0.0)) => return None,
        (0, _) => (
            all,
            format!("are all trained on, for a fixed number of steps: too few to hold some out for validation, which takes {LEAST_PER_CLASS} a class"),
        ),
        (held_out, _) => (
            held_out,
            "are held out of training for validation: the weights with the lowest loss on them are kept".into(),
        ),
    };
    Some(
        Remark::new(target.examples(), count, becomes)
            .of(all)
            .key(key),
    )
}
