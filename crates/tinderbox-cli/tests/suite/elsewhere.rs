//! Exports opened by other libraries: what torchvision, transformers and sentence-transformers compute of raw pictures and texts is
//! what `embed` writes.
//!
//! The tests need a Python with these libraries, `$TINDERBOX_PYTHON` or `python3`; without it they say that they are skipped, under
//! `TINDERBOX_STRICT` too, since continuous integration has none. `cargo xtask parity` runs them with the Python of the fixtures.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use burn::data::dataset::Dataset;
use tinderbox::data::{ImageFolder, ImageFolderConfig, Preprocess};

use crate::{expect, text};

/// A Python that imports these, or a line that says what is missing.
fn python(modules: &str) -> Option<PathBuf> {
    let named = std::env::var_os("TINDERBOX_PYTHON").map(PathBuf::from);
    let python = named.unwrap_or_else(|| "python3".into());
    let run = Command::new(&python)
        .args(["-c", &format!("import {modules}")])
        .output();
    match run {
        Ok(run) if run.status.success() => Some(python),
        _ => {
            eprintln!("SKIPPED: {} cannot import {modules}", python.display());
            None
        }
    }
}

/// Runs a script of `benches/peers`, which fails if what it computes is not ours.
#[track_caller]
fn peer(python: &Path, script: &str, words: &[&str], at: &Path) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/peers");
    let output = Command::new(python)
        .arg(folder.canonicalize().unwrap().join(script))
        .args(words)
        .current_dir(at)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("HF_HUB_OFFLINE", "1")
        .output()
        .unwrap();
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    println!("{script}: {said}");
    assert!(output.status.success(), "{words:?}\n{said}");
}

/// Pictures of many shapes, depths and grounds, in two classes.
fn write_pictures(at: &Path) {
    let wave = |x: u32, y: u32, by: u32| ((x * by + y * (by + 3) + x * y) % 256) as u8;
    for (number, class) in [(0, "a"), (1, "b")] {
        let folder = at.join("pictures").join(class);
        fs::create_dir_all(&folder).unwrap();
        let save = |name: &str, image: image::DynamicImage| {
            image.save(folder.join(format!("{name}.png"))).unwrap();
        };
        let by = 5 + 6 * number;
        let colour = |x, y| image::Rgb([wave(x, y, by), wave(x, y, by + 1), wave(y, x, by)]);
        save("wide", image::RgbImage::from_fn(97, 31, colour).into());
        save("tall", image::RgbImage::from_fn(13, 64, colour).into());
        save("right", image::RgbImage::from_fn(32, 32, colour).into());
        save("small", image::RgbImage::from_fn(5, 7, colour).into());
        let grey = |x, y| image::Luma([wave(x, y, by)]);
        save("grey", image::GrayImage::from_fn(50, 40, grey).into());
        let clear = |x, y| {
            let image::Rgb([red, green, blue]) = colour(x, y);
            image::Rgba([red, green, blue, wave(y, x, 9)])
        };
        save("clear", image::RgbaImage::from_fn(41, 57, clear).into());
    }
}

/// A NumPy file of 32-bit floats.
fn write_npy(path: &Path, shape: [usize; 4], values: &[f32]) {
    let [a, b, c, d] = shape;
    let mut header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({a}, {b}, {c}, {d}), }}");
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    fs::write(path, bytes).unwrap();
}

/// The card's own Python makes the same inputs of the same files, and torchvision's network the same features of them.
#[test]
fn pictures_mean_in_torchvision_what_they_mean_here() {
    let Some(python) = python("torch, torchvision, PIL, safetensors, numpy") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write_pictures(at);
    for (channels, stem, ground) in [(3, "imagenet", "white"), (1, "cifar", "#ff8000")] {
        let recipe = format!(
            "version = 1\nobjective.kind = \"supervised\"\ntrain = {{ steps = 1, batch = 4 }}\neval = {{ knn = false, health = false }}\n\
             encoder = {{ kind = \"resnet18\", stem = \"{stem}\" }}\n\
             data = {{ source = \"folder\", path = \"pictures\", size = 32, channels = {channels}, background = \"{ground}\" }}\n"
        );
        fs::write(at.join("mine.toml"), recipe).unwrap();
        let run = format!("run-{channels}");
        expect(at, &["pretrain", "mine.toml", "--out", &run], 0);
        let data = ["--data", "pictures", "--out", "features.npy", "--overwrite"];
        expect(at, &[&["embed", &run][..], &data].concat(), 0);
        // What our own reader and preprocessing make of the same files, in the order that `embed` has them in.
        let exported = at.join(&run).join("exported");
        let preprocess = fs::read_to_string(exported.join("preprocessing.json")).unwrap();
        let preprocess: Preprocess = serde_json::from_str(&preprocess).unwrap();
        let config = ImageFolderConfig {
            channels: Some(channels),
            background: ground.parse().unwrap(),
            ..ImageFolderConfig::default()
        };
        let pictures = ImageFolder::open(at.join("pictures"), config).unwrap();
        let values: Vec<f32> = (0..12)
            .flat_map(|index| preprocess.apply(&pictures.get(index).unwrap().image))
            .collect();
        write_npy(&at.join("inputs.npy"), [12, channels, 32, 32], &values);
        let exported = exported.to_str().unwrap();
        let files = ["--features", "features.npy", "--inputs", "inputs.npy"];
        let words = [&[exported, "--data", "pictures"][..], &files].concat();
        peer(&python, "open_with_torchvision.py", &words, at);
    }
}

/// The same of a network of timm that is fine-tuned: its middle is cut out of what is resized in proportion, by another filter.
#[test]
fn timms_way_to_an_input_stays_what_it_is() {
    let Some(python) = python("torch, torchvision, PIL, safetensors, numpy") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write_pictures(at);
    crate::published::publish_resnet(&at.join("theirs"));
    let words = ["finetune", "theirs", "--data", "pictures", "--out", "tuned"];
    expect(at, &[&words[..], &["--set", "train.steps=1"]].concat(), 0);
    let data = ["--data", "pictures", "--out", "features.npy"];
    expect(at, &[&["embed", "tuned"][..], &data].concat(), 0);
    let words = [
        "tuned/exported",
        "--data",
        "pictures",
        "--features",
        "features.npy",
    ];
    peer(&python, "open_with_torchvision.py", &words, at);
}

/// Tokens, padding, lower case, accents, the longest text, pooling and normalisation.
#[test]
fn texts_mean_in_transformers_what_they_mean_here() {
    let Some(python) = python("torch, transformers, sentence_transformers, numpy") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let long = "the river ran down to the sea and ".repeat(20);
    let lines = format!(
        "The river ran.\nCAFÉ Zürich, naïve!\n東京 and ﬁne Straße\n{long}\nto [MASK] the sea\n"
    );
    fs::write(at.join("lines.txt"), lines.repeat(4)).unwrap();
    for (kind, lowercase, more) in [
        ("wordpiece", true, "pooling = \"mean\", normalise = true"),
        ("wordpiece", false, "pooling = \"first\""),
        ("bpe", false, "pooling = \"max\""),
        ("unigram", false, "pooling = \"mean\""),
    ] {
        let recipe = format!(
            "version = 1\nobjective.kind = \"masked-lm\"\ntrain = {{ steps = 2, batch = 4 }}\n\
             encoder = {{ kind = \"bert\", width = 16, depth = 2, heads = 2, ffn = 32, positions = 32, {more} }}\n\
             [data]\nsource = \"text\"\npath = \"lines.txt\"\nheld_out = 0.0\n\
             [data.tokens]\nkind = \"{kind}\"\nvocabulary = 320\nlength = 24\nlowercase = {lowercase}\n"
        );
        fs::write(at.join("mine.toml"), recipe).unwrap();
        let run = format!("{kind}-{lowercase}");
        expect(at, &["pretrain", "mine.toml", "--out", &run], 0);
        let data = [
            "--data",
            "lines.txt",
            "--out",
            "features.npy",
            "--overwrite",
        ];
        expect(at, &[&["embed", &run][..], &data].concat(), 0);
        let exported = at.join(&run).join("exported");
        let files = ["--texts", "lines.txt", "--features", "features.npy"];
        let words = [&[exported.to_str().unwrap()][..], &files].concat();
        peer(&python, "open_with_transformers.py", &words, at);
    }
}
