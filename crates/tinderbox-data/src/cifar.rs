//! The binary version of CIFAR-10 and CIFAR-100 (Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images").
//!
//! A file is a row of records without a header: one label (CIFAR-10) or a coarse and a fine label (CIFAR-100), then 32 x 32 red
//! values, as many green, as many blue.

use std::path::Path;

use crate::error::memory;
use crate::inflate::read_file;
use crate::{DataError, InMemoryImages, Pixels};

const SIDE: usize = 32;
const AREA: usize = SIDE * SIDE;

/// Which of the two data sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CifarKind {
    /// 10 classes.
    C10,
    /// 100 classes, the fine labels.
    C100,
}

impl CifarKind {
    /// Bytes before the pixels of a record; the last of them is the label.
    fn labels(self) -> usize {
        match self {
            Self::C10 => 1,
            Self::C100 => 2,
        }
    }

    /// The names of the classes, by number.
    pub fn class_names(self) -> &'static [&'static str] {
        match self {
            Self::C10 => &NAMES_10,
            Self::C100 => &NAMES_100,
        }
    }
}

/// Reads files one after the other, such as `data_batch_1.bin` to `data_batch_5.bin`, as 32 x 32 colour pictures.
///
/// # Errors
/// When no file is named, a file cannot be read, is empty, is no whole number of records, or holds a label that the data set does not have.
pub fn read_binary<P: AsRef<Path>>(
    paths: &[P],
    kind: CifarKind,
) -> Result<InMemoryImages, DataError> {
    let mut records = Records::default();
    for path in paths {
        let path = path.as_ref();
        read_file(path)
            .and_then(|bytes| records.extend(&bytes, kind))
            .map_err(|error| error.at(path))?;
    }
    records.finish(kind)
}

/// [`read_binary`] for the bytes of one file.
///
/// # Errors
/// As [`read_binary`].
pub fn parse_binary(bytes: &[u8], kind: CifarKind) -> Result<InMemoryImages, DataError> {
    let mut records = Records::default();
    records.extend(bytes, kind)?;
    records.finish(kind)
}

#[derive(Default)]
struct Records {
    pixels: Vec<u8>,
    labels: Vec<u32>,
}

impl Records {
    fn extend(&mut self, bytes: &[u8], kind: CifarKind) -> Result<(), DataError> {
        let size = kind.labels() + 3 * AREA;
        if bytes.is_empty() || !bytes.len().is_multiple_of(size) {
            let expected = format!("a positive multiple of {size} bytes");
            return Err(DataError::format(
                "length",
                expected,
                format!("{} bytes", bytes.len()),
            ));
        }
        let classes = kind.class_names().len();
        self.pixels.reserve(bytes.len() / size * 3 * AREA);
        for (number, record) in bytes.chunks_exact(size).enumerate() {
            let (labels, planes) = record.split_at(kind.labels());
            let label = labels[labels.len() - 1];
            if usize::from(label) >= classes {
                let got = format!("{label} in record {number}");
                let expected = format!("below {classes}");
                return Err(DataError::format("label", expected, got));
            }
            self.labels.push(label.into());
            let (red, rest) = planes.split_at(AREA);
            let (green, blue) = rest.split_at(AREA);
            for ((red, green), blue) in red.iter().zip(green).zip(blue) {
                self.pixels.extend([*red, *green, *blue]);
            }
        }
        Ok(())
    }

    fn finish(self, kind: CifarKind) -> Result<InMemoryImages, DataError> {
        if self.labels.is_empty() {
            return Err(DataError::Empty {
                path: memory(),
                what: "CIFAR files",
                ignored: 0,
            });
        }
        let names = kind.class_names().iter().map(ToString::to_string);
        InMemoryImages::new(
            [SIDE, SIDE, 3],
            Pixels::U8(self.pixels),
            Some(self.labels),
            names.collect(),
        )
    }
}

const NAMES_10: [&str; 10] = [
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
];

#[rustfmt::skip]
const NAMES_100: [&str; 100] = [
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle",
    "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle",
    "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur",
    "dolphin", "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard",
    "lamp", "lawn_mower", "leopard", "lion", "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain",
    "mouse", "mushroom", "oak_tree", "orange", "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree",
    "plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road", "rocket",
    "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider",
    "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone", "television", "tiger", "tractor",
    "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf", "woman", "worm",
];
