//! Models that others published, used as they are: a folder of transformers, sentence-transformers or timm.

mod images;
mod texts;

use std::fmt::Display;
use std::path::Path;

use serde_json::Value;
use tinderbox::nn::{SentenceCheckpoint, StateDict};

use crate::encoder::EncoderConfig;
use crate::error::CliError;
use crate::export::FOREIGN_CONFIG;
use crate::inputs::Preprocessing;
use crate::model::Model;
use crate::model_card::{FORMAT_VERSION, HeadDescription, ModelDescription};

/// What a published model has in the place of an objective.
pub const PUBLISHED: &str = "published";
/// Where both keep their weights.
const WEIGHTS: &str = "model.safetensors";

/// Whether a folder looks like one that another library wrote.
pub fn is_at(folder: &Path) -> bool {
    SentenceCheckpoint::is_at(folder)
}

/// The model in a folder that another library wrote.
///
/// # Errors
/// If it is none that is known here, or damaged; what is not supported is named by file and key.
pub fn open(folder: &Path) -> Result<Model, CliError> {
    let model = match images::config(folder)? {
        Some(config) => images::open(folder, &config)?,
        None => texts::open(folder)?,
    };
    match model.weights.not_finite() {
        Some(name) => Err(unusable(
            &folder.join(WEIGHTS),
            &format!("{name} holds a value that is not finite"),
        )),
        None => Ok(model),
    }
}

/// The weights of the encoder in such a folder, for a network that the recipe describes; a tokeniser need not lie there.
///
/// # Errors
/// As [`open`].
pub fn weights(folder: &Path) -> Result<StateDict, CliError> {
    match images::config(folder)? {
        Some(_) => images::weights(folder),
        None => texts::weights(folder),
    }
}

/// A model as one of ours is described.
fn model(
    folder: &Path,
    encoder: EncoderConfig,
    feature_dim: usize,
    preprocess: Preprocessing,
    weights: StateDict,
) -> Model {
    Model {
        description: ModelDescription {
            format_version: FORMAT_VERSION,
            tinderbox_version: env!("CARGO_PKG_VERSION").to_string(),
            shape: preprocess.shape(),
            feature_dim,
            encoder,
            head: None::<HeadDescription>,
            word_head: None,
            objective: PUBLISHED.into(),
            step: 0,
        },
        preprocess,
        weights,
        folder: folder.to_path_buf(),
        run: None,
        notes: Vec::new(),
    }
}

/// The file of settings that transformers and timm have, if it is there and JSON.
fn settings(folder: &Path) -> Result<Option<Value>, CliError> {
    let path = folder.join(FOREIGN_CONFIG);
    if !path.is_file() {
        return Ok(None);
    }
    let bytes = std::fs::read(&path).map_err(CliError::reading(&path))?;
    let read = serde_json::from_slice(&bytes);
    read.map(Some).map_err(|error| unusable(&path, &error))
}

fn unusable(at: &Path, error: &dyn Display) -> CliError {
    CliError::Usage {
        message: format!("{}: {error}", at.display()),
        help: Some(
            "published models are read here if they are a BERT of transformers or sentence-transformers, or a resnet18, 34 or 50 of timm, with model.safetensors".into(),
        ),
    }
}
