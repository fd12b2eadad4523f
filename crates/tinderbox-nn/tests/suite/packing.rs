//! Several documents in a sequence.

use burn::tensor::{Int, Tensor, TensorData};
use tinderbox_nn::{
    Bert, BertConfig, Encoder, Input, PositionKind, RecurrentEncoderConfig, TokenBatch,
    TokenEncoder,
};

use crate::support::{check_same, device, fill, gradients};

fn tokens(values: &[i64]) -> Tensor<2, Int> {
    Tensor::from_data(
        TensorData::new(values.to_vec(), [1, values.len()]),
        &device(),
    )
}

fn packed(values: &[i64], documents: &[i64]) -> TokenBatch {
    TokenBatch {
        documents: Some(tokens(documents)),
        ..TokenBatch::new(tokens(values))
    }
}

fn bert(position_kind: PositionKind, causal: bool) -> Bert {
    let config = BertConfig {
        width: 16,
        dropout: 0.0,
        attention_dropout: 0.0,
        position_kind,
        causal,
        ..BertConfig::tiny()
    };
    fill(config.init(9, &device()).unwrap())
}

/// States and gradients are those of the documents, each alone.
#[test]
fn packed_documents_are_read_as_if_alone() {
    for position_kind in [
        PositionKind::Learned,
        PositionKind::Sinusoidal,
        PositionKind::Rotary,
    ] {
        for causal in [false, true] {
            let bert = bert(position_kind, causal);
            let whole = bert.hidden_states(packed(&[1, 2, 3, 4, 5, 6], &[7, 7, 7, 2, 5, 5]));
            let alone = [&[1, 2, 3][..], &[4], &[5, 6]]
                .map(|document| bert.hidden_states(TokenBatch::new(tokens(document))));
            let alone = Tensor::cat(alone.to_vec(), 1);
            check_same(whole.clone(), alone.clone(), 1e-5);
            let [whole, alone] = [whole, alone].map(|states| {
                let gradients_of = states.square().mean().backward();
                gradients(bert.clone(), &gradients_of)
            });
            for (name, data) in whole.iter() {
                let expected = alone.get(name).unwrap();
                for (a, b) in data.iter::<f32>().zip(expected.iter::<f32>()) {
                    assert!((a - b).abs() < 1e-5, "{name}: {a} packed, {b} alone");
                }
            }
        }
    }
}

#[test]
fn batches_with_and_without_documents_go_together() {
    let bert = bert(PositionKind::Learned, false);
    let one = TokenBatch::new(tokens(&[1, 2, 3]));
    let two = packed(&[1, 2, 3], &[0, 1, 1]);
    let expected = Tensor::cat(
        vec![
            bert.hidden_states(one.clone()),
            bert.hidden_states(two.clone()),
        ],
        0,
    );
    check_same(
        bert.hidden_states(Input::cat(vec![one, two])),
        expected,
        1e-6,
    );
}

#[test]
#[should_panic(expected = "a recurrent encoder reads one document a sequence")]
fn recurrent_encoders_refuse_packed_documents() {
    let encoder = RecurrentEncoderConfig::new(4).init(9, &device()).unwrap();
    encoder.forward(packed(&[1, 2], &[0, 1]));
}
