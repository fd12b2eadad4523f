//! `finetune`: an encoder with a new output layer, trained on labels.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;
use tinderbox::data::Remark;
use tinderbox::train::RateFactor;
use tinderbox::transfer::Classification;

use super::{data, dry_run, share};
use crate::args::FinetuneArgs;
use crate::class_figures::per_class;
use crate::dataset::DataSet;
use crate::error::CliError;
use crate::model::Model;
use crate::recipe::{
    DataRecipe, FinetuneRecipe, ObjectiveRecipe, RecipeFile, is_transformer, rate_for,
};
use crate::report::write_report;
use crate::run::TEST;
use crate::session::{Context, Plan, read_json};
use crate::signals::StopSignals;
use crate::table::{Table, figure};
use crate::validation::{self, PATIENCE};

/// What a fine-tuning is unless `--set` says otherwise; its length and its rate depend on the labels and on the encoder.
const DEFAULTS: &str = "\
[eval]
knn = false
health = false
";

/// The largest batch; fewer labels make a smaller one.
const BATCH: usize = 64;
/// Passes over the labels, if that is more than [`MIN_STEPS`].
const EPOCHS: u64 = 30;
/// Few labels are passed over more often.
const MIN_STEPS: u64 = 600;
/// Steps on labels too few to validate with: on these more make a model surer, not better.
const FEW_STEPS: u64 = 100;
/// Of so many steps one warms up what is easily forgotten.
const WARMUP: u64 = 10;

pub(super) fn run(args: &FinetuneArgs, context: Context<'_>) -> Result<(), CliError> {
    let labels = share(args.labels)?;
    data::Settings::Training.check(context.global)?;
    let finetune = FinetuneRecipe {
        labels,
        freeze: args.freeze,
        layer_decay: args.layer_decay,
        validation_share: None,
        patience: Some(PATIENCE),
    };
    finetune
        .config()
        .validate()
        .map_err(|error| CliError::usage(error.to_string()))?;
    let model = context.model(&args.model)?;
    let data = data::of(&args.data, &model, context.global)?;
    let overrides = context.global.overrides();
    // `--set` may change the data or the shares, on which the length depends.
    let mut asked = recipe(&model, &data, finetune, Length::of(1, true)).resolve(&overrides)?;
    let mut finetune = asked.finetune.unwrap_or(finetune);
    let mut data_set = DataSet::open(&asked.data, Some(&model.preprocess))?;
    data_set.require(asked.objective.views())?;
    let target = asked.data.source.target();
    let given = data_set.subset(&data_set.labelled, finetune.labels, asked.seed);
    let share = match finetune.freeze {
        true => Some(0.0),
        false => finetune.validation_share,
    };
    let usual = validation::usual_share(&data_set, given.len());
    finetune.validation_share = Some(share.unwrap_or(usual));
    asked.finetune = Some(finetune);
    let (items, validation) = validation::examples(&data_set, &asked)?;
    let counts = [items.len(), validation.len()];
    let remark = validation::remark(target, counts, share, "finetune.validation_share");
    remark
        .into_iter()
        .for_each(|remark| data_set.ledger.add(remark));
    if finetune.freeze {
        data_set.ledger.add(without_use(&context.global.set));
    }
    let length = match finetune.freeze {
        true => Length::NONE,
        false => Length::of(items.len(), usual == 0.0),
    };
    // `--set` may change the length, too, of which the warm-up is a share.
    let train = recipe(&model, &data, finetune, length)
        .resolve(&overrides)?
        .train;
    let epoch = (items.len() / train.batch).max(1) as u64;
    let length = Length {
        warmup: train.length.steps(epoch) / WARMUP,
        ..length
    };
    let file = recipe(&model, &data, finetune, length);
    let recipe = file.resolve(&overrides)?;
    let device = recipe.device.open()?;
    let encoder = model.encoder(&device.clone().autodiff())?;
    let groups = model.description.encoder.layer_groups();
    let config = finetune.config();
    let decays = config.layer_decay.is_some() && !config.freeze;
    let rate_factor = decays
        .then(|| -> RateFactor { Arc::new(move |path: &str| config.rate_for(path, &groups)) });
    let base = model.run.clone().unwrap_or_else(|| PathBuf::from("runs"));
    let plan = Plan {
        recipe_text: file.text,
        items,
        validation,
        preprocess: Some(model.preprocess.clone()),
        start: Some(encoder),
        rate_factor,
        device,
        numbered: Box::new(move |number| base.join(format!("finetune-{number}"))),
        data: data_set,
        recipe,
    };
    if context.global.dry_run {
        return dry_run::run(&plan, context);
    }
    let stop = StopSignals::listen()?;
    let finished = plan.run(context, &stop)?;
    let path = finished.opened.dir.path();
    write_report(path)?;
    let given = plan.items.len() + plan.validation.len();
    let mut found = json!({
        "run": path.display().to_string(),
        "labels": given,
        "validation": plan.validation.len(),
        "step": finished.step,
        "steps_per_second": finished.speed,
    });
    let mut table = Table::new(["fine-tuned", "value"]);
    table.row([target.examples(), &given.to_string()]);
    if let Some(best) = &finished.best {
        let held_out = plan.validation.len().to_string();
        let kept = format!(
            "{} after step {}",
            figure(&best.name, best.value),
            best.step
        );
        table.row(["of these for validation", &held_out]);
        table.row(["lowest validation loss", &kept]);
        found["validation_loss"] = json!(best.value);
        found["best_step"] = json!(best.step);
    }
    for (name, value) in &finished.figures {
        if let Some(name) = name.strip_prefix("test/") {
            let shown = format!("test {}", name.replace('_', " "));
            table.row([shown.as_str(), &figure(name, *value)]);
            found[format!("test_{name}")] = json!(value);
        }
    }
    let train = &plan.recipe.train;
    let epoch = (plan.items.len() / train.batch).max(1) as u64;
    let (step, all) = (finished.step, train.length.steps(epoch));
    if finetune.freeze {
        table.row(["output layer", "linear probe of the frozen encoder"]);
    } else if step < all {
        let stopped = format!("{step} of {all}: stopped, for the validation loss fell no more");
        table.row(["steps", &stopped]);
    } else {
        table.row(["steps", &step.to_string()]);
    }
    if let Some(speed) = finished.steps_a_second() {
        table.row(["steps a second", &speed]);
    }
    context.output.text(&table.render());
    if let Some(test) = read_json::<Classification>(&path.join(TEST)) {
        let classes = per_class(&test, &plan.data.classes).render();
        context.output.text(&format!("\n{classes}\n"));
    }
    context.output.text(&format!("run: {}\n", path.display()));
    context.output.json(&found);
    Ok(())
}

/// Keys of tables that say how weights are trained in steps.
const OF_STEPS: [&str; 6] = [
    "train.",
    "optim.",
    "schedule.",
    "data.views",
    "finetune.patience",
    "objective.label_smoothing",
];

/// Settings that change nothing where the encoder is frozen.
fn without_use(sets: &[String]) -> Remark {
    let sets = sets.iter().map(|set| set.trim());
    let idle: Vec<&str> = sets
        .filter(|set| OF_STEPS.iter().any(|key| set.starts_with(key)))
        .collect();
    let becomes = "change nothing: the output layer of a frozen encoder is its linear probe, fitted at once to items as they are";
    Remark::new("settings", idle.len(), becomes).examples(idle)
}

/// How long a fine-tuning is.
#[derive(Debug, Clone, Copy)]
struct Length {
    steps: u64,
    batch: usize,
    /// Of the steps, what warms up what is easily forgotten.
    warmup: u64,
}

impl Length {
    /// Of what is fitted at once; a recipe names one step at least.
    const NONE: Self = Self {
        steps: 1,
        batch: 1,
        warmup: 0,
    };

    /// What fits so many items, which may be too few to validate with.
    fn of(items: usize, few: bool) -> Self {
        let batch = items.clamp(1, BATCH);
        let steps = match few {
            true => FEW_STEPS,
            false => (EPOCHS * (items / batch) as u64).max(MIN_STEPS),
        };
        Self {
            steps,
            batch,
            warmup: steps / WARMUP,
        }
    }
}

/// The recipe of a fine-tuning, as a user could have written it.
fn recipe(
    model: &Model,
    data: &DataRecipe,
    finetune: FinetuneRecipe,
    length: Length,
) -> RecipeFile {
    let own = &model.description.encoder;
    let encoder = match finetune.freeze {
        true => own.clone(),
        false => own.with_free_features(),
    };
    let rate = rate_for(own, model.is_published());
    let warmup = match is_transformer(own) || model.is_published() {
        true => length.warmup,
        false => 0,
    };
    let whole = |number: u64| toml::Value::from(number as i64);
    let tables = [
        ("data", plain(data)),
        ("encoder", plain(&encoder)),
        (
            "objective",
            table([(
                "kind",
                ObjectiveRecipe::kind_for(data.source.target()).into(),
            )]),
        ),
        ("finetune", plain(finetune)),
        (
            "train",
            table([
                ("steps", whole(length.steps)),
                ("batch", whole(length.batch as u64)),
            ]),
        ),
        (
            "optim",
            table([("kind", "adamw".into()), ("lr", rate.into())]),
        ),
        (
            "schedule",
            table([("kind", "cosine".into()), ("warmup", whole(warmup))]),
        ),
    ];
    let mut text = format!(
        "version = 1\n{}\n",
        table(tables).as_table().expect("it is one")
    );
    text.push_str(DEFAULTS);
    RecipeFile {
        name: "finetune".into(),
        origin: "the recipe of the fine-tuning".into(),
        text,
    }
}

fn plain(value: impl serde::Serialize) -> toml::Value {
    toml::Value::try_from(value).expect("it is plain data")
}

fn table<const N: usize>(entries: [(&str, toml::Value); N]) -> toml::Value {
    let entries = entries.map(|(key, value)| (key.to_string(), value));
    toml::Value::Table(entries.into_iter().collect())
}
