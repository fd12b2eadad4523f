//! Which data a verb works on.

use crate::args::{DataArgs, GlobalArgs};
use crate::encoder::{ImageShape, InputShape, Modality};
use crate::error::CliError;
use crate::model::Model;
use crate::recipe::{DataRecipe, DataSource, Labels, RecipeFile, TokensRecipe};

/// The folder or table of `--data`, the data of `--recipe`, or else the data of the model's own run. Images and texts become what the
/// model wants, whatever a recipe says. A file of words with tags is told by `--set data.source=tags`; the labels of a table are in the
/// column of `--set data.labels=COLUMN`, or else of the recipe.
pub(super) fn of(
    args: &DataArgs,
    model: &Model,
    global: &GlobalArgs,
) -> Result<DataRecipe, CliError> {
    let own = || -> Result<DataRecipe, CliError> {
        let recipe = model.recipe()?.ok_or_else(|| CliError::Usage {
            message: format!("{} does not say which data to use", model.folder.display()),
            help: Some(
                "name a folder of images, or a table, with `--data`, or a recipe with `--recipe`"
                    .into(),
            ),
        })?;
        Ok(recipe.data)
    };
    let data = match (&args.data, &args.recipe) {
        (Some(path), _) => match model.preprocess.modality() {
            Modality::Text if has_tags(global) => DataRecipe::tags(path),
            Modality::Text => {
                let own = model.recipe()?;
                let columns = own.as_ref().map_or(&[][..], |own| &own.data.text);
                let texts = match asked(global, "data.text=") {
                    // Where a table holds texts.
                    Some(column) => DataRecipe::texts(path, &[column.to_string()]),
                    None => DataRecipe::texts(path, columns),
                };
                match own {
                    Some(own) if texts.source == DataSource::Table => DataRecipe {
                        labels: own.data.labels,
                        ..texts
                    },
                    _ => texts,
                }
            }
            Modality::Image => DataRecipe::folder(path),
            Modality::Row => DataRecipe {
                labels: model
                    .recipe()?
                    .map_or(Labels::Own(false), |own| own.data.labels),
                ..DataRecipe::table(path)
            },
        },
        (None, Some(name)) => RecipeFile::find(name)?.resolve(&[])?.data,
        (None, None) => own()?,
    };
    Ok(match model.description.shape {
        InputShape::Image(ImageShape { channels, size }) => DataRecipe {
            size: Some(size),
            channels: Some(channels),
            ..data
        },
        InputShape::Text { length, .. } => DataRecipe {
            // Its own tokeniser has the last word on all else.
            tokens: data
                .tokens
                .clone()
                .map(|tokens| TokensRecipe { length, ..tokens }),
            ..labelled(data, global)
        },
        InputShape::Row { .. } => labelled(data, global),
    })
}

/// The data with the labels of `--set data.labels=COLUMN`, if that is there.
fn labelled(data: DataRecipe, global: &GlobalArgs) -> DataRecipe {
    match label_column(global) {
        Some(column) => DataRecipe {
            labels: Labels::Column(column.into()),
            ..data
        },
        None => data,
    }
}

/// Whether `--set data.source=tags` says that the words of the texts have tags.
fn has_tags(global: &GlobalArgs) -> bool {
    asked(global, "data.source=") == Some("tags")
}

/// The column of `--set data.labels=COLUMN`.
pub(super) fn label_column(global: &GlobalArgs) -> Option<&str> {
    asked(global, "data.labels=")
}

/// What the last `--set KEY=VALUE` of a key says, for verbs that read no recipe; `key` ends with the sign.
fn asked<'a>(global: &'a GlobalArgs, key: &str) -> Option<&'a str> {
    let mut sets = global.set.iter().rev();
    let value = sets.find_map(|set| set.strip_prefix(key))?;
    Some(value.trim().trim_matches('"'))
}
