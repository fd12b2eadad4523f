//! Encoders of sentences as sentence-transformers keeps them: a BERT, and what makes one vector of its states.

use std::path::{Component, Path, PathBuf};

use serde_json::{Value, json};

use crate::bert::{BertConfig, Pooling};
use crate::bert_checkpoint::BertCheckpoint;
use crate::bert_checkpoint_error::BertCheckpointError;
use crate::weights::WeightsError;

const MODULES: &str = "modules.json";
const POOLING: &str = "1_Pooling/config.json";
const TRANSFORMER: &str = "sentence_bert_config.json";
const GENERAL: &str = "config_sentence_transformers.json";

/// The names that a pooling goes by: as `pooling_mode`, and behind the older `pooling_mode_`.
const MODES: [(Pooling, &str, &str); 3] = [
    (Pooling::Mean, "mean", "mean_tokens"),
    (Pooling::First, "cls", "cls_token"),
    (Pooling::Max, "max", "max_tokens"),
];

/// A published encoder of texts: a folder of `transformers`, or one of sentence-transformers, whose `modules.json` says
/// what becomes of the states of the tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct SentenceCheckpoint {
    /// The network, with the pooling and the normalisation that the folder asks for.
    pub bert: BertCheckpoint,
    /// Where the files of the network and of the tokeniser lie.
    pub folder: PathBuf,
    /// Whether the folder says what features are; one of `transformers` does not, and the mean is taken.
    pub says_pooling: bool,
    /// The longest sequence that the folder asks for, with the special tokens; the network may read longer ones.
    pub length: Option<usize>,
}

impl SentenceCheckpoint {
    /// Whether a folder looks like one that [`read`](Self::read) reads.
    pub fn is_at(folder: &Path) -> bool {
        folder.join(MODULES).is_file() || folder.join("config.json").is_file()
    }

    /// Reads a folder with `config.json` and `model.safetensors`, and `modules.json` if that is there.
    ///
    /// # Errors
    /// As [`BertCheckpoint::read`]; [`BertCheckpointError::File`] and [`BertCheckpointError::Setting`] for a file that
    /// is damaged, and for a module or a setting that would make features others than are computed here.
    pub fn read(folder: impl AsRef<Path>) -> Result<Self, BertCheckpointError> {
        let folder = folder.as_ref();
        let path = folder.join(MODULES);
        if !path.is_file() {
            return Ok(Self {
                bert: BertCheckpoint::read(folder)?,
                folder: folder.into(),
                says_pooling: false,
                length: None,
            });
        }
        let of_modules = Modules::read(folder)?;
        refuse_prompt(&folder.join(GENERAL))?;
        let pooling = pooling(&of_modules.pooling)?;
        let inside = of_modules.transformer;
        let length = longest(&inside.join(TRANSFORMER))?;
        Ok(Self {
            bert: BertCheckpoint::read(&inside)?
                .with_pooling(pooling)
                .with_normalised_features(of_modules.normalise),
            folder: inside,
            says_pooling: true,
            length,
        })
    }

    /// The files, beside those of the network and of the tokeniser, by which sentence-transformers computes the same
    /// features, each with its path in the folder.
    pub fn files(config: &BertConfig, length: usize) -> Vec<(&'static str, String)> {
        let module = |index: usize, path: &str, kind: &str| {
            json!({
                "idx": index, "name": index.to_string(), "path": path,
                "type": format!("sentence_transformers.models.{kind}"),
            })
        };
        let mut modules = vec![
            module(0, "", "Transformer"),
            module(1, "1_Pooling", "Pooling"),
        ];
        if config.normalise {
            modules.push(module(2, "2_Normalize", "Normalize"));
        }
        let mut pooling = json!({"word_embedding_dimension": config.width});
        for (mode, _, name) in MODES {
            pooling[format!("pooling_mode_{name}")] = (mode == config.pooling).into();
        }
        let transformer = json!({"max_seq_length": length, "do_lower_case": false});
        let files = [
            (MODULES, Value::Array(modules)),
            (POOLING, pooling),
            (TRANSFORMER, transformer),
        ];
        let text = |value: &Value| format!("{value:#}\n");
        files
            .map(|(name, value)| (name, text(&value)))
            .into_iter()
            .collect()
    }
}

/// What `modules.json` lists.
struct Modules {
    transformer: PathBuf,
    pooling: PathBuf,
    normalise: bool,
}

impl Modules {
    /// A transformer, a pooling, and perhaps a normalisation: nothing else, and in this order.
    fn read(folder: &Path) -> Result<Self, BertCheckpointError> {
        let path = folder.join(MODULES);
        let listed = read_json(&path)?;
        let wrong = |key: String, expected: &str, got: &Value| BertCheckpointError::Setting {
            path: path.clone(),
            key,
            expected: expected.to_owned(),
            got: got.to_string(),
        };
        let Some(list) = listed.as_array() else {
            return Err(wrong("it".into(), "a list of modules", &listed));
        };
        let mut found: Vec<(String, PathBuf)> = Vec::new();
        for (place, module) in list.iter().enumerate() {
            let kind = module["type"].as_str().unwrap_or_default();
            let kind = kind.rsplit('.').next().unwrap_or_default();
            let inside = Path::new(module["path"].as_str().unwrap_or_default());
            if !inside
                .components()
                .all(|part| matches!(part, Component::Normal(_)))
            {
                let key = format!("`path` of module {place}");
                return Err(wrong(key, "a folder inside", &module["path"]));
            }
            let expected = match found.len() {
                0 => &["Transformer"][..],
                1 => &["Pooling"],
                2 => &["Normalize"],
                _ => &[],
            };
            // Drops nothing but in training.
            match kind {
                "Dropout" => continue,
                kind if expected.contains(&kind) => found.push((kind.into(), folder.join(inside))),
                _ => {
                    let key = format!("`type` of module {place}");
                    let expected = match expected.first() {
                        Some(kind) => format!("sentence_transformers.models.{kind}"),
                        None => "no further module".into(),
                    };
                    return Err(wrong(key, &expected, &module["type"]));
                }
            }
        }
        let normalise = found.len() > 2;
        let mut folders = found.into_iter().map(|(_, folder)| folder);
        match (folders.next(), folders.next()) {
            (Some(transformer), Some(pooling)) => Ok(Self {
                transformer,
                pooling: pooling.join("config.json"),
                normalise,
            }),
            _ => Err(wrong("it".into(), "a Transformer and a Pooling", &listed)),
        }
    }
}

/// The pooling that a module's configuration asks for.
fn pooling(path: &Path) -> Result<Pooling, BertCheckpointError> {
    let config = read_json(path)?;
    let wrong = |key: &str, got: String| BertCheckpointError::Setting {
        path: path.into(),
        key: key.to_owned(),
        expected: "one of mean, cls and max".to_owned(),
        got,
    };
    let of = |name: &str, older: bool| {
        let mut modes = MODES.iter();
        modes.find(|mode| name == if older { mode.2 } else { mode.1 })
    };
    if let Some(mode) = config.get("pooling_mode") {
        let one = match mode.as_array() {
            Some(modes) if modes.len() == 1 => &modes[0],
            _ => mode,
        };
        let known = one.as_str().and_then(|name| of(name, false));
        return known
            .map(|mode| mode.0)
            .ok_or_else(|| wrong("pooling_mode", mode.to_string()));
    }
    let asked: Vec<&str> = (config.as_object().into_iter().flatten())
        .filter(|(_, on)| on.as_bool() == Some(true))
        .filter_map(|(key, _)| key.strip_prefix("pooling_mode_"))
        .collect();
    match asked[..] {
        [] => Ok(Pooling::Mean),
        [name] => of(name, true)
            .map(|mode| mode.0)
            .ok_or_else(|| wrong(&format!("pooling_mode_{name}"), "true".into())),
        _ => Err(wrong("pooling_mode", asked.join(" and "))),
    }
}

/// The longest sequence of a transformer's configuration, if it is there and says so.
fn longest(path: &Path) -> Result<Option<usize>, BertCheckpointError> {
    if !path.is_file() {
        return Ok(None);
    }
    let config = read_json(path)?;
    let wrong = |key: &str, expected: &str| BertCheckpointError::Setting {
        path: path.into(),
        key: key.into(),
        expected: expected.into(),
        got: config[key].to_string(),
    };
    if config["do_lower_case"].as_bool() == Some(true) {
        let expected =
            "false, and the tokeniser's own do_lower_case in tokenizer_config.json instead";
        return Err(wrong("do_lower_case", expected));
    }
    match &config["max_seq_length"] {
        Value::Null => Ok(None),
        length => match length
            .as_u64()
            .and_then(|length| usize::try_from(length).ok())
        {
            Some(length) => Ok(Some(length)),
            None => Err(wrong("max_seq_length", "a whole number")),
        },
    }
}

/// Refuses what sentence-transformers would put before each text.
fn refuse_prompt(path: &Path) -> Result<(), BertCheckpointError> {
    if !path.is_file() {
        return Ok(());
    }
    let config = read_json(path)?;
    let name = &config["default_prompt_name"];
    let prompt = name.as_str().map(|name| &config["prompts"][name]);
    match prompt.and_then(Value::as_str) {
        None | Some("") => Ok(()),
        Some(prompt) => Err(BertCheckpointError::Setting {
            path: path.into(),
            key: "default_prompt_name".into(),
            expected: format!("null: write {prompt:?} before each text yourself"),
            got: name.to_string(),
        }),
    }
}

fn read_json(path: &Path) -> Result<Value, BertCheckpointError> {
    let text = std::fs::read(path).map_err(|source| WeightsError::Read {
        path: path.into(),
        source,
    })?;
    serde_json::from_slice(&text).map_err(|error| BertCheckpointError::File {
        path: path.into(),
        reason: error.to_string(),
    })
}
