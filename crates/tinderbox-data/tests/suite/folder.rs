//! Folders of pictures.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use burn::data::dataset::Dataset;
use image::ExtendedColorType;
use tempfile::TempDir;
use tinderbox_data::{
    DataError, Image, ImageFolder, ImageFolderConfig, Labelled, Loader, LoaderConfig, OneView,
    Pixels, Preprocess, ViewCollate, fingerprint,
};

use crate::decode::{jpeg, png};

fn put(root: &Path, path: &str, bytes: &[u8]) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn dot(value: u8) -> Vec<u8> {
    png(2, 2, &[value; 4], ExtendedColorType::L8)
}

/// Two classes, a nested file, hidden files and others.
fn zoo() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    put(root, "cat/b.png", &dot(1));
    put(root, "cat/deep/er/a.PNG", &dot(2));
    put(root, "cat-like/a.png", &dot(3));
    put(
        root,
        "Dog/c.jpg",
        &jpeg(2, 2, &[4; 12], ExtendedColorType::Rgb8),
    );
    put(root, "top.png", &dot(5));
    put(root, "cat/notes.txt", b"meow");
    put(root, ".git/a.png", &dot(6));
    put(root, "cat/.hidden.png", &dot(7));
    fs::create_dir(root.join("empty")).unwrap();
    folder
}

fn open(root: &Path) -> ImageFolder {
    ImageFolder::open(root, ImageFolderConfig::default()).unwrap()
}

fn ids(folder: &ImageFolder) -> Vec<String> {
    (0..folder.len()).map(|index| folder.id(index)).collect()
}

#[test]
fn files_are_sorted_by_bytes_and_classes_are_first_folders() {
    let zoo = zoo();
    let folder = open(zoo.path());
    let expected = [
        "Dog/c.jpg",
        "cat-like/a.png",
        "cat/b.png",
        "cat/deep/er/a.PNG",
        "top.png",
    ];
    assert_eq!(ids(&folder), expected);
    assert_eq!(folder.class_names(), ["Dog", "cat", "cat-like"]);
    let labels: Vec<_> = (0..5).map(|index| folder.label(index)).collect();
    assert_eq!(labels, [Some(0), Some(2), Some(1), Some(1), None]);
    assert_eq!(folder.ignored(), 1);
    let item = folder.get(3).unwrap();
    assert_eq!(item.image, Image::new(2, 2, 1, Pixels::U8(vec![2; 4])));
    assert_eq!(
        (item.label, item.id.as_str()),
        (Some(1), "cat/deep/er/a.PNG")
    );
}

#[test]
fn labels_can_be_left_out() {
    let zoo = zoo();
    let config = ImageFolderConfig {
        labels: false,
        ..ImageFolderConfig::default()
    };
    let folder = ImageFolder::open(zoo.path(), config).unwrap();
    assert!((0..5).all(|index| folder.label(index).is_none()));
    assert!(folder.class_names().is_empty());
}

#[test]
fn sizes_and_channels_are_made_equal() {
    let folder = tempfile::tempdir().unwrap();
    let wide: Vec<u8> = (0..400)
        .map(|place| if place % 40 < 20 { 0 } else { 200 })
        .collect();
    put(
        folder.path(),
        "a.png",
        &png(40, 10, &wide, ExtendedColorType::L8),
    );
    put(
        folder.path(),
        "b.png",
        &png(3, 3, &[9; 27], ExtendedColorType::Rgb8),
    );
    let long: Vec<u8> = [500_u16; 30]
        .iter()
        .flat_map(|value| value.to_ne_bytes())
        .collect();
    put(
        folder.path(),
        "c.png",
        &png(3, 10, &long, ExtendedColorType::L16),
    );
    for channels in [1, 3] {
        let config = ImageFolderConfig {
            resize: Some((4, 6)),
            channels: Some(channels),
            ..ImageFolderConfig::default()
        };
        let folder = ImageFolder::open(folder.path(), config).unwrap();
        for index in 0..3 {
            let image = folder.get(index).unwrap().image;
            assert_eq!(
                (image.height, image.width, image.channels),
                (4, 6, channels)
            );
        }
        let row = &folder.get(0).unwrap().image.into_f32()[..6 * channels];
        let expected = [0, 0, 0, 200, 200, 200].map(|value: u8| f32::from(value) / 255.0);
        for (pixel, expected) in row.chunks(channels).zip(expected) {
            // The filter reaches over the edge: up to a fifth of the step.
            assert!(
                pixel.iter().all(|value| (value - expected).abs() < 0.16),
                "{row:?}"
            );
        }
    }
    for (resize, channels) in [
        (Some((0, 4)), None),
        (Some((4, 70_000)), None),
        (None, Some(5)),
    ] {
        let config = ImageFolderConfig {
            resize,
            channels,
            ..ImageFolderConfig::default()
        };
        let error = ImageFolder::open(folder.path(), config).unwrap_err();
        assert!(matches!(error, DataError::Config { .. }), "{error}");
    }
}

#[test]
fn a_folder_without_pictures_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "a.txt", b"");
    let open = |path: &Path| ImageFolder::open(path, ImageFolderConfig::default()).unwrap_err();
    let error = open(folder.path());
    assert!(
        matches!(error, DataError::Empty { ignored: 1, .. }),
        "{error}"
    );
    let error = open(&folder.path().join("nowhere"));
    assert!(matches!(error, DataError::Io { .. }), "{error}");
}

#[cfg(unix)]
#[test]
fn links_stay_within_the_root() {
    use std::os::unix::fs::symlink;

    let (inside, outside) = (zoo(), tempfile::tempdir().unwrap());
    let root = inside.path();
    symlink(root.join("cat/b.png"), root.join("Dog/linked.png")).unwrap();
    symlink("nowhere.png", root.join("Dog/broken.png")).unwrap();
    symlink(root, root.join("cat/loop")).unwrap();
    let folder = open(root);
    let dogs = ["Dog/broken.png", "Dog/c.jpg", "Dog/linked.png"];
    assert_eq!(ids(&folder)[..3], dogs);
    assert_eq!(folder.len(), 7);
    assert!(folder.get(0).is_err());
    assert_eq!(folder.get(2).unwrap().image.pixels, Pixels::U8(vec![1; 4]));
    put(outside.path(), "secret.png", &dot(9));
    for (target, link) in [
        ("secret.png", "cat/x.png"),
        (".", "cat/folder"),
        (".", "other.txt"),
    ] {
        let link = root.join(link);
        symlink(outside.path().join(target), &link).unwrap();
        let config = ImageFolderConfig {
            links: false,
            ..ImageFolderConfig::default()
        };
        let error = ImageFolder::open(root, config).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("`data.links = true` follows it"),
            "{error}"
        );
        let DataError::OutsideRoot { path, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(path, link);
        fs::remove_file(link).unwrap();
    }
    // The root itself may be a link.
    let link = outside.path().join("root");
    symlink(root, &link).unwrap();
    assert_eq!(open(&link).len(), 7);
}

#[cfg(unix)]
#[test]
fn links_to_elsewhere_are_followed_once() {
    use std::os::unix::fs::symlink;

    let (inside, outside) = (zoo(), tempfile::tempdir().unwrap());
    let root = inside.path();
    put(outside.path(), "deep/far.png", &dot(9));
    symlink(outside.path(), outside.path().join("deep/loop")).unwrap();
    symlink(outside.path(), root.join("bird")).unwrap();
    symlink(outside.path().join("deep"), root.join("Dog/again")).unwrap();
    symlink(
        outside.path().join("deep/far.png"),
        root.join("cat/far.png"),
    )
    .unwrap();
    let folder = open(root);
    let linked: Vec<String> = ids(&folder)
        .into_iter()
        .filter(|id| id.contains("far"))
        .collect();
    assert_eq!(linked, ["bird/deep/far.png", "cat/far.png"]);
    assert_eq!(folder.class_names(), ["Dog", "bird", "cat", "cat-like"]);
    let ledger = folder.ledger();
    let links: Vec<_> = ledger
        .remarks()
        .iter()
        .filter(|remark| remark.what == "links")
        .collect();
    assert_eq!(links[0].count, 2);
    assert_eq!(links[0].examples[0], "Dog/again");
    assert!(links[1].becomes.ends_with("are followed"), "{}", links[1]);
    assert_eq!(links[1].examples, ["bird", "cat/far.png"]);
}

#[test]
fn what_is_not_read_is_told_by_reason() {
    let zoo = zoo();
    put(zoo.path(), "cat/x.psd", b"");
    let told: Vec<String> = open(zoo.path())
        .ledger()
        .remarks()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        told,
        [
            "2 files and folders are ignored: hidden, by a dot first (.git, cat/.hidden.png)",
            "2 files are ignored: no PNG, JPEG, GIF, WebP or BMP files, by their endings (cat/notes.txt, cat/x.psd)",
            "1 of 5 files have no label: they lie beside the folders of the classes (top.png)",
        ]
    );
}

#[cfg(unix)]
#[test]
fn names_of_any_bytes_and_spellings_of_a_class() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let root = tempfile::tempdir().unwrap();
    for (class, name, value) in [
        ("caf\u{e9}", &b"\xe9.png"[..], 1),
        ("caf\u{e9}", b"\xe8.png", 2),
        ("cafe\u{301}", b"a.png", 3),
    ] {
        let folder = root.path().join(class);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(OsStr::from_bytes(name)), dot(value)).unwrap();
    }
    let folder = open(root.path());
    assert_eq!(
        ids(&folder),
        [
            "cafe\u{301}/a.png",
            "caf\u{e9}/\\xE8.png",
            "caf\u{e9}/\\xE9.png"
        ]
    );
    assert_eq!(folder.class_names(), ["caf\u{e9}"]);
    let told: Vec<String> = folder
        .ledger()
        .remarks()
        .iter()
        .map(|remark| format!("{} {}", remark.count, remark.what))
        .collect();
    assert_eq!(told, ["1 folders", "2 files"]);
}

#[cfg(unix)]
#[test]
fn pipes_are_not_opened() {
    let zoo = zoo();
    let pipe = zoo.path().join("cat/pipe.png");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let folder = open(zoo.path());
    assert_eq!((folder.len(), folder.ignored()), (5, 2));
}

#[test]
fn the_fingerprint_goes_by_content_alone() {
    let (one, two) = (zoo(), zoo());
    let print = fingerprint(&open(one.path()));
    // Another place, other times.
    assert_eq!(print, fingerprint(&open(two.path())));
    put(two.path(), "cat/b.png", &dot(8));
    assert_ne!(print, fingerprint(&open(two.path())));
    put(two.path(), "cat/b.png", &dot(1));
    assert_eq!(print, fingerprint(&open(two.path())));
    put(two.path(), "cat/z.png", &dot(1));
    assert_ne!(print, fingerprint(&open(two.path())));
}

#[test]
fn a_cut_file_costs_one_item_and_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..8 {
        put(folder.path(), &format!("{number}.png"), &dot(number));
    }
    let whole = jpeg(32, 32, &[90; 3072], ExtendedColorType::Rgb8);
    put(folder.path(), "3.jpg", &whole[..whole.len() / 2]);
    let view = OneView {
        augment: None,
        preprocess: Preprocess::plain((2, 2), 3),
    };
    let config = LoaderConfig {
        batch: 9,
        seed: 0,
        threads: 2,
        prefetch: 2,
        shuffle: true,
        max_bad: 1,
    };
    let mut loader = Loader::new(Arc::new(open(folder.path())), view, ViewCollate, config).unwrap();
    let batch = loader.next_batch().unwrap();
    assert_eq!(batch.tensors[0].1.shape()[..], [9, 3, 2, 2]);
    let skipped = loader.skipped();
    assert_eq!((skipped.len(), skipped[0].index), (1, 3));
    assert!(
        skipped[0]
            .reason
            .contains("3.jpg: not a readable picture: cut short")
    );
}

/// Seconds to list a million files, without an index, to write one, and with it. The figures in the documentation are from
/// `cargo nextest run --release -p tinderbox-data --features image --run-ignored only a_million --no-capture`.
#[cfg(unix)]
#[test]
#[ignore = "makes a million files"]
fn a_million_files_are_listed_in_seconds() {
    use std::time::{Duration, Instant, SystemTime};
    const FOLDERS: usize = 1_000;
    const FILES: usize = 1_000;
    let root = tempfile::tempdir().unwrap();
    let pictures = root.path().join("pictures");
    let past = SystemTime::now() - Duration::from_secs(3_600);
    for folder in 0..FOLDERS {
        let folder = pictures.join(format!("class-{folder:04}"));
        std::fs::create_dir_all(&folder).unwrap();
        // Hard links to one file for each folder take less of the disk than files; names are listed the same way.
        let first = folder.join("picture-0000.jpg");
        std::fs::write(&first, "").unwrap();
        for file in 1..FILES {
            std::fs::hard_link(&first, folder.join(format!("picture-{file:04}.jpg"))).unwrap();
        }
        std::fs::File::open(&folder)
            .unwrap()
            .set_modified(past)
            .unwrap();
    }
    std::fs::File::open(&pictures)
        .unwrap()
        .set_modified(past)
        .unwrap();
    let index = root.path().join("index");
    let seconds = |index: Option<&std::path::Path>| {
        let config = ImageFolderConfig {
            index: index.map(Into::into),
            ..ImageFolderConfig::default()
        };
        let start = Instant::now();
        let folder = ImageFolder::open(&pictures, config).unwrap();
        let seconds = start.elapsed().as_secs_f64();
        assert_eq!(folder.len(), FOLDERS * FILES);
        assert_eq!(folder.class_names().len(), FOLDERS);
        seconds
    };
    let first = seconds(None);
    let again = seconds(None);
    let written = seconds(Some(&index));
    let cached = seconds(Some(&index));
    let size = index.metadata().unwrap().len() / 1_000_000;
    eprintln!(
        "{first:.2} s, again {again:.2} s, with an index of {size} MB: written {written:.2} s, read {cached:.2} s"
    );
    assert!(first.max(again).max(written).max(cached) < 10.0);
}
