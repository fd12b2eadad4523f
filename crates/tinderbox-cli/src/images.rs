//! Opening the images of a recipe.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tinderbox::data::cifar::{self, CifarKind};
use tinderbox::data::{
    DataError, DecodeLimits, ImageFolder, ImageFolderConfig, ImageItem, ImageList, ImageListConfig,
    ImageSource, ImageSurvey, Joined, Ledger, ReadConfig, Remark, Subset, TarShards, digits,
    expand, idx,
};

use crate::encoder::ImageShape;
use crate::recipe::{DataRecipe, DataSource, Labels};

/// Images that are tried, to find one that can be read, for the size of all.
const PROBED: usize = 100;

/// The images of a recipe, opened.
pub struct Opened {
    /// The images, the test set's behind the others.
    pub images: Arc<dyn ImageSource>,
    /// How many are not the test set's.
    pub own: usize,
    /// What `data.size` and `data.channels` come to.
    pub shape: ImageShape,
    /// What of their files is not used as it is.
    pub ledger: Ledger,
}

/// The images of a recipe with those of its test set.
///
/// # Errors
/// If they cannot be read, are none, or have no size of their own and the recipe gives none.
pub fn open_all(recipe: &DataRecipe) -> Result<Opened, DataError> {
    let whole = open_whole(recipe, recipe.channels)?;
    let all = whole.len();
    let mut images = limited(whole, recipe);
    let mut ledger = Ledger::default();
    ledger.add(left_out(all, images.len()));
    if !recipe.has_image_files() {
        let shape = shape(recipe, &*images, recipe.channels)?;
        let own = images.len();
        if let Some(test) = recipe.of_test() {
            images = Arc::new(Joined::new(images, open(&test, recipe.channels)?)?);
        }
        return Ok(Opened {
            images,
            own,
            shape,
            ledger,
        });
    }
    let survey = survey(&*images);
    let shape = shape(recipe, &*images, recipe.channels.or(survey.channels()))?;
    let (channels, guessed) = (shape.channels, recipe.channels.is_none());
    let background = recipe.background.unwrap_or_default();
    ledger.extend(survey.ledger(&*images, channels, guessed, background));
    if guessed {
        // All are converted when they are read.
        images = open(recipe, Some(channels))?;
    }
    let own = images.len();
    if let Some(test) = recipe.of_test() {
        let test = open(&test, Some(channels))?;
        ledger.extend(self::survey(&*test).ledger(&*test, channels, guessed, background));
        images = Arc::new(Joined::new(images, test)?);
    }
    Ok(Opened {
        images,
        own,
        shape,
        ledger,
    })
}

/// What the headers of all images tell.
pub fn survey(images: &dyn ImageSource) -> ImageSurvey {
    ImageSurvey::of(images, &DecodeLimits::default())
}

/// The data set of a recipe, unsplit, its images converted to `channels` where they are files.
///
/// # Errors
/// If it cannot be read or is empty.
pub fn open(
    recipe: &DataRecipe,
    channels: Option<usize>,
) -> Result<Arc<dyn ImageSource>, DataError> {
    Ok(limited(open_whole(recipe, channels)?, recipe))
}

/// As many images as `data.limit` says.
fn limited(images: Arc<dyn ImageSource>, recipe: &DataRecipe) -> Arc<dyn ImageSource> {
    match recipe.limit.filter(|limit| *limit < images.len()) {
        Some(limit) => Arc::new(Subset::spread(images, limit)),
        None => images,
    }
}

/// That `data.limit` leaves items out, if it does.
pub fn left_out(all: usize, used: usize) -> Remark {
    let remark = Remark::new("items", all - used, "are left out, evenly over all").of(all);
    remark.key("data.limit")
}

fn open_whole(
    recipe: &DataRecipe,
    channels: Option<usize>,
) -> Result<Arc<dyn ImageSource>, DataError> {
    let path = recipe.path.clone().unwrap_or_default();
    let read = ReadConfig {
        channels,
        background: recipe.background.unwrap_or_default(),
        ..ReadConfig::default()
    };
    let links = recipe.links != Some(false);
    Ok(match recipe.source {
        DataSource::Digits => Arc::new(digits()),
        DataSource::Idx => {
            let labels = match &recipe.labels {
                Labels::File(labels) => Some(labels.as_path()),
                Labels::Own(_) | Labels::Column(_) => None,
            };
            Arc::new(idx::read(&path, labels)?)
        }
        DataSource::Cifar10 => Arc::new(read_cifar(&path, CifarKind::C10)?),
        DataSource::Cifar100 => Arc::new(read_cifar(&path, CifarKind::C100)?),
        DataSource::List => {
            let config = ImageListConfig {
                read,
                labels: match &recipe.labels {
                    Labels::Column(column) => Some(column.clone()),
                    Labels::Own(_) | Labels::File(_) => None,
                },
                group: recipe.group.clone(),
                links,
            };
            Arc::new(ImageList::open(&path, config)?)
        }
        DataSource::Shards => Arc::new(TarShards::open(&shards_of(path)?, read)?),
        DataSource::Table | DataSource::Text | DataSource::Tags | DataSource::Questions => {
            unreachable!("these hold no images")
        }
        DataSource::Folder => {
            let config = ImageFolderConfig {
                labels: recipe.labels != Labels::Own(false),
                links,
                channels,
                background: read.background,
                ..ImageFolderConfig::default()
            };
            Arc::new(ImageFolder::open(&path, config)?)
        }
    })
}

/// The tar files of a pattern, or those in a folder by name.
fn shards_of(path: PathBuf) -> Result<Vec<PathBuf>, DataError> {
    if !path.is_dir() {
        return expand(&path);
    }
    let failed = |source| DataError::Io {
        path: path.clone(),
        source: Arc::new(source),
    };
    let entries: Vec<PathBuf> = std::fs::read_dir(&path)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .map_err(failed)?;
    let ignored = entries.len();
    let is_tar = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "tar");
    let mut shards: Vec<PathBuf> = entries.into_iter().filter(is_tar).collect();
    shards.sort_unstable();
    match shards.is_empty() {
        true => Err(DataError::Empty {
            path,
            what: "tar files",
            ignored,
        }),
        false => Ok(shards),
    }
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

/// Size and channels by the recipe, by what is known of the channels, or by the first image that can be read.
fn shape(
    recipe: &DataRecipe,
    dataset: &dyn ImageSource,
    channels: Option<usize>,
) -> Result<ImageShape, DataError> {
    if let (Some(size), Some(channels)) = (recipe.size, channels) {
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
            channels: channels.unwrap_or(if image.channels >= 3 { 3 } else { 1 }),
            size: recipe.size.unwrap_or(image.height),
        });
    }
    reasons.truncate(3);
    Err(DataError::NothingReadable {
        items: dataset.len().min(PROBED),
        reasons,
    })
}
