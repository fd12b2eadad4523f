//! IDX files, whole and broken.

use std::io::Write;

use burn::data::dataset::Dataset;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tinderbox_data::{DataError, Labelled, Pixels, idx};

use crate::allocation::peak;

fn file(dimensions: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, dimensions.len() as u8];
    for dimension in dimensions {
        bytes.extend(dimension.to_be_bytes());
    }
    bytes.extend(values);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn images() -> Vec<u8> {
    file(&[2, 2, 3], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
}

#[test]
fn files_are_read_whether_compressed_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let (pictures, labels) = (
        folder.path().join("images"),
        folder.path().join("labels.gz"),
    );
    std::fs::write(&pictures, images()).unwrap();
    std::fs::write(&labels, gzip(&file(&[2], &[3, 0]))).unwrap();
    let data = idx::read(&pictures, Some(&labels)).unwrap();
    assert_eq!((data.len(), data.shape()), (2, [2, 3, 1]));
    let item = data.get(1).unwrap();
    assert_eq!(item.image.pixels, Pixels::U8(vec![6, 7, 8, 9, 10, 11]));
    assert_eq!((item.label, item.id.as_str()), (Some(0), "1"));
    assert_eq!(data.class_names(), ["0", "1", "2", "3"]);
    std::fs::write(&pictures, gzip(&images())).unwrap();
    let unlabelled = idx::read(&pictures, None).unwrap();
    assert_eq!(unlabelled.get(1).unwrap().image, item.image);
    assert_eq!(unlabelled.label(1), None);
}

#[track_caller]
fn check(images: &[u8], labels: Option<&[u8]>, expected: &str) {
    let error = idx::parse(images, labels).unwrap_err();
    assert_eq!(error.to_string(), format!("<memory>: {expected}"));
}

#[test]
fn what_is_wrong_is_said_with_both_values() {
    let whole = images();
    check(
        &whole[..whole.len() - 1],
        None,
        "length of the data: expected 12 bytes, got 11 bytes",
    );
    check(&whole[..9], None, "header: expected 16 bytes, got 9 bytes");
    check(
        &[&whole[..], &[0]].concat(),
        None,
        "length of the data: expected 12 bytes, got 13 bytes",
    );
    check(
        &file(&[2, 6], &[0; 20]),
        None,
        "magic number: expected 00000803, got 00000802",
    );
    check(
        &whole,
        Some(&file(&[3], &[0; 3])),
        "number of labels: expected 2, got 3",
    );
    check(
        &file(&[0, 2, 3], &[]),
        None,
        "no pictures found (0 other files ignored)",
    );
    check(
        &file(&[5, 0, 3], &[]),
        None,
        "size: expected at least 1 x 1, got 0 x 3",
    );
    let error = idx::read("/nowhere/images", None).unwrap_err();
    assert!(error.to_string().starts_with("/nowhere/images: "));
}

#[test]
fn a_forged_header_takes_no_memory() {
    for dimensions in [[u32::MAX; 3], [60_000, 28, 28], [1 << 31, 1 << 31, 4]] {
        let forged = file(&dimensions, &[0; 100]);
        for bytes in [forged.clone(), gzip(&forged)] {
            let (result, bytes) = peak(|| idx::parse(&bytes, None));
            assert!(result.is_err());
            // The state of the inflater takes about 50 KB.
            assert!(bytes < 100_000, "{bytes} bytes");
        }
    }
}

#[test]
fn a_compression_bomb_is_refused_by_its_ratio() {
    let bomb = gzip(&file(&[4_000, 100, 100], &vec![0; 40_000_000]));
    let (result, bytes) = peak(|| idx::parse(&bomb, None));
    let error = result.unwrap_err();
    assert!(
        matches!(
            error,
            DataError::TooLarge {
                got: 40_000_000,
                ..
            }
        ),
        "{error}"
    );
    assert!(bytes < 100_000, "{bytes} bytes");
}

#[test]
fn a_folder_is_not_a_file() {
    let folder = tempfile::tempdir().unwrap();
    assert!(idx::read(folder.path(), None).is_err());
}

proptest! {
    #[test]
    fn no_bytes_panic(images: Vec<u8>, labels: Option<Vec<u8>>) {
        let _ = idx::parse(&images, labels.as_deref());
    }

    #[test]
    fn no_damage_panics(at in 0_usize..28, value: u8, keep in 0_usize..29, compressed: bool) {
        let mut bytes = images();
        bytes[at] = value;
        if compressed {
            bytes = gzip(&bytes);
            let at = at % bytes.len();
            bytes[at] ^= value;
        }
        bytes.truncate(keep);
        let (_, allocated) = peak(|| drop(idx::parse(&bytes, None)));
        prop_assert!(allocated < 200_000);
    }
}
