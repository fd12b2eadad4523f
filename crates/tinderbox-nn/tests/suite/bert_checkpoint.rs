//! BERT's checkpoints: names, what `transformers` opened, damage.
//!
//! `fixtures/bert_checkpoint.py` opens `fixtures/data/bert_checkpoint`, which is what these tests write.

use std::fs;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use proptest::prelude::*;
use serde_json::{Value, json};
use tinderbox_nn::{
    Bert, BertCheckpoint, BertCheckpointError, BertConfig, BertPooler, BertPoolerConfig,
    BertPretrainingHeads, BertPretrainingHeadsConfig, NormOrder, PositionKind, StateDict,
    TokenBatch, TokenEncoder, WeightsError,
};

use crate::addressed::below;
use crate::support::{case, check_record, check_same, fill, shape, size};

/// Three blocks in f32 against double precision.
const TOLERANCE: f64 = 1e-4;

/// As an objective has them.
#[derive(Module, Debug)]
struct Pretraining {
    encoder: Bert,
    pooler: BertPooler,
    cls: BertPretrainingHeads,
}

fn config() -> BertConfig {
    BertConfig {
        width: 16,
        depth: 3,
        heads: 2,
        ffn: 24,
        positions: 10,
        ..BertConfig::tiny()
    }
}

const VOCABULARY: usize = 30;

fn fresh() -> Pretraining {
    let (device, width, vocabulary) = (Device::flex(), 16, VOCABULARY);
    Pretraining {
        encoder: config().init(VOCABULARY, &device).unwrap(),
        pooler: BertPoolerConfig { width }.init(&device),
        cls: BertPretrainingHeadsConfig { width, vocabulary }.init(&device),
    }
}

fn checkpoint() -> BertCheckpoint {
    let module = fill(fresh());
    let checkpoint = BertCheckpoint::of(&config(), &module.encoder).unwrap();
    checkpoint.with_heads(&module)
}

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/data/bert_checkpoint")
}

fn batch(device: &Device) -> TokenBatch {
    let integers = |name: &str, bound| -> Tensor<2, Int> {
        let values: Vec<i64> = below(name, 14, bound).iter().map(|&v| v as i64).collect();
        Tensor::from_data(TensorData::new(values, [2, 7]), device)
    };
    let padding: Vec<bool> = (0..14).map(|place| place >= 11).collect();
    TokenBatch {
        tokens: integers("tokens", VOCABULARY),
        segments: integers("segments", 2),
        padding: Some(Tensor::<2, Bool>::from_data(
            TensorData::new(padding, [2, 7]),
            device,
        )),
        documents: None,
    }
}

#[test]
fn what_is_written_is_what_transformers_opened() {
    let folder = tempfile::tempdir().unwrap();
    checkpoint().write(folder.path()).unwrap();
    for file in ["config.json", "model.safetensors"] {
        let written = fs::read(folder.path().join(file)).unwrap();
        let same = fs::read(committed().join(file)).is_ok_and(|bytes| bytes == written);
        if !same {
            let kept = folder.keep();
            panic!(
                "{file} is another than that in fixtures/data/bert_checkpoint; if it should be, copy {} there and run \
                 `cargo xtask parity bert_checkpoint`",
                kept.display()
            );
        }
    }
}

#[test]
fn transformers_computes_the_same_from_it() {
    let case = case("bert_checkpoint.json", "checkpoint");
    let device = Device::flex();
    let read = BertCheckpoint::read(committed()).unwrap();
    assert_eq!(read.architecture(), "BertForPreTraining");
    assert_eq!((read.config(), read.vocabulary()), (&config(), VOCABULARY));
    let encoder = read.encoder(&device).unwrap();
    let hidden = encoder.hidden_states(batch(&device));
    assert_eq!(hidden.dims(), shape::<3>(&case["output_shape"]));
    // What stands at padding means nothing, so the reference has zeros there.
    let seen = batch(&device).padding.unwrap().bool_not().float();
    let seen_hidden = hidden.clone() * seen.reshape([2, 7, 1]);
    let worst = check_record("hidden", &seen_hidden.to_data(), &case["hidden"], TOLERANCE);

    let (module, report) = read.load_heads(fresh()).unwrap();
    assert_eq!(report.unexpected, [""; 0]);
    assert!(
        report
            .missing
            .iter()
            .all(|name| name.starts_with("encoder."))
    );
    let summary = module.pooler.forward(hidden.clone());
    let pairs = module.cls.relation(summary.clone());
    let places = Tensor::<1, Int>::from_ints([1, 4, 9], &device);
    let words = module
        .cls
        .predictions
        .forward(hidden, places, encoder.word_embeddings());
    for (name, got) in [("summary", summary), ("pairs", pairs), ("words", words)] {
        let error = check_record(name, &got.into_data(), &case[name], TOLERANCE);
        println!("{name}: error {error:.1e}");
    }
    println!("hidden: worst error {worst:.1e}");
    assert_eq!(size(&case, "opened"), 4);
}

#[test]
fn a_checkpoint_comes_back_and_its_heads_say_what_it_is() {
    let module = fill(fresh());
    let bare = BertCheckpoint::of(&config(), &module.encoder).unwrap();
    assert_eq!(bare.architecture(), "BertModel");
    assert!(
        bare.published()
            .get("embeddings.LayerNorm.weight")
            .is_some()
    );

    #[derive(Module, Debug)]
    struct Words {
        cls: tinderbox_nn::MaskedWordHead,
    }
    let head = tinderbox_nn::MaskedWordHeadConfig {
        width: 16,
        vocabulary: VOCABULARY,
    };
    let cls = head.init(&Device::flex());
    let masked = bare.clone().with_heads(&Words { cls });
    assert_eq!(masked.architecture(), "BertForMaskedLM");
    assert!(
        masked
            .published()
            .get("bert.embeddings.LayerNorm.weight")
            .is_some()
    );
    assert!(masked.published().get("cls.predictions.bias").is_some());

    for checkpoint in [bare, masked, checkpoint()] {
        let folder = tempfile::tempdir().unwrap();
        checkpoint.write(folder.path()).unwrap();
        assert_eq!(BertCheckpoint::read(folder.path()).unwrap(), checkpoint);
    }
}

/// Older files: `gamma` and `beta`, a buffer of positions, the decoder a second time, and names without a prefix.
#[test]
fn older_names_are_understood() {
    let expected = checkpoint();
    let mut old = StateDict::default();
    for (name, data) in expected.published().iter() {
        let name = name.trim_start_matches("bert.");
        let name = match name {
            _ if name.ends_with("LayerNorm.weight") => name.replace(".weight", ".gamma"),
            _ if name.ends_with("LayerNorm.bias") => name.replace(".bias", ".beta"),
            "cls.predictions.bias" => "cls.predictions.decoder.bias".to_owned(),
            name => name.to_owned(),
        };
        old.insert(name, data.clone());
    }
    let words = old
        .get("embeddings.word_embeddings.weight")
        .unwrap()
        .clone();
    old.insert("cls.predictions.decoder.weight", words);
    let places: Vec<i64> = (0..10).collect();
    old.insert("embeddings.position_ids", TensorData::new(places, [1, 10]));
    let config = expected.config_json();
    let read = BertCheckpoint::from_parts(config.as_bytes(), old.clone()).unwrap();
    assert_eq!(read, expected);

    let twice = old.get("embeddings.LayerNorm.gamma").unwrap().clone();
    let mut both = old.clone();
    both.insert("embeddings.LayerNorm.weight", twice);
    let error = BertCheckpoint::from_parts(config.as_bytes(), both).unwrap_err();
    assert_eq!(
        error.to_string(),
        "embeddings.LayerNorm.weight comes under two names"
    );

    let other = TensorData::new(vec![0.0_f32; VOCABULARY * 16], [VOCABULARY, 16]);
    old.insert("cls.predictions.decoder.weight", other);
    let error = BertCheckpoint::from_parts(config.as_bytes(), old).unwrap_err();
    assert!(
        matches!(error, BertCheckpointError::Untied { .. }),
        "{error}"
    );
}

/// The configuration of [`checkpoint`] with one key changed.
fn with(key: &str, value: Value) -> Vec<u8> {
    let mut config: Value = serde_json::from_str(&checkpoint().config_json()).unwrap();
    match value {
        Value::Null => drop(config.as_object_mut().unwrap().remove(key)),
        value => config[key] = value,
    }
    config.to_string().into_bytes()
}

#[test]
fn settings_of_other_networks_are_typed_errors() {
    for (key, value, expected) in [
        (
            "hidden_act",
            json!("relu"),
            "hidden_act must be gelu, got \"relu\"",
        ),
        (
            "model_type",
            json!("roberta"),
            "model_type must be bert, got \"roberta\"",
        ),
        (
            "position_embedding_type",
            json!("relative_key"),
            "position_embedding_type must be absolute, got \"relative_key\"",
        ),
        (
            "layer_norm_eps",
            json!(0.001),
            "layer_norm_eps must be 1e-12, got 0.001",
        ),
        (
            "is_decoder",
            json!(true),
            "is_decoder must be false, got true",
        ),
        ("vocab_size", Value::Null, "it has no vocab_size"),
        (
            "hidden_size",
            json!(-1),
            "hidden_size must be a whole number, got -1",
        ),
        (
            "hidden_size",
            json!(1.5),
            "hidden_size must be a whole number, got 1.5",
        ),
        (
            "hidden_dropout_prob",
            json!("much"),
            "hidden_dropout_prob must be a number, got \"much\"",
        ),
    ] {
        let config = with(key, value);
        let error = BertCheckpoint::from_parts(&config, checkpoint().published()).unwrap_err();
        assert_eq!(error.to_string(), format!("config.json: {expected}"));
    }
    // What is not said is as in `transformers`.
    for key in [
        "hidden_act",
        "layer_norm_eps",
        "type_vocab_size",
        "hidden_dropout_prob",
    ] {
        let config = with(key, Value::Null);
        let read = BertCheckpoint::from_parts(&config, checkpoint().published()).unwrap();
        assert_eq!(read, checkpoint());
    }
}

/// Sizes that no weights have are refused before memory is taken for them.
#[test]
fn sizes_that_do_not_fit_the_weights_are_typed_errors() {
    for (key, value) in [
        ("vocab_size", json!(31)),
        ("hidden_size", json!(u64::MAX)),
        ("intermediate_size", json!(1_u64 << 60)),
        ("max_position_embeddings", json!(1_u64 << 60)),
        ("type_vocab_size", json!(0)),
        ("num_hidden_layers", json!(4)),
        ("num_hidden_layers", json!(1_u64 << 60)),
    ] {
        let error = BertCheckpoint::from_parts(&with(key, value), checkpoint().published());
        let error = error.unwrap_err();
        assert!(
            matches!(error, BertCheckpointError::Weights(_)),
            "{key}: {error}"
        );
    }
    let opened = |key, value| {
        let read = BertCheckpoint::from_parts(&with(key, value), checkpoint().published());
        read.unwrap().encoder(&Device::flex()).unwrap_err()
    };
    let error = opened("num_hidden_layers", json!(2));
    assert!(
        matches!(
            error,
            BertCheckpointError::Weights(WeightsError::Names { .. })
        ),
        "{error}"
    );
    for (key, value) in [
        ("num_hidden_layers", json!(0)),
        ("num_attention_heads", json!(3)),
        ("num_attention_heads", json!(0)),
        ("hidden_dropout_prob", json!(1.0)),
    ] {
        let read = BertCheckpoint::from_parts(&with(key, value), checkpoint().published());
        let error = read
            .and_then(|read| read.encoder(&Device::flex()))
            .unwrap_err();
        assert!(
            matches!(error, BertCheckpointError::Network(_)),
            "{key}: {error}"
        );
    }
}

#[test]
fn files_that_are_not_there_or_no_json_are_typed_errors() {
    let folder = tempfile::tempdir().unwrap();
    let error = BertCheckpoint::read(folder.path()).unwrap_err();
    assert!(error.to_string().contains("config.json"), "{error}");
    fs::write(
        folder.path().join("config.json"),
        checkpoint().config_json(),
    )
    .unwrap();
    let error = BertCheckpoint::read(folder.path()).unwrap_err();
    assert!(error.to_string().contains("model.safetensors"), "{error}");
    for text in ["", "[]", "{", "null", "\u{feff}{}"] {
        let error = BertCheckpoint::from_parts(text.as_bytes(), StateDict::default()).unwrap_err();
        assert!(
            matches!(error, BertCheckpointError::Config { .. }),
            "{error}"
        );
    }
}

#[test]
fn variants_that_are_not_berts_are_not_written() {
    for config in [
        BertConfig {
            norm: NormOrder::Pre,
            ..config()
        },
        BertConfig {
            position_kind: PositionKind::Rotary,
            ..config()
        },
        BertConfig {
            causal: true,
            ..config()
        },
    ] {
        let encoder = config.init(VOCABULARY, &Device::flex()).unwrap();
        let error = BertCheckpoint::of(&config, &encoder).unwrap_err();
        assert!(
            matches!(error, BertCheckpointError::Variant { .. }),
            "{error}"
        );
    }
}

#[test]
fn pooling_is_the_callers() {
    let device = Device::flex();
    let read = checkpoint().with_pooling(tinderbox_nn::Pooling::First);
    let encoder = read.encoder(&device).unwrap();
    let first = encoder.hidden_states(batch(&device)).slice([0..2, 0..1]);
    let features = tinderbox_nn::Encoder::forward(&encoder, batch(&device));
    check_same(features, first.reshape([2, 16]), 0.0);
}

proptest! {
    /// Cut or altered files are errors or checkpoints, never a panic.
    #[test]
    fn damage_is_no_panic(
        cut in 0.0..1.0_f64,
        flips in prop::collection::vec((0.0..1.0_f64, any::<u8>()), 0..4),
        of_config: bool,
        in_header: bool,
    ) {
        let mut config = checkpoint().config_json().into_bytes();
        let mut weights = checkpoint().published().to_safetensors_bytes();
        let bytes = match of_config {
            true => &mut config,
            false => &mut weights,
        };
        let reach = if in_header { bytes.len().min(3000) } else { bytes.len() };
        for (place, value) in flips {
            bytes[(place * reach as f64) as usize] = value;
        }
        if cut < 0.5 {
            bytes.truncate((2.0 * cut * bytes.len() as f64) as usize);
        }
        if let Ok(weights) = StateDict::from_safetensors_bytes(&weights)
            && let Ok(read) = BertCheckpoint::from_parts(&config, weights)
            && let Ok(encoder) = read.encoder(&Device::flex())
        {
            let rows = encoder.word_embeddings().dims()[0];
            prop_assert_eq!(rows, VOCABULARY);
        }
    }
}
