//! From modules to dictionaries and back.

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor, TensorData};
use tinderbox_nn::{
    AnyImageEncoder, Encoder, ImageEncoderConfig, LoadReport, ResNet, ResNetConfig, ResNetDepth,
    StateDict, Stem, WeightsError, load_state_dict,
};

use crate::support::{device, fill, floats, uniform};

fn resnet18(device: &Device) -> ResNet {
    let config = ResNetConfig {
        width: 4,
        stem: Stem::Cifar,
        ..ResNetConfig::new(ResNetDepth::R18)
    };
    config.init(device).unwrap()
}

#[test]
fn a_model_comes_back_from_its_dictionary() {
    let device = Device::flex();
    let (one, other) = (fill(resnet18(&device)), resnet18(&device));
    let dict = StateDict::of(&one);
    let images = || uniform("input", [2, 3, 8, 8], &device);
    assert_ne!(
        floats(&one.forward(images()).into_data()),
        floats(&other.forward(images()).into_data())
    );
    let (loaded, report) = load_state_dict(other, &dict, false).unwrap();
    assert_eq!(report, LoadReport::default());
    assert_eq!(StateDict::of(&loaded), dict);
    assert_eq!(
        floats(&one.forward(images()).into_data()),
        floats(&loaded.forward(images()).into_data())
    );
}

#[test]
fn names_are_torchvisions() {
    let dict = StateDict::of(&resnet18(&Device::flex()));
    for name in [
        "conv1.weight",
        "bn1.running_mean",
        "layer1.0.conv1.weight",
        "layer1.1.bn2.bias",
        "layer2.0.downsample.0.weight",
        "layer2.0.downsample.1.running_var",
        "layer4.1.conv2.weight",
    ] {
        assert!(dict.get(name).is_some(), "{name}");
    }
    // 20 convolutions, 20 normalisations of 4 tensors each; no shortcut changes within a stage.
    assert_eq!(dict.len(), 20 + 20 * 4);
    assert!(dict.get("layer1.0.downsample.0.weight").is_none());
}

#[test]
fn the_choice_of_an_encoder_adds_no_level() {
    let config = ImageEncoderConfig::Resnet18 {
        stem: Stem::Cifar,
        width: 4,
    };
    let any = config.init(3, 8, &Device::flex()).unwrap();
    assert!(matches!(any, AnyImageEncoder::ResNet(_)));
    let names = |dict: StateDict| dict.names().map(String::from).collect::<Vec<_>>();
    assert_eq!(
        names(StateDict::of(&any)),
        names(StateDict::of(&resnet18(&Device::flex())))
    );
}

/// A dictionary of torchvision: with its head and PyTorch's counters, without one of our tensors.
#[test]
fn a_torchvision_dictionary_is_reported_and_its_counters_ignored() {
    let encoder = resnet18(&Device::flex());
    let filled = StateDict::of(&fill(encoder.clone()));
    let mut dict = StateDict::default();
    for (name, data) in filled.iter().filter(|(name, _)| *name != "bn1.weight") {
        dict.insert(name, data.clone());
    }
    dict.insert("fc.weight", TensorData::zeros::<f32, _>([10, 32]));
    dict.insert(
        "bn1.num_batches_tracked",
        TensorData::new(vec![3_i64], [0_usize; 0]),
    );
    let before = StateDict::of(&encoder);

    match load_state_dict(encoder.clone(), &dict, false) {
        Err(WeightsError::Names {
            missing,
            unexpected,
        }) => {
            assert_eq!(missing, ["bn1.weight"]);
            assert_eq!(unexpected, ["fc.weight"]);
        }
        other => panic!("{other:?}"),
    }
    let (loaded, report) = load_state_dict(encoder, &dict, true).unwrap();
    assert_eq!(report.missing, ["bn1.weight"]);
    assert_eq!(report.unexpected, ["fc.weight"]);
    let after = StateDict::of(&loaded);
    assert_eq!(after.get("bn1.weight"), before.get("bn1.weight"));
    assert_eq!(after.get("conv1.weight"), dict.get("conv1.weight"));
}

#[test]
fn what_stands_before_every_name_is_left_out_and_nothing_in_common_is_no_success() {
    let filled = StateDict::of(&resnet18(&Device::flex()));
    let load =
        |dict: &StateDict, partial| load_state_dict(resnet18(&Device::flex()), dict, partial);
    for prefix in ["module", "_orig_mod", "module._orig_mod", "backbone"] {
        let (loaded, report) = load(&filled.clone().with_prefix(prefix), false).unwrap();
        assert_eq!(report.prefix.as_deref(), Some(prefix));
        assert!(report.missing.is_empty() && report.unexpected.is_empty());
        assert_eq!(StateDict::of(&loaded), filled);
    }
    // As it is, one name of the network is enough for the others to be left alone.
    let mut mixed = filled.clone().with_prefix("bn1");
    mixed.insert("bn1.weight", filled.get("bn1.weight").unwrap().clone());
    let (_, report) = load(&mixed, true).unwrap();
    assert_eq!(
        (report.prefix, report.unexpected.len()),
        (None, filled.len())
    );
    // Two networks in a file: which of them is meant is not guessed.
    let mut two = filled.clone().with_prefix("module.a");
    for (name, data) in filled.clone().with_prefix("module.b").iter() {
        two.insert(name, data.clone());
    }
    for dict in [two, StateDict::default()] {
        match load(&dict, true) {
            Err(WeightsError::NothingInCommon { missing, .. }) => {
                assert_eq!(missing.len(), filled.len());
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn another_shape_or_kind_is_an_error_even_if_partial() {
    let linear = || LinearConfig::new(3, 2).init(&Device::flex());
    let mut dict = StateDict::default();
    dict.insert("weight", TensorData::zeros::<f32, _>([3, 2]));
    match load_state_dict(linear(), &dict, true) {
        Err(error @ WeightsError::Shape { .. }) => {
            assert_eq!(
                error.to_string(),
                "weight: expected shape [2, 3], got [3, 2]"
            );
        }
        other => panic!("{other:?}"),
    }
    dict.insert("weight", TensorData::zeros::<i64, _>([2, 3]));
    let error = load_state_dict(linear(), &dict, true).unwrap_err();
    assert_eq!(
        error.to_string(),
        "weight: expected floating-point numbers, got integers"
    );
}

#[test]
fn an_error_lists_the_first_names_and_counts_the_rest() {
    let encoder = resnet18(&Device::flex());
    let error = load_state_dict(encoder, &StateDict::default(), false).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("names differ: missing bn1.bias, bn1.running_mean,"),
        "{text}"
    );
    assert!(text.ends_with("and 95 more; unexpected none"), "{text}");
}

#[derive(Module, Debug)]
struct Mixed {
    linear: Linear,
    norm: LayerNorm,
    position: Param<Tensor<1, Int>>,
    #[module(skip)]
    note: usize,
}

#[test]
fn burns_layers_take_pytorchs_names_and_layouts() {
    let device = Device::flex();
    let mixed = Mixed {
        linear: LinearConfig::new(2, 3).init(&device),
        norm: LayerNormConfig::new(3).init(&device),
        position: Param::initialized(Default::default(), Tensor::from_ints([5], &device)),
        note: 4,
    };
    let mut dict = StateDict::default();
    let weight = TensorData::from([[1.0_f32, 2.0], [3.0, 4.0], [5.0, 6.0]]);
    dict.insert("linear.weight", weight.clone());
    dict.insert("linear.bias", TensorData::from([0.5_f32, 0.5, 0.5]));
    dict.insert("norm.weight", TensorData::from([1.0_f32, 2.0, 3.0]));
    dict.insert("norm.bias", TensorData::from([0.0_f32, 0.0, 1.0]));
    dict.insert("position", TensorData::from([9_i64]));
    let (loaded, _) = load_state_dict(mixed, &dict, false).unwrap();
    assert_eq!(StateDict::of(&loaded), dict);
    // PyTorch's product with its weight, [3, 2] x [2].
    let output = loaded
        .linear
        .forward(Tensor::<2>::from_data([[1.0, 10.0]], &device));
    assert_eq!(floats(&output.into_data()), [21.5, 43.5, 65.5]);
    assert_eq!(
        floats(&loaded.norm.gamma.val().into_data()),
        [1.0, 2.0, 3.0]
    );
    assert_eq!(loaded.note, 4);
}

#[test]
fn loading_keeps_frozen_parameters_frozen_and_the_others_trainable() {
    let source = fill(resnet18(&device()));
    let dict = StateDict::of(&source);
    let mut encoder = resnet18(&device());
    encoder.conv1 = encoder.conv1.freeze();
    let ids = burn::module::list_param_ids(&encoder);
    let (loaded, _) = load_state_dict(encoder, &dict, false).unwrap();
    assert!(!loaded.conv1.weight.is_require_grad());
    assert!(loaded.bn1.weight.is_require_grad());
    assert!(!loaded.bn1.running_mean.value().is_require_grad());
    assert_eq!(burn::module::list_param_ids(&loaded), ids);
    let features = loaded.forward(uniform("input", [2, 3, 8, 8], &device()));
    let backward = features.sum().backward();
    assert!(loaded.conv1.weight.grad(&backward).is_none());
    assert!(loaded.layer1[0].conv1.weight.grad(&backward).is_some());
}

#[test]
fn loading_puts_weights_on_the_modules_device() {
    let dict = StateDict::of(&fill(resnet18(&Device::flex())));
    let (loaded, _) = load_state_dict(resnet18(&device()), &dict, false).unwrap();
    assert!(loaded.conv1.weight.val().is_autodiff());
    assert!(loaded.bn1.running_mean.value().is_autodiff());
    let (loaded, _) = load_state_dict(loaded.valid(), &dict, false).unwrap();
    assert!(!loaded.conv1.weight.val().is_autodiff());
}

#[test]
fn prefixes_come_and_go() {
    let mut dict = StateDict::default();
    dict.insert("encoder.fc.bias", TensorData::from([1.0_f32]));
    dict.insert("encoder2.fc.bias", TensorData::from([2.0_f32]));
    dict.insert("encoder", TensorData::from([3.0_f32]));
    for prefix in ["encoder", "encoder."] {
        let stripped = dict.clone().strip_prefix(prefix);
        assert_eq!(stripped.names().collect::<Vec<_>>(), ["fc.bias"]);
        let back = stripped.with_prefix(prefix);
        assert_eq!(back.names().collect::<Vec<_>>(), ["encoder.fc.bias"]);
        assert_eq!(back.get("encoder.fc.bias"), dict.get("encoder.fc.bias"));
    }
    assert_eq!(dict.clone().with_prefix(""), dict);
    assert_eq!(dict.clone().strip_prefix(""), dict);
    assert!(dict.strip_prefix("head").is_empty());
}
