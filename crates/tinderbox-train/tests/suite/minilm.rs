//! A checkpoint of others, from text to embeddings: what `transformers` gives for `all-MiniLM-L6-v2`.

use std::path::{Path, PathBuf};

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use serde_json::Value;
use tinderbox_data::text::Tokeniser;
use tinderbox_nn::{BertCheckpoint, Encoder, Pooling, TokenBatch};
use tinderbox_objectives::l2_normalise;

/// Six blocks in f32 against double precision, of vectors of length 1; the target of the issue.
const TOLERANCE: f64 = 1e-4;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn minilm_embeds_sentences_as_transformers_does() {
    let folder = root().join("data/minilm");
    if !folder.join("model.safetensors").exists() {
        eprintln!("SKIPPED: data/minilm is not there; `cargo xtask data minilm` fetches it");
        return;
    }
    let text = std::fs::read_to_string(root().join("fixtures/data/minilm.json")).unwrap();
    let cases: Value = serde_json::from_str(&text).unwrap();
    let cases: Vec<&Value> = cases.as_object().unwrap().values().collect();

    let from_json = Tokeniser::load(folder.join("tokenizer.json")).unwrap();
    let from_words = Tokeniser::load_bert_vocabulary(folder.join("vocab.txt"), true).unwrap();
    let sequences: Vec<Vec<u32>> = cases
        .iter()
        .map(|case| {
            let text = case["text"].as_str().unwrap();
            let expected = case["tokens"].as_array().unwrap().iter();
            let expected: Vec<u32> = expected.map(|id| id.as_u64().unwrap() as u32).collect();
            for tokeniser in [&from_json, &from_words] {
                assert_eq!(
                    tokeniser.encode(text, true).unwrap().ids,
                    expected,
                    "{text}"
                );
            }
            expected
        })
        .collect();

    let device = Device::flex();
    let checkpoint = BertCheckpoint::read(&folder).unwrap();
    assert_eq!(checkpoint.config().pooling, Pooling::Mean);
    let encoder = checkpoint.encoder(&device).unwrap();
    let length = sequences.iter().map(Vec::len).max().unwrap();
    let shape = [sequences.len(), length];
    let places = |row: &[u32]| {
        let padding = std::iter::repeat_n(0, length - row.len());
        row.iter()
            .map(|&id| i64::from(id))
            .chain(padding)
            .collect::<Vec<_>>()
    };
    let tokens: Vec<i64> = sequences.iter().flat_map(|row| places(row)).collect();
    let padding: Vec<bool> = (sequences.iter())
        .flat_map(|row| (0..length).map(|place| place >= row.len()))
        .collect();
    let embeddings = l2_normalise(encoder.forward(TokenBatch {
        tokens: Tensor::<2, Int>::from_data(TensorData::new(tokens, shape), &device),
        segments: Tensor::zeros(shape, &device),
        padding: Some(Tensor::<2, Bool>::from_data(
            TensorData::new(padding, shape),
            &device,
        )),
        documents: None,
    }));
    let embeddings: Vec<f32> = embeddings.into_data_as::<f32>().try_to_vec().unwrap();
    assert_eq!(embeddings.len(), cases.len() * encoder.feature_dim());
    // `max` below would drop what is not a number.
    assert!(embeddings.iter().all(|value| value.is_finite()));
    let mut worst = 0.0_f64;
    for (got, case) in embeddings.chunks(encoder.feature_dim()).zip(&cases) {
        let expected = case["embedding"].as_array().unwrap();
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(expected) {
            worst = worst.max((f64::from(*got) - expected.as_f64().unwrap()).abs());
        }
    }
    println!("minilm: largest difference of a component {worst:.1e}");
    assert!(worst <= TOLERANCE, "{worst:.1e}");
}
