//! `[data]`: where items come from, and the views that pre-training sees of them.

use std::path::{Path, PathBuf};

use serde::Serialize;
use tinderbox::data::Background;
use tinderbox::data::table::{ColumnPipelineConfig, is_table};

use super::complaint::RecipeErrors;
use super::document::{Document, Override, Table};
use super::findings::Findings;
use super::reader::TableReader;
use super::table_reading::TableReading;
use super::tokens::TokensRecipe;
use super::views::ViewsRecipe;
use crate::encoder::Modality;
use crate::inputs::Target;

/// What kind of data `data.path` leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DataSource {
    /// The 8x8 UCI digits inside the program.
    Digits,
    /// An IDX file of images, such as MNIST's, gzipped or not.
    Idx,
    /// A folder with CIFAR-10's binary batches.
    Cifar10,
    /// A folder with CIFAR-100's binary batches.
    Cifar100,
    /// A folder of images; sub-folders name the classes.
    Folder,
    /// A list of images: a path a line, and a label behind a comma, tab or blank if there are labels; with a head or without.
    List,
    /// A tar file of images in WebDataset's layout, a folder of such files, or several by `*` or `{000000..000004}`.
    Shards,
    /// A table: CSV, TSV, JSON lines, Parquet or Arrow, by its ending, in a file or in the files of a folder.
    Table,
    /// A file of texts, one a line, or a folder of text files; sub-folders name the classes.
    Text,
    /// A file of sentences whose words have tags: a word, a tab and its tag a line, and a blank line behind each sentence.
    Tags,
    /// A file of questions with the texts that answer them, as SQuAD has it.
    Questions,
}

impl DataSource {
    pub(super) const NAMES: [(&'static str, Self); 11] = [
        ("digits", Self::Digits),
        ("idx", Self::Idx),
        ("cifar10", Self::Cifar10),
        ("cifar100", Self::Cifar100),
        ("folder", Self::Folder),
        ("list", Self::List),
        ("shards", Self::Shards),
        ("table", Self::Table),
        ("text", Self::Text),
        ("tags", Self::Tags),
        ("questions", Self::Questions),
    ];

    /// What can be learnt from it.
    pub fn target(self) -> Target {
        match self {
            Self::Tags => Target::Words,
            Self::Questions => Target::Answers,
            _ => Target::Items,
        }
    }

    /// The source with this name.
    pub fn named(name: &str) -> Option<Self> {
        let mut names = Self::NAMES.into_iter();
        names
            .find(|(other, _)| *other == name)
            .map(|(_, source)| source)
    }

    /// Its name in a recipe.
    pub fn name(self) -> &'static str {
        let mut names = Self::NAMES.into_iter();
        names
            .find(|(_, source)| *source == self)
            .map_or("", |(name, _)| name)
    }

    /// What holds the images at a path, by its name.
    pub fn of_images(path: &Path) -> Self {
        let ending = path.extension().unwrap_or_default().to_string_lossy();
        match ending.to_ascii_lowercase().as_str() {
            _ if path.is_dir() => Self::Folder,
            "tar" => Self::Shards,
            "csv" | "lst" | "tsv" | "txt" => Self::List,
            _ => Self::Folder,
        }
    }

    /// What its items are, unless a column of a table is read as text.
    pub(super) fn modality(self) -> Modality {
        match self {
            Self::Table => Modality::Row,
            Self::Text | Self::Tags | Self::Questions => Modality::Text,
            Self::Digits | Self::Idx | Self::Cifar10 | Self::Cifar100 => Modality::Image,
            Self::Folder | Self::List | Self::Shards => Modality::Image,
        }
    }
}

/// Where labels come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Labels {
    /// Whether to use the labels that come with the source.
    Own(bool),
    /// A file of labels beside the images; for IDX only.
    File(PathBuf),
    /// A column; for tables, and lists with a head.
    Column(String),
}

/// The `[data]` table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DataRecipe {
    /// What kind of data it is.
    pub source: DataSource,
    /// Where it lies, relative to the working directory; none for `digits`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Further paths, whose texts follow those of `path`; for texts only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<PathBuf>,
    /// The column of a table that holds texts, or two of them for pairs; none for a table of features.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub text: Vec<String>,
    /// Where labels come from. Pre-training never reads them; evaluation does.
    pub labels: Labels,
    /// The stratified share that is held out from training for tests, if there is no `test_path`.
    pub test_share: f64,
    /// Where a test set lies, of the same source; without it, a share of the data is held out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_path: Option<PathBuf>,
    /// The file of the test set's labels; for IDX only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_labels: Option<PathBuf>,
    /// Side that images are resized to; without it, that of the first image, which must be square.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<usize>,
    /// Channels that images are converted to, 1 or 3; without it, those of the first image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<usize>,
    /// What transparent pixels of images are laid over; without it, white.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub background: Option<Background>,
    /// Whether links and paths that lead out of a folder, or out of that of a list, are followed; without it, they are. For data from
    /// strangers, false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub links: Option<bool>,
    /// How many items are used at most, evenly over all; a test set of its own is not cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// What items share that belong into one part of the split: `folder` for the folder below that of the class, or a column of a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// How many unreadable items are skipped and listed before the run fails.
    pub max_bad: usize,
    /// The share of the training part that pre-training leaves out, to measure its loss on: evenly spread items.
    pub held_out: f64,
    /// How a table is written, where that is not as it is found.
    #[serde(flatten)]
    pub reading: TableReading,
    /// What becomes of columns of a table; of those without an entry, what they suggest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<ColumnPipelineConfig>,
    /// How texts become tokens; for texts only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<TokensRecipe>,
    /// The random views of an item.
    pub views: ViewsRecipe,
}

impl DataRecipe {
    /// What its items are.
    pub fn modality(&self) -> Modality {
        match self.text.is_empty() {
            true => self.source.modality(),
            false => Modality::Text,
        }
    }

    /// Texts without labels, as `--data PATH` means it for a model of texts: a file or a folder, or a table with `columns`.
    pub fn texts(path: impl Into<PathBuf>, columns: &[String]) -> Self {
        let path = path.into();
        let table = !columns.is_empty() && is_table(&path);
        let source = match table {
            true => DataSource::Table,
            false => DataSource::Text,
        };
        Self {
            path: Some(path),
            text: columns.iter().filter(|_| table).cloned().collect(),
            labels: Labels::Own(!table),
            ..Self::for_modality(source, Modality::Text)
        }
    }

    /// Data of a source at a path.
    pub fn at(source: DataSource, path: impl Into<PathBuf>) -> Self {
        Self {
            path: Some(path.into()),
            ..Self::of(source)
        }
    }

    /// A table without labels, as `--data PATH` means it for a model of rows.
    pub fn table(path: impl Into<PathBuf>) -> Self {
        Self {
            labels: Labels::Own(false),
            ..Self::at(DataSource::Table, path)
        }
    }

    /// A folder of images.
    pub fn folder(path: impl Into<PathBuf>) -> Self {
        Self::at(DataSource::Folder, path)
    }

    /// Images, as `--data PATH` means it for a model of images: tar files and lists by their endings, else a folder.
    pub fn images(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self::at(DataSource::of_images(&path), path)
    }

    /// Whether `held_out` is what it is without being named.
    pub fn holds_out_by_default(&self) -> bool {
        self.held_out == Self::for_modality(self.source, self.modality()).held_out
    }

    /// Whether its items are files of images.
    pub fn has_image_files(&self) -> bool {
        use DataSource::{Folder, List, Shards};
        self.modality() == Modality::Image && matches!(self.source, Folder | List | Shards)
    }

    /// The paths that it names.
    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let labels = match &mut self.labels {
            Labels::File(path) => Some(path),
            Labels::Own(_) | Labels::Column(_) => None,
        };
        let tokeniser = self.tokens.as_mut().and_then(|it| it.tokeniser.as_mut());
        let own = [
            self.path.as_mut(),
            self.test_path.as_mut(),
            self.test_labels.as_mut(),
            labels,
            tokeniser,
        ];
        own.into_iter().flatten().chain(&mut self.also)
    }

    /// The recipe of the test set alone, if there is one.
    pub fn of_test(&self) -> Option<Self> {
        let labels = match (&self.labels, &self.test_labels) {
            (Labels::File(_), None) => Labels::Own(false),
            (_, Some(path)) => Labels::File(path.clone()),
            (own, None) => own.clone(),
        };
        Some(Self {
            path: Some(self.test_path.clone()?),
            labels,
            limit: None,
            ..self.clone()
        })
    }

    /// Data of a source with every other setting as it comes.
    pub fn of(source: DataSource) -> Self {
        Self::for_modality(source, source.modality())
    }

    fn for_modality(source: DataSource, modality: Modality) -> Self {
        let text = modality == Modality::Text;
        Self {
            source,
            path: None,
            also: Vec::new(),
            text: Vec::new(),
            // Labels of these lie elsewhere.
            labels: Labels::Own(!matches!(source, DataSource::Idx | DataSource::Table)),
            test_share: 1.0 / 3.0,
            test_path: None,
            test_labels: None,
            size: None,
            channels: None,
            background: None,
            links: None,
            limit: None,
            group: None,
            max_bad: 100,
            reading: TableReading::default(),
            columns: None,
            held_out: if text { 0.05 } else { 0.0 },
            tokens: text.then(TokensRecipe::default),
            views: ViewsRecipe::of(modality),
        }
    }

    /// The keys of the table, with `data.` before them.
    pub fn keys() -> Vec<String> {
        let findings = Findings::default();
        TableReader::root(&findings, Table::new(), |root| {
            root.table("data", Self::read)
        });
        let known = findings.known().into_iter();
        known.filter(|key| key.starts_with("data.")).collect()
    }

    /// The data as `--set data.KEY=VALUE` changes it. `origin` says where it comes from.
    ///
    /// # Errors
    /// All faults at once.
    pub fn with(self, sets: &[Override], origin: &str) -> Result<Self, RecipeErrors> {
        if sets.is_empty() {
            return Ok(self);
        }
        let plain = toml::Value::try_from(&self).expect("data is plain");
        let text = toml::Table::from_iter([("data".to_string(), plain)]).to_string();
        let mut complaints = Vec::new();
        let document = Document::parse(origin, &text, sets, &mut complaints);
        let findings = Findings::default();
        let read = TableReader::root(&findings, document.root, |root| {
            root.table("data", Self::read)
        });
        complaints.extend(findings.into_complaints());
        match complaints.is_empty() {
            true => Ok(read),
            false => Err(RecipeErrors::new(origin, &document.sources, complaints)),
        }
    }

    pub(super) fn read(table: &mut TableReader<'_>) -> Self {
        let names = DataSource::NAMES.map(|(name, _)| name);
        let named = table.choice("source", &names, None);
        let source = named.and_then(DataSource::named);
        let source = source.unwrap_or(DataSource::Digits);
        let text = read_text(table, source);
        let modality = match text.is_empty() {
            true => source.modality(),
            false => Modality::Text,
        };
        let default = Self::for_modality(source, modality);
        if named == Some("digits") && table.has("path") {
            table.complain_at(
                "path",
                "`data.path` has no use: digits are inside the program",
            );
        }
        let path = table.field::<PathBuf>("path");
        let path = if named.is_some() && source != DataSource::Digits {
            Some(path.required(PathBuf::new()))
        } else {
            path.optional()
        };
        let labels = read_labels(table, source, default.labels.clone());
        if table.has("test_path") && source == DataSource::Digits {
            table.complain_at("test_path", "`data.test_path` has no use with digits");
        }
        let labelled = matches!(labels, Labels::File(_));
        if table.has("test_path") && labelled && !table.has("test_labels") {
            table.complain_at(
                "test_path",
                "`data.test_labels` is missing, the labels of `test_path`",
            );
        }
        for key in ["size", "channels"] {
            if table.has(key) && modality != Modality::Image {
                let what = match modality {
                    Modality::Row => "a table",
                    other => other.items(),
                };
                table.complain_at(key, format!("`data.{key}` has no use with {what}"));
            }
        }
        if table.has("columns") && source != DataSource::Table {
            table.complain_at("columns", "`data.columns` is for rows of a `table` only");
        }
        for key in ["also", "tokens"] {
            if table.has(key) && modality != Modality::Text {
                table.complain_at(key, format!("`data.{key}` is for texts only"));
            }
        }
        if table.has("background") && !default.has_image_files() {
            table.complain_at(
                "background",
                "`data.background` is for files of images only: folder, list or shards",
            );
        }
        let linked = matches!(
            source,
            DataSource::Folder | DataSource::List | DataSource::Text
        );
        if table.has("links") && !linked {
            table.complain_at("links", "`data.links` is for folder, list and text only");
        }
        if table.has("group") && !linked {
            table.complain_at(
                "group",
                "`data.group` is for folder and text (\"folder\"), and for list (a column)",
            );
        } else if source != DataSource::List && table.text("group").is_some_and(|by| by != "folder")
        {
            table.complain_at(
                "group",
                "`data.group` is \"folder\" here: the folder below that of the class",
            );
        }
        if table.has("test_labels") && source != DataSource::Idx {
            table.complain_at("test_labels", "`data.test_labels` is for `idx` only");
        }
        let columns = table.optional_table("columns", |columns| {
            let check = |columns: &ColumnPipelineConfig| columns.validate_entries();
            columns.checked_rest(check).unwrap_or_default()
        });
        if let (Modality::Text, Some(config)) = (modality, &columns)
            && source == DataSource::Table
        {
            let is_label = |column: &String| labels == Labels::Column(column.clone());
            if let Some(other) = config.columns.keys().find(|column| !is_label(column)) {
                let message = format!(
                    "`data.columns.{other}` has no use with texts: of their columns, that of the labels alone may be described"
                );
                table.complain_at("columns", message);
            }
        }
        Self {
            source,
            path,
            labels,
            test_share: table
                .field("test_share")
                .check("a share between 0 and 1", |share: &f64| {
                    *share > 0.0 && *share < 1.0
                })
                .or(default.test_share),
            test_path: table.field("test_path").optional(),
            test_labels: table.field("test_labels").optional(),
            size: table
                .field("size")
                .within(1..=16_384, "1 to 16384")
                .optional(),
            channels: table
                .field("channels")
                .check("1 or 3", |channels: &usize| matches!(channels, 1 | 3))
                .optional(),
            background: table.field("background").optional(),
            links: table.field("links").optional(),
            limit: table.field("limit").within(1.., "1 or more").optional(),
            group: table.field("group").optional(),
            also: table.field("also").or(default.also),
            text,
            max_bad: table.field("max_bad").or(default.max_bad),
            held_out: table
                .field("held_out")
                .within(0.0..0.5, "0 to below 0.5")
                .or(default.held_out),
            tokens: match modality {
                Modality::Text => Some(table.table("tokens", TokensRecipe::read)),
                Modality::Image | Modality::Row => {
                    table.optional_table("tokens", TokensRecipe::read);
                    None
                }
            },
            reading: TableReading::read(table, source),
            columns,
            views: table.table("views", |views| ViewsRecipe::read(views, modality)),
        }
    }
}

/// `data.text`: a column, or a list of two.
fn read_text(table: &mut TableReader<'_>, source: DataSource) -> Vec<String> {
    if table.has("text") && source != DataSource::Table {
        table.complain_at("text", "`data.text` is for `table` only");
    }
    if table.text("text").is_some() {
        return table.field("text").optional().into_iter().collect();
    }
    table
        .field("text")
        .check("a column, or a list of two", |columns: &Vec<String>| {
            matches!(columns.len(), 1 | 2)
        })
        .or(Vec::new())
}

fn read_labels(table: &mut TableReader<'_>, source: DataSource, default: Labels) -> Labels {
    if table.text("labels").is_none() {
        let mut own = table.field::<bool>("labels");
        if source == DataSource::Table {
            own = own.check("the name of the column that holds them, or false", |own| {
                !own
            });
        }
        let own = own.optional().map(Labels::Own);
        return own.unwrap_or(default);
    }
    match source {
        DataSource::Table | DataSource::List => {
            let column = table.field("labels").optional();
            return column.map_or(default, Labels::Column);
        }
        DataSource::Idx => {}
        _ => table.complain_at(
            "labels",
            "`data.labels` is a file for `idx` and a column for `table` and `list`; expected true or false",
        ),
    }
    table
        .field("labels")
        .optional()
        .map_or(default, Labels::File)
}
