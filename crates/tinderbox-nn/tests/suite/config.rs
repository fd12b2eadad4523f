//! Configurations: keys, defaults, sizes, errors.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde_json::json;
use tinderbox_nn::{
    AnyImageEncoder, Encoder, ImageEncoderConfig, MlpEncoderConfig, NnConfigError,
    ReferenceCnnConfig, ResNetConfig, ResNetDepth, StateDict, Stem,
};

use crate::support::{device, fixture, floats, uniform};

fn parse(value: serde_json::Value) -> Result<ImageEncoderConfig, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

#[test]
fn a_kind_alone_takes_the_published_defaults() {
    let (stem, width) = (Stem::ImageNet, 64);
    for (kind, expected) in [
        (
            "reference-cnn",
            ImageEncoderConfig::ReferenceCnn {
                filters: 32,
                stages: 1,
                hidden: 128,
                dropout: 0.2,
            },
        ),
        ("resnet18", ImageEncoderConfig::Resnet18 { stem, width }),
        ("resnet34", ImageEncoderConfig::Resnet34 { stem, width }),
        ("resnet50", ImageEncoderConfig::Resnet50 { stem, width }),
    ] {
        let config = parse(json!({ "kind": kind })).unwrap();
        assert_eq!(config, expected);
        assert_eq!(config.name(), kind);
        assert_eq!(
            parse(serde_json::to_value(&config).unwrap()).unwrap(),
            config
        );
    }
    let config = parse(json!({ "kind": "resnet18", "stem": "cifar", "width": 16 })).unwrap();
    assert_eq!(
        config,
        ImageEncoderConfig::Resnet18 {
            stem: Stem::Cifar,
            width: 16
        }
    );
}

#[test]
fn unknown_kinds_and_keys_are_refused() {
    for (value, expected) in [
        (json!({ "kind": "resnet19" }), "unknown variant `resnet19`"),
        (
            json!({ "kind": "resnet18", "depth": 18 }),
            "unknown field `depth`",
        ),
        (
            json!({ "kind": "reference-cnn", "stem": "cifar" }),
            "unknown field `stem`",
        ),
        (
            json!({ "kind": "resnet18", "stem": "vgg" }),
            "unknown variant `vgg`",
        ),
        (json!({ "filters": 32 }), "missing field `kind`"),
    ] {
        let error = parse(value).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn degenerate_configurations_are_typed_errors() {
    let stages = |stages, filters, hidden, dropout| ImageEncoderConfig::ReferenceCnn {
        filters,
        stages,
        hidden,
        dropout,
    };
    let cnn = |filters, hidden, dropout| stages(1, filters, hidden, dropout);
    let resnet = |width| ImageEncoderConfig::Resnet50 {
        stem: Stem::Cifar,
        width,
    };
    let zero = |field| NnConfigError::Zero { field };
    let small = |minimum, got| NnConfigError::ImageTooSmall {
        encoder: "reference-cnn",
        minimum,
        got,
    };
    for (config, channels, size, expected) in [
        (cnn(32, 128, 0.2), 0, 8, zero("channels")),
        (cnn(32, 128, 0.2), 1, 0, zero("image_size")),
        (cnn(32, 128, 0.2), 1, 3, small(4, 3)),
        (stages(2, 32, 128, 0.2), 1, 9, small(10, 9)),
        (stages(99, 32, 128, 0.2), 1, 9, small(usize::MAX, 9)),
        (stages(0, 32, 128, 0.2), 1, 8, zero("stages")),
        (cnn(0, 128, 0.2), 1, 8, zero("filters")),
        (cnn(32, 0, 0.2), 1, 8, zero("hidden")),
        (cnn(32, 128, 1.0), 1, 8, NnConfigError::Dropout { got: 1.0 }),
        (
            cnn(32, 128, -0.1),
            1,
            8,
            NnConfigError::Dropout { got: -0.1 },
        ),
        (resnet(64), 0, 8, zero("channels")),
        (resnet(0), 3, 8, zero("width")),
        (resnet(64), 3, 0, zero("image_size")),
    ] {
        let error = config.init(channels, size, &Device::flex()).unwrap_err();
        assert_eq!(error, expected);
    }
    let nan = cnn(32, 128, f64::NAN).init(1, 8, &Device::flex());
    assert!(matches!(nan, Err(NnConfigError::Dropout { .. })));
}

#[test]
fn a_perceptron_has_layers_and_checks_its_sizes() {
    let device = Device::flex();
    let config = MlpEncoderConfig::default();
    assert_eq!(config.hidden, [256; 4]);
    let config = MlpEncoderConfig {
        hidden: vec![7, 5],
        ..config
    };
    let encoder = config.init(3, &device).unwrap();
    assert_eq!(encoder.feature_dim(), 5);
    let features = encoder.forward(uniform("rows", [4, 3], &device));
    assert_eq!(features.dims(), [4, 5]);
    let zero = |field| Some(NnConfigError::Zero { field });
    assert_eq!(config.init(0, &device).err(), zero("columns"));
    for hidden in [vec![], vec![4, 0]] {
        let config = MlpEncoderConfig {
            hidden,
            ..MlpEncoderConfig::default()
        };
        assert_eq!(config.init(3, &device).err(), zero("hidden"));
    }
}

#[test]
fn the_smallest_images_still_have_features() {
    for (config, size) in [
        (json!({ "kind": "reference-cnn" }), 4),
        (json!({ "kind": "reference-cnn", "stages": 2 }), 10),
        (json!({ "kind": "resnet18" }), 1),
        (json!({ "kind": "resnet50" }), 1),
    ] {
        let encoder = parse(config).unwrap();
        let encoder = encoder.init(2, size, &Device::flex()).unwrap();
        let features = encoder.forward(uniform("input", [1, 2, size, size], &Device::flex()));
        assert_eq!(features.dims(), [1, encoder.feature_dim()]);
    }
}

/// Parameters as PyTorch counts them, without statistics.
fn parameters(module: &impl Module) -> usize {
    let dict = StateDict::of(module);
    let is_statistic = |name: &str| name.contains("running_");
    dict.iter()
        .filter(|(name, _)| !is_statistic(name))
        .map(|(_, data)| data.num_elements())
        .sum()
}

#[test]
fn parameter_counts_are_torchvisions() {
    let expected = fixture("parameters_without_fc");
    // The figures torchvision's pages state, less `fc` with 1000 classes.
    assert_eq!(expected["resnet18"], 11_689_512 - 513_000);
    assert_eq!(expected["resnet50"], 25_557_032 - 2_049_000);
    for (depth, name, dim) in [
        (ResNetDepth::R18, "resnet18", 512),
        (ResNetDepth::R34, "resnet34", 512),
        (ResNetDepth::R50, "resnet50", 2048),
    ] {
        let encoder = ResNetConfig::new(depth).init(&Device::flex()).unwrap();
        assert_eq!(expected[name], parameters(&encoder));
        assert_eq!(encoder.feature_dim(), dim);
    }
}

#[test]
fn width_scales_every_stage() {
    let config = ResNetConfig {
        width: 8,
        ..ResNetConfig::new(ResNetDepth::R50)
    };
    let encoder = AnyImageEncoder::ResNet(config.init(&Device::flex()).unwrap());
    assert_eq!(encoder.feature_dim(), 32 * 8);
    let features = encoder.forward(uniform("input", [2, 3, 32, 32], &Device::flex()));
    assert_eq!(features.dims(), [2, 256]);
}

/// Kaiming by fan-out: the variance of a convolution's weights is `2 / (channels_out * kernel^2)`.
#[test]
fn convolutions_start_as_torchvisions() {
    let device = Device::flex();
    device.seed(7);
    let encoder = ResNetConfig::new(ResNetDepth::R18).init(&device).unwrap();
    let dict = StateDict::of(&encoder);
    for (name, fan_out) in [
        ("layer4.0.conv1.weight", 512 * 9),
        ("layer2.0.downsample.0.weight", 128),
    ] {
        let values = floats(dict.get(name).unwrap());
        let variance =
            values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / values.len() as f64;
        // 8,192 draws and more: the standard error of the variance is below 1.6 %.
        assert!(
            (variance * f64::from(fan_out) / 2.0 - 1.0).abs() < 0.06,
            "{name}: {variance}"
        );
    }
    assert_eq!(floats(dict.get("layer1.0.bn2.weight").unwrap()), [1.0; 64]);
}

#[test]
fn dropout_acts_in_training_only() {
    let config = ReferenceCnnConfig {
        dropout: 0.5,
        ..ReferenceCnnConfig::new(1, 8)
    };
    let encoder = config.init(&device()).unwrap();
    let positive = |features: Tensor<2>| {
        floats(&features.into_data())
            .iter()
            .filter(|v| **v > 0.0)
            .count()
    };
    let kept = positive(encoder.forward(uniform("input", [16, 1, 8, 8], &device())));
    let all = positive(
        encoder
            .valid()
            .forward(uniform("input", [16, 1, 8, 8], &Device::flex())),
    );
    let share = kept as f64 / all as f64;
    assert!((0.4..0.6).contains(&share), "kept {kept} of {all}");
}
