//! Recurrent networks: padding, gradients by step, degenerate input. Their numbers are compared in `parity`.

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use tinderbox_nn::{
    Cell, Encoder, NnConfigError, Recurrent, RecurrentConfig, RecurrentEncoderConfig,
    RecurrentState, TokenBatch, TokenEncoder,
};

use crate::support::{case, check_same, check_training, device, fill, uniform};

fn network(cell: Cell, device: &Device) -> Recurrent {
    let config = RecurrentConfig {
        layers: 2,
        bidirectional: true,
        cell,
        ..RecurrentConfig::new(3, 4)
    };
    fill(config.init(device).unwrap())
}

fn mask(rows: &[[bool; 5]]) -> Tensor<2, Bool> {
    let data = TensorData::new(rows.concat(), [rows.len(), 5]);
    Tensor::from_data(data, &Device::flex())
}

#[test]
fn padding_is_as_if_it_were_not_there() {
    let device = Device::flex();
    let x = uniform("x", [1, 3, 3], &device);
    let pad = uniform("pad", [1, 2, 3], &device);
    for cell in [Cell::Lstm, Cell::Gru, Cell::Tanh] {
        let network = network(cell, &device);
        let alone = network.forward(x.clone(), None);
        let behind = Tensor::cat(vec![x.clone(), pad.clone()], 1);
        let behind = network.forward(behind, Some(mask(&[[false, false, false, true, true]])));
        let before = Tensor::cat(vec![pad.clone(), x.clone()], 1);
        let before = network.forward(before, Some(mask(&[[true, true, false, false, false]])));
        for (padded, start) in [(behind, 0), (before, 2)] {
            check_same(padded.last, alone.last.clone(), 1e-6);
            let steps = padded.steps.clone().narrow(1, start, 3);
            check_same(steps, alone.steps.clone(), 1e-6);
            let all: f32 = padded.steps.abs().sum().into_scalar();
            let ours: f32 = alone.steps.clone().abs().sum().into_scalar();
            assert!((all - ours).abs() < 1e-5, "states at padding are zeros");
        }
        let nothing = network.forward(
            pad.clone().repeat_dim(1, 3).narrow(1, 0, 5),
            Some(mask(&[[true; 5]])),
        );
        let sum: f32 = nothing.last.abs().sum().into_scalar();
        assert_eq!(sum, 0.0, "a text of padding alone leaves no trace");
    }
}

#[test]
fn the_gradient_by_step_is_that_of_the_states() {
    let device = device();
    let config = RecurrentConfig::new(3, 4);
    let network: Recurrent = fill(config.init(&device).unwrap());
    let x = uniform("x", [2, 6, 3], &device);
    // Of the last state alone, the gradient at the last step is that of the loss itself.
    let norms = network.gradient_by_step(x.clone(), None, |output| output.last.sum());
    assert_eq!(norms.len(), 6);
    assert!((norms[5] - 8.0_f64.sqrt()).abs() < 1e-6, "{norms:?}");
    // With gates half open it fades from step to step.
    assert!(norms.windows(2).all(|pair| pair[0] < pair[1]), "{norms:?}");
    // What comes after a step has no part in a loss of that step.
    let norms = network.gradient_by_step(x, None, |output| output.steps.narrow(1, 2, 1).sum());
    assert!(norms[2] > 0.0 && norms[3..].iter().all(|norm| *norm == 0.0));
}

/// One layer in f32 against double precision, as the cells in `parity`.
#[test]
fn states_to_go_on_from_agree_with_pytorch() {
    let case = case("sequences.json", "recurrent_from_states");
    let config = RecurrentConfig {
        layers: 2,
        ..RecurrentConfig::new(4, 5)
    };
    let network: Recurrent = fill(config.init(&device()).unwrap());
    let input = uniform("input", [3, 6, 4], &device()).require_grad();
    let [h, c] = ["h", "c"].map(|name| uniform(name, [2, 3, 5], &device()).require_grad());
    let states = [0, 1].map(|layer| RecurrentState {
        h: h.clone().narrow(0, layer, 1).reshape([3, 5]),
        c: c.clone().narrow(0, layer, 1).reshape([3, 5]),
    });
    let padded = [6, 4, 1].map(|length| {
        (0..6)
            .map(move |step| step >= length)
            .collect::<Vec<bool>>()
    });
    let padding = TensorData::new(padded.concat(), [3, 6]);
    let padding = Tensor::<2, Bool>::from_data(padding, &device());
    let output = network.forward_from(input.clone(), Some(padding), &states);
    let mut parts = vec![output.steps.flatten(1, 2)];
    parts.extend(output.states.iter().map(|state| state.h.clone()));
    parts.extend(output.states.iter().map(|state| state.c.clone()));
    let output = Tensor::cat(parts, 1);
    let inputs = [("input", &input), ("h", &h), ("c", &c)];
    check_training(&case, network, output, &inputs, 1e-5);
}

#[test]
fn a_sequence_in_two_parts_is_the_sequence() {
    let device = Device::flex();
    for cell in [Cell::Lstm, Cell::Gru, Cell::Tanh] {
        let config = RecurrentConfig {
            cell,
            layers: 2,
            ..RecurrentConfig::new(3, 4)
        };
        let network: Recurrent = fill(config.init(&device).unwrap());
        let x = uniform("x", [2, 6, 3], &device);
        let whole = network.forward(x.clone(), None);
        let first = network.forward(x.clone().narrow(1, 0, 2), None);
        let second = network.forward_from(x.narrow(1, 2, 4), None, &first.states);
        check_same(second.last, whole.last, 1e-6);
        let steps = Tensor::cat(vec![first.steps, second.steps], 1);
        check_same(steps, whole.steps, 1e-6);
    }
}

#[test]
#[should_panic(expected = "states to go on from")]
fn a_state_for_each_layer() {
    let network = network(Cell::Lstm, &Device::flex());
    network.forward_from(Tensor::zeros([1, 2, 3], &Device::flex()), None, &[]);
}

#[test]
fn one_direction_is_causal() {
    for bidirectional in [false, true] {
        let config = RecurrentEncoderConfig {
            bidirectional,
            ..RecurrentEncoderConfig::new(4)
        };
        let encoder = fill(config.init(9, &Device::flex()).unwrap());
        assert_eq!(encoder.is_causal(), !bidirectional);
    }
}

#[test]
fn words_are_read_to_their_last_state() {
    let device = Device::flex();
    let config = RecurrentEncoderConfig {
        bidirectional: true,
        ..RecurrentEncoderConfig::new(4)
    };
    let encoder = fill(config.init(9, &device).unwrap());
    assert_eq!(encoder.feature_dim(), 8);
    let batch = |words: [i64; 5], padding| TokenBatch {
        tokens: Tensor::<2, Int>::from_data(TensorData::new(words.to_vec(), [1, 5]), &device),
        segments: Tensor::zeros([1, 5], &device),
        padding,
        documents: None,
    };
    let features = encoder.forward(batch([1, 2, 3, 4, 5], None));
    assert_eq!(features.dims(), [1, 8]);
    let end = || Some(mask(&[[false, false, false, true, true]]));
    let one = encoder.forward(batch([1, 2, 3, 4, 5], end()));
    check_same(one, encoder.forward(batch([1, 2, 3, 8, 0], end())), 0.0);
}

#[test]
fn degenerate_configurations_are_typed_errors() {
    let zero = |field| Some(NnConfigError::Zero { field });
    let with = |change: fn(&mut RecurrentEncoderConfig)| {
        let mut config = RecurrentEncoderConfig::new(4);
        change(&mut config);
        config.init(9, &Device::flex()).err()
    };
    let none = RecurrentEncoderConfig::new(4).init(0, &Device::flex());
    assert_eq!(none.err(), zero("vocabulary"));
    assert_eq!(with(|config| config.embedding = 0), zero("embedding"));
    assert_eq!(with(|config| config.hidden = 0), zero("hidden"));
    assert_eq!(with(|config| config.layers = 0), zero("layers"));
    let dropout = with(|config| config.dropout = 1.0);
    assert_eq!(dropout, Some(NnConfigError::Dropout { got: 1.0 }));
}
