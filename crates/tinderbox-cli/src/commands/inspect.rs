//! `data inspect`: what is in a file or folder.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::args::InspectArgs;
use crate::error::CliError;
use crate::inspect::Inspection;
use crate::session::Context;

pub(super) fn run(args: &InspectArgs, context: Context<'_>) -> Result<(), CliError> {
    let output = context.output;
    let out = context.global.out.as_deref();
    if let Some(out) = out {
        super::refuse_existing(out, context.global)?;
    }
    let inspection = Inspection::of(&args.path)?;
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
    file("inspect.html", inspection.to_html(&title).as_bytes())?;
    file("recipe.toml", inspection.recipe.as_bytes())?;
    if let Some((png, _)) = &inspection.sheet {
        file("views.png", png)?;
    }
    Ok(names)
}
