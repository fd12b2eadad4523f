//! A tokeniser's files as Hugging Face's `transformers` keeps them.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use burn_pack::AtomicFile;
use serde_json::{Map, Value, json};

use super::tokeniser::{Role, SPECIAL, Tokeniser, read, refused};
use crate::DataError;

const ROLES: [(Role, &str); 5] = [
    (Role::Pad, "pad_token"),
    (Role::Unknown, "unk_token"),
    (Role::Cls, "cls_token"),
    (Role::Sep, "sep_token"),
    (Role::Mask, "mask_token"),
];

/// Classes of `transformers` that make BERT's pipeline of `tokenizer_config.json`, whatever `tokenizer.json` says of it.
const BERT_CLASSES: [&str; 2] = ["BertTokenizer", "BertTokenizerFast"];
/// More than this in `model_max_length` means that nobody said it.
const LONGEST: f64 = 1e9;

/// A tokeniser as it was published.
#[derive(Debug, Clone)]
pub struct PretrainedTokeniser {
    /// The tokeniser.
    pub tokeniser: Tokeniser,
    /// The longest sequence that its files name, with the special tokens.
    pub longest: Option<usize>,
    /// Whether case is dropped only because BERT's tokeniser does so where no file says it.
    pub assumes_lowercase: bool,
}

impl Tokeniser {
    /// Reads a folder of `transformers`: `tokenizer.json`, else BERT's `vocab.txt`, and `tokenizer_config.json` if it is there, which has
    /// the last word on lower case, accents and Chinese characters of BERT's tokenisers, as in `transformers`.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::TooLarge`], [`DataError::Tokeniser`]; [`DataError::Line`] for `vocab.txt`.
    pub fn load_pretrained(folder: impl AsRef<Path>) -> Result<PretrainedTokeniser, DataError> {
        let folder = folder.as_ref();
        let path = folder.join("tokenizer_config.json");
        let config = match path.is_file() {
            true => Some(
                serde_json::from_slice(&read(&path)?)
                    .map_err(|error| refused(format!("{}: {error}", path.display())))?,
            ),
            false => None,
        };
        let says = |key: &str| config.as_ref().map_or(&Value::Null, |c: &Value| &c[key]);
        let [json, words] = ["tokenizer.json", "vocab.txt"].map(|name| folder.join(name));
        let class = says("tokenizer_class").as_str();
        let is_bert = class.is_none_or(|class| BERT_CLASSES.contains(&class));
        let tokeniser = match (json.is_file(), words.is_file()) {
            (true, _) => Self::load(&json)
                .map_err(|error| refused(format!("{}: {error}", json.display())))?,
            (false, true) => Self::load_bert_vocabulary(&words, true)?,
            (false, false) => {
                return Err(refused(format!(
                    "{} holds neither tokenizer.json nor vocab.txt",
                    folder.display()
                )));
            }
        };
        let normaliser = |mut parts: Value| {
            let own = &mut parts["normalizer"];
            if own["type"] != "BertNormalizer" {
                return None;
            }
            own["lowercase"] = says("do_lower_case").as_bool().unwrap_or(true).into();
            own["strip_accents"] = says("strip_accents").clone();
            let chinese = says("tokenize_chinese_chars").as_bool().unwrap_or(true);
            own["handle_chinese_chars"] = chinese.into();
            Some(parts)
        };
        let parts = serde_json::from_str(&tokeniser.json()?).map_err(refused)?;
        let tokeniser = match normaliser(parts).filter(|_| config.is_some() && is_bert) {
            Some(parts) => Self::from_json(parts.to_string().as_bytes())?,
            None => tokeniser,
        };
        let longest = says("model_max_length").as_f64();
        Ok(PretrainedTokeniser {
            tokeniser,
            longest: longest
                .filter(|longest| *longest < LONGEST)
                .map(|longest| longest as usize),
            assumes_lowercase: !json.is_file() && says("do_lower_case").is_null(),
        })
    }

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
        let parts: Value = serde_json::from_str(&json).map_err(refused)?;
        let is_word_piece = parts["model"]["type"] == "WordPiece";
        if is_word_piece {
            let lines = vocabulary_lines(&parts)?;
            write(&folder.join("vocab.txt"), lines.as_bytes())?;
        }
        let mut config = Map::new();
        let class = match is_bert(&parts) {
            true => "BertTokenizer",
            false => "PreTrainedTokenizerFast",
        };
        config.insert("tokenizer_class".to_owned(), json!(class));
        config.insert("model_max_length".to_owned(), json!(longest));
        if parts["normalizer"]["type"] == "BertNormalizer" {
            for (key, own) in [
                ("do_lower_case", "lowercase"),
                ("strip_accents", "strip_accents"),
                ("tokenize_chinese_chars", "handle_chinese_chars"),
            ] {
                config.insert(key.to_owned(), parts["normalizer"][own].clone());
            }
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

/// Whether this is what `BertTokenizer` makes of `vocab.txt` and `tokenizer_config.json`: it makes its pipeline anew of these.
fn is_bert(parts: &Value) -> bool {
    let model = &parts["model"];
    let normaliser = &parts["normalizer"];
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
