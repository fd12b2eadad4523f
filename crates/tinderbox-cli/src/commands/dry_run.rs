//! `--dry-run`: everything of a run but the run: shapes, parameters, memory, and the time of 3 steps.

use std::collections::HashSet;
use std::time::Instant;

use serde_json::json;
use tinderbox::nn::Encoder;
use tinderbox::train::{Observer, Schedule, StepReport, Trainer, TrainerConfig};

use crate::environment::peak_memory;
use crate::error::CliError;
use crate::export::parameters;
use crate::inputs::Inputs;
use crate::on_labels::{Cost, OnLabels};
use crate::output::escaped;
use crate::recipe::check_warmup;
use crate::registry::{Job, Trainable};
use crate::session::{Context, Plan};
use crate::table::{Table, duration, tidy};

/// Steps that are timed, after one that warms up.
const TIMED: u64 = 3;
/// Classes that are named.
const CLASSES: usize = 10;

/// How many seconds a step takes here.
pub(super) fn seconds_a_step(plan: &Plan<'_>, context: Context<'_>) -> Result<f64, CliError> {
    measured(plan, context).map(|(_, found)| found.step_seconds)
}

fn measured(plan: &Plan<'_>, context: Context<'_>) -> Result<(Inputs, Found), CliError> {
    let preprocess = match &plan.preprocess {
        Some(preprocess) => preprocess.clone(),
        None => plan.data.fit()?,
    };
    let inputs = plan.data.items.prepare(&preprocess)?;
    let weights = plan.weights(context.output)?;
    let found = plan.build(weights.as_ref()).run(DryRun {
        plan,
        inputs: &inputs,
    })?;
    Ok((inputs, found))
}

pub(super) fn run(plan: &Plan<'_>, context: Context<'_>) -> Result<(), CliError> {
    let (inputs, found) = measured(plan, context)?;
    let data = &plan.data;
    let cost = match &plan.recipe.compare {
        None => None,
        Some(compare) => {
            let on_labels = OnLabels {
                plan,
                compare,
                inputs: &inputs,
                items: &data.labelled,
            };
            let steps = [found.step_seconds, on_labels.step_seconds(TIMED)?];
            Some(Cost::of(plan, compare, found.steps, steps))
        }
    };
    let batch = plan.recipe.train.batch;
    let input = [vec![batch], data.shape.dims()].concat();
    let held_out = held_out(plan);
    let count = data.items.count();
    let unused = match count - plan.items.len() - held_out {
        0 => String::new(),
        unused => format!(", {unused} not used"),
    };
    let mut table = Table::new(["", ""]).left();
    table
        .row([
            "data",
            &format!(
                "{count} items, {} to train on, {held_out} held out{unused}",
                plan.items.len(),
            ),
        ])
        .row(["classes", &classes(&data.classes)])
        .row(["input", &format!("{input:?}, {} view(s)", found.views)])
        .row(["features", &format!("[{batch}, {}]", found.features)])
        .row([
            "encoder",
            &format!(
                "{}, {} parameters",
                plan.recipe.encoder.config.name(),
                found.encoder_parameters
            ),
        ])
        .row([
            "trained",
            &format!(
                "{} parameters, {} with gradients and optimiser",
                found.parameters,
                megabytes(found.state_bytes)
            ),
        ])
        .row(["a batch", &megabytes(found.batch_bytes)])
        .row([
            "memory",
            &found.peak_bytes.map_or("not known here".into(), |bytes| {
                format!("{} at most in {TIMED} steps, all in all", megabytes(bytes))
            }),
        ])
        .row([
            "a step",
            &format!("{:.3} s, mean of {TIMED}", found.step_seconds),
        ])
        .row([
            "the run",
            &format!(
                "{} steps, about {} without evaluation",
                found.steps,
                duration(found.steps as f64 * found.step_seconds)
            ),
        ]);
    table.row(["rate", &rate(plan, found.steps)]);
    if let Some(cost) = &cost {
        let more = match cost.pretrainings {
            0 => String::new(),
            others => format!("{others} pre-trainings more, "),
        };
        let work = format!(
            "{more}{} trainings on labels of {} steps or more, {} probes: {} or more",
            cost.trainings,
            cost.steps / cost.trainings,
            cost.probes,
            duration(cost.seconds)
        );
        table.row(["the comparison", &work]);
        let memory = format!("about {} beside the steps", megabytes(cost.bytes));
        table.row(["its memory", &memory]);
    }
    let text = table.render();
    context.output.text(text.trim_start_matches('\n'));
    context.output.ledger(&data.ledger);
    context.output.json(&json!({
        "items": count,
        "train": plan.items.len(),
        "held_out": held_out,
        "test": data.test.len(),
        "classes": data.classes,
        "input": input,
        "views": found.views,
        "feature_dim": found.features,
        "encoder_parameters": found.encoder_parameters,
        "parameters": found.parameters,
        "batch_bytes": found.batch_bytes,
        "state_bytes": found.state_bytes,
        "peak_bytes": found.peak_bytes,
        "step_seconds": found.step_seconds,
        "steps": found.steps,
        "rate": plan.recipe.optim.lr(),
        "comparison": cost,
        "ledger": data.ledger,
    }));
    Ok(())
}

/// How many items are held out of what is trained on.
fn held_out(plan: &Plan<'_>) -> usize {
    let trained: HashSet<&usize> = plan.items.iter().collect();
    let data = &plan.data;
    let all = data
        .test
        .iter()
        .chain(&data.held_out)
        .chain(&plan.validation);
    all.filter(|item| !trained.contains(item)).count()
}

/// How many there are, and the first of their names.
fn classes(names: &[String]) -> String {
    let count = names.len();
    if count == 0 {
        return "0".to_owned();
    }
    let shown: Vec<String> = names
        .iter()
        .take(CLASSES)
        .map(|name| escaped(name))
        .collect();
    let more = if count > CLASSES { ", ..." } else { "" };
    format!("{count}: {}{more}", shown.join(", "))
}

/// The learning rate over a run of so many steps.
fn rate(plan: &Plan<'_>, steps: u64) -> String {
    let (warmup, then) = match plan.recipe.schedule {
        Schedule::Constant { warmup } => (warmup, "constant"),
        Schedule::Cosine { warmup, .. } => (warmup, "cosine"),
        Schedule::Linear { warmup } => (warmup, "linear"),
    };
    let warms_up = match warmup {
        0 => String::new(),
        warmup => format!("warm-up over {warmup} of {steps} steps, then "),
    };
    format!("{}, {warms_up}{then}", tidy(plan.recipe.optim.lr()))
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

struct Found {
    views: usize,
    features: usize,
    encoder_parameters: usize,
    parameters: usize,
    batch_bytes: u64,
    state_bytes: u64,
    peak_bytes: Option<u64>,
    step_seconds: f64,
    steps: u64,
}

struct DryRun<'d> {
    plan: &'d Plan<'d>,
    inputs: &'d Inputs,
}

impl Job for DryRun<'_> {
    type Out = Found;

    fn run<O: Trainable>(self, objective: O) -> Result<Found, CliError> {
        let plan = self.plan;
        let setup = plan.setup(self.inputs);
        let loader = setup.loader()?;
        let whole = setup.config(&loader, None);
        check_warmup(&plan.recipe.schedule, whole.steps)?;
        let views = setup.views.count();
        let features = objective.encoder().feature_dim();
        let encoder_parameters = parameters(objective.encoder());
        let parameters_all = parameters(&objective);
        let device = plan.device.clone().autodiff();
        let config = TrainerConfig {
            accumulate: whole.accumulate,
            clip: whole.clip,
            ema: whole.ema,
            seed: whole.seed,
            ..TrainerConfig::new(1 + TIMED, whole.optim.clone())
        };
        let item: usize = plan.data.shape.dims().iter().product();
        let mut clock = Clock::default();
        let mut trainer =
            Trainer::new(objective, loader, &device, config)?.with_observer(&mut clock);
        trainer.run()?;
        drop(trainer);
        Ok(Found {
            views,
            features,
            encoder_parameters,
            parameters: parameters_all,
            batch_bytes: (plan.recipe.train.batch * views * item * 4) as u64,
            // Weights, gradients and two moments, 4 bytes each.
            state_bytes: 16 * parameters_all as u64,
            peak_bytes: peak_memory(),
            step_seconds: clock.seconds / TIMED as f64,
            steps: whole.steps,
        })
    }
}

/// Times all steps but the first.
#[derive(Default)]
struct Clock {
    first: Option<Instant>,
    seconds: f64,
}

impl Observer for &mut Clock {
    fn step(&mut self, _report: &StepReport) {
        let first = *self.first.get_or_insert_with(Instant::now);
        self.seconds = first.elapsed().as_secs_f64();
    }
}
