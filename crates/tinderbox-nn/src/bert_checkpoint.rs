//! BERT's checkpoints as Hugging Face's `transformers` keeps them.

use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, TensorData};
use serde_json::{Map, Value, json};

use crate::bert::{Bert, BertConfig, Pooling};
use crate::bert_checkpoint_error::BertCheckpointError;
use crate::positions::PositionKind;
use crate::transformer::NormOrder;
use crate::weights::{LoadReport, StateDict, WeightsError, load_state_dict, write_atomic};

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";
/// A decoder's weight, which is the table of words again.
const DECODER: &str = "cls.predictions.decoder.weight";
/// Its bias, which is `cls.predictions.bias` again.
const DECODER_BIAS: &str = "cls.predictions.decoder.bias";
/// The table of words.
const WORDS: &str = "embeddings.word_embeddings.weight";
const BIAS: &str = "cls.predictions.bias";

/// Settings that change what a network computes, and the one value of each that [`Bert`] has; where a file has none,
/// it is that value.
const COMPUTED: [(&str, &str); 7] = [
    ("model_type", "bert"),
    ("hidden_act", "gelu"),
    ("position_embedding_type", "absolute"),
    ("layer_norm_eps", "1e-12"),
    ("is_decoder", "false"),
    ("add_cross_attention", "false"),
    ("tie_word_embeddings", "true"),
];

/// A BERT with its heads, as `transformers` reads and writes it: `config.json` and `model.safetensors` in a folder.
///
/// The tokeniser's files (`vocab.txt`, `tokenizer.json`) are `tinderbox-data`'s.
///
/// ```
/// use burn::tensor::Device;
/// use tinderbox_nn::{BertCheckpoint, BertConfig};
///
/// let device = Device::flex();
/// let config = BertConfig { positions: 16, ..BertConfig::tiny() };
/// let encoder = config.init(30, &device).unwrap();
/// let folder = std::env::temp_dir().join(format!("bert-{}", std::process::id()));
/// std::fs::create_dir_all(&folder).unwrap();
/// BertCheckpoint::of(&config, &encoder).unwrap().write(&folder).unwrap();
///
/// let read = BertCheckpoint::read(&folder).unwrap();
/// assert_eq!((read.config(), read.vocabulary()), (&config, 30));
/// let encoder = read.encoder(&device).unwrap();
/// # std::fs::remove_dir_all(&folder).unwrap();
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct BertCheckpoint {
    config: BertConfig,
    vocabulary: usize,
    /// By [`Bert`]'s names.
    encoder: StateDict,
    /// By their published names, such as `pooler.dense.weight` and `cls.predictions.bias`.
    heads: StateDict,
    padding: Option<u32>,
}

impl BertCheckpoint {
    /// Reads `config.json` and `model.safetensors` in a folder.
    ///
    /// Names may have the prefix `bert.` or not; the older `gamma` and `beta` of normalisations are understood,
    /// `position_ids` are ignored, and a decoder that repeats the table of words is left out. Dropouts are the
    /// file's. Pooling, which these files do not say, is [`Pooling::Mean`]; see
    /// [`with_pooling`](Self::with_pooling).
    ///
    /// # Errors
    /// [`BertCheckpointError`] for a file that cannot be read or is damaged, a setting that [`Bert`] does not have,
    /// and weights that do not fit the configuration.
    pub fn read(folder: impl AsRef<Path>) -> Result<Self, BertCheckpointError> {
        let folder = folder.as_ref();
        let path = folder.join(CONFIG);
        let text = std::fs::read(&path).map_err(|source| WeightsError::Read {
            path: path.clone(),
            source,
        })?;
        Self::from_parts(&text, StateDict::read(folder.join(WEIGHTS))?)
    }

    /// What [`read`](Self::read) makes of the content of `config.json` and of the weights by their published names.
    ///
    /// # Errors
    /// As [`read`](Self::read), but for files.
    pub fn from_parts(config: &[u8], weights: StateDict) -> Result<Self, BertCheckpointError> {
        let (config, vocabulary) = parse(config)?;
        let (encoder, heads) = split(&weights)?;
        check_sizes(&config, vocabulary, &encoder)?;
        Ok(Self {
            config,
            vocabulary,
            encoder,
            heads,
            padding: None,
        })
    }

    /// A checkpoint of an encoder of this configuration, without heads.
    ///
    /// # Errors
    /// [`BertCheckpointError::Variant`] for positions, a norm or an attention that the published BERT has not.
    ///
    /// # Panics
    /// If the encoder is of another configuration.
    pub fn of(config: &BertConfig, encoder: &Bert) -> Result<Self, BertCheckpointError> {
        if config.norm != NormOrder::Post {
            return Err(BertCheckpointError::Variant { what: "pre-norm" });
        }
        if config.position_kind != PositionKind::Learned {
            let what = "positions that are not learned";
            return Err(BertCheckpointError::Variant { what });
        }
        if config.causal {
            let what = "causal attention";
            return Err(BertCheckpointError::Variant { what });
        }
        let encoder = StateDict::of(encoder);
        let words = encoder.get(WORDS);
        let vocabulary = words.map_or(0, |words| words.shape()[0]);
        let fits = check_sizes(config, vocabulary, &encoder);
        assert!(
            fits.is_ok(),
            "the encoder is of another configuration: {fits:?}"
        );
        Ok(Self {
            config: config.clone(),
            vocabulary,
            encoder,
            heads: StateDict::default(),
            padding: None,
        })
    }

    /// The same with heads: the tensors of `pooler` and `cls` of a module such as an objective, whose other tensors
    /// are left out.
    pub fn with_heads<M: Module>(mut self, module: &M) -> Self {
        let dict = StateDict::of(module);
        for (name, data) in dict.iter().filter(|(name, _)| is_published_head(name)) {
            self.heads.insert(name, data.clone());
        }
        self
    }

    /// The same with other features.
    pub fn with_pooling(mut self, pooling: Pooling) -> Self {
        self.config.pooling = pooling;
        self
    }

    /// The same with features divided by their length, or not.
    pub fn with_normalised_features(mut self, normalise: bool) -> Self {
        self.config.normalise = normalise;
        self
    }

    /// The same with the token of padding, which `transformers` looks up in `config.json`.
    pub fn with_padding(mut self, token: u32) -> Self {
        self.padding = Some(token);
        self
    }

    /// The same for the first `words` of the vocabulary, without heads: published tables of words may have more rows than the tokeniser
    /// has tokens.
    ///
    /// # Errors
    /// [`BertCheckpointError::Vocabulary`] if there are not as many.
    pub fn with_vocabulary(mut self, words: usize) -> Result<Self, BertCheckpointError> {
        if words > self.vocabulary {
            return Err(BertCheckpointError::Vocabulary {
                expected: words,
                got: self.vocabulary,
            });
        }
        self.heads = StateDict::default();
        if let Some(table) = self.encoder.get(WORDS) {
            let width = self.config.width;
            let rows = table.as_slice::<f32>().unwrap_or_default();
            let rows = rows[..words * width].to_vec();
            self.encoder
                .insert(WORDS, TensorData::new(rows, [words, width]));
        }
        self.vocabulary = words;
        Ok(self)
    }

    /// The encoder's configuration.
    pub fn config(&self) -> &BertConfig {
        &self.config
    }

    /// Words of the vocabulary.
    pub fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// The tensors of all heads, by their published names.
    pub fn heads(&self) -> &StateDict {
        &self.heads
    }

    /// The encoder.
    ///
    /// # Errors
    /// [`BertCheckpointError::Network`] for a configuration that is none, [`BertCheckpointError::Weights`] for
    /// tensors that are missing, too many or of another shape.
    pub fn encoder(&self, device: &Device) -> Result<Bert, BertCheckpointError> {
        let bert = self.config.init(self.vocabulary, device)?;
        Ok(load_state_dict(bert, &self.encoder, false)?.0)
    }

    /// Gives a module, such as an objective, the tensors of the heads that it has by the published names.
    ///
    /// The report says which of the module's tensors kept their values, those of its encoder among them, and which
    /// heads it lacks.
    ///
    /// # Errors
    /// [`BertCheckpointError::Weights`] for a tensor of another shape.
    pub fn load_heads<M: Module>(&self, module: M) -> Result<(M, LoadReport), BertCheckpointError> {
        Ok(load_state_dict(module, &self.heads, true)?)
    }

    /// Writes `config.json` and `model.safetensors` into a folder that exists, each whole or not at all;
    /// `transformers` opens it as the architecture that its heads make it: `BertModel`, `BertForMaskedLM`,
    /// `BertForNextSentencePrediction` or `BertForPreTraining`.
    ///
    /// # Errors
    /// [`BertCheckpointError::Weights`] if a file cannot be written.
    pub fn write(&self, folder: impl AsRef<Path>) -> Result<(), BertCheckpointError> {
        let folder = folder.as_ref();
        self.published().write(folder.join(WEIGHTS))?;
        let config = self.config_json();
        Ok(write_atomic(&folder.join(CONFIG), config.as_bytes())?)
    }

    /// The class of `transformers` that has these heads.
    pub fn architecture(&self) -> &'static str {
        let has = |part: &str| self.heads.names().any(|name| name.starts_with(part));
        match (has("cls.predictions."), has("cls.seq_relationship.")) {
            (true, true) => "BertForPreTraining",
            (true, false) => "BertForMaskedLM",
            (false, true) => "BertForNextSentencePrediction",
            (false, false) => "BertModel",
        }
    }

    /// All tensors by the names of [`architecture`](Self::architecture).
    pub fn published(&self) -> StateDict {
        let prefix = match self.architecture() {
            "BertModel" => "",
            _ => "bert",
        };
        let (cls, model): (Vec<_>, Vec<_>) =
            (self.heads.iter()).partition(|(name, _)| name.starts_with("cls."));
        let mut all = collect(self.encoder.iter().chain(model)).with_prefix(prefix);
        for (name, data) in cls {
            all.insert(name, data.clone());
        }
        all
    }

    /// The content of `config.json`.
    pub fn config_json(&self) -> String {
        let BertConfig {
            width,
            depth,
            heads,
            ffn,
            positions,
            segments,
            dropout,
            attention_dropout,
            ..
        } = &self.config;
        let mut config = json!({
            "architectures": [self.architecture()],
            "attention_probs_dropout_prob": attention_dropout,
            "dtype": "float32",
            "hidden_act": "gelu",
            "hidden_dropout_prob": dropout,
            "hidden_size": width,
            "initializer_range": BertConfig::DEVIATION,
            "intermediate_size": ffn,
            "layer_norm_eps": BertConfig::EPSILON,
            "max_position_embeddings": positions,
            "model_type": "bert",
            "num_attention_heads": heads,
            "num_hidden_layers": depth,
            "position_embedding_type": "absolute",
            "type_vocab_size": segments,
            "vocab_size": self.vocabulary,
        });
        if let Some(token) = self.padding {
            config["pad_token_id"] = token.into();
        }
        format!("{config:#}\n")
    }
}

fn is_published_head(name: &str) -> bool {
    name.starts_with("pooler.") || name.starts_with("cls.")
}

fn collect<'a>(tensors: impl Iterator<Item = (&'a str, &'a TensorData)>) -> StateDict {
    let mut dict = StateDict::default();
    for (name, data) in tensors {
        dict.insert(name, data.clone());
    }
    dict
}

/// Sizes and dropouts of a `config.json`, and the number of words.
fn parse(config: &[u8]) -> Result<(BertConfig, usize), BertCheckpointError> {
    let malformed = |reason: String| BertCheckpointError::Config { reason };
    let config: Value =
        serde_json::from_slice(config).map_err(|error| malformed(error.to_string()))?;
    let Some(config) = config.as_object() else {
        return Err(malformed("it is no object".to_owned()));
    };
    for (key, expected) in COMPUTED {
        check_setting(config, key, expected)?;
    }
    let size = |key: &'static str, default: Option<usize>| {
        let value = match (config.get(key), default) {
            (None | Some(Value::Null), Some(default)) => return Ok(default),
            (None, None) => return Err(malformed(format!("it has no {key}"))),
            (Some(value), _) => value,
        };
        value
            .as_u64()
            .and_then(|size| usize::try_from(size).ok())
            .ok_or_else(|| malformed(format!("{key} must be a whole number, got {value}")))
    };
    let probability = |key: &'static str| match config.get(key) {
        None | Some(Value::Null) => Ok(DROPOUT),
        Some(value) => value
            .as_f64()
            .ok_or_else(|| malformed(format!("{key} must be a number, got {value}"))),
    };
    let vocabulary = size("vocab_size", None)?;
    let published = BertConfig {
        width: size("hidden_size", None)?,
        depth: size("num_hidden_layers", None)?,
        heads: size("num_attention_heads", None)?,
        ffn: size("intermediate_size", None)?,
        positions: size("max_position_embeddings", Some(512))?,
        segments: size("type_vocab_size", Some(2))?,
        dropout: probability("hidden_dropout_prob")?,
        attention_dropout: probability("attention_probs_dropout_prob")?,
        pooling: Pooling::Mean,
        normalise: false,
        norm: NormOrder::Post,
        position_kind: PositionKind::Learned,
        causal: false,
    };
    Ok((published, vocabulary))
}

/// What `transformers` takes where a file does not say it.
const DROPOUT: f64 = 0.1;

/// Refuses another value of a setting than the one that `Bert` has.
fn check_setting(
    config: &Map<String, Value>,
    key: &'static str,
    expected: &'static str,
) -> Result<(), BertCheckpointError> {
    let value = config.get(key).unwrap_or(&Value::Null);
    let fits = match value {
        Value::Null => true,
        Value::String(text) => text == expected,
        Value::Number(number) => expected.parse().ok() == number.as_f64(),
        Value::Bool(flag) => flag.to_string() == expected,
        _ => false,
    };
    match fits {
        true => Ok(()),
        false => Err(BertCheckpointError::Unsupported {
            key,
            expected,
            got: value.to_string(),
        }),
    }
}

/// The encoder's tensors and those of heads, by today's names without a prefix.
fn split(weights: &StateDict) -> Result<(StateDict, StateDict), BertCheckpointError> {
    let (mut encoder, mut heads) = (StateDict::default(), StateDict::default());
    for (published, data) in weights.iter() {
        let name = published.strip_prefix("bert.").unwrap_or(published);
        if name.ends_with("position_ids") {
            continue;
        }
        let name = match name.rsplit_once("LayerNorm.") {
            Some((module, "gamma")) => format!("{module}LayerNorm.weight"),
            Some((module, "beta")) => format!("{module}LayerNorm.bias"),
            _ => name.to_owned(),
        };
        let part = match name.starts_with("embeddings.") || name.starts_with("encoder.") {
            true => &mut encoder,
            false => &mut heads,
        };
        if part.insert(&name, data.clone()).is_some() {
            return Err(BertCheckpointError::Twice { name });
        }
    }
    untie(&encoder, heads).map(|heads| (encoder, heads))
}

/// Leaves out a decoder that says again what the table of words and the bias say.
fn untie(encoder: &StateDict, heads: StateDict) -> Result<StateDict, BertCheckpointError> {
    let words = encoder.get(WORDS);
    let mut kept = StateDict::default();
    for (name, data) in heads.iter() {
        let original = match name {
            DECODER => words,
            DECODER_BIAS => heads.get(BIAS),
            _ => None,
        };
        match (name, original) {
            (_, Some(original)) if original == data => {}
            (DECODER, _) | (_, Some(_)) => {
                return Err(BertCheckpointError::Untied {
                    name: name.to_owned(),
                });
            }
            (DECODER_BIAS, None) => {
                kept.insert(BIAS, data.clone());
            }
            (name, None) => {
                kept.insert(name, data.clone());
            }
        }
    }
    Ok(kept)
}

/// Compares the sizes of a configuration with the tensors, before any memory is taken for a network of these sizes.
fn check_sizes(
    config: &BertConfig,
    vocabulary: usize,
    encoder: &StateDict,
) -> Result<(), BertCheckpointError> {
    let (width, last) = (config.width, config.depth.saturating_sub(1));
    for (name, expected) in [
        (WORDS.to_owned(), [vocabulary, width]),
        (
            "embeddings.position_embeddings.weight".to_owned(),
            [config.positions, width],
        ),
        (
            "embeddings.token_type_embeddings.weight".to_owned(),
            [config.segments, width],
        ),
        (
            format!("encoder.layer.{last}.intermediate.dense.weight"),
            [config.ffn, width],
        ),
    ] {
        let Some(data) = encoder.get(&name) else {
            let missing = vec![name];
            let unexpected = Vec::new();
            return Err(WeightsError::Names {
                missing,
                unexpected,
            }
            .into());
        };
        if data.shape().as_slice() != expected {
            return Err(WeightsError::Shape {
                name,
                expected: expected.to_vec(),
                got: data.shape().to_vec(),
            }
            .into());
        }
    }
    Ok(())
}
