//! Tokenisers as others published them: a folder of `transformers`.

use std::path::Path;

use serde_json::Value;

use super::pretrained_tokeniser::{CONFIG, configuration};
use super::tokeniser::{Tokeniser, refused};
use crate::DataError;

/// Classes of `transformers` that make BERT's pipeline of `tokenizer_config.json`, whatever `tokenizer.json` says of it.
const BERT_CLASSES: [&str; 2] = ["BertTokenizer", "BertTokenizerFast"];
/// More than this in `model_max_length` means that nobody said it.
const LONGEST: f64 = 1e9;

/// A tokeniser as it was published.
#[derive(Debug, Clone)]
pub struct PublishedTokeniser {
    /// The tokeniser.
    pub tokeniser: Tokeniser,
    /// The longest sequence that its files name, with the special tokens.
    pub longest: Option<usize>,
    /// Whether case is dropped only because BERT's tokeniser does so where no file says it.
    pub assumes_lowercase: bool,
}

impl PublishedTokeniser {
    /// Reads a folder of `transformers`: `tokenizer.json`, else BERT's `vocab.txt`, and `tokenizer_config.json` if it is there, which has
    /// the last word on lower case, accents and Chinese characters of BERT's tokenisers, as in `transformers`.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::TooLarge`], [`DataError::Tokeniser`]; [`DataError::Line`] for `vocab.txt`.
    pub fn read(folder: impl AsRef<Path>) -> Result<Self, DataError> {
        let folder = folder.as_ref();
        let config: Option<Value> = configuration(&folder.join(CONFIG))?;
        let says = |key: &str| config.as_ref().map_or(&Value::Null, |config| &config[key]);
        let [json, words] = ["tokenizer.json", "vocab.txt"].map(|name| folder.join(name));
        let class = says("tokenizer_class").as_str();
        let is_bert = class.is_none_or(|class| BERT_CLASSES.contains(&class));
        let tokeniser = match (json.is_file(), words.is_file()) {
            (true, _) => Tokeniser::load(&json)?,
            (false, true) => Tokeniser::load_bert_vocabulary(&words, true)?,
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
            Some(parts) => Tokeniser::from_json(parts.to_string().as_bytes())?,
            None => tokeniser,
        };
        let longest = says("model_max_length").as_f64();
        Ok(Self {
            tokeniser,
            longest: longest
                .filter(|longest| *longest < LONGEST)
                .map(|longest| longest as usize),
            assumes_lowercase: !json.is_file() && says("do_lower_case").is_null(),
        })
    }
}
