//! The arms of a comparison that are trained on labels: how, and at what cost.

use std::cell::Cell;
use std::time::Instant;

use tinderbox::nn::{StateDict, load_state_dict};
use tinderbox::train::{
    LabelledItems, LabelledTraining, LabelledTrainingConfig, StepReport, StopFlag, TrainError,
    validation_share,
};

use crate::encoder::{AnyEncoder, InputShape};
use crate::error::CliError;
use crate::inputs::{Inputs, Views};
use crate::recipe::{CompareRecipe, rate_for};
use crate::session::Plan;

/// How often a training whose loss still falls is made twice as long.
const DOUBLINGS: u32 = 3;

/// What the encoders are trained on, and by which recipe.
#[derive(Clone, Copy)]
pub struct OnLabels<'c> {
    /// The run.
    pub plan: &'c Plan<'c>,
    /// How they are compared.
    pub compare: &'c CompareRecipe,
    /// The items as the model reads them.
    pub inputs: &'c Inputs,
    /// The items whose labels may be used.
    pub items: &'c [usize],
}

impl OnLabels<'_> {
    /// Does something with the training of an encoder, the given one or a new one; its items are positions in [`items`](Self::items).
    ///
    /// # Errors
    /// What the training could not do.
    pub fn training<T>(
        &self,
        start: Option<&AnyEncoder>,
        seed: u64,
        stop: StopFlag,
        watch: &dyn Fn(&StepReport),
        work: impl FnOnce(&LabelledTraining<'_, AnyEncoder>) -> Result<T, TrainError>,
    ) -> Result<T, CliError> {
        let Self {
            plan,
            compare,
            inputs,
            items,
        } = *self;
        let encoder = &plan.recipe.encoder.config;
        let device = plan.device.clone().autodiff();
        let rate = match start {
            Some(_) => compare
                .fine_tune_lr
                .unwrap_or_else(|| rate_for(encoder, false)),
            None => compare.scratch_lr,
        };
        let weights = start.map(StateDict::of);
        let new = || {
            let new = encoder.init(plan.data.shape, &device);
            let new = new.expect("the same encoder was pre-trained");
            match &weights {
                None => new,
                Some(weights) => {
                    let loaded = load_state_dict(new, weights, false);
                    loaded.expect("they are of the same encoder").0
                }
            }
        };
        let at = |places: &[usize]| places.iter().map(|&at| items[at]).collect::<Vec<_>>();
        let place = |item| items.binary_search(&item).expect("it is one of them");
        let views = compare.views.as_ref().unwrap_or(&plan.recipe.data.views);
        let factors = compare.rate_factors.iter();
        let training = LabelledTraining {
            config: LabelledTrainingConfig {
                optim: plan.recipe.optim.clone().with_lr(rate),
                rates: factors.map(|factor| factor * rate).collect(),
                steps: compare.scratch_steps,
                doublings: DOUBLINGS,
                batch: plan.recipe.train.batch,
            },
            encoder: &new,
            classes: plan.data.classes.len(),
            loader: &|places, config| inputs.loader(&at(places), Views::One, views, config),
            hold_out: &|places, share| {
                let chosen = at(places);
                let (train, held_out) =
                    plan.data.hold_out(&plan.recipe.data, chosen, share, seed)?;
                let places = |of: Vec<usize>| of.iter().map(|item| place(*item)).collect();
                Ok([places(train), places(held_out)])
            },
            clean: &|places| Ok(inputs.load(&at(places))?.0.batches),
            seed,
            device: device.clone(),
            stop,
            watch,
        };
        Ok(work(&training)?)
    }

    /// Seconds of a step of training from scratch, the mean of some after one that warms up.
    ///
    /// # Errors
    /// What the training could not do.
    pub fn step_seconds(&self, timed: u64) -> Result<f64, CliError> {
        let compare = CompareRecipe {
            scratch_steps: 1 + timed,
            ..self.compare.clone()
        };
        let short = OnLabels {
            compare: &compare,
            ..*self
        };
        let places: Vec<usize> = (0..self.items.len()).collect();
        let (first, seconds) = (Cell::new(None), Cell::new(0.0));
        let watch = |_: &StepReport| {
            let start: Instant = first.get().unwrap_or_else(Instant::now);
            first.set(Some(start));
            seconds.set(start.elapsed().as_secs_f64());
        };
        let seed = self.plan.recipe.seed;
        short.training(None, seed, StopFlag::default(), &watch, |training| {
            let training = LabelledTraining {
                config: LabelledTrainingConfig {
                    doublings: 0,
                    ..training.config.clone()
                },
                device: training.device.clone(),
                stop: training.stop.clone(),
                ..*training
            };
            training.train(&places, None)
        })?;
        Ok(seconds.get() / timed as f64)
    }
}

/// What a comparison costs, as far as that is known before it.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Cost {
    /// Pre-trainings beside that of the run.
    pub pretrainings: u64,
    /// Trainings on labels, from scratch and of the pre-trained encoder.
    pub trainings: u64,
    /// Steps of those, if none is made longer.
    pub steps: u64,
    /// Fits of linear probes.
    pub probes: u64,
    /// Seconds of all steps.
    pub seconds: f64,
    /// Bytes of the items, of their features, and of the copies that a probe works on.
    pub bytes: u64,
}

impl Cost {
    /// Of a comparison, by the seconds of a step of pre-training and of one on labels.
    pub fn of(
        plan: &Plan<'_>,
        compare: &CompareRecipe,
        run_steps: u64,
        [pretext, labelled]: [f64; 2],
    ) -> Self {
        let data = &plan.data;
        let seeds = compare.seeds;
        let arms = 1 + u64::from(compare.fine_tune);
        let all = data.labelled.len();
        let (mut trainings, mut seconds) = (0, 0.0);
        for share in &compare.shares {
            let labels = ((share * all as f64).round() as usize).max(data.classes.len());
            let rates = match validation_share(labels, data.classes.len()) > 0.0 {
                true => compare.rate_factors.len() as u64,
                false => 0,
            };
            let here = arms * (seeds + rates);
            trainings += here;
            // A smaller batch is as much faster.
            let batch = plan.recipe.train.batch;
            let size = labels.min(batch) as f64 / batch as f64;
            seconds += size * labelled * (here * compare.scratch_steps) as f64;
        }
        let pretrainings = match compare.pretrain_each {
            true => seeds - 1,
            false => 0,
        };
        let numbers: usize = data.shape.dims().iter().product();
        let plain = match data.shape {
            InputShape::Text { .. } => LabelledItems::BAG,
            InputShape::Image(_) | InputShape::Row { .. } => numbers,
        };
        let items = all + data.test.len();
        // The items; the plain input, the widest of the features; those of the labels drawn, and the probe's own copy.
        let floats = items * numbers + items * plain + 2 * all * plain;
        Self {
            pretrainings,
            trainings,
            steps: trainings * compare.scratch_steps,
            probes: 3 * seeds * compare.shares.len() as u64,
            seconds: seconds + pretext * (pretrainings * run_steps) as f64,
            bytes: 4 * floats as u64,
        }
    }
}
