//! Agreement with PyTorch, by the numbers that `fixtures/objectives.py` wrote.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Bool, Gradients, Int, Tensor, TensorData};
use serde_json::Value;
use tinderbox_nn::{Bert, BertConfig, StateDict, VitConfig};
use tinderbox_objectives::{
    BertPretrainingConfig, ElectraConfig, LabelledBatch, MaeConfig, MaskedBatch, MaskedLmConfig,
    MaskedPairBatch, Objective, PatchMask, SentenceRelationConfig, StepContext, StepOutput,
    accuracy, contrast_accuracy, cross_entropy, info_nce, nt_xent, retrieval_accuracy,
};

use crate::addressed::{below, gradient_error, record_error, uniform};
use crate::support::{self, device, fill, floats, matrix, scalar};

/// The losses take a log-softmax over similarities in f32, the references in f64: the tolerance of
/// a composite.
const TOLERANCE: f64 = 1e-4;

fn case(name: &str) -> Value {
    support::case("objectives.json", name)
}

pub fn size(case: &Value, key: &str) -> usize {
    case[key].as_u64().unwrap() as usize
}

pub fn number(case: &Value, key: &str) -> f64 {
    case[key].as_f64().unwrap()
}

#[track_caller]
pub fn check_loss(got: Tensor<1>, case: &Value) -> Gradients {
    let expected = number(case, "loss");
    let value = f64::from(scalar(got.clone()));
    assert!(
        (value - expected).abs() <= TOLERANCE * expected.abs(),
        "loss: got {value}, PyTorch has {expected}"
    );
    got.backward()
}

pub fn numbers(value: &Value) -> Vec<f64> {
    let values = value.as_array().unwrap().iter();
    values.map(|v| v.as_f64().unwrap()).collect()
}

#[track_caller]
fn check_record(name: &str, got: &[f32], record: &Value) -> f64 {
    let entries = numbers(&record["entries"]);
    let error = record_error(name, got, number(record, "norm"), &entries);
    assert!(error <= TOLERANCE, "{name}: error {error}");
    error
}

#[track_caller]
fn check_gradient<const D: usize>(name: &str, x: &Tensor<D>, gradients: &Gradients, case: &Value) {
    let got = floats(x.grad(gradients).unwrap());
    check_record(name, &got, &case["gradients"][name]);
}

/// Compares the gradients of all of a module's parameters but the fixed positions; gives the worst error.
#[track_caller]
pub fn check_gradients<M: Module>(module: M, gradients: &Gradients, case: &Value) -> f64 {
    struct Replace<'a>(&'a Gradients);
    impl ModuleMapper for Replace<'_> {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            match param.val().grad(self.0) {
                Some(gradient) => param.map(|_| gradient.autodiff()),
                None => param,
            }
        }
    }
    let expected = case["gradients"].as_object().unwrap();
    let norms = expected.values().map(|record| number(record, "norm"));
    let largest = norms.fold(0.0, f64::max);
    let mut worst = 0.0_f64;
    let dict = StateDict::of(&module.map(&mut Replace(gradients)));
    for (name, data) in dict.iter().filter(|(name, _)| !name.ends_with("pos_embed")) {
        let got: Vec<f32> = data.iter::<f32>().collect();
        let record = &expected[name];
        let entries = numbers(&record["entries"]);
        let error = gradient_error(name, &got, number(record, "norm"), &entries, largest);
        assert!(error <= TOLERANCE, "gradient of {name}: error {error}");
        worst = worst.max(error);
    }
    worst
}

pub fn integers<const D: usize>(values: &[usize], shape: [usize; D]) -> Tensor<D, Int> {
    let values: Vec<i64> = values.iter().map(|&v| v as i64).collect();
    Tensor::from_data(TensorData::new(values, shape), &device())
}

pub fn booleans(values: Vec<bool>, shape: [usize; 2]) -> Tensor<2, Bool> {
    Tensor::from_data(TensorData::new(values, shape), &device())
}

#[test]
fn nt_xent_agrees_with_the_definition_in_pytorch() {
    for name in ["nt_xent_half", "nt_xent_tenth", "nt_xent_hundredth"] {
        let case = case(name);
        let (batch, dim) = (size(&case, "batch"), size(&case, "dim"));
        let a = matrix(&uniform("a", batch * dim), batch).require_grad();
        let b = matrix(&uniform("b", batch * dim), batch).require_grad();
        let loss = nt_xent(a.clone(), b.clone(), number(&case, "temperature"));
        let gradients = check_loss(loss, &case);
        check_gradient("a", &a, &gradients, &case);
        check_gradient("b", &b, &gradients, &case);
        let got = f64::from(scalar(contrast_accuracy(a, b)));
        assert!((got - number(&case, "contrast_accuracy")).abs() < 1e-6);
    }
}

#[test]
fn cross_entropy_agrees_with_pytorch() {
    for name in [
        "cross_entropy",
        "cross_entropy_smoothed",
        "cross_entropy_two_classes",
    ] {
        let case = case(name);
        let (batch, classes) = (size(&case, "batch"), size(&case, "classes"));
        let scale = number(&case, "logits_scale") as f32;
        let values: Vec<f32> = uniform("logits", batch * classes)
            .iter()
            .map(|v| v * scale)
            .collect();
        let logits = matrix(&values, batch).require_grad();
        let targets: Vec<i64> = below("targets", batch, classes)
            .iter()
            .map(|&t| t as i64)
            .collect();
        let targets = Tensor::<1, Int>::from_ints(targets.as_slice(), &device());
        let smoothing = number(&case, "label_smoothing");
        let loss = cross_entropy(logits.clone(), targets.clone(), smoothing);
        let gradients = check_loss(loss, &case);
        check_gradient("logits", &logits, &gradients, &case);
        let got = f64::from(scalar(accuracy(logits, targets)));
        assert!((got - number(&case, "accuracy")).abs() < 1e-6);
    }
}

const AT: StepContext = StepContext {
    step: 0,
    total_steps: 1,
    micro_batch: 0,
};

/// The BERT of a case, `width` wide.
fn bert(case: &Value, width: usize) -> Bert {
    let config = BertConfig {
        width,
        depth: size(case, "depth"),
        heads: size(case, "heads"),
        ffn: size(case, "ffn"),
        positions: size(case, "maximum"),
        segments: size(case, "segments"),
        dropout: 0.0,
        attention_dropout: 0.0,
        ..BertConfig::tiny()
    };
    config.init(size(case, "vocabulary"), &device()).unwrap()
}

fn sizes(case: &Value, key: &str) -> Vec<usize> {
    let values = numbers(&case[key]).into_iter();
    values.map(|value| value as usize).collect()
}

/// The sequences of a case; none is masked if the case has no places.
fn sequences(case: &Value) -> MaskedBatch {
    let shape = [size(case, "batch"), size(case, "tokens")];
    let positions = match case["positions"].is_array() {
        true => sizes(case, "positions"),
        false => Vec::new(),
    };
    let (count, vocabulary) = (shape[0] * shape[1], size(case, "vocabulary"));
    let padding = sizes(case, "lengths")
        .iter()
        .flat_map(|&length| (0..shape[1]).map(move |t| t >= length))
        .collect();
    MaskedBatch {
        tokens: integers(&below("tokens", count, vocabulary), shape),
        segments: integers(&below("segments", count, size(case, "segments")), shape),
        padding: booleans(padding, shape),
        targets: integers(
            &below("targets", positions.len(), vocabulary),
            [positions.len()],
        ),
        positions: integers(&positions, [positions.len()]),
    }
}

/// Compares the metrics that the case has.
#[track_caller]
fn check_metrics(output: &StepOutput, names: &[&str], case: &Value) {
    let got: Vec<_> = output.metrics.iter().map(|(name, _)| *name).collect();
    assert_eq!(got, names);
    let recorded = output
        .metrics
        .iter()
        .filter(|(name, _)| case[name].is_number());
    for (name, value) in recorded {
        let (got, expected) = (f64::from(scalar(value.clone())), number(case, name));
        let allowed = TOLERANCE * expected.abs().max(1.0);
        assert!(
            (got - expected).abs() <= allowed,
            "{name}: {got}, {expected}"
        );
    }
}

#[test]
fn masked_language_modelling_agrees_with_hugging_face() {
    let case = case("masked_lm");
    let encoder = bert(&case, size(&case, "width"));
    let objective = fill(MaskedLmConfig::default().init(encoder, &device()));
    let batch = sequences(&case);
    let logits = objective.logits(batch.input(), batch.positions.clone());
    check_record("logits", &floats(logits), &case["logits"]);

    let output = objective.step(batch, AT);
    check_metrics(&output, &["masked_accuracy"], &case);
    let gradients = check_loss(output.loss, &case);
    let worst = check_gradients(objective, &gradients, &case);
    println!("masked_lm: worst error {worst:.1e}");
}

#[test]
fn sentence_relations_agree_with_hugging_face() {
    let case = case("sentence_relation");
    let encoder = bert(&case, size(&case, "width"));
    let objective = fill(SentenceRelationConfig::default().init(encoder, &device()));
    let relations = sizes(&case, "relations");
    let batch = LabelledBatch {
        inputs: sequences(&case).input(),
        targets: integers(&relations, [relations.len()]),
    };
    let output = objective.step(batch, AT);
    check_metrics(&output, &["sentence_accuracy"], &case);
    let gradients = check_loss(output.loss, &case);
    let worst = check_gradients(objective, &gradients, &case);
    println!("sentence_relation: worst error {worst:.1e}");
}

#[test]
fn berts_pre_training_agrees_with_hugging_face() {
    let case = case("bert_pretraining");
    let encoder = bert(&case, size(&case, "width"));
    let objective = fill(BertPretrainingConfig::default().init(encoder, &device()));
    let relations = sizes(&case, "relations");
    let batch = MaskedPairBatch {
        masked: sequences(&case),
        relations: integers(&relations, [relations.len()]),
    };
    let output = objective.step(batch, AT);
    let names = [
        "masked_accuracy",
        "masked_loss",
        "sentence_accuracy",
        "sentence_loss",
    ];
    check_metrics(&output, &names, &case);
    let gradients = check_loss(output.loss, &case);
    let worst = check_gradients(objective, &gradients, &case);
    println!("bert_pretraining: worst error {worst:.1e}");
}

#[test]
fn electra_agrees_with_hugging_face() {
    let case = case("electra");
    let generator = bert(&case, size(&case, "generator_width"));
    let discriminator = bert(&case, size(&case, "width"));
    let objective = ElectraConfig::default().init(generator, discriminator, &device());
    let objective = fill(objective.unwrap());
    let drawn = sizes(&case, "drawn");
    let output = objective.loss(sequences(&case), integers(&drawn, [drawn.len()]));
    let names = [
        "masked_accuracy",
        "masked_loss",
        "replaced_accuracy",
        "replaced_loss",
        "replaced_share",
    ];
    check_metrics(&output, &names, &case);
    let gradients = check_loss(output.loss, &case);
    let worst = check_gradients(objective, &gradients, &case);
    println!("electra: worst error {worst:.1e}");
}

#[test]
fn info_nce_agrees_with_the_definition_in_pytorch() {
    for name in ["info_nce", "info_nce_hard_negatives"] {
        let case = case(name);
        let [n, m, dim] = ["anchors", "candidates", "dim"].map(|key| size(&case, key));
        let anchors = matrix(&uniform("anchors", n * dim), n).require_grad();
        let candidates = matrix(&uniform("candidates", m * dim), m).require_grad();
        let temperature = number(&case, "temperature");
        let loss = info_nce(anchors.clone(), candidates.clone(), temperature);
        let gradients = check_loss(loss, &case);
        check_gradient("anchors", &anchors, &gradients, &case);
        check_gradient("candidates", &candidates, &gradients, &case);
        let got = f64::from(scalar(retrieval_accuracy(anchors, candidates)));
        assert!((got - number(&case, "retrieval_accuracy")).abs() < 1e-6);
    }
}

/// The mask that keeps the patches with the least noise, as Hugging Face's and the authors' code draw it.
fn least_noise(noise: &[f32], [batch, patches]: [usize; 2], kept: usize) -> PatchMask {
    let (mut seen, mut restore) = (Vec::new(), vec![0; batch * patches]);
    for row in 0..batch {
        let mut order: Vec<usize> = (0..patches).collect();
        order.sort_by(|a, b| noise[row * patches + a].total_cmp(&noise[row * patches + b]));
        seen.extend(&order[..kept]);
        for (place, patch) in order.into_iter().enumerate() {
            restore[row * patches + patch] = place;
        }
    }
    PatchMask {
        kept: integers(&seen, [batch, kept]),
        masked: booleans(
            restore.iter().map(|&p| p >= kept).collect(),
            [batch, patches],
        ),
        restore: integers(&restore, [batch, patches]),
    }
}

#[test]
fn masked_autoencoding_agrees_with_hugging_face() {
    for name in ["mae", "mae_normalised"] {
        let case = case(name);
        let encoder = VitConfig {
            channels: size(&case, "channels"),
            image_size: size(&case, "image_size"),
            patch: size(&case, "patch"),
            width: size(&case, "width"),
            depth: size(&case, "depth"),
            heads: size(&case, "heads"),
        };
        let config = MaeConfig {
            mask_ratio: number(&case, "mask_ratio"),
            normalise_pixels: case["normalise_pixels"].as_bool().unwrap(),
            decoder_width: size(&case, "decoder_width"),
            decoder_depth: size(&case, "decoder_depth"),
            decoder_heads: size(&case, "decoder_heads"),
            seed: 0,
        };
        let objective = config.init(encoder.init(&device()).unwrap(), &device());
        let objective = fill(objective.unwrap());
        let (batch, side) = (size(&case, "batch"), encoder.image_size);
        let patches = (side / encoder.patch).pow(2);
        let mask = least_noise(
            &uniform("noise", batch * patches),
            [batch, patches],
            size(&case, "kept"),
        );
        let shape = [batch, encoder.channels, side, side];
        let values = uniform("images", shape.iter().product());
        let images: Tensor<4> = Tensor::from_data(TensorData::new(values, shape), &device());
        let images = images.require_grad();
        let gradients = check_loss(objective.loss(images.clone(), mask), &case);
        check_gradient("images", &images, &gradients, &case);
        let worst = check_gradients(objective, &gradients, &case);
        println!("{name}: worst error {worst:.1e}");
    }
}
