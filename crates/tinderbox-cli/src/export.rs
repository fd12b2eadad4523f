//! `exported/`: a model for use elsewhere, written whole or not at all.

use std::fs;
use std::path::{Path, PathBuf};

use burn::module::Module;
use tinderbox::nn::{
    AnyTextEncoder, BertCheckpoint, Encoder, SentenceCheckpoint, StateDict, TextEncoderConfig,
};

use crate::data_facts::DataFacts;
use crate::dataset::DataSet;
use crate::encoder::{AnyEncoder, EncoderConfig};
use crate::error::CliError;
use crate::inputs::{Preprocessing, Target};
use crate::manifest::{MANIFEST, Manifest};
use crate::model_card::{CardFacts, FORMAT_VERSION, HeadDescription, ModelDescription, model_card};
use crate::recipe::Recipe;
use crate::registry::Trainable;
use crate::run::PREPROCESSING;
use crate::table::figure;
use crate::training::json_bytes;

/// The weights.
pub const WEIGHTS: &str = "model.safetensors";
/// What the weights belong to.
pub const DESCRIPTION: &str = "tinderbox.json";
/// What `transformers` reads beside the weights.
pub const FOREIGN_CONFIG: &str = "config.json";
/// Files that not every folder has: those of other libraries belong to families of models.
const OPTIONAL: [&str; 8] = [
    // Not in what older programs exported.
    MANIFEST,
    FOREIGN_CONFIG,
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
    "modules.json",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
];
/// The prefix of the weights that name the next token.
const WORD_HEAD: &str = "head";
/// The model card.
pub const CARD: &str = "README.md";

/// What `transformers` would open, if the encoder is a BERT as it was published: it, with the heads of its objective.
fn published_bert<O: Trainable>(
    config: &EncoderConfig,
    objective: &O,
    preprocess: &Preprocessing,
) -> Option<BertCheckpoint> {
    let (
        EncoderConfig::Text(TextEncoderConfig::Bert(config)),
        AnyEncoder::Text(AnyTextEncoder::Bert(bert)),
    ) = (config, objective.encoder())
    else {
        return None;
    };
    let checkpoint = BertCheckpoint::of(config, bert).ok()?.with_heads(objective);
    Some(match preprocess {
        Preprocessing::Text(text) => checkpoint.with_padding(text.special().pad),
        _ => checkpoint,
    })
}

/// The encoder's weights among those of an exported BERT, by the encoder's own names.
pub fn of_bert(weights: &StateDict) -> StateDict {
    let mut own = StateDict::default();
    for (name, data) in weights.iter() {
        let name = name.strip_prefix("bert.").unwrap_or(name);
        if !name.starts_with("cls.") && !name.starts_with("pooler.") {
            own.insert(name, data.clone());
        }
    }
    own
}

/// Adds the weights of a head, if there is one, under a prefix.
fn add_head<M: Module>(weights: &mut StateDict, head: Option<(&M, &str)>) {
    if let Some((head, prefix)) = head {
        for (name, data) in StateDict::of(head).with_prefix(prefix).iter() {
            weights.insert(name, data.clone());
        }
    }
}

/// Writes an exported folder; what was at its place is replaced once the new one is whole.
///
/// # Errors
/// What the file system says.
pub fn write(
    folder: &Path,
    weights: &StateDict,
    model: &ModelDescription,
    preprocess: &Preprocessing,
    facts: &CardFacts,
    foreign: Option<&BertCheckpoint>,
) -> Result<(), CliError> {
    let temporary = beside(folder, "writing");
    remove(&temporary)?;
    fs::create_dir_all(&temporary).map_err(CliError::io("creating", &temporary))?;
    let files: [(&str, Vec<u8>); 4] = [
        (WEIGHTS, weights.to_safetensors_bytes()),
        (DESCRIPTION, model.to_json().into_bytes()),
        (PREPROCESSING, json_bytes(preprocess)),
        (CARD, model_card(model, preprocess, facts).into_bytes()),
    ];
    let mut manifest = Manifest::default();
    for (name, bytes) in files {
        manifest.insert(name, &bytes);
        write_synced(&temporary.join(name), &bytes)?;
    }
    if let Preprocessing::Text(text) = preprocess {
        text.tokeniser()
            .save_pretrained(&temporary, text.length())?;
    }
    if let (Some(checkpoint), Preprocessing::Text(text)) = (foreign, preprocess) {
        let config = checkpoint.config_json();
        write_synced(&temporary.join(FOREIGN_CONFIG), config.as_bytes())?;
        for (name, content) in SentenceCheckpoint::files(checkpoint.config(), text.length()) {
            write_synced(&temporary.join(name), content.as_bytes())?;
        }
    }
    write_synced(&temporary.join(MANIFEST), &json_bytes(&manifest))?;
    replace(&temporary, folder)
}

/// Copies an exported folder.
///
/// # Errors
/// What the file system says.
pub fn copy(from: &Path, to: &Path) -> Result<(), CliError> {
    let temporary = beside(to, "writing");
    remove(&temporary)?;
    fs::create_dir_all(&temporary).map_err(CliError::io("creating", &temporary))?;
    let manifest = Manifest::read(from)?;
    for name in [WEIGHTS, DESCRIPTION, PREPROCESSING, CARD] {
        // The card is its reader's to change.
        let of = manifest.as_ref().filter(|_| name != CARD);
        let bytes = Manifest::content(of, from, name)?;
        write_synced(&temporary.join(name), &bytes)?;
    }
    for name in OPTIONAL {
        let path = from.join(name);
        if path.is_file() {
            let bytes = fs::read(&path).map_err(CliError::reading(&path))?;
            write_synced(&temporary.join(name), &bytes)?;
        }
    }
    replace(&temporary, to)
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    use std::io::Write;
    let write = || -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = fs::File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(CliError::writing(path))
}

/// A hidden name beside a folder, so that renaming stays within one file system.
fn beside(folder: &Path, what: &str) -> PathBuf {
    let name = folder
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    folder.with_file_name(format!(".{name}.{what}"))
}

fn remove(folder: &Path) -> Result<(), CliError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(CliError::io("removing", folder)(error))
        }
        _ => Ok(()),
    }
}

fn replace(temporary: &Path, folder: &Path) -> Result<(), CliError> {
    let old = beside(folder, "old");
    remove(&old)?;
    if folder.exists() {
        fs::rename(folder, &old).map_err(CliError::io("renaming", folder))?;
    }
    fs::rename(temporary, folder).map_err(CliError::io("renaming", temporary))?;
    remove(&old)
}

/// What is told of a model when it is exported.
#[derive(Debug, Clone, Copy)]
pub struct Exported<'a> {
    /// The recipe that made it.
    pub recipe: &'a Recipe,
    /// The data it was made on.
    pub data: &'a DataSet,
    /// What makes items its input.
    pub preprocess: &'a Preprocessing,
    /// What the data is.
    pub facts: &'a DataFacts,
    /// Steps done.
    pub step: u64,
    /// Figures of the last evaluation.
    pub figures: &'a [(String, f64)],
}

impl Exported<'_> {
    /// Writes the model of an objective in inference mode to a folder.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write<O: Trainable>(
        &self,
        objective: &O,
        run: &Path,
        folder: &Path,
    ) -> Result<(), CliError> {
        let encoder = objective.encoder();
        let config = &self.recipe.encoder.config;
        let of = self.recipe.objective.views().target().unwrap_or_default();
        let head = objective.head().map(|_| HeadDescription {
            name: config.head_name(of).to_string(),
            classes: match of {
                Target::Items | Target::Words => self.data.classes.clone(),
                Target::Answers => ["start", "end"].map(String::from).to_vec(),
            },
            of,
        });
        let word_head = objective.word_head().map(|_| WORD_HEAD.to_string());
        let model = ModelDescription {
            format_version: FORMAT_VERSION,
            tinderbox_version: env!("CARGO_PKG_VERSION").to_string(),
            encoder: config.clone(),
            shape: self.data.shape,
            feature_dim: encoder.feature_dim(),
            head: head.clone(),
            word_head,
            objective: self.recipe.objective.name().to_string(),
            step: self.step,
        };
        let foreign = published_bert(config, objective, self.preprocess);
        let mut tensors = match &foreign {
            Some(checkpoint) => checkpoint.published(),
            None => StateDict::of(encoder),
        };
        let name = head.as_ref().map(|head| head.name.as_str());
        add_head(&mut tensors, objective.head().zip(name));
        add_head(
            &mut tensors,
            objective.word_head().map(|head| (head, WORD_HEAD)),
        );
        let name = run
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let source = toml::Value::try_from(self.recipe.data.source).ok();
        let source = source.and_then(|source| source.as_str().map(String::from));
        let path = self.recipe.data.path.as_ref();
        let facts = CardFacts {
            run: name,
            data: match path {
                Some(path) => format!("{} {}", source.unwrap_or_default(), path.display()),
                None => source.unwrap_or_default(),
            },
            items: self.facts.train,
            fingerprint: self.facts.fingerprint.clone(),
            results: self
                .figures
                .iter()
                .map(|(name, value)| (name.clone(), figure(name, *value)))
                .collect(),
            recipe: self.recipe.to_toml(),
        };
        write(
            folder,
            &tensors,
            &model,
            self.preprocess,
            &facts,
            foreign.as_ref(),
        )
    }
}

/// How many numbers a module has.
pub fn parameters<M: Module>(module: &M) -> usize {
    module.num_params()
}
