//! The data of a recipe: opened, split, and ready for training and evaluation.

use std::sync::Arc;

use burn::data::dataset::Dataset;
use tinderbox::data::table::{NotUtf8, TableItems, check_classes};
use tinderbox::data::{
    Background, DataError, Ledger, Preprocess, Remark, SplitFolders, group_split, split_folders,
    spread, spread_split, stratified_subset,
};

use crate::encoder::{ImageShape, InputShape, Modality};
use crate::equal_items::equal_items;
use crate::inputs::{Items, Preprocessing, Target, Views};
use crate::recipe::{DataRecipe, DataSource, Labels};
use crate::split::{class, groups, split};
use crate::{images, text_source};

/// The split into training and test part is the same for every seed of a run.
const SPLIT_SEED: u64 = 0;
/// Images that normalisation is fitted to at most, evenly spread over the training part.
const FIT_ITEMS: usize = 10_000;

/// A data set with its split.
pub struct DataSet {
    /// All items.
    pub items: Items,
    /// Items to pre-train on, ascending: all that are in neither `test` nor `held_out`.
    pub train: Vec<usize>,
    /// Items that have a label, words with tags or answers, and are not in `test`.
    pub labelled: Vec<usize>,
    /// Items held out, all with a label, tags or answers; none if there are fewer than two classes.
    pub test: Vec<usize>,
    /// Items held out of pre-training alone, to measure its loss on.
    pub held_out: Vec<usize>,
    /// Names of the classes; fewer than two if labels are of no use, and none of questions.
    pub classes: Vec<String>,
    /// The shape of an item as a model reads it.
    pub shape: InputShape,
    /// What is not used as it was given: by the source, by the split, by preprocessing.
    pub ledger: Ledger,
    /// What transparent pixels of images are laid over.
    background: Background,
    /// The preprocessing of rows and texts, which tells their shape.
    fitted: Option<Preprocessing>,
    /// What can be learnt from it.
    target: Target,
    max_bad: usize,
}

impl DataSet {
    /// Opens the data of a recipe and splits it by its labels. `fitted` is the preprocessing of a model that is to read it.
    ///
    /// # Errors
    /// If it cannot be read, is empty, has no shape of its own and the recipe gives none, or is of another modality than `fitted`.
    pub fn open(recipe: &DataRecipe, fitted: Option<&Preprocessing>) -> Result<Self, DataError> {
        Self::read(recipe, fitted, true)
    }

    /// The same for a verb that does not show the ledger, which stays empty: what it takes to fill it is not done.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn reopen(recipe: &DataRecipe, fitted: Option<&Preprocessing>) -> Result<Self, DataError> {
        Self::read(recipe, fitted, false)
    }

    fn read(
        recipe: &DataRecipe,
        fitted: Option<&Preprocessing>,
        tell: bool,
    ) -> Result<Self, DataError> {
        let of_model = DataRecipe {
            background: fitted.map(Preprocessing::background).or(recipe.background),
            ..recipe.clone()
        };
        let recipe = &of_model;
        let mut ledger = Ledger::default();
        let (items, own, image) = match recipe.modality() {
            Modality::Text => {
                let (texts, own) = text_source::open_all(recipe)?;
                (Items::Texts(texts), own, None)
            }
            Modality::Row => {
                let (rows, own) = open_table(recipe)?;
                (Items::Rows(Arc::new(rows)), own, None)
            }
            Modality::Image => {
                let opened = images::open_all(recipe)?;
                ledger = opened.ledger;
                (Items::Images(opened.images), opened.own, Some(opened.shape))
            }
        };
        let labels = items.labelled();
        if let (DataSource::Table, Labels::Column(column)) = (recipe.source, &recipe.labels) {
            check_classes(labels, items.count(), column, recipe.columns.as_ref())?;
        }
        let target = recipe.source.target();
        let usable = target == Target::Answers || labels.class_names().len() > 1;
        let usable = usable && recipe.labels != Labels::Own(false);
        if usable {
            refuse_split(recipe, labels.class_names())?;
        }
        let used = match recipe.limit {
            Some(limit) => spread(own, limit),
            None => (0..own).collect(),
        };
        let (with_label, without): (Vec<usize>, Vec<usize>) = used
            .iter()
            .partition(|index| usable && class(labels, target, **index).is_some());
        let lacks_label = |index: &&usize| match &items {
            Items::Rows(rows) => rows.row(**index).is_ok(),
            _ => true,
        };
        let unlabelled = match usable {
            true => without.iter().filter(lacks_label).count(),
            false => 0,
        };
        let (mut labelled, test) = if own < items.count() {
            let test = own..items.count();
            let test = test.filter(|index| usable && class(labels, target, *index).is_some());
            (with_label, test.collect())
        } else {
            split(&items, recipe, &with_label, recipe.test_share, SPLIT_SEED)?
        };
        let mut train = [labelled.clone(), without].concat();
        train.sort_unstable();
        let held = match recipe.group {
            // No group is on both sides of this split either.
            Some(_) if recipe.held_out > 0.0 => {
                group_split(&groups(labels, &train)?, recipe.held_out, SPLIT_SEED)
            }
            _ => spread_split(train.len(), recipe.held_out),
        };
        let pick = |places: Vec<usize>| places.iter().map(|&p| train[p]).collect::<Vec<usize>>();
        let mut held_out = pick(held.test);
        let mut train = pick(held.train);
        let classes = match usable {
            true => labels.class_names().to_vec(),
            false => Vec::new(),
        };
        let of_a_model = fitted.is_some();
        let mut of_fit = Ledger::default();
        let fitted = match &items {
            Items::Images(_) => None,
            Items::Rows(rows) => Some(match fitted {
                Some(fitted) => fitted.clone(),
                None => {
                    let fit = rows.fit(recipe.columns.as_ref(), &train)?;
                    of_fit = fit.ledger;
                    Preprocessing::Row(fit.pipeline)
                }
            }),
            Items::Texts(texts) => Some(match (fitted, &recipe.tokens) {
                (Some(fitted), _) => fitted.clone(),
                (None, tokens) => {
                    let tokens = tokens.as_ref().expect("texts have tokens");
                    Preprocessing::Text(text_source::fit(&**texts, &train, tokens)?)
                }
            }),
        };
        let rows = match (&items, &fitted) {
            (Items::Rows(rows), Some(Preprocessing::Row(pipeline))) => {
                Some(rows.through(pipeline)?)
            }
            _ => None,
        };
        if let Some(rows) = &rows {
            if of_a_model {
                let why = train.iter().filter_map(|row| rows.refused(*row));
                let why: Vec<String> = why.map(ToString::to_string).collect();
                let becomes = "are left out of training: the model cannot read them";
                of_fit.add(
                    Remark::new("rows", why.len(), becomes)
                        .of(train.len())
                        .examples(why),
                );
            }
            for part in [&mut train, &mut labelled, &mut held_out] {
                part.retain(|row| rows.refused(*row).is_none());
            }
        }
        let shape = match (image, &fitted) {
            (Some(shape), _) => InputShape::Image(shape),
            (None, fitted) => fitted.as_ref().expect("these were fitted").shape(),
        };
        let mut all = Ledger::default();
        if tell {
            all.extend(match (&items, &fitted) {
                (Items::Texts(texts), Some(Preprocessing::Text(text))) => {
                    text_source::ledger(texts, text, target)
                }
                _ => items.labelled().ledger(),
            });
            all.extend(ledger);
            all.add(images::left_out(own, used.len()));
            all.extend(of_fit);
            all.add(equal_items(&items, rows.as_ref(), &train, &test));
            let becomes =
                "have no label: no label is learnt from them, and nothing is measured with them";
            all.add(Remark::new("items", unlabelled, becomes).of(used.len()));
        }
        Ok(Self {
            items,
            train,
            labelled,
            test,
            held_out,
            classes,
            shape,
            background: recipe.background.unwrap_or_default(),
            ledger: all,
            fitted,
            target,
            max_bad: recipe.max_bad,
        })
    }

    /// What can be learnt from it.
    pub fn target(&self) -> Target {
        self.target
    }

    /// Splits items with labels as the test part is split off, into those to train on and those to validate with: a share of them, or none if
    /// either part would be empty.
    ///
    /// # Errors
    /// [`DataError::Config`] if the groups of the recipe are none.
    pub fn hold_out(
        &self,
        recipe: &DataRecipe,
        items: Vec<usize>,
        share: f64,
        seed: u64,
    ) -> Result<(Vec<usize>, Vec<usize>), DataError> {
        let (train, held_out) = split(&self.items, recipe, &items, share, seed)?;
        Ok(match train.is_empty() || held_out.is_empty() {
            true => (items, Vec::new()),
            false => (train, held_out),
        })
    }

    /// Whether there is something to evaluate on: labels of two classes or more, on both sides.
    pub fn has_labels(&self) -> bool {
        self.has(Target::Items)
    }

    /// Whether this can be learnt and evaluated: there are examples on both sides, and of classes two or more.
    pub fn has(&self, target: Target) -> bool {
        let different = target == Target::Answers || self.classes.len() > 1;
        let both = !self.test.is_empty() && !self.labelled.is_empty();
        self.target == target && different && both
    }

    /// Whether what it offers can be learnt and evaluated.
    pub fn has_target(&self) -> bool {
        self.has(self.target)
    }

    /// Whether there is what an objective learns from that eats these views, or an error that says what is lacking.
    ///
    /// # Errors
    /// [`DataError::Config`] without labels, or tags of words, of at least two classes, or without two questions.
    pub fn require(&self, views: Views) -> Result<(), DataError> {
        let count = self.items.count();
        let (expected, got) = match views.target() {
            Some(Target::Items) => return self.require_labels(),
            Some(target) if !self.has(target) => match target {
                Target::Answers => (
                    "`labels = true`, and questions about 2 texts or more",
                    format!("{} of {count} held out", self.test.len()),
                ),
                _ => (
                    "tags of at least 2 classes, in 2 sentences or more",
                    format!("{} classes over {count} sentences", self.classes.len()),
                ),
            },
            _ => return Ok(()),
        };
        Err(DataError::Config {
            name: "data.labels",
            expected: expected.into(),
            got,
        })
    }

    /// Sees to it that contrast measures its loss on two held-out items or more: a single one that nobody asked for is trained on, and told.
    ///
    /// # Errors
    /// [`DataError::Config`] if `data.held_out` is named and holds out one item.
    pub fn hold_out_for_contrast(&mut self, recipe: &DataRecipe) -> Result<(), DataError> {
        let [single] = self.held_out[..] else {
            return Ok(());
        };
        let items = self.train.len() + 1;
        if !recipe.holds_out_by_default() {
            return Err(DataError::Config {
                name: "data.held_out",
                expected: "0, or a share of 2 items or more: contrast tells them from each other"
                    .into(),
                got: format!("{}, which is 1 of {items} items", recipe.held_out),
            });
        }
        self.held_out.clear();
        let place = self.train.partition_point(|index| *index < single);
        self.train.insert(place, single);
        let becomes = "would be held out, too few to tell from each other, and is trained on";
        self.ledger.add(
            Remark::new("items", 1, becomes)
                .of(items)
                .key("data.held_out"),
        );
        Ok(())
    }

    /// Whether there are labels, or an error that says what is lacking.
    ///
    /// # Errors
    /// [`DataError::Config`] without labels of at least two classes.
    pub fn require_labels(&self) -> Result<(), DataError> {
        if self.has_labels() {
            return Ok(());
        }
        let labels = self.items.labelled();
        let labelled = (0..self.items.count()).filter(|index| labels.label(*index).is_some());
        Err(DataError::Config {
            name: "data.labels",
            expected: "labels of at least 2 classes, with 2 items or more in one of them".into(),
            got: format!(
                "{} classes over {} items, {} of them labelled",
                labels.class_names().len(),
                self.items.count(),
                labelled.count()
            ),
        })
    }

    /// Preprocessing that is fitted to the training part.
    ///
    /// # Errors
    /// If too many items cannot be read.
    pub fn fit(&self) -> Result<Preprocessing, DataError> {
        match (&self.items, self.shape, &self.fitted) {
            (Items::Images(images), InputShape::Image(ImageShape { channels, size }), _) => {
                let stride = self.train.len().div_ceil(FIT_ITEMS).max(1);
                let some: Vec<usize> = self.train.iter().copied().step_by(stride).collect();
                let size = (size, size);
                let fitted = Preprocess::fit(&**images, &some, size, channels, self.max_bad)?;
                Ok(Preprocessing::Image(Preprocess {
                    background: Some(self.background),
                    ..fitted
                }))
            }
            (_, _, fitted) => Ok(fitted.clone().expect("rows were fitted when opened")),
        }
    }

    /// At most `items` of the labelled training part, and of the test part, stratified.
    pub fn evaluation_parts(&self, items: usize) -> (Vec<usize>, Vec<usize>) {
        let some = |part: &[usize]| {
            if part.len() <= items {
                return part.to_vec();
            }
            self.subset(part, items as f64 / part.len() as f64, SPLIT_SEED)
        };
        (some(&self.labelled), some(&self.test))
    }

    /// A stratified share of some labelled items.
    pub fn subset(&self, items: &[usize], share: f64, seed: u64) -> Vec<usize> {
        let all = self.items.labelled();
        let labels: Vec<u32> = items
            .iter()
            .map(|&index| all.label(index).unwrap_or(u32::MAX))
            .collect();
        let positions: Vec<usize> = (0..items.len()).collect();
        let chosen = stratified_subset(&labels, &positions, share, seed);
        chosen.into_iter().map(|position| items[position]).collect()
    }
}

impl std::fmt::Debug for DataSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataSet")
            .field("train", &self.train.len())
            .field("test", &self.test.len())
            .field("classes", &self.classes)
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

/// Refuses folders that are the parts of a split where classes are expected.
fn refuse_split(recipe: &DataRecipe, classes: &[String]) -> Result<(), DataError> {
    let (DataSource::Folder | DataSource::Text, Some(path)) = (recipe.source, &recipe.path) else {
        return Ok(());
    };
    let Some(split) = split_folders(classes.iter().map(String::as_str)) else {
        return Ok(());
    };
    let SplitFolders { train, test } = split;
    let below = |name: &str| path.join(name).display().to_string();
    Err(DataError::Config {
        name: "data.path",
        expected: format!(
            "one whose folders are classes: `data.path = \"{}\"` and `data.test_path = \"{}\"`, or `data.labels = false` to train on all",
            below(train),
            below(test)
        ),
        got: format!(
            "\"{}\", whose folders `{}` are the parts of a split",
            path.display(),
            classes.join("`, `")
        ),
    })
}

/// The items of a recipe, unsplit and without a test set of their own; with `blank_lines`, a blank line of a file of texts is one, too.
///
/// # Errors
/// If they cannot be read or are none.
pub fn open_unsplit(recipe: &DataRecipe, blank_lines: bool) -> Result<Items, DataError> {
    Ok(match recipe.modality() {
        Modality::Text => Items::Texts(text_source::open(recipe, blank_lines)?),
        Modality::Row => Items::Rows(Arc::new(read_table(recipe, NotUtf8::Replace)?)),
        Modality::Image => Items::Images(images::open(recipe, recipe.channels)?),
    })
}

/// The rows of a recipe, the test set's behind the others, and how many are not the test set's.
fn open_table(recipe: &DataRecipe) -> Result<(TableItems, usize), DataError> {
    let rows = read_table(recipe, NotUtf8::Replace)?;
    let own = rows.len();
    let rows = match recipe.of_test() {
        Some(mut test) => {
            test.reading.known = rows.table().columns().to_vec();
            rows.join(read_table(&test, NotUtf8::Replace)?)?
        }
        None => rows,
    };
    Ok((rows, own))
}

/// The table of a recipe, with its labels.
///
/// # Errors
/// If it cannot be read, or lacks the column of the labels.
pub fn read_table(recipe: &DataRecipe, not_utf8: NotUtf8) -> Result<TableItems, DataError> {
    let path = recipe.path.clone().unwrap_or_default();
    let labels = match &recipe.labels {
        Labels::Column(column) => Some(column.as_str()),
        Labels::Own(_) | Labels::File(_) => None,
    };
    let mut options = recipe.reading.options(not_utf8);
    if options.columns.is_empty() {
        let columns = recipe
            .columns
            .iter()
            .flat_map(|columns| columns.columns.keys());
        let named = columns.chain(&recipe.text).cloned();
        options.columns = named.chain(labels.map(str::to_owned)).collect();
    }
    TableItems::read(&path, &options, labels)
}

#[cfg(test)]
mod tests;
