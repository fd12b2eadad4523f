//! Models that tell classes apart, and how often they are right.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use tinderbox::nn::Encoder;
use tinderbox::objectives::{Objective, Supervised};
use tinderbox::train::{Evaluation, Evaluator, LabelledImages, TrainError};
use tinderbox::transfer::accuracy;

/// Images that a head classifies at once.
const HEAD_BATCH: usize = 256;

/// The test accuracy of a classifier, as the trainer's figure.
pub const HEAD_ACCURACY: &str = "test/accuracy";

/// Measures a classifier on the test part.
pub struct HeadEvaluator {
    /// The test part.
    pub test: Arc<LabelledImages>,
    /// Where the model is, without gradients.
    pub device: Device,
}

impl<O> Evaluator<O> for HeadEvaluator
where
    O: Objective + Classifier,
{
    fn evaluate(&mut self, objective: &O) -> Result<Evaluation, TrainError> {
        let right = test_accuracy(objective, &self.test, &self.device);
        Ok(Evaluation {
            figures: vec![(HEAD_ACCURACY.to_string(), right)],
            warnings: Vec::new(),
        })
    }
}

/// A model that gives one logit a class.
pub trait Classifier {
    /// Logits of images, `[batch, classes]`.
    fn classify(&self, images: Tensor<4>) -> Tensor<2>;
}

impl<E: Encoder<Input = Tensor<4>>> Classifier for Supervised<E> {
    fn classify(&self, images: Tensor<4>) -> Tensor<2> {
        self.logits(images)
    }
}

/// Share of images that a classifier, in inference mode, puts into their class.
pub fn test_accuracy(model: &impl Classifier, images: &LabelledImages, device: &Device) -> f64 {
    let mut predicted: Vec<u32> = Vec::with_capacity(images.len());
    for start in (0..images.len()).step_by(HEAD_BATCH) {
        let end = (start + HEAD_BATCH).min(images.len());
        let logits = model.classify(images.tensor(start..end, device));
        predicted.extend(classes_of(logits));
    }
    accuracy(&predicted, &images.labels)
}

/// The most probable class of each row of logits.
fn classes_of(logits: Tensor<2>) -> Vec<u32> {
    let classes = logits.argmax(1).into_data().convert::<i64>();
    let classes = classes
        .try_to_vec::<i64>()
        .expect("classes were converted to this type");
    classes.into_iter().map(|class| class as u32).collect()
}
