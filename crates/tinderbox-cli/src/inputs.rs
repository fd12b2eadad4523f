//! Items that a model can read: a data set with the preprocessing that was fitted to it.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use burn::data::dataset::Dataset;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tinderbox::data::table::{ColumnPipeline, PlainRow, SwapViews, TableItems, TableRows};
use tinderbox::data::text::{DocumentSource, NoiseConfig, PlainTokens, TextPreprocess};
use tinderbox::data::{
    Background, Collate, DataError, ImageSource, Labelled, Loader, LoaderConfig, OneView,
    PlainBatch, Preprocess, SampleRng, Skipped, Subset, TwoViews, View, ViewCollate, fingerprint,
};
use tinderbox::train::LabelledItems;

use crate::encoder::{ImageShape, InputShape, Modality};
use crate::recipe::ViewsRecipe;
use crate::texts::Texts;

/// What an objective eats.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Views {
    /// Two random views of an item, for contrastive objectives.
    Two,
    /// One random view of an item and its label, for supervised ones.
    One,
    /// One text whose words have tags.
    Tagged,
    /// A question with a text that may answer it.
    Question,
    /// Sequences of tokens that fill each other up, across documents.
    Sequences(Pretext),
}

/// What sequences of tokens are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pretext {
    /// Documents behind each other.
    Plain,
    /// Documents behind each other, some tokens masked.
    Masked,
    /// Documents behind each other, with noise and without.
    Noised(NoiseConfig),
    /// Pairs of segments, some tokens masked.
    MaskedPairs(Pair),
    /// Pairs of segments.
    Pairs(Pair),
}

/// What the second segment of a pair is, where it is not the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pair {
    /// One of another document: next-sentence prediction.
    Next,
    /// The one before: sentence-order prediction.
    Order,
}

impl Views {
    /// How many of an item there are.
    pub fn count(self) -> usize {
        match self {
            Self::Two => 2,
            Self::One | Self::Tagged | Self::Question | Self::Sequences(_) => 1,
        }
    }

    /// What is to be told of them, if that is known beforehand.
    pub fn target(self) -> Option<Target> {
        match self {
            Self::One => Some(Target::Items),
            Self::Tagged => Some(Target::Words),
            Self::Question => Some(Target::Answers),
            Self::Two | Self::Sequences(_) => None,
        }
    }
}

/// What a supervised objective learns, and an output layer tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// The classes of items as a whole.
    #[default]
    Items,
    /// The classes of words.
    Words,
    /// Where the answers to questions begin and end.
    Answers,
}

impl Target {
    /// What a fine-tuning learns it from, several of them.
    pub fn examples(self) -> &'static str {
        match self {
            Self::Items => "labels",
            Self::Words => "tagged sentences",
            Self::Answers => "questions",
        }
    }
}

/// Items as they were read.
#[derive(Clone)]
pub enum Items {
    /// Images.
    Images(Arc<dyn ImageSource>),
    /// The rows of a table.
    Rows(Arc<TableItems>),
    /// Texts.
    Texts(Arc<dyn DocumentSource>),
}

impl Items {
    /// Their labels, classes and names.
    pub fn labelled(&self) -> &dyn Labelled {
        match self {
            Self::Images(images) => &**images,
            Self::Rows(rows) => &**rows,
            Self::Texts(texts) => &**texts,
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        match self {
            Self::Images(images) => images.len(),
            Self::Rows(rows) => rows.len(),
            Self::Texts(texts) => texts.len(),
        }
    }

    /// What identifies them; one pass over all of their bytes.
    pub fn fingerprint(&self) -> String {
        match self {
            Self::Images(images) => fingerprint(&**images),
            Self::Rows(rows) => fingerprint(&**rows),
            Self::Texts(texts) => fingerprint(&**texts),
        }
    }

    /// These items through preprocessing.
    ///
    /// # Errors
    /// If the preprocessing is of another modality, or of columns that a table has not.
    pub fn prepare(&self, preprocessing: &Preprocessing) -> Result<Inputs, DataError> {
        match (self, preprocessing) {
            (Self::Images(images), Preprocessing::Image(preprocess)) => {
                Ok(Inputs::Images(images.clone(), preprocess.clone()))
            }
            (Self::Rows(rows), Preprocessing::Row(pipeline)) => {
                Ok(Inputs::Rows(Arc::new(rows.through(pipeline)?)))
            }
            (Self::Texts(texts), Preprocessing::Text(preprocess)) => {
                Ok(Inputs::Texts(Texts::new(texts.clone(), preprocess.clone())))
            }
            (Self::Texts(_), _) => Err(mismatch(preprocessing, Modality::Text)),
            (Self::Images(_), _) => Err(mismatch(preprocessing, Modality::Image)),
            (Self::Rows(_), _) => Err(mismatch(preprocessing, Modality::Row)),
        }
    }
}

fn mismatch(preprocessing: &Preprocessing, got: Modality) -> DataError {
    DataError::Config {
        name: "data",
        expected: format!(
            "{}, which the model reads",
            preprocessing.modality().items()
        ),
        got: got.items().into(),
    }
}

/// What makes items the input of a model; written as `preprocessing.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Preprocessing {
    /// Of images.
    Image(Preprocess),
    /// Of the rows of a table.
    Row(ColumnPipeline),
    /// Of texts.
    Text(TextPreprocess),
}

impl<'de> Deserialize<'de> for Preprocessing {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let value = serde_json::Value::deserialize(deserializer)?;
        // Told apart by hand, so that what is wrong with either is said.
        match value {
            value if value.get("columns").is_some() => serde_json::from_value(value).map(Self::Row),
            value if value.get("tokeniser").is_some() => {
                serde_json::from_value(value).map(Self::Text)
            }
            value => serde_json::from_value(value).map(Self::Image),
        }
        .map_err(D::Error::custom)
    }
}

impl Preprocessing {
    /// What it is for.
    pub fn modality(&self) -> Modality {
        match self {
            Self::Image(_) => Modality::Image,
            Self::Row(_) => Modality::Row,
            Self::Text(_) => Modality::Text,
        }
    }

    /// What transparent pixels are laid over; black for models that were made before it could be chosen.
    pub fn background(&self) -> Background {
        let own = match self {
            Self::Image(preprocess) => preprocess.background,
            _ => None,
        };
        own.unwrap_or(Background::BLACK)
    }

    /// The shape that it gives an item.
    pub fn shape(&self) -> InputShape {
        match self {
            Self::Image(preprocess) => InputShape::Image(ImageShape {
                channels: preprocess.channels,
                size: preprocess.size.0,
            }),
            Self::Row(pipeline) => InputShape::Row {
                columns: pipeline.width(),
            },
            Self::Text(preprocess) => InputShape::Text {
                vocabulary: preprocess.special().vocabulary as usize,
                length: preprocess.length(),
            },
        }
    }
}

/// Items with the preprocessing that makes them a model's input.
pub enum Inputs {
    /// Images.
    Images(Arc<dyn ImageSource>, Preprocess),
    /// Rows that went through it.
    Rows(Arc<TableRows>),
    /// Texts.
    Texts(Texts),
}

impl Inputs {
    /// The same, with a folder for what is worth keeping from one session to the next.
    pub fn cached_in(self, folder: &Path) -> Self {
        match self {
            Self::Texts(texts) => Self::Texts(texts.cached_in(folder)),
            other => other,
        }
    }

    /// Batches of random views of some items. Rows are corrupted by values of these same rows.
    ///
    /// # Errors
    /// Fewer items than a batch, or a view's setting out of its range.
    ///
    /// # Panics
    /// If the items have no such views.
    pub fn loader(
        &self,
        items: &[usize],
        views: Views,
        recipe: &ViewsRecipe,
        config: LoaderConfig,
    ) -> Result<Loader, DataError> {
        match self {
            Self::Images(images, preprocess) => {
                let subset = Arc::new(Subset::new(images.clone(), items.to_vec()));
                let (augment, preprocess) = (recipe.images()?, preprocess.clone());
                match views {
                    Views::Two => {
                        let view = TwoViews {
                            augment,
                            preprocess,
                        };
                        Loader::new(subset, view, ViewCollate, config)
                    }
                    Views::One => {
                        let view = OneView {
                            augment: Some(augment),
                            preprocess,
                        };
                        Loader::new(subset, view, ViewCollate, config)
                    }
                    Views::Tagged | Views::Question | Views::Sequences(_) => {
                        panic!("images are no sequences of tokens")
                    }
                }
            }
            Self::Rows(rows) => {
                let subset = Arc::new(Subset::new(rows.clone(), items.to_vec()));
                match views {
                    Views::Two => {
                        let view = SwapViews {
                            noise: recipe.rows()?,
                            table: Arc::new(rows.matrix(items)?),
                        };
                        Loader::new(subset, view, ViewCollate, config)
                    }
                    Views::One => Loader::new(subset, PlainRow, ViewCollate, config),
                    Views::Tagged | Views::Question | Views::Sequences(_) => {
                        panic!("rows are no sequences of tokens")
                    }
                }
            }
            Self::Texts(texts) => texts.loader(items, views, recipe.texts(), config),
        }
    }

    /// The first `most` of what an objective eats of some items, in batches of at most `config.batch`, in order: the same in every run.
    ///
    /// # Errors
    /// As [`loader`](Self::loader).
    pub fn batches(
        &self,
        items: &[usize],
        views: Views,
        recipe: &ViewsRecipe,
        config: LoaderConfig,
        most: usize,
    ) -> Result<Vec<PlainBatch>, DataError> {
        let count = match (self, views) {
            (Self::Texts(texts), Views::Sequences(pretext)) => {
                texts.sequences(items, pretext, config.max_bad)?
            }
            _ => items.len(),
        };
        let batch = config.batch.min(count);
        let config = LoaderConfig {
            batch,
            seed: 0,
            shuffle: false,
            ..config
        };
        let mut loader = self.loader(items, views, recipe, config)?;
        let batches = count.min(most) / batch.max(1);
        (0..batches.max(1)).map(|_| loader.next_batch()).collect()
    }

    /// Reads items for evaluation, without random views; those that cannot be read are left out and named.
    ///
    /// # Errors
    /// If none can be read.
    pub fn load(&self, items: &[usize]) -> Result<(LabelledItems, Vec<Skipped>), DataError> {
        let (loaded, skipped) = self.load_some(items)?;
        loaded.check_readable(&skipped)?;
        Ok((loaded, skipped))
    }

    /// As [`load`](Self::load), of a part of the items: perhaps none can be read.
    ///
    /// # Errors
    /// An item without a label.
    pub fn load_some(&self, items: &[usize]) -> Result<(LabelledItems, Vec<Skipped>), DataError> {
        match self {
            Self::Images(images, preprocess) => {
                let view = OneView {
                    augment: None,
                    preprocess: preprocess.clone(),
                };
                LabelledItems::read(&**images, items, &view, &ViewCollate)
            }
            Self::Rows(rows) => LabelledItems::read(&**rows, items, &PlainRow, &ViewCollate),
            Self::Texts(texts) => {
                LabelledItems::read(texts.tokens(), items, &PlainTokens, &texts.collate(1))
            }
        }
    }

    /// A batch of those of a range that can be read, and for each whether it could, or why not.
    pub fn read(&self, range: Range<usize>) -> (Option<PlainBatch>, Vec<Result<(), String>>) {
        match self {
            Self::Images(images, preprocess) => {
                let view = OneView {
                    augment: None,
                    preprocess: preprocess.clone(),
                };
                read(&**images, range, &view, &ViewCollate)
            }
            Self::Rows(rows) => read(&**rows, range, &PlainRow, &ViewCollate),
            Self::Texts(texts) => read(texts.tokens(), range, &PlainTokens, &texts.collate(1)),
        }
    }
}

fn read<I, D, V>(
    dataset: &D,
    range: Range<usize>,
    view: &V,
    collate: &impl Collate<V::Out>,
) -> (Option<PlainBatch>, Vec<Result<(), String>>)
where
    D: Dataset<I, DataError> + ?Sized,
    V: View<I>,
{
    let one = |index: usize| match dataset.get(index) {
        Ok(item) => Ok(view.apply(item, SampleRng::new(0, 0, index as u64, SampleRng::VIEW))),
        Err(error) => Err(error.to_string()),
    };
    let read: Vec<Result<V::Out, String>> = range.into_par_iter().map(one).collect();
    let (mut samples, mut outcomes) = (Vec::new(), Vec::with_capacity(read.len()));
    for item in read {
        outcomes.push(item.map(|sample| samples.push(sample)));
    }
    let batch = (!samples.is_empty()).then(|| collate.collate(samples));
    (batch, outcomes)
}
