//! Recipes and the files of an exported model, whatever their bytes: read or refused, never a panic.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use burn::tensor::TensorData;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tinderbox::nn::StateDict;
use tinderbox_cli::encoder::{ImageShape, InputShape};
use tinderbox_cli::error::CliError;
use tinderbox_cli::manifest::{MANIFEST, Manifest};
use tinderbox_cli::model::Model;
use tinderbox_cli::recipe::{BUILTINS, Override, RecipeFile};

/// Reads a recipe; what is refused is also shown in every way.
fn resolve(text: &str, sets: &[String]) -> Result<(), TestCaseError> {
    let file = RecipeFile {
        name: "mine".into(),
        origin: "mine.toml".into(),
        text: text.into(),
    };
    let overrides: Vec<Override> = sets.iter().map(|text| Override::set(text)).collect();
    match file.resolve(&overrides) {
        Ok(recipe) => {
            // What was read is written so that it reads back.
            let again = RecipeFile {
                text: recipe.to_toml(),
                ..file
            };
            let again = again.resolve(&[]);
            prop_assert!(again.is_ok_and(|again| again == recipe));
        }
        Err(errors) => {
            prop_assert!(!errors.lines().is_empty());
            let error = CliError::from(errors);
            prop_assert_eq!(error.exit_code(), 2);
            prop_assert!(!error.render(true).is_empty());
            prop_assert!(!error.render(false).is_empty());
            prop_assert!(error.to_json().is_object());
        }
    }
    Ok(())
}

/// Pieces that recipes are made of, and what does not belong in one.
const PIECES: &[&str] = &[
    "version",
    "data",
    "optim",
    "schedule",
    "objective",
    "encoder",
    "train",
    "eval",
    "compare",
    "finetune",
    ".kind",
    ".lr",
    ".source",
    ".path",
    ".size",
    ".steps",
    ".views",
    ".crop",
    ".every",
    ".shares",
    "=",
    " = ",
    "\n",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    ",",
    ".",
    "#",
    "\"",
    "'",
    "\"\"\"",
    "\\u",
    "\t",
    "\r",
    "1",
    "0",
    "-1",
    "1e-3",
    "nan",
    "-inf",
    "0x1F",
    "1_0",
    "99999999999999999999",
    "1e999",
    "1979-05-27",
    "true",
    "\"simclr\"",
    "\"resnet18\"",
    "\"digits\"",
    "[0.1, 1]",
    "{ p = 2 }",
    "\u{e9}",
    "\u{1f525}",
    "\u{0}",
    "\u{feff}",
];

fn pieces() -> impl Strategy<Value = String> {
    proptest::collection::vec(select(PIECES), 0..40).prop_map(|pieces| pieces.concat())
}

fn builtin() -> impl Strategy<Value = &'static str> {
    (0..BUILTINS.len()).prop_map(|number| BUILTINS[number].text)
}

/// A text with some parts replaced.
fn mutated(text: &str, changes: &[(Index, usize, String)]) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for (place, length, other) in changes {
        let start = place.index(characters.len() + 1);
        let end = (start + length).min(characters.len());
        characters.splice(start..end, other.chars());
    }
    characters.into_iter().collect()
}

proptest! {
    #[test]
    fn any_text_is_a_recipe_or_an_error(text in any::<String>(), set in any::<String>()) {
        resolve(&text, &[set])?;
    }

    #[test]
    fn any_pieces_are_a_recipe_or_an_error(
        text in pieces(), sets in proptest::collection::vec(pieces(), 0..3),
    ) {
        resolve(&text, &sets)?;
    }

    #[test]
    fn changed_recipes_are_recipes_or_errors(
        text in builtin(),
        changes in proptest::collection::vec((any::<Index>(), 0_usize..12, pieces()), 1..4),
        sets in proptest::collection::vec(pieces(), 0..2),
    ) {
        resolve(&mutated(text, &changes), &sets)?;
    }

    #[test]
    fn one_changed_character_is_a_recipe_or_an_error(
        text in builtin(), place in any::<Index>(), length in 0_usize..2, other in any::<Option<char>>(),
    ) {
        let other = other.map(String::from).unwrap_or_default();
        resolve(&mutated(text, &[(place, length, other)]), &[])?;
    }
}

#[test]
fn nesting_without_end_is_an_error() {
    let deep = 100_000;
    let dotted = vec!["a"; deep].join(".");
    for text in [
        format!("a = {}1{}", "[".repeat(deep), "]".repeat(deep)),
        format!("a = {}", "{ a = ".repeat(deep)),
        format!("{dotted} = 1"),
        format!("[{dotted}]"),
    ] {
        resolve(&text, &[]).unwrap();
        resolve("", &[text]).unwrap();
    }
}

/// An exported folder as the program writes it, but for its weights.
static EXPORTED: LazyLock<[(&str, Vec<u8>); 3]> = LazyLock::new(|| {
    let description = br#"{
  "format_version": 1,
  "tinderbox_version": "0.1.0",
  "encoder": { "kind": "reference-cnn", "filters": 2, "hidden": 3, "dropout": 0.2 },
  "channels": 1,
  "size": 8,
  "feature_dim": 3,
  "head": { "name": "output", "classes": ["a", "b"] },
  "objective": "supervised",
  "step": 7
}"#;
    let preprocess = br#"{"format_version":1,"size":[8,8],"channels":1,"mean":[0.3],"std":[0.4]}"#;
    let mut weights = 2_u64.to_le_bytes().to_vec();
    weights.extend(b"{}");
    [
        ("tinderbox.json", description.to_vec()),
        ("preprocessing.json", preprocess.to_vec()),
        ("model.safetensors", weights),
    ]
});

fn export(folder: &Path) {
    for (name, bytes) in &*EXPORTED {
        fs::write(folder.join(name), bytes).unwrap();
    }
}

#[test]
fn the_exported_folder_of_these_tests_is_read() {
    let folder = tempfile::tempdir().unwrap();
    export(folder.path());
    let model = Model::open(folder.path()).unwrap();
    let shape = InputShape::Image(ImageShape {
        channels: 1,
        size: 8,
    });
    assert_eq!(model.description.step, 7);
    assert_eq!(
        (model.description.shape, model.preprocess.shape()),
        (shape, shape)
    );
}

/// A bit that flips in any file is noticed, or makes no difference.
#[test]
fn a_flipped_bit_in_an_exported_folder_is_refused_by_its_file() {
    let folder = tempfile::tempdir().unwrap();
    export(folder.path());
    let model = Model::open(folder.path()).unwrap();
    assert!(
        model.notes[0].contains("no manifest.json"),
        "{:?}",
        model.notes
    );
    let mut manifest = Manifest::default();
    for (name, bytes) in &*EXPORTED {
        manifest.insert(name, bytes);
    }
    let manifest = serde_json::to_vec_pretty(&manifest).unwrap();
    let of_manifest = [(MANIFEST, manifest)];
    fs::write(folder.path().join(MANIFEST), &of_manifest[0].1).unwrap();
    let whole = Model::open(folder.path()).unwrap();
    assert!(whole.notes.is_empty());
    for (name, bytes) in EXPORTED.iter().chain(&of_manifest) {
        let path = folder.path().join(name);
        for place in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[place] ^= 1 << (place % 8);
            fs::write(&path, bytes).unwrap();
            match Model::open(folder.path()) {
                Ok(model) => {
                    assert_eq!(*name, MANIFEST, "byte {place} of {name}");
                    assert_eq!(model.description, whole.description);
                    assert_eq!(model.preprocess, whole.preprocess);
                    assert_eq!(model.weights, whole.weights);
                }
                // A digest that changed is told as a file that did.
                Err(error) if *name == MANIFEST => assert!(!error.to_string().is_empty()),
                Err(error) => {
                    let said = error.to_string();
                    assert!(said.contains(&format!("{name} is damaged")), "{said}");
                    assert_eq!(error.exit_code(), 5);
                }
            }
        }
        fs::write(&path, bytes).unwrap();
    }
}

#[test]
fn weights_that_are_not_finite_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    export(folder.path());
    let mut weights = StateDict::default();
    weights.insert("fc.bias", TensorData::from([0.0_f32, f32::NAN]));
    weights
        .write(folder.path().join("model.safetensors"))
        .unwrap();
    let said = Model::open(folder.path()).unwrap_err().to_string();
    assert!(
        said.contains("model.safetensors: fc.bias holds a value that is not finite"),
        "{said}"
    );
}

proptest! {
    #[test]
    fn any_bytes_in_an_exported_folder_are_a_model_or_an_error(
        file in 0_usize..3, bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let folder = tempfile::tempdir().unwrap();
        export(folder.path());
        fs::write(folder.path().join(EXPORTED[file].0), bytes).unwrap();
        if let Err(error) = Model::open(folder.path()) {
            prop_assert!(!error.render(false).is_empty());
        }
    }

    #[test]
    fn changed_files_of_an_exported_folder_are_a_model_or_an_error(
        file in 0_usize..3,
        places in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..4),
        cut in any::<Option<Index>>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        export(folder.path());
        let (name, bytes) = &EXPORTED[file];
        let mut bytes = bytes.clone();
        for (place, byte) in places {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        fs::write(folder.path().join(name), bytes).unwrap();
        if let Err(error) = Model::open(folder.path()) {
            prop_assert!(!error.render(false).is_empty());
        }
    }
}
