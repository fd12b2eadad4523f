//! BERT and its head: names, padding, positions, degenerate input.

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use serde_json::json;
use tinderbox_nn::{
    Bert, BertConfig, Encoder, MaskedWordHead, MaskedWordHeadConfig, NnConfigError, NormOrder,
    Pooling, PositionKind, StateDict, TextEncoderConfig, TokenBatch, TokenEncoder, load_state_dict,
};

use crate::addressed::below;
use crate::support::{check_same, device, fill, floats, gradients, uniform};

const VOCABULARY: usize = 30;

fn config() -> BertConfig {
    BertConfig {
        width: 16,
        heads: 2,
        ffn: 24,
        depth: 2,
        positions: 10,
        dropout: 0.0,
        attention_dropout: 0.0,
        ..BertConfig::tiny()
    }
}

fn bert(device: &Device) -> Bert {
    fill(config().init(VOCABULARY, device).unwrap())
}

fn integers(name: &str, shape: [usize; 2], bound: usize, device: &Device) -> Tensor<2, Int> {
    let values = below(name, shape[0] * shape[1], bound);
    let values: Vec<i64> = values.into_iter().map(|v| v as i64).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn padding(rows: &[&[bool]], device: &Device) -> Tensor<2, Bool> {
    let shape = [rows.len(), rows[0].len()];
    Tensor::from_data(TensorData::new(rows.concat(), shape), device)
}

fn batch(shape: [usize; 2], padding: Option<Tensor<2, Bool>>, device: &Device) -> TokenBatch {
    TokenBatch {
        tokens: integers("tokens", shape, VOCABULARY, device),
        segments: integers("segments", shape, 2, device),
        padding,
        documents: None,
    }
}

#[test]
fn names_are_hugging_faces() {
    let dict = StateDict::of(&bert(&Device::flex()));
    for (name, shape) in [
        ("embeddings.word_embeddings.weight", vec![30, 16]),
        ("embeddings.position_embeddings.weight", vec![10, 16]),
        ("embeddings.token_type_embeddings.weight", vec![2, 16]),
        ("embeddings.LayerNorm.weight", vec![16]),
        ("embeddings.LayerNorm.bias", vec![16]),
        ("encoder.layer.0.attention.self.query.weight", vec![16, 16]),
        ("encoder.layer.1.attention.self.value.bias", vec![16]),
        (
            "encoder.layer.0.attention.output.dense.weight",
            vec![16, 16],
        ),
        (
            "encoder.layer.0.attention.output.LayerNorm.weight",
            vec![16],
        ),
        ("encoder.layer.1.intermediate.dense.weight", vec![24, 16]),
        ("encoder.layer.1.output.dense.weight", vec![16, 24]),
        ("encoder.layer.1.output.LayerNorm.bias", vec![16]),
    ] {
        let found = dict.get(name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(found.shape().to_vec(), shape, "{name}");
    }
    assert_eq!(dict.len(), 5 + 2 * 16);

    let head = MaskedWordHeadConfig {
        width: 16,
        vocabulary: VOCABULARY,
    };
    let dict = StateDict::of(&head.init(&Device::flex())).with_prefix("cls");
    let names: Vec<_> = dict.names().collect();
    assert_eq!(
        names,
        [
            "cls.predictions.bias",
            "cls.predictions.transform.LayerNorm.bias",
            "cls.predictions.transform.LayerNorm.weight",
            "cls.predictions.transform.dense.bias",
            "cls.predictions.transform.dense.weight",
        ]
    );
}

#[test]
fn weights_come_back_from_their_file() {
    let device = Device::flex();
    let dict = StateDict::of(&bert(&device));
    let bytes = dict.to_safetensors_bytes();
    let read = StateDict::from_safetensors_bytes(&bytes).unwrap();
    let fresh = config().init(VOCABULARY, &device).unwrap();
    let (loaded, _) = load_state_dict(fresh, &read, false).unwrap();
    check_same(
        loaded.hidden_states(batch([2, 5], None, &device)),
        bert(&device).hidden_states(batch([2, 5], None, &device)),
        0.0,
    );
}

/// Replacing the padding's words, or leaving it away, changes no other token's state.
#[test]
fn padding_is_not_seen() {
    let device = Device::flex();
    let bert = bert(&device);
    let hidden = padding(&[&[false, false, false, true, true]], &device);
    let batch = batch([1, 5], Some(hidden), &device);
    let padded = bert.hidden_states(batch.clone());
    let seen = |x: Tensor<3>| x.slice([0..1, 0..3]);

    let mut other = batch.clone();
    other.tokens = Tensor::cat(
        vec![
            batch.tokens.clone().slice([0..1, 0..3]),
            Tensor::from_ints([[7, 9]], &device),
        ],
        1,
    );
    check_same(
        seen(bert.hidden_states(other.clone())),
        seen(padded.clone()),
        0.0,
    );
    check_same(bert.forward(other), bert.forward(batch.clone()), 0.0);

    let short = TokenBatch {
        tokens: batch.tokens.slice([0..1, 0..3]),
        segments: batch.segments.slice([0..1, 0..3]),
        padding: None,
        documents: None,
    };
    // Sums of another length round in another order.
    check_same(bert.hidden_states(short.clone()), seen(padded), 1e-5);
    let features = bert.forward(short.clone());
    let mean = bert.hidden_states(short).mean_dim(1).reshape([1, 16]);
    check_same(features, mean, 1e-6);
}

#[test]
fn nothing_but_padding_gives_features_of_zeros_and_finite_gradients() {
    let device = device();
    let bert = bert(&device);
    let all = padding(&[&[true, true], &[false, true]], &device);
    let features = bert.forward(batch([2, 2], Some(all), &device));
    let values = floats(&features.to_data());
    assert_eq!(values[..16], [0.0; 16]);
    assert!(values.iter().all(|v| v.is_finite()));
    let backward = features.square().sum().backward();
    for (name, gradient) in gradients(bert, &backward).iter() {
        assert!(floats(gradient).iter().all(|v| v.is_finite()), "{name}");
    }
}

#[test]
fn without_padding_is_with_a_padding_of_none() {
    let device = Device::flex();
    let bert = bert(&device);
    let none = padding(&[&[false; 4], &[false; 4]], &device);
    check_same(
        bert.hidden_states(batch([2, 4], Some(none), &device)),
        bert.hidden_states(batch([2, 4], None, &device)),
        1e-6,
    );
}

fn head(device: &Device) -> MaskedWordHead {
    let config = MaskedWordHeadConfig {
        width: 16,
        vocabulary: VOCABULARY,
    };
    fill(config.init(device))
}

#[test]
fn the_head_reads_the_places_it_is_given() {
    let device = Device::flex();
    let hidden = uniform("hidden", [3, 4, 16], &device);
    let words = uniform("words", [VOCABULARY, 16], &device);
    let every = Tensor::<1, Int>::arange(0..12, &device);
    let all = head(&device).forward(hidden.clone(), every, words.clone());
    assert_eq!(all.dims(), [12, VOCABULARY]);
    let places = Tensor::<1, Int>::from_ints([1, 5, 11], &device);
    let some = head(&device).forward(hidden, places.clone(), words);
    check_same(some, all.select(0, places), 1e-6);
}

#[test]
fn training_drops_and_evaluation_does_not() {
    let wet = BertConfig {
        dropout: 0.5,
        ..config()
    };
    let (training, evaluation) = (device(), Device::flex());
    let run = |device: &Device| {
        let bert = fill(wet.init(VOCABULARY, device).unwrap());
        bert.hidden_states(batch([1, 4], None, device)).into_data()
    };
    assert_eq!(run(&evaluation), run(&evaluation));
    assert_ne!(floats(&run(&training)), floats(&run(&training)));
}

/// Without an order, swapping two words swaps their states and changes no other; each kind of positions gives one.
#[test]
fn every_kind_of_positions_tells_the_order() {
    let device = Device::flex();
    for kind in [
        PositionKind::Learned,
        PositionKind::Sinusoidal,
        PositionKind::Rotary,
    ] {
        for norm in [NormOrder::Post, NormOrder::Pre] {
            let config = BertConfig {
                position_kind: kind,
                norm,
                ..config()
            };
            let bert = fill(config.init(VOCABULARY, &device).unwrap());
            let states = |words: [i64; 4]| {
                let tokens =
                    Tensor::<2, Int>::from_data(TensorData::new(words.to_vec(), [1, 4]), &device);
                let segments = tokens.zeros_like();
                let states = bert.hidden_states(TokenBatch {
                    tokens,
                    segments,
                    padding: None,
                    documents: None,
                });
                floats(&states.slice([0..1, 3..4]).into_data())
            };
            let (one, other) = (states([5, 6, 7, 8]), states([7, 6, 5, 8]));
            let differences = one.iter().zip(&other).map(|(a, b)| (a - b).abs());
            let largest = differences.fold(0.0, f32::max);
            assert!(largest > 1e-3, "{kind:?} {norm:?}: {largest}");
        }
    }
}

/// A rotation keeps what queries and keys have in common if both move on by as many places: more padding before the
/// text changes nothing.
#[test]
fn rotary_positions_are_relative() {
    let device = Device::flex();
    let config = BertConfig {
        position_kind: PositionKind::Rotary,
        ..config()
    };
    let bert = fill(config.init(VOCABULARY, &device).unwrap());
    let moved = |before: usize| {
        let tokens: Vec<i64> = std::iter::repeat_n(0, before).chain([5, 9, 3]).collect();
        let hidden: Vec<bool> = (0..before + 3).map(|t| t < before).collect();
        let length = tokens.len();
        let tokens = Tensor::<2, Int>::from_data(TensorData::new(tokens, [1, length]), &device);
        let segments = tokens.zeros_like();
        let states = bert.hidden_states(TokenBatch {
            tokens,
            segments,
            padding: Some(padding(&[&hidden], &device)),
            documents: None,
        });
        states.slice([0..1, before..length])
    };
    check_same(moved(4), moved(0), 1e-5);
}

#[test]
fn features_may_be_the_first_tokens_state() {
    let device = Device::flex();
    let config = BertConfig {
        pooling: Pooling::First,
        ..config()
    };
    let bert = fill(config.init(VOCABULARY, &device).unwrap());
    let batch = batch([2, 4], None, &device);
    let first = bert.hidden_states(batch.clone()).slice([0..2, 0..1]);
    check_same(bert.forward(batch), first.reshape([2, 16]), 0.0);
}

#[test]
fn a_recipe_holds_a_configuration_of_text_encoders() {
    let parse = |value: serde_json::Value| {
        serde_json::from_value::<TextEncoderConfig>(value).map_err(|error| error.to_string())
    };
    let config = parse(json!({"kind": "bert"})).unwrap();
    assert_eq!(config, TextEncoderConfig::Bert(BertConfig::tiny()));
    let value =
        json!({"kind": "bert", "norm": "pre", "position_kind": "rotary", "pooling": "first"});
    let config = parse(value).unwrap();
    let expected = BertConfig {
        norm: NormOrder::Pre,
        position_kind: PositionKind::Rotary,
        pooling: Pooling::First,
        ..BertConfig::tiny()
    };
    assert_eq!(config, TextEncoderConfig::Bert(expected));
    assert_eq!(
        parse(serde_json::to_value(&config).unwrap()).unwrap(),
        config
    );
    assert_eq!((config.name(), config.positions()), ("bert", Some(512)));

    let config = parse(json!({"kind": "recurrent", "cell": "gru", "hidden": 5})).unwrap();
    assert_eq!((config.name(), config.positions()), ("recurrent", None));
    let encoder = config.init(VOCABULARY, &Device::flex()).unwrap();
    let features = encoder.forward(batch([2, 4], None, &Device::flex()));
    assert_eq!(features.dims(), [2, encoder.feature_dim()]);
    assert_eq!(encoder.word_embeddings().dims(), [VOCABULARY, 256]);
    // The variant adds no level.
    let dict = StateDict::of(&encoder);
    assert!(dict.get("embedding.weight").is_some());

    for (value, expected) in [
        (json!({"kind": "bart"}), "unknown variant `bart`"),
        (
            json!({"kind": "bert", "widht": 64}),
            "unknown field `widht`",
        ),
        (
            json!({"kind": "recurrent", "width": 64}),
            "unknown field `width`",
        ),
        (
            json!({"kind": "bert", "norm": "middle"}),
            "unknown variant `middle`",
        ),
        (json!({"width": 64}), "missing field `kind`"),
    ] {
        let error = parse(value).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn degenerate_configurations_are_typed_errors() {
    #[track_caller]
    fn check(change: impl Fn(&mut BertConfig), expected: NnConfigError) {
        let mut config = config();
        change(&mut config);
        assert_eq!(
            config.init(VOCABULARY, &Device::flex()).err(),
            Some(expected)
        );
    }
    let none = config().init(0, &Device::flex()).err();
    let field = "vocabulary";
    assert_eq!(none, Some(NnConfigError::Zero { field }));
    check(|c| c.width = 0, NnConfigError::Zero { field: "width" });
    check(
        |c| c.heads = 3,
        NnConfigError::Heads {
            width: 16,
            heads: 3,
        },
    );
    check(|c| c.dropout = 1.0, NnConfigError::Dropout { got: 1.0 });
    check(
        |c| (c.width, c.position_kind) = (14, PositionKind::Rotary),
        NnConfigError::Odd {
            field: "size of a head",
            got: 7,
        },
    );
    check(
        |c| (c.width, c.heads, c.position_kind) = (15, 3, PositionKind::Sinusoidal),
        NnConfigError::Odd {
            field: "width",
            got: 15,
        },
    );
    check(
        |c| c.attention_dropout = -0.1,
        NnConfigError::Dropout { got: -0.1 },
    );
}

#[test]
#[should_panic(expected = "BERT: 11 tokens are more than the 10 positions")]
fn a_sequence_beyond_the_positions_is_refused() {
    let device = Device::flex();
    bert(&device).hidden_states(batch([1, 11], None, &device));
}

#[test]
#[should_panic(expected = "BERT: 11 tokens are more than the 10 positions")]
fn a_sequence_beyond_the_positions_is_refused_without_a_table() {
    let device = Device::flex();
    let config = BertConfig {
        position_kind: PositionKind::Rotary,
        ..config()
    };
    let bert = config.init(VOCABULARY, &device).unwrap();
    bert.hidden_states(batch([1, 11], None, &device));
}
