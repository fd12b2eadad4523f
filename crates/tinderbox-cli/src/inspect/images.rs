//! Images: sizes, classes, repeats, and a sheet of the views that pre-training would see.

use std::collections::HashSet;
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;
use tinderbox::data::{
    Augment, Image, ImageSource, Joined, Labelled, Ledger, Preprocess, SampleRng, contact_sheet,
    encode_png, spread,
};

use super::{Chart, Inspection, quoted, range};
use crate::error::CliError;
use crate::images;
use crate::recipe::{DataRecipe, Labels, RecipeFile};

/// Pictures on the sheet, and views of each.
const ROWS: usize = 6;
const VIEWS: usize = 7;
const BINS: usize = 16;
/// Images are resized for a network to at most this side, unless a person says otherwise.
const SIDE: usize = 64;

/// Images that are decoded at most; headers are read of all.
const DECODED: usize = 10_000;
/// The largest batch of the recipe.
const BATCH: usize = 128;

pub(super) fn inspect(recipe: &DataRecipe) -> Result<Inspection, CliError> {
    let dataset = images::open(recipe, None)?;
    let items = dataset.len();
    let mut inspection = Inspection {
        kind: "images",
        ledger: dataset.ledger(),
        ..Inspection::default()
    };
    let mut recipe = recipe.clone();
    if let Err(reason) = test_set(&mut recipe, &dataset, &mut inspection.ledger) {
        inspection.warnings.push(reason);
        (recipe.test_path, recipe.test_labels) = (None, None);
    }
    let seen = Seen::of(&*dataset);
    let mut channels = if seen.in_colour() { 3 } else { 1 };
    if recipe.has_image_files() {
        let survey = images::survey(&*dataset);
        channels = survey.channels().unwrap_or(channels);
        let background = recipe.background.unwrap_or_default();
        inspection
            .ledger
            .extend(survey.ledger(&*dataset, channels, true, background));
    }
    let path = recipe.path.as_deref().unwrap_or(Path::new(""));
    inspection.fact("path", path.display());
    if let Some(test) = &recipe.test_path {
        inspection.fact("test set", test.display());
    }
    inspection.fact("images", items);
    inspection.fact("looked into", seen.looked_at);
    for (name, values) in [("height", &seen.heights), ("width", &seen.widths)] {
        inspection.fact(name, range(values));
    }
    inspection.fact(
        "in colour",
        format!("{} of {}", seen.coloured, seen.heights.len()),
    );
    let labels: Vec<Option<u32>> = (0..items).map(|index| dataset.label(index)).collect();
    inspection.classes(dataset.class_names(), labels.iter().copied());
    inspection.repeats(repeats(&*dataset), "images");
    inspection.unreadable(&seen.unreadable, seen.looked_at, "images");
    inspection.charts.extend(Chart::histogram(
        "Brightness",
        "Mean of an image, 0 is black; a peak at an end may be images without content.",
        &seen.brightness,
        BINS,
    ));
    let unreadable = seen.unreadable.len() * items / seen.looked_at.max(1);
    let train = match recipe.test_path.is_none() && dataset.class_names().len() > 1 {
        true => ((1.0 - recipe.test_share) * (items as f64)) as usize,
        false => items,
    };
    inspection.recipe = text_of(&recipe, &seen, channels, train.saturating_sub(unreadable));
    if !seen.examples.is_empty() {
        let views = RecipeFile {
            name: "inspect".into(),
            origin: "the suggested recipe".into(),
            text: inspection.recipe.clone(),
        };
        let data = views.resolve(&[])?.data;
        // Without a size, all are squares of one side.
        let side = data.size.unwrap_or(seen.heights[0] as usize);
        inspection.sheet = Some(sheet(&seen.examples, &data.views.images()?, side)?);
    }
    Ok(inspection)
}

/// Looks at the test set of a recipe, if there is one, or says why it cannot serve.
fn test_set(
    recipe: &mut DataRecipe,
    train: &Arc<dyn ImageSource>,
    ledger: &mut Ledger,
) -> Result<(), String> {
    let Some(test) = recipe.of_test() else {
        return Ok(());
    };
    let of = |reason: &dyn Display| {
        let path = test.path.as_deref().unwrap_or(Path::new("")).display();
        format!("{path} does not serve as a test set, and a share of the images will: {reason}")
    };
    let images = images::open(&test, None).map_err(|error| of(&error))?;
    let labels = !train.class_names().is_empty();
    if labels && (0..images.len()).all(|index| images.label(index).is_none()) {
        return Err(of(&"it has no labels"));
    }
    let joined = Joined::new(train.clone(), images).map_err(|error| of(&error))?;
    *ledger = joined.ledger();
    Ok(())
}

/// What the images show.
#[derive(Default)]
struct Seen {
    looked_at: usize,
    heights: Vec<f64>,
    widths: Vec<f64>,
    coloured: usize,
    brightness: Vec<f64>,
    unreadable: Vec<String>,
    examples: Vec<Image>,
}

/// What one image shows: height, width, channels, and the mean of its values.
type Look = (usize, usize, usize, f64);

impl Seen {
    fn of(dataset: &dyn ImageSource) -> Self {
        let indices = spread(dataset.len(), DECODED);
        let look = |index: &usize| -> Result<Look, String> {
            let image = dataset
                .get(*index)
                .map_err(|error| error.to_string())?
                .image;
            let (height, width, channels) = (image.height, image.width, image.channels);
            let values = image.into_f32();
            let sum: f64 = values.iter().copied().map(f64::from).sum();
            Ok((height, width, channels, sum / values.len() as f64))
        };
        let looks: Vec<_> = indices.par_iter().map(look).collect();
        let mut seen = Self {
            looked_at: indices.len(),
            ..Self::default()
        };
        let mut readable = Vec::new();
        for (index, look) in indices.into_iter().zip(looks) {
            match look {
                Ok((height, width, channels, brightness)) => {
                    seen.heights.push(height as f64);
                    seen.widths.push(width as f64);
                    seen.coloured += usize::from(channels >= 3);
                    seen.brightness.push(brightness);
                    readable.push(index);
                }
                Err(reason) => seen.unreadable.push(reason),
            }
        }
        let examples = spread(readable.len(), ROWS).into_iter();
        let examples = examples.filter_map(|place| dataset.get(readable[place]).ok());
        seen.examples = examples.map(|item| item.image).collect();
        seen
    }

    fn in_colour(&self) -> bool {
        2 * self.coloured > self.heights.len()
    }

    /// The side to resize to; none if all images are squares of one size that a network takes as they are.
    fn size(&self) -> Option<usize> {
        let sides = || self.heights.iter().chain(&self.widths).copied();
        let most = sides().reduce(f64::max)?;
        let alike = sides().all(|side| side == most);
        if alike && most as usize <= SIDE {
            return None;
        }
        Some((most as usize).min(SIDE))
    }
}

/// Images whose bytes are those of one before.
fn repeats(dataset: &dyn ImageSource) -> usize {
    let hashes: Vec<Option<blake3::Hash>> = (0..dataset.len())
        .into_par_iter()
        .map(|index| {
            let mut hasher = blake3::Hasher::new();
            let read = dataset.content(index, &mut |piece| {
                hasher.update(piece);
            });
            read.ok().map(|()| hasher.finalize())
        })
        .collect();
    let mut seen = HashSet::new();
    hashes
        .into_iter()
        .flatten()
        .filter(|hash| !seen.insert(*hash))
        .count()
}

/// A recipe that runs, for a person to change. `train` images are to train on.
fn text_of(data: &DataRecipe, seen: &Seen, channels: usize, train: usize) -> String {
    let mut text = "version = 1\n\n[data]\n".to_owned();
    text += &format!("source = \"{}\"\n", data.source.name());
    if let Some(path) = &data.path {
        text += &format!("path = {}\n", quoted(path));
    }
    if let Labels::File(labels) = &data.labels {
        text += &format!("labels = {}\n", quoted(labels));
    }
    for (key, path) in [
        ("test_path", &data.test_path),
        ("test_labels", &data.test_labels),
    ] {
        if let Some(path) = path {
            text += &format!("{key} = {}\n", quoted(path));
        }
    }
    if let Some(size) = seen.size() {
        text += &format!("size = {size} # larger shows more and costs its square\n");
    }
    if data.has_image_files() {
        text += &format!("channels = {channels}\n");
    }
    text += "\n# What two views of an image may differ in, and so what the features will not tell.\n[data.views]\n\
             crop = { scale = [0.2, 1.0] }\n";
    text += if channels == 3 {
        "flip = {} # not where left and right mean something, as in text\njitter = {} # not where colour is the class\ngreyscale = {}\n"
    } else {
        "# flip = {} # where left and right mean nothing\njitter = {}\n"
    };
    // Two batches a pass at least, as far as there are items.
    let batch = (train / 2).max(2);
    let batch = BATCH.min(1 << batch.ilog2());
    text += &format!(
        "\n[encoder]\nkind = \"resnet18\"\nstem = \"cifar\" # \"imagenet\" for images of 128 and more\n\
         \n[objective]\nkind = \"simclr\"\n\n[train]\nepochs = 100\nbatch = {batch}\n"
    );
    text
}

/// A row for each picture: itself, then views of it.
fn sheet(
    examples: &[Image],
    augment: &Augment,
    side: usize,
) -> Result<(Vec<u8>, String), CliError> {
    let mut pictures = Vec::new();
    for (row, image) in examples.iter().take(ROWS).enumerate() {
        let channels = if image.channels >= 3 { 3 } else { 1 };
        let image = match image.channels {
            1 | 3 => image.clone(),
            // What is more than colour, such as transparency, no view sees.
            _ => continue,
        };
        let plain = Preprocess::plain((side, side), channels);
        let as_image = |values: Vec<f32>| from_planes(&values, side, channels);
        pictures.push(as_image(plain.apply(&image)));
        for view in 0..VIEWS as u64 {
            let mut rng = SampleRng::new(0, 0, row as u64, SampleRng::VIEW).stream(view);
            let augmented = augment.apply_to_size(image.clone().to_f32(), (side, side), &mut rng);
            pictures.push(as_image(plain.apply_owned(augmented)));
        }
    }
    let sheet = contact_sheet(&pictures, VIEWS + 1)?;
    let caption = format!(
        "Each row: an image at {side} x {side}, then {VIEWS} random views of it by the recipe below."
    );
    Ok((encode_png(&sheet)?, caption))
}

/// Channels, rows, columns to pixels.
fn from_planes(values: &[f32], side: usize, channels: usize) -> Image {
    let plane = side * side;
    let pixels = (0..plane).flat_map(|pixel| {
        (0..channels).map(move |channel| values[channel * plane + pixel].clamp(0.0, 1.0))
    });
    Image::new(
        side,
        side,
        channels,
        tinderbox::data::Pixels::F32(pixels.collect()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::DataSource;
    use std::path::PathBuf;

    fn digits() -> DataRecipe {
        DataRecipe {
            labels: Labels::Own(true),
            ..DataRecipe::of(DataSource::Digits)
        }
    }

    #[test]
    fn the_digits_have_ten_classes_and_a_sheet() {
        let seen = Seen::of(&tinderbox::data::digits());
        assert_eq!(
            (seen.looked_at, seen.size(), seen.in_colour()),
            (1_797, None, false)
        );
        let views = tinderbox::data::AugmentConfig::simclr(0.5).build().unwrap();
        let (png, caption) = sheet(&seen.examples, &views, 8).unwrap();
        assert!(png.starts_with(b"\x89PNG"));
        assert!(caption.contains("8 x 8"));
        assert!(images::open(&digits(), None).is_ok());
    }

    #[test]
    fn every_suggested_recipe_is_one() {
        for (colour, sides) in [(1, vec![100.0, 300.0]), (0, vec![28.0, 28.0])] {
            let seen = Seen {
                coloured: colour * sides.len(),
                heights: sides.clone(),
                widths: sides,
                ..Seen::default()
            };
            for data in [
                DataRecipe::folder("a \"folder\""),
                DataRecipe {
                    path: Some("images".into()),
                    labels: Labels::File(PathBuf::from("labels")),
                    ..DataRecipe::of(DataSource::Idx)
                },
            ] {
                let file = RecipeFile {
                    name: "r".into(),
                    origin: "r".into(),
                    text: text_of(&data, &seen, 1 + 2 * colour, 24),
                };
                let recipe = file.resolve(&[]).unwrap();
                assert_eq!(recipe.data.path, data.path);
                assert_eq!(recipe.train.batch, 8);
                assert_eq!(recipe.data.size, (colour == 1).then_some(SIDE));
            }
        }
    }
}
