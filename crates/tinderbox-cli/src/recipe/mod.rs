//! Recipes: one TOML file that says everything about a run.
//!
//! A recipe is read key by key (see [`reader`]), so that all its faults are shown at once, each
//! underlined where it was written, be it in the file or on the command line. A default stands in
//! the code that reads its key and nowhere else; `resolved.toml` in a run directory is the recipe
//! with all of them filled in, and reads back to the same recipe.

mod builtin;
mod complaint;
mod data;
mod diff;
mod document;
mod encoder;
mod eval;
mod findings;
mod finetune;
mod foreign;
mod from_value;
mod objective;
pub mod reader;
mod reference;
mod table_reading;
mod tokens;
mod train;
mod views;

use std::path::{Path, PathBuf};

use serde::Serialize;
use tinderbox::data::table::TableFormat;
use tinderbox::data::{AugmentConfig, Remark};
use tinderbox::train::{OptimConfig, Schedule};

pub use builtin::{BUILTINS, Builtin, builtin};
pub use complaint::{Complaint, RecipeErrors};
pub use data::{DataRecipe, DataSource, Labels};
pub use diff::{Change, changes};
pub use document::{Document, Entry, Node, Override, Source, Sources, Table, Value};
pub use encoder::EncoderRecipe;
pub use eval::{CheckpointRecipe, CompareRecipe, EvalRecipe};
pub use findings::{Findings, KnownKey, nearest};
pub use finetune::{FinetuneRecipe, is_transformer, rate_for};
pub use from_value::FromValue;
pub use objective::ObjectiveRecipe;
pub use reference::{ReferenceKey, reference};
pub use table_reading::TableReading;
pub use tokens::{Cut, TokensRecipe};
pub use train::{Length, OPTIM_KINDS, SCHEDULE_KINDS, TrainRecipe, check_warmup};
pub use views::{SwapRecipe, ViewsRecipe};

use crate::device::DeviceName;
use crate::encoder::{ImageShape, InputShape, Modality};
use crate::error::CliError;
use crate::inputs::Views;
use reader::TableReader;

/// The version of the recipe format that this program reads.
pub const VERSION: u64 = 1;

/// A resolved recipe: every key has its value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recipe {
    /// Version of the format.
    pub version: u64,
    /// What the run directory is called; without it, as the recipe's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where to run.
    pub device: DeviceName,
    /// Threads that load data; without it, one for each core. Results do not depend on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// Everything random in a run derives from it.
    pub seed: u64,
    /// The run directory; without it, `runs/NAME`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out: Option<PathBuf>,
    /// Where items come from.
    pub data: DataRecipe,
    /// The network.
    pub encoder: EncoderRecipe,
    /// The loss.
    pub objective: ObjectiveRecipe,
    /// Length of the run, batches.
    pub train: TrainRecipe,
    /// The optimiser.
    pub optim: OptimConfig,
    /// The learning rate over the run.
    pub schedule: Schedule,
    /// Measurements during the run.
    pub eval: EvalRecipe,
    /// Checkpoints.
    pub checkpoint: CheckpointRecipe,
    /// The label-efficiency table after the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compare: Option<CompareRecipe>,
    /// How the encoder is fine-tuned; only in the recipes that `finetune` writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finetune: Option<FinetuneRecipe>,
}

impl Recipe {
    fn read(root: &mut TableReader<'_>) -> Self {
        let version = root
            .field("version")
            .check("1", |v: &u64| *v == VERSION)
            .required(VERSION);
        let device = root
            .field::<String>("device")
            .parse(|name| name.parse::<DeviceName>())
            .unwrap_or_default();
        let data = root.table("data", DataRecipe::read);
        let encoder = root.table("encoder", |table| EncoderRecipe::read(table, &data));
        let objective = root.table("objective", |table| {
            ObjectiveRecipe::read(table, &data, &encoder.config)
        });
        let finetune = root.optional_table("finetune", FinetuneRecipe::read);
        let modality = data.modality();
        let whole = matches!(
            objective,
            ObjectiveRecipe::Tagging | ObjectiveRecipe::SpanExtraction
        );
        if whole && finetune.is_some_and(|own| own.freeze) {
            let kind = objective.name();
            root.complain(format!("`finetune.freeze` is for `objective.kind` supervised; {kind} trains the whole network"));
        }
        let train = root.table("train", TrainRecipe::read);
        if train.validation_share.is_some() && finetune.is_some() {
            root.complain("`train.validation_share` has no use in a fine-tuning: name `finetune.validation_share`");
        } else if train.validation_share.is_some() && !objective.is_supervised() {
            let kind = objective.name();
            root.complain(format!("`train.validation_share` is of labels, of which {kind} learns nothing: name `data.held_out`"));
        }
        let contrast = objective.views() == Views::Two;
        if contrast && train.batch < 2 {
            let (name, batch) = (objective.name(), train.batch);
            root.complain(format!("`train.batch` is {batch}, expected 2 or more: {name} tells the items of a batch from each other"));
        }
        let plain = |name: &String| {
            !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\'])
        };
        Self {
            version,
            name: root
                .field("name")
                .check("the name of a folder", plain)
                .optional(),
            device,
            threads: root
                .field("threads")
                .within(..=1024, "up to 1024")
                .optional(),
            seed: root.field("seed").or(0),
            out: root.field("out").optional(),
            data,
            encoder,
            objective,
            train,
            optim: root.table("optim", train::read_optim),
            schedule: root.table("schedule", train::read_schedule),
            eval: root.table("eval", EvalRecipe::read),
            checkpoint: root.table("checkpoint", CheckpointRecipe::read),
            compare: root.optional_table("compare", |table| CompareRecipe::read(table, modality)),
            finetune,
        }
    }

    /// The recipe of a run that was called in another directory: relative paths begin there, unless nothing is there any more.
    #[must_use]
    pub fn called_in(mut self, directory: &Path) -> Self {
        if std::env::current_dir().is_ok_and(|here| here == directory) {
            return self;
        }
        for path in self.data.paths().chain(&mut self.encoder.init) {
            let there = directory.join(&*path);
            // Of a pattern, such as `shards/*.tar`, what is no pattern.
            let plain = |part: &&Path| !part.to_string_lossy().contains(['*', '?', '{', '[']);
            let first = there.ancestors().find(plain);
            if first.is_some_and(|part| part != directory && part.exists()) {
                *path = there;
            }
        }
        self
    }

    /// Gives contrast on images whose recipe names no views those of the paper for their size, since two views that are equal teach
    /// nothing; returns what to tell.
    pub fn settle_views(&mut self, shape: InputShape) -> Option<Remark> {
        let none = ViewsRecipe::of(Modality::Image);
        let InputShape::Image(ImageShape { channels, size }) = shape else {
            return None;
        };
        if self.objective.views() != Views::Two || self.data.views != none {
            return None;
        }
        let views = AugmentConfig::simclr_for(size, channels);
        let becomes = format!(
            "are those of SimCLR for {size} x {size} pixels, as none are named: {}",
            views.names().join(", ")
        );
        self.data.views = ViewsRecipe::Image(views);
        Some(Remark::new("views of an image", Views::Two.count(), becomes).key("[data.views]"))
    }

    /// The recipe as a TOML table.
    pub fn to_table(&self) -> toml::Table {
        toml::Table::try_from(self).expect("a recipe is plain data")
    }

    /// The recipe as text, as `resolved.toml` holds it.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a recipe is plain data")
    }
}

/// A recipe as its author wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipeFile {
    /// A short name, which names the run directory: the built-in name, or the file's stem.
    pub name: String,
    /// Where it comes from, for messages: the built-in name or the path.
    pub origin: String,
    /// The text.
    pub text: String,
}

impl RecipeFile {
    /// A recipe by path or by built-in name. A file wins over a built-in recipe if its name is
    /// written as a path (with a separator or `.toml`).
    ///
    /// # Errors
    /// If it is neither, with the nearest names; or if the file cannot be read.
    pub fn find(name: &str) -> Result<Self, CliError> {
        let path = Path::new(name);
        if let Some(recipe) = builtin(name) {
            return Ok(Self {
                name: recipe.name.to_string(),
                origin: recipe.name.to_string(),
                text: recipe.text.to_string(),
            });
        }
        if !path.is_file() {
            let near = BUILTINS.iter().map(|recipe| recipe.name);
            return Err(CliError::RecipeNotFound {
                name: name.to_string(),
                near: nearest(name.trim_end_matches(".toml"), near).map(String::from),
                known: BUILTINS.iter().map(|recipe| recipe.name).collect(),
            });
        }
        if TableFormat::of_path(path).is_some() {
            return Err(CliError::Usage {
                message: format!("{} is a table, not a recipe", path.display()),
                help: Some(format!(
                    "`tinderbox data inspect {} --out look` writes one",
                    path.display()
                )),
            });
        }
        Self::open(path)
    }

    /// A recipe in a file.
    ///
    /// # Errors
    /// If the file cannot be read or is not UTF-8.
    pub fn open(path: &Path) -> Result<Self, CliError> {
        let bytes = std::fs::read(path).map_err(CliError::reading(path))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..valid]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count()
                + 1;
            CliError::usage(format!("{}:{line}: not UTF-8", path.display()))
        })?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        Ok(Self {
            name: stem.into_owned(),
            origin: path.display().to_string(),
            text,
        })
    }

    /// The recipe with all defaults, after overrides.
    ///
    /// # Errors
    /// All faults at once.
    pub fn resolve(&self, overrides: &[Override]) -> Result<Recipe, RecipeErrors> {
        self.read(overrides).map(|(recipe, _)| recipe)
    }

    fn read(
        &self,
        overrides: &[Override],
    ) -> Result<(Recipe, std::collections::BTreeSet<String>), RecipeErrors> {
        let mut complaints = Vec::new();
        let document = Document::parse(&self.origin, &self.text, overrides, &mut complaints);
        if !complaints.is_empty() {
            // What a broken file lacks is not worth telling before it parses.
            return Err(RecipeErrors::new(&self.name, &document.sources, complaints));
        }
        let findings = Findings::with(overrides);
        let recipe = TableReader::root(&findings, document.root, Recipe::read);
        let known = findings.known();
        let complaints = findings.into_complaints();
        if complaints.is_empty() {
            Ok((recipe, known))
        } else {
            Err(RecipeErrors::new(&self.name, &document.sources, complaints))
        }
    }
}

#[cfg(test)]
mod tests;
