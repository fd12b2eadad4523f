//! The images of a recipe: opened, split, and ready for training and evaluation.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tinderbox::data::cifar::{self, CifarKind};
use tinderbox::data::{
    DataError, ImageFolder, ImageFolderConfig, ImageItem, ImageSource, Joined, Preprocess, digits,
    fingerprint, idx, stratified_split, stratified_subset,
};

use crate::recipe::{DataRecipe, DataSource, Labels};

/// The split into training and test part is the same for every seed of a run.
const SPLIT_SEED: u64 = 0;
/// Images that normalisation is fitted to at most, evenly spread over the training part.
const FIT_ITEMS: usize = 10_000;
/// Images that are tried, to find one that can be read, for the size of all.
const PROBED: usize = 100;

/// A data set with its split.
pub struct Images {
    /// All images.
    pub dataset: Arc<dyn ImageSource>,
    /// Items to pre-train on, ascending: all that are not in `test`.
    pub train: Vec<usize>,
    /// Those of `train` that have a label.
    pub labelled: Vec<usize>,
    /// Items held out, all with a label; none if there are fewer than two classes.
    pub test: Vec<usize>,
    /// Names of the classes; fewer than two if labels are of no use.
    pub classes: Vec<String>,
    /// What `data.size` and `data.channels` come to.
    pub shape: ImageShape,
    max_bad: usize,
}

/// What images are made into before a network sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageShape {
    /// Channels, 1 or 3.
    pub channels: usize,
    /// Height and width.
    pub size: usize,
}

impl Images {
    /// Opens the data of a recipe and splits it by its labels.
    ///
    /// # Errors
    /// If it cannot be read, is empty, or has no size of its own and the recipe gives none.
    pub fn open(recipe: &DataRecipe) -> Result<Self, DataError> {
        let dataset = open(recipe, recipe.channels)?;
        let shape = shape(recipe, &*dataset)?;
        // Files are converted when they are read, so that all have the channels of the first.
        let convert = recipe.source == DataSource::Folder && recipe.channels.is_none();
        let channels = if convert {
            Some(shape.channels)
        } else {
            recipe.channels
        };
        let dataset = match convert {
            true => open(recipe, channels)?,
            false => dataset,
        };
        // Items from here on are those of the test set.
        let own = dataset.len();
        let dataset = match recipe.of_test() {
            Some(test) => Arc::new(Joined::new(dataset, open(&test, channels)?)?),
            None => dataset,
        };
        let usable = recipe.labels != Labels::Own(false) && dataset.class_names().len() > 1;
        let (with_label, without): (Vec<usize>, Vec<usize>) =
            (0..own).partition(|index| usable && dataset.label(*index).is_some());
        let (labelled, test) = if own < dataset.len() {
            let test = own..dataset.len();
            let test = test.filter(|index| usable && dataset.label(*index).is_some());
            (with_label, test.collect())
        } else {
            let labels: Vec<u32> = with_label
                .iter()
                .filter_map(|i| dataset.label(*i))
                .collect();
            let split = stratified_split(&labels, recipe.test_share, SPLIT_SEED);
            let pick = |part: &[usize]| part.iter().map(|&i| with_label[i]).collect::<Vec<usize>>();
            (pick(&split.train), pick(&split.test))
        };
        let mut train = [labelled.clone(), without].concat();
        train.sort_unstable();
        Ok(Self {
            train,
            labelled,
            test,
            classes: if usable {
                dataset.class_names().to_vec()
            } else {
                Vec::new()
            },
            shape,
            max_bad: recipe.max_bad,
            dataset,
        })
    }

    /// Whether there is something to evaluate on: labels of two classes or more, on both sides.
    pub fn has_labels(&self) -> bool {
        self.classes.len() > 1 && !self.test.is_empty() && !self.labelled.is_empty()
    }

    /// Whether there are labels, or an error that says what is lacking.
    ///
    /// # Errors
    /// [`DataError::Config`] without labels of at least two classes.
    pub fn require_labels(&self) -> Result<(), DataError> {
        if self.has_labels() {
            return Ok(());
        }
        Err(DataError::Config {
            name: "data.labels",
            expected: "labels of at least 2 classes, with 2 items or more in one of them".into(),
            got: format!(
                "{} classes over {} items, {} of them labelled",
                self.dataset.class_names().len(),
                self.dataset.len(),
                (0..self.dataset.len())
                    .filter(|i| self.dataset.label(*i).is_some())
                    .count()
            ),
        })
    }

    /// Fits normalisation to the training part.
    ///
    /// # Errors
    /// If too many images cannot be read.
    pub fn fit(&self) -> Result<Preprocess, DataError> {
        let stride = self.train.len().div_ceil(FIT_ITEMS).max(1);
        let some: Vec<usize> = self.train.iter().copied().step_by(stride).collect();
        let ImageShape { channels, size } = self.shape;
        Preprocess::fit(&*self.dataset, &some, (size, size), channels, self.max_bad)
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
        let labels: Vec<u32> = items
            .iter()
            .map(|&index| self.dataset.label(index).unwrap_or(u32::MAX))
            .collect();
        let positions: Vec<usize> = (0..items.len()).collect();
        let chosen = stratified_subset(&labels, &positions, share, seed);
        chosen.into_iter().map(|position| items[position]).collect()
    }

    /// What identifies the data; one pass over all of its bytes.
    pub fn fingerprint(&self) -> String {
        fingerprint(&*self.dataset)
    }
}

impl std::fmt::Debug for Images {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Images")
            .field("train", &self.train.len())
            .field("test", &self.test.len())
            .field("classes", &self.classes)
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

/// The data set of a recipe, unsplit, its images converted to `channels` where they are files.
///
/// # Errors
/// If it cannot be read or is empty.
pub fn open(
    recipe: &DataRecipe,
    channels: Option<usize>,
) -> Result<Arc<dyn ImageSource>, DataError> {
    let path = recipe.path.clone().unwrap_or_default();
    Ok(match recipe.source {
        DataSource::Digits => Arc::new(digits()),
        DataSource::Idx => {
            let labels = match &recipe.labels {
                Labels::File(labels) => Some(labels.as_path()),
                Labels::Own(_) => None,
            };
            Arc::new(idx::read(&path, labels)?)
        }
        DataSource::Cifar10 => Arc::new(read_cifar(&path, CifarKind::C10)?),
        DataSource::Cifar100 => Arc::new(read_cifar(&path, CifarKind::C100)?),
        DataSource::Folder => {
            let config = ImageFolderConfig {
                labels: recipe.labels != Labels::Own(false),
                channels,
                ..ImageFolderConfig::default()
            };
            Arc::new(ImageFolder::open(&path, config)?)
        }
    })
}

/// A file of CIFAR, or all files with the published names in a folder.
fn read_cifar(path: &Path, kind: CifarKind) -> Result<tinderbox::data::InMemoryImages, DataError> {
    if !path.is_dir() {
        return cifar::read_binary(&[path], kind);
    }
    let names: &[&str] = match kind {
        CifarKind::C10 => &[
            "data_batch_1.bin",
            "data_batch_2.bin",
            "data_batch_3.bin",
            "data_batch_4.bin",
            "data_batch_5.bin",
            "test_batch.bin",
        ],
        CifarKind::C100 => &["train.bin", "test.bin"],
    };
    let files: Vec<PathBuf> = names
        .iter()
        .map(|name| path.join(name))
        .filter(|path| path.is_file())
        .collect();
    if files.is_empty() {
        return Err(DataError::Empty {
            path: path.to_path_buf(),
            what: names[0],
            ignored: std::fs::read_dir(path).map_or(0, Iterator::count),
        });
    }
    cifar::read_binary(&files, kind)
}

/// Size and channels by the recipe, or by the first image that can be read.
fn shape(recipe: &DataRecipe, dataset: &dyn ImageSource) -> Result<ImageShape, DataError> {
    if let (Some(size), Some(channels)) = (recipe.size, recipe.channels) {
        return Ok(ImageShape { channels, size });
    }
    let mut reasons = Vec::new();
    for index in 0..dataset.len().min(PROBED) {
        let image = match dataset.get(index) {
            Ok(ImageItem { image, .. }) => image,
            Err(error) => {
                reasons.push(error.to_string());
                continue;
            }
        };
        if recipe.size.is_none() && image.height != image.width {
            return Err(DataError::Config {
                name: "data.size",
                expected: "a side to resize to, because images are not square".into(),
                got: format!(
                    "none; {} has {} x {}",
                    dataset.id(index),
                    image.width,
                    image.height
                ),
            });
        }
        return Ok(ImageShape {
            channels: recipe
                .channels
                .unwrap_or(if image.channels >= 3 { 3 } else { 1 }),
            size: recipe.size.unwrap_or(image.height),
        });
    }
    reasons.truncate(3);
    Err(DataError::NothingReadable {
        items: dataset.len().min(PROBED),
        reasons,
    })
}

#[cfg(test)]
mod tests {
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
        let images = Images::open(&digits_recipe()).unwrap();
        assert_eq!(
            images.shape,
            ImageShape {
                channels: 1,
                size: 8
            }
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
    fn without_labels_everything_is_trained_on() {
        let recipe = DataRecipe {
            labels: Labels::Own(false),
            ..digits_recipe()
        };
        let images = Images::open(&recipe).unwrap();
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
        let images = Images::open(&DataRecipe::folder(folder.path())).unwrap();
        assert_eq!(
            images.shape,
            ImageShape {
                channels: 3,
                size: 6
            }
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
        let images = Images::open(&recipe).unwrap();
        assert_eq!(images.train, [0, 1, 2, 3]);
        assert_eq!(images.test.len(), 1);
        let test = images.test[0];
        assert_eq!(images.dataset.label(test), Some(1));
        assert_eq!(images.dataset.id(test), "test/b/7.png");
        write_images(folder.path(), &["val/c/1.png"], (6, 6));
        let error = Images::open(&recipe).unwrap_err().to_string();
        assert!(error.contains("the class c"), "{error}");
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let open = || {
            Images::open(&DataRecipe::folder(folder.path()))
                .unwrap_err()
                .to_string()
        };
        assert!(open().contains("no PNG or JPEG files found"));
        write_images(folder.path(), &["wide.png"], (8, 6));
        assert!(open().contains("wide.png has 8 x 6"));
        std::fs::write(folder.path().join("wide.png"), b"no picture").unwrap();
        assert!(open().contains("none of the 1 items can be read"));
    }
}
