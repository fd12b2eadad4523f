//! Pictures of all kinds, whole and broken.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageFormat};
use proptest::prelude::*;
use tinderbox_data::{DataError, DecodeLimits, Image, Pixels, decode};

use crate::allocation::peak;

pub fn png(width: u32, height: u32, values: &[u8], colour: ExtendedColorType) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new(Cursor::new(&mut bytes));
    encoder.write_image(values, width, height, colour).unwrap();
    bytes
}

pub fn jpeg(width: u32, height: u32, values: &[u8], colour: ExtendedColorType) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
    encoder.write_image(values, width, height, colour).unwrap();
    bytes
}

fn gradient(width: u32, height: u32) -> Vec<u8> {
    (0..width * height * 3)
        .map(|place| (place * 7 % 251) as u8)
        .collect()
}

fn decoded(bytes: &[u8]) -> Image {
    decode(bytes, &DecodeLimits::default()).unwrap()
}

#[track_caller]
fn refused(bytes: &[u8]) -> DataError {
    let (result, bytes) = peak(|| decode(bytes, &DecodeLimits::default()));
    assert!(bytes < 1_000_000, "{bytes} bytes for a refusal");
    result.unwrap_err()
}

#[test]
fn grey_and_colour_of_8_bits_are_bytes() {
    let grey = decoded(&png(3, 1, &[0, 7, 255], ExtendedColorType::L8));
    assert_eq!(grey, Image::new(1, 3, 1, Pixels::U8(vec![0, 7, 255])));
    let colour = decoded(&png(1, 2, &[1, 2, 3, 4, 5, 6], ExtendedColorType::Rgb8));
    assert_eq!(
        colour,
        Image::new(2, 1, 3, Pixels::U8(vec![1, 2, 3, 4, 5, 6]))
    );
}

#[test]
fn transparent_pixels_lie_over_white() {
    let values = [200, 100, 50, 255, 200, 100, 50, 0, 200, 100, 50, 128];
    let got = decoded(&png(3, 1, &values, ExtendedColorType::Rgba8));
    // 128 / 255 of the value and the rest of white, rounded to nearest.
    let expected = vec![200, 100, 50, 255, 255, 255, 227, 177, 152];
    assert_eq!(got, Image::new(1, 3, 3, Pixels::U8(expected)));
    let grey = decoded(&png(2, 1, &[9, 255, 9, 0], ExtendedColorType::La8));
    assert_eq!(grey, Image::new(1, 2, 1, Pixels::U8(vec![9, 255])));
}

/// A PNG with a chunk before its pixels.
fn with_chunk(png: &[u8], name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut chunk = (data.len() as u32).to_be_bytes().to_vec();
    chunk.extend(name);
    chunk.extend(data);
    chunk.extend(crc32(&chunk[4..]).to_be_bytes());
    [&png[..33], &chunk, &png[33..]].concat()
}

#[test]
fn a_colour_that_is_marked_as_transparent_is_as_it_is() {
    let colours = png(2, 1, &[9, 8, 7, 1, 2, 3], ExtendedColorType::Rgb8);
    let keyed = with_chunk(&colours, b"tRNS", &[0, 9, 0, 8, 0, 7]);
    assert_eq!(decoded(&keyed), decoded(&colours));
    let grey = png(2, 1, &[9, 8], ExtendedColorType::L8);
    let keyed = with_chunk(&grey, b"tRNS", &[0, 9]);
    assert_eq!(decoded(&keyed), decoded(&grey));
}

#[test]
fn the_common_formats_are_read() {
    let values = gradient(12, 9);
    let image = image::RgbImage::from_raw(12, 9, values.clone()).unwrap();
    for format in [ImageFormat::Bmp, ImageFormat::WebP] {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        let bytes = bytes.into_inner();
        assert_eq!(
            decoded(&bytes),
            Image::new(9, 12, 3, Pixels::U8(values.clone())),
            "{format:?}"
        );
        for length in (0..bytes.len() - 40).step_by(7) {
            assert!(
                decode(&bytes[..length], &DecodeLimits::default()).is_err(),
                "{format:?} {length}"
            );
        }
    }
    let two = [[200, 10, 60, 255], [0, 0, 250, 255]]
        .map(|colour| image::RgbaImage::from_pixel(6, 5, colour.into()));
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
    encoder.encode_frames(two.map(image::Frame::new)).unwrap();
    drop(encoder);
    // Of an animation the first picture.
    let expected = Pixels::U8([200, 10, 60].repeat(30));
    assert_eq!(decoded(&bytes), Image::new(5, 6, 3, expected));
    assert!(decode(&bytes[..30], &DecodeLimits::default()).is_err());
}

#[test]
fn values_of_16_bits_lose_nothing() {
    let bytes: Vec<u8> = [0_u16, 1, 65_535]
        .iter()
        .flat_map(|value| value.to_ne_bytes())
        .collect();
    let got = decoded(&png(3, 1, &bytes, ExtendedColorType::L16));
    let expected = vec![0.0, 1.0 / 65_535.0, 1.0];
    assert_eq!(got, Image::new(1, 3, 1, Pixels::F32(expected)));
    let bytes: Vec<u8> = [65_535_u16, 0, 32_768, 65_535, 65_535, 65_535, 65_535, 0]
        .iter()
        .flat_map(|value| value.to_ne_bytes())
        .collect();
    let got = decoded(&png(2, 1, &bytes, ExtendedColorType::Rgba16));
    let expected = vec![1.0, 0.0, 32_768.0 / 65_535.0, 1.0, 1.0, 1.0];
    assert_eq!(got, Image::new(1, 2, 3, Pixels::F32(expected)));
}

#[test]
fn jpegs_come_near_to_what_was_stored() {
    let grey = decoded(&jpeg(16, 8, &[77; 128], ExtendedColorType::L8));
    assert_eq!((grey.height, grey.width, grey.channels), (8, 16, 1));
    let Pixels::U8(values) = grey.pixels else {
        panic!("bytes")
    };
    assert!(values.iter().all(|value| value.abs_diff(77) <= 2));
    let colour = decoded(&jpeg(9, 7, &gradient(9, 7), ExtendedColorType::Rgb8));
    assert_eq!((colour.height, colour.width, colour.channels), (7, 9, 3));
}

/// A JPEG of 16 x 8 pixels, black on the left, with an orientation in EXIF.
fn oriented(orientation: u8) -> Vec<u8> {
    let values: Vec<u8> = (0..128)
        .map(|place| if place % 16 < 8 { 0 } else { 255 })
        .collect();
    let plain = jpeg(16, 8, &values, ExtendedColorType::L8);
    let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    let mut bytes = plain[..2].to_vec();
    bytes.extend([0xff, 0xe1]);
    bytes.extend((exif.len() as u16 + 2).to_be_bytes());
    bytes.extend(exif);
    bytes.extend(&plain[2..]);
    bytes
}

#[test]
fn the_orientation_of_exif_is_applied() {
    // (orientation, height, width, whether the first and the last pixel are black)
    let cases = [
        (1, 8, 16, (true, false)),
        (2, 8, 16, (false, true)),
        (3, 8, 16, (false, true)),
        (6, 16, 8, (true, false)),
        (8, 16, 8, (false, true)),
    ];
    for (orientation, height, width, (first, last)) in cases {
        let image = decoded(&oriented(orientation));
        assert_eq!(
            (image.height, image.width),
            (height, width),
            "{orientation}"
        );
        let Pixels::U8(values) = image.pixels else {
            panic!("bytes")
        };
        assert_eq!(values[0] < 9, first, "{orientation}");
        assert_eq!(values[127] < 9, last, "{orientation}");
    }
}

/// A PNG whose header claims a size that its data do not have.
fn forged(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = png(1, 1, &[0], ExtendedColorType::L8);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[test]
fn what_is_too_large_is_refused_by_its_header() {
    let error = refused(&forged(20_000, 20_000));
    assert_eq!(
        error.to_string(),
        "<memory>: width in pixels is 20000, more than the limit of 16384"
    );
    // 169 million pixels.
    let error = refused(&forged(13_000, 13_000));
    assert!(
        matches!(
            error,
            DataError::TooLarge {
                got: 676_000_000,
                ..
            }
        ),
        "{error}"
    );
    refused(&forged(u32::MAX, u32::MAX));
    refused(&forged(0, 5));
}

#[test]
fn a_header_that_its_file_cannot_fulfil_is_refused() {
    let error = refused(&forged(16_000, 8_000));
    assert!(
        error.to_string().contains("claims more pixels than"),
        "{error}"
    );
    let mut bytes = jpeg(16, 8, &[7; 128], ExtendedColorType::L8);
    let frame = bytes
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap();
    bytes[frame + 5..frame + 7].copy_from_slice(&8_000_u16.to_be_bytes());
    bytes[frame + 7..frame + 9].copy_from_slice(&16_000_u16.to_be_bytes());
    let error = refused(&bytes);
    assert!(
        error.to_string().contains("claims more pixels than"),
        "{error}"
    );
}

#[test]
fn limits_of_the_caller_count() {
    let bytes = png(10, 6, &[0; 60], ExtendedColorType::L8);
    let limits = |max_width, max_height, max_bytes| DecodeLimits {
        max_width,
        max_height,
        max_bytes,
    };
    assert!(decode(&bytes, &limits(10, 6, 240)).is_ok());
    for limits in [limits(9, 6, 240), limits(10, 5, 240), limits(10, 6, 239)] {
        let error = decode(&bytes, &limits).unwrap_err();
        assert!(matches!(error, DataError::TooLarge { .. }), "{error}");
    }
}

#[test]
fn memory_stays_near_the_picture() {
    let values = gradient(1000, 500);
    for bytes in [
        png(1000, 500, &values, ExtendedColorType::Rgb8),
        jpeg(1000, 500, &values, ExtendedColorType::Rgb8),
    ] {
        let (image, allocated) = peak(|| decoded(&bytes));
        assert_eq!(image.pixels.len(), 1_500_000);
        // Three times the 2 MB that the limits count, and the compressed file.
        assert!(allocated < 6_000_000 + bytes.len(), "{allocated} bytes");
    }
}

#[test]
fn what_ends_early_is_an_error_at_every_length() {
    let values = gradient(40, 30);
    let jpeg = jpeg(40, 30, &values, ExtendedColorType::Rgb8);
    for length in 0..jpeg.len() {
        assert!(
            decode(&jpeg[..length], &DecodeLimits::default()).is_err(),
            "{length}"
        );
    }
    let png = png(40, 30, &values, ExtendedColorType::Rgb8);
    // The last 16 bytes are the checksum of the pixels and the empty end.
    for length in 0..png.len() - 16 {
        assert!(
            decode(&png[..length], &DecodeLimits::default()).is_err(),
            "{length}"
        );
    }
}

#[test]
fn other_files_are_said_to_be_others() {
    for bytes in [
        &b""[..],
        b"GIF89a",
        b"hello",
        b"\xff\xd8",
        b"\x89PNG\r\n\x1a\n",
    ] {
        assert!(matches!(refused(bytes), DataError::Decode { .. }));
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes: Vec<u8>, start in 0_usize..7) {
        let start: &[u8] = [
            &b""[..], b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"GIF89a", b"BM", b"II*\0\x08\0\0\0",
            b"RIFF\0\0\0\0WEBPVP8L",
        ][start];
        let bytes = [start, &bytes].concat();
        let (_, allocated) = peak(|| decode(&bytes, &DecodeLimits::default()));
        prop_assert!(allocated < 2_000_000, "{} bytes", allocated);
    }

    #[test]
    fn no_damage_panics(at: prop::sample::Index, value: u8, is_png: bool) {
        let mut bytes = if is_png {
            png(20, 10, &gradient(20, 10), ExtendedColorType::Rgb8)
        } else {
            jpeg(20, 10, &gradient(20, 10), ExtendedColorType::Rgb8)
        };
        let at = at.index(bytes.len());
        bytes[at] = value;
        let (result, allocated) = peak(|| decode(&bytes, &DecodeLimits::default()));
        if let Ok(image) = result {
            prop_assert_eq!(image.pixels.len(), image.height * image.width * image.channels);
        }
        // A damaged size may ask for what 64 KiB and the file's length let pass: 30 million pixels with their coefficients.
        prop_assert!(allocated < 100_000_000, "{} bytes", allocated);
    }
}
