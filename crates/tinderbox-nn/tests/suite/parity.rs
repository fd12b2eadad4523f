//! Networks against PyTorch and torchvision.
//!
//! A tolerance of 1e-5 is for a few layers in f32, 1e-4 for networks of 18 layers and more; the
//! references are in double precision.

use burn::module::Module;
use burn::tensor::{Bool, Device, Tensor, TensorData};
use tinderbox_nn::{
    Cell, Encoder, MlpEncoderConfig, ProjectionHeadConfig, RecurrentConfig, ReferenceCnnConfig,
    ResNetConfig, ResNetDepth, ResidualBlock, Stem,
};

use crate::addressed;
use crate::support::{self, check_record, device, fill, fixture, numbers, shape, uniform};

const SIMPLE: f64 = 1e-5;
const COMPOSITE: f64 = 1e-4;

/// Compares output, every gradient and every statistic of a filled module in training.
#[track_caller]
fn check_training<M: Module, const D: usize, const E: usize>(
    case: &str,
    module: M,
    forward: impl Fn(&M, Tensor<D>) -> Tensor<E>,
    tolerance: f64,
) {
    let reference = fixture(case);
    let module = fill(module);
    let input = uniform("input", shape::<D>(&reference["input"]), &device()).require_grad();
    let output = forward(&module, input.clone());
    let inputs = [("input", &input)];
    let worst = support::check_training(&reference, module, output, &inputs, tolerance);
    println!("{case}: worst error {worst:.1e}");
}

/// Compares the output of a filled encoder on a device without gradients.
#[track_caller]
fn check_evaluation(case: &str, encoder: impl Encoder<Input = Tensor<4>>, tolerance: f64) {
    let reference = fixture(case);
    let input = uniform("input", shape::<4>(&reference["input"]), &Device::flex());
    let output = fill(encoder).forward(input);
    assert_eq!(output.dims(), shape::<2>(&reference["output_shape"]));
    let error = check_record(
        "output",
        &output.into_data(),
        &reference["output"],
        tolerance,
    );
    println!("{case}: error {error:.1e}");
}

fn resnet(depth: ResNetDepth, stem: Stem) -> ResNetConfig {
    let config = ResNetConfig::new(depth);
    ResNetConfig { stem, ..config }
}

#[test]
fn addressed_numbers_are_those_of_the_scripts() {
    for (name, bits) in fixture("addressed").as_object().unwrap() {
        for (i, expected) in numbers(bits).into_iter().enumerate() {
            assert_eq!(
                (addressed::address(name, i as u64) >> 40) as f64,
                expected,
                "{name} {i}"
            );
        }
    }
}

#[test]
fn recurrent_networks_agree() {
    for (case, cell, depth, lengths) in [
        ("lstm", Cell::Lstm, 1, vec![6, 6]),
        (
            "lstm_stacked_both_ways_padded",
            Cell::Lstm,
            2,
            vec![6, 4, 1],
        ),
        ("gru", Cell::Gru, 1, vec![6, 6]),
        ("gru_stacked_both_ways_padded", Cell::Gru, 2, vec![6, 4, 1]),
        ("rnn", Cell::Tanh, 1, vec![6, 6]),
        ("rnn_stacked_both_ways_padded", Cell::Tanh, 2, vec![6, 4, 1]),
    ] {
        let config = RecurrentConfig {
            layers: depth,
            bidirectional: depth == 2,
            cell,
            ..RecurrentConfig::new(4, 5)
        };
        let padded: Vec<bool> = lengths
            .iter()
            .flat_map(|length| (0..6).map(move |step| step >= *length))
            .collect();
        let padding = TensorData::new(padded, [lengths.len(), 6]);
        check_training(
            case,
            config.init(&device()).unwrap(),
            |network, input: Tensor<3>| {
                // What stands at padding has no effect.
                let padding = Tensor::<2, Bool>::from_data(padding.clone(), &device());
                let output = network.forward(input, Some(padding));
                Tensor::cat(vec![output.steps.flatten(1, 2), output.last], 1)
            },
            SIMPLE,
        );
    }
}

#[test]
fn the_perceptron_agrees() {
    let config = MlpEncoderConfig {
        hidden: vec![7, 6, 5],
        dropout: 0.0,
    };
    check_training(
        "mlp_encoder",
        config.init(9, &device()).unwrap(),
        Encoder::forward,
        SIMPLE,
    );
}

#[test]
fn the_reference_cnn_agrees() {
    for (case, channels, size, stages) in [
        ("reference_cnn_grey_8", 1, 8, 1),
        ("reference_cnn_colour_13", 3, 13, 1),
        ("reference_cnn_two_stages", 1, 12, 2),
    ] {
        // Dropout has random numbers of its own.
        let config = ReferenceCnnConfig {
            stages,
            dropout: 0.0,
            ..ReferenceCnnConfig::new(channels, size)
        };
        check_training(
            case,
            config.init(&device()).unwrap(),
            Encoder::forward,
            SIMPLE,
        );
    }
}

#[test]
fn the_projection_head_agrees() {
    for (case, batch_norm) in [
        ("projection_head", false),
        ("projection_head_batch_norm", true),
    ] {
        let config = ProjectionHeadConfig {
            input: 16,
            hidden: 32,
            output: 8,
            batch_norm,
        };
        check_training(
            case,
            config.init(&device()),
            |head, x| head.forward(x),
            SIMPLE,
        );
    }
}

#[test]
fn resnet18_agrees_in_training_with_either_stem() {
    for (case, stem) in [
        ("resnet18_cifar", Stem::Cifar),
        ("resnet18_imagenet", Stem::ImageNet),
    ] {
        let encoder = resnet(ResNetDepth::R18, stem).init(&device()).unwrap();
        check_training(case, encoder, Encoder::forward, COMPOSITE);
    }
}

#[test]
fn resnets_agree_in_evaluation() {
    for (case, depth, stem) in [
        ("resnet18_cifar_evaluation", ResNetDepth::R18, Stem::Cifar),
        (
            "resnet34_imagenet_evaluation",
            ResNetDepth::R34,
            Stem::ImageNet,
        ),
        (
            "resnet50_imagenet_evaluation",
            ResNetDepth::R50,
            Stem::ImageNet,
        ),
    ] {
        let encoder = resnet(depth, stem).init(&Device::flex()).unwrap();
        check_evaluation(case, encoder, COMPOSITE);
    }
}

/// A bottleneck whose stride is in its 3 x 3 convolution, with a projected shortcut.
#[test]
fn a_bottleneck_agrees_in_training() {
    let encoder = resnet(ResNetDepth::R50, Stem::ImageNet).init(&device());
    let block = encoder.unwrap().layer2.swap_remove(0);
    let forward = |block: &ResidualBlock, x: Tensor<4>| block.forward(x);
    check_training("resnet50_block", block, forward, SIMPLE);
}
