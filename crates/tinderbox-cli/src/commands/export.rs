//! `export`: a model of a run in a folder of its own.

use std::path::Path;

use serde_json::json;
use tinderbox::train::{Checkpoint, Checkpoints, EMA, MODEL};

use super::outputs::{Written, refuse_existing};
use crate::args::ExportArgs;
use crate::data_facts::DataFacts;
use crate::dataset::DataSet;
use crate::error::CliError;
use crate::export::{DESCRIPTION, Exported, check_replaceable, copy};
use crate::inputs::Preprocessing;
use crate::model::resolved_recipe;
use crate::registry::{Build, Job, Trainable};
use crate::run::{DATA, EXPORTED, PREPROCESSING, is_run};
use crate::session::{Context, read_json};

pub(super) fn run(args: &ExportArgs, context: Context<'_>) -> Result<(), CliError> {
    refuse_existing(
        &args.to,
        Written::Folder,
        "name another folder",
        context.global,
    )?;
    check_replaceable(&args.to)?;
    let exported = [args.run.join(EXPORTED), args.run.clone()];
    let exported = exported
        .into_iter()
        .find(|folder| folder.join(DESCRIPTION).is_file());
    let step = match (args.step, exported) {
        (None, Some(_)) if context.global.device.is_some() => {
            return Err(CliError::usage(
                "`--device` has no use here: the model at the end of the run is copied; it has one with `--step`",
            ));
        }
        (None, Some(folder)) => {
            copy(&folder, &args.to)?;
            None
        }
        (step, _) if is_run(&args.run) => {
            Some(from_checkpoint(&args.run, step, &args.to, context)?)
        }
        _ => {
            return Err(CliError::Usage {
                message: format!("{} is no run directory", args.run.display()),
                help: None,
            });
        }
    };
    let shown = args.to.display().to_string();
    context.output.text(&format!("written to {shown}\n"));
    context.output.json(&json!({"out": shown, "step": step}));
    Ok(())
}

fn from_checkpoint(
    run: &Path,
    step: Option<u64>,
    to: &Path,
    context: Context<'_>,
) -> Result<u64, CliError> {
    let recipe = resolved_recipe(run)?;
    let device = super::device_or(context.global, &recipe.device)?;
    let checkpoints = Checkpoints::of(run);
    let checkpoint = match step {
        None => {
            // Read from the newest on, and nothing is set aside: another process may be at work.
            let newest = checkpoints.steps().into_iter().rev();
            let mut whole =
                newest.filter_map(|step| Checkpoint::read(&checkpoints.path(step)).ok());
            whole.next().ok_or_else(|| CliError::Refused {
                message: format!("{} holds no whole checkpoint", run.display()),
                help: None,
            })?
        }
        Some(step) => Checkpoint::read(&checkpoints.path(step)).map_err(|reason| {
            let there: Vec<String> = checkpoints.steps().iter().map(u64::to_string).collect();
            CliError::Usage {
                message: format!("the checkpoint of step {step} cannot be used: {reason}"),
                help: Some(format!("steps with a checkpoint: {}", there.join(", "))),
            }
        })?,
    };
    let damaged =
        |name: &str| CliError::Run(format!("{}/{name} cannot be read", run.display()).into());
    let facts: DataFacts = read_json(&run.join(DATA)).ok_or_else(|| damaged(DATA))?;
    let preprocess: Preprocessing =
        read_json(&run.join(PREPROCESSING)).ok_or_else(|| damaged(PREPROCESSING))?;
    let data = DataSet::reopen(&recipe.data, Some(&preprocess))?;
    let build = Build {
        recipe: &recipe,
        shape: data.shape,
        classes: data.classes.len(),
        device: &device,
        weights: None,
        class_weights: Vec::new(),
    };
    let step = checkpoint.state.step;
    build.run(ExportJob {
        checkpoint: &checkpoint,
        exported: Exported {
            recipe: &recipe,
            data: &data,
            preprocess: &preprocess,
            facts: &facts,
            step,
            figures: &[],
        },
        run,
        to,
    })?;
    Ok(step)
}

struct ExportJob<'e> {
    checkpoint: &'e Checkpoint,
    exported: Exported<'e>,
    run: &'e Path,
    to: &'e Path,
}

impl Job for ExportJob<'_> {
    type Out = ();

    fn run<O: Trainable>(self, objective: O) -> Result<(), CliError> {
        let file = if self.checkpoint.has(EMA) { EMA } else { MODEL };
        let objective = self.checkpoint.load_module(file, objective.valid())?;
        self.exported.write(&objective, self.run, self.to)
    }
}
