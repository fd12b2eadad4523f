//! Tar files of pictures.

use std::io::Write;
use std::path::PathBuf;

use burn::data::dataset::Dataset;
use image::ExtendedColorType;
use proptest::prelude::*;
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;
use tinderbox_data::{Content, DataError, Labelled, Pixels, ReadConfig, TarShards};

use crate::allocation::peak;
use crate::decode::png;

fn picture(value: u8) -> Vec<u8> {
    png(1, 1, &[value], ExtendedColorType::L8)
}

fn header(kind: EntryType, length: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(length);
    header.set_mode(0o644);
    header
}

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = header(EntryType::Regular, bytes.len() as u64);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn files(shards: &[&[u8]]) -> (TempDir, Vec<PathBuf>) {
    let root = tempfile::tempdir().unwrap();
    let paths = shards.iter().enumerate().map(|(number, bytes)| {
        let path = root.path().join(format!("{number}.tar"));
        std::fs::write(&path, bytes).unwrap();
        path
    });
    let paths = paths.collect();
    (root, paths)
}

fn open(bytes: &[u8]) -> Result<TarShards, DataError> {
    let (_root, paths) = files(&[bytes]);
    TarShards::open(&paths, ReadConfig::default())
}

#[test]
fn items_of_all_shards_are_read_by_index() {
    let first = tar(&[
        ("a/1.png", &picture(10)),
        ("a/1.cls", b"12\n"),
        ("a/1.txt", b"a caption"),
        ("a/2.seg.png", &picture(99)),
        ("a/2.json", br#"{"label": 3, "more": [1]}"#),
        ("a/2.PNG", &picture(20)),
    ]);
    let long = format!("{}/x.png", "long".repeat(60));
    let second = tar(&[
        ("README", b""),
        (&long, &picture(30)),
        (".hidden", b""),
        ("b.json", br#"{"label": "12"}"#),
        ("b.png", &picture(40)),
    ]);
    let (_root, paths) = files(&[&first, &second]);
    let shards = TarShards::open(&paths, ReadConfig::default()).unwrap();
    let expected = [
        ("a/1", 10, Some(1)),
        ("a/2", 20, Some(0)),
        (long.strip_suffix(".png").unwrap(), 30, None),
        ("b", 40, Some(1)),
    ];
    assert_eq!(shards.len(), expected.len());
    assert_eq!(shards.class_names(), ["3", "12"]);
    for (index, (id, value, label)) in expected.into_iter().enumerate().rev() {
        let item = shards.get(index).unwrap();
        assert_eq!((&*item.id, item.label), (id, label));
        assert_eq!(item.image.pixels, Pixels::U8(vec![value]));
        let mut bytes = Vec::new();
        shards
            .content(index, &mut |piece| bytes.extend_from_slice(piece))
            .unwrap();
        assert_eq!(bytes, picture(value));
    }
}

#[test]
fn what_is_not_read_is_told() {
    let shards = open(&tar(&[
        ("a.png", &picture(1)),
        ("a.jpg", &picture(2)),
        ("a.cls", b"3"),
        ("b.cls", b"4"),
        ("c.png", &picture(5)),
        ("c.json", b"[1]"),
        ("d.webp", &picture(6)),
        ("d.json", br#"{"label": []}"#),
        ("e.txt", b"x"),
    ]))
    .unwrap();
    assert_eq!((shards.len(), shards.label(0)), (3, Some(0)));
    let told: Vec<String> = shards
        .ledger()
        .remarks()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        told,
        [
            "1 members of tar files are second pictures of their keys, and are not read (a.jpg)",
            "1 labels have no picture, and are not read (b)",
            "2 labels cannot be read, so that their pictures have none (<memory>: label: expected a JSON object, got another value in \
             \"c.json\", <memory>: label: expected a number or a text, got [] in \"d.json\")",
            "1 members of tar files are not read: neither pictures nor labels, by their endings (e.txt)",
            "2 of 3 images have no label (c, d)",
        ]
    );
}

#[track_caller]
fn refused(bytes: &[u8], message: &str) {
    let error = open(bytes).unwrap_err().to_string();
    assert!(error.contains(message), "{error}");
}

#[test]
fn members_that_are_no_files_are_refused() {
    for kind in [
        EntryType::Link,
        EntryType::Symlink,
        EntryType::Char,
        EntryType::Block,
        EntryType::Fifo,
    ] {
        let mut builder = Builder::new(Vec::new());
        let mut header = header(kind, 0);
        header.set_link_name("target").unwrap();
        builder.append_data(&mut header, "x.png", &b""[..]).unwrap();
        let message = "member: expected files and folders, no links, devices or pipes";
        refused(&builder.into_inner().unwrap(), message);
    }
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for name in ["/etc/x.png", "a/../../x.png", "../x.png"] {
        let mut builder = Builder::new(Vec::new());
        let mut header = header(EntryType::Regular, 1);
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, &b"x"[..]).unwrap();
        let message = "name of a member: expected a relative path without `..`";
        refused(&builder.into_inner().unwrap(), message);
    }
}

#[test]
fn compressed_and_other_files_are_said_to_be_so() {
    let plain = tar(&[("a.png", &picture(1))]);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&plain).unwrap();
    refused(
        &encoder.finish().unwrap(),
        "compression: expected none, got gzip",
    );
    refused(&[7; 2_000], "tar file: expected members");
    refused(b"", "no pictures in tar files found");
    refused(&tar(&[("a.txt", b"x")]), "no pictures in tar files found");
}

#[test]
fn a_file_cut_short_is_refused_and_a_damaged_picture_is_one_item() {
    let whole = tar(&[("a.png", &picture(1)), ("b.png", &[7; 5_000])]);
    let message = "length: expected 5000 bytes from 1536, got 5536 bytes, within \"b.png\"";
    refused(&whole[..1_024 + 512 + 4_000], message);
    let shards = open(&whole).unwrap();
    assert_eq!(shards.len(), 2);
    let (_root, paths) = files(&[&whole]);
    let shards = TarShards::open(&paths, ReadConfig::default()).unwrap();
    assert!(shards.get(0).is_ok());
    let error = shards.get(1).unwrap_err().to_string();
    assert!(error.contains("0.tar/b: not a readable picture"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_bytes_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..3_000), is_tar: bool) {
        if is_tar && bytes.len() >= 512 {
            // A checksum that is right lets the rest be believed.
            let mut header = Header::from_byte_slice(&bytes[..512]).clone();
            header.set_cksum();
            bytes[..512].copy_from_slice(header.as_bytes());
        }
        let (result, allocated) = peak(|| open(&bytes));
        prop_assert!(allocated < 2 * bytes.len() + 40_000, "{} bytes", allocated);
        drop(result);
    }

    #[test]
    fn no_damage_panics(at: prop::sample::Index, value: u8, cut: prop::sample::Index) {
        let mut bytes = tar(&[
            (&"long".repeat(60), b"x"),
            ("a.png", &picture(1)),
            ("a.json", br#"{"label": 3}"#),
        ]);
        let at = at.index(bytes.len());
        bytes[at] = value;
        bytes.truncate(cut.index(bytes.len()) + 1);
        let (result, allocated) = peak(|| open(&bytes));
        prop_assert!(allocated < 2 * bytes.len() + 40_000, "{} bytes", allocated);
        if let Ok(shards) = result {
            for index in 0..shards.len() {
                prop_assert!(!shards.id(index).starts_with('/'));
            }
        }
    }
}

#[test]
fn ids_of_items_in_different_shards_differ() {
    let one = tar(&[("1.png", &picture(1))]);
    let (_root, paths) = files(&[
        &one,
        &tar(&[("1.png", &picture(2)), ("2.png", &picture(3))]),
    ]);
    let ids = |paths: &[PathBuf]| {
        let shards = TarShards::open(paths, ReadConfig::default()).unwrap();
        (0..shards.len())
            .map(|index| shards.id(index))
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&paths), ["0.tar/1", "1.tar/1", "1.tar/2"]);
    assert_eq!(ids(&paths[1..]), ["1", "2"]);
}
