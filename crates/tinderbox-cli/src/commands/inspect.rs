//! `data inspect`: what is in a file or folder.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::outputs::{NAME_ANOTHER, Written, refuse_existing};
use super::{dry_run, pretrain};
use crate::args::InspectArgs;
use crate::error::CliError;
use crate::inspect::Inspection;
use crate::output::escaped;
use crate::recipe::{Override, RecipeFile};
use crate::session::Context;
use crate::table::duration;

/// Epochs that are usual for images.
const EPOCHS: u64 = 100;
/// Images in a step that is timed; the time of a step grows with them.
const FEW: usize = 8;
/// How long a recipe may train here, in seconds, so that with evaluation it ends within half an hour.
const MOST_SECONDS: f64 = 1_200.0;

const PAGE: &str = "inspect.html";
const RECIPE: &str = "recipe.toml";
const VIEWS: &str = "views.png";

pub(super) fn run(args: &InspectArgs, context: Context<'_>) -> Result<(), CliError> {
    let output = context.output;
    let out = context.global.out.as_deref();
    if let Some(out) = out {
        refuse_existing(out, Written::Folder, NAME_ANOTHER, context.global)?;
        refuse_foreign(out)?;
    }
    output.note(&format!(
        "looking at {}",
        escaped(&args.path.display().to_string())
    ));
    let mut inspection = Inspection::of(&args.path)?;
    if out.is_some() && inspection.kind == "images" {
        output.note("timing a few steps of the recipe, for its length");
        inspection.recipe = timed(inspection.recipe, context);
    }
    output.text(&inspection.to_text());
    let mut found = inspection.to_json();
    match out {
        Some(out) => {
            let written = write(&inspection, &args.path, out)?;
            output.text(&format!("\nwritten to {}: {}\n", out.display(), written.join(", ")));
            found["out"] = json!(out.display().to_string());
        }
        None => output.text(
            "\n`--out FOLDER` writes a page with distributions and example views, and a recipe to edit.\n",
        ),
    }
    output.json(&found);
    Ok(())
}

/// The recipe, of a length that ends in half an hour here, as far as its steps can be timed.
fn timed(recipe: String, context: Context<'_>) -> String {
    let file = RecipeFile {
        name: "inspect".into(),
        origin: "the suggested recipe".into(),
        text: recipe.clone(),
    };
    let few = Override::set(&format!("train.batch={FEW}"));
    let time = || -> Result<String, CliError> {
        let batch = file.resolve(&[])?.train.batch;
        let plan = pretrain::plan(file.clone(), &[few], context)?;
        let seconds = dry_run::seconds_a_step(&plan, context)? * batch as f64 / FEW as f64;
        let steps = plan.items.len() / batch;
        Ok(recipe.replace(
            &format!("epochs = {EPOCHS}\n"),
            &length(steps.max(1), seconds),
        ))
    };
    // What cannot be timed is as it was; the run says what is wrong with it.
    time().unwrap_or(recipe)
}

/// The length of a run whose epochs have so many steps of so many seconds each, and what the usual length would take.
fn length(steps: usize, seconds: f64) -> String {
    let epoch = steps as f64 * seconds;
    let usual = duration(EPOCHS as f64 * epoch);
    let room = MOST_SECONDS / epoch;
    if room >= EPOCHS as f64 {
        return format!("epochs = {EPOCHS} # about {usual} on this machine\n");
    }
    let (kind, count, takes) = match room {
        1.0.. => ("epochs", room.floor(), room.floor() * epoch),
        _ => {
            let count = (MOST_SECONDS / seconds).floor().max(1.0);
            ("steps", count, count * seconds)
        }
    };
    let takes = duration(takes);
    format!(
        "{kind} = {count} # about {takes} on this machine; {EPOCHS} epochs, as is usual, take about {usual}\n"
    )
}

/// Refuses to write over files in a folder that this verb did not write to.
fn refuse_foreign(out: &Path) -> Result<(), CliError> {
    if out.join(PAGE).is_file() {
        return Ok(());
    }
    let foreign = [RECIPE, VIEWS].map(|name| out.join(name));
    match foreign.iter().find(|path| path.exists()) {
        Some(path) => Err(CliError::Refused {
            message: format!(
                "{} was not written here, and is left as it is",
                path.display()
            ),
            help: Some("name another folder with `--out`".into()),
        }),
        None => Ok(()),
    }
}

/// Writes the page, the sheet and the recipe; returns their names.
fn write(inspection: &Inspection, path: &Path, out: &Path) -> Result<Vec<&'static str>, CliError> {
    fs::create_dir_all(out).map_err(CliError::writing(out))?;
    let mut names = Vec::new();
    let mut file = |name: &'static str, bytes: &[u8]| {
        let path = out.join(name);
        fs::write(&path, bytes).map_err(CliError::writing(&path))?;
        names.push(name);
        Ok::<(), CliError>(())
    };
    let title = path.display().to_string();
    file(PAGE, inspection.to_html(&title).as_bytes())?;
    file(RECIPE, inspection.recipe.as_bytes())?;
    if let Some((png, _)) = &inspection.sheet {
        file(VIEWS, png)?;
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_in_time() {
        for (steps, seconds, expected) in [
            (10, 0.5, "epochs = 100 # about 8 min 20 s on this machine\n"),
            (
                10,
                5.0,
                "epochs = 24 # about 20 min 0 s on this machine; 100 epochs, as is usual, take about 1 h 23 min\n",
            ),
            (
                1_000,
                2.0,
                "steps = 600 # about 20 min 0 s on this machine; 100 epochs, as is usual, take about 55 h 33 min\n",
            ),
        ] {
            assert_eq!(length(steps, seconds), expected);
        }
    }
}
