//! `predict`: class, name and probability of items, as CSV.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use burn::tensor::activation::softmax;
use serde_json::json;
use tinderbox::transfer::FeatureMatrix;

use super::{data, device_of, pipe, stream::Stream};
use crate::args::PredictArgs;
use crate::classifier::Classifier;
use crate::error::CliError;
use crate::model::Model;
use crate::rows::{Prediction, PredictionWriter};
use crate::session::Context;

pub(super) fn run(args: &PredictArgs, context: Context<'_>) -> Result<(), CliError> {
    let out = context.global.out.as_deref();
    let model = Model::open(&args.model)?;
    let device = device_of(context.global)?;
    let (classifier, classes) = model.classifier(&device)?;
    let data = data::of(&args.data, &model, context.global)?;
    let stream = Stream::open(&data, &model)?;
    let predict = |input| -> Vec<Prediction> {
        let shares = FeatureMatrix::from_tensor(softmax(classifier.classify(input), 1));
        shares
            .iter_rows()
            .map(|row| most_probable(row, classes))
            .collect()
    };
    let to: Box<dyn Write> = match out {
        Some(path) => {
            stream.refuse_existing(path, context.global)?;
            Box::new(BufWriter::new(
                File::create(path).map_err(CliError::writing(path))?,
            ))
        }
        None => Box::new(BufWriter::new(io::stdout().lock())),
    };
    let path = out.unwrap_or(Path::new("stdout"));
    let run = || -> Result<usize, CliError> {
        let mut writer = PredictionWriter::new(to).map_err(CliError::writing(path))?;
        let write =
            |id: &str, outcome: &_| writer.row(id, outcome).map_err(CliError::writing(path));
        let bad = stream.each(&device, predict, write)?;
        writer.finish().map_err(CliError::writing(path))?;
        Ok(bad)
    };
    let Some(unreadable) = pipe(run())? else {
        return Ok(());
    };
    let rows = stream.len();
    if unreadable > 0 {
        context.output.warn(&format!(
            "{unreadable} of {rows} items could not be read; their rows say why"
        ));
    }
    if let Some(path) = out {
        let shown = path.display().to_string();
        context
            .output
            .text(&format!("{rows} rows written to {shown}\n"));
        context
            .output
            .json(&json!({"rows": rows, "unreadable": unreadable, "out": shown}));
    }
    Ok(())
}

fn most_probable(shares: &[f32], classes: &[String]) -> Prediction {
    let mut class = 0;
    for (other, share) in shares.iter().enumerate() {
        if *share > shares[class] {
            class = other;
        }
    }
    Prediction {
        class,
        name: classes[class].clone(),
        probability: shares[class],
    }
}
