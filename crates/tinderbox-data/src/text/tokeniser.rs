//! Tokenisers, loaded and applied.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use serde_json::{Value, json};
use tokenizers::Tokenizer;

use super::pretrained_tokeniser::write;
use crate::DataError;

/// A larger file is no tokeniser; those of 250,000 tokens take 20 MB.
const MAX_FILE: u64 = 256 << 20;

/// What a special token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Fills sequences up to one length.
    Pad,
    /// Stands for what the vocabulary cannot spell.
    Unknown,
    /// Begins a sequence; its output stands for the whole.
    Cls,
    /// Ends a sequence, or parts two.
    Sep,
    /// Stands for a token to predict.
    Mask,
}

impl Role {
    /// The names that the token goes by: of BERT, and of RoBERTa and SentencePiece.
    pub(super) fn names(self) -> &'static [&'static str] {
        match self {
            Self::Pad => &["[PAD]", "<pad>"],
            Self::Unknown => &["[UNK]", "<unk>"],
            Self::Cls => &["[CLS]", "<cls>", "<s>"],
            Self::Sep => &["[SEP]", "<sep>", "</s>"],
            Self::Mask => &["[MASK]", "<mask>"],
        }
    }
}

/// The special tokens of a tokeniser that is made here; their ids are their places.
pub(super) const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/// A text as tokens; all have the same length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The tokens.
    pub ids: Vec<u32>,
    /// The number of the word that a token belongs to, counted from 0 in the text; `None` for special tokens.
    pub words: Vec<Option<u32>>,
    /// The first byte of the text that a token stands for, and the one behind its last; equal for special tokens.
    pub bytes: Vec<(usize, usize)>,
}

impl Encoded {
    /// Leaves the first `length` tokens, or all if there are fewer.
    pub fn truncate(&mut self, length: usize) {
        self.ids.truncate(length);
        self.words.truncate(length);
        self.bytes.truncate(length);
    }

    /// Some of the tokens.
    ///
    /// # Panics
    /// If there are not as many.
    pub(super) fn part(&self, places: Range<usize>) -> Self {
        Self {
            ids: self.ids[places.clone()].to_vec(),
            words: self.words[places.clone()].to_vec(),
            bytes: self.bytes[places].to_vec(),
        }
    }

    /// For each token, whether it continues the word of the token before it, as whole-word masking asks.
    pub fn continues_word(&self) -> Vec<bool> {
        (0..self.words.len())
            .map(|at| at > 0 && self.words[at].is_some() && self.words[at] == self.words[at - 1])
            .collect()
    }
}

/// A tokeniser: the `tokenizers` crate of Hugging Face, with typed errors. Truncation and padding are switched off;
/// batches do both.
#[derive(Debug, Clone)]
pub struct Tokeniser {
    inner: Tokenizer,
}

impl Tokeniser {
    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::TooLarge`], [`DataError::Tokeniser`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self, DataError> {
        Self::from_json(&read(path.as_ref())?)
    }

    /// Reads the content of a `tokenizer.json`.
    ///
    /// # Errors
    /// [`DataError::Tokeniser`].
    pub fn from_json(json: &[u8]) -> Result<Self, DataError> {
        let mut inner = Tokenizer::from_bytes(json).map_err(refused)?;
        inner.with_truncation(None).map_err(refused)?;
        inner.with_padding(None);
        Ok(Self { inner })
    }

    /// Reads the `vocab.txt` of a BERT model, a token a line. `lowercase` says whether the model is uncased; accents
    /// then go too.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::TooLarge`]; [`DataError::Line`] for a token that is no UTF-8 or comes twice;
    /// [`DataError::Tokeniser`] when `[UNK]`, `[CLS]` or `[SEP]` is missing.
    pub fn load_bert_vocabulary(
        path: impl AsRef<Path>,
        lowercase: bool,
    ) -> Result<Self, DataError> {
        let path = path.as_ref();
        let bytes = read(path)?;
        let mut vocabulary = HashMap::new();
        let lines = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        for (id, line) in lines.split(|byte| *byte == b'\n').enumerate() {
            let wrong = |got: &str| DataError::Line {
                path: path.to_path_buf(),
                line: id as u64 + 1,
                what: "token".to_owned(),
                expected: "UTF-8, each once".to_owned(),
                got: got.to_owned(),
            };
            let token = std::str::from_utf8(line).map_err(|_| wrong("other bytes"))?;
            let token = token.trim_end();
            if vocabulary.insert(token.to_owned(), id).is_some() {
                return Err(wrong(&format!("`{token}` again")));
            }
        }
        let special: Vec<(&str, usize)> = SPECIAL
            .iter()
            .filter_map(|token| Some((*token, *vocabulary.get(*token)?)))
            .collect();
        let model = json!({
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary,
        });
        Self::from_parts(bert_pipeline(lowercase), &special, model)
    }

    /// A tokeniser of a pipeline (normaliser, pre-tokeniser and decoder), special tokens with their ids, and a model.
    pub(super) fn from_parts(
        mut pipeline: Value,
        special: &[(&str, usize)],
        model: Value,
    ) -> Result<Self, DataError> {
        let id = |token: &str| {
            let found = special.iter().find(|(name, _)| *name == token);
            found
                .map(|(_, id)| *id)
                .ok_or_else(|| DataError::Tokeniser {
                    message: format!("the vocabulary has no {token}"),
                })
        };
        id("[UNK]")?;
        let added: Vec<Value> = special
            .iter()
            .map(|(content, id)| {
                json!({
                    "id": id, "content": content, "special": true,
                    "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
                })
            })
            .collect();
        pipeline["version"] = json!("1.0");
        pipeline["added_tokens"] = json!(added);
        pipeline["post_processor"] = json!({
            "type": "BertProcessing", "cls": ["[CLS]", id("[CLS]")?], "sep": ["[SEP]", id("[SEP]")?],
        });
        pipeline["model"] = model;
        Self::from_json(pipeline.to_string().as_bytes())
    }

    /// Writes a `tokenizer.json` that other libraries read too. It has its name only when it is whole.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::Tokeniser`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), DataError> {
        write(path.as_ref(), self.json()?.as_bytes())
    }

    /// The content of its `tokenizer.json`; equal tokenisers give equal bytes.
    ///
    /// # Errors
    /// [`DataError::Tokeniser`].
    pub fn json(&self) -> Result<String, DataError> {
        self.inner.to_string(true).map_err(refused)
    }

    /// The BLAKE3 hash of [`Tokeniser::json`], in hexadecimal.
    ///
    /// # Errors
    /// [`DataError::Tokeniser`].
    pub fn hash(&self) -> Result<String, DataError> {
        Ok(blake3::hash(self.json()?.as_bytes()).to_hex().to_string())
    }

    /// The tokens of a text, with `special` those that begin and end a sequence.
    ///
    /// # Errors
    /// [`DataError::Tokeniser`].
    pub fn encode(&self, text: &str, special: bool) -> Result<Encoded, DataError> {
        let encoding = self.inner.encode(text, special).map_err(refused)?;
        Ok(encoded(&encoding))
    }

    /// The tokens of several texts, on all threads of the global pool.
    ///
    /// # Errors
    /// [`DataError::Tokeniser`].
    pub fn encode_batch<T: AsRef<str>>(
        &self,
        texts: &[T],
        special: bool,
    ) -> Result<Vec<Encoded>, DataError> {
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        let encodings = self.inner.encode_batch(texts, special);
        Ok(encodings.map_err(refused)?.iter().map(encoded).collect())
    }

    /// The text of tokens, without the special ones.
    ///
    /// # Errors
    /// [`DataError::Tokeniser`].
    pub fn decode(&self, ids: &[u32]) -> Result<String, DataError> {
        self.inner.decode(ids, true).map_err(refused)
    }

    /// The special token for `role`, if there is one.
    pub fn special(&self, role: Role) -> Option<u32> {
        let mut names = role.names().iter();
        names.find_map(|name| self.inner.token_to_id(name))
    }

    /// The id of a token, if the vocabulary has it.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// For each id, whether the token continues a word, as far as its spelling tells: `##` of WordPiece, or no sign of white space where
    /// tokens of a vocabulary begin with one (byte-level BPE, Unigram). Special tokens do not.
    pub fn continuations(&self) -> Vec<bool> {
        let vocabulary = self.inner.get_vocab(true);
        let spaced = |token: &str| token.starts_with(['\u{120}', '\u{2581}']);
        let by_space = vocabulary.keys().any(|token| spaced(token));
        let special = |token: &str| {
            let id = self.inner.token_to_id(token);
            let added = self.inner.get_added_tokens_decoder();
            id.is_some_and(|id| added.contains_key(&id))
        };
        let mut continues = vec![false; self.vocabulary_size()];
        for (token, id) in &vocabulary {
            let word = match by_space {
                true => spaced(token) || special(token),
                false => !token.starts_with("##"),
            };
            continues[*id as usize] = !word;
        }
        continues
    }

    /// One more than the largest id, which embeddings need as many rows as.
    pub fn vocabulary_size(&self) -> usize {
        let ids = self.inner.get_vocab(true).into_values();
        ids.max().map_or(0, |id| id as usize + 1)
    }
}

/// The normaliser, pre-tokeniser and decoder of BERT.
pub(super) fn bert_pipeline(lowercase: bool) -> Value {
    json!({
        "normalizer": {
            "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": lowercase,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
    })
}

fn encoded(encoding: &tokenizers::Encoding) -> Encoded {
    Encoded {
        ids: encoding.get_ids().to_vec(),
        words: encoding.get_word_ids().to_vec(),
        bytes: encoding.get_offsets().to_vec(),
    }
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    let io = |source| DataError::io(path, source);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(io)?;
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(io)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(DataError::TooLarge {
            path: path.to_path_buf(),
            what: "size of the file in bytes",
            limit: MAX_FILE,
            got: bytes.len() as u64,
        });
    }
    Ok(bytes)
}

pub(super) fn refused(error: impl std::fmt::Display) -> DataError {
    DataError::Tokeniser {
        message: error.to_string(),
    }
}
