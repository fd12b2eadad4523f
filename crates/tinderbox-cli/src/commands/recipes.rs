//! `recipes`: those inside the program.

use serde_json::json;

use crate::args::RecipesArgs;
use crate::error::CliError;
use crate::output::Output;
use crate::recipe::{BUILTINS, builtin, nearest};
use crate::table::Table;

pub(super) fn run(args: &RecipesArgs, output: &Output) -> Result<(), CliError> {
    let Some(name) = &args.name else {
        let mut table = Table::new(["recipe", "what it does"]).left();
        for recipe in BUILTINS {
            table.row([recipe.name, recipe.summary]);
        }
        output.text(&table.render());
        output.text(
            "\nPrint one with `tinderbox recipes NAME`, run it with `tinderbox pretrain NAME`.\n",
        );
        let list = BUILTINS
            .iter()
            .map(|r| json!({"name": r.name, "summary": r.summary}));
        output.json(&list.collect());
        return Ok(());
    };
    let Some(recipe) = builtin(name) else {
        let names = || BUILTINS.iter().map(|recipe| recipe.name);
        return Err(CliError::RecipeNotFound {
            name: name.clone(),
            near: nearest(name, names()).map(String::from),
            known: names().collect(),
        });
    };
    output.text(recipe.text);
    output.json(&json!({"name": recipe.name, "summary": recipe.summary, "text": recipe.text}));
    Ok(())
}
