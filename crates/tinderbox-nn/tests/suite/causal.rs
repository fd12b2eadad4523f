//! Encoders whose tokens see nothing after them.

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use tinderbox_nn::{
    BertConfig, Cell, NormOrder, PositionKind, RecurrentEncoderConfig, TokenBatch, TokenEncoder,
};

use crate::addressed::below;
use crate::support::{case, check_same, check_training, device, fill, numbers, size};

fn integers(values: Vec<usize>, shape: [usize; 2], device: &Device) -> Tensor<2, Int> {
    let values: Vec<i64> = values.into_iter().map(|value| value as i64).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// A network of one block in f32 against double precision.
#[test]
fn causal_bert_agrees_with_hugging_faces_decoder() {
    let case = case("sequences.json", "bert_causal");
    let config = BertConfig {
        width: size(&case, "width"),
        depth: size(&case, "depth"),
        heads: size(&case, "heads"),
        ffn: size(&case, "ffn"),
        positions: size(&case, "positions"),
        segments: size(&case, "segments"),
        dropout: 0.0,
        attention_dropout: 0.0,
        causal: true,
        ..BertConfig::tiny()
    };
    let bert = fill(config.init(size(&case, "vocabulary"), &device()).unwrap());
    let lengths = numbers(&case["lengths"]);
    let padded: Vec<bool> = lengths
        .iter()
        .flat_map(|&length| (0..6).map(move |t| t as f64 >= length))
        .collect();
    let padding = Tensor::<2, Bool>::from_data(TensorData::new(padded, [3, 6]), &device());
    let states = bert.hidden_states(TokenBatch {
        tokens: integers(
            below("tokens", 18, size(&case, "vocabulary")),
            [3, 6],
            &device(),
        ),
        segments: integers(below("segments", 18, 2), [3, 6], &device()),
        padding: Some(padding.clone()),
        documents: None,
    });
    let hidden = padding.unsqueeze_dim::<3>(2).expand(states.dims());
    let output = states.mask_fill(hidden, 0.0);
    check_training::<_, 3, 3>(&case, bert, output, &[], 1e-4);
}

fn check_causal(encoder: impl TokenEncoder) {
    assert!(encoder.is_causal());
    let device = Device::flex();
    let batch = |tokens: [usize; 6]| TokenBatch {
        tokens: integers(tokens.to_vec(), [1, 6], &device),
        segments: Tensor::zeros([1, 6], &device),
        padding: None,
        documents: None,
    };
    let states = encoder.hidden_states(batch([1, 2, 3, 4, 5, 6]));
    let others = encoder.hidden_states(batch([1, 2, 3, 7, 8, 0]));
    let first = |states: &Tensor<3>| states.clone().narrow(1, 0, 3);
    check_same(first(&states), first(&others), 1e-6);
    // Of a shorter sequence they are the same, too.
    let short = TokenBatch {
        tokens: integers(vec![1, 2, 3], [1, 3], &device),
        segments: Tensor::zeros([1, 3], &device),
        padding: None,
        documents: None,
    };
    check_same(encoder.hidden_states(short), first(&states), 1e-6);
    let difference: f32 = (states - others).abs().sum().into_scalar();
    assert!(difference > 1e-3, "{difference}");
}

#[test]
fn no_token_sees_a_later_one() {
    let device = Device::flex();
    for norm in [NormOrder::Pre, NormOrder::Post] {
        for position_kind in [
            PositionKind::Learned,
            PositionKind::Sinusoidal,
            PositionKind::Rotary,
        ] {
            let config = BertConfig {
                width: 16,
                norm,
                position_kind,
                causal: true,
                ..BertConfig::tiny()
            };
            check_causal(fill(config.init(9, &device).unwrap()));
        }
    }
    for cell in [Cell::Lstm, Cell::Gru, Cell::Tanh] {
        let config = RecurrentEncoderConfig {
            cell,
            layers: 2,
            ..RecurrentEncoderConfig::new(5)
        };
        check_causal(fill(config.init(9, &device).unwrap()));
    }
    assert!(!BertConfig::tiny().init(9, &device).unwrap().is_causal());
}
