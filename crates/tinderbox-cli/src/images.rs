//! Opening the images of a recipe.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tinderbox::data::cifar::{self, CifarKind};
use tinderbox::data::{
    DataError, ImageFolder, ImageFolderConfig, ImageItem, ImageList, ImageSource, Joined,
    ReadConfig, TarShards, digits, idx,
};

use crate::encoder::ImageShape;
use crate::recipe::{DataRecipe, DataSource, Labels};

/// Images that are tried, to find one that can be read, for the size of all.
const PROBED: usize = 100;

/// The images of a recipe, the test set's behind the others, how many are not the test set's, and what `data.size` and
/// `data.channels` come to.
///
/// # Errors
/// If they cannot be read, are none, or have no size of their own and the recipe gives none.
pub fn open_all(
    recipe: &DataRecipe,
) -> Result<(Arc<dyn ImageSource>, usize, ImageShape), DataError> {
    let dataset = open(recipe, recipe.channels)?;
    let shape = shape(recipe, &*dataset)?;
    // Files are converted when they are read, so that all have the channels of the first.
    let files = matches!(
        recipe.source,
        DataSource::Folder | DataSource::List | DataSource::Shards
    );
    let convert = files && recipe.channels.is_none();
    let channels = if convert {
        Some(shape.channels)
    } else {
        recipe.channels
    };
    let dataset = match convert {
        true => open(recipe, channels)?,
        false => dataset,
    };
    let own = dataset.len();
    let dataset = match recipe.of_test() {
        Some(test) => Arc::new(Joined::new(dataset, open(&test, channels)?)?),
        None => dataset,
    };
    Ok((dataset, own, shape))
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
                Labels::Own(_) | Labels::Column(_) => None,
            };
            Arc::new(idx::read(&path, labels)?)
        }
        DataSource::Cifar10 => Arc::new(read_cifar(&path, CifarKind::C10)?),
        DataSource::Cifar100 => Arc::new(read_cifar(&path, CifarKind::C100)?),
        DataSource::List => Arc::new(ImageList::open(&path, read(channels))?),
        DataSource::Shards => Arc::new(TarShards::open(&shards_of(path)?, read(channels))?),
        DataSource::Table | DataSource::Text | DataSource::Tags | DataSource::Questions => {
            unreachable!("these hold no images")
        }
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

fn read(channels: Option<usize>) -> ReadConfig {
    ReadConfig {
        channels,
        ..ReadConfig::default()
    }
}

/// A tar file, or those in a folder by name.
fn shards_of(path: PathBuf) -> Result<Vec<PathBuf>, DataError> {
    if !path.is_dir() {
        return Ok(vec![path]);
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
