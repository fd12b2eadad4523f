//! `finetune`: an encoder with a new output layer, trained on labels.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;
use tinderbox::train::RateFactor;

use super::{data, dry_run, share};
use crate::args::FinetuneArgs;
use crate::dataset::DataSet;
use crate::error::CliError;
use crate::inputs::Target;
use crate::model::Model;
use crate::recipe::{DataRecipe, FinetuneRecipe, ObjectiveRecipe, RecipeFile};
use crate::report::write_report;
use crate::session::{Context, Plan};
use crate::signals::StopSignals;
use crate::table::{Table, figure};

/// What a fine-tuning is unless `--set` says otherwise; its length depends on the labels.
const DEFAULTS: &str = "\
[optim]
kind = \"adamw\"
lr = 1e-3

[schedule]
kind = \"cosine\"

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

pub(super) fn run(args: &FinetuneArgs, context: Context<'_>) -> Result<(), CliError> {
    let labels = share(args.labels)?;
    let finetune = FinetuneRecipe {
        labels,
        freeze: args.freeze,
        layer_decay: args.layer_decay,
    };
    finetune
        .config()
        .validate()
        .map_err(|error| CliError::usage(error.to_string()))?;
    let model = context.model(&args.model)?;
    let data = data::of(&args.data, &model, context.global)?;
    let overrides = context.global.overrides();
    // `--set` may change the data or the share, on which the length depends.
    let asked = recipe(&model, &data, finetune, 1).resolve(&overrides)?;
    let finetune = asked.finetune.unwrap_or(finetune);
    let data_set = DataSet::open(&asked.data, Some(&model.preprocess))?;
    data_set.require(asked.objective.views())?;
    let items = (data_set.labelled.len() as f64 * finetune.labels).round() as usize;
    // Each class of items has at least one.
    let target = asked.data.source.target();
    let least = match target {
        Target::Items => data_set.classes.len(),
        Target::Words | Target::Answers => 1,
    };
    let file = recipe(&model, &data, finetune, items.max(least));
    let recipe = file.resolve(&overrides)?;
    let device = recipe.device.open()?;
    let items = data_set.subset(&data_set.labelled, finetune.labels, recipe.seed);
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
    let mut found = json!({
        "run": path.display().to_string(),
        "labels": plan.items.len(),
        "step": finished.step,
        "steps_per_second": finished.speed,
    });
    let mut table = Table::new(["fine-tuned", "value"]);
    table.row([target.examples(), &plan.items.len().to_string()]);
    for (name, value) in &finished.figures {
        if let Some(name) = name.strip_prefix("test/") {
            let shown = format!("test {}", name.replace('_', " "));
            table.row([shown.as_str(), &figure(name, *value)]);
            found[format!("test_{name}")] = json!(value);
        }
    }
    table.row(["steps", &finished.step.to_string()]);
    if let Some(speed) = finished.steps_a_second() {
        table.row(["steps a second", &speed]);
    }
    context.output.text(&table.render());
    context.output.text(&format!("run: {}\n", path.display()));
    context.output.json(&found);
    Ok(())
}

/// The recipe of a fine-tuning on `items` labels, as a user could have written it.
fn recipe(model: &Model, data: &DataRecipe, finetune: FinetuneRecipe, items: usize) -> RecipeFile {
    let batch = items.clamp(1, BATCH);
    let steps = (EPOCHS * (items / batch) as u64).max(MIN_STEPS);
    let plain = |value: Result<toml::Value, toml::ser::Error>| value.expect("plain data");
    let mut tables = toml::Table::new();
    tables.insert("version".into(), 1.into());
    tables.insert("data".into(), plain(toml::Value::try_from(data)));
    let encoder = match finetune.freeze {
        true => model.description.encoder.clone(),
        false => model.description.encoder.with_free_features(),
    };
    tables.insert("encoder".into(), plain(toml::Value::try_from(encoder)));
    let objective = ObjectiveRecipe::kind_for(data.source.target());
    let kind = [("kind".to_string(), toml::Value::from(objective))];
    tables.insert(
        "objective".into(),
        toml::Value::Table(kind.into_iter().collect()),
    );
    tables.insert("finetune".into(), plain(toml::Value::try_from(finetune)));
    let train = [("steps", steps as i64), ("batch", batch as i64)];
    let train = train.map(|(key, value)| (key.to_string(), toml::Value::from(value)));
    tables.insert(
        "train".into(),
        toml::Value::Table(train.into_iter().collect()),
    );
    RecipeFile {
        name: "finetune".into(),
        origin: "the recipe of the fine-tuning".into(),
        text: format!("{tables}\n{DEFAULTS}"),
    }
}
