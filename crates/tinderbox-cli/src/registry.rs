//! From the kinds that a recipe names to types: the one place that knows every objective.
//!
//! An objective is a type, not a trait object, so what is done with one is a [`Job`], generic over it.

use burn::nn::{Linear, LinearConfig};
use burn::tensor::Device;
use tinderbox::nn::{Encoder, WordHead};
use tinderbox::objectives::{
    BertPretraining, BertPretrainingConfig, CausalLm, CausalLmConfig, Electra, ElectraConfig,
    MaskedLm, MaskedLmConfig, Objective, SentenceRelation, SentenceRelationConfig,
    SequenceAutoencoder, SequenceAutoencoderConfig, SequenceToSequence, SequenceToSequenceConfig,
    SimClr, SimClrConfig, SimCse, SpanExtraction, SpanExtractionConfig, Supervised,
    SupervisedConfig, TokenTagging, TokenTaggingConfig,
};
use tinderbox::train::{FromPlain, Trainer, initialise};
use tinderbox::transfer::ClassWeights;

use crate::answerer::AnswerEvaluator;
use crate::classifier::HeadEvaluator;
use crate::dataset::DataSet;
use crate::encoder::{AnyEncoder, InputShape};
use crate::error::CliError;
use crate::frozen::Frozen;
use crate::output::Output;
use crate::recipe::{ObjectiveRecipe, Recipe};
use crate::starting_weights::starting_from;
use crate::tagger::TagEvaluator;
use crate::training::Setup;

/// An objective that a recipe can name.
pub trait Trainable: Objective<Encoder = AnyEncoder, Batch: FromPlain> {
    /// Its output layer, one logit a class, if it has one.
    fn head(&self) -> Option<&Linear> {
        None
    }

    /// What names the next token, if it is a language model that can go on with a text.
    fn word_head(&self) -> Option<&WordHead> {
        None
    }

    /// The same with what is fitted to the training items at once, not in steps; of most objectives nothing is.
    ///
    /// # Errors
    /// Items that cannot be read.
    fn fitted(self, _setup: &Setup<'_>, _output: &Output) -> Result<Self, CliError> {
        Ok(self)
    }

    /// Adds the evaluator of its output layer on the test part, at the end of the run, as far as that has labels.
    ///
    /// # Errors
    /// If the test part cannot be read.
    fn evaluate_head<'t>(
        trainer: Trainer<'t, Self>,
        _setup: &Setup<'t>,
        _output: &Output,
    ) -> Result<Trainer<'t, Self>, CliError> {
        Ok(trainer)
    }
}

/// Of an objective with an output layer, and what measures that on the test part.
macro_rules! output_layer {
    ($field:ident, $evaluator:ident) => {
        fn head(&self) -> Option<&Linear> {
            Some(&self.$field)
        }

        fn evaluate_head<'t>(
            trainer: Trainer<'t, Self>,
            setup: &Setup<'t>,
            output: &Output,
        ) -> Result<Trainer<'t, Self>, CliError> {
            $evaluator::add(trainer, setup, output)
        }
    };
}

/// Objectives without an output layer that is kept.
macro_rules! pretext {
    ($($objective:ident),*) => {$(
        impl Trainable for $objective<AnyEncoder> {}
    )*};
}

pretext!(
    SimClr,
    MaskedLm,
    SequenceAutoencoder,
    SequenceToSequence,
    BertPretraining,
    SentenceRelation,
    Electra,
    SimCse
);

impl Trainable for CausalLm<AnyEncoder> {
    fn word_head(&self) -> Option<&WordHead> {
        Some(&self.head)
    }
}

impl Trainable for Supervised<AnyEncoder> {
    output_layer!(head, HeadEvaluator);
}

impl Trainable for Frozen {
    fn fitted(self, setup: &Setup<'_>, output: &Output) -> Result<Self, CliError> {
        self.fitted(setup, output)
    }

    output_layer!(head, HeadEvaluator);
}

impl Trainable for SpanExtraction<AnyEncoder> {
    output_layer!(qa_outputs, AnswerEvaluator);
}

impl Trainable for TokenTagging<AnyEncoder> {
    output_layer!(classifier, TagEvaluator);
}

/// What is done with an objective.
pub trait Job {
    /// What comes of it.
    type Out;

    /// Does it with a new objective.
    ///
    /// # Errors
    /// Those of the job.
    fn run<O: Trainable>(self, objective: O) -> Result<Self::Out, CliError>;
}

/// What an objective is built for.
#[derive(Debug, Clone)]
pub struct Build<'a> {
    /// The recipe.
    pub recipe: &'a Recipe,
    /// The shape of an item.
    pub shape: InputShape,
    /// Classes of the data.
    pub classes: usize,
    /// The device without gradients.
    pub device: &'a Device,
    /// What the encoder starts from; without it, from weights that are drawn.
    pub weights: Option<&'a AnyEncoder>,
    /// How much an item of each class counts; none if all count the same.
    pub class_weights: Vec<f32>,
}

/// How much the items of each class count by a recipe, trained on some items; none if all count the same.
pub fn class_weights(recipe: &Recipe, data: &DataSet, items: &[usize]) -> Vec<f32> {
    match recipe.objective {
        ObjectiveRecipe::Supervised { class_weights, .. }
            if class_weights != ClassWeights::None =>
        {
            let labelled = data.items.labelled();
            let label = |item: &usize| Some(labelled.label(*item)? as usize);
            let labels: Vec<usize> = items.iter().filter_map(label).collect();
            let weights = class_weights.of(&labels, data.classes.len());
            weights.into_iter().map(|weight| weight as f32).collect()
        }
        _ => Vec::new(),
    }
}

impl Build<'_> {
    /// A new encoder, drawn by `seed`, without gradients.
    ///
    /// # Errors
    /// Sizes that do not fit the items.
    pub fn encoder(&self, seed: u64) -> Result<AnyEncoder, CliError> {
        build(self.device, seed, || {
            let config = &self.recipe.encoder.config;
            Ok(config.init(self.shape, self.device)?)
        })
    }

    /// Builds the recipe's objective on the encoder as it starts, the rest drawn by the recipe's seed, and does the job with it.
    ///
    /// # Errors
    /// Sizes that do not fit the items, or those of the job.
    pub fn run<J: Job>(&self, job: J) -> Result<J::Out, CliError> {
        let device = &self.device.clone().autodiff();
        let config = &self.recipe.encoder.config;
        let encoder = || -> Result<AnyEncoder, CliError> {
            let encoder = config.init(self.shape, device)?;
            Ok(match self.weights {
                Some(weights) => starting_from(encoder, weights),
                None => encoder,
            })
        };
        let seed = self.recipe.seed;
        let freeze = self.recipe.finetune.is_some_and(|finetune| finetune.freeze);
        match self.recipe.objective {
            ObjectiveRecipe::Simclr {
                temperature,
                projection_hidden,
                projection_dim,
                batch_norm,
            } => job.run(build(device, seed, || {
                let encoder = encoder()?;
                let objective = SimClrConfig {
                    projection_hidden: projection_hidden.unwrap_or(encoder.feature_dim()),
                    projection_dim,
                    temperature,
                    batch_norm,
                };
                Ok(objective.init(encoder, device)?)
            })?),
            ObjectiveRecipe::MaskedLm => job.run(build(device, seed, || {
                Ok(MaskedLmConfig {}.init(encoder()?, device))
            })?),
            ObjectiveRecipe::CausalLm => job.run(build(device, seed, || {
                Ok(CausalLmConfig {}.init(encoder()?, device)?)
            })?),
            ObjectiveRecipe::SequenceAutoencoder => job.run(build(device, seed, || {
                Ok(SequenceAutoencoderConfig::default().init(encoder()?, device)?)
            })?),
            ObjectiveRecipe::Denoising(_) => job.run(build(device, seed, || {
                Ok(SequenceToSequenceConfig {}.init(encoder()?))
            })?),
            ObjectiveRecipe::Bert { .. } => job.run(build(device, seed, || {
                Ok(BertPretrainingConfig {}.init(encoder()?, device))
            })?),
            ObjectiveRecipe::NextSentence | ObjectiveRecipe::SentenceOrder => {
                job.run(build(device, seed, || {
                    Ok(SentenceRelationConfig {}.init(encoder()?, device))
                })?)
            }
            ObjectiveRecipe::Electra {
                discriminator_weight,
            } => job.run(build(device, seed, || {
                let objective = ElectraConfig {
                    discriminator_weight,
                };
                let generator = config.generator().init(self.shape, device)?;
                Ok(objective.init(generator, encoder()?, device)?)
            })?),
            ObjectiveRecipe::SimCse(ref objective) => job.run(build(device, seed, || {
                Ok(objective.init(encoder()?, device)?)
            })?),
            ObjectiveRecipe::Supervised { .. } if freeze => job.run(build(device, seed, || {
                let encoder = encoder()?;
                let head = LinearConfig::new(encoder.feature_dim(), self.classes).init(device);
                Ok(Frozen::new(encoder, head))
            })?),
            ObjectiveRecipe::Supervised {
                label_smoothing, ..
            } => {
                let objective = SupervisedConfig {
                    label_smoothing,
                    class_weights: self.class_weights.clone(),
                    ..SupervisedConfig::new(self.classes)
                };
                job.run(build(device, seed, || {
                    Ok(objective.init(encoder()?, device)?)
                })?)
            }
            ObjectiveRecipe::SpanExtraction => job.run(build(device, seed, || {
                Ok(SpanExtractionConfig {}.init(encoder()?, device))
            })?),
            ObjectiveRecipe::Tagging => {
                let objective = TokenTaggingConfig {
                    classes: self.classes,
                };
                job.run(build(device, seed, || {
                    Ok(objective.init(encoder()?, device)?)
                })?)
            }
        }
    }
}

/// Builds a module with its weights drawn by `seed`, in the order of their definition.
fn build<M: burn::module::Module>(
    device: &Device,
    seed: u64,
    make: impl Fn() -> Result<M, CliError>,
) -> Result<M, CliError> {
    // The first tells whether it can be built; its weights are never drawn.
    make()?;
    Ok(initialise(device, seed, || {
        make().expect("it was built a moment ago")
    }))
}
