//! Which data a verb works on, and what `--set` may change in it.

use std::path::{Path, PathBuf};

use crate::args::{DataArgs, GlobalArgs};
use crate::encoder::{ImageShape, InputShape, Modality};
use crate::error::CliError;
use crate::inputs::{Preprocessing, Target};
use crate::model::Model;
use crate::recipe::{
    DataRecipe, DataSource, Document, Labels, Override, RecipeFile, Table, TokensRecipe, Value,
};
use crate::text_source::holds_tags;

/// What a verb without a recipe of its own takes of `--set`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settings {
    /// `seed` alone.
    Seed,
    /// How all items are read, whatever their labels.
    Items,
    /// `seed`, how items are read, and how they are split by their labels.
    Split,
    /// All but what a model brings along.
    Training,
}

/// Of the data what has no use where a model has the last word on its input.
const OF_THE_MODEL: [&str; 8] = [
    "size",
    "channels",
    "background",
    "columns",
    "tokens",
    "views",
    "held_out",
    "max_bad",
];
/// Of these what has a use where the model is trained further.
const OF_TRAINING: [&str; 3] = ["views", "held_out", "max_bad"];
/// Of the data what has no use without labels.
const OF_LABELS: [&str; 5] = ["labels", "test_share", "test_path", "test_labels", "group"];
/// What has a use even so: whether bytes that are no text are read.
const LOSSY: &str = "data.tokens.lossy";

impl Settings {
    /// The seed that `--set` names, after a look at all of its keys.
    ///
    /// # Errors
    /// A key that has no use, with those that have one.
    pub(super) fn seed(self, global: &GlobalArgs) -> Result<u64, CliError> {
        let mut seed = 0;
        for set in &global.set {
            let (key, value) = set.split_once('=').unwrap_or((set.as_str(), ""));
            match key.trim() {
                "seed" if matches!(self, Self::Seed | Self::Split) => {
                    seed = value.trim().parse().map_err(|_| {
                        CliError::usage(format!("`--set {set}`: expected a whole number"))
                    })?;
                }
                key if self.takes(key) => {}
                key => {
                    return Err(CliError::Usage {
                        message: format!("`--set {set}`: `{key}` has no use here"),
                        help: Some(match self {
                            Self::Training => {
                                "the model brings its network, and what makes items its input"
                                    .into()
                            }
                            _ => format!("this verb takes `{}`", self.keys().join("`, `")),
                        }),
                    });
                }
            }
        }
        Ok(seed)
    }

    /// A look at all keys of `--set`.
    ///
    /// # Errors
    /// As [`Settings::seed`].
    pub(super) fn check(self, global: &GlobalArgs) -> Result<(), CliError> {
        self.seed(global).map(drop)
    }

    fn takes(self, key: &str) -> bool {
        let (table, inside) = key.split_once('.').unwrap_or((key, ""));
        let first = inside.split('.').next().unwrap_or_default();
        let of_model = key != LOSSY && OF_THE_MODEL.contains(&first);
        match (self, table) {
            (Self::Training, "data") => !of_model || OF_TRAINING.contains(&first),
            (Self::Training, _) => !["encoder", "compare"].contains(&table),
            (Self::Seed, _) => false,
            (Self::Items, "data") => !inside.is_empty() && !of_model && !OF_LABELS.contains(&first),
            (Self::Split, "data") => !inside.is_empty() && !of_model,
            _ => false,
        }
    }

    fn keys(self) -> Vec<String> {
        let seed = (self != Self::Items).then(|| "seed".to_string());
        let of_data = DataRecipe::keys().into_iter().chain([LOSSY.to_string()]);
        let of_data = of_data.filter(|key| self.takes(key));
        seed.into_iter().chain(of_data).collect()
    }
}

/// The data of `--data`, of `--recipe`, or else of the model's own run, each as `--set` changes it. Images and texts become what the model
/// wants, whatever a recipe says; the labels of a table are, unless it is told, in the column of the run's recipe.
pub(super) fn of(
    args: &DataArgs,
    model: &Model,
    global: &GlobalArgs,
) -> Result<DataRecipe, CliError> {
    let of_data = |set: &&String| set.trim_start().starts_with("data.");
    let sets = global.set.iter().filter(of_data);
    let sets: Vec<Override> = sets.map(|set| Override::set(set)).collect();
    let asked = Asked::of(&sets);
    if let (Some(path), Some(other)) = (&args.data, &asked.path) {
        return Err(CliError::usage(format!(
            "`--data {}` and `--set data.path={other}` both say where the data lies",
            path.display()
        )));
    }
    let own = model.recipe()?.map(|recipe| recipe.data);
    let base = match (&args.data, &args.recipe, own, &asked.path) {
        (Some(path), _, own, _) => at(path, &asked, own.as_ref(), model),
        (None, Some(name), ..) => RecipeFile::find(name)?.resolve(&[])?.data,
        (None, None, Some(own), _) => own,
        (None, None, None, Some(path)) => at(Path::new(path), &asked, None, model),
        (None, None, None, None) => {
            return Err(CliError::Usage {
                message: format!("{} does not say which data to use", model.folder.display()),
                help: Some(
                    "name a folder of images, or a table, with `--data`, or a recipe with `--recipe`"
                        .into(),
                ),
            });
        }
    };
    let shown = model.run.as_ref().unwrap_or(&model.folder).display();
    let data = asked.begin(base).with(&sets, &shown.to_string())?;
    Ok(match model.description.shape {
        InputShape::Image(ImageShape { channels, size }) => DataRecipe {
            size: Some(size),
            channels: Some(channels),
            background: data
                .has_image_files()
                .then(|| model.preprocess.background()),
            ..data
        },
        InputShape::Text { length, .. } => DataRecipe {
            // Its own tokeniser has the last word on all else.
            tokens: data.tokens.map(|tokens| TokensRecipe { length, ..tokens }),
            ..data
        },
        InputShape::Row { .. } => {
            let mut data = data;
            if let Preprocessing::Row(pipeline) = &model.preprocess {
                let columns = pipeline.columns().iter();
                data.reading.known = columns.map(|column| column.name.clone()).collect();
            }
            data
        }
    })
}

/// What `--set` says of the kind of data.
#[derive(Debug, Default)]
struct Asked {
    path: Option<String>,
    source: Option<DataSource>,
    /// The columns of a table that are read as texts.
    text: Vec<String>,
}

impl Asked {
    /// What of it can be read; what cannot is told when all of it is.
    fn of(sets: &[Override]) -> Self {
        let root = Document::parse("", "", sets, &mut Vec::new()).root;
        let Some(Value::Table(data)) = root.get("data").map(|entry| &entry.node.value) else {
            return Self::default();
        };
        let texts = |key: &str, data: &Table| -> Vec<String> {
            let string = |value: &Value| match value {
                Value::String(text) => Some(text.clone()),
                _ => None,
            };
            match data.get(key).map(|entry| &entry.node.value) {
                Some(Value::Array(items)) => items
                    .iter()
                    .filter_map(|item| string(&item.value))
                    .collect(),
                Some(value) => string(value).into_iter().collect(),
                None => Vec::new(),
            }
        };
        Self {
            path: texts("path", data).pop(),
            source: texts("source", data)
                .pop()
                .and_then(|name| DataSource::named(&name)),
            text: texts("text", data),
        }
    }

    /// Data of another kind than it was keeps its place and no setting.
    fn begin(&self, base: DataRecipe) -> DataRecipe {
        let path = || {
            let path = self.path.clone().map(PathBuf::from);
            path.or(base.path.clone())
        };
        let table = self.source.is_none_or(|source| source == DataSource::Table);
        if !self.text.is_empty() && base.text.is_empty() && table {
            let texts = DataRecipe::texts(path().unwrap_or_default(), &self.text);
            return DataRecipe {
                labels: match base.source {
                    DataSource::Table => base.labels,
                    _ => texts.labels,
                },
                ..texts
            };
        }
        match self.source {
            Some(source) if source != base.source => DataRecipe {
                path: path().filter(|_| source != DataSource::Digits),
                labels: Labels::Own(source != DataSource::Table),
                ..DataRecipe::of(source)
            },
            _ => base,
        }
    }
}

/// What a path holds that a model is to read.
fn at(path: &Path, asked: &Asked, own: Option<&DataRecipe>, model: &Model) -> DataRecipe {
    match model.preprocess.modality() {
        Modality::Text
            if asked.source.is_none() && asked.text.is_empty() && answers(model, path) =>
        {
            DataRecipe::at(DataSource::Questions, path)
        }
        Modality::Text
            if asked.source.is_none()
                && asked.text.is_empty()
                && tells_words(model)
                && holds_tags(path) =>
        {
            DataRecipe::at(DataSource::Tags, path)
        }
        Modality::Text => {
            let columns = match asked.text.is_empty() {
                true => own.map_or(&[][..], |own| &own.text),
                false => &asked.text,
            };
            let texts = DataRecipe::texts(path, columns);
            match texts.source {
                DataSource::Table => read_as(own, texts),
                _ => texts,
            }
        }
        Modality::Image => DataRecipe::images(path),
        Modality::Row => read_as(own, DataRecipe::table(path)),
    }
}

/// A table that is read as the run's own was.
fn read_as(own: Option<&DataRecipe>, table: DataRecipe) -> DataRecipe {
    match own {
        Some(own) => DataRecipe {
            labels: match &own.labels {
                Labels::Column(_) => own.labels.clone(),
                _ => table.labels.clone(),
            },
            reading: own.reading.clone(),
            columns: own.columns.clone(),
            ..table
        },
        None => table,
    }
}

/// Whether a file is of questions, for a model that answers them.
fn answers(model: &Model, path: &Path) -> bool {
    let head = model.description.head.as_ref();
    head.is_some_and(|head| head.of == Target::Answers)
        && path.extension().is_some_and(|ending| ending == "json")
}

/// Whether a model tells tags of words.
fn tells_words(model: &Model) -> bool {
    let head = model.description.head.as_ref();
    head.is_some_and(|head| head.of == Target::Words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(settings: Settings, set: &str, taken: bool) {
        let global = GlobalArgs {
            set: vec![set.into()],
            ..GlobalArgs::default()
        };
        match settings.seed(&global) {
            Ok(_) => assert!(taken, "{settings:?} {set}"),
            Err(error) => {
                assert!(!taken, "{settings:?} {set}: {error}");
                let help = error.advice().unwrap();
                assert_eq!(help.contains("`data.path`"), settings != Settings::Seed);
                assert_eq!(
                    help.contains("`data.test_share`"),
                    settings == Settings::Split
                );
                assert!(!help.contains("`data.size`"), "{help}");
            }
        }
    }

    #[test]
    fn a_verb_takes_the_settings_that_act_in_it() {
        for (set, taken) in [
            ("encoder.filters=9", false),
            ("encoder={}", false),
            ("data.size=9", false),
            ("data.tokens.length=9", false),
            ("compare.seeds=9", false),
            ("data.tokens.lossy=true", true),
            ("data.views.flip={}", true),
            ("data.labels=x", true),
            ("optim.lr=1", true),
            ("seed=3", true),
        ] {
            let global = GlobalArgs {
                set: vec![set.into()],
                ..GlobalArgs::default()
            };
            assert_eq!(Settings::Training.check(&global).is_ok(), taken, "{set}");
        }
        for settings in [Settings::Seed, Settings::Items, Settings::Split] {
            check(settings, "foo.bar=3", false);
            check(settings, "optim.lr=1", false);
            check(settings, "data.views={}", false);
            check(settings, "data.tokens.length=9", false);
            check(settings, "data.path=x", settings != Settings::Seed);
            check(
                settings,
                "data.tokens.lossy=true",
                settings != Settings::Seed,
            );
            check(settings, "data.labels=x", settings == Settings::Split);
            check(settings, "seed=3", settings != Settings::Items);
        }
    }
}
