//! Which data a verb works on.

use crate::args::DataArgs;
use crate::error::CliError;
use crate::model::Model;
use crate::recipe::{DataRecipe, RecipeFile};

/// The folder of `--data`, the data of `--recipe`, or else the data of the model's own run. Images
/// become what the model wants, whatever a recipe says.
pub(super) fn of(args: &DataArgs, model: &Model) -> Result<DataRecipe, CliError> {
    let own = || -> Result<DataRecipe, CliError> {
        let recipe = model.recipe()?.ok_or_else(|| CliError::Usage {
            message: format!("{} does not say which data to use", model.folder.display()),
            help: Some("name a folder of images with `--data`, or a recipe with `--recipe`".into()),
        })?;
        Ok(recipe.data)
    };
    let data = match (&args.data, &args.recipe) {
        (Some(folder), _) => DataRecipe::folder(folder),
        (None, Some(name)) => RecipeFile::find(name)?.resolve(&[])?.data,
        (None, None) => own()?,
    };
    Ok(DataRecipe {
        size: Some(model.description.size),
        channels: Some(model.description.channels),
        ..data
    })
}
