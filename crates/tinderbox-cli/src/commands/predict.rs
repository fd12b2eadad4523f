//! `predict`: class, name and probability of items, or of words, as CSV.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use burn::tensor::Device;
use burn::tensor::activation::softmax;
use serde_json::json;
use tinderbox::transfer::FeatureMatrix;

use super::{data, device_of, pipe, stream::Stream};
use crate::args::PredictArgs;
use crate::classifier::Classifier;
use crate::error::CliError;
use crate::model::{LoadedClassifier, Model};
use crate::model_card::ClassesOf;
use crate::rows::{Prediction, PredictionWriter, TagWriter};
use crate::session::Context;
use crate::tagger::{Tagger, tag};

pub(super) fn run(args: &PredictArgs, context: Context<'_>) -> Result<(), CliError> {
    let out = context.global.out.as_deref();
    let model = Model::open(&args.model)?;
    let device = device_of(context.global)?;
    let head = model.head()?;
    let network = match head.of {
        ClassesOf::Items => Network::Items(model.classifier(&device)?),
        ClassesOf::Words => Network::Words(model.tagger(&device)?),
    };
    let data = data::of(&args.data, &model, context.global)?;
    let stream = Stream::open(&data, &model)?;
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
    let written = match &network {
        Network::Items(classifier) => items(classifier, &head.classes, &stream, &device, to, path),
        Network::Words(tagger) => words(tagger, &head.classes, &stream, &device, to, path),
    };
    let Some(unreadable) = pipe(written)? else {
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
        let what = match head.of {
            ClassesOf::Items => "rows",
            ClassesOf::Words => "tagged texts",
        };
        context
            .output
            .text(&format!("{rows} {what} written to {shown}\n"));
        context
            .output
            .json(&json!({"rows": rows, "unreadable": unreadable, "out": shown}));
    }
    Ok(())
}

/// What tells classes apart.
// There is one, so that its size is no concern.
#[allow(clippy::large_enum_variant)]
enum Network {
    Items(LoadedClassifier),
    Words(Tagger),
}

/// Writes the class of each item, and returns how many could not be read.
fn items(
    classifier: &LoadedClassifier,
    classes: &[String],
    stream: &Stream,
    device: &Device,
    to: Box<dyn Write>,
    path: &Path,
) -> Result<usize, CliError> {
    let predict = |input| -> Vec<Prediction> {
        let shares = FeatureMatrix::from_tensor(softmax(classifier.classify(input), 1));
        let rows = shares.iter_rows();
        rows.map(|row| Prediction::of(row, classes)).collect()
    };
    let mut writer = PredictionWriter::new(to).map_err(CliError::writing(path))?;
    let write = |id: &str, outcome: &_| writer.row(id, outcome).map_err(CliError::writing(path));
    let bad = stream.each(device, predict, write)?;
    writer.finish().map_err(CliError::writing(path))?;
    Ok(bad)
}

/// Writes the tag of each word of each text, and returns how many texts could not be read.
fn words(
    tagger: &Tagger,
    classes: &[String],
    stream: &Stream,
    device: &Device,
    to: Box<dyn Write>,
    path: &Path,
) -> Result<usize, CliError> {
    let predict = |samples: &[_], collate| tag(tagger, samples, collate, classes, device);
    let mut writer = TagWriter::new(to).map_err(CliError::writing(path))?;
    let write = |id: &str, outcome: &_| writer.rows(id, outcome).map_err(CliError::writing(path));
    let bad = stream.each_word(predict, write)?;
    writer.finish().map_err(CliError::writing(path))?;
    Ok(bad)
}
