//! Objectives over sequences of tokens: agreement with PyTorch and Hugging Face by the numbers that `fixtures/sequences.py`
//! wrote, and degenerate input.

use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Bool, Tensor};
use serde_json::Value;
use tinderbox_nn::{
    Bert, BertConfig, Decoding, EncoderDecoder, EncoderDecoderConfig, GenerationConfig, NormOrder,
    RecurrentEncoder, RecurrentEncoderConfig, TokenBatch,
};
use tinderbox_objectives::{
    CausalLm, CausalLmConfig, Objective, ObjectiveConfigError, SequenceAutoencoder,
    SequenceAutoencoderConfig, SequencePairBatch, SequenceToSequence, SequenceToSequenceConfig,
    Span, SpanBatch, SpanExtractionConfig, SpanLogits, StepContext, StepOutput, TaggedBatch,
    TokenTaggingConfig, best_span, causal_language_modelling, span_extraction,
};

use crate::addressed::below;
use crate::parity::{booleans, check_gradients, check_loss, integers, number, numbers, size};
use crate::support::{self, addressed, check_gradient, device, fill, floats, scalar};

pub const AT: StepContext = StepContext {
    step: 0,
    total_steps: 1,
    micro_batch: 0,
};

fn case(name: &str) -> Value {
    support::case("sequences.json", name)
}

fn places(value: &Value) -> Vec<usize> {
    numbers(value)
        .into_iter()
        .map(|place| place as usize)
        .collect()
}

/// True behind the length of each sequence.
fn padding(lengths: &Value, tokens: usize) -> Tensor<2, Bool> {
    let lengths = places(lengths);
    let padded = lengths
        .iter()
        .flat_map(|&length| (0..tokens).map(move |t| t >= length));
    booleans(padded.collect(), [lengths.len(), tokens])
}

/// The tokens of a case, with its padding.
fn input(case: &Value) -> TokenBatch {
    let shape = [size(case, "batch"), size(case, "tokens")];
    let count = shape[0] * shape[1];
    TokenBatch {
        tokens: integers(&below("tokens", count, size(case, "vocabulary")), shape),
        segments: integers(&below("segments", count, 2), shape),
        padding: Some(padding(&case["lengths"], shape[1])),
        documents: None,
    }
}

#[track_caller]
fn check_step<O: Objective>(name: &str, case: &Value, objective: O, output: StepOutput) {
    let (metric, value) = output.metrics[0].clone();
    let value = f64::from(scalar(value));
    assert!(
        (value - number(case, metric)).abs() < 1e-6,
        "{metric} {value}"
    );
    let gradients = check_loss(output.loss, case);
    let worst = check_gradients(objective, &gradients, case);
    println!("{name}: worst error {worst:.1e}");
}

fn recurrent(
    vocabulary: usize,
    embedding: usize,
    hidden: usize,
    layers: usize,
) -> RecurrentEncoder {
    let config = RecurrentEncoderConfig {
        embedding,
        layers,
        ..RecurrentEncoderConfig::new(hidden)
    };
    config.init(vocabulary, &device()).unwrap()
}

fn recurrent_of(case: &Value) -> RecurrentEncoder {
    let [vocabulary, embedding, hidden, layers] =
        ["vocabulary", "embedding", "hidden", "layers"].map(|key| size(case, key));
    recurrent(vocabulary, embedding, hidden, layers)
}

fn bert_of(case: &Value) -> Bert {
    let config = BertConfig {
        width: size(case, "width"),
        depth: size(case, "depth"),
        heads: size(case, "heads"),
        ffn: size(case, "ffn"),
        positions: size(case, "positions"),
        segments: size(case, "segments"),
        dropout: 0.0,
        attention_dropout: 0.0,
        ..BertConfig::tiny()
    };
    config.init(size(case, "vocabulary"), &device()).unwrap()
}

#[test]
fn causal_language_modelling_agrees_with_pytorch() {
    let case = case("causal_lm");
    let objective = CausalLmConfig::default().init(recurrent_of(&case), &device());
    let objective: CausalLm<_> = fill(objective.unwrap());
    let batch = input(&case);
    // The function of all logits gives the same loss as the objective's of the logits that count.
    let all: Vec<usize> = (0..21).collect();
    let logits = objective.logits(batch.clone(), integers(&all, [21]));
    let logits = logits.reshape([3, 7, size(&case, "vocabulary")]);
    check_loss(
        causal_language_modelling(logits, batch.tokens.clone(), batch.padding.clone()),
        &case,
    );
    let output = objective.step(batch, AT);
    check_step("causal_lm", &case, objective, output);
}

#[test]
fn the_sequence_autoencoder_agrees_with_pytorch() {
    let case = case("sequence_autoencoder");
    let config = SequenceAutoencoderConfig {
        decoder_hidden: Some(size(&case, "decoder_hidden")),
    };
    let objective: SequenceAutoencoder<_> =
        fill(config.init(recurrent_of(&case), &device()).unwrap());
    let output = objective.step(input(&case), AT);
    check_step("sequence_autoencoder", &case, objective, output);
}

#[test]
fn sequence_to_sequence_agrees_with_pytorch() {
    for name in ["sequence_to_sequence_pre", "sequence_to_sequence_post"] {
        let case = case(name);
        let config = EncoderDecoderConfig {
            width: size(&case, "width"),
            depth: size(&case, "depth"),
            decoder_depth: size(&case, "decoder_depth"),
            heads: size(&case, "heads"),
            ffn: size(&case, "ffn"),
            norm: match case["norm"].as_str().unwrap() {
                "pre" => NormOrder::Pre,
                _ => NormOrder::Post,
            },
            dropout: 0.0,
            attention_dropout: 0.0,
        };
        let vocabulary = size(&case, "vocabulary");
        let network = config.init(vocabulary, &device()).unwrap();
        let objective = fill(SequenceToSequenceConfig::default().init(network));
        let target_tokens = size(&case, "target_tokens");
        let targets = below("targets", 3 * target_tokens, vocabulary);
        let batch = SequencePairBatch {
            source: input(&case),
            targets: integers(&targets, [3, target_tokens]),
            target_padding: Some(padding(&case["target_lengths"], target_tokens)),
        };
        let output = objective.step(batch, AT);
        check_step(name, &case, objective, output);
    }
}

#[test]
fn token_tagging_agrees_with_hugging_face() {
    let case = case("token_tagging");
    let classes = size(&case, "classes");
    let objective = TokenTaggingConfig { classes }.init(bert_of(&case), &device());
    let objective = fill(objective.unwrap());
    let positions = places(&case["tagged"]);
    let count = positions.len();
    let batch = TaggedBatch {
        input: input(&case),
        positions: integers(&positions, [count]),
        targets: integers(&below("tags", count, classes), [count]),
    };
    let output = objective.step(batch, AT);
    check_step("token_tagging", &case, objective, output);
}

#[test]
fn span_extraction_agrees_with_hugging_face() {
    for name in ["span_extraction", "span_extraction_padded"] {
        let case = case(name);
        let objective = fill(SpanExtractionConfig::default().init(bert_of(&case), &device()));
        let batch = SpanBatch {
            input: input(&case),
            starts: integers(&places(&case["starts"]), [3]),
            ends: integers(&places(&case["ends"]), [3]),
        };
        let output = objective.step(batch, AT);
        check_step(name, &case, objective, output);
    }
}

fn tokens(values: &[usize], padding: &[bool], rows: usize) -> TokenBatch {
    let shape = [rows, values.len() / rows];
    TokenBatch {
        tokens: integers(values, shape),
        segments: Tensor::zeros(shape, &device()),
        padding: Some(booleans(padding.to_vec(), shape)),
        documents: None,
    }
}

fn sequence_to_sequence() -> SequenceToSequence {
    let config = EncoderDecoderConfig {
        width: 16,
        depth: 1,
        decoder_depth: 1,
        heads: 2,
        ffn: 32,
        dropout: 0.0,
        ..EncoderDecoderConfig::default()
    };
    device().seed(1);
    let network: EncoderDecoder = config.init(8, &device()).unwrap();
    SequenceToSequenceConfig::default().init(network)
}

fn pair(source: TokenBatch, target: TokenBatch) -> SequencePairBatch {
    SequencePairBatch {
        source,
        targets: target.tokens,
        target_padding: target.padding,
    }
}

/// A batch without a target has a loss of 0 and a gradient of zeros for every parameter that has one otherwise.
#[track_caller]
fn check_nothing<O: Objective>(objective: &O, full: O::Batch, empty: O::Batch) {
    let gradients = |batch| {
        let output = objective.step(batch, AT);
        let loss = scalar(output.loss.clone());
        let accuracy = scalar(output.metrics[0].1.clone());
        let gradients = GradientsParams::from_grads(output.loss.backward(), objective);
        (loss, accuracy, gradients.len())
    };
    let (loss, _, expected) = gradients(full);
    assert!(loss > 0.0);
    assert_eq!(gradients(empty), (0.0, 0.0, expected));
}

#[test]
fn without_a_target_nothing_is_learnt() {
    let device = device();
    let full = || {
        tokens(
            &[1, 2, 3, 4, 5, 0],
            &[false, false, false, false, false, true],
            2,
        )
    };
    let padding_alone = || tokens(&[1, 2, 3, 4, 5, 0], &[true; 6], 2);
    let lm = CausalLmConfig::default();
    let lm = lm.init(recurrent(8, 4, 5, 1), &device).unwrap();
    check_nothing(&lm, full(), padding_alone());
    // Of sequences of one token there is no next one.
    check_nothing(&lm, full(), tokens(&[1, 2], &[false; 2], 2));
    let autoencoder = SequenceAutoencoderConfig::default();
    let autoencoder = autoencoder.init(recurrent(8, 4, 5, 1), &device).unwrap();
    check_nothing(&autoencoder, full(), padding_alone());
    let pairs = sequence_to_sequence();
    check_nothing(&pairs, pair(full(), full()), pair(full(), padding_alone()));
    check_nothing(
        &pairs,
        pair(full(), full()),
        pair(full(), tokens(&[1, 2], &[false; 2], 2)),
    );
    // A source of padding alone says nothing, and the target is learnt all the same.
    let output = pairs.step(pair(padding_alone(), full()), AT);
    assert!(scalar(output.loss.clone()).is_finite());
    let backward = output.loss.backward();
    let words = floats(
        pairs
            .encoder
            .embedding
            .weight
            .val()
            .grad(&backward)
            .unwrap(),
    );
    assert!(words.iter().all(|value| value.is_finite()));
    let tagging = TokenTaggingConfig { classes: 3 };
    let tagging = tagging.init(recurrent(8, 4, 5, 1), &device).unwrap();
    let tagged = |places: &[usize]| TaggedBatch {
        input: full(),
        positions: integers(places, [places.len()]),
        targets: integers(&vec![1; places.len()], [places.len()]),
    };
    check_nothing(&tagging, tagged(&[0, 4]), tagged(&[]));
}

#[test]
fn a_sequence_of_one_token_is_reproduced_and_searched() {
    let device = device();
    let autoencoder = SequenceAutoencoderConfig::default();
    let autoencoder = autoencoder.init(recurrent(8, 4, 5, 1), &device).unwrap();
    let loss = scalar(autoencoder.step(tokens(&[1, 2], &[false; 2], 2), AT).loss);
    assert!(loss.is_finite() && loss > 0.0);
    let spans = SpanExtractionConfig::default().init(recurrent(8, 4, 5, 1), &device);
    let batch = SpanBatch {
        input: tokens(&[1, 2], &[false, true], 2),
        starts: integers(&[0, 0], [2]),
        ends: integers(&[0, 0], [2]),
    };
    let output = spans.step(batch, AT);
    // One place is certain, of padding too.
    assert_eq!(scalar(output.loss), 0.0);
    assert_eq!(scalar(output.metrics[0].1.clone()), 1.0);
}

#[test]
fn what_stands_at_padding_does_not_matter() {
    let device = device();
    let padding = [false, false, false, false, true, true];
    let lm = CausalLmConfig::default();
    let lm = lm.init(recurrent(8, 4, 5, 1), &device).unwrap();
    let autoencoder = SequenceAutoencoderConfig::default();
    let autoencoder = autoencoder.init(recurrent(8, 4, 5, 1), &device).unwrap();
    let loss = |rest: [usize; 2]| {
        let all = [1, 2, 3, 4, rest[0], rest[1]];
        let batch = || tokens(&all, &padding, 2);
        [
            scalar(lm.step(batch(), AT).loss),
            scalar(autoencoder.step(batch(), AT).loss),
        ]
    };
    assert_eq!(loss([0, 0]), loss([7, 6]));
}

/// A network that sees the token it is asked for would only learn to copy it.
#[test]
fn an_encoder_that_sees_the_future_is_refused() {
    let config = RecurrentEncoderConfig {
        bidirectional: true,
        ..RecurrentEncoderConfig::new(4)
    };
    let refused = CausalLmConfig::default().init(config.init(8, &device()).unwrap(), &device());
    assert_eq!(refused.err(), Some(ObjectiveConfigError::NotCausal));
    let bert = BertConfig::tiny().init(8, &device()).unwrap();
    let refused = CausalLmConfig::default().init(bert, &device());
    assert_eq!(refused.err(), Some(ObjectiveConfigError::NotCausal));
}

#[test]
fn degenerate_configurations_are_typed_errors() {
    let classes = TokenTaggingConfig { classes: 1 }.init(recurrent(8, 4, 5, 1), &device());
    assert_eq!(
        classes.err(),
        Some(ObjectiveConfigError::TooFewClasses { got: 1 })
    );
    let config = SequenceAutoencoderConfig {
        decoder_hidden: Some(0),
    };
    let decoder = config.init(recurrent(8, 4, 5, 1), &device());
    assert!(matches!(
        decoder.err(),
        Some(ObjectiveConfigError::Network(_))
    ));
}

#[test]
fn the_gradient_of_the_next_token_agrees_with_differences() {
    // Two sequences of three tokens; of the second the last is padding.
    let (targets, rows) = ([4, 0, 2], [0, 1, 3]);
    check_gradient(
        &addressed(3, 30),
        6,
        |logits| {
            let padding = booleans(vec![false, false, false, false, false, true], [2, 3]);
            let tokens = integers(&[1, 4, 0, 3, 2, 1], [2, 3]);
            causal_language_modelling(logits.reshape([2, 3, 5]), tokens, Some(padding))
        },
        |x| {
            let losses = targets.iter().zip(rows).map(|(target, row)| {
                let row = &x[row * 5..][..5];
                row.iter().map(|v| v.exp()).sum::<f64>().ln() - row[*target]
            });
            losses.sum::<f64>() / 3.0
        },
    );
}

#[test]
fn the_gradient_of_a_span_agrees_with_differences() {
    let (starts, ends) = ([1, 0], [2, 0]);
    check_gradient(
        &addressed(4, 12),
        2,
        |logits| {
            let logits = SpanLogits {
                starts: logits.clone().narrow(1, 0, 3),
                ends: logits.narrow(1, 3, 3),
            };
            span_extraction(logits, integers(&starts, [2]), integers(&ends, [2]))
        },
        |x| {
            let losses = (0..2).flat_map(|row| [(row * 6, starts[row]), (row * 6 + 3, ends[row])]);
            let losses = losses.map(|(from, target)| {
                let logits = &x[from..from + 3];
                logits.iter().map(|v| v.exp()).sum::<f64>().ln() - logits[target]
            });
            losses.sum::<f64>() / 4.0
        },
    );
}

#[test]
fn the_best_span_is_the_best_valid_one() {
    let starts = [0.0, 5.0, 1.0, 2.0];
    let ends = [4.0, 0.0, 3.0, 1.0];
    let best = |allowed: [bool; 4], longest| best_span(&starts, &ends, &allowed, longest);
    let span = |start, end, score| Some(Span { start, end, score });
    // 5 + 4 would end before it starts.
    assert_eq!(best([true; 4], 4), span(1, 2, 8.0));
    assert_eq!(best([true; 4], usize::MAX), span(1, 2, 8.0));
    assert_eq!(best([true; 4], 1), span(1, 1, 5.0));
    assert_eq!(best([true, true, false, true], 4), span(1, 3, 6.0));
    assert_eq!(best([false, false, false, true], 4), span(3, 3, 3.0));
    assert_eq!(best([false; 4], 4), None);
    assert_eq!(best([true; 4], 0), None);
    assert_eq!(best_span(&[], &[], &[], 3), None);
}

/// A language model of a sequence that repeats learns it, and says it again.
#[test]
fn a_language_model_learns_and_generates() {
    let device = device();
    device.seed(1);
    let mut model = CausalLmConfig::default()
        .init(recurrent(8, 8, 16, 1), &device)
        .unwrap();
    let mut optimiser = AdamConfig::new().init();
    let text = [1, 5, 3, 7, 1, 5, 3, 7, 1, 5, 3, 7];
    let batch = || tokens(&text, &[false; 12], 1);
    for _ in 0..80 {
        let loss = model.step(batch(), AT).loss;
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        model = optimiser.step(0.02, model, gradients);
    }
    let output = model.step(batch(), AT);
    assert!(scalar(output.loss) < 0.1);
    assert_eq!(scalar(output.metrics[0].1.clone()), 1.0);
    let config = GenerationConfig {
        decoding: Decoding::Greedy,
        max_new_tokens: 6,
        end: None,
        seed: 0,
    };
    let prompts = [vec![1], vec![1, 5, 3]];
    let texts = config.generate(&model, &prompts, &device).unwrap();
    assert_eq!(texts[0].tokens, [5, 3, 7, 1, 5, 3]);
    assert_eq!(texts[1].tokens, [7, 1, 5, 3, 7, 1]);
}

/// The features alone tell two texts apart.
#[test]
fn an_autoencoder_learns_to_reproduce() {
    let device = device();
    device.seed(1);
    let mut model = SequenceAutoencoderConfig::default()
        .init(recurrent(8, 8, 16, 1), &device)
        .unwrap();
    let mut optimiser = AdamConfig::new().init();
    let padding = [false, false, false, false, false, true];
    let batch = || tokens(&[1, 5, 3, 7, 2, 0], &padding, 2);
    for _ in 0..100 {
        let loss = model.step(batch(), AT).loss;
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        model = optimiser.step(0.02, model, gradients);
    }
    let output = model.step(batch(), AT);
    assert!(scalar(output.loss) < 0.1);
    assert_eq!(scalar(output.metrics[0].1.clone()), 1.0);
    let count = floats(model.encoder.embedding.weight.val()).len();
    assert_eq!(count, 64);
    assert!(model.num_params() > model.encoder.num_params());
}

/// Learns to write sources backwards, and then writes those it has seen, greedily and by beams.
#[test]
fn sequence_to_sequence_learns_and_generates() {
    let device = device();
    let mut model = sequence_to_sequence();
    let mut optimiser = AdamConfig::new().init();
    let padding = [
        false, false, false, false, true, false, false, false, false, false,
    ];
    let source = || tokens(&[1, 5, 3, 2, 0, 1, 4, 6, 7, 2], &padding, 2);
    let target = || tokens(&[1, 3, 5, 2, 0, 1, 7, 6, 4, 2], &padding, 2);
    for _ in 0..120 {
        let loss = model.step(pair(source(), target()), AT).loss;
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        model = optimiser.step(0.01, model, gradients);
    }
    let output = model.step(pair(source(), target()), AT);
    assert_eq!(scalar(output.metrics[0].1.clone()), 1.0);
    let beam = Decoding::Beam {
        beams: 3,
        length_penalty: 1.0,
    };
    for decoding in [Decoding::Greedy, beam] {
        let config = GenerationConfig {
            decoding,
            max_new_tokens: 8,
            end: Some(2),
            seed: 0,
        };
        let prompts = [vec![1], vec![1]];
        let texts = config.generate(&model.encoder.continuing(source()), &prompts, &device);
        let texts: Vec<_> = texts.unwrap().into_iter().map(|text| text.tokens).collect();
        assert_eq!(texts, [vec![3, 5, 2], vec![7, 6, 4, 2]]);
    }
}

/// Two documents in a sequence have the mean loss of all their next tokens, and none of the step from one to the other.
#[test]
fn packed_documents_are_modelled_as_if_alone() {
    let device = device();
    device.seed(2);
    let config = BertConfig {
        width: 16,
        dropout: 0.0,
        attention_dropout: 0.0,
        causal: true,
        ..BertConfig::tiny()
    };
    let lm = CausalLmConfig::default().init(config.init(9, &device).unwrap(), &device);
    let lm = lm.unwrap();
    let loss = |batch: TokenBatch| scalar(lm.step(batch, AT).loss);
    let of = |values: &[usize]| TokenBatch::new(integers(values, [1, values.len()]));
    let packed = loss(TokenBatch {
        documents: Some(integers(&[0, 0, 0, 1, 1], [1, 5])),
        ..of(&[3, 4, 5, 6, 7])
    });
    let alone = (2.0 * loss(of(&[3, 4, 5])) + loss(of(&[6, 7]))) / 3.0;
    assert!((packed - alone).abs() < 1e-5, "{packed} {alone}");
    assert!((packed - loss(of(&[3, 4, 5, 6, 7]))).abs() > 1e-3);
}
