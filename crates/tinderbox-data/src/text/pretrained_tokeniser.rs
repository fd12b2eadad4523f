//! A tokeniser's files as Hugging Face's `transformers` keeps them.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use burn_pack::AtomicFile;
use serde_json::{Map, Value, json};

use super::tokeniser::{Role, Tokeniser};
use crate::DataError;

const ROLES: [(Role, &str); 5] = [
    (Role::Pad, "pad_token"),
    (Role::Unknown, "unk_token"),
    (Role::Cls, "cls_token"),
    (Role::Sep, "sep_token"),
    (Role::Mask, "mask_token"),
];

impl Tokeniser {
    /// Writes what `AutoTokenizer` of `transformers` reads into a folder that exists: `tokenizer.json`,
    /// `tokenizer_config.json`, and `vocab.txt` of a WordPiece tokeniser. `longest` is the longest sequence of the
    /// model.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::Tokeniser`]; the latter also for a WordPiece vocabulary that a file with a
    /// token a line cannot hold: one with a gap in its ids or a line break in a token.
    pub fn save_pretrained(
        &self,
        folder: impl AsRef<Path>,
        longest: usize,
    ) -> Result<(), DataError> {
        let folder = folder.as_ref();
        let json = self.json()?;
        let parts: Value = serde_json::from_str(&json).map_err(super::tokeniser::refused)?;
        let is_word_piece = parts["model"]["type"] == "WordPiece";
        if is_word_piece {
            let lines = vocabulary_lines(&parts)?;
            write(&folder.join("vocab.txt"), lines.as_bytes())?;
        }
        let mut config = Map::new();
        let class = match is_word_piece {
            true => "BertTokenizer",
            false => "PreTrainedTokenizerFast",
        };
        config.insert("tokenizer_class".to_owned(), json!(class));
        config.insert("model_max_length".to_owned(), json!(longest));
        if let Some(lowercase) = parts["normalizer"]["lowercase"].as_bool() {
            config.insert("do_lower_case".to_owned(), json!(lowercase));
        }
        for (role, key) in ROLES {
            let mut names = role.names().iter();
            if let Some(name) = names.find(|name| self.id(name).is_some()) {
                config.insert(key.to_owned(), json!(name));
            }
        }
        let config = format!("{:#}\n", Value::Object(config));
        write(&folder.join("tokenizer_config.json"), config.as_bytes())?;
        write(&folder.join("tokenizer.json"), json.as_bytes())
    }
}

/// A token a line, in the order of the ids.
fn vocabulary_lines(parts: &Value) -> Result<String, DataError> {
    let message = |message: String| DataError::Tokeniser { message };
    let words = parts["model"]["vocab"].as_object().into_iter().flatten();
    let words = words.map(|(token, id)| (id.as_u64(), token.as_str()));
    let added = parts["added_tokens"].as_array().into_iter().flatten();
    let added = added.map(|token| {
        (
            token["id"].as_u64(),
            token["content"].as_str().unwrap_or_default(),
        )
    });
    let by_id: BTreeMap<u64, &str> = words
        .chain(added)
        .filter_map(|(id, token)| Some((id?, token)))
        .collect();
    let mut lines = String::new();
    for (expected, (id, token)) in (0..).zip(by_id) {
        if id != expected {
            return Err(message(format!(
                "the vocabulary has no token {expected}, which vocab.txt needs"
            )));
        }
        if token.contains(['\n', '\r']) {
            return Err(message(format!(
                "token {id} has a line break, which vocab.txt cannot hold"
            )));
        }
        lines.push_str(token);
        lines.push('\n');
    }
    Ok(lines)
}

/// Writes a file, whole or not at all.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), DataError> {
    let io = |source| DataError::io(path, source);
    let other = |error: &dyn std::fmt::Display| io(std::io::Error::other(error.to_string()));
    let (scratch, mut file) = AtomicFile::create(path).map_err(|error| other(&error))?;
    file.write_all(bytes).map_err(io)?;
    file.sync_all().map_err(io)?;
    drop(file);
    scratch.commit().map_err(|error| other(&error))
}
