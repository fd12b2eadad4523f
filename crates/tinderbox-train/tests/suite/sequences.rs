//! Every objective over sequences of tokens: the same bits after a stop, and whatever the number of threads.

use std::sync::Arc;

use burn::data::dataset::Dataset;
use burn::tensor::Device;
use tinderbox_data::text::{
    NoiseConfig, NoisedCollate, SpanCollate, SpanSample, SpecialTokens, TaggedCollate,
    TaggedSample, TokenItem,
};
use tinderbox_data::{Collate, DataError, Loader, LoaderConfig, SampleRng, View};
use tinderbox_nn::{
    BertConfig, Cell, EncoderDecoderConfig, RecurrentEncoder, RecurrentEncoderConfig, StateDict,
};
use tinderbox_objectives::{
    CausalLmConfig, Objective, SequenceAutoencoderConfig, SequenceToSequenceConfig,
    SpanExtractionConfig, TokenTaggingConfig,
};
use tinderbox_train::{
    CheckpointConfig, FromPlain, OptimConfig, Outcome, RunDir, StopFlag, Trainer, TrainerConfig,
    initialise,
};

use crate::stop::StopAt;

const VOCABULARY: usize = 24;
const STEPS: u64 = 6;

fn special() -> SpecialTokens {
    SpecialTokens {
        vocabulary: VOCABULARY as u32,
        pad: 0,
        cls: 1,
        sep: 2,
        mask: 3,
        others: vec![],
    }
}

/// Texts of 3 to 10 tokens.
struct Texts;

impl Dataset<TokenItem, DataError> for Texts {
    fn get(&self, index: usize) -> Result<TokenItem, DataError> {
        let mut rng = SampleRng::new(2, 0, index as u64, 0);
        let length = 1 + rng.below(8);
        let words = (0..length).map(|_| 4 + rng.below(VOCABULARY as u64 - 4) as u32);
        Ok(TokenItem::new(
            std::iter::once(1).chain(words).chain([2]).collect(),
        ))
    }

    fn len(&self) -> usize {
        20
    }
}

/// Each word's class is its number modulo 3, and one of three words has none.
struct Tag;

impl View<TokenItem> for Tag {
    type Out = TaggedSample;

    fn apply(&self, item: TokenItem, mut rng: SampleRng) -> TaggedSample {
        let words = &item.tokens[1..item.tokens.len() - 1];
        let classes: Vec<_> = words
            .iter()
            .map(|word| (!rng.bool(0.3)).then_some(word % 3))
            .collect();
        let index = rng.index();
        TaggedSample::of_words(item, &classes, &special(), index)
    }
}

struct Answer;

impl View<TokenItem> for Answer {
    type Out = SpanSample;

    fn apply(&self, item: TokenItem, mut rng: SampleRng) -> SpanSample {
        let start = rng.below(item.tokens.len() as u64) as usize;
        let end = start + rng.below((item.tokens.len() - start) as u64) as usize;
        SpanSample {
            tokens: item.tokens,
            segments: item.segments,
            start,
            end,
            index: rng.index(),
        }
    }
}

/// A run that is stopped and goes on with other threads ends as one that was not.
#[track_caller]
fn check<O, V, C>(build: impl Fn(&Device) -> O, view: fn() -> V, collate: C)
where
    O: Objective + 'static,
    O::Batch: FromPlain,
    V: View<TokenItem> + 'static,
    C: Collate<V::Out> + Copy + 'static,
{
    let device = Device::flex().autodiff();
    let trainer = |threads| {
        let config = LoaderConfig {
            batch: 4,
            seed: 3,
            threads,
            prefetch: 2,
            shuffle: true,
            max_bad: 0,
        };
        let loader = Loader::new(Arc::new(Texts), view(), collate, config).unwrap();
        let config = TrainerConfig {
            accumulate: 2,
            clip: Some(1.0),
            log_every: 1,
            checkpoint: CheckpointConfig {
                every: 2,
                keep: 2,
                best: None,
            },
            ..TrainerConfig::new(STEPS, OptimConfig::adamw(0.01, 0.01))
        };
        let objective = initialise(&device, 7, || build(&device));
        Trainer::new(objective, loader, &device, config).unwrap()
    };
    let weights =
        |trainer: &Trainer<'_, O>| StateDict::of(&trainer.trained()).to_safetensors_bytes();
    let root = tempfile::tempdir().unwrap();
    let whole = RunDir::create(root.path().join("whole")).unwrap();
    let mut reference = trainer(0);
    let before = weights(&reference);
    reference.start_in(&whole).unwrap();
    assert_eq!(reference.run().unwrap(), Outcome::Finished);
    let expected = weights(&reference);
    assert_ne!(before, expected, "nothing was learnt");
    drop(reference);

    let run = RunDir::create(root.path().join("stopped")).unwrap();
    let flag = StopFlag::default();
    let mut first = trainer(1)
        .with_stop(flag.clone())
        .with_observer(StopAt(3, flag));
    first.start_in(&run).unwrap();
    assert_eq!(
        first.run().unwrap(),
        Outcome::Stopped { signal: 2, step: 3 }
    );
    drop(first);
    let mut second = trainer(2);
    assert_eq!(second.resume_in(&run).unwrap().step, 3);
    second.run().unwrap();
    assert_eq!(weights(&second), expected);
}

fn recurrent(cell: Cell, device: &Device) -> RecurrentEncoder {
    let config = RecurrentEncoderConfig {
        embedding: 6,
        cell,
        dropout: 0.1,
        ..RecurrentEncoderConfig::new(8)
    };
    config.init(VOCABULARY, device).unwrap()
}

const TAGGED: TaggedCollate = TaggedCollate {
    pad: 0,
    length: None,
};

fn bert(causal: bool) -> BertConfig {
    BertConfig {
        width: 16,
        depth: 1,
        heads: 2,
        ffn: 24,
        positions: 12,
        causal,
        ..BertConfig::tiny()
    }
}

#[test]
fn causal_language_models_resume_exactly() {
    for cell in [Cell::Lstm, Cell::Gru, Cell::Tanh] {
        let lm = |device: &Device| CausalLmConfig::default().init(recurrent(cell, device), device);
        check(|device| lm(device).unwrap(), || Tag, TAGGED);
    }
    let lm = |device: &Device| {
        let encoder = bert(true).init(VOCABULARY, device).unwrap();
        CausalLmConfig::default().init(encoder, device).unwrap()
    };
    check(lm, || Tag, TAGGED);
}

#[test]
fn sequence_autoencoders_resume_exactly() {
    let autoencoder = |device: &Device| {
        let encoder = recurrent(Cell::Lstm, device);
        SequenceAutoencoderConfig::default()
            .init(encoder, device)
            .unwrap()
    };
    check(autoencoder, || Tag, TAGGED);
}

#[test]
fn sequence_to_sequence_resumes_exactly() {
    let network = |device: &Device| {
        let config = EncoderDecoderConfig {
            width: 16,
            depth: 1,
            decoder_depth: 1,
            heads: 2,
            ffn: 24,
            attention_dropout: 0.1,
            ..EncoderDecoderConfig::default()
        };
        SequenceToSequenceConfig::default().init(config.init(VOCABULARY, device).unwrap())
    };
    let view = || NoiseConfig::default().build(special()).unwrap();
    check(network, view, NoisedCollate { pad: 0 });
}

#[test]
fn token_tagging_resumes_exactly() {
    let tagging = |device: &Device| {
        let encoder = bert(false).init(VOCABULARY, device).unwrap();
        TokenTaggingConfig { classes: 3 }
            .init(encoder, device)
            .unwrap()
    };
    check(tagging, || Tag, TAGGED);
}

#[test]
fn span_extraction_resumes_exactly() {
    let spans = |device: &Device| {
        let encoder = bert(false).init(VOCABULARY, device).unwrap();
        SpanExtractionConfig::default().init(encoder, device)
    };
    let collate = SpanCollate {
        pad: 0,
        length: None,
    };
    check(spans, || Answer, collate);
}

/// A sequence longer than the positions is refused before any weight moves, with both sizes.
#[test]
#[should_panic(expected = "tokens are more than the 4 positions")]
fn a_sequence_longer_than_the_positions_panics() {
    let tagging = |device: &Device| {
        let config = BertConfig {
            positions: 4,
            ..bert(false)
        };
        let encoder = config.init(VOCABULARY, device).unwrap();
        TokenTaggingConfig { classes: 3 }
            .init(encoder, device)
            .unwrap()
    };
    check(tagging, || Tag, TAGGED);
}
