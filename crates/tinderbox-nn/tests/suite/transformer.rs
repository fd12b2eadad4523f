//! Transformers against PyTorch's block, Hugging Face's BERT and decoder of MAE, and timm's vision transformer.
//!
//! A tolerance of 1e-5 is for one block in f32, 1e-4 for networks of several; the references are in double precision.

use burn::module::Module;
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use serde_json::Value;
use tinderbox_nn::{
    Activation, BertConfig, MaeDecoderConfig, NormOrder, Pooling, PositionKind, TokenBatch,
    TokenEncoder, TransformerBlockConfig, VitConfig, patchify,
};

use crate::addressed::below;
use crate::support::{
    self, check_training, device, fill, fill_where, floats, numbers, shape, size, uniform,
};

const SIMPLE: f64 = 1e-5;
const COMPOSITE: f64 = 1e-4;

fn case(name: &str) -> Value {
    support::case("transformer.json", name)
}

/// True behind the length of each sequence.
fn padding(lengths: &Value, tokens: usize) -> Tensor<2, Bool> {
    let lengths = numbers(lengths);
    let values: Vec<bool> = lengths
        .iter()
        .flat_map(|&length| (0..tokens).map(move |t| t as f64 >= length))
        .collect();
    Tensor::from_data(TensorData::new(values, [lengths.len(), tokens]), &device())
}

fn integers<const D: usize>(values: Vec<usize>, shape: [usize; D]) -> Tensor<D, Int> {
    let values: Vec<i64> = values.into_iter().map(|v| v as i64).collect();
    Tensor::from_data(TensorData::new(values, shape), &device())
}

#[test]
fn the_block_agrees_with_pytorchs() {
    for (name, norm, activation) in [
        ("block_pre_gelu", NormOrder::Pre, Activation::Gelu),
        ("block_post_relu", NormOrder::Post, Activation::Relu),
        ("block_pre_relu_padded", NormOrder::Pre, Activation::Relu),
        ("block_post_gelu_padded", NormOrder::Post, Activation::Gelu),
    ] {
        let case = case(name);
        let config = TransformerBlockConfig {
            ffn: size(&case, "ffn"),
            norm,
            activation,
            epsilon: case["epsilon"].as_f64().unwrap(),
            ..TransformerBlockConfig::new(size(&case, "width"), size(&case, "heads"))
        };
        let block = fill(config.init(&device()).unwrap());
        let input = uniform("input", shape::<3>(&case["input"]), &device()).require_grad();
        let [_, tokens, _] = input.dims();
        let lengths = &case["lengths"];
        let hidden = (!lengths.is_null()).then(|| padding(lengths, tokens));
        let output = block.forward(input.clone(), hidden);
        let worst = check_training(&case, block, output, &[("input", &input)], SIMPLE);
        println!("{name}: worst error {worst:.1e}");
    }
}

/// Its variants are relatives of it: Megatron's is pre-norm, RoFormer's positions are rotary.
#[test]
fn bert_agrees_with_hugging_faces() {
    let (post, pre) = (NormOrder::Post, NormOrder::Pre);
    bert_agrees("bert", post, PositionKind::Learned);
    bert_agrees("bert_pre", pre, PositionKind::Learned);
    bert_agrees("bert_sinusoidal", post, PositionKind::Sinusoidal);
    bert_agrees("bert_rotary", post, PositionKind::Rotary);
}

#[track_caller]
fn bert_agrees(name: &str, norm: NormOrder, position_kind: PositionKind) {
    let case = case(name);
    let vocabulary = size(&case, "vocabulary");
    let config = BertConfig {
        width: size(&case, "width"),
        depth: size(&case, "depth"),
        heads: size(&case, "heads"),
        ffn: size(&case, "ffn"),
        positions: size(&case, "positions"),
        segments: size(&case, "segments"),
        dropout: 0.0,
        attention_dropout: 0.0,
        pooling: Pooling::Mean,
        norm,
        position_kind,
        ..BertConfig::tiny()
    };
    let bert = fill(config.init(vocabulary, &device()).unwrap());
    let shape = shape::<2>(&case["input"]);
    let count = shape[0] * shape[1];
    let output = bert.hidden_states(TokenBatch {
        tokens: integers(below("tokens", count, vocabulary), shape),
        segments: integers(below("segments", count, config.segments), shape),
        padding: Some(padding(&case["lengths"], shape[1])),
        documents: None,
    });
    let worst = check_training::<_, 3, 3>(&case, bert, output, &[], COMPOSITE);
    println!("{name}: worst error {worst:.1e}");
}

#[test]
fn the_vision_transformer_agrees_with_timms() {
    let case = case("vit");
    let config = VitConfig {
        channels: size(&case, "channels"),
        image_size: size(&case, "image_size"),
        patch: size(&case, "patch"),
        width: size(&case, "width"),
        depth: size(&case, "depth"),
        heads: size(&case, "heads"),
    };
    let vit = fill(config.init(&device()).unwrap());
    let input = uniform("input", shape::<4>(&case["input"]), &device()).require_grad();
    let output = vit.encode(patchify(input.clone(), config.patch), None);
    let worst = check_training(&case, vit, output, &[("input", &input)], COMPOSITE);
    println!("vit: worst error {worst:.1e}");
}

/// With the decoder's own fixed positions, which are compared, too.
#[test]
fn the_decoder_of_mae_agrees_with_hugging_faces() {
    let case = case("mae_decoder");
    let encoder = VitConfig {
        channels: size(&case, "channels"),
        image_size: size(&case, "image_size"),
        patch: size(&case, "patch"),
        width: size(&case, "encoder_width"),
        ..VitConfig::tiny(0, 0)
    };
    let config = MaeDecoderConfig {
        width: size(&case, "width"),
        depth: size(&case, "depth"),
        heads: size(&case, "heads"),
    };
    let prefixed = Decoder {
        decoder: config.init(&encoder, &device()).unwrap(),
    };
    // The fixture's weights are addressed by their names in the whole model.
    let decoder = fill_where(prefixed, |name| !name.ends_with("pos_embed")).decoder;
    let input = uniform("input", shape::<3>(&case["input"]), &device()).require_grad();
    let restore: Vec<usize> = numbers(&case["restore"])
        .into_iter()
        .map(|place| place as usize)
        .collect();
    let [batch, ..] = input.dims();
    let patches = restore.len() / batch;
    let output = decoder.forward(input.clone(), integers(restore, [batch, patches]));
    let worst = check_training(&case, decoder, output, &[("input", &input)], COMPOSITE);
    println!("mae_decoder: worst error {worst:.1e}");
}

#[derive(Module, Debug)]
struct Decoder {
    decoder: tinderbox_nn::MaeDecoder,
}

#[test]
fn published_sizes_have_the_published_parameters() {
    let device = Device::flex();
    let bert = case("bert_parameters");
    for (name, config) in [("tiny", BertConfig::tiny()), ("mini", BertConfig::mini())] {
        let parameters = config.init(30_522, &device).unwrap().num_params();
        assert_eq!(parameters, size(&bert, name), "{name}");
    }
    let vit = VitConfig::tiny(32, 4).init(&device).unwrap().num_params();
    assert_eq!(Some(vit as u64), case("vit_tiny_parameters").as_u64());
}

/// The deviations of the published codes: 0.02 everywhere in BERT, Glorot and Bengio's uniform bound in the vision
/// transformer. A sample of n numbers has a deviation within 5 / sqrt(2 n) of its own, relatively.
#[test]
fn weights_start_as_published() {
    #[track_caller]
    fn check(values: &TensorData, deviation: f64) {
        let values = floats(values);
        let squares: f64 = values.iter().map(|&v| f64::from(v).powi(2)).sum();
        let got = (squares / values.len() as f64).sqrt();
        let allowed = 5.0 / (2.0 * values.len() as f64).sqrt();
        assert!(
            (got / deviation - 1.0).abs() <= allowed,
            "{got} {deviation}"
        );
    }
    let device = Device::flex();
    device.seed(1);
    let dict = tinderbox_nn::StateDict::of(&BertConfig::tiny().init(500, &device).unwrap());
    for (name, data) in dict.iter() {
        if data.shape().len() == 2 {
            check(data, 0.02);
        } else {
            let expected = f32::from(name.ends_with("LayerNorm.weight"));
            assert!(floats(data).iter().all(|&v| v == expected), "{name}");
        }
    }
    let config = VitConfig {
        depth: 1,
        ..VitConfig::tiny(32, 4)
    };
    let dict = tinderbox_nn::StateDict::of(&config.init(&device).unwrap());
    for (name, inputs, outputs) in [
        ("patch_embed.proj.weight", 48, 192),
        ("blocks.0.attn.qkv.weight", 192, 576),
        ("blocks.0.mlp.fc1.weight", 192, 768),
    ] {
        // The uniform distribution up to a bound b has the deviation b / sqrt(3).
        let deviation = (2.0 / (inputs + outputs) as f64).sqrt();
        check(dict.get(name).unwrap(), deviation);
    }
}
