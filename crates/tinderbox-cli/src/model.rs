//! Models that a verb begins from: a run directory, an exported folder, or a file of weights.

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use tinderbox::nn::{
    Encoder, LoadReport, StateDict, TextEncoderConfig, WeightsError, load_state_dict,
};
use tinderbox::objectives::{CausalLm, CausalLmConfig};

use crate::answerer::Answerer;
use crate::classifier::Classifier;
use crate::encoder::{AnyEncoder, AnyInput, EncoderConfig};
use crate::error::CliError;
use crate::export::{DESCRIPTION, WEIGHTS, of_bert};
use crate::inputs::Preprocessing;
use crate::manifest::{MANIFEST, Manifest};
use crate::model_card::{HeadDescription, ModelDescription};
use crate::published::{self, PUBLISHED};
use crate::recipe::{Recipe, RecipeFile};
use crate::run::{EXPORTED, PREPROCESSING, RESOLVED};
use crate::tagger::Tagger;

/// An exported model.
#[derive(Debug)]
pub struct Model {
    /// What it is.
    pub description: ModelDescription,
    /// What makes items its input.
    pub preprocess: Preprocessing,
    /// Its weights.
    pub weights: StateDict,
    /// The exported folder.
    pub folder: PathBuf,
    /// The run that made it, if the folder lies in one.
    pub run: Option<PathBuf>,
    /// What is to be told of it: what was guessed, and what of it is not used.
    pub notes: Vec<String>,
}

/// A classifier for inference.
#[derive(Debug)]
pub struct LoadedClassifier {
    /// The encoder.
    pub encoder: AnyEncoder,
    /// From features to one logit a class.
    pub head: Linear,
}

impl Classifier for LoadedClassifier {
    fn classify(&self, input: AnyInput) -> Tensor<2> {
        self.head.forward(self.encoder.forward(input))
    }
}

/// A model that writes text.
// There is one at a time: size is no concern.
#[allow(clippy::large_enum_variant)]
#[derive(Debug)]
pub enum Writer {
    /// Goes on with a text.
    GoesOn(CausalLm<AnyEncoder>),
    /// Writes a text with noise whole.
    Restores(AnyEncoder),
}

/// The exported folder of a path: itself, or that inside a run directory.
fn exported_folder(path: &Path) -> Option<PathBuf> {
    let inside = path.join(EXPORTED);
    [path.to_path_buf(), inside]
        .into_iter()
        .find(|folder| folder.join(DESCRIPTION).is_file())
}

impl Model {
    /// Reads a model from a run directory, an exported folder, or a folder that another library wrote.
    ///
    /// # Errors
    /// If there is none, or if a file of it is damaged.
    pub fn open(path: &Path) -> Result<Self, CliError> {
        let Some(folder) = exported_folder(path) else {
            if published::is_at(path) {
                return published::open(path);
            }
            let unfinished = path.join(RESOLVED).is_file();
            return Err(CliError::Usage {
                message: format!("{} holds no exported model", path.display()),
                help: Some(match unfinished {
                    true => format!(
                        "the run has not ended: go on with it, or make a model of its last \
                         checkpoint by `tinderbox export {} FOLDER`",
                        path.display()
                    ),
                    false => "name a run directory, a folder made by `tinderbox export`, or a published model's with its config.json".into(),
                }),
            });
        };
        let manifest = Manifest::read(&folder)?;
        let read = |name: &str| Manifest::content(manifest.as_ref(), &folder, name);
        let at = |name: &str, error: &dyn std::fmt::Display| {
            CliError::Run(format!("{}: {error}", folder.join(name).display()).into())
        };
        let description = String::from_utf8_lossy(&read(DESCRIPTION)?).into_owned();
        let description =
            ModelDescription::from_json(&description).map_err(|error| at(DESCRIPTION, &error))?;
        let preprocess: Preprocessing = serde_json::from_slice(&read(PREPROCESSING)?)
            .map_err(|error| at(PREPROCESSING, &error))?;
        let weights = StateDict::from_safetensors_bytes(&read(WEIGHTS)?)
            .map_err(|error| at(WEIGHTS, &error))?;
        if let Some(name) = weights.not_finite() {
            return Err(at(WEIGHTS, &not_finite(name)));
        }
        let mut notes = Vec::new();
        if manifest.is_none() {
            notes.push(format!(
                "no {MANIFEST}: an older program exported it, and damage to it would not be noticed"
            ));
        }
        let parent = folder
            .canonicalize()
            .ok()
            .and_then(|f| f.parent().map(Path::to_path_buf));
        let run = match path.join(RESOLVED).is_file() {
            true => Some(path.to_path_buf()),
            false => parent.filter(|parent| parent.join(RESOLVED).is_file()),
        };
        Ok(Self {
            description,
            preprocess,
            weights,
            folder,
            run,
            notes,
        })
    }

    /// Whether others trained it: its weights know much that fine-tuning at a high rate would make them forget.
    pub fn is_published(&self) -> bool {
        self.description.objective == PUBLISHED
    }

    /// The recipe of the run that made the model.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn recipe(&self) -> Result<Option<Recipe>, CliError> {
        self.run.as_deref().map(resolved_recipe).transpose()
    }

    fn encoder_weights(&self) -> StateDict {
        let own = match self.description.encoder {
            EncoderConfig::Text(TextEncoderConfig::Bert(_)) => of_bert(&self.weights),
            _ => self.weights.clone(),
        };
        let heads = [
            self.description.head.as_ref().map(|head| &head.name),
            self.description.word_head.as_ref(),
        ];
        let prefixes = heads.map(|name| name.map(|name| format!("{name}.")));
        let of_head = |name: &str| (prefixes.iter().flatten()).any(|head| name.starts_with(head));
        let mut weights = StateDict::default();
        for (name, data) in own.iter().filter(|(name, _)| !of_head(name)) {
            weights.insert(name, data.clone());
        }
        weights
    }

    /// The encoder.
    ///
    /// # Errors
    /// If the weights are not those of the description.
    pub fn encoder(&self, device: &Device) -> Result<AnyEncoder, CliError> {
        let model = &self.description;
        let encoder = model.encoder.init(model.shape, device)?;
        let (encoder, _) = load_state_dict(encoder, &self.encoder_weights(), false)
            .map_err(|error| self.damaged(&error))?;
        Ok(encoder)
    }

    /// Its output layer.
    ///
    /// # Errors
    /// If it has none.
    pub fn head(&self) -> Result<&HeadDescription, CliError> {
        self.description
            .head
            .as_ref()
            .ok_or_else(|| CliError::Usage {
                message: format!("{} is an encoder without classes", self.folder.display()),
                help: Some(format!(
                    "fine-tune it first: `tinderbox finetune {}`",
                    self.run.as_deref().unwrap_or(&self.folder).display()
                )),
            })
    }

    /// The encoder with its output layer.
    ///
    /// # Errors
    /// If the model has no output layer, or if the weights are not those of the description.
    pub fn classifier(&self, device: &Device) -> Result<LoadedClassifier, CliError> {
        let description = self.head()?;
        let encoder = self.encoder(device)?;
        let head = LinearConfig::new(encoder.feature_dim(), description.classes.len()).init(device);
        let head = self.load_head(head, &description.name)?;
        Ok(LoadedClassifier { encoder, head })
    }

    /// The encoder with its output layer, for words.
    ///
    /// # Errors
    /// If the model has no output layer, or if the weights are not those of the description.
    pub fn tagger(&self, device: &Device) -> Result<Tagger, CliError> {
        let LoadedClassifier { encoder, head } = self.classifier(device)?;
        Ok(Tagger {
            encoder,
            classifier: head,
        })
    }

    /// The encoder with its output layer, for questions.
    ///
    /// # Errors
    /// If the model has no output layer, or if the weights are not those of the description.
    pub fn answerer(&self, device: &Device) -> Result<Answerer, CliError> {
        let LoadedClassifier { encoder, head } = self.classifier(device)?;
        Ok(Answerer {
            encoder,
            qa_outputs: head,
        })
    }

    /// The encoder with what names the next token.
    ///
    /// # Errors
    /// If the model writes no text, or if the weights are not those of the description.
    pub fn writer(&self, device: &Device) -> Result<Writer, CliError> {
        let Some(name) = &self.description.word_head else {
            return match self.description.restores() {
                true => self.encoder(device).map(Writer::Restores),
                false => Err(self.no_writer()),
            };
        };
        let model = CausalLmConfig {}.init(self.encoder(device)?, device)?;
        Ok(Writer::GoesOn(CausalLm {
            head: self.load_head(model.head, name)?,
            encoder: model.encoder,
        }))
    }

    fn no_writer(&self) -> CliError {
        let folder = self.folder.display();
        let objective = &self.description.objective;
        let [message, help] = match objective.as_str() {
            // What the first versions exported.
            "causal-lm" => [
                format!("{folder} was exported without what names the next token"),
                "make it again of a checkpoint: `tinderbox export RUN FOLDER --step N`".into(),
            ],
            _ => [
                format!("{folder} writes no text: its objective was `{objective}`"),
                "pre-train with `objective.kind = \"causal-lm\"`, and `causal = true` in `[encoder]` if that is a bert, or with `denoising`".into(),
            ],
        };
        CliError::Usage {
            message,
            help: Some(help),
        }
    }

    /// Gives a head its weights.
    fn load_head<M: Module>(&self, head: M, name: &str) -> Result<M, CliError> {
        let weights = self.weights.clone().strip_prefix(name);
        let loaded = load_state_dict(head, &weights, false);
        Ok(loaded.map_err(|error| self.damaged(&error))?.0)
    }

    fn damaged(&self, error: &WeightsError) -> CliError {
        let path = self.folder.join(WEIGHTS);
        CliError::Run(format!("{}: {error}", path.display()).into())
    }
}

/// The resolved recipe of a run directory.
///
/// # Errors
/// If it cannot be read.
pub fn resolved_recipe(run: &Path) -> Result<Recipe, CliError> {
    Ok(RecipeFile::open(&run.join(RESOLVED))?.resolve(&[])?)
}

/// Gives a module the weights that `encoder.init` names: of a run, an exported folder or a
/// safetensors file.
///
/// # Errors
/// If they cannot be read or do not fit; names on one side only are refused unless `partial`.
pub fn initialise_from<M: Module>(
    module: M,
    init: &Path,
    partial: bool,
) -> Result<(M, LoadReport), CliError> {
    let weights = match exported_folder(init) {
        Some(_) => Model::open(init)?.encoder_weights(),
        None if published::is_at(init) => of_bert(&published::weights(init)?),
        None if init.is_dir() => {
            return Err(CliError::Usage {
                message: format!("`encoder.init`: {} holds no exported model", init.display()),
                help: Some("name a run, an exported folder or a safetensors file".into()),
            });
        }
        None => StateDict::read(init).map_err(|error| init_error(init, &error, None))?,
    };
    if let Some(name) = weights.not_finite() {
        return Err(CliError::usage(format!(
            "`encoder.init`: {}: {}",
            init.display(),
            not_finite(name)
        )));
    }
    load_state_dict(module, &weights, partial).map_err(|error| {
        let help = matches!(error, WeightsError::Names { .. })
            .then(|| "`partial = true` in `[encoder]` loads what both have".to_string());
        init_error(init, &error, help)
    })
}

fn not_finite(name: &str) -> String {
    format!("{name} holds a value that is not finite")
}

fn init_error(init: &Path, error: &WeightsError, help: Option<String>) -> CliError {
    CliError::Usage {
        message: format!("`encoder.init`: {}: {error}", init.display()),
        help,
    }
}
