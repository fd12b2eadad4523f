//! Items to samples.

use burn::data::dataset::Dataset;
use tinderbox_data::{
    AugmentConfig, ColourJitter, Image, ImageItem, OneView, Pixels, Preprocess, RandomAffine,
    RandomResizedCrop, SampleRng, TwoViews, View, digits,
};

fn rng(index: u64) -> SampleRng {
    SampleRng::new(1, 0, index, SampleRng::VIEW)
}

#[test]
fn two_views_differ_and_repeat() {
    let augment = AugmentConfig {
        affine: Some(RandomAffine::default()),
        crop: Some(RandomResizedCrop::default()),
        jitter: Some(ColourJitter::default()),
        ..AugmentConfig::default()
    };
    let view = TwoViews {
        augment: augment.build().unwrap(),
        preprocess: Preprocess::plain((8, 8), 1),
    };
    let item = digits().get(3).unwrap();
    let sample = view.apply(item.clone(), rng(3));
    assert_eq!(sample.shape, [1, 8, 8]);
    assert_eq!((sample.label, sample.index), (Some(3), 3));
    assert_eq!(sample.views.len(), 2);
    assert_ne!(sample.views[0], sample.views[1]);
    assert_eq!(sample, view.apply(item.clone(), rng(3)));
    assert_ne!(sample.views, view.apply(item, rng(4)).views);
}

#[test]
fn one_plain_view_is_the_preprocessed_picture() {
    let preprocess = Preprocess {
        mean: vec![0.3],
        std: vec![0.4],
        ..Preprocess::plain((8, 8), 1)
    };
    let item = digits().get(0).unwrap();
    let expected = preprocess.apply(&item.image);
    let view = OneView {
        augment: None,
        preprocess,
    };
    assert_eq!(view.apply(item, rng(0)).views, [expected]);
}

#[test]
fn a_crop_goes_straight_to_the_size_of_the_model() {
    let whole = RandomResizedCrop {
        scale: (1.0, 1.0),
        ratio: (1.0, 1.0),
        ..RandomResizedCrop::default()
    };
    let config = AugmentConfig {
        crop: Some(whole),
        ..AugmentConfig::default()
    };
    let preprocess = Preprocess::plain((16, 16), 3);
    let pixels = Pixels::U8((0..=255).map(|value| value as u8).collect());
    let item = ImageItem {
        image: Image::new(16, 16, 1, pixels),
        label: None,
        id: "0".to_owned(),
    };
    let view = OneView {
        augment: Some(config.build().unwrap()),
        preprocess: preprocess.clone(),
    };
    // A whole crop of the model's size changes nothing, and grey becomes colour before it.
    let expected = preprocess.apply(&item.image);
    assert_eq!(view.apply(item, rng(0)).views, [expected]);
}
