//! `probe`: what a linear model and nearest neighbours make of frozen features.

use serde_json::json;
use tinderbox::transfer::{
    Classification, ClassificationTally, FeatureMatrix, Knn, LinearProbe, LinearProbeConfig,
};

use super::outputs::{NAME_ANOTHER, Written, keep, refuse_existing};
use super::{data, device_of, share};
use crate::args::ProbeArgs;
use crate::class_figures::{per_class, summary, to_json};
use crate::dataset::DataSet;
use crate::error::CliError;
use crate::features::Features;
use crate::output::escaped;
use crate::progress::{Progress, ProgressMode};
use crate::session::Context;

/// Multiplications that nearest neighbours may take: some seconds.
const KNN_PRODUCTS: f64 = 1e11;
/// Parts of the progress beside the penalties: reading twice, the fit, the neighbours.
const PARTS: u64 = 4;

pub(super) fn run(args: &ProbeArgs, context: Context<'_>) -> Result<(), CliError> {
    let share = share(args.labels)?;
    let seed = data::Settings::Split.seed(context.global)?;
    if let Some(out) = &context.global.out {
        refuse_existing(out, Written::Json, NAME_ANOTHER, context.global)?;
    }
    let model = context.model(&args.model)?;
    let device = device_of(context.global)?;
    let data = data::of(&args.data, &model, context.global)?;
    let data = DataSet::open(&data, Some(&model.preprocess))?;
    data.require_labels()?;
    context.output.ledger(&data.ledger);
    let encoder = model.encoder(&device)?;
    let chosen = data.subset(&data.labelled, share, seed);
    let inputs = data.items.prepare(&model.preprocess)?;
    let config = LinearProbeConfig {
        class_weights: args.class_weights,
        ..LinearProbeConfig::default()
    };
    let parts = PARTS + config.l2.len() as u64;
    let mut progress = Progress::new(parts, ProgressMode::detect(context.output.quiet));
    let mut read = |items: &[usize]| Features::of(&encoder, &inputs, items, &device, &mut progress);
    let (train, test) = (read(&chosen)?, read(&data.test)?);
    let classes = data.classes.len();
    let fitted = train.probe(&config, classes, &mut progress)?;
    let linear = judged(&fitted, &test, &data, classes);
    let near = Neighbours::of(&train, &test, classes, &mut progress);
    progress.finish();

    let labels = train.labels.len();
    let unreadable = train.skipped.len() + test.skipped.len();
    let mut of_linear = to_json(&linear, &data.classes);
    of_linear["l2"] = json!(fitted.l2);
    of_linear["converged"] = json!(fitted.converged);
    of_linear["iterations"] = json!(fitted.iterations);
    let mut of_near = to_json(&near.found, &data.classes);
    of_near["train"] = json!(near.train);
    let found = json!({
        "model": model.folder.display().to_string(),
        "labels": labels,
        "test": test.labels.len(),
        "classes": classes,
        "unreadable": unreadable,
        "class_weights": args.class_weights,
        "linear_probe": of_linear,
        "knn": of_near,
    });
    let probe = match fitted.converged {
        true => "linear probe",
        false => "linear probe, not converged",
    };
    let ways = [(probe, &linear), ("nearest neighbours", &near.found)];
    context.output.text(&summary(&ways, &data.classes).render());
    let classes_of_probe = per_class(&linear, &data.classes).render();
    context.output.text(&format!(
        "\nof the linear probe, by class\n{classes_of_probe}\n"
    ));
    let note = format!(
        "{labels} labels of {classes} classes, {} test items{}\n",
        linear.items,
        near.note()
    );
    context.output.text(&note);
    if !fitted.converged {
        context.output.warn(&format!(
            "the linear probe had not converged after {} iterations: its figures may be lower than the features allow",
            fitted.iterations
        ));
    }
    if linear.refused > 0 {
        context.output.warn(&format!(
            "{} test items could not be read, and count as wrong",
            linear.refused
        ));
    }
    for skipped in train.skipped.iter().chain(&test.skipped) {
        context.output.warn(&escaped(&skipped.reason));
    }
    if let Some(path) = keep(model.run.as_deref(), "probe", &found, context.global)? {
        let kept = format!("written to {}\n", path.display());
        context.output.text(&kept);
    }
    context.output.json(&found);
    Ok(())
}

/// How a probe does on test items; those that could not be read are wrong.
fn judged(probe: &LinearProbe, test: &Features, data: &DataSet, classes: usize) -> Classification {
    let mut tally = ClassificationTally::new(classes);
    for (label, shares) in test.labels.iter().zip(probe.predict_proba(&test.matrix)) {
        tally.add(*label, &shares);
    }
    let labelled = data.items.labelled();
    for skipped in &test.skipped {
        if let Some(label) = labelled.label(skipped.index as usize) {
            tally.refuse(label);
        }
    }
    tally.finish().expect("some test item could be read")
}

/// What nearest neighbours make of the test items, or of some of them: all with all would take too long of many.
struct Neighbours {
    found: Classification,
    /// Training items that vote.
    train: usize,
    some: bool,
}

impl Neighbours {
    fn of(train: &Features, test: &Features, classes: usize, progress: &mut Progress) -> Self {
        let products = [train, test].map(|part| part.matrix.rows as f64);
        let products = products[0] * products[1] * train.matrix.dim as f64;
        let kept = (KNN_PRODUCTS / products).sqrt().min(1.0);
        progress.part("nearest neighbours");
        let (voters, of_voters) = spread(train, kept);
        let (queries, of_queries) = spread(test, kept);
        let predicted = Knn::default().predict(&voters, &of_voters, &queries);
        let found = Classification::of_classes(&of_queries, &predicted, classes);
        Self {
            found: found.expect("some test item could be read"),
            train: of_voters.len(),
            some: kept < 1.0,
        }
    }

    fn note(&self) -> String {
        match self.some {
            false => String::new(),
            true => format!(
                "; nearest neighbours of {} among them by {} labels, evenly spread",
                self.found.items, self.train
            ),
        }
    }
}

/// A share of the rows, evenly spread, and their labels.
fn spread(of: &Features, share: f64) -> (FeatureMatrix, Vec<u32>) {
    let rows = of.matrix.rows;
    let count = ((rows as f64 * share) as usize).clamp(1, rows);
    let places: Vec<usize> = (0..count).map(|i| i * rows / count).collect();
    let labels = places.iter().map(|&place| of.labels[place]).collect();
    (of.matrix.select(&places), labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_of_many_rows_are_spread_over_all_of_them() {
        let of = Features {
            matrix: FeatureMatrix::new(10, 1, (0..10).map(|v| v as f32).collect()).unwrap(),
            labels: (0..10).collect(),
            skipped: Vec::new(),
        };
        let (matrix, labels) = spread(&of, 0.35);
        assert_eq!(
            (matrix.values, labels),
            (vec![0.0, 3.0, 6.0], vec![0, 3, 6])
        );
        assert_eq!(spread(&of, 1.0).1, of.labels);
    }
}
