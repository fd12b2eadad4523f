//! Pictures with alpha, from NumPy, of four inks, and files that are not read.

use burn::data::dataset::Dataset;
use image::ExtendedColorType;
use proptest::prelude::*;
use serde_json::Value;
use tinderbox_data::{
    DataError, DecodeLimits, Image, ImageFolder, ImageFolderConfig, Pixels, decode,
};

use crate::allocation::peak;
use crate::decode::png;

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/pictures.json")).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    serde_json::from_value(value.clone()).unwrap()
}

fn read(bytes: &[u8]) -> Result<Image, DataError> {
    decode(bytes, &DecodeLimits::default())
}

#[test]
fn arrays_of_numpy_are_read_exactly() {
    let fixture = fixture();
    let cases = fixture["arrays"].as_array().unwrap();
    assert_eq!(cases.len(), 10);
    for case in cases {
        let image = read(&bytes(&case["file"])).unwrap();
        let shape: [usize; 3] = serde_json::from_value(case["shape"].clone()).unwrap();
        assert_eq!([image.height, image.width, image.channels], shape);
        let is_bytes = matches!(image.pixels, Pixels::U8(_));
        assert_eq!(is_bytes, case["kind"] == "|u1");
        let expected: Vec<f32> = serde_json::from_value(case["values"].clone()).unwrap();
        for (got, expected) in image.into_f32().iter().zip(&expected) {
            // The text of a number is read to within a unit of the last place.
            assert!(
                (got - expected).abs() <= f32::EPSILON * expected,
                "{got}, {expected}"
            );
        }
    }
}

#[test]
fn other_arrays_say_why_they_are_not_read() {
    let fixture = fixture();
    for (name, message) in [
        ("fortran", "an array in Fortran's order; save it in C's"),
        (
            "double",
            "an array of '<f8', neither uint8, uint16 nor float32",
        ),
        ("line", "an array of shape (4,), not (H, W) or (H, W, C)"),
        ("four dimensions", "an array of shape (1, 1, 1, 1), not"),
    ] {
        let error = read(&bytes(&fixture["refused"][name])).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
    let mut huge = bytes(&fixture["arrays"][0]["file"]);
    let text = String::from_utf8_lossy(&huge).into_owned();
    let at = text.find("(3, 5)").unwrap() - text.find("NUMPY").unwrap() + 1;
    // The same length of header, with more pixels than there are bytes.
    huge[at..at + 6].copy_from_slice(b"(9, 9)");
    let error = read(&huge).unwrap_err().to_string();
    assert!(
        error.contains("an array of 81 values of 1 bytes has 15 bytes"),
        "{error}"
    );
}

#[test]
fn four_inks_become_colours() {
    let cmyk = &fixture()["cmyk"];
    let image = read(&bytes(&cmyk["file"])).unwrap();
    assert_eq!((image.height, image.width, image.channels), (8, 16, 3));
    let values = image.into_f32();
    for (side, x) in [("left", 4), ("right", 12)] {
        let expected: Vec<f32> = serde_json::from_value(cmyk[side].clone()).unwrap();
        for (got, expected) in values[(4 * 16 + x) * 3..].iter().zip(expected) {
            // Each side rounds the inverse transform and the product of two inks.
            assert!(
                (got * 255.0 - expected).abs() <= 3.0,
                "{side}: {got}, {expected}"
            );
        }
    }
}

#[test]
fn files_of_other_formats_are_named() {
    for (start, name) in [(&b"II*\0\0\0\0\0"[..], "Tiff"), (b"\0\0\x01\0", "Ico")] {
        let error = read(start).unwrap_err().to_string();
        let expected =
            format!("it is {name}, which is not read; PNG, JPEG, GIF, WebP, BMP and NPY are");
        assert!(error.contains(&expected), "{error}");
    }
}

fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut bytes = (body.len() as u32).to_be_bytes().to_vec();
    bytes.extend(kind);
    bytes.extend(body);
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(body);
    bytes.extend(crc.sum().to_be_bytes());
    bytes
}

#[test]
fn of_an_animated_png_the_first_picture_is_taken() {
    let still = png(2, 1, &[10, 20], ExtendedColorType::L8);
    let frame = |number: u32| {
        let mut body = Vec::new();
        for value in [number, 2, 1, 0, 0] {
            body.extend(value.to_be_bytes());
        }
        body.extend([0, 1, 0, 1, 0, 0]);
        chunk(b"fcTL", &body)
    };
    // The header ends at byte 33; the pixels and the end follow.
    let mut animated = still[..33].to_vec();
    animated.extend(chunk(b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]));
    animated.extend(frame(0));
    animated.extend(&still[33..still.len() - 12]);
    animated.extend(frame(1));
    let second = png(2, 1, &[90, 91], ExtendedColorType::L8);
    let mut body = vec![0, 0, 0, 2];
    body.extend(&second[41..second.len() - 16]);
    animated.extend(chunk(b"fdAT", &body));
    animated.extend(&still[still.len() - 12..]);
    assert_eq!(read(&animated).unwrap(), read(&still).unwrap());
}

#[test]
fn alpha_is_kept_when_it_is_asked_for() {
    let root = tempfile::tempdir().unwrap();
    let file = png(1, 1, &[100, 50, 20, 128], ExtendedColorType::Rgba8);
    std::fs::write(root.path().join("a.png"), file).unwrap();
    let grey = png(1, 1, &[100], ExtendedColorType::L8);
    std::fs::write(root.path().join("b.png"), grey).unwrap();
    let read = |index: usize, channels| {
        let config = ImageFolderConfig {
            channels,
            ..ImageFolderConfig::default()
        };
        let folder = ImageFolder::open(root.path(), config).unwrap();
        folder.get(index).unwrap().image.pixels
    };
    assert_eq!(read(0, Some(4)), Pixels::U8(vec![100, 50, 20, 128]));
    assert_eq!(read(0, None), Pixels::U8(vec![177, 152, 137]));
    assert_eq!(read(1, Some(4)), Pixels::U8(vec![100, 100, 100, 255]));
    assert_eq!(read(1, Some(2)), Pixels::U8(vec![100, 255]));
    // 0.2989 x 100 + 0.587 x 50 + 0.114 x 20 = 61.5
    assert_eq!(read(0, Some(2)), Pixels::U8(vec![62, 128]));
}

proptest! {
    #[test]
    fn npy_takes_any_bytes(rest: Vec<u8>, version in 0_u8..5, length: u8) {
        let bytes = [&b"\x93NUMPY"[..], &[version, 0, length, 0], &rest].concat();
        let (result, allocated) = peak(|| read(&bytes));
        prop_assert!(result.is_err());
        prop_assert!(allocated <= 2 * bytes.len() + 4_096, "{} bytes", allocated);
    }

    #[test]
    fn npy_takes_damaged_files(case in 0_usize..10, at: prop::sample::Index, value: u8, cut: prop::sample::Index) {
        let mut bytes = bytes(&fixture()["arrays"][case]["file"]);
        let at = at.index(bytes.len());
        bytes[at] = value;
        bytes.truncate(cut.index(bytes.len() + 1));
        let (result, allocated) = peak(|| read(&bytes));
        // 16-bit numbers become twice as long.
        prop_assert!(allocated <= 2 * bytes.len() + 4_096, "{} bytes", allocated);
        if let Ok(image) = result {
            prop_assert_eq!(image.pixels.len(), image.height * image.width * image.channels);
        }
    }
}
