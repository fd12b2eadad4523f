//! Masked autoencoding: the loss, the masks, the objective.

use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use tinderbox_nn::{NnConfigError, Vit, VitConfig};
use tinderbox_objectives::{
    ImageBatch, Mae, MaeConfig, Objective, ObjectiveConfigError, PatchMask, StepContext,
    masked_autoencoding,
};

use crate::support::{addressed, check_gradient, device, floats, matrix, scalar};

fn at(step: u64, micro_batch: u32) -> StepContext {
    StepContext {
        step,
        total_steps: 10,
        micro_batch,
    }
}

fn encoder() -> Vit {
    let config = VitConfig {
        channels: 1,
        width: 16,
        depth: 1,
        heads: 2,
        ..VitConfig::tiny(8, 2)
    };
    config.init(&device()).unwrap()
}

fn config() -> MaeConfig {
    MaeConfig {
        decoder_width: 8,
        decoder_depth: 1,
        decoder_heads: 2,
        ..MaeConfig::default()
    }
}

fn objective(config: &MaeConfig) -> Mae {
    device().seed(5);
    config.init(encoder(), &device()).unwrap()
}

fn images(n: usize) -> ImageBatch {
    let data = TensorData::new(addressed(1, n * 64), [n, 1, 8, 8]);
    ImageBatch {
        images: Tensor::from_data(data, &device()),
    }
}

fn mask(values: &[bool], shape: [usize; 2]) -> Tensor<2, Bool> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), &device())
}

/// The formula in f64.
fn reference(predicted: &[f64], patches: &[f32], masked: &[bool], normalise: bool) -> f64 {
    let size = patches.len() / masked.len();
    let mut total = 0.0;
    for ((p, y), _) in predicted
        .chunks(size)
        .zip(patches.chunks(size))
        .zip(masked)
        .filter(|(_, masked)| **masked)
    {
        let y: Vec<f64> = y.iter().map(|&v| v.into()).collect();
        let mean = y.iter().sum::<f64>() / size as f64;
        let variance = y.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (size - 1) as f64;
        for (p, y) in p.iter().zip(&y) {
            let target = match normalise {
                true => (y - mean) / (variance + 1e-6).sqrt(),
                false => *y,
            };
            total += (p - target).powi(2) / size as f64;
        }
    }
    total / masked.iter().filter(|m| **m).count().max(1) as f64
}

#[test]
fn the_gradient_agrees_with_differences() {
    let (patches, masked) = (addressed(3, 24), [true, false, false, true, true, false]);
    for normalise in [false, true] {
        let cube = |x: Tensor<2>| x.reshape([2, 3, 4]);
        check_gradient(
            &addressed(4, 24),
            6,
            |x| {
                let patches = cube(matrix(&patches, 6));
                masked_autoencoding(cube(x), patches, mask(&masked, [2, 3]), normalise)
            },
            |x| reference(x, &patches, &masked, normalise),
        );
        let predicted = cube(matrix(&addressed(4, 24), 6));
        let got = masked_autoencoding(
            predicted,
            cube(matrix(&patches, 6)),
            mask(&masked, [2, 3]),
            normalise,
        );
        let wide: Vec<f64> = addressed(4, 24).iter().map(|&v| v.into()).collect();
        let expected = reference(&wide, &patches, &masked, normalise);
        assert!((f64::from(scalar(got)) - expected).abs() <= 1e-5 * expected);
    }
}

#[test]
fn without_a_masked_patch_the_loss_is_zero() {
    let x = matrix(&addressed(5, 8), 2).require_grad();
    let patches = matrix(&addressed(6, 8), 2).reshape([1, 2, 4]);
    let predicted = x.clone().reshape([1, 2, 4]);
    let loss = masked_autoencoding(predicted, patches, mask(&[false; 2], [1, 2]), true);
    assert_eq!(scalar(loss.clone()), 0.0);
    assert_eq!(floats(x.grad(&loss.backward()).unwrap()), [0.0; 8]);
}

#[test]
fn a_patch_of_one_colour_is_finite() {
    let x = matrix(&addressed(7, 4), 1).require_grad();
    let patches = Tensor::<3>::ones([1, 1, 4], &device()) * 0.5;
    let predicted = x.clone().reshape([1, 1, 4]);
    let loss = masked_autoencoding(predicted, patches, mask(&[true], [1, 1]), true);
    assert!(scalar(loss.clone()).is_finite());
    let gradient = floats(x.grad(&loss.backward()).unwrap());
    assert!(gradient.iter().all(|v| v.is_finite()));
}

fn kept(mask: &PatchMask) -> Vec<i64> {
    mask.kept.clone().into_data().iter::<i64>().collect()
}

#[test]
fn a_mask_is_a_permutation_that_says_what_is_kept() {
    let mask = PatchMask::draw([3, 16], 4, 7, at(2, 0), &Device::flex());
    let (kept, restore) = (kept(&mask), mask.restore.into_data());
    let restore: Vec<i64> = restore.iter::<i64>().collect();
    let masked: Vec<bool> = mask.masked.into_data().iter::<bool>().collect();
    for image in 0..3 {
        let mut row = restore[image * 16..][..16].to_vec();
        for (place, &patch) in kept[image * 4..][..4].iter().enumerate() {
            assert_eq!(row[patch as usize], place as i64);
        }
        for (place, masked) in row.iter().zip(&masked[image * 16..]) {
            assert_eq!(*masked, *place >= 4);
        }
        row.sort_unstable();
        assert_eq!(row, (0..16).collect::<Vec<_>>());
    }
}

#[test]
fn masks_depend_on_their_address_alone() {
    let draw = |batch, seed, at| kept(&PatchMask::draw([batch, 16], 4, seed, at, &Device::flex()));
    let one = draw(2, 7, at(3, 1));
    assert_eq!(one, draw(2, 7, at(3, 1)));
    // A longer batch, and a longer run, keep the masks of the rows before.
    assert_eq!(one, draw(5, 7, at(3, 1))[..8]);
    let later = StepContext {
        total_steps: 99,
        ..at(3, 1)
    };
    assert_eq!(one, draw(2, 7, later));
    for other in [
        draw(2, 8, at(3, 1)),
        draw(2, 7, at(4, 1)),
        draw(2, 7, at(3, 0)),
    ] {
        assert_ne!(one, other);
    }
    assert_ne!(one[..4], one[4..]);
}

/// Of 4,000 images each patch is kept in a quarter; 5 standard deviations of a binomial are 137.
#[test]
fn every_patch_is_as_likely_as_another() {
    let mut counts = [0_i32; 16];
    for patch in kept(&PatchMask::draw(
        [4000, 16],
        4,
        1,
        at(0, 0),
        &Device::flex(),
    )) {
        counts[patch as usize] += 1;
    }
    for count in counts {
        assert!((count - 1000).abs() <= 137, "{counts:?}");
    }
}

#[test]
fn a_step_depends_on_seed_and_step_alone() {
    let objective = objective(&config());
    let loss = |at| scalar(objective.step(images(3), at).loss);
    assert_eq!(loss(at(1, 0)), loss(at(1, 0)));
    assert_ne!(loss(at(1, 0)), loss(at(2, 0)));
    let images = images(3).images;
    let mask = PatchMask::draw([3, 16], 4, 0, at(1, 0), &device());
    assert_eq!(scalar(objective.loss(images, mask)), loss(at(1, 0)));
}

/// What the encoder does not see it cannot know: the prediction of a masked patch is the same for any pixels there.
#[test]
fn masked_pixels_reach_the_loss_as_targets_only() {
    let objective = objective(&config());
    let mask = PatchMask::draw([1, 16], 4, 0, at(0, 0), &device());
    let images = images(1).images.require_grad();
    let loss = objective.loss(images.clone(), mask.clone());
    let gradient = images.grad(&loss.backward()).unwrap();
    let patches = tinderbox_nn::patchify(images.clone().detach(), 2);
    let encoded = objective.encoder.encode(patches.clone(), Some(mask.kept));
    let predicted = objective.decoder.forward(encoded, mask.restore);
    // The gradient of a target alone is 2 (target - prediction) / (12 masked patches * 4 pixels).
    let expected = (patches - predicted) * (2.0 / 48.0);
    let got = tinderbox_nn::patchify(gradient, 2);
    let masked: Vec<bool> = mask.masked.into_data().iter::<bool>().collect();
    let pairs = floats(got).into_iter().zip(floats(expected));
    for (i, (got, expected)) in pairs.enumerate().filter(|(i, _)| masked[i / 4]) {
        assert!((got - expected).abs() < 1e-6, "{i}: {got} {expected}");
    }
}

#[test]
fn training_lowers_the_loss() {
    for normalise_pixels in [false, true] {
        let mut objective = objective(&MaeConfig {
            normalise_pixels,
            mask_ratio: 0.5,
            ..config()
        });
        let mut optimiser = AdamConfig::new().init();
        let first = scalar(objective.step(images(4), at(0, 0)).loss);
        for _ in 0..100 {
            let loss = objective.step(images(4), at(0, 0)).loss;
            let gradients = GradientsParams::from_grads(loss.backward(), &objective);
            objective = optimiser.step(0.01, objective, gradients);
        }
        let last = scalar(objective.step(images(4), at(0, 0)).loss);
        assert!(last < 0.5 * first, "from {first} to {last}");
    }
}

#[test]
fn configurations_are_checked_once_and_by_type() {
    for got in [0.0, 1.0, -0.5, 0.99] {
        let config = MaeConfig {
            mask_ratio: got,
            ..config()
        };
        let expected = ObjectiveConfigError::MaskRatio { got, patches: 16 };
        assert_eq!(config.init(encoder(), &device()).err(), Some(expected));
    }
    let heads = MaeConfig {
        decoder_heads: 3,
        ..config()
    };
    let expected = NnConfigError::Heads { width: 8, heads: 3 };
    assert_eq!(
        heads.init(encoder(), &device()).err(),
        Some(ObjectiveConfigError::Network(expected))
    );
}

#[test]
fn a_recipe_may_say_nothing() {
    let config: MaeConfig = serde_json::from_str("{}").unwrap();
    assert_eq!(config, MaeConfig::default());
    assert_eq!((config.mask_ratio, config.normalise_pixels), (0.75, false));
    assert!(serde_json::from_str::<MaeConfig>(r#"{"ratio": 0.5}"#).is_err());
}

#[test]
fn integers_of_a_mask_have_the_devices_type() {
    let mask = PatchMask::draw([1, 4], 2, 0, at(0, 0), &Device::flex());
    let range = Tensor::<1, Int>::arange(0..2, &Device::flex());
    assert_eq!(mask.kept.dtype(), range.dtype());
}
