//! `data inspect` and `data leaks`.

use std::fs;

use serde_json::{Value, json};

use crate::{expect, folder_project, text};

#[test]
fn a_table_is_described_and_its_recipe_written() {
    let folder = tempfile::tempdir().unwrap();
    let rows: String = (0..100)
        .map(|row| {
            format!(
                "{},{},{}\n",
                row % 7,
                ["red", "green", "blue"][row % 3],
                row * row
            )
        })
        .collect();
    fs::write(
        folder.path().join("a.csv"),
        format!("size,colour,area\n{rows}"),
    )
    .unwrap();
    let output = expect(
        folder.path(),
        &["data", "inspect", "a.csv", "--out", "look"],
        0,
    );
    let shown = text(&output.stdout);
    for part in ["100", "colour", "one-hot", "written to look"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let recipe = fs::read_to_string(folder.path().join("look/recipe.toml")).unwrap();
    let recipe: toml::Table = recipe.parse().unwrap();
    assert_eq!(
        recipe["data"]["columns"]["colour"]["encode"].as_str(),
        Some("one-hot")
    );
    let page = fs::read_to_string(folder.path().join("look/inspect.html")).unwrap();
    assert!(page.contains("<strong>colour</strong>") && page.contains("class=\"bar\""));
    // What is there is not written over.
    expect(
        folder.path(),
        &["data", "inspect", "a.csv", "--out", "look"],
        5,
    );
    let output = expect(folder.path(), &["data", "inspect", "a.csv", "--json"], 0);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["facts"]["rows"], "100");
}

#[test]
fn images_get_a_sheet_and_a_recipe_that_runs() {
    let folder = folder_project(2, 6);
    fs::copy(
        first(&folder, "images"),
        folder.path().join("images/again.png"),
    )
    .unwrap();
    let output = expect(
        folder.path(),
        &["data", "inspect", "images", "--out", "look"],
        0,
    );
    let shown = text(&output.stdout);
    assert!(
        shown.contains("1 images are equal to one before them"),
        "{shown}"
    );
    let sheet = fs::read(folder.path().join("look/views.png")).unwrap();
    assert!(sheet.starts_with(b"\x89PNG"));
    let run = [
        "pretrain",
        "look/recipe.toml",
        "--set",
        "train.batch=4",
        "--dry-run",
    ];
    expect(folder.path(), &run, 0);
}

#[test]
fn images_in_both_folders_are_named() {
    let folder = folder_project(2, 3);
    let new = folder.path().join("new");
    fs::create_dir(&new).unwrap();
    fs::copy(first(&folder, "images"), new.join("copy.png")).unwrap();
    let output = expect(
        folder.path(),
        &["data", "leaks", "images", "new", "--json"],
        0,
    );
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["leaks"].as_array().unwrap().len(), 1);
    assert_eq!(found["leaks"][0]["test"], "copy.png");
    assert_eq!(found["leaks"][0]["how"], json!("equal bytes"));
    let near = ["data", "leaks", "images", "new", "--distance", "0"];
    let shown = expect(folder.path(), &near, 0).stdout;
    let shown = text(&shown);
    assert!(
        shown.contains("1 of 1 test images") && shown.contains("0 more look like"),
        "{shown}"
    );
    expect(
        folder.path(),
        &["data", "leaks", "images", "new", "--distance", "65"],
        2,
    );
}

#[test]
fn texts_are_counted_and_what_is_unknown_is_said() {
    let folder = tempfile::tempdir().unwrap();
    for (name, words) in [
        ("a/1.txt", "one two"),
        ("b/2.txt", "two three \u{e9}"),
        ("b/3.txt", "two three \u{e9}"),
    ] {
        let path = folder.path().join("mail").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, words).unwrap();
    }
    let output = expect(folder.path(), &["data", "inspect", "mail"], 0);
    let shown = text(&output.stdout);
    for part in [
        "documents",
        "1 to 2",
        "1 documents are equal to one before them",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    fs::write(folder.path().join("a.xyz"), "?").unwrap();
    let output = expect(folder.path(), &["data", "inspect", "a.xyz"], 2);
    assert!(text(&output.stderr).contains("cannot tell what kind of data"));
    expect(folder.path(), &["data", "inspect", "nothing"], 1);
}

/// The first image of a project, by name.
fn first(folder: &tempfile::TempDir, images: &str) -> std::path::PathBuf {
    let mut folders = vec![folder.path().join(images)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "png") {
                files.push(path);
            }
        }
    }
    files.sort();
    files.swap_remove(0)
}
