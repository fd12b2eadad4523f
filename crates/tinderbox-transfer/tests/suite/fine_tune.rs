//! Learning rates of layers in fine-tuning.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use tinderbox_nn::{ImageEncoderConfig, Stem};
use tinderbox_objectives::SupervisedConfig;
use tinderbox_transfer::{FineTuneConfig, LayerGroups, TransferError};

use crate::support::check_close;

const DECAY: FineTuneConfig = FineTuneConfig {
    freeze: false,
    layer_decay: Some(0.5),
};

#[track_caller]
fn check(layers: &LayerGroups, path: &str, depth: usize) {
    assert_eq!(layers.depth_from_top(path), depth, "{path}");
    check_close(
        DECAY.rate_for(path, layers),
        0.5f64.powi(depth as i32),
        1e-12,
    );
}

#[test]
fn rates_halve_from_layer_to_layer_of_a_resnet() {
    let layers = LayerGroups::resnet();
    for (path, depth) in [
        ("head.weight", 0),
        ("encoder.layer4.1.bn2.weight", 1),
        ("encoder.layer3.0.downsample.0.weight", 2),
        ("encoder.layer2.0.conv1.weight", 3),
        ("encoder.layer1.0.conv1.weight", 4),
        ("encoder.bn1.bias", 5),
        ("encoder.conv1.weight", 5),
        ("layer4.0.conv1.weight", 0),
        ("encoder.unheard_of.weight", 5),
    ] {
        check(&layers, path, depth);
    }
}

#[test]
fn rates_halve_from_layer_to_layer_of_the_reference_network() {
    let layers = LayerGroups::reference_cnn();
    for (path, depth) in [
        ("head.bias", 0),
        ("encoder.fc.weight", 1),
        ("encoder.conv.weight", 2),
    ] {
        check(&layers, path, depth);
    }
}

#[test]
fn a_head_with_a_number_or_a_layer_s_name_is_a_head() {
    let frozen = FineTuneConfig {
        freeze: true,
        layer_decay: None,
    };
    let text = LayerGroups::new([vec!["embeddings"], vec!["0"], vec!["1"]]);
    for (layers, path, depth) in [
        (LayerGroups::mlp(3), "heads.0.weight", 0),
        (LayerGroups::mlp(3), "heads.2.bias", 0),
        (LayerGroups::mlp(3), "encoder.layers.0.weight", 3),
        (LayerGroups::mlp(3), "encoder.layers.2.weight", 1),
        (text.clone(), "cls.1.dense.weight", 0),
        (text.clone(), "classifier.embeddings.weight", 0),
        (text.clone(), "encoder.encoder.layer.1.output.weight", 1),
        (text, "encoder.embeddings.LayerNorm.weight", 3),
        (LayerGroups::resnet(), "decoder.layer4.0.conv1.weight", 0),
        (LayerGroups::resnet(), "encoders.layer4.0.conv1.weight", 0),
    ] {
        check(&layers, path, depth);
        assert_eq!(
            frozen.rate_for(path, &layers),
            f64::from(depth == 0),
            "{path}"
        );
    }
}

#[test]
fn freezing_stops_the_encoder_alone() {
    let frozen = FineTuneConfig {
        freeze: true,
        layer_decay: Some(0.5),
    };
    let layers = LayerGroups::resnet();
    assert_eq!(
        frozen.rate_for("encoder.layer4.0.conv1.weight", &layers),
        0.0
    );
    assert_eq!(frozen.rate_for("encoder.unheard_of.weight", &layers), 0.0);
    assert_eq!(frozen.rate_for("head.weight", &layers), 1.0);
    let all = FineTuneConfig::default();
    assert_eq!(all.rate_for("encoder.conv1.weight", &layers), 1.0);
}

/// Collects the paths of float parameters as a module visitor sees them.
#[derive(Default)]
struct Paths {
    at: Vec<String>,
    seen: Vec<String>,
}

impl ModuleVisitor for Paths {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.at.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.at.pop();
    }

    fn visit_float<const D: usize>(&mut self, _param: &Param<Tensor<D>>) {
        self.seen.push(self.at.join("."));
    }
}

#[test]
fn every_parameter_of_a_real_model_has_its_layer() {
    let device = Device::flex();
    for (config, groups) in [
        (
            ImageEncoderConfig::Resnet18 {
                stem: Stem::Cifar,
                width: 4,
            },
            5,
        ),
        (
            ImageEncoderConfig::ReferenceCnn {
                filters: 2,
                stages: 1,
                hidden: 4,
                dropout: 0.0,
            },
            2,
        ),
    ] {
        let encoder = config.init(3, 32, &device).unwrap();
        let model = SupervisedConfig::new(10).init(encoder, &device).unwrap();
        let mut paths = Paths::default();
        model.visit(&mut paths);
        let layers = LayerGroups::of(&config);
        let mut found: Vec<usize> = Vec::new();
        for path in &paths.seen {
            let depth = layers.depth_from_top(path);
            assert_eq!(depth == 0, path.starts_with("head"), "{path}");
            found.push(depth);
        }
        found.sort_unstable();
        found.dedup();
        assert_eq!(found, (0..=groups).collect::<Vec<_>>());
    }
}

#[test]
fn a_decay_outside_its_range_is_refused() {
    let with = |layer_decay| FineTuneConfig {
        freeze: false,
        layer_decay,
    };
    for got in [0.0, -0.5, 1.5, f64::INFINITY] {
        assert_eq!(
            with(Some(got)).validate(),
            Err(TransferError::Config {
                field: "layer_decay",
                expected: "above 0 and at most 1",
                got,
            })
        );
    }
    assert!(with(Some(f64::NAN)).validate().is_err());
    assert!(with(Some(1.0)).validate().is_ok());
    assert!(with(None).validate().is_ok());
}
