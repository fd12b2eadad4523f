//! `pretrain`: a run by a recipe, then what it was worth.

use std::path::PathBuf;

use serde_json::json;
use tinderbox::train::{HeldOutEvaluator, LabelEfficiency};

use super::dry_run;
use crate::args::PretrainArgs;
use crate::comparison;
use crate::dataset::DataSet;
use crate::error::CliError;
use crate::inputs::Views;
use crate::recipe::{Labels, Override, RecipeFile};
use crate::report::write_report;
use crate::rivals::Comparison;
use crate::session::{Context, Finished, Plan};
use crate::signals::StopSignals;
use crate::table::{Table, figure};
use crate::texts::UnigramLoss;
use crate::validation;

pub(super) fn run(args: &PretrainArgs, context: Context<'_>) -> Result<(), CliError> {
    let file = RecipeFile::find(&args.recipe)?;
    let plan = plan(file, &context.global.overrides(), context)?;
    if context.global.dry_run {
        return dry_run::run(&plan, context);
    }
    let stop = StopSignals::listen()?;
    let finished = plan.run(context, &stop)?;
    let dir = &finished.opened.dir;
    let comparison = match &plan.recipe.compare {
        Some(compare) => {
            let comparison = Comparison {
                plan: &plan,
                compare,
                encoder: &finished.encoder,
                inputs: &finished.inputs,
                dir,
            };
            let made = comparison.make(&stop, context.output);
            let resume = || context.resume_command(dir.path());
            Some(made.map_err(|error| error.with_resume(resume))?)
        }
        None => None,
    };
    write_report(finished.opened.dir.path())?;
    show(&finished, comparison.as_ref(), context);
    Ok(())
}

/// What a recipe comes to, before it runs.
pub(super) fn plan(
    file: RecipeFile,
    overrides: &[Override],
    context: Context<'_>,
) -> Result<Plan<'static>, CliError> {
    let mut recipe = file.resolve(overrides)?;
    if recipe.finetune.is_some() {
        return Err(CliError::usage(
            "`[finetune]` has no use in a recipe to pre-train by",
        ));
    }
    if let Some(out) = recipe.out.as_deref().filter(|_| context.global.resume)
        && let Some(directory) = crate::run::directory(out)
    {
        recipe = recipe.called_in(&directory);
    }
    let device = recipe.device.open()?;
    let mut data = DataSet::open(&recipe.data, None)?;
    data.require(recipe.objective.views())?;
    if recipe.objective.views() == Views::Two {
        data.hold_out_for_contrast(&recipe.data)?;
    }
    if let Some(remark) = recipe.settle_views(data.shape) {
        data.ledger.add(remark);
    }
    let mut asked = recipe.train.validation_share;
    if recipe.objective.is_supervised() {
        let held_out = (!recipe.data.holds_out_by_default()).then_some(recipe.data.held_out);
        asked = asked.or(held_out);
        let usual = || validation::usual_share(&data, data.labelled.len());
        recipe.train.validation_share = Some(asked.unwrap_or_else(usual));
    }
    let (items, validation) = validation::examples(&data, &recipe)?;
    if recipe.objective.is_supervised() {
        let counts = [items.len(), validation.len()];
        let remark = validation::remark(data.target(), counts, asked, "train.validation_share");
        remark
            .into_iter()
            .for_each(|remark| data.ledger.add(remark));
    }
    if recipe.data.labels != Labels::Own(false) && data.classes.len() > 1 && !data.has_target() {
        let classes = data.classes.len();
        context.output.warn(&format!(
            "`data.labels` has {classes} classes but none with two items to hold one out: no accuracy will be shown"
        ));
    }
    if recipe.compare.is_some() {
        data.require_labels()?;
    }
    let name = recipe.name.clone().unwrap_or(file.name);
    Ok(Plan {
        recipe_text: file.text,
        data,
        items,
        validation,
        preprocess: None,
        start: None,
        rate_factor: None,
        device,
        numbered: Box::new(move |number| match number {
            1 => PathBuf::from("runs").join(&name),
            number => PathBuf::from("runs").join(format!("{name}-{number}")),
        }),
        recipe,
    })
}

/// What to say of a model that tells less than how often each token occurs; nothing of one that tells more.
fn below_a_guess(figures: &[(String, f64)]) -> Option<String> {
    let figure = |wanted| {
        let found = figures.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| *value)
    };
    let (loss, guess) = (
        figure(HeldOutEvaluator::LOSS)?,
        figure(UnigramLoss::FIGURE)?,
    );
    (loss >= guess).then(|| {
        format!(
            "held-out loss {loss:.3} is no better than a guess that knows how often each token occurs ({guess:.3}): \
             nothing is learnt yet of what stands beside a word; make the run longer, or try another `optim.lr`"
        )
    })
}

fn show(finished: &Finished, comparison: Option<&LabelEfficiency>, context: Context<'_>) {
    let output = context.output;
    if let Some(warning) = below_a_guess(&finished.figures) {
        output.warn(&warning);
    }
    let path = finished.opened.dir.path();
    match comparison {
        Some(comparison) => {
            output.text(&comparison::to_text(comparison));
        }
        None => {
            let mut table = Table::new(["figure", "value"]);
            for (name, value) in &finished.figures {
                table.row([name.as_str(), &figure(name, *value)]);
            }
            output.text(&table.render());
        }
    }
    let pace = match finished.steps_a_second() {
        Some(speed) => format!(
            "{speed} a second, {:.1} % of the time waiting for data",
            100.0 * finished.waiting
        ),
        None => "all done before".to_string(),
    };
    output.text(&format!(
        "\n{} steps, {pace}\nrun: {}\n",
        finished.step,
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
