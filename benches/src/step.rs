//! Seconds of a training step: forward, backward, gradient norm, update by SGD with momentum.

use std::cell::RefCell;
use std::error::Error;
use std::time::Instant;

use tinderbox::burn::tensor::Device;
use tinderbox::data::PlainBatch;
use tinderbox::nn::{ReferenceCnnConfig, ResNet, ResNetConfig, ResNetDepth, Stem};
use tinderbox::objectives::{Objective, SimClr, SimClrConfig, SupervisedConfig};
use tinderbox::train::{
    FromPlain, Observer, OptimConfig, StepReport, Trainer, TrainerConfig, initialise,
};

use crate::measurement::Measurement;
use crate::synthetic::{self, CLASSES};

/// Images of a batch; SimCLR sees two views of each.
pub(crate) const BATCH: usize = 128;

/// SimCLR with ResNet-18 for CIFAR's size, 3 x 32 x 32.
pub(crate) fn simclr_resnet18() -> Result<Vec<Measurement>, Box<dyn Error>> {
    let device = Device::flex().autodiff();
    let batch = synthetic::batch(BATCH, 2, [3, 32, 32]);
    let samples = step_seconds(resnet18(&device), batch, &device, 1, 5)?;
    let note = "ResNet-18, CIFAR stem, 2 x 128 views of 3 x 32 x 32";
    Ok(vec![
        Measurement::new("simclr-resnet18", "s", samples).with_note(note),
    ])
}

/// SimCLR of ResNet-18 with the stem for small images.
pub(crate) fn resnet18(device: &Device) -> SimClr<ResNet> {
    let config = ResNetConfig {
        stem: Stem::Cifar,
        ..ResNetConfig::new(ResNetDepth::R18)
    };
    initialise(device, 0, || {
        let encoder = config.init(device).expect("the published sizes are valid");
        // The hidden layer has the size of the features, as in the paper.
        let simclr = SimClrConfig::new(512).init(encoder, device);
        simclr.expect("sizes are positive")
    })
}

/// SimCLR with the reference CNN, 1 x 28 x 28.
pub(crate) fn simclr_cnn() -> Result<Vec<Measurement>, Box<dyn Error>> {
    let device = Device::flex().autodiff();
    let config = ReferenceCnnConfig {
        // As in the SimCLR recipes.
        dropout: 0.0,
        ..ReferenceCnnConfig::new(1, 28)
    };
    let objective = initialise(&device, 0, || {
        let encoder = config.init(&device).expect("28 x 28 is large enough");
        let simclr = SimClrConfig::new(config.hidden).init(encoder, &device);
        simclr.expect("sizes are positive")
    });
    let batch = synthetic::batch(BATCH, 2, [1, 28, 28]);
    let samples = step_seconds(objective, batch, &device, 3, 30)?;
    let note = "reference CNN, 2 x 128 views of 1 x 28 x 28";
    Ok(vec![
        Measurement::new("simclr-cnn", "s", samples).with_note(note),
    ])
}

/// The reference CNN on labels, 1 x 28 x 28.
pub(crate) fn cnn() -> Result<Vec<Measurement>, Box<dyn Error>> {
    let device = Device::flex().autodiff();
    let objective = initialise(&device, 0, || {
        let encoder = ReferenceCnnConfig::new(1, 28)
            .init(&device)
            .expect("28 x 28 is large enough");
        let supervised = SupervisedConfig::new(CLASSES).init(encoder, &device);
        supervised.expect("there are enough classes")
    });
    let batch = synthetic::batch(BATCH, 1, [1, 28, 28]);
    let samples = step_seconds(objective, batch, &device, 3, 50)?;
    let note = "reference CNN with labels, 128 images of 1 x 28 x 28";
    Ok(vec![
        Measurement::new("cnn-step", "s", samples).with_note(note),
    ])
}

/// The seconds of each of `runs` steps of the trainer, after `warm_up` others. The batch is always the same, and ready.
fn step_seconds<O>(
    objective: O,
    batch: PlainBatch,
    device: &Device,
    warm_up: usize,
    runs: usize,
) -> Result<Vec<f64>, Box<dyn Error>>
where
    O: Objective,
    O::Batch: FromPlain,
{
    let ends = RefCell::new(Vec::new());
    let sgd = OptimConfig::Sgd {
        lr: 0.05,
        momentum: 0.9,
        weight_decay: 1e-4,
    };
    let config = TrainerConfig::new((warm_up + runs) as u64, sgd);
    Trainer::new(objective, synthetic::ready(batch)?, device, config)?
        .with_observer(Ends(&ends))
        .run()?;
    let ends = ends.into_inner();
    // A step lasts from the end of the one before to its own.
    let steps = ends.windows(2).skip(warm_up - 1);
    Ok(steps
        .map(|ends| (ends[1] - ends[0]).as_secs_f64())
        .collect())
}

/// Writes down when each step ended.
struct Ends<'a>(&'a RefCell<Vec<Instant>>);

impl Observer for Ends<'_> {
    fn step(&mut self, _report: &StepReport) {
        self.0.borrow_mut().push(Instant::now());
    }
}
