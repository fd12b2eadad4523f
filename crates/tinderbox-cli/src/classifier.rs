//! Models that tell classes apart, and how often they are right.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use tinderbox::nn::Encoder;
use tinderbox::objectives::{Objective, Supervised};
use tinderbox::train::{Evaluation, Evaluator, FromPlain, LabelledItems, TrainError, Trainer};

use crate::encoder::AnyInput;
use crate::error::CliError;
use crate::output::Output;
use crate::training::Setup;

/// The test accuracy of a classifier, as the trainer's figure.
pub const HEAD_ACCURACY: &str = "test/accuracy";

/// Measures a classifier on the test part.
pub struct HeadEvaluator {
    /// The test part.
    pub test: Arc<LabelledItems>,
    /// Where the model is, without gradients.
    pub device: Device,
}

impl HeadEvaluator {
    /// Adds one to a trainer, for the end of the run, if the data has labels.
    ///
    /// # Errors
    /// If the test part cannot be read.
    pub fn add<'t, O>(
        trainer: Trainer<'t, O>,
        setup: &Setup<'_>,
        output: &Output,
    ) -> Result<Trainer<'t, O>, CliError>
    where
        O: Objective<Batch: FromPlain> + Classifier,
    {
        if !setup.data.has_labels() {
            return Ok(trainer);
        }
        let test = Arc::new(setup.load(&setup.data.test, output)?);
        let device = setup.device.clone();
        Ok(trainer.with_last_evaluator(Self { test, device }))
    }
}

impl<O> Evaluator<O> for HeadEvaluator
where
    O: Objective + Classifier,
{
    fn evaluate(&mut self, objective: &O) -> Result<Evaluation, TrainError> {
        let predicted = predicted(objective, &self.test, &self.device);
        let right = self.test.accuracy(&predicted);
        Ok(Evaluation {
            figures: vec![(HEAD_ACCURACY.to_string(), right)],
            warnings: Vec::new(),
        })
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
