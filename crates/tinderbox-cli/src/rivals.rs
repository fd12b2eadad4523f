//! The comparison of a pre-trained encoder with its rivals, by the recipe that pre-trained it.
//!
//! Each part is a file in the folder [`PARTS`] of the run, whole or absent, so that a comparison goes on wherever it was stopped.

use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use tinderbox::nn::{StateDict, load_state_dict};
use tinderbox::train::{
    Arms, Draw, Hits, LabelEfficiency, LabelEfficiencyConfig, LabelledItems, LabelledTraining,
    Observer, Outcome, RunDir, StepReport, Task, TrainError, Trainer, Tuning, label_efficiency,
    write_atomic,
};
use tinderbox::transfer::LinearProbeConfig;

use crate::classifier::predicted;
use crate::encoder::AnyEncoder;
use crate::error::CliError;
use crate::inputs::Inputs;
use crate::on_labels::OnLabels;
use crate::output::Output;
use crate::progress::{Progress, ProgressMode};
use crate::recipe::{CompareRecipe, Recipe};
use crate::registry::{Build, Job, Trainable};
use crate::run::COMPARISON;
use crate::session::{Plan, read_json};
use crate::signals::StopSignals;
use crate::training::{Setup, json_bytes};

/// The folder of a comparison's parts.
pub const PARTS: &str = "comparison";
/// What the parts were measured by, as the file in that folder says.
const SETTINGS: &str = "settings.json";

/// A comparison of what a run has made.
#[derive(Clone, Copy)]
pub struct Comparison<'c> {
    /// The run.
    pub plan: &'c Plan<'c>,
    /// What is compared, and how often.
    pub compare: &'c CompareRecipe,
    /// The pre-trained encoder.
    pub encoder: &'c AnyEncoder,
    /// The items as the model reads them.
    pub inputs: &'c Inputs,
    /// The run directory.
    pub dir: &'c RunDir,
}

impl Comparison<'_> {
    /// The comparison, as far as it was not made before.
    ///
    /// # Errors
    /// What an arm could not do, a stop, or what the file system says.
    pub fn make(&self, stop: &StopSignals, output: &Output) -> Result<LabelEfficiency, CliError> {
        let Self { plan, compare, .. } = *self;
        let path = self.dir.join(COMPARISON);
        let folder = self.dir.join(PARTS);
        let config = config(plan, compare);
        let made: Option<LabelEfficiency> = read_json(&path);
        if let Some(made) = made
            && !folder.exists()
        {
            // A version that kept no parts made it.
            if answers(&made, &config) {
                return Ok(made);
            }
            fs::create_dir_all(&folder).map_err(CliError::io("creating", &folder))?;
        }
        self.begin(output)?;
        let setup = plan.setup(self.inputs);
        let train = setup.load(&plan.data.labelled, output)?;
        let test = setup.load(&plan.data.test, output)?;
        let task = Task {
            train: &train,
            test: &test,
            classes: plan.data.classes.len(),
            device: plan.device.clone(),
        };
        let mode = ProgressMode::detect(output.quiet);
        let mut arms = Rivals {
            of: *self,
            folder,
            train: &train,
            test: &test,
            first: config.seeds.start,
            stop,
            progress: RefCell::new(Progress::new(config.parts(), mode)),
        };
        let made = label_efficiency(&task, &config, &mut arms);
        arms.progress.into_inner().finish();
        let made = made?;
        self.dir.write(COMPARISON, &json_bytes(&made))?;
        Ok(made)
    }

    /// Makes the folder of parts ready; parts that were measured otherwise are put aside.
    fn begin(&self, output: &Output) -> Result<(), CliError> {
        let settings = self.settings();
        let folder = self.dir.join(PARTS);
        if folder.exists() && read_json(&folder.join(SETTINGS)).as_ref() != Some(&settings) {
            let aside = (1..)
                .map(|number| self.dir.join(format!("{PARTS}-{number}")))
                .find(|path| !path.exists())
                .expect("an unbounded range holds a free name");
            let (from, to) = (folder.display(), aside.display());
            output.note(&format!(
                "{from} was measured otherwise, and is kept as {to}"
            ));
            let table = self.dir.join(COMPARISON);
            if table.exists() {
                let kept = folder.join(COMPARISON);
                fs::rename(&table, &kept).map_err(CliError::io("renaming", &table))?;
            }
            fs::rename(&folder, &aside).map_err(CliError::io("renaming", &folder))?;
        }
        let path = PathBuf::from(PARTS).join(SETTINGS);
        Ok(self.dir.write(path, &json_bytes(&settings))?)
    }

    /// What the parts depend on: the recipe, but for what says which parts there are and what changes no figure.
    fn settings(&self) -> serde_json::Value {
        let mut recipe = Recipe {
            threads: None,
            out: None,
            compare: Some(CompareRecipe {
                shares: Vec::new(),
                seeds: 0,
                fine_tune: true,
                ..self.compare.clone()
            }),
            ..self.plan.recipe.clone()
        }
        .to_table();
        for key in ["eval", "checkpoint"] {
            recipe.remove(key);
        }
        serde_json::to_value(recipe).expect("a recipe is plain data")
    }
}

/// What is measured how often.
pub fn config(plan: &Plan<'_>, compare: &CompareRecipe) -> LabelEfficiencyConfig {
    let first = plan.recipe.seed;
    LabelEfficiencyConfig {
        shares: compare.shares.clone(),
        seeds: first..first + compare.seeds,
        pretrain_each: compare.pretrain_each,
        fine_tune: compare.fine_tune,
        probe: LinearProbeConfig::default(),
    }
}

/// Whether a comparison has these shares and so many draws.
fn answers(made: &LabelEfficiency, config: &LabelEfficiencyConfig) -> bool {
    let seeds = config.seeds.clone().count();
    let has = |share: &f64| {
        let mut scores = made.scores.iter();
        scores.any(|score| score.share == *share && score.accuracies.len() == seeds)
    };
    config.shares.iter().all(has)
}

/// The encoders of a comparison, and where its parts are kept.
struct Rivals<'r> {
    of: Comparison<'r>,
    folder: PathBuf,
    train: &'r LabelledItems,
    test: &'r LabelledItems,
    /// The seed of the run itself.
    first: u64,
    stop: &'r StopSignals,
    progress: RefCell<Progress>,
}

impl Rivals<'_> {
    /// Does what goes step by step: a signal ends it after the step in hand.
    fn in_steps<T>(&self, work: impl FnOnce() -> Result<T, CliError>) -> Result<T, CliError> {
        self.stop.set_in_steps(true);
        let done = work();
        self.stop.set_in_steps(false);
        done
    }

    /// Does something with the training of an encoder, the given one or a new one, on labels.
    fn training<T>(
        &self,
        start: Option<&AnyEncoder>,
        seed: u64,
        work: impl FnOnce(&LabelledTraining<'_, AnyEncoder>) -> Result<T, TrainError>,
    ) -> Result<T, CliError> {
        let on_labels = OnLabels {
            plan: self.of.plan,
            compare: self.of.compare,
            inputs: self.of.inputs,
            items: &self.train.indices,
        };
        let watch = |report: &StepReport| {
            let mut progress = self.progress.borrow_mut();
            progress.within(report.step, report.total_steps);
        };
        let flag = self.stop.flag.clone();
        self.in_steps(|| on_labels.training(start, seed, flag, &watch, work))
    }

    fn pretrain_again(&self, seed: u64) -> Result<AnyEncoder, CliError> {
        let plan = self.of.plan;
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
        self.in_steps(|| {
            build.run(PretrainJob {
                rivals: self,
                recipe: &recipe,
            })
        })
    }
}

impl Arms for Rivals<'_> {
    type Encoder = AnyEncoder;
    type Error = CliError;

    fn begin(&mut self, what: &str) -> Result<(), CliError> {
        match self.stop.flag.load(Ordering::Relaxed) {
            0 => {
                self.progress.get_mut().part(what);
                Ok(())
            }
            signal => Err(CliError::Interrupted {
                signal,
                resume: None,
            }),
        }
    }

    fn kept(&self, name: &str) -> Option<Vec<u8>> {
        let bytes = fs::read(self.folder.join(name)).ok()?;
        self.progress.borrow_mut().pass();
        Some(bytes)
    }

    fn keep(&mut self, name: &str, bytes: &[u8]) -> Result<(), CliError> {
        Ok(write_atomic(&self.folder.join(name), bytes)?)
    }

    fn pretrained(&mut self, seed: u64) -> Result<AnyEncoder, CliError> {
        if seed == self.first {
            return Ok(self.of.encoder.clone());
        }
        let path = self.folder.join(format!("seed-{seed}.safetensors"));
        if let Ok(weights) = StateDict::read(&path)
            && let Ok((encoder, _)) = load_state_dict(self.random(seed), &weights, false)
        {
            return Ok(encoder);
        }
        let encoder = self.pretrain_again(seed)?;
        let bytes = StateDict::of(&encoder).to_safetensors_bytes();
        write_atomic(&path, &bytes)?;
        Ok(encoder)
    }

    fn random(&mut self, seed: u64) -> AnyEncoder {
        let encoder = self.of.plan.build(None).encoder(seed);
        encoder.expect("the same encoder was pre-trained")
    }

    fn tune(
        &mut self,
        start: Option<&AnyEncoder>,
        draw: &Draw,
    ) -> Result<Option<Tuning>, CliError> {
        self.training(start, draw.seed, |training| training.tune(&draw.items))
    }

    fn trained(
        &mut self,
        start: Option<&AnyEncoder>,
        draw: &Draw,
        tuning: Option<&Tuning>,
    ) -> Result<(Hits, bool), CliError> {
        let done = self.training(start, draw.seed, |training| {
            training.train(&draw.items, tuning)
        })?;
        let predicted = predicted(&done.model, self.test, &self.of.plan.device);
        Ok((Hits::of(&predicted, self.test), done.flat))
    }
}

/// The encoder that the plan's recipe gives by another seed, trained in memory.
struct PretrainJob<'j> {
    rivals: &'j Rivals<'j>,
    recipe: &'j Recipe,
}

impl Job for PretrainJob<'_> {
    type Out = AnyEncoder;

    fn run<O: Trainable>(self, objective: O) -> Result<AnyEncoder, CliError> {
        let Comparison { plan, inputs, .. } = self.rivals.of;
        let setup = Setup {
            recipe: self.recipe,
            ..plan.setup(inputs)
        };
        let loader = setup.loader()?;
        let config = setup.config(&loader, None);
        let device = plan.device.clone().autodiff();
        let mut trainer = Trainer::new(objective, loader, &device, config)?
            .with_stop(self.rivals.stop.flag.clone())
            .with_observer(Within(&self.rivals.progress));
        match trainer.run()? {
            Outcome::Finished => Ok(trainer.trained().encoder().clone()),
            Outcome::Stopped { signal, .. } => Err(CliError::Interrupted {
                signal,
                resume: None,
            }),
        }
    }
}

/// Shows the steps of a part.
struct Within<'p>(&'p RefCell<Progress>);

impl Observer for Within<'_> {
    fn step(&mut self, report: &StepReport) {
        let mut progress = self.0.borrow_mut();
        progress.within(report.step, report.total_steps);
    }
}
