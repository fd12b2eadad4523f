//! Which data a verb works on.

use std::path::Path;

use crate::args::{DataArgs, GlobalArgs};
use crate::encoder::{ImageShape, InputShape, Modality};
use crate::error::CliError;
use crate::inputs::Target;
use crate::model::Model;
use crate::recipe::{DataRecipe, DataSource, Labels, RecipeFile, TokensRecipe};

/// What verbs without a recipe are told of their data by `--set`.
pub(super) const KEYS: [&str; 3] = [LABELS, TEXT, SOURCE];
/// The column of labels in a table.
const LABELS: &str = "data.labels=";
/// The column of texts in a table, or a list of two for pairs.
const TEXT: &str = "data.text=";
/// `tags` or `questions`, which no ending tells.
const SOURCE: &str = "data.source=";

/// The folder or table of `--data`, the data of `--recipe`, or else the data of the model's own run. Images and texts become what the
/// model wants, whatever a recipe says. [`KEYS`] say of `--data` what the path does not; the labels of a table are, without one, in the column
/// of the recipe.
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
            Modality::Text => {
                let own = model.recipe()?;
                let columns = own.as_ref().map_or(&[][..], |own| &own.data.text);
                let asked_columns = asked(global, TEXT).map(columns_of).transpose()?;
                let texts = match source(global)? {
                    Some(source) => DataRecipe::at(source, path),
                    _ if asked_columns.is_none() && answers(model, path) => {
                        DataRecipe::at(DataSource::Questions, path)
                    }
                    _ => DataRecipe::texts(path, asked_columns.as_deref().unwrap_or(columns)),
                };
                match own {
                    Some(own) if texts.source == DataSource::Table => DataRecipe {
                        labels: own.data.labels,
                        ..texts
                    },
                    _ => texts,
                }
            }
            Modality::Image => DataRecipe::images(path),
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
            background: data
                .has_image_files()
                .then(|| model.preprocess.background()),
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

/// Whether a file is of questions, for a model that answers them.
fn answers(model: &Model, path: &Path) -> bool {
    let head = model.description.head.as_ref();
    head.is_some_and(|head| head.of == Target::Answers)
        && path.extension().is_some_and(|ending| ending == "json")
}

/// The columns of `--set data.text=COLUMN`, or of a list of two as a recipe has it.
fn columns_of(text: &str) -> Result<Vec<String>, CliError> {
    let read = format!("columns = {text}").parse::<toml::Table>();
    let columns = match read.ok().and_then(|mut read| read.remove("columns")) {
        Some(toml::Value::Array(columns)) => {
            let columns = columns
                .iter()
                .map(|column| column.as_str().map(String::from));
            columns.collect()
        }
        Some(toml::Value::String(column)) => Some(vec![column]),
        // A bare word is a string, as in recipes.
        _ => Some(vec![text.to_string()]),
    };
    let columns = columns.filter(|columns: &Vec<String>| matches!(columns.len(), 1 | 2));
    columns.ok_or_else(|| {
        CliError::usage(format!(
            "`--set {TEXT}{text}`: expected a column, or a list of two"
        ))
    })
}

/// The source of `--set data.source=SOURCE`, if it is there.
fn source(global: &GlobalArgs) -> Result<Option<DataSource>, CliError> {
    let asked = asked(global, SOURCE).map(|name| name.trim_matches('"'));
    match asked.map(|name| (name, DataSource::named(name))) {
        // Which of these two it is, the path tells.
        None | Some(("text" | "table", _)) => Ok(None),
        Some((_, Some(source @ (DataSource::Tags | DataSource::Questions)))) => Ok(Some(source)),
        Some((name, _)) => Err(CliError::usage(format!(
            "`--set {SOURCE}{name}`: of `--data` it may be tags, questions, text or table; all else has a recipe"
        ))),
    }
}

/// The column of `--set data.labels=COLUMN`.
pub(super) fn label_column(global: &GlobalArgs) -> Option<&str> {
    asked(global, LABELS).map(|column| column.trim_matches('"'))
}

/// What the last `--set KEY=VALUE` of a key says, for verbs that read no recipe; `key` ends with the sign.
fn asked<'a>(global: &'a GlobalArgs, key: &str) -> Option<&'a str> {
    let mut sets = global.set.iter().rev();
    Some(sets.find_map(|set| set.strip_prefix(key))?.trim())
}
