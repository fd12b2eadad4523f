//! Lists of pictures.

use std::path::PathBuf;

use burn::data::dataset::Dataset;
use image::ExtendedColorType;
use proptest::prelude::*;
use tempfile::TempDir;
use tinderbox_data::{Content, DataError, ImageList, Labelled, Pixels, ReadConfig};

use crate::decode::png;

/// A folder with `a.png` (value 10) and `sub/b.png` (value 20), and a list.
fn folder(name: &str, list: &[u8]) -> (TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("sub")).unwrap();
    for (name, value) in [("a.png", 10), ("sub/b.png", 20)] {
        let bytes = png(1, 1, &[value], ExtendedColorType::L8);
        std::fs::write(root.path().join(name), bytes).unwrap();
    }
    let path = root.path().join(name);
    std::fs::write(&path, list).unwrap();
    (root, path)
}

#[track_caller]
fn check(name: &str, list: &str, labels: &[Option<u32>], classes: &[&str]) {
    let (_root, path) = folder(name, list.as_bytes());
    let list = ImageList::open(path, ReadConfig::default()).unwrap();
    assert_eq!(list.len(), 2);
    let items: Vec<_> = (0..2).map(|index| list.get(index).unwrap()).collect();
    assert_eq!([&*items[0].id, &*items[1].id], ["sub/b.png", "a.png"]);
    assert_eq!(items[0].image.pixels, Pixels::U8(vec![20]));
    assert_eq!([items[0].label, items[1].label], labels);
    assert_eq!(list.class_names(), classes);
    let mut bytes = Vec::new();
    list.content(1, &mut |piece| bytes.extend_from_slice(piece))
        .unwrap();
    assert_eq!(bytes, png(1, 1, &[10], ExtendedColorType::L8));
}

#[test]
fn the_ending_says_what_separates_fields() {
    let both = [Some(1), Some(0)];
    check(
        "list.csv",
        "path,label\nsub/b.png,dog\na.png,cat\n",
        &both,
        &["cat", "dog"],
    );
    check(
        "list.csv",
        "\u{feff}sub/b.png,\"a, b\"\r\n\"a.png\",\r\n",
        &[Some(0), None],
        &["a, b"],
    );
    check(
        "list.TSV",
        "sub/b.png\t10\tmore\na.png\t9",
        &both,
        &["9", "10"],
    );
    check("list.txt", "sub/b.png\r\n\na.png", &[None, None], &[]);
}

#[track_caller]
fn refused(name: &str, list: &[u8], message: &str) {
    let (_root, path) = folder(name, list);
    let error = ImageList::open(&path, ReadConfig::default())
        .unwrap_err()
        .to_string();
    let expected = format!("{}: {message}", path.display());
    assert!(error.starts_with(&expected), "{error}");
}

#[test]
fn paths_that_lead_elsewhere_are_refused_with_their_line() {
    let path = "path: expected one relative to the list's folder, without `..`, got";
    refused(
        "x.txt",
        b"a.png\n../b.png",
        &format!("{path} \"../b.png\" in line 2"),
    );
    refused(
        "x.csv",
        b"\"/a.png\",1",
        &format!("{path} \"/a.png\" in line 1"),
    );
    refused("x.csv", b",1", &format!("{path} \"\" in line 1"));
    refused("x.txt", b"sub/../../b.png", path);
    refused("x.txt", b"a\0.png", path);
    refused("x.txt", b"a.png\n\xff", "text: expected UTF-8, got");
    refused("x.txt", b"\n\n", "no paths found");
    refused("x.csv", b"path,label\n", "no paths found");
}

#[cfg(unix)]
#[test]
fn links_out_of_the_folder_and_pipes_are_not_opened() {
    let (root, path) = folder("x.txt", b"out.png\nlink.png\nsub\nmissing.png");
    let outside = tempfile::NamedTempFile::new().unwrap();
    std::os::unix::fs::symlink(outside.path(), root.path().join("out.png")).unwrap();
    std::os::unix::fs::symlink("a.png", root.path().join("link.png")).unwrap();
    let list = ImageList::open(path, ReadConfig::default()).unwrap();
    assert!(matches!(list.get(0), Err(DataError::OutsideRoot { .. })));
    assert!(list.get(1).is_ok());
    let error = list.get(2).unwrap_err().to_string();
    assert!(error.contains("a regular file"), "{error}");
    assert!(matches!(list.get(3), Err(DataError::Io { .. })));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes: Vec<u8>, separator in prop::option::of(prop::sample::select(b",\t".to_vec()))) {
        let list = ImageList::parse(&bytes, separator, PathBuf::from("."), ReadConfig::default());
        if let Ok(list) = list {
            for index in 0..list.len() {
                prop_assert!(!list.id(index).split('/').any(|part| part == ".."));
            }
        }
    }
}
