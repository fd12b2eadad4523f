//! Images: sizes, classes, repeats, and a sheet of the views that pre-training would see.

use std::collections::HashSet;
use std::path::Path;

use rayon::prelude::*;
use tinderbox::data::{
    Augment, Image, ImageSource, Preprocess, SampleRng, contact_sheet, encode_png,
};

use super::{Chart, Inspection, quoted, range, spread};
use crate::error::CliError;
use crate::images;
use crate::recipe::{DataRecipe, DataSource, Labels, RecipeFile};

/// Pictures on the sheet, and views of each.
const ROWS: usize = 6;
const VIEWS: usize = 7;
const BINS: usize = 16;
/// Images are resized for a network to at most this side, unless a person says otherwise.
const SIDE: usize = 64;

pub(super) fn inspect(recipe: &DataRecipe) -> Result<Inspection, CliError> {
    let dataset = images::open(recipe, None)?;
    let items = dataset.len();
    let seen = Seen::of(&*dataset);
    let mut inspection = Inspection {
        kind: "images",
        ..Inspection::default()
    };
    let path = recipe.path.as_deref().unwrap_or(Path::new(""));
    inspection.fact("path", path.display());
    inspection.fact("images", items);
    inspection.fact("looked into", seen.looked_at);
    for (name, values) in [("height", &seen.heights), ("width", &seen.widths)] {
        inspection.fact(name, range(values));
    }
    inspection.fact(
        "in colour",
        format!("{} of {}", seen.coloured, seen.heights.len()),
    );
    inspection.classes(
        dataset.class_names(),
        (0..items).map(|index| dataset.label(index)),
    );
    inspection.repeats(repeats(&*dataset), "images");
    inspection.unreadable(&seen.unreadable, seen.looked_at, "images");
    inspection.charts.extend(Chart::histogram(
        "Brightness",
        "Mean of an image, 0 is black; a peak at an end may be images without content.",
        &seen.brightness,
        BINS,
    ));
    inspection.recipe = text_of(recipe, &seen);
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

/// What a sample of the images shows.
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

impl Seen {
    fn of(dataset: &dyn ImageSource) -> Self {
        let mut seen = Self::default();
        let every = dataset.len().min(super::SAMPLE).div_ceil(ROWS).max(1);
        for (place, index) in spread(dataset.len()).enumerate() {
            seen.looked_at += 1;
            let image = match dataset.get(index) {
                Ok(item) => item.image,
                Err(error) => {
                    seen.unreadable.push(error.to_string());
                    continue;
                }
            };
            seen.heights.push(image.height as f64);
            seen.widths.push(image.width as f64);
            seen.coloured += usize::from(image.channels >= 3);
            if place % every == 0 {
                seen.examples.push(image.clone());
            }
            let values = image.into_f32();
            let sum: f64 = values.iter().copied().map(f64::from).sum();
            seen.brightness.push(sum / values.len() as f64);
        }
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

/// A recipe that runs, for a person to change.
fn text_of(data: &DataRecipe, seen: &Seen) -> String {
    let mut text = "version = 1\n\n[data]\n".to_owned();
    let source = if data.source == DataSource::Idx {
        "idx"
    } else {
        "folder"
    };
    text += &format!("source = \"{source}\"\n");
    if let Some(path) = &data.path {
        text += &format!("path = {}\n", quoted(path));
    }
    if let Labels::File(labels) = &data.labels {
        text += &format!("labels = {}\n", quoted(labels));
    }
    if let Some(size) = seen.size() {
        text += &format!("size = {size} # larger shows more and costs its square\n");
    }
    if source == "folder" {
        let channels = if seen.in_colour() { 3 } else { 1 };
        text += &format!("channels = {channels}\n");
    }
    text += "\n# What two views of an image may differ in, and so what the features will not tell.\n[data.views]\n\
             crop = { scale = [0.2, 1.0] }\n";
    text += if seen.in_colour() {
        "flip = {} # not where left and right mean something, as in text\njitter = {} # not where colour is the class\ngreyscale = {}\n"
    } else {
        "# flip = {} # where left and right mean nothing\njitter = {}\n"
    };
    text += "\n[encoder]\nkind = \"resnet18\"\nstem = \"cifar\" # \"imagenet\" for images of 128 and more\n\
             \n[objective]\nkind = \"simclr\"\n\n[train]\nepochs = 100\nbatch = 128\n";
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
            (500, None, false)
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
                    text: text_of(&data, &seen),
                };
                let recipe = file.resolve(&[]).unwrap();
                assert_eq!(recipe.data.path, data.path);
                assert_eq!(recipe.data.size, (colour == 1).then_some(SIDE));
            }
        }
    }
}
