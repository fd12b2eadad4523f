//! Each objective on text ends with the same bits whether stopped or not, and on any number of threads.

use std::sync::Arc;

use burn::data::dataset::Dataset;
use burn::tensor::Device;
use tinderbox_data::text::{
    MaskTokens, MaskedCollate, MaskedSample, MaskingConfig, NextSentence, SentenceChunk,
    SentenceChunks, SentenceOrder, SpecialTokens, Then, TokenItem,
};
use tinderbox_data::{Collate, DataError, Loader, LoaderConfig, PlainBatch, SampleRng, View};
use tinderbox_nn::{Bert, BertConfig, StateDict};
use tinderbox_objectives::{
    BertPretrainingConfig, ElectraConfig, MaskedLmConfig, Objective, SentenceRelationConfig,
    SimCseConfig,
};
use tinderbox_train::{
    CheckpointConfig, FromPlain, METRICS, OptimConfig, Outcome, RunDir, StopFlag, Trainer,
    TrainerConfig, initialise, read_metrics,
};

use crate::stop::StopAt;

const VOCABULARY: u32 = 40;
/// Above two sentences of a document, so that pairs must be cut.
const LENGTH: usize = 16;

fn special() -> SpecialTokens {
    SpecialTokens {
        vocabulary: VOCABULARY,
        pad: 0,
        cls: 1,
        sep: 2,
        mask: 3,
        others: vec![4],
    }
}

/// Eight documents of five sentences of three to seven words.
fn documents() -> Vec<Vec<TokenItem>> {
    let sentence = |index: u64| {
        let mut rng = SampleRng::new(9, 0, index, 0);
        let words = 3 + rng.below(5);
        let tokens = (0..words).map(|_| 5 + rng.below(35) as u32).collect();
        TokenItem::new(tokens)
    };
    let document = |d: u64| (0..5).map(|s| sentence(5 * d + s)).collect();
    (0..8).map(document).collect()
}

/// All sentences, each a sequence with its special tokens.
struct Sentences(Vec<TokenItem>);

impl Dataset<TokenItem, DataError> for Sentences {
    fn get(&self, index: usize) -> Result<TokenItem, DataError> {
        let words = &self.0[index].tokens;
        let tokens = [&[1], &words[..], &[2]].concat();
        Ok(TokenItem::new(tokens))
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

fn mask() -> MaskTokens {
    MaskingConfig::default().build(special()).unwrap()
}

const COLLATE: MaskedCollate = MaskedCollate {
    pad: 0,
    length: None,
};

fn load<I, V, C>(
    data: impl Dataset<I, DataError> + 'static,
    view: V,
    collate: C,
    threads: usize,
) -> Loader
where
    I: Send + Sync + 'static,
    V: View<I> + 'static,
    C: Collate<V::Out> + 'static,
{
    let config = LoaderConfig {
        batch: 4,
        seed: 3,
        threads,
        prefetch: 2,
        shuffle: true,
        max_bad: 0,
    };
    Loader::new(Arc::new(data), view, collate, config).unwrap()
}

fn sentences(threads: usize) -> Loader {
    let all = documents().into_iter().flatten().collect();
    load(Sentences(all), mask(), COLLATE, threads)
}

fn chunks() -> SentenceChunks {
    SentenceChunks::new(documents(), LENGTH).unwrap()
}

fn pairs(first: impl View<SentenceChunk, Out = TokenItem> + 'static, threads: usize) -> Loader {
    let second = mask();
    load(chunks(), Then { first, second }, COLLATE, threads)
}

fn next_sentences(threads: usize) -> Loader {
    pairs(
        NextSentence::new(chunks(), special(), LENGTH).unwrap(),
        threads,
    )
}

fn orders(threads: usize) -> Loader {
    pairs(SentenceOrder::new(special(), LENGTH).unwrap(), threads)
}

/// Each sentence as it is masked, and its words as they were, which are another view.
struct WithOriginals;

impl Collate<MaskedSample> for WithOriginals {
    fn collate(&self, samples: Vec<MaskedSample>) -> PlainBatch {
        let originals = samples.iter().cloned().map(|mut sample| {
            for (place, target) in sample.positions.iter().zip(&sample.targets) {
                sample.tokens[*place] = *target;
            }
            // Views may differ in length.
            sample.tokens.push(2);
            sample.segments.push(0);
            sample
        });
        let originals = COLLATE.collate(originals.collect());
        let mut batch = COLLATE.collate(samples);
        for (name, data) in originals.tensors {
            batch.tensors.push((format!("{name}1"), data));
        }
        batch
    }
}

fn two_views(threads: usize) -> Loader {
    let all = documents().into_iter().flatten().collect();
    load(Sentences(all), mask(), WithOriginals, threads)
}

fn bert(width: usize, device: &Device) -> Bert {
    let config = BertConfig {
        width,
        depth: 1,
        heads: 2,
        ffn: 24,
        positions: LENGTH,
        ..BertConfig::tiny()
    };
    config.init(VOCABULARY as usize, device).unwrap()
}

fn trainer<'a, O>(build: impl Fn(&Device) -> O, loader: Loader) -> Trainer<'a, O>
where
    O: Objective<Batch: FromPlain>,
{
    let device = Device::flex().autodiff();
    let objective = initialise(&device, 7, || build(&device));
    let config = TrainerConfig {
        accumulate: 2,
        clip: Some(1.0),
        log_every: 1,
        checkpoint: CheckpointConfig {
            every: 3,
            keep: 2,
            best: None,
        },
        ..TrainerConfig::new(8, OptimConfig::adamw(1e-3, 0.01))
    };
    Trainer::new(objective, loader, &device, config).unwrap()
}

fn weights<O>(trainer: &Trainer<'_, O>) -> Vec<u8>
where
    O: Objective<Batch: FromPlain>,
{
    StateDict::of(&trainer.trained()).to_safetensors_bytes()
}

#[track_caller]
fn check<O>(name: &str, build: fn(&Device) -> O, loader: fn(usize) -> Loader)
where
    O: Objective<Batch: FromPlain>,
{
    let root = tempfile::tempdir().unwrap();
    let whole = RunDir::create(root.path().join("whole")).unwrap();
    let mut reference = trainer(build, loader(0));
    let before = weights(&reference);
    reference.start_in(&whole).unwrap();
    assert_eq!(reference.run().unwrap(), Outcome::Finished);
    let expected = weights(&reference);
    assert_ne!(before, expected, "{name} moved no weight");
    let losses = read_metrics(&whole.path().join(METRICS)).unwrap();
    assert!(
        losses
            .iter()
            .all(|metric| metric.value.is_some_and(f64::is_finite))
    );

    for stop_at in [1, 3, 5] {
        let run = RunDir::create(root.path().join(format!("stopped-{stop_at}"))).unwrap();
        let flag = StopFlag::default();
        let mut first = trainer(build, loader(1))
            .with_stop(flag.clone())
            .with_observer(StopAt(stop_at, flag));
        first.start_in(&run).unwrap();
        let stopped = Outcome::Stopped {
            signal: 2,
            step: stop_at,
        };
        assert_eq!(first.run().unwrap(), stopped);
        drop(first);
        let mut second = trainer(build, loader(2));
        assert_eq!(second.resume_in(&run).unwrap().step, stop_at);
        second.run().unwrap();
        assert!(weights(&second) == expected, "{name} stopped at {stop_at}");
    }
    for threads in [1, 2, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let got = pool.unwrap().install(|| {
            let mut trainer = trainer(build, loader(threads));
            trainer.run().unwrap();
            weights(&trainer)
        });
        assert!(got == expected, "{name} on {threads} threads");
    }
}

#[test]
fn masked_words_resume_exactly_on_any_number_of_threads() {
    check(
        "masked words",
        |device| MaskedLmConfig::default().init(bert(16, device), device),
        sentences,
    );
}

#[test]
fn sentence_relations_resume_exactly_on_any_number_of_threads() {
    let build = |device: &Device| SentenceRelationConfig::default().init(bert(16, device), device);
    check("next sentences", build, next_sentences);
    check("sentence order", build, orders);
}

#[test]
fn berts_pre_training_resumes_exactly_on_any_number_of_threads() {
    check(
        "BERT's pre-training",
        |device| BertPretrainingConfig::default().init(bert(16, device), device),
        next_sentences,
    );
}

#[test]
fn electra_resumes_exactly_on_any_number_of_threads() {
    check(
        "ELECTRA",
        |device| {
            let (generator, discriminator) = (bert(8, device), bert(16, device));
            let electra = ElectraConfig::default().init(generator, discriminator, device);
            electra.unwrap()
        },
        sentences,
    );
}

#[test]
fn simcse_resumes_exactly_on_any_number_of_threads() {
    let build = |device: &Device| {
        SimCseConfig::default()
            .init(bert(16, device), device)
            .unwrap()
    };
    check("SimCSE", build, sentences);
    check("SimCSE on pairs", build, two_views);
}

#[test]
#[should_panic(expected = "the batch has no `segments1`")]
fn a_view_without_its_segments_is_refused() {
    let mut batch = two_views(0).next_batch().unwrap();
    batch.tensors.retain(|(name, _)| name != "segments1");
    let device = Device::flex();
    tinderbox_objectives::ViewBatch::<tinderbox_nn::TokenBatch>::from_plain(&batch, &device);
}

#[test]
fn views_of_tokens_are_numbered_from_the_second() {
    let batch = two_views(0).next_batch().unwrap();
    let device = Device::flex();
    let views =
        tinderbox_objectives::ViewBatch::<tinderbox_nn::TokenBatch>::from_plain(&batch, &device)
            .views;
    assert_eq!(views.len(), 2);
    let [rows, length] = views[0].tokens.dims();
    assert_eq!(views[1].tokens.dims(), [rows, length + 1]);
    assert!(views[1].padding.is_some());
}
