//! `compare`: what a run that has ended was worth.

use std::path::PathBuf;

use serde_json::json;
use tinderbox::train::RunDir;

use super::dry_run;
use crate::args::CompareArgs;
use crate::comparison;
use crate::dataset::DataSet;
use crate::error::{CliError, quoted};
use crate::model::Model;
use crate::recipe::{Override, RecipeFile};
use crate::report::write_report;
use crate::rivals::Comparison;
use crate::run::{RESOLVED, directory};
use crate::session::{Context, Plan, check_data};
use crate::signals::StopSignals;

pub(super) fn run(args: &CompareArgs, context: Context<'_>) -> Result<(), CliError> {
    let model = Model::open(&args.run)?;
    let Some(path) = &model.run else {
        return Err(CliError::Usage {
            message: format!("{} is not the directory of a run", args.run.display()),
            help: Some("name what `tinderbox pretrain` has written".into()),
        });
    };
    let file = RecipeFile::open(&path.join(RESOLVED))?;
    let mut recipe = file.resolve(&overrides(&file, context)?)?;
    if let Some(directory) = directory(path) {
        recipe = recipe.called_in(&directory);
    }
    if recipe.finetune.is_some() {
        return Err(CliError::Usage {
            message: format!("{} is a fine-tuning", path.display()),
            help: Some("name the run of `tinderbox pretrain` that it began from".into()),
        });
    }
    let data = DataSet::open(&recipe.data, Some(&model.preprocess))?;
    data.require_labels()?;
    let device = recipe.device.open()?;
    let plan = Plan {
        recipe_text: file.text,
        items: data.train.clone(),
        validation: Vec::new(),
        data,
        preprocess: Some(model.preprocess.clone()),
        start: None,
        rate_factor: None,
        device,
        numbered: Box::new(|_| PathBuf::new()),
        recipe,
    };
    if context.global.dry_run {
        return dry_run::run(&plan, context);
    }
    let stop = StopSignals::listen()?;
    let words = context.line.iter().skip(1).map(|word| quoted(word));
    let again = format!("tinderbox {}", words.collect::<Vec<_>>().join(" "));
    stop.set_resume(again.clone());
    let dir = RunDir::open(path)?;
    let facts = plan.facts();
    check_data(path, &facts, context)?;
    context.output.ledger(&facts.ledger);
    let compare = plan.recipe.compare.as_ref();
    let comparison = Comparison {
        plan: &plan,
        compare: compare.expect("the recipe was given one"),
        encoder: &model.encoder(&plan.device)?,
        inputs: &plan.data.items.prepare(&model.preprocess)?,
        dir: &dir,
    };
    let made = comparison.make(&stop, context.output);
    let made = made.map_err(|error| error.with_resume(|| again))?;
    write_report(path)?;
    context.output.text(&comparison::to_text(&made));
    context.output.text(&format!("\nrun: {}\n", path.display()));
    context.output.json(&json!({
        "run": path.display().to_string(),
        "comparison": made,
    }));
    Ok(())
}

/// What the flags change: how it is compared and where, nothing of the run.
fn overrides(file: &RecipeFile, context: Context<'_>) -> Result<Vec<Override>, CliError> {
    let of_comparison = |set: &&String| set.trim_start().starts_with("compare.");
    if let Some(other) = context.global.set.iter().find(|set| !of_comparison(set)) {
        return Err(CliError::usage(format!(
            "`--set {other}`: this verb takes `compare.KEY=VALUE`; the rest is the run's own"
        )));
    }
    let mut overrides = context.global.overrides();
    if file.resolve(&[])?.compare.is_none() {
        overrides.insert(0, Override::set("compare={}"));
    }
    Ok(overrides)
}
