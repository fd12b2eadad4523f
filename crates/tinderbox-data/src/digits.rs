//! The handwritten digits that are part of the crate.

use std::io::Read;

use flate2::read::GzDecoder;

use crate::{InMemoryImages, Pixels};

/// The table; `digits/README.md` says where it comes from.
const TABLE: &[u8] = include_bytes!("digits/digits.csv.gz");

const ITEMS: usize = 1_797;
const SIDE: usize = 8;

/// 1,797 handwritten digits of 8 x 8 grey pixels, in 10 classes.
///
/// It is the test set of *Optical Recognition of Handwritten Digits* (Alpaydin and Kaynak, UCI, 1998; CC BY 4.0), as scikit-learn's
/// `load_digits` gives it. Its values 0 to 16 are divided by 16.
///
/// ```
/// use burn::data::dataset::Dataset;
/// let digits = tinderbox_data::digits();
/// assert_eq!(digits.len(), 1_797);
/// ```
pub fn digits() -> InMemoryImages {
    let mut text = String::with_capacity(270_000);
    GzDecoder::new(TABLE)
        .read_to_string(&mut text)
        .expect("the table is part of the program");
    let mut pixels = Vec::with_capacity(ITEMS * SIDE * SIDE);
    let mut labels = Vec::with_capacity(ITEMS);
    for line in text.lines() {
        let mut values = line
            .split(',')
            .map(|value| value.parse::<u8>().expect("the table holds whole numbers"));
        pixels.extend(
            values
                .by_ref()
                .take(SIDE * SIDE)
                .map(|value| f32::from(value) / 16.0),
        );
        labels.push(values.next().expect("a label ends each line").into());
    }
    let names = (0..10).map(|digit| digit.to_string()).collect();
    InMemoryImages::new([SIDE, SIDE, 1], Pixels::F32(pixels), Some(labels), names)
        .expect("the table is rectangular")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Labelled, fingerprint, labels};
    use burn::data::dataset::Dataset;

    #[test]
    fn the_table_is_whole() {
        let digits = digits();
        assert_eq!(digits.len(), ITEMS);
        assert_eq!(digits.class_names().len(), 10);
        let mut counts = [0; 10];
        for label in labels(&digits).unwrap() {
            counts[label as usize] += 1;
        }
        // The counts that the UCI repository documents for its test set.
        assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    }

    #[test]
    fn pixels_are_shares_and_the_first_digit_is_a_zero() {
        let digits = digits();
        let first = digits.get(0).unwrap();
        assert_eq!((first.label, first.id.as_str()), (Some(0), "0"));
        let values = first.image.into_f32();
        assert_eq!(values[..6], [0.0, 0.0, 0.3125, 0.8125, 0.5625, 0.0625]);
        let mut highest = 0.0_f32;
        for index in 0..ITEMS {
            for value in digits.get(index).unwrap().image.into_f32() {
                assert!((0.0..=1.0).contains(&value));
                highest = highest.max(value);
            }
        }
        assert_eq!(highest, 1.0);
    }

    #[test]
    fn the_fingerprint_is_stable() {
        assert_eq!(fingerprint(&digits()), fingerprint(&digits()));
    }
}
