//! Models that tag words, and how often they are right.

use burn::tensor::Device;
use burn::tensor::activation::softmax;
use tinderbox::data::text::{TaggedCollate, TaggedSample, WordSequences};
use tinderbox::data::{Collate, PlainBatch};
use tinderbox::objectives::{TaggedBatch, TokenTagging};
use tinderbox::train::{Evaluation, Evaluator, FromPlain, TrainError, Trainer};
use tinderbox::transfer::FeatureMatrix;

use crate::classifier::{TestFigures, count};
use crate::encoder::AnyEncoder;
use crate::error::CliError;
use crate::inputs::{Inputs, Target};
use crate::output::Output;
use crate::rows::{ClassColumns, Prediction};
use crate::training::Setup;

/// A tagger of words that a recipe chose.
pub type Tagger = TokenTagging<AnyEncoder>;

/// Sequences that a tagger sees at once.
const AT_ONCE: usize = 64;

/// Measures a tagger on all words of the test part.
pub struct TagEvaluator<'s> {
    batches: Vec<PlainBatch>,
    figures: TestFigures<'s>,
    device: Device,
}

impl<'s> TagEvaluator<'s> {
    /// Adds one to a trainer, for the end of the run, if the data has tags.
    ///
    /// # Errors
    /// If no sentence of the test part can be read.
    pub fn add(
        trainer: Trainer<'s, Tagger>,
        setup: &Setup<'s>,
        output: &Output,
    ) -> Result<Trainer<'s, Tagger>, CliError> {
        let (Inputs::Texts(texts), true) = (setup.inputs, setup.data.has(Target::Words)) else {
            return Ok(trainer);
        };
        let tagged = texts.tagged();
        let read = setup.read_test(|index| tagged.word_sequences(index), output)?;
        let samples = read
            .into_iter()
            .flat_map(|found: WordSequences| found.samples);
        let mut samples: Vec<TaggedSample> = samples.collect();
        // Of like lengths together, there is little padding.
        samples.sort_by_key(|sample| sample.tokens.len());
        let collate = texts.tagged_collate();
        let batches = samples.chunks(AT_ONCE);
        Ok(trainer.with_last_evaluator(Self {
            batches: batches
                .map(|batch| collate.collate(batch.to_vec()))
                .collect(),
            figures: TestFigures::of(setup),
            device: setup.device.clone(),
        }))
    }
}

impl Evaluator<Tagger> for TagEvaluator<'_> {
    fn evaluate(&mut self, tagger: &Tagger) -> Result<Evaluation, TrainError> {
        let mut tally = self.figures.tally();
        for batch in &self.batches {
            let batch = TaggedBatch::from_plain(batch, &self.device);
            let logits = tagger.logits(batch.input, batch.positions);
            let tags: Vec<u32> = batch.targets.into_data().iter::<u32>().collect();
            count(&mut tally, logits, &mut tags.into_iter());
        }
        self.figures.evaluation(tally)
    }
}

/// The most probable tag of each word in sequences of them, in order. The tagger is in inference mode, on `device`.
pub fn tag(
    tagger: &Tagger,
    samples: &[TaggedSample],
    collate: TaggedCollate,
    classes: &ClassColumns,
    device: &Device,
) -> Vec<Prediction> {
    let mut predictions = Vec::new();
    for batch in samples.chunks(AT_ONCE) {
        let batch = collate.collate(batch.to_vec());
        let TaggedBatch {
            input, positions, ..
        } = TaggedBatch::from_plain(&batch, device);
        let shares = softmax(tagger.logits(input, positions), 1);
        let shares = FeatureMatrix::from_tensor(shares);
        let rows = shares.iter_rows();
        predictions.extend(rows.map(|row| Prediction::of(row, classes)));
    }
    predictions
}
