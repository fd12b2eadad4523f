//! The vision transformer and the decoder of masked autoencoding: names, patches, positions, degenerate input.

use burn::tensor::{Device, Int, Tensor};
use tinderbox_nn::{
    Encoder, MaeDecoder, MaeDecoderConfig, NnConfigError, StateDict, TransformerBlockConfig, Vit,
    VitConfig, patchify,
};

use crate::support::{check_same, device, fill, floats, gradients, uniform};

fn config() -> VitConfig {
    VitConfig {
        channels: 2,
        width: 16,
        depth: 2,
        heads: 2,
        ..VitConfig::tiny(8, 4)
    }
}

fn vit(device: &Device) -> Vit {
    fill(config().init(device).unwrap())
}

const DECODER: MaeDecoderConfig = MaeDecoderConfig {
    width: 8,
    depth: 1,
    heads: 2,
};

fn decoder(device: &Device) -> MaeDecoder {
    fill(DECODER.init(&config(), device).unwrap())
}

fn images(n: usize, device: &Device) -> Tensor<4> {
    uniform("input", [n, 2, 8, 8], device)
}

#[test]
fn names_are_timms_and_the_authors() {
    let device = Device::flex();
    let dict = StateDict::of(&vit(&device));
    for (name, shape) in [
        ("cls_token", vec![1, 1, 16]),
        ("pos_embed", vec![1, 5, 16]),
        ("patch_embed.proj.weight", vec![16, 2, 4, 4]),
        ("patch_embed.proj.bias", vec![16]),
        ("blocks.0.norm1.weight", vec![16]),
        ("blocks.0.attn.qkv.weight", vec![48, 16]),
        ("blocks.0.attn.qkv.bias", vec![48]),
        ("blocks.1.attn.proj.weight", vec![16, 16]),
        ("blocks.1.norm2.bias", vec![16]),
        ("blocks.1.mlp.fc1.weight", vec![64, 16]),
        ("blocks.1.mlp.fc2.weight", vec![16, 64]),
        ("norm.weight", vec![16]),
    ] {
        let found = dict.get(name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(found.shape().to_vec(), shape, "{name}");
    }
    assert_eq!(dict.len(), 6 + 2 * 12);
    let dict = StateDict::of(&decoder(&device));
    for (name, shape) in [
        ("mask_token", vec![1, 1, 8]),
        ("decoder_embed.weight", vec![8, 16]),
        ("decoder_pos_embed", vec![1, 5, 8]),
        ("decoder_blocks.0.attn.qkv.weight", vec![24, 8]),
        ("decoder_norm.bias", vec![8]),
        ("decoder_pred.weight", vec![32, 8]),
    ] {
        let found = dict.get(name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(found.shape().to_vec(), shape, "{name}");
    }
}

#[test]
fn patches_are_ordered_by_row_column_channel() {
    let device = Device::flex();
    let pixels = Tensor::<1, Int>::arange(0..16, &device).float();
    let images = pixels.reshape([1, 1, 4, 4]);
    let both = Tensor::cat(vec![images.clone(), images + 100.0], 1);
    let patches = floats(&patchify(both, 2).into_data());
    assert_eq!(patches[..8], [0., 100., 1., 101., 4., 104., 5., 105.]);
    assert_eq!(patches[8..10], [2., 102.]);
    assert_eq!(patches[30..], [15., 115.]);
}

#[test]
fn keeping_every_patch_is_seeing_the_image() {
    let device = Device::flex();
    let vit = vit(&device);
    let patches = patchify(images(2, &device), 4);
    let all = vit.encode(patches.clone(), None);
    assert_eq!(all.dims(), [2, 5, 16]);
    let kept = Tensor::<2, Int>::from_ints([[0, 1, 2, 3], [0, 1, 2, 3]], &device);
    check_same(vit.encode(patches.clone(), Some(kept)), all.clone(), 1e-6);

    // The order in which patches are kept orders the states, and changes nothing else.
    let turned = Tensor::<2, Int>::from_ints([[3, 2, 1, 0], [0, 1, 2, 3]], &device);
    let got = vit.encode(patches, Some(turned));
    check_same(
        got.clone().slice([0..1, 1..2]),
        all.clone().slice([0..1, 4..5]),
        1e-5,
    );
    check_same(got.slice(1..2), all.clone().slice(1..2), 1e-5);
    let features = vit.forward(images(2, &device));
    let mean = all.slice([0..2, 1..5]).mean_dim(1).reshape([2, 16]);
    check_same(features, mean, 1e-6);
}

#[test]
fn a_patch_that_is_not_kept_is_not_seen() {
    let device = Device::flex();
    let vit = vit(&device);
    let kept = || Some(Tensor::<2, Int>::from_ints([[2, 0]], &device));
    let patches = patchify(images(1, &device), 4);
    let changed = Tensor::cat(
        vec![
            patches.clone().slice([0..1, 0..3]),
            patches.clone().slice([0..1, 3..4]) + 5.0,
        ],
        1,
    );
    check_same(
        vit.encode(changed, kept()),
        vit.encode(patches, kept()),
        0.0,
    );
}

/// Patches that the encoder did not see differ by their positions alone, so equal positions predict equal pixels.
#[test]
fn the_decoder_puts_tokens_at_their_places() {
    let device = Device::flex();
    let decoder = decoder(&device);
    let encoded = uniform("encoded", [2, 3, 16], &device);
    let restore = Tensor::<2, Int>::from_ints([[2, 0, 3, 1], [0, 1, 2, 3]], &device);
    let pixels = decoder.forward(encoded.clone(), restore);
    assert_eq!(pixels.dims(), [2, 4, 32]);
    // What stands for a patch not seen does not depend on which number above the kept ones it has.
    let other = Tensor::<2, Int>::from_ints([[3, 0, 2, 1], [0, 1, 9, 2]], &device);
    check_same(decoder.forward(encoded.clone(), other), pixels.clone(), 0.0);
    // Two patches that change places change the pixels.
    let swapped = Tensor::<2, Int>::from_ints([[2, 1, 3, 0], [0, 1, 2, 3]], &device);
    let moved = decoder.forward(encoded, swapped);
    assert_ne!(
        floats(&moved.clone().slice(0..1).into_data()),
        floats(&pixels.clone().slice(0..1).into_data())
    );
    check_same(moved.slice(1..2), pixels.slice(1..2), 1e-6);
}

/// Every parameter but the fixed positions gets a gradient.
#[test]
fn positions_are_not_learnt() {
    let device = device();
    let vit = config().init(&device).unwrap();
    assert!(!vit.pos_embed.is_require_grad());
    let before = floats(&vit.pos_embed.val().into_data());
    let kept = Tensor::<2, Int>::from_ints([[2, 0]], &device);
    let patches = patchify(images(1, &device), 4);
    let loss = vit.encode(patches, Some(kept)).square().sum();
    let backward = loss.backward();
    assert!(vit.pos_embed.val().grad(&backward).is_none());
    assert!(vit.cls_token.val().grad(&backward).is_some());
    assert_eq!(
        floats(gradients(vit, &backward).get("pos_embed").unwrap()),
        before
    );
}

#[test]
fn degenerate_configurations_are_typed_errors() {
    #[track_caller]
    fn check(change: impl Fn(&mut VitConfig), expected: NnConfigError) {
        let mut config = config();
        change(&mut config);
        assert_eq!(config.init(&Device::flex()).err(), Some(expected));
    }
    check(|c| c.depth = 0, NnConfigError::Zero { field: "depth" });
    check(|c| c.patch = 0, NnConfigError::Zero { field: "patch" });
    check(
        |c| c.patch = 3,
        NnConfigError::Patch {
            patch: 3,
            image_size: 8,
        },
    );
    check(
        |c| c.width = 6,
        NnConfigError::PositionWidth {
            field: "width",
            got: 6,
        },
    );
    check(
        |c| c.heads = 5,
        NnConfigError::Heads {
            width: 16,
            heads: 5,
        },
    );
    let no_width = TransformerBlockConfig::new(0, 1).init(&Device::flex());
    assert_eq!(no_width.err(), Some(NnConfigError::Zero { field: "width" }));
}

#[test]
#[should_panic(expected = "ViT: 9 patches for 4 positions")]
fn images_of_another_size_are_refused() {
    let device = Device::flex();
    vit(&device).forward(uniform("input", [1, 2, 12, 12], &device));
}

#[test]
#[should_panic(expected = "patchify: patches of 4 pixels do not divide images of 8 x 6")]
fn images_that_are_no_whole_number_of_patches_are_refused() {
    patchify(uniform("input", [1, 2, 8, 6], &Device::flex()), 4);
}
