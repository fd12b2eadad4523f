//! A run from its recipe to its report: what `pretrain` and `finetune` share.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use tinderbox::train::{Best, RateFactor, Trainer};

use crate::args::GlobalArgs;
use crate::data_facts::DataFacts;
use crate::dataset::DataSet;
use crate::encoder::AnyEncoder;
use crate::environment::Environment;
use crate::error::{CliError, quoted};
use crate::export::Exported;
use crate::inputs::{Inputs, Preprocessing};
use crate::model::{Model, initialise_from, resolved_recipe};
use crate::output::{Output, escaped};
use crate::recipe::{Length, Recipe, changes, check_warmup};
use crate::registry::{Build, Job, Trainable, class_weights};
use crate::report::REPORT;
use crate::run::{
    self, CACHE, DATA, ENVIRONMENT, EXPORTED, Opened, PREPROCESSING, RECIPE, RESOLVED,
};
use crate::signals::StopSignals;
use crate::table::tidy;
use crate::training::{Setup, Trained, json_bytes, train};

/// What the command line says about a run.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Flags that all verbs know.
    pub global: &'a GlobalArgs,
    /// Where words go.
    pub output: &'a Output,
    /// The words of the command line.
    pub line: &'a [String],
}

impl Context<'_> {
    /// Opens a model, and tells what is to be told of it.
    ///
    /// # Errors
    /// As [`Model::open`].
    pub fn model(&self, path: &Path) -> Result<Model, CliError> {
        let model = Model::open(path)?;
        for note in &model.notes {
            self.output
                .note(&escaped(&format!("{}: {note}", path.display())));
        }
        Ok(model)
    }

    /// The command that goes on with the run in `directory`.
    pub fn resume_command(&self, directory: &Path) -> String {
        let mut words = vec!["tinderbox".to_string()];
        let mut rest = self.line.iter().skip(1);
        while let Some(word) = rest.next() {
            match word.as_str() {
                "--resume" | "--overwrite" => {}
                "--out" => {
                    rest.next();
                }
                word if word.starts_with("--out=") => {}
                word => words.push(quoted(word)),
            }
        }
        let directory = quoted(&directory.display().to_string());
        format!("{} --out {directory} --resume", words.join(" "))
    }
}

/// What is to be trained.
pub struct Plan<'a> {
    /// The recipe with all defaults and overrides.
    pub recipe: Recipe,
    /// The recipe as it was given.
    pub recipe_text: String,
    /// The data.
    pub data: DataSet,
    /// Items that are trained on.
    pub items: Vec<usize>,
    /// Items with labels that tell the best weights; without any, the last are kept.
    pub validation: Vec<usize>,
    /// What makes items a model's input; without it, fitted to the training part.
    pub preprocess: Option<Preprocessing>,
    /// The encoder to start from; without it, what `encoder.init` names, or a new one.
    pub start: Option<AnyEncoder>,
    /// Factors on the learning rate.
    pub rate_factor: Option<RateFactor>,
    /// The device, without gradients.
    pub device: Device,
    /// Default directories, from 1.
    pub numbered: Box<dyn Fn(u32) -> PathBuf + 'a>,
}

/// A run that came to the end of its steps, and was exported.
pub struct Finished {
    /// The run directory, still locked.
    pub opened: Opened,
    /// The encoder, for inference.
    pub encoder: AnyEncoder,
    /// The items as the model reads them.
    pub inputs: Inputs,
    /// Steps done.
    pub step: u64,
    /// Steps a second.
    pub speed: f64,
    /// Share of the time in steps spent waiting for data.
    pub waiting: f64,
    /// Figures of the last evaluation.
    pub figures: Vec<(String, f64)>,
    /// What told the weights that were kept, if some items did.
    pub best: Option<Best>,
}

impl Finished {
    /// Steps a second, to be shown; none if a finished run was resumed and no step was left to do.
    pub fn steps_a_second(&self) -> Option<String> {
        (self.speed > 0.0).then(|| tidy(self.speed))
    }
}

impl Plan<'_> {
    /// What its objective is built for, on an encoder with these [weights](Self::weights).
    pub fn build<'b>(&'b self, weights: Option<&'b AnyEncoder>) -> Build<'b> {
        Build {
            weights,
            recipe: &self.recipe,
            shape: self.data.shape,
            classes: self.data.classes.len(),
            device: &self.device,
            class_weights: class_weights(&self.recipe, &self.data, &self.items),
        }
    }

    /// Trains in a run directory, and exports the model there.
    ///
    /// # Errors
    /// Whatever ends it early.
    pub fn run(&self, context: Context<'_>, stop: &StopSignals) -> Result<Finished, CliError> {
        // Whether it can be built is known before a directory is made.
        self.build(None).encoder(self.recipe.seed)?;
        if let Length::Steps(steps) = self.recipe.train.length {
            check_warmup(&self.recipe.schedule, steps)?;
        }
        let weights = self.weights(context.output)?;
        let facts = self.facts();
        context.output.ledger(&facts.ledger);
        let opened = run::open(self.recipe.out.as_deref(), &self.numbered, context.global)?;
        if !opened.kept.is_empty() {
            let kept = escaped(&opened.kept.join(", "));
            let note = format!("kept, since tinderbox did not write it: {kept}");
            context.output.note(&note);
        }
        let preprocess = self.begin(&opened, &facts, context)?;
        stop.set_resume(context.resume_command(opened.dir.path()));
        let inputs = self.data.items.prepare(&preprocess)?;
        let inputs = inputs.cached_in(&opened.dir.join(CACHE));
        let job = TrainJob {
            plan: self,
            preprocess: &preprocess,
            inputs: &inputs,
            opened: &opened,
            facts: &facts,
            stop,
            output: context.output,
        };
        let done = self.build(weights.as_ref()).run(job);
        let (encoder, trained) = match done {
            Ok(done) => done,
            Err(error) => {
                // The curves so far are worth seeing; a fault in drawing them must not hide the error.
                let _ = crate::report::write_report(opened.dir.path());
                return Err(error.with_resume(|| context.resume_command(opened.dir.path())));
            }
        };
        Ok(Finished {
            encoder,
            inputs,
            step: trained.step,
            speed: trained.timing.steps_per_second(),
            waiting: trained.timing.waiting_share(),
            figures: trained.figures,
            best: trained.best,
            opened,
        })
    }

    /// What the data is.
    pub fn facts(&self) -> DataFacts {
        DataFacts::of(&self.data, &self.items)
    }

    /// Writes what a run directory begins with, or checks it on resume.
    fn begin(
        &self,
        opened: &Opened,
        facts: &DataFacts,
        context: Context<'_>,
    ) -> Result<Preprocessing, CliError> {
        let dir = &opened.dir;
        let output = context.output;
        let mut environment = Environment::current(&self.recipe.device);
        let mut preprocess = self.preprocess.clone();
        if opened.resume {
            self.check_recipe(dir.path(), output)?;
            check_data(dir.path(), facts, context)?;
            if let Some(before) = read_json::<Environment>(&dir.join(ENVIRONMENT)) {
                for difference in before.differences(&environment) {
                    output.warn(&format!("not the same weights bit for bit: {difference}"));
                }
                environment.directory = before.directory.or(environment.directory);
            }
            preprocess = preprocess.or_else(|| read_json(&dir.join(PREPROCESSING)));
            // A report says that a run has ended; this one goes on.
            let _ = fs::remove_file(dir.join(REPORT));
        }
        let preprocess = match preprocess {
            Some(preprocess) => preprocess,
            None => self.data.fit()?,
        };
        if preprocess.shape() != self.data.shape {
            return Err(CliError::Refused {
                message: format!(
                    "the run began with items {:?}, the data now has {:?}",
                    preprocess.shape().dims(),
                    self.data.shape.dims()
                ),
                help: Some("bring the data back, or begin another run".into()),
            });
        }
        if !opened.resume {
            dir.write(DATA, &json_bytes(facts))?;
            dir.write(RECIPE, self.recipe_text.as_bytes())?;
        }
        dir.write(ENVIRONMENT, &json_bytes(&environment))?;
        dir.write(PREPROCESSING, &json_bytes(&preprocess))?;
        // Last, because it says that all of the above is there.
        dir.write(RESOLVED, self.recipe.to_toml().as_bytes())?;
        Ok(preprocess)
    }

    fn check_recipe(&self, path: &Path, output: &Output) -> Result<(), CliError> {
        let before = resolved_recipe(path)?;
        let mut changes = changes(&before, &self.recipe);
        changes.retain(|change| !change.is_same_place());
        if changes.iter().any(|change| !change.allowed) {
            return Err(CliError::RecipeChanged {
                path: path.to_path_buf(),
                changes,
            });
        }
        for change in changes {
            output.note(&format!("changed: {change}"));
        }
        Ok(())
    }

    /// The setup of its training.
    pub fn setup<'s>(&'s self, inputs: &'s Inputs) -> Setup<'s> {
        Setup {
            recipe: &self.recipe,
            data: &self.data,
            inputs,
            items: &self.items,
            validation: &self.validation,
            views: self.recipe.objective.views(),
            device: &self.device,
            run: None,
        }
    }

    /// The weights that its encoder starts from; none if they are to be drawn.
    ///
    /// # Errors
    /// If weights to start from cannot be read or do not fit.
    pub fn weights(&self, output: &Output) -> Result<Option<AnyEncoder>, CliError> {
        if let Some(start) = &self.start {
            return Ok(Some(start.clone()));
        }
        let Some(init) = &self.recipe.encoder.init else {
            return Ok(None);
        };
        let config = &self.recipe.encoder.config;
        let encoder = config.init(self.data.shape, &self.device.clone().autodiff())?;
        let (encoder, report) = initialise_from(encoder, init, self.recipe.encoder.partial)?;
        if let Some(prefix) = &report.prefix {
            output.note(&format!(
                "`encoder.init`: `{}.` before every name is left out",
                escaped(prefix)
            ));
        }
        for (what, names) in [
            ("left as drawn", &report.missing),
            ("not used", &report.unexpected),
        ] {
            if !names.is_empty() {
                let names = escaped(&names.join(", "));
                output.note(&format!("`encoder.init`: {what}: {names}"));
            }
        }
        Ok(Some(encoder))
    }
}

/// Whether the data is what a run began with, or may be other.
///
/// # Errors
/// If it is other, and `--accept-data-change` was not given.
pub fn check_data(path: &Path, facts: &DataFacts, context: Context<'_>) -> Result<(), CliError> {
    let Some(before) = read_json::<DataFacts>(&path.join(DATA)) else {
        return Ok(());
    };
    if before.fingerprint == facts.fingerprint {
        return Ok(());
    }
    let run = path.display();
    let message = match (before.items, facts.items) {
        (before, now) if before == now => {
            format!(
                "the data is not what {run} began with: {now} items as before, but not the same"
            )
        }
        (before, now) => {
            format!("the data is not what {run} began with: {before} items, now {now}")
        }
    };
    if context.global.accept_data_change {
        context.output.warn(&message);
        return Ok(());
    }
    Err(CliError::Refused {
        message,
        help: Some("bring it back, or go on all the same with `--accept-data-change`".into()),
    })
}

/// A JSON file, if it is there and can be read as this.
pub fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

struct TrainJob<'j> {
    plan: &'j Plan<'j>,
    preprocess: &'j Preprocessing,
    inputs: &'j Inputs,
    opened: &'j Opened,
    facts: &'j DataFacts,
    stop: &'j StopSignals,
    output: &'j Output,
}

impl Job for TrainJob<'_> {
    type Out = (AnyEncoder, Trained<()>);

    fn run<O: Trainable>(self, objective: O) -> Result<Self::Out, CliError> {
        let Self {
            plan,
            preprocess,
            inputs,
            ..
        } = self;
        let setup = Setup {
            run: Some(&self.opened.dir),
            ..plan.setup(inputs)
        };
        let objective = objective.fitted(&setup, self.output)?;
        let loader = setup.loader()?;
        let config = setup.config(&loader, setup.best_figure());
        let total = config.steps;
        // How many steps an epoch has is known by now.
        if total > 0 {
            check_warmup(&plan.recipe.schedule, total)?;
        }
        let device = plan.device.clone().autodiff();
        let mut trainer = Trainer::new(objective, loader, &device, config)?;
        if let Some(factor) = &plan.rate_factor {
            trainer = trainer.with_rate_factor(factor.clone());
        }
        let trainer = O::evaluate_head(trainer, &setup, self.output)?;
        let trainer = setup.evaluators(trainer, self.output)?;
        let trained = train(
            trainer,
            self.opened,
            self.facts,
            self.stop,
            self.output,
            total,
        )?;
        let exported = Exported {
            recipe: &plan.recipe,
            data: &plan.data,
            preprocess,
            facts: self.facts,
            step: trained.step,
            figures: &trained.figures,
        };
        exported.write(
            &trained.objective,
            self.opened.dir.path(),
            &self.opened.dir.join(EXPORTED),
        )?;
        let encoder = trained.objective.encoder().clone();
        Ok((
            encoder,
            Trained {
                objective: (),
                step: trained.step,
                timing: trained.timing,
                figures: trained.figures,
                best: trained.best,
            },
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resume_command_keeps_what_was_said() {
        let words = [
            "/x/tinderbox",
            "pretrain",
            "my recipe.toml",
            "--out",
            "old",
            "--overwrite",
            "--set",
            "optim.lr=1e-3",
        ];
        let line: Vec<String> = words.map(String::from).to_vec();
        let context = Context {
            global: &GlobalArgs::default(),
            output: &Output::default(),
            line: &line,
        };
        assert_eq!(
            context.resume_command(Path::new("runs/a b")),
            "tinderbox pretrain 'my recipe.toml' --set optim.lr=1e-3 --out 'runs/a b' --resume"
        );
    }
}
