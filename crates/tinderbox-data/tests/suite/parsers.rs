//! Any bytes, and whole files that are cut or altered, for the parsers that are the crate's own: no panic, and memory of at most twice
//! the file.

use proptest::prelude::*;
use tinderbox_data::cifar::{CifarKind, parse_binary};
use tinderbox_data::idx;

use crate::allocation::peak;

/// Room for an error's text and for what the smallest files need.
const SLACK: usize = 4_096;

fn idx_file(count: u32, height: u32, width: u32) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, 3];
    for size in [count, height, width] {
        bytes.extend(size.to_be_bytes());
    }
    bytes.extend((0..count * height * width).map(|value| value as u8));
    bytes
}

fn cifar_file(records: usize) -> Vec<u8> {
    (0..records)
        .flat_map(|record| {
            std::iter::once(record as u8 % 10).chain((0..3072).map(|value| value as u8))
        })
        .collect()
}

/// A byte is altered and the end is cut off.
fn damaged(
    mut bytes: Vec<u8>,
    (at, value, cut): (prop::sample::Index, u8, prop::sample::Index),
) -> Vec<u8> {
    let at = at.index(bytes.len());
    bytes[at] = value;
    bytes.truncate(cut.index(bytes.len() + 1));
    bytes
}

fn damage() -> impl Strategy<Value = (prop::sample::Index, u8, prop::sample::Index)> {
    any::<(prop::sample::Index, u8, prop::sample::Index)>()
}

proptest! {
    #[test]
    fn idx_takes_any_bytes(rest: Vec<u8>, is_idx: bool) {
        let magic: &[u8] = if is_idx { &[0, 0, 8, 3] } else { b"" };
        let bytes = [magic, &rest].concat();
        let (result, allocated) = peak(|| idx::parse(&bytes, None));
        prop_assert!(allocated <= 2 * bytes.len() + SLACK, "{} bytes", allocated);
        drop(result);
        let (result, allocated) = peak(|| idx::parse(&idx_file(2, 3, 4), Some(&bytes)));
        prop_assert!(allocated <= 2 * bytes.len() + SLACK, "{} bytes", allocated);
        drop(result);
    }

    #[test]
    fn idx_takes_damaged_files(damage in damage()) {
        let bytes = damaged(idx_file(50, 9, 7), damage);
        let (result, allocated) = peak(|| idx::parse(&bytes, None));
        prop_assert!(allocated <= 2 * bytes.len() + SLACK, "{} bytes", allocated);
        drop(result);
    }

    #[test]
    fn cifar_takes_any_bytes(bytes: Vec<u8>, hundred: bool) {
        let kind = if hundred { CifarKind::C100 } else { CifarKind::C10 };
        let (result, allocated) = peak(|| parse_binary(&bytes, kind));
        prop_assert!(allocated <= 2 * bytes.len() + SLACK, "{} bytes", allocated);
        drop(result);
    }

    #[test]
    fn cifar_takes_damaged_files(damage in damage()) {
        let bytes = damaged(cifar_file(5), damage);
        let (result, allocated) = peak(|| parse_binary(&bytes, CifarKind::C10));
        prop_assert!(allocated <= 2 * bytes.len() + SLACK, "{} bytes", allocated);
        drop(result);
    }
}
