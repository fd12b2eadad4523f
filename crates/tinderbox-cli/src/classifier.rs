//! Models that tell classes apart, and how often they are right.

use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};
use tinderbox::nn::Encoder;
use tinderbox::objectives::{Objective, Supervised};
use tinderbox::train::{
    Evaluation, Evaluator, FromPlain, LabelledItems, RunDir, TrainError, Trainer,
};
use tinderbox::transfer::{ClassificationTally, FeatureMatrix};

use crate::class_figures::to_json;
use crate::encoder::AnyInput;
use crate::error::CliError;
use crate::output::Output;
use crate::run::TEST;
use crate::training::{Setup, json_bytes, warn_of_skipped};

/// The test accuracy of a classifier, as the trainer's figure.
pub const HEAD_ACCURACY: &str = "test/accuracy";

/// Measures a classifier on the test part.
pub struct HeadEvaluator<'s> {
    /// The test part.
    test: LabelledItems,
    /// Classes of the items of it that could not be read.
    refused: Vec<u32>,
    figures: TestFigures<'s>,
    /// Where the model is, without gradients.
    device: Device,
}

impl<'s> HeadEvaluator<'s> {
    /// Adds one to a trainer, for the end of the run, if the data has labels.
    ///
    /// # Errors
    /// If the test part cannot be read.
    pub fn add<O>(
        trainer: Trainer<'s, O>,
        setup: &Setup<'s>,
        output: &Output,
    ) -> Result<Trainer<'s, O>, CliError>
    where
        O: Objective<Batch: FromPlain> + Classifier,
    {
        if !setup.data.has_labels() {
            return Ok(trainer);
        }
        let items = &setup.data.test;
        let (test, skipped) = setup.inputs.load(items)?;
        warn_of_skipped(&skipped, items.len(), output);
        let labelled = setup.data.items.labelled();
        let label = |index: u64| labelled.label(index as usize);
        Ok(trainer.with_last_evaluator(Self {
            test,
            refused: skipped.iter().filter_map(|it| label(it.index)).collect(),
            figures: TestFigures::of(setup),
            device: setup.device.clone(),
        }))
    }
}

impl<O> Evaluator<O> for HeadEvaluator<'_>
where
    O: Objective + Classifier,
{
    fn evaluate(&mut self, objective: &O) -> Result<Evaluation, TrainError> {
        let mut tally = self.figures.tally();
        let mut labels = self.test.labels.iter().copied();
        for input in self.test.inputs(&self.device) {
            count(&mut tally, objective.classify(input), &mut labels);
        }
        self.refused.iter().for_each(|label| tally.refuse(*label));
        self.figures.evaluation(tally)
    }
}

/// Where the figures of a test part go: to the trainer, and all of them to a file of the run.
pub struct TestFigures<'s> {
    classes: &'s [String],
    run: Option<&'s RunDir>,
}

impl<'s> TestFigures<'s> {
    /// Those of a run.
    pub fn of(setup: &Setup<'s>) -> Self {
        Self {
            classes: &setup.data.classes,
            run: setup.run,
        }
    }

    /// Nothing counted yet.
    pub fn tally(&self) -> ClassificationTally {
        ClassificationTally::new(self.classes.len())
    }

    /// The figures of what was counted, as `test/NAME`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn evaluation(&self, tally: ClassificationTally) -> Result<Evaluation, TrainError> {
        let Some(found) = tally.finish() else {
            return Ok(Evaluation::default());
        };
        if let Some(run) = self.run {
            run.write(TEST, &json_bytes(&to_json(&found, self.classes)))?;
        }
        let figures = found.figures().into_iter();
        let figures = figures.map(|(name, value)| (format!("test/{name}"), value));
        Ok(Evaluation {
            figures: figures.collect(),
            warnings: Vec::new(),
        })
    }
}

/// Counts rows of logits, each with its label.
pub fn count(
    tally: &mut ClassificationTally,
    logits: Tensor<2>,
    labels: &mut impl Iterator<Item = u32>,
) {
    let shares = FeatureMatrix::from_tensor(softmax(logits, 1));
    for (row, label) in shares.iter_rows().zip(labels) {
        let row: Vec<f64> = row.iter().map(|share| f64::from(*share)).collect();
        tally.add(label, &row);
    }
}

/// A model that gives one logit a class.
pub trait Classifier {
    /// Logits of a batch, `[batch, classes]`.
    fn classify(&self, input: AnyInput) -> Tensor<2>;
}

impl<E: Encoder<Input = AnyInput>> Classifier for Supervised<E> {
    fn classify(&self, input: AnyInput) -> Tensor<2> {
        self.logits(input)
    }
}

/// The classes that a classifier, in inference mode, puts items into.
pub fn predicted(model: &impl Classifier, items: &LabelledItems, device: &Device) -> Vec<u32> {
    items
        .inputs(device)
        .flat_map(|input| classes_of(model.classify(input)))
        .collect()
}

/// The most probable class of each row of logits.
pub fn classes_of(logits: Tensor<2>) -> Vec<u32> {
    let classes = logits.argmax(1).into_data().convert::<i64>();
    let classes = classes
        .try_to_vec::<i64>()
        .expect("classes were converted to this type");
    classes.into_iter().map(|class| class as u32).collect()
}
