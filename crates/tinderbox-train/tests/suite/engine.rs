use std::fs;
use std::path::Path;
use std::sync::Arc;

use burn::nn::{Linear, LinearConfig};
use burn::tensor::Device;
use tinderbox_nn::StateDict;
use tinderbox_train::{
    CheckpointConfig, Checkpoints, Evaluation, Evaluator, METRICS, Metric, OptimConfig, Outcome,
    RunDir, StopFlag, TrainError, Trainer, TrainerConfig, Watched, initialise, read_metrics,
    replay,
};
use tinderbox_transfer::Better;

use crate::stop::StopAt;
use crate::table::{Denoise, Table, denoise, loader, table};

fn config() -> TrainerConfig {
    TrainerConfig {
        accumulate: 2,
        clip: Some(0.5),
        ema: Some(0.9),
        evaluate_every: 4,
        log_every: 1,
        checkpoint: CheckpointConfig {
            every: 5,
            keep: 2,
            best: Some(Watched {
                name: "spread".to_string(),
                better: Better::Higher,
            }),
        },
        ..TrainerConfig::new(24, OptimConfig::adamw(0.02, 0.01))
    }
}

/// Disturbs the device's random generator, as an evaluator may.
struct Spread;

impl Evaluator<Denoise> for Spread {
    fn evaluate(&mut self, objective: &Denoise) -> Result<Evaluation, TrainError> {
        let weight = objective.encoder.linear.weight.val();
        weight.device().seed(99);
        let spread = weight.var(0).mean().into_scalar::<f32>();
        Ok(Evaluation {
            figures: vec![("spread".to_string(), f64::from(spread))],
            warnings: Vec::new(),
        })
    }
}

fn trainer<'a>(threads: usize) -> Trainer<'a, Denoise> {
    let device = Device::flex().autodiff();
    let data = Table {
        unreadable: Some(5),
        ..table(40)
    };
    Trainer::new(
        denoise(&device, 0.2),
        loader(data, 4, threads),
        &device,
        config(),
    )
    .unwrap()
    .with_evaluator(Spread)
}

fn weights(trainer: &Trainer<'_, Denoise>) -> Vec<u8> {
    StateDict::of(&trainer.trained()).to_safetensors_bytes()
}

fn figures(run: &Path) -> Vec<Metric> {
    let mut metrics = read_metrics(&run.join(METRICS)).unwrap();
    metrics.iter_mut().for_each(|metric| metric.seconds = 0.0);
    metrics
}

#[test]
fn a_stopped_and_resumed_run_ends_with_the_same_bits() {
    let root = tempfile::tempdir().unwrap();
    let whole = RunDir::create(root.path().join("whole")).unwrap();
    let mut reference = trainer(0);
    reference.start_in(&whole).unwrap();
    assert_eq!(reference.run().unwrap(), Outcome::Finished);
    let (expected, expected_figures) = (weights(&reference), figures(whole.path()));
    assert_eq!(reference.loader().skipped().len(), 1);

    for stop_at in [0, 1, 5, 7, 12, 23] {
        let path = root.path().join(format!("stopped-{stop_at}"));
        let run = RunDir::create(&path).unwrap();
        // A stop after no step at all leaves a checkpoint, too, after an evaluation.
        let flag: StopFlag = Arc::new((i32::from(stop_at == 0) * 2).into());
        let mut first = trainer(1)
            .with_stop(flag.clone())
            .with_observer(StopAt(stop_at, flag));
        first.start_in(&run).unwrap();
        let outcome = first.run().unwrap();
        assert_eq!(
            outcome,
            Outcome::Stopped {
                signal: 2,
                step: stop_at
            }
        );
        drop(first);
        let mut second = trainer(2);
        assert_eq!(second.resume_in(&run).unwrap().step, stop_at);
        second.run().unwrap();
        assert_eq!(weights(&second), expected, "stopped at {stop_at}");
        assert_eq!(figures(&path), expected_figures, "stopped at {stop_at}");
        assert_eq!(second.loader().skipped(), reference.loader().skipped());
    }
}

#[test]
fn a_damaged_checkpoint_costs_steps_and_not_the_result() {
    let root = tempfile::tempdir().unwrap();
    let run = RunDir::create(root.path().join("run")).unwrap();
    let mut first = trainer(0);
    first.start_in(&run).unwrap();
    first.run().unwrap();
    let expected = (weights(&first), figures(run.path()));
    let newest = Checkpoints::of(run.path()).path(24);
    let model = newest.join("model.bpk");
    let bytes = fs::read(&model).unwrap();
    for length in [0, bytes.len() / 2, bytes.len() - 1] {
        fs::write(newest.join("model.bpk"), &bytes[..length]).unwrap();
        let mut second = trainer(0);
        let resumed = second.resume_in(&run).unwrap();
        assert!(resumed.step < 24);
        assert_eq!(resumed.set_aside.len(), 1);
        second.run().unwrap();
        assert_eq!((weights(&second), figures(run.path())), expected);
    }
}

/// The numbers of all tensors, in the order of their names.
fn all_values(objective: &Denoise) -> Vec<f32> {
    let dict = StateDict::of(objective);
    let values = |name: &str| dict.get(name).unwrap().iter::<f32>().collect::<Vec<_>>();
    dict.names().flat_map(values).collect()
}

#[test]
fn accumulated_batches_equal_one_large_batch() {
    let device = Device::flex().autodiff();
    let run = |batch, accumulate| {
        let config = TrainerConfig {
            accumulate,
            ..TrainerConfig::new(
                3,
                OptimConfig::Sgd {
                    lr: 0.1,
                    momentum: 0.9,
                    weight_decay: 0.0,
                },
            )
        };
        let data = loader(table(32), batch, 0);
        let mut trainer = Trainer::new(denoise(&device, 0.0), data, &device, config).unwrap();
        trainer.run().unwrap();
        all_values(&trainer.trained())
    };
    let start = all_values(&denoise(&device, 0.0));
    let (whole, parts) = (run(8, 1), run(4, 2));
    let moved = start.iter().zip(&whole).map(|(a, b)| (a - b).abs());
    // Far more than the tolerance below.
    assert!(moved.fold(0.0, f32::max) > 1e-2);
    // One micro-batch more or less in a sum, or a sum for a mean, moves the weights elsewhere.
    let other = run(4, 1);
    assert!(whole.iter().zip(&other).any(|(a, b)| (a - b).abs() > 1e-4));
    assert_eq!(whole.len(), parts.len());
    for (a, b) in whole.iter().zip(&parts) {
        // 1e-6: the same sums in another order.
        assert!((a - b).abs() < 1e-6, "{a} against {b}");
    }
}

#[test]
fn a_step_that_is_not_finite_is_saved_and_replayed() {
    let root = tempfile::tempdir().unwrap();
    let run = RunDir::create(root.path().join("run")).unwrap();
    let device = Device::flex().autodiff();
    let poisoned = Table {
        poisoned: Some(11),
        ..table(40)
    };
    let mut trainer = Trainer::new(
        denoise(&device, 0.2),
        loader(poisoned, 4, 1),
        &device,
        config(),
    )
    .unwrap();
    trainer.start_in(&run).unwrap();
    let error = trainer.run().unwrap_err();
    let TrainError::NotFinite {
        what, saved, step, ..
    } = &error
    else {
        panic!("expected a loss that is not finite, got {error}");
    };
    assert_eq!(*what, "loss");
    let found = replay(
        denoise(&device, 0.2),
        saved.as_ref().unwrap(),
        config().seed,
        &device,
    )
    .unwrap();
    assert_eq!(found.step, *step);
    assert!(found.items.contains(&11));
    assert!(found.not_finite[0].starts_with("input clean of micro-batch"));
    // The weights were not touched by the step.
    assert!(
        !found
            .not_finite
            .iter()
            .any(|name| name.starts_with("parameter"))
    );
}

#[test]
fn weights_are_drawn_by_the_seed_and_nothing_else() {
    let device = Device::flex();
    let drawn = |seed, disturbed_by| {
        let linear = initialise(&device, seed, || LinearConfig::new(4, 3).init(&device));
        // Burn draws at the first use; by then another seed may be in force.
        device.seed(disturbed_by);
        StateDict::of(&linear).to_safetensors_bytes()
    };
    assert_eq!(drawn(1, 7), drawn(1, 8));
    assert_ne!(drawn(1, 7), drawn(2, 7));
}

#[test]
fn a_frozen_parameter_stays_and_the_rest_learns() {
    let device = Device::flex().autodiff();
    let before = denoise(&device, 0.0);
    let [encoder, decoder] = [&before.encoder.linear, &before.decoder];
    let values = |layer: &Linear| {
        let bias = layer.bias.as_ref().unwrap().val().into_data();
        [layer.weight.val().into_data(), bias].map(|data| data.iter::<f32>().collect::<Vec<_>>())
    };
    let (encoder, decoder) = (values(encoder), values(decoder));
    let mut trainer = Trainer::new(
        before,
        loader(table(40), 8, 0),
        &device,
        TrainerConfig::new(20, OptimConfig::adamw(0.05, 0.1)),
    )
    .unwrap()
    .with_rate_factor(Arc::new(|path| f64::from(!path.starts_with("encoder"))));
    trainer.run().unwrap();
    let after = trainer.trained();
    assert_eq!(values(&after.encoder.linear), encoder);
    for (before, after) in decoder.iter().zip(values(&after.decoder)) {
        // Adam moves every number by about the rate in each of 20 steps, first in one direction.
        let moved = before.iter().zip(&after).map(|(a, b)| (a - b).abs());
        assert!(moved.clone().all(|by| by > 1e-3), "{before:?} to {after:?}");
        assert!(moved.fold(0.0, f32::max) > 0.1, "{before:?} to {after:?}");
    }
}

/// A rate factor scales the update of what it names, and of nothing else.
#[test]
fn a_rate_factor_scales_the_update() {
    let device = Device::flex().autodiff();
    let optim = OptimConfig::Sgd {
        lr: 0.1,
        momentum: 0.0,
        weight_decay: 0.0,
    };
    let updates = |factor: f64| {
        let before = denoise(&device, 0.0);
        let start = StateDict::of(&before);
        let data = loader(table(40), 8, 0);
        let config = TrainerConfig::new(1, optim.clone());
        let mut trainer = Trainer::new(before, data, &device, config)
            .unwrap()
            .with_rate_factor(Arc::new(move |path| match path.starts_with("decoder") {
                true => factor,
                false => 1.0,
            }));
        trainer.run().unwrap();
        let after = StateDict::of(&trainer.trained());
        ["encoder.linear.weight", "decoder.weight"].map(|name| {
            let [a, b] = [&start, &after].map(|dict| dict.get(name).unwrap().iter::<f32>());
            a.zip(b).map(|(a, b)| b - a).collect::<Vec<f32>>()
        })
    };
    let ([encoder, full], [same, half]) = (updates(1.0), updates(0.5));
    assert_eq!(encoder, same);
    assert!(full.iter().any(|update| update.abs() > 1e-3), "{full:?}");
    for (full, half) in full.iter().zip(&half) {
        // 1e-6: differences of weights in single precision.
        assert!((0.5 * full - half).abs() < 1e-6, "{full}, {half}");
    }
}

/// Says these values in turn.
struct Says(Vec<f64>);

impl Evaluator<Denoise> for Says {
    fn evaluate(&mut self, _objective: &Denoise) -> Result<Evaluation, TrainError> {
        Ok(Evaluation {
            figures: vec![("test/rmse".to_string(), self.0.remove(0))],
            warnings: Vec::new(),
        })
    }
}

#[test]
fn the_best_checkpoint_of_an_error_is_its_lowest() {
    let root = tempfile::tempdir().unwrap();
    let run = RunDir::create(root.path().join("run")).unwrap();
    let device = Device::flex().autodiff();
    let config = TrainerConfig {
        evaluate_every: 2,
        checkpoint: CheckpointConfig {
            every: 100,
            keep: 1,
            best: Watched::known("test/rmse"),
        },
        ..TrainerConfig::new(10, OptimConfig::adamw(0.02, 0.01))
    };
    let data = loader(table(40), 4, 0);
    // The first is of step 0, of which there is no checkpoint; a fit that fails is never the best.
    let values = vec![0.1, f64::NAN, 5.0, 2.0, 3.0, 4.0];
    let mut trainer = Trainer::new(denoise(&device, 0.0), data, &device, config)
        .unwrap()
        .with_evaluator(Says(values));
    trainer.start_in(&run).unwrap();
    trainer.run().unwrap();
    let best = trainer.best().unwrap();
    assert_eq!((best.value, best.step), (2.0, 6));
    assert_eq!(Checkpoints::of(run.path()).steps(), [6, 10]);
}
