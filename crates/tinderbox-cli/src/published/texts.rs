//! BERTs as transformers and sentence-transformers publish them.

use std::path::Path;

use tinderbox::data::text::{PublishedTokeniser, TextPreprocess};
use tinderbox::nn::{SentenceCheckpoint, StateDict, TextEncoderConfig};

use super::unusable;
use crate::encoder::EncoderConfig;
use crate::error::CliError;
use crate::inputs::Preprocessing;
use crate::model::Model;

/// The model in a folder of either library.
pub(super) fn open(folder: &Path) -> Result<Model, CliError> {
    let SentenceCheckpoint {
        bert,
        folder: inside,
        says_pooling,
        length,
    } = read(folder)?;
    let PublishedTokeniser {
        tokeniser,
        longest,
        assumes_lowercase,
    } = PublishedTokeniser::read(&inside)?;
    let mut notes = Vec::new();
    if !says_pooling {
        notes.push("no modules.json says what the features are: the mean over the tokens".into());
    }
    if assumes_lowercase {
        notes
            .push("no file says whether case is kept: texts are lower-cased, as BERT's are".into());
    }
    let heads: Vec<&str> = bert.heads().names().collect();
    if let Some(first) = heads.first() {
        let count = heads.len();
        notes.push(format!(
            "{count} weights of heads are not used, such as {first}: features come from the encoder"
        ));
    }
    let words = tokeniser.vocabulary_size();
    if words < bert.vocabulary() {
        let rows = bert.vocabulary() - words;
        notes.push(format!(
            "{rows} rows of the table of words are not used: the tokeniser has {words} tokens"
        ));
    }
    let positions = bert.config().positions;
    // As sentence-transformers has it: its own length first, the tokeniser's without it.
    let length = length.or(longest).unwrap_or(positions).min(positions);
    let preprocess = Preprocessing::Text(TextPreprocess::new(tokeniser, length)?);
    let bert = bert
        .with_vocabulary(words)
        .map_err(|error| unusable(folder, &error))?;
    let config = bert.config().clone();
    let width = config.width;
    let encoder = EncoderConfig::Text(TextEncoderConfig::Bert(config));
    Ok(Model {
        notes,
        ..super::model(folder, encoder, width, preprocess, bert.published())
    })
}

/// The encoder's weights, for the tokens of the folder's tokeniser if there is one.
pub(super) fn weights(folder: &Path) -> Result<StateDict, CliError> {
    let SentenceCheckpoint { bert, folder, .. } = read(folder)?;
    let words = match PublishedTokeniser::read(&folder) {
        Ok(found) => found.tokeniser.vocabulary_size().min(bert.vocabulary()),
        Err(_) => bert.vocabulary(),
    };
    let bert = bert.with_vocabulary(words);
    Ok(bert.map_err(|error| unusable(&folder, &error))?.published())
}

fn read(folder: &Path) -> Result<SentenceCheckpoint, CliError> {
    SentenceCheckpoint::read(folder).map_err(|error| unusable(folder, &error))
}
