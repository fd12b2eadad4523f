//! `probe`: what a linear model and nearest neighbours make of frozen features.

use std::fs;

use serde_json::json;
use tinderbox::train::encode;
use tinderbox::transfer::{Knn, LinearProbeConfig, accuracy};

use super::{data, device_of, share};
use crate::args::ProbeArgs;
use crate::dataset::DataSet;
use crate::error::CliError;
use crate::session::Context;
use crate::table::Table;
use crate::training::json_bytes;

pub(super) fn run(args: &ProbeArgs, context: Context<'_>) -> Result<(), CliError> {
    let share = share(args.labels)?;
    let model = context.model(&args.model)?;
    let device = device_of(context.global)?;
    let data = data::of(&args.data, &model, context.global)?;
    let data = DataSet::open(&data, Some(&model.preprocess))?;
    data.require_labels()?;
    let encoder = model.encoder(&device)?;
    let seed = super::seed(context.global)?;
    let chosen = data.subset(&data.labelled, share, seed);
    let inputs = data.items.prepare(&model.preprocess)?;
    let (train, bad_train) = inputs.load(&chosen)?;
    let (test, bad_test) = inputs.load(&data.test)?;
    let features = encode(&encoder, &train, &device);
    let queries = encode(&encoder, &test, &device);
    let classes = data.classes.len();
    let fitted = LinearProbeConfig::default()
        .try_fit(&features, &train.labels, classes)
        .map_err(|error| CliError::Run(error.into()))?;
    let linear = accuracy(&fitted.predict(&queries), &test.labels);
    let knn = accuracy(
        &Knn::default().predict(&features, &train.labels, &queries),
        &test.labels,
    );
    let found = json!({
        "model": model.folder.display().to_string(),
        "labels": train.len(),
        "test": test.len(),
        "classes": classes,
        "unreadable": bad_train.len() + bad_test.len(),
        "linear_probe": {"accuracy": linear, "l2": fitted.l2, "converged": fitted.converged},
        "knn": {"accuracy": knn},
    });
    let mut table = Table::new(["measure", "test accuracy"]);
    table.row(["linear probe", &format!("{:.1} %", 100.0 * linear)]);
    table.row(["nearest neighbours", &format!("{:.1} %", 100.0 * knn)]);
    context.output.text(&table.render());
    let note = format!(
        "{} labels of {classes} classes, {} test items\n",
        train.len(),
        test.len()
    );
    context.output.text(&note);
    for skipped in bad_train.iter().chain(&bad_test) {
        context
            .output
            .warn(&crate::output::escaped(&skipped.reason));
    }
    if let Some(run) = &model.run {
        let folder = run.join("probe");
        fs::create_dir_all(&folder).map_err(CliError::io("creating", &folder))?;
        let path = folder.join("probe.json");
        tinderbox::train::write_atomic(&path, &json_bytes(&found))?;
        context
            .output
            .text(&format!("written to {}\n", path.display()));
    }
    context.output.json(&found);
    Ok(())
}
