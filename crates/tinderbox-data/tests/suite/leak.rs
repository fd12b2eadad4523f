//! Items of one data set in another.

use std::path::Path;

use image::ExtendedColorType;
use tempfile::TempDir;
use tinderbox_data::leak::{Leak, LeakConfig, Same, check, difference_hash};
use tinderbox_data::{Image, ImageFolder, ImageFolderConfig, Pixels, SampleRng};

use crate::decode::{jpeg, png};

const WIDTH: u32 = 60;
const HEIGHT: u32 = 44;

/// A picture of broad shapes, another for each number.
fn shapes(number: u64, width: u32, height: u32) -> Vec<u8> {
    let mut rng = SampleRng::new(5, 0, number, 99);
    let waves: Vec<[f32; 4]> = (0..6)
        .map(|_| {
            [
                rng.range(-9.0..9.0),
                rng.range(-9.0..9.0),
                rng.range(0.0..6.0),
                rng.range(0.2..1.0),
            ]
        })
        .collect();
    let value = |x: f32, y: f32| -> f32 {
        waves
            .iter()
            .map(|[a, b, c, size]| size * (a * x + b * y + c).sin())
            .sum()
    };
    (0..width * height)
        .flat_map(|place| {
            let x = (place % width) as f32 / width as f32;
            let y = (place / width) as f32 / height as f32;
            [(128.0 + 30.0 * value(x, y)).clamp(0.0, 255.0) as u8; 3]
        })
        .collect()
}

fn write(root: &Path, name: &str, bytes: &[u8]) {
    std::fs::write(root.join(name), bytes).unwrap();
}

fn folders() -> (TempDir, TempDir) {
    let (train, test) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for number in 0..40 {
        let values = shapes(number, WIDTH, HEIGHT);
        let bytes = png(WIDTH, HEIGHT, &values, ExtendedColorType::Rgb8);
        write(train.path(), &format!("{number:02}.png"), &bytes);
    }
    let of = |number| shapes(number, WIDTH, HEIGHT);
    let (train, test) = (train, test);
    let copy = png(WIDTH, HEIGHT, &of(7), ExtendedColorType::Rgb8);
    write(test.path(), "a.png", &copy);
    // The same pixels in another file: a chunk of text behind the header.
    let mut noted = copy[..33].to_vec();
    let chunk = b"tEXtComment\0again";
    noted.extend((chunk.len() as u32 - 4).to_be_bytes());
    noted.extend(chunk);
    let mut crc = flate2::Crc::new();
    crc.update(chunk);
    noted.extend(crc.sum().to_be_bytes());
    noted.extend(&copy[33..]);
    write(test.path(), "b.png", &noted);
    // Compressed again, and drawn smaller.
    write(
        test.path(),
        "c.jpg",
        &jpeg(WIDTH, HEIGHT, &of(9), ExtendedColorType::Rgb8),
    );
    let small = png(
        WIDTH / 2,
        HEIGHT / 2,
        &shapes(11, WIDTH / 2, HEIGHT / 2),
        ExtendedColorType::Rgb8,
    );
    write(test.path(), "d.png", &small);
    // Others, one without structure.
    for number in 100..120 {
        let values = shapes(number, WIDTH, HEIGHT);
        let bytes = png(WIDTH, HEIGHT, &values, ExtendedColorType::Rgb8);
        write(test.path(), &format!("e{number}.png"), &bytes);
    }
    for folder in [&train, &test] {
        write(
            folder.path(),
            "flat.png",
            &png(9, 9, &[7; 243], ExtendedColorType::Rgb8),
        );
        write(folder.path(), "zz.png", b"not a picture");
    }
    write(
        test.path(),
        "flat.png",
        &png(9, 8, &[8; 216], ExtendedColorType::Rgb8),
    );
    (train, test)
}

fn open(root: &TempDir) -> ImageFolder {
    ImageFolder::open(root.path(), ImageFolderConfig::default()).unwrap()
}

#[test]
fn copies_are_found_and_others_are_not() {
    let (train, test) = folders();
    let leaks = check(&open(&train), &open(&test), LeakConfig::default());
    let found: Vec<_> = leaks
        .found
        .iter()
        .map(|leak| (leak.test, leak.train))
        .collect();
    assert_eq!(found, [(0, 7), (1, 7), (2, 9), (3, 11)]);
    let same: Vec<_> = leaks.found.iter().map(|leak| leak.same).collect();
    assert_eq!(same[..2], [Same::Bytes, Same::Pixels]);
    assert!(
        matches!(same[2..], [Same::Near(0..=4), Same::Near(0..=4)]),
        "{same:?}"
    );
    let unreadable = |list: &[(usize, _)]| list.iter().map(|(index, _)| *index).collect::<Vec<_>>();
    assert_eq!(unreadable(&leaks.unreadable_train), [41]);
    assert_eq!(unreadable(&leaks.unreadable_test), [25]);
}

#[test]
fn bytes_alone_need_no_decoding() {
    let (train, test) = folders();
    let config = LeakConfig {
        pixels: false,
        distance: None,
    };
    let leaks = check(&open(&train), &open(&test), config);
    let same = |test, train| Leak {
        test,
        train,
        same: Same::Bytes,
    };
    // What is no picture is compared too.
    assert_eq!(leaks.found, [same(0, 7), same(25, 41)]);
    assert!(leaks.unreadable_train.is_empty());
}

#[test]
fn the_hash_says_where_it_grows_brighter() {
    // Rows of 9 are not resized: bright every second pixel, in the first row only.
    let mut values = vec![0_u8; 72];
    values[..9].copy_from_slice(&[0, 9, 0, 9, 0, 9, 0, 9, 0]);
    let image = Image::new(8, 9, 1, Pixels::U8(values));
    assert_eq!(difference_hash(&image), Some(0b0101_0101));
    let flat = Image::new(8, 9, 1, Pixels::U8(vec![3; 72]));
    assert_eq!(difference_hash(&flat), None);
    assert_eq!(
        difference_hash(&Image::new(0, 9, 3, Pixels::U8(Vec::new()))),
        None
    );
}
