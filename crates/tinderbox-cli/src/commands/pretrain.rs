//! `pretrain`: a run by a recipe, then what it was worth.

use std::path::PathBuf;

use serde_json::json;
use tinderbox::train::{
    LabelEfficiency, ScratchConfig, Task, TrainError, label_efficiency, train_from_scratch,
};
use tinderbox::transfer::LinearProbeConfig;

use super::dry_run;
use crate::args::PretrainArgs;
use crate::classifier::test_accuracy;
use crate::comparison;
use crate::error::CliError;
use crate::images::Images;
use crate::recipe::{CompareRecipe, ObjectiveRecipe, RecipeFile};
use crate::report::write_report;
use crate::run::COMPARISON;
use crate::session::{Context, Finished, Plan, read_json};
use crate::signals::StopSignals;
use crate::table::{Table, tidy};
use crate::training::{Views, json_bytes};

/// How often a scratch run whose loss still falls is made twice as long.
const SCRATCH_DOUBLINGS: u32 = 3;

pub(super) fn run(args: &PretrainArgs, context: Context<'_>) -> Result<(), CliError> {
    let file = RecipeFile::find(&args.recipe)?;
    let recipe = file.resolve(&context.global.overrides())?;
    if recipe.finetune.is_some() {
        return Err(CliError::usage(
            "`[finetune]` has no use in a recipe to pre-train by",
        ));
    }
    let device = recipe.device.open()?;
    let images = Images::open(&recipe.data)?;
    let items = match recipe.objective {
        ObjectiveRecipe::Simclr { .. } => images.train.clone(),
        ObjectiveRecipe::Supervised { .. } => {
            images.require_labels()?;
            images.labelled.clone()
        }
    };
    if recipe.compare.is_some() {
        images.require_labels()?;
    }
    let name = file.name.clone();
    let plan = Plan {
        recipe_text: file.text,
        images,
        items,
        preprocess: None,
        start: None,
        rate_factor: None,
        device,
        numbered: Box::new(move |number| match number {
            1 => PathBuf::from("runs").join(&name),
            number => PathBuf::from("runs").join(format!("{name}-{number}")),
        }),
        recipe,
    };
    if context.global.dry_run {
        return dry_run::run(&plan, context);
    }
    let stop = StopSignals::listen()?;
    let finished = plan.run(context, &stop)?;
    let comparison = match &plan.recipe.compare {
        Some(compare) => Some(compared(&plan, compare, &finished, context)?),
        None => None,
    };
    write_report(finished.opened.dir.path())?;
    show(&finished, comparison.as_ref(), context);
    Ok(())
}

/// The comparison with the pre-trained encoder's rivals, made or read from an earlier session.
fn compared(
    plan: &Plan<'_>,
    compare: &CompareRecipe,
    finished: &Finished,
    context: Context<'_>,
) -> Result<LabelEfficiency, CliError> {
    let dir = &finished.opened.dir;
    if let Some(made) = read_json(&dir.join(COMPARISON)) {
        return Ok(made);
    }
    context
        .output
        .note("comparing with a random encoder, plain pixels, and training from scratch");
    let setup = plan.setup(&finished.preprocess, Views::One);
    let train = setup.load(&plan.images.labelled)?;
    let test = setup.load(&plan.images.test)?;
    let classes = plan.images.classes.len();
    let scratch = ScratchConfig {
        optim: plan.recipe.optim.clone().with_lr(compare.scratch_lr),
        steps: compare.scratch_steps,
        doublings: SCRATCH_DOUBLINGS,
        batch: plan.recipe.train.batch,
        augment: Some(setup.augment()?),
    };
    let build = plan.build();
    let autodiff = plan.device.clone().autodiff();
    let config = &plan.recipe.encoder.config;
    let shape = plan.images.shape;
    let new_encoder = || {
        config
            .init(shape.channels, shape.size, &autodiff)
            .expect("the same encoder was pre-trained")
    };
    let made = label_efficiency(
        &Task {
            train: &train,
            test: &test,
            classes,
            device: plan.device.clone(),
        },
        &compare.shares,
        compare.seeds,
        &LinearProbeConfig::default(),
        |_| Ok(finished.encoder.clone()),
        |seed| {
            build
                .encoder(seed)
                .expect("the same encoder was pre-trained")
        },
        |seed, drawn| -> Result<(f64, bool), TrainError> {
            let items: Vec<usize> = drawn
                .iter()
                .map(|&position| train.indices[position])
                .collect();
            let (model, flat) = train_from_scratch(
                new_encoder,
                classes,
                &plan.images.dataset,
                &items,
                &finished.preprocess,
                &scratch,
                seed,
                &autodiff,
            )?;
            Ok((test_accuracy(&model, &test, &plan.device), flat))
        },
    )?;
    dir.write(COMPARISON, &json_bytes(&made))?;
    Ok(made)
}

fn show(finished: &Finished, comparison: Option<&LabelEfficiency>, context: Context<'_>) {
    let output = context.output;
    let path = finished.opened.dir.path();
    match comparison {
        Some(comparison) => {
            output.text(&comparison::to_text(comparison));
            for line in comparison::leads(comparison) {
                output.text(&format!("  {line}\n"));
            }
        }
        None => {
            let mut table = Table::new(["figure", "value"]);
            for (name, value) in &finished.figures {
                table.row([name.as_str(), &tidy(*value)]);
            }
            output.text(&table.render());
        }
    }
    output.text(&format!(
        "\n{} steps, {} a second, {:.1} % of the time waiting for data\nrun: {}\n",
        finished.step,
        tidy(finished.speed),
        100.0 * finished.waiting,
        path.display()
    ));
    output.json(&json!({
        "run": path.display().to_string(),
        "step": finished.step,
        "steps_per_second": finished.speed,
        "waiting_share": finished.waiting,
        "figures": finished.figures.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        "comparison": comparison,
    }));
}
