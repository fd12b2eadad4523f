//! `replay`: a saved step once more, to find the first tensor that is not finite.

use std::path::{Path, PathBuf};

use serde_json::json;
use tinderbox::train::{Replay, replay};

use crate::args::ReplayArgs;
use crate::dataset::DataSet;
use crate::error::CliError;
use crate::model::resolved_recipe;
use crate::registry::{Build, Job, Trainable, class_weights};
use crate::run::{PREPROCESSING, RESOLVED};
use crate::session::{Context, read_json};
use crate::table::tidy;
use crate::validation;

pub(super) fn run(args: &ReplayArgs, context: Context<'_>) -> Result<(), CliError> {
    let (run, saved) = locate(&args.saved)?;
    let recipe = resolved_recipe(&run)?;
    let device = super::device_or(context.global, &recipe.device)?;
    // A fine-tuned model reads rows as the one that it began from did, whatever its own rows suggest.
    let preprocess = read_json(&run.join(PREPROCESSING));
    let data = DataSet::reopen(&recipe.data, preprocess.as_ref())?;
    // Indices of a batch count the items that were trained on.
    let (trained_on, _) = validation::examples(&data, &recipe)?;
    let build = Build {
        recipe: &recipe,
        shape: data.shape,
        classes: data.classes.len(),
        device: &device,
        weights: None,
        class_weights: class_weights(&recipe, &data, &trained_on),
    };
    let found = build.run(ReplayJob {
        saved: &saved,
        seed: recipe.seed,
        device: device.clone().autodiff(),
    })?;
    let items: Vec<String> = found
        .items
        .iter()
        .filter_map(|&position| trained_on.get(position as usize))
        .map(|&index| data.items.labelled().id(index))
        .collect();
    let output = context.output;
    output.text(&format!(
        "step {}: loss {}, gradient norm {}\n",
        found.step,
        tidy(found.loss),
        tidy(found.grad_norm)
    ));
    match found.not_finite.first() {
        Some(first) => {
            output.text(&format!("the first tensor that is not finite: {first}\n"));
            for other in &found.not_finite[1..] {
                output.text(&format!("  then: {other}\n"));
            }
        }
        None => output.text("everything is finite on this device and build\n"),
    }
    let shown: Vec<String> = items
        .iter()
        .take(8)
        .map(|id| crate::output::escaped(id))
        .collect();
    output.text(&format!(
        "items of the batch: {} ({})\n",
        items.len(),
        shown.join(", ")
    ));
    output.json(&json!({
        "step": found.step,
        "loss": found.loss.is_finite().then_some(found.loss),
        "grad_norm": found.grad_norm.is_finite().then_some(found.grad_norm),
        "not_finite": found.not_finite,
        "items": items,
    }));
    Ok(())
}

/// The run directory and the folder of the saved step: the newest if the run directory is given.
fn locate(path: &Path) -> Result<(PathBuf, PathBuf), CliError> {
    if path.join(RESOLVED).is_file() {
        let folder = path.join("not-finite");
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let newest = entries
            .map(|entry| entry.path())
            .filter(|path| path.is_dir())
            .max();
        let saved = newest.ok_or_else(|| CliError::Usage {
            message: format!("{} holds no saved step", path.display()),
            help: Some("one is saved when a loss is not finite".into()),
        })?;
        return Ok((path.to_path_buf(), saved));
    }
    let absolute = path.canonicalize().map_err(CliError::reading(path))?;
    let run = absolute
        .ancestors()
        .find(|folder| folder.join(RESOLVED).is_file());
    let run = run.ok_or_else(|| {
        CliError::usage(format!(
            "{} does not lie in a run directory",
            path.display()
        ))
    })?;
    Ok((run.to_path_buf(), path.to_path_buf()))
}

struct ReplayJob<'r> {
    saved: &'r Path,
    seed: u64,
    device: burn::tensor::Device,
}

impl Job for ReplayJob<'_> {
    type Out = Replay;

    fn run<O: Trainable>(self, objective: O) -> Result<Replay, CliError> {
        Ok(replay(objective, self.saved, self.seed, &self.device)?)
    }
}
