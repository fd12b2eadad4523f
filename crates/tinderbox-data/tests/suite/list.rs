//! Lists of pictures.

use std::path::{Path, PathBuf};

use burn::data::dataset::Dataset;
use image::ExtendedColorType;
use proptest::prelude::*;
use tempfile::TempDir;
use tinderbox_data::{Content, DataError, ImageList, ImageListConfig, Labelled, Pixels};

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
    let list = ImageList::open(path, ImageListConfig::default()).unwrap();
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

#[test]
fn heads_blanks_and_other_layouts_are_found() {
    let both = [Some(1), Some(0)];
    let pets = ["cat", "dog"];
    check(
        "l.csv",
        "filename,label\nsub/b.png,dog\na.png,cat\n",
        &both,
        &pets,
    );
    check(
        "l.csv",
        "\u{feff}image,class\r\n\r\nsub/b.png,dog\r\na.png,cat\r\n",
        &both,
        &pets,
    );
    check(
        "l.csv",
        "n;breed;picture\n1;dog;sub/b.png\n2;cat;a.png\n",
        &[None; 2],
        &[],
    );
    check(
        "l.csv",
        "n;class;picture\n1;dog;sub/b.png\n2;cat;a.png\n",
        &both,
        &pets,
    );
    check("l.txt", "sub/b.png 1\na.png 0\n", &both, &["0", "1"]);
    check("l.txt", "sub/b.png   1 \n\n a.png\t0", &both, &["0", "1"]);
    check("l.lst", "sub\\b.png,dog\na.png,cat\n", &both, &pets);
    check(
        "l.txt",
        "sub/b.png,TRUE\na.png,True\n",
        &[Some(0), Some(0)],
        &["TRUE"],
    );
}

#[test]
fn a_packed_list_is_read() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, b"path,label\na.png,cat\n").unwrap();
    let (_root, path) = folder("l.csv.gz", &packed.finish().unwrap());
    let list = ImageList::open(path, ImageListConfig::default()).unwrap();
    assert_eq!((list.len(), list.label(0)), (1, Some(0)));
}

#[test]
fn what_is_not_used_is_told() {
    let (_root, path) = folder(
        "l.csv",
        b"file,breed,age,class\na.png,x,3,dog\nsub/b.png,y,4,\n",
    );
    let open = |labels: Option<&str>| {
        let config = ImageListConfig {
            labels: labels.map(str::to_owned),
            group: Some("breed".to_owned()),
            ..ImageListConfig::default()
        };
        ImageList::open(&path, config)
    };
    let list = open(None).unwrap();
    let told: Vec<String> = list
        .ledger()
        .remarks()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        told,
        [
            "1 of 2 lines have no label (line 3)",
            "1 of 4 columns of the list are not read; the label is in class (age); `data.labels = \"COLUMN\"` changes that"
        ]
    );
    assert_eq!(list.group(1).as_deref(), Some("y"));
    assert_eq!(open(Some("breed")).unwrap().class_names(), ["x", "y"]);
    let error = open(Some("race")).unwrap_err().to_string();
    assert_eq!(
        error,
        "`data.labels` is \"race\", expected one of the columns file, breed, age, class"
    );
}

#[track_caller]
fn refused(name: &str, list: &[u8], links: bool, message: &str) {
    let (_root, path) = folder(name, list);
    let config = ImageListConfig {
        links,
        ..ImageListConfig::default()
    };
    let error = ImageList::open(&path, config).unwrap_err().to_string();
    let expected = format!("{}:{message}", path.display());
    assert!(error.starts_with(&expected), "{error}");
}

#[test]
fn a_list_of_nothing_that_is_there_is_shown_by_its_first_line() {
    let path = "1: path: expected a file that is there, absolute or relative to the list's folder: a list has a path a line";
    refused("x.txt", b"nowhere.png 3\n", true, path);
    refused("x.csv", b",1", true, path);
    refused("x.txt", b"a\0.png", true, path);
    refused("x.txt", b"\n\n", true, " no paths found");
    refused("x.csv", b"path,label\n", true, " no paths found");
}

#[test]
fn paths_that_lead_elsewhere_are_refused_where_links_are() {
    let path = "path: expected one below the list's folder; `data.links = true` allows others, got";
    for (list, line, got) in [
        (&b"a.png\n../b.png"[..], 2, "../b.png"),
        (b"/a.png", 1, "/a.png"),
        (b"sub/../../b.png", 1, "sub/../../b.png"),
    ] {
        refused("x.txt", list, false, &format!("{line}: {path} {got:?}"));
    }
    // The user's own list may name any file.
    let (root, _) = folder("x.txt", b"");
    let absolute = root.path().join("a.png");
    let list = root.path().join("sub/l.csv");
    std::fs::write(&list, format!("{},x\n../a.png,y\n", absolute.display())).unwrap();
    let list = ImageList::open(list, ImageListConfig::default()).unwrap();
    for index in 0..2 {
        assert_eq!(list.get(index).unwrap().image.pixels, Pixels::U8(vec![10]));
    }
}

#[cfg(unix)]
#[test]
fn links_and_pipes() {
    let (root, path) = folder("x.txt", b"out.png\nlink.png\nsub\nmissing.png");
    let outside = tempfile::NamedTempFile::new().unwrap();
    std::fs::copy(root.path().join("a.png"), outside.path()).unwrap();
    std::os::unix::fs::symlink(outside.path(), root.path().join("out.png")).unwrap();
    std::os::unix::fs::symlink("a.png", root.path().join("link.png")).unwrap();
    let config = |links| ImageListConfig {
        links,
        ..ImageListConfig::default()
    };
    let list = ImageList::open(&path, config(false)).unwrap();
    assert!(matches!(list.get(0), Err(DataError::OutsideRoot { .. })));
    assert!(list.get(1).is_ok());
    let error = list.get(2).unwrap_err().to_string();
    assert!(error.contains("a regular file"), "{error}");
    assert!(matches!(list.get(3), Err(DataError::Io { .. })));
    let list = ImageList::open(&path, config(true)).unwrap();
    assert!(list.get(0).is_ok());
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes: Vec<u8>, name in prop::sample::select(vec!["l.csv", "l.tsv", "l.txt"])) {
        let config = ImageListConfig {
            links: false,
            ..ImageListConfig::default()
        };
        let list = ImageList::parse(&bytes, Path::new(name), config);
        if let Ok(list) = list {
            for index in 0..list.len() {
                prop_assert!(!list.id(index).split('/').any(|part| part == ".."));
            }
        }
    }
}
