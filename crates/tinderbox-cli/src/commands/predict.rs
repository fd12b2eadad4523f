//! `predict`: class, name and probability of items, or of words, or answers to questions, as CSV.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use burn::tensor::Device;
use burn::tensor::activation::softmax;
use serde_json::json;
use tinderbox::data::text::{TaggedSample, WordSequences};
use tinderbox::transfer::FeatureMatrix;

use super::{data, device_of, pipe, stream::Stream};
use crate::answerer::{Answerer, answer};
use crate::args::PredictArgs;
use crate::classifier::Classifier;
use crate::error::CliError;
use crate::inputs::Target;
use crate::model::LoadedClassifier;
use crate::rows::{AsRows, Outcome, Prediction, ResultWriter};
use crate::session::Context;
use crate::tagger::{Tagger, tag};

pub(super) fn run(args: &PredictArgs, context: Context<'_>) -> Result<(), CliError> {
    let out = context.global.out.as_deref();
    let model = context.model(&args.model)?;
    let device = device_of(context.global)?;
    let head = model.head()?;
    let network = match head.of {
        Target::Items => Network::Items(model.classifier(&device)?),
        Target::Words => Network::Words(model.tagger(&device)?),
        Target::Answers => Network::Answers(model.answerer(&device)?),
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
        Network::Answers(answerer) => answers(answerer, &stream, &device, to, path),
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
            Target::Items => "rows",
            Target::Words => "tagged texts",
            Target::Answers => "answers",
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

/// What is asked.
// There is one, so that its size is no concern.
#[allow(clippy::large_enum_variant)]
enum Network {
    Items(LoadedClassifier),
    Words(Tagger),
    Answers(Answerer),
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
    write_csv(to, path, |write| stream.each(device, predict, write))
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
    let texts = stream.texts();
    let (tagged, collate) = (texts.tagged(), texts.tagged_collate());
    let predict = |found: Vec<WordSequences>| -> Vec<Vec<(String, Prediction)>> {
        let samples = found.iter().flat_map(|found| &found.samples);
        let samples: Vec<TaggedSample> = samples.cloned().collect();
        let mut tags = tag(tagger, &samples, collate, classes, device).into_iter();
        let of_text = |found: WordSequences| found.words.into_iter().zip(&mut tags).collect();
        found.into_iter().map(of_text).collect()
    };
    write_csv(to, path, |write| {
        stream.each_read(|index| tagged.word_sequences(index), predict, write)
    })
}

/// Writes the answer to each question, and returns how many could not be read.
fn answers(
    answerer: &Answerer,
    stream: &Stream,
    device: &Device,
    to: Box<dyn Write>,
    path: &Path,
) -> Result<usize, CliError> {
    let texts = stream.texts();
    let (questions, collate) = (texts.questions(), texts.question_collate());
    let predict = |found: Vec<_>| answer(answerer, &found, collate, device);
    write_csv(to, path, |write| {
        stream.each_read(|index| questions.question(index), predict, write)
    })
}

/// Writes what `each` gives to the function that it gets, and returns what it returns.
fn write_csv<T: AsRows>(
    to: Box<dyn Write>,
    path: &Path,
    each: impl FnOnce(&mut WriteOne<'_, T>) -> Result<usize, CliError>,
) -> Result<usize, CliError> {
    let mut writer = ResultWriter::new(to).map_err(CliError::writing(path))?;
    let bad = each(&mut |id, outcome| writer.write(id, outcome).map_err(CliError::writing(path)))?;
    writer.finish().map_err(CliError::writing(path))?;
    Ok(bad)
}

/// Writes the rows of one input.
type WriteOne<'w, T> = dyn FnMut(&str, &Outcome<T>) -> Result<(), CliError> + 'w;
