//! Data sets recognised again.

use std::sync::Arc;

use burn::data::dataset::Dataset;
use tinderbox_data::{
    DataError, ImageSource, InMemoryImages, Labelled, Pixels, Subset, digits, fingerprint, labels,
};

fn images(pixels: Pixels, labels: Option<Vec<u32>>) -> InMemoryImages {
    let names = ["a", "b"].map(str::to_owned).to_vec();
    InMemoryImages::new([1, 2, 1], pixels, labels, names).unwrap()
}

#[test]
fn every_part_matters() {
    let base = images(Pixels::U8(vec![1, 2, 3, 4]), Some(vec![0, 1]));
    let print = fingerprint(&base);
    assert_eq!(print.len(), 64);
    assert_eq!(print, fingerprint(&base.clone()));
    let others = [
        images(Pixels::U8(vec![1, 2, 3, 5]), Some(vec![0, 1])),
        images(Pixels::U8(vec![1, 2, 3, 4]), Some(vec![1, 0])),
        images(Pixels::U8(vec![1, 2, 3, 4]), None),
        images(Pixels::U8(vec![1, 2]), Some(vec![0])),
        images(Pixels::F32(vec![1.0, 2.0, 3.0, 4.0]), Some(vec![0, 1])),
    ];
    for other in others {
        assert_ne!(print, fingerprint(&other));
    }
}

#[test]
fn a_subset_has_its_own_items_in_its_own_order() {
    let digits = Arc::new(digits());
    let subset = Subset::new(digits.clone(), vec![7, 3]);
    assert_eq!(subset.len(), 2);
    assert_eq!(subset.get(1).unwrap(), digits.get(3).unwrap());
    assert_eq!((subset.label(0), subset.id(0).as_str()), (Some(7), "7"));
    let other = Subset::new(digits, vec![3, 7]);
    assert_ne!(fingerprint(&subset), fingerprint(&other));
}

#[test]
fn any_source_goes_by_one_type() {
    let source: Arc<dyn ImageSource> = Arc::new(digits());
    let subset = Subset::new(source.clone(), vec![0, 1]);
    assert_eq!(labels(&subset).unwrap(), [0, 1]);
    assert_eq!(fingerprint(&*source), fingerprint(&digits()));
}

#[test]
fn a_missing_label_is_named() {
    let error = labels(&images(Pixels::U8(vec![1, 2]), None)).unwrap_err();
    assert!(matches!(error, DataError::NoLabel { index: 0, .. }));
}

#[test]
fn pictures_and_labels_must_fit() {
    let new = |values, labels| {
        InMemoryImages::new([1, 2, 1], Pixels::U8(values), labels, vec!["a".to_owned()])
    };
    assert!(new(vec![0; 3], None).is_err());
    assert!(new(vec![0; 4], Some(vec![0])).is_err());
    assert!(new(vec![0; 2], Some(vec![1])).is_err());
    let empty = InMemoryImages::new([usize::MAX, 2, 1], Pixels::U8(vec![]), None, vec![]);
    assert!(empty.is_err());
}
