//! A tokeniser's files as Hugging Face's `transformers` keeps them.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use burn_pack::AtomicFile;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokenizers::Tokenizer;

use super::tokeniser::{Role, SPECIAL, Tokeniser, read, refused};
use crate::DataError;

const ROLES: [(Role, &str); 5] = [
    (Role::Pad, "pad_token"),
    (Role::Unknown, "unk_token"),
    (Role::Cls, "cls_token"),
    (Role::Sep, "sep_token"),
    (Role::Mask, "mask_token"),
];

/// The settings of BERT's normaliser in a `tokenizer.json`, and their keys in a `tokenizer_config.json`.
const NORMALISER: [(&str, &str); 3] = [
    ("lowercase", "do_lower_case"),
    ("strip_accents", "strip_accents"),
    ("handle_chinese_chars", "tokenize_chinese_chars"),
];

/// What says how a tokeniser was meant, beside its other files.
pub(super) const CONFIG: &str = "tokenizer_config.json";

/// What a `tokenizer_config.json` says, if it is there.
///
/// # Errors
/// [`DataError::Io`], [`DataError::TooLarge`], and [`DataError::Tokeniser`] for what is no JSON.
pub(super) fn configuration<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, DataError> {
    if !path.is_file() {
        return Ok(None);
    }
    let said = serde_json::from_slice(&read(path)?);
    said.map(Some)
        .map_err(|error| refused(format!("{}: {error}", path.display())))
}

impl Tokeniser {
    /// Reads a `tokenizer.json`, a `vocab.txt` (any file that ends in `txt`), or a folder with either. What a `tokenizer_config.json`
    /// beside it says of case, accents and Chinese characters in BERT's way is done; else of a `vocab.txt` what `lowercase` and `strip_accents` say
    /// (`None` for as `lowercase` has it). Its `model_max_length` is [`longest`](Self::longest).
    ///
    /// # Errors
    /// As [`load`](Self::load) and [`load_bert_vocabulary`](Self::load_bert_vocabulary), and [`DataError::Tokeniser`] for a
    /// configuration that is no JSON.
    pub fn load_pretrained(
        path: impl AsRef<Path>,
        lowercase: bool,
        strip_accents: Option<bool>,
    ) -> Result<Self, DataError> {
        let mut path = path.as_ref().to_path_buf();
        if path.is_dir() {
            let names = ["tokenizer.json", "vocab.txt"].map(|name| path.join(name));
            let [json, vocabulary] = names;
            path = match vocabulary.is_file() && !json.is_file() {
                true => vocabulary,
                false => json,
            };
        }
        let mut said = Map::new();
        let read = if path.extension().is_some_and(|ending| ending == "txt") {
            said.insert("strip_accents".to_owned(), json!(strip_accents));
            Self::load_bert_vocabulary(&path, lowercase)?
        } else {
            Self::load(&path)?
        };
        if let Some(more) = configuration::<Map<String, Value>>(&path.with_file_name(CONFIG))? {
            said.extend(more);
        }
        let mut read = read.normalised_as(&said)?;
        // Where there is no limit, it is written as a huge number.
        let longest = said.get("model_max_length").and_then(Value::as_u64);
        read.longest = longest.and_then(|longest| usize::try_from(longest).ok());
        Ok(read)
    }

    /// The same with BERT's normaliser set as a configuration says, if it has that normaliser.
    fn normalised_as(self, said: &Map<String, Value>) -> Result<Self, DataError> {
        let mut parts: Value = serde_json::from_str(&self.json()?).map_err(refused)?;
        let normaliser = &mut parts["normalizer"];
        if normaliser["type"] != "BertNormalizer" {
            return Ok(self);
        }
        let before = normaliser.clone();
        for (own, key) in NORMALISER {
            let value = said.get(key);
            if let Some(value) = value.filter(|value| value.is_boolean() || value.is_null()) {
                normaliser[own] = value.clone();
            }
        }
        match *normaliser == before {
            true => Ok(self),
            false => Self::from_json(parts.to_string().as_bytes()),
        }
    }

    /// Writes what `AutoTokenizer` of `transformers` reads into a folder that exists: `tokenizer.json`,
    /// `tokenizer_config.json`, and `vocab.txt` of a WordPiece tokeniser of BERT's pipeline. `longest` is the longest sequence of the
    /// model, and what is read elsewhere is framed, cut and padded as [`TextPreprocess`](super::TextPreprocess) does it here.
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
        let mut parts: Value = serde_json::from_str(&self.json()?).map_err(refused)?;
        // Other pipelines around WordPiece are read from `tokenizer.json` alone.
        let of_bert = is_bert(&parts);
        if of_bert {
            let lines = vocabulary_lines(&parts)?;
            write(&folder.join("vocab.txt"), lines.as_bytes())?;
        }
        let mut config = Map::new();
        let class = match of_bert {
            true => "BertTokenizer",
            false => "PreTrainedTokenizerFast",
        };
        config.insert("tokenizer_class".to_owned(), json!(class));
        config.insert("model_max_length".to_owned(), json!(longest));
        if of_bert {
            for (own, key) in NORMALISER {
                config.insert(key.to_owned(), parts["normalizer"][own].clone());
            }
        }
        for (role, key) in ROLES {
            if let Some(name) = self.name(role) {
                config.insert(key.to_owned(), json!(name));
            }
        }
        self.frame(&mut parts, longest)?;
        let config = format!("{:#}\n", Value::Object(config));
        write(&folder.join(CONFIG), config.as_bytes())?;
        // Read back, so that it is what the library itself writes.
        let framed = Tokenizer::from_bytes(parts.to_string()).map_err(refused)?;
        let json = framed.to_string(true).map_err(refused)?;
        write(&folder.join("tokenizer.json"), json.as_bytes())
    }

    /// Puts into the parts of a `tokenizer.json` what is done here without it: special tokens around a text or two, their segments, the cut
    /// and the padding.
    fn frame(&self, parts: &mut Value, longest: usize) -> Result<(), DataError> {
        let special = self.special_tokens()?;
        let name = |role| self.name(role).unwrap_or_default();
        let [cls, sep, pad] = [Role::Cls, Role::Sep, Role::Pad].map(name);
        let token =
            |id: &str, segment: u32| json!({"SpecialToken": {"id": id, "type_id": segment}});
        let text = |id: &str, segment: u32| json!({"Sequence": {"id": id, "type_id": segment}});
        let single = [token(cls, 0), text("A", 0), token(sep, 0)];
        let pair = [&single[..], &[text("B", 1), token(sep, 1)]].concat();
        parts["post_processor"] = json!({
            "type": "TemplateProcessing", "single": single, "pair": pair,
            "special_tokens": {
                cls: {"id": cls, "ids": [special.cls], "tokens": [cls]},
                sep: {"id": sep, "ids": [special.sep], "tokens": [sep]},
            },
        });
        parts["truncation"] = json!({
            "direction": "Right", "max_length": longest, "strategy": "LongestFirst", "stride": 0,
        });
        parts["padding"] = json!({
            "strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": null,
            "pad_id": special.pad, "pad_type_id": 0, "pad_token": pad,
        });
        Ok(())
    }

    /// The special token for `role`, as it is spelt.
    fn name(&self, role: Role) -> Option<&'static str> {
        let mut names = role.names().iter();
        names.find(|name| self.id(name).is_some()).copied()
    }
}

/// Whether this is what `BertTokenizer` makes of `vocab.txt` and `tokenizer_config.json`: it makes its pipeline anew of these.
fn is_bert(parts: &Value) -> bool {
    let (model, normaliser) = (&parts["model"], &parts["normalizer"]);
    model["type"] == "WordPiece"
        && model["unk_token"] == "[UNK]"
        && model["continuing_subword_prefix"] == "##"
        && model["max_input_chars_per_word"] == 100
        && normaliser["type"] == "BertNormalizer"
        && normaliser["clean_text"] == true
        && parts["pre_tokenizer"]["type"] == "BertPreTokenizer"
        && SPECIAL.iter().all(|token| !model["vocab"][token].is_null())
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
