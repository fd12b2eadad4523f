//! `embed`: features of items, as npy or CSV.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::json;
use tinderbox::nn::Encoder;
use tinderbox::transfer::FeatureMatrix;

use super::{data, device_of, pipe, stream::Stream};
use crate::args::{EmbedArgs, EmbedFormat};
use crate::error::CliError;
use crate::rows::{EmbeddingCsv, EmbeddingNpy, ids_path};
use crate::session::Context;

/// Words that `--nearest` shows.
const NEAREST: usize = 10;

pub(super) fn run(args: &EmbedArgs, context: Context<'_>) -> Result<(), CliError> {
    if !args.nearest.is_empty() {
        return super::words::nearest(&args.model, &args.nearest, NEAREST, context);
    }
    let out = context.global.out.as_deref();
    let format = format(args.format, out)?;
    let model = context.model(&args.model)?;
    let device = device_of(context.global)?;
    let data = data::of(&args.data, &model, context.global)?;
    let stream = Stream::open(&data, &model)?;
    let encoder = model.encoder(&device)?;
    let dim = model.description.feature_dim;
    let features = |input| -> Vec<Vec<f32>> {
        let matrix = FeatureMatrix::from_tensor(encoder.forward(input));
        matrix.iter_rows().map(<[f32]>::to_vec).collect()
    };
    let rows = stream.len();
    let unreadable = match (format, out) {
        (EmbedFormat::Npy, Some(path)) => {
            for path in [path, &ids_path(path)] {
                stream.refuse_existing(path, context.global)?;
            }
            let mut writer = EmbeddingNpy::create(path, rows, dim)?;
            let write = |id: &str, outcome: &_| writer.row(id, outcome);
            let bad = stream.each(&device, features, write)?;
            writer.finish()?;
            bad
        }
        (_, out) => {
            let to: Box<dyn Write> = match out {
                Some(path) => {
                    stream.refuse_existing(path, context.global)?;
                    let file = File::create(path).map_err(CliError::writing(path))?;
                    Box::new(BufWriter::new(file))
                }
                None => Box::new(BufWriter::new(io::stdout().lock())),
            };
            let path = out.unwrap_or(Path::new("stdout"));
            let run = || -> Result<usize, CliError> {
                let mut writer = EmbeddingCsv::new(to, dim).map_err(CliError::writing(path))?;
                let write = |id: &str, outcome: &_| {
                    writer.row(id, outcome).map_err(CliError::writing(path))
                };
                let bad = stream.each(&device, features, write)?;
                writer.finish().map_err(CliError::writing(path))?;
                Ok(bad)
            };
            match pipe(run())? {
                Some(bad) => bad,
                None => return Ok(()),
            }
        }
    };
    if unreadable > 0 {
        context.output.warn(&format!(
            "{unreadable} of {rows} items could not be read; their rows say why"
        ));
    }
    if let Some(path) = out {
        let shown = path.display().to_string();
        let ids = match format {
            EmbedFormat::Npy => format!(", their ids to {}", ids_path(path).display()),
            EmbedFormat::Csv => String::new(),
        };
        context.output.text(&format!(
            "{rows} rows of {dim} features written to {shown}{ids}\n"
        ));
        let found = json!({"rows": rows, "features": dim, "unreadable": unreadable, "out": shown});
        context.output.json(&found);
    }
    Ok(())
}

fn format(asked: Option<EmbedFormat>, out: Option<&Path>) -> Result<EmbedFormat, CliError> {
    let by_name = out
        .and_then(Path::extension)
        .is_some_and(|ending| ending == "npy");
    let format = asked.unwrap_or(if by_name {
        EmbedFormat::Npy
    } else {
        EmbedFormat::Csv
    });
    if format == EmbedFormat::Npy && out.is_none() {
        return Err(CliError::Usage {
            message: "npy needs a file to be written to".into(),
            help: Some("name one with `--out features.npy`".into()),
        });
    }
    Ok(format)
}
