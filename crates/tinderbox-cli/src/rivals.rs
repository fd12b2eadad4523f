//! The comparison of a pre-trained encoder with its rivals, by the recipe that pre-trained it.

use std::cell::RefCell;

use tinderbox::nn::{StateDict, load_state_dict};
use tinderbox::train::{
    LabelEfficiency, LabelEfficiencyConfig, LabelledTrainingConfig, Task, Trainer,
    label_efficiency, train_until_flat,
};
use tinderbox::transfer::LinearProbeConfig;

use crate::classifier::test_accuracy;
use crate::encoder::AnyEncoder;
use crate::error::CliError;
use crate::inputs::{Inputs, Views};
use crate::output::Output;
use crate::progress::{Progress, ProgressMode};
use crate::recipe::{CompareRecipe, Recipe};
use crate::registry::{Build, Job, Trainable};
use crate::run::COMPARISON;
use crate::session::{Finished, Plan, read_json};
use crate::training::{Setup, json_bytes};

/// How often a scratch run whose loss still falls is made twice as long.
const SCRATCH_DOUBLINGS: u32 = 3;

/// The comparison of a run, made now or read from an earlier session.
///
/// # Errors
/// What an arm could not do, or what the file system says.
pub fn compare(
    plan: &Plan<'_>,
    compare: &CompareRecipe,
    finished: &Finished,
    output: &Output,
) -> Result<LabelEfficiency, CliError> {
    let dir = &finished.opened.dir;
    if let Some(made) = read_json(&dir.join(COMPARISON)) {
        return Ok(made);
    }
    output.note("comparing with a random encoder, the plain input, and training from scratch");
    let setup = plan.setup(&finished.inputs);
    let train = setup.load(&plan.data.labelled, output)?;
    let test = setup.load(&plan.data.test, output)?;
    let training = LabelledTrainingConfig {
        optim: plan.recipe.optim.clone().with_lr(compare.scratch_lr),
        steps: compare.scratch_steps,
        doublings: SCRATCH_DOUBLINGS,
        batch: plan.recipe.train.batch,
    };
    let build = plan.build(None);
    let autodiff = plan.device.clone().autodiff();
    let encoder = &plan.recipe.encoder.config;
    let shape = plan.data.shape;
    let classes = plan.data.classes.len();
    let first = plan.recipe.seed;
    let seeds = first..first + compare.seeds;
    let pretrained = if compare.pretrain_each {
        compare.seeds
    } else {
        1
    };
    let trained = compare.seeds * compare.shares.len() as u64;
    let parts = pretrained + trained * (1 + u64::from(compare.fine_tune));
    let progress = RefCell::new(Progress::new(parts, ProgressMode::detect(output.quiet)));
    let begin = |what: String| progress.borrow_mut().part(&what);
    let made = label_efficiency(
        &Task {
            train: &train,
            test: &test,
            classes,
            device: plan.device.clone(),
        },
        &LabelEfficiencyConfig {
            shares: compare.shares.clone(),
            seeds,
            pretrain_each: compare.pretrain_each,
            fine_tune: compare.fine_tune,
            probe: LinearProbeConfig::default(),
        },
        |seed| {
            begin(format!("seed {seed}: pre-training"));
            if seed == first {
                Ok(finished.encoder.clone())
            } else {
                pretrain_again(plan, &finished.inputs, seed)
            }
        },
        |seed| {
            build
                .encoder(seed)
                .expect("the same encoder was pre-trained")
        },
        |pretrained, seed, drawn| {
            let labels = drawn.len();
            let what = pretrained.map_or("from scratch", |_| "fine-tuning");
            begin(format!("seed {seed}: {what} on {labels} labels"));
            let items: Vec<usize> = drawn
                .iter()
                .map(|&position| train.indices[position])
                .collect();
            let weights = pretrained.map(StateDict::of);
            let (model, flat) = train_until_flat(
                || {
                    let new = encoder.init(shape, &autodiff);
                    let new = new.expect("the same encoder was pre-trained");
                    match &weights {
                        None => new,
                        Some(weights) => {
                            let loaded = load_state_dict(new, weights, false);
                            loaded.expect("they are of the same encoder").0
                        }
                    }
                },
                classes,
                items.len(),
                |config| {
                    let views = &plan.recipe.data.views;
                    finished.inputs.loader(&items, Views::One, views, config)
                },
                &training,
                seed,
                &autodiff,
            )?;
            Ok((test_accuracy(&model, &test, &plan.device), flat))
        },
    );
    progress.into_inner().finish();
    let made = made?;
    dir.write(COMPARISON, &json_bytes(&made))?;
    Ok(made)
}

/// The encoder that the plan's recipe gives by another seed, trained in memory.
fn pretrain_again(plan: &Plan<'_>, inputs: &Inputs, seed: u64) -> Result<AnyEncoder, CliError> {
    let recipe = Recipe {
        seed,
        ..plan.recipe.clone()
    };
    let quiet = Output {
        quiet: true,
        ..Output::default()
    };
    let weights = plan.weights(&quiet)?;
    let build = Build {
        recipe: &recipe,
        ..plan.build(weights.as_ref())
    };
    let job = PretrainJob {
        plan,
        recipe: &recipe,
        inputs,
    };
    build.run(job)
}

struct PretrainJob<'j> {
    plan: &'j Plan<'j>,
    recipe: &'j Recipe,
    inputs: &'j Inputs,
}

impl Job for PretrainJob<'_> {
    type Out = AnyEncoder;

    fn run<O: Trainable>(self, objective: O) -> Result<AnyEncoder, CliError> {
        let setup = Setup {
            recipe: self.recipe,
            ..self.plan.setup(self.inputs)
        };
        let loader = setup.loader()?;
        let config = setup.config(&loader, None);
        let device = self.plan.device.clone().autodiff();
        let mut trainer = Trainer::new(objective, loader, &device, config)?;
        trainer.run()?;
        Ok(trainer.trained().encoder().clone())
    }
}
