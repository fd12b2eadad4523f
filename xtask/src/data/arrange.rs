//! What is done to the files of a package so that they are a data set of ours.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{files_below, unpack};

/// Moves `images/FILE` to `images/CATEGORY/FILE`, by `emoji.json`, so that a folder is a label.
pub(super) fn emoji_by_category(folder: &Path) -> Result<()> {
    let table: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("emoji.json"))?)?;
    let mut category_of = BTreeMap::new();
    for emoji in table.as_array().context("emoji.json is no list")? {
        let category = emoji["category"].as_str().context("no category")?;
        let category = category.to_lowercase().replace(" & ", "-and-");
        let variations = emoji["skin_variations"].as_object().into_iter().flatten();
        for one in std::iter::once(emoji).chain(variations.map(|(_, one)| one)) {
            let image = one["image"].as_str().context("no image")?;
            category_of.insert(image.to_string(), category.clone());
        }
    }
    let images = folder.join("images");
    for name in files_below(&images)? {
        let category = category_of
            .get(&name)
            .with_context(|| format!("emoji.json does not name {name}"))?;
        let to = images.join(category);
        std::fs::create_dir_all(&to)?;
        std::fs::rename(images.join(&name), to.join(&name))?;
    }
    Ok(())
}

/// Puts the names of columns and classes where scikit-learn's file has counts and numbers.
pub(super) fn breast_cancer_with_names(folder: &Path) -> Result<()> {
    const MEASURES: [&str; 10] = [
        "radius",
        "texture",
        "perimeter",
        "area",
        "smoothness",
        "compactness",
        "concavity",
        "concave points",
        "symmetry",
        "fractal dimension",
    ];
    let from = folder.join("breast_cancer.csv");
    let text = std::fs::read_to_string(&from)?;
    let mut lines = text.lines();
    let head: Vec<&str> = lines.next().context("an empty file")?.split(',').collect();
    let classes = head.get(2..).context("no class names")?;
    let mut table = String::new();
    let mean = MEASURES.map(|name| format!("mean {name},"));
    let error = MEASURES.map(|name| format!("{name} error,"));
    let worst = MEASURES.map(|name| format!("worst {name},"));
    table += &[mean, error, worst].concat().concat();
    table += "diagnosis\n";
    for line in lines {
        let (values, class) = line.rsplit_once(',').context("a line without a class")?;
        let class: usize = class.parse()?;
        let name = classes.get(class).context("an unknown class")?;
        writeln!(table, "{values},{name}")?;
    }
    std::fs::write(folder.join("breast-cancer.csv"), table)?;
    Ok(std::fs::remove_file(from)?)
}

/// Takes one table and its description out of R's, and drops the archive.
pub(super) fn only_table(folder: &Path, table: &str) -> Result<()> {
    let archive = folder.join("resources.tar.gz");
    let all = folder.join("all");
    std::fs::create_dir(&all)?;
    unpack(&archive, &all)?;
    let file = folder.join(Path::new(table).file_name().context("no name")?);
    std::fs::copy(all.join("resources/rdata/csv").join(table), &file)?;
    let description = Path::new("resources/rdata/doc")
        .join(table)
        .with_extension("html");
    std::fs::copy(all.join(description), file.with_extension("html"))?;
    std::fs::remove_dir_all(all)?;
    Ok(std::fs::remove_file(archive)?)
}
