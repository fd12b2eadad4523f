//! `predict`: class, name and probability of items, or of words, or answers to questions, as CSV.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use burn::tensor::Device;
use burn::tensor::activation::softmax;
use serde_json::json;
use tinderbox::data::text::{TaggedSample, WordSequences};
use tinderbox::transfer::FeatureMatrix;

use super::data::{self, Settings};
use super::judge::{Judge, Weighed};
use super::outputs::Written;
use super::{device_of, pipe, stream::Stream};
use crate::answerer::{Answerer, answer};
use crate::args::PredictArgs;
use crate::class_figures::to_json;
use crate::classifier::Classifier;
use crate::error::CliError;
use crate::inputs::Target;
use crate::model::LoadedClassifier;
use crate::model_card::HeadDescription;
use crate::rows::{AsRows, ClassColumns, Outcome, Prediction, ResultWriter};
use crate::session::Context;
use crate::tagger::{Tagger, tag};
use crate::text_source::check_pairs;

pub(super) fn run(args: &PredictArgs, context: Context<'_>) -> Result<(), CliError> {
    Settings::Items.check(context.global)?;
    let out = context.global.out.as_deref();
    let model = context.model(&args.model)?;
    let device = device_of(context.global)?;
    let head = model.head()?;
    let network = match head.of {
        Target::Items => Network::Items(model.classifier(&device)?),
        Target::Words => Network::Words(model.tagger(&device)?),
        Target::Answers => Network::Answers(model.answerer(&device)?),
    };
    let columns = columns(args, head)?;
    let data = data::of(&args.data, &model, context.global)?;
    if let (Target::Items, Some(learnt)) = (head.of, model.recipe()?) {
        check_pairs(&learnt.data, &data)?;
    }
    let stream = Stream::open(&data, &model, true)?;
    context.output.ledger(&stream.ledger(head.of));
    let to: Box<dyn Write> = match out {
        Some(path) => {
            stream.refuse_existing(path, Written::Rows, context.global)?;
            Box::new(BufWriter::new(
                File::create(path).map_err(CliError::writing(path))?,
            ))
        }
        None => Box::new(BufWriter::new(io::stdout().lock())),
    };
    let path = out.unwrap_or(Path::new("stdout"));
    let mut judge = None;
    let written = match &network {
        Network::Items(classifier) => {
            judge = Judge::of(&stream.class_names(&data), &head.classes);
            let judge = judge.as_mut();
            items(classifier, &columns, &stream, &device, judge, to, path)
        }
        Network::Words(tagger) => words(tagger, &columns, &stream, &device, to, path),
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
    let judged = judge.and_then(Judge::finish);
    if let Some((_, text)) = &judged {
        match out {
            Some(_) => context.output.text(text),
            None => context.output.note(text.trim_end()),
        }
    }
    if let Some(path) = out {
        let shown = path.display().to_string();
        let what = match head.of {
            Target::Items => "rows",
            Target::Words => "tagged texts",
            Target::Answers => "answers",
        };
        let without = match unreadable {
            0 => String::new(),
            some => format!(", {some} of them with a reason instead"),
        };
        let text = format!("{rows} {what} written to {shown}{without}\n");
        context.output.text(&text);
        context.output.json(&json!({
            "rows": rows,
            "unreadable": unreadable,
            "out": shown,
            "figures": judged.map(|(found, _)| to_json(&found, &head.classes)),
        }));
    }
    Ok(())
}

/// What is written of the classes.
fn columns(args: &PredictArgs, head: &HeadDescription) -> Result<ClassColumns, CliError> {
    let asked = [(args.all, "--all"), (args.top_k.is_some(), "--top-k")];
    let asked = asked.iter().find(|(asked, _)| *asked);
    if let (Target::Answers, Some((_, flag))) = (head.of, asked) {
        return Err(CliError::usage(format!(
            "`{flag}` is for classes, and this model answers questions"
        )));
    }
    let classes = head.classes.len();
    let top = args.top_k.unwrap_or(1);
    if top > classes as u64 {
        return Err(CliError::usage(format!(
            "`--top-k` is {top}, but the model has {classes} classes"
        )));
    }
    Ok(ClassColumns {
        classes: head.classes.clone(),
        top: top as usize,
        all: args.all,
    })
}

/// What is asked.
// There is one, so that its size is no concern.
#[allow(clippy::large_enum_variant)]
enum Network {
    Items(LoadedClassifier),
    Words(Tagger),
    Answers(Answerer),
}

/// Writes the class of each item, which the judge hears, and returns how many could not be read.
fn items(
    classifier: &LoadedClassifier,
    columns: &ClassColumns,
    stream: &Stream,
    device: &Device,
    mut judge: Option<&mut Judge>,
    to: Box<dyn Write>,
    path: &Path,
) -> Result<usize, CliError> {
    let predict = |input| -> Vec<Weighed> {
        let shares = FeatureMatrix::from_tensor(softmax(classifier.classify(input), 1));
        let weighed = |row: &[f32]| Weighed {
            prediction: Prediction::of(row, columns),
            shares: row.to_vec(),
        };
        shares.iter_rows().map(weighed).collect()
    };
    write_csv(to, path, &columns.further(), |write| {
        stream.each(device, predict, |id, outcome| {
            if let Some(judge) = &mut judge {
                judge.hear(outcome);
            }
            write(id, outcome)
        })
    })
}

/// Writes the tag of each word of each text, and returns how many texts could not be read.
fn words(
    tagger: &Tagger,
    columns: &ClassColumns,
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
        let mut tags = tag(tagger, &samples, collate, columns, device).into_iter();
        let of_text = |found: WordSequences| found.words.into_iter().zip(&mut tags).collect();
        found.into_iter().map(of_text).collect()
    };
    write_csv(to, path, &columns.further(), |write| {
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
    write_csv(to, path, &[], |write| {
        stream.each_read(|index| questions.question(index), predict, write)
    })
}

/// Writes what `each` gives to the function that it gets, and returns what it returns.
fn write_csv<T: AsRows>(
    to: Box<dyn Write>,
    path: &Path,
    further: &[String],
    each: impl FnOnce(&mut WriteOne<'_, T>) -> Result<usize, CliError>,
) -> Result<usize, CliError> {
    let mut writer = ResultWriter::new(to, further).map_err(CliError::writing(path))?;
    let bad = each(&mut |id, outcome| writer.write(id, outcome).map_err(CliError::writing(path)))?;
    writer.finish().map_err(CliError::writing(path))?;
    Ok(bad)
}

/// Writes the rows of one input.
type WriteOne<'w, T> = dyn FnMut(&str, &Outcome<T>) -> Result<(), CliError> + 'w;
