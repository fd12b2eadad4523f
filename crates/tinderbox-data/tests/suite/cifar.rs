//! CIFAR files, whole and broken.

use burn::data::dataset::Dataset;
use proptest::prelude::*;
use tinderbox_data::Labelled;
use tinderbox_data::Pixels;
use tinderbox_data::cifar::{CifarKind, parse_binary, read_binary};

fn record(labels: &[u8], colour: [u8; 3]) -> Vec<u8> {
    let mut bytes = labels.to_vec();
    for value in colour {
        bytes.extend([value; 1024]);
    }
    bytes
}

#[test]
fn planes_become_pixels_and_files_follow_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["one", "two"].map(|name| folder.path().join(name));
    std::fs::write(&paths[0], record(&[9], [1, 2, 3])).unwrap();
    std::fs::write(&paths[1], record(&[0], [4, 5, 6])).unwrap();
    let data = read_binary(&paths, CifarKind::C10).unwrap();
    assert_eq!((data.len(), data.shape()), (2, [32, 32, 3]));
    let item = data.get(1).unwrap();
    assert_eq!(item.image.pixels, Pixels::U8([4, 5, 6].repeat(1024)));
    assert_eq!((data.label(0), data.label(1)), (Some(9), Some(0)));
    assert_eq!(data.class_names()[9], "truck");
}

#[test]
fn the_fine_label_counts() {
    let data = parse_binary(&record(&[19, 99], [1, 2, 3]), CifarKind::C100).unwrap();
    assert_eq!(data.label(0), Some(99));
    let names = data.class_names();
    assert_eq!((names.len(), names[99].as_str()), (100, "worm"));
    assert!(names.is_sorted());
}

#[test]
fn what_is_wrong_is_said_with_both_values() {
    let whole = record(&[1], [0; 3]);
    let error = parse_binary(&whole[1..], CifarKind::C10).unwrap_err();
    assert_eq!(
        error.to_string(),
        "<memory>: length: expected a positive multiple of 3073 bytes, got 3072 bytes"
    );
    let bytes = [whole, record(&[10], [0; 3])].concat();
    let error = parse_binary(&bytes, CifarKind::C10).unwrap_err();
    assert_eq!(
        error.to_string(),
        "<memory>: label: expected below 10, got 10 in record 1"
    );
    assert!(read_binary::<&str>(&[], CifarKind::C10).is_err());
}

proptest! {
    #[test]
    fn no_bytes_panic(label: u8, length in 0_usize..7000, hundred: bool) {
        let kind = if hundred { CifarKind::C100 } else { CifarKind::C10 };
        let result = parse_binary(&vec![label; length], kind);
        let size = if hundred { 3074 } else { 3073 };
        let whole = length > 0 && length % size == 0;
        prop_assert_eq!(result.is_ok(), whole && usize::from(label) < kind.class_names().len());
    }
}
