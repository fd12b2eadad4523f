//! The data of a recipe: opened, split, and ready for training and evaluation.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use burn::data::dataset::Dataset;
use rayon::prelude::*;
use tinderbox::data::table::{TableItems, TableOptions};
use tinderbox::data::text::DocumentSource;
use tinderbox::data::{
    Background, DataError, Labelled, Ledger, Preprocess, Remark, SplitFolders, group_split,
    split_folders, spread, spread_split, stratified_split, stratified_subset,
};

use crate::encoder::{ImageShape, InputShape, Modality};
use crate::inputs::{Items, Preprocessing, Target, Views};
use crate::recipe::{DataRecipe, DataSource, Labels};
use crate::{images, texts};

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
        let of_model = DataRecipe {
            background: fitted.map(Preprocessing::background).or(recipe.background),
            ..recipe.clone()
        };
        let recipe = &of_model;
        let mut ledger = Ledger::default();
        let (items, own, image) = match recipe.modality() {
            Modality::Text => {
                let (texts, own) = texts::open_all(recipe)?;
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
        let (labelled, test) = if own < items.count() {
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
        let held_out = pick(held.test);
        let train = pick(held.train);
        let classes = match usable {
            true => labels.class_names().to_vec(),
            false => Vec::new(),
        };
        let fitted = match &items {
            Items::Images(_) => None,
            Items::Rows(rows) => Some(match fitted {
                Some(fitted) => {
                    if let Preprocessing::Row(pipeline) = fitted {
                        rows.bind(pipeline)?;
                    }
                    fitted.clone()
                }
                None => Preprocessing::Row(rows.fit(recipe.columns.as_ref(), &train)?),
            }),
            Items::Texts(texts) => Some(match (fitted, &recipe.tokens) {
                (Some(fitted), _) => fitted.clone(),
                (None, tokens) => {
                    let tokens = tokens.as_ref().expect("texts have tokens");
                    Preprocessing::Text(texts::fit(&**texts, &train, tokens)?)
                }
            }),
        };
        let shape = match (image, &fitted) {
            (Some(shape), _) => InputShape::Image(shape),
            (None, fitted) => fitted.as_ref().expect("these were fitted").shape(),
        };
        let mut all = items.labelled().ledger();
        all.extend(ledger);
        all.add(images::left_out(own, used.len()));
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

/// The class of an item that can be learnt from.
fn class(labels: &dyn Labelled, target: Target, index: usize) -> Option<u32> {
    match target {
        Target::Items => labels.label(index),
        // All sentences have words with tags, and all questions answers: none has a label that would tell it from another.
        Target::Words | Target::Answers => Some(0),
    }
}

/// Splits items with labels: groups, and the questions about a text, stay together; else each class keeps its share.
fn split(
    items: &Items,
    recipe: &DataRecipe,
    chosen: &[usize],
    share: f64,
    seed: u64,
) -> Result<(Vec<usize>, Vec<usize>), DataError> {
    let labels = items.labelled();
    let split = match (items, recipe.source.target()) {
        _ if recipe.group.is_some() => group_split(&groups(labels, chosen)?, share, seed),
        (Items::Texts(texts), Target::Answers) => {
            group_split(&texts_of_questions(&**texts, chosen), share, seed)
        }
        (_, target) => {
            let classes = chosen.iter().filter_map(|&i| class(labels, target, i));
            stratified_split(&classes.collect::<Vec<u32>>(), share, seed)
        }
    };
    let pick = |part: &[usize]| part.iter().map(|&i| chosen[i]).collect::<Vec<usize>>();
    Ok((pick(&split.train), pick(&split.test)))
}

/// The groups of some items, as numbers; an item without one is a group of its own.
fn groups(labels: &dyn Labelled, items: &[usize]) -> Result<Vec<u64>, DataError> {
    let mut any = false;
    let group = |&index: &usize| {
        let mut hasher = DefaultHasher::new();
        let group = labels.group(index);
        any |= group.is_some();
        match group {
            Some(group) => group.hash(&mut hasher),
            None => index.hash(&mut hasher),
        }
        hasher.finish()
    };
    let groups = items.iter().map(group).collect();
    match any {
        true => Ok(groups),
        false => Err(DataError::Config {
            name: "data.group",
            expected: "groups, such as folders below those of the classes".into(),
            got: format!("set, but none of {} items has one", items.len()),
        }),
    }
}

/// What tells the texts apart that some questions are about: no text is to be both trained on and tested with.
fn texts_of_questions(questions: &dyn DocumentSource, items: &[usize]) -> Vec<u64> {
    let text = |index: &usize| {
        let document = questions.get(*index).ok()?;
        let mut hasher = DefaultHasher::new();
        document.second.hash(&mut hasher);
        Some(hasher.finish())
    };
    items
        .par_iter()
        .map(|item| text(item).unwrap_or_default())
        .collect()
}

/// The items of a recipe, unsplit and without a test set of their own.
///
/// # Errors
/// If they cannot be read or are none.
pub fn open_unsplit(recipe: &DataRecipe) -> Result<Items, DataError> {
    Ok(match recipe.modality() {
        Modality::Text => Items::Texts(texts::open(recipe)?),
        Modality::Row => Items::Rows(Arc::new(read_table(recipe)?)),
        Modality::Image => Items::Images(images::open(recipe, recipe.channels)?),
    })
}

/// The rows of a recipe, the test set's behind the others, and how many are not the test set's.
fn open_table(recipe: &DataRecipe) -> Result<(TableItems, usize), DataError> {
    let rows = read_table(recipe)?;
    let own = rows.len();
    let rows = match recipe.of_test() {
        Some(test) => rows.join(read_table(&test)?)?,
        None => rows,
    };
    Ok((rows, own))
}

fn read_table(recipe: &DataRecipe) -> Result<TableItems, DataError> {
    let path = recipe.path.clone().unwrap_or_default();
    let labels = match &recipe.labels {
        Labels::Column(column) => Some(column.as_str()),
        Labels::Own(_) | Labels::File(_) => None,
    };
    TableItems::read(&path, &TableOptions::default(), labels)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::recipe::RecipeFile;

    fn digits_recipe() -> DataRecipe {
        RecipeFile::find("simclr-digits")
            .unwrap()
            .resolve(&[])
            .unwrap()
            .data
    }

    fn write_images(folder: &Path, names: &[&str], side: (u32, u32)) {
        for name in names {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            image::RgbImage::from_pixel(side.0, side.1, image::Rgb([9, 9, 9]))
                .save(path)
                .unwrap();
        }
    }

    #[test]
    fn digits_are_split_once_and_for_all() {
        let images = DataSet::open(&digits_recipe(), None).unwrap();
        assert_eq!(
            images.shape,
            InputShape::Image(ImageShape {
                channels: 1,
                size: 8
            })
        );
        assert_eq!((images.train.len(), images.test.len()), (1198, 599));
        assert_eq!(images.labelled, images.train);
        assert!(
            images
                .train
                .iter()
                .all(|index| !images.test.contains(index))
        );
        assert_eq!(images.subset(&images.labelled, 0.01, 3).len(), 12);
        let (train, test) = images.evaluation_parts(100);
        assert!(train.len() <= 100 && test.len() <= 100 && train.len() >= 90);
    }

    #[test]
    fn the_share_held_out_is_the_share_that_was_asked_for() {
        for (share, held) in [(0.4, 719), (0.05, 90), (0.3, 539), (0.0, 0)] {
            let recipe = DataRecipe {
                labels: Labels::Own(false),
                held_out: share,
                ..digits_recipe()
            };
            let images = DataSet::open(&recipe, None).unwrap();
            let counts = (images.held_out.len(), images.train.len());
            assert_eq!(counts, (held, 1797 - held), "{share}");
            assert!(
                images
                    .held_out
                    .iter()
                    .all(|item| !images.train.contains(item))
            );
        }
    }

    #[test]
    fn without_labels_everything_is_trained_on() {
        let recipe = DataRecipe {
            labels: Labels::Own(false),
            ..digits_recipe()
        };
        let images = DataSet::open(&recipe, None).unwrap();
        assert_eq!((images.train.len(), images.test.len()), (1797, 0));
        let error = images.require_labels().unwrap_err().to_string();
        assert!(error.contains("at least 2 classes"), "{error}");
    }

    #[test]
    fn a_folder_gives_size_and_classes() {
        let folder = tempfile::tempdir().unwrap();
        let names = [
            "a/1.png",
            "a/2.png",
            "a/3.png",
            "b/1.png",
            "b/2.png",
            "b/3.png",
            "loose.png",
        ];
        write_images(folder.path(), &names, (6, 6));
        let images = DataSet::open(&DataRecipe::folder(folder.path()), None).unwrap();
        assert_eq!(
            images.shape,
            InputShape::Image(ImageShape {
                channels: 3,
                size: 6
            })
        );
        assert_eq!(images.classes, ["a", "b"]);
        assert_eq!(
            (images.labelled.len(), images.test.len(), images.train.len()),
            (4, 2, 5)
        );
        assert!(images.has_labels());
    }

    #[test]
    fn a_test_set_of_its_own_is_held_out_whole() {
        let folder = tempfile::tempdir().unwrap();
        let names = [
            "train/a/1.png",
            "train/a/2.png",
            "train/b/1.png",
            "train/b/2.png",
        ];
        write_images(folder.path(), &names, (6, 6));
        write_images(folder.path(), &["val/b/7.png", "val/loose.png"], (6, 6));
        let recipe = DataRecipe {
            test_path: Some(folder.path().join("val")),
            ..DataRecipe::folder(folder.path().join("train"))
        };
        let images = DataSet::open(&recipe, None).unwrap();
        assert_eq!(images.train, [0, 1, 2, 3]);
        assert_eq!(images.test.len(), 1);
        let test = images.test[0];
        assert_eq!(images.items.labelled().label(test), Some(1));
        assert_eq!(images.items.labelled().id(test), "test/b/7.png");
        write_images(folder.path(), &["val/c/1.png"], (6, 6));
        let error = DataSet::open(&recipe, None).unwrap_err().to_string();
        assert!(error.contains("the class c"), "{error}");
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let open = || {
            DataSet::open(&DataRecipe::folder(folder.path()), None)
                .unwrap_err()
                .to_string()
        };
        assert!(open().contains("no PNG, JPEG, GIF, WebP or BMP files found"));
        write_images(folder.path(), &["wide.png"], (8, 6));
        assert!(open().contains("wide.png has 8 x 6"));
        std::fs::write(folder.path().join("wide.png"), b"no picture").unwrap();
        assert!(open().contains("none of the 1 items can be read"));
    }
}
