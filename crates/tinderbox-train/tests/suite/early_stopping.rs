//! A run that stops early gives the weights of its best evaluation, whatever stopped it before.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use burn::tensor::Device;
use tinderbox_nn::StateDict;
use tinderbox_train::{
    EarlyStopping, Evaluation, Evaluator, HeldOutEvaluator, METRICS, Metric, Observer, OptimConfig,
    Outcome, RunDir, Schedule, StepReport, StopFlag, TrainError, Trainer, TrainerConfig, Watched,
    read_metrics,
};

use crate::table::{Denoise, Table, denoise, loader, table};

const STEPS: u64 = 400;

/// Says that it was asked, once, at the end.
struct Asked;

impl Evaluator<Denoise> for Asked {
    fn evaluate(&mut self, objective: &Denoise) -> Result<Evaluation, TrainError> {
        let weight = objective.encoder.linear.weight.val();
        let mean = weight.mean().into_scalar::<f32>();
        Ok(Evaluation {
            figures: vec![("test/mean".to_string(), f64::from(mean))],
            warnings: Vec::new(),
        })
    }
}

struct StopAt(u64, StopFlag);

impl Observer for StopAt {
    fn step(&mut self, report: &StepReport) {
        if report.step == self.0 {
            self.1.store(2, Ordering::Relaxed);
        }
    }
}

fn config(steps: u64) -> TrainerConfig {
    TrainerConfig {
        evaluate_every: 3,
        log_every: 1,
        schedule: Schedule::Constant { warmup: 0 },
        ..TrainerConfig::new(steps, OptimConfig::adamw(0.05, 0.0))
    }
}

/// A table of few rows, of which `early_stopping` holds some others out.
fn trainer<'a>(threads: usize, steps: u64, early: bool) -> Trainer<'a, Denoise> {
    let device = Device::flex().autodiff();
    let mut held_out = loader(table(40), 8, 0);
    let batches = (0..2).map(|_| held_out.next_batch().unwrap()).collect();
    let early_stopping = early.then(|| EarlyStopping {
        watched: Watched::known(HeldOutEvaluator::VALIDATION_LOSS).unwrap(),
        patience: 9,
    });
    let config = TrainerConfig {
        early_stopping,
        ..config(steps)
    };
    let data = Table { ..table(8) };
    Trainer::new(
        denoise(&device, 0.3),
        loader(data, 4, threads),
        &device,
        config,
    )
    .unwrap()
    .with_evaluator(HeldOutEvaluator {
        name: HeldOutEvaluator::VALIDATION,
        batches,
        device: device.inner(),
    })
    .with_last_evaluator(Asked)
}

fn weights(trainer: &Trainer<'_, Denoise>) -> Vec<u8> {
    StateDict::of(&trainer.trained()).to_safetensors_bytes()
}

fn figures(run: &RunDir) -> Vec<Metric> {
    let mut metrics = read_metrics(&run.join(METRICS)).unwrap();
    metrics.iter_mut().for_each(|metric| metric.seconds = 0.0);
    metrics
}

#[test]
fn the_best_weights_are_kept_and_a_resumed_run_keeps_the_same() {
    let root = tempfile::tempdir().unwrap();
    let run = RunDir::create(root.path().join("whole")).unwrap();
    let mut whole = trainer(0, STEPS, true);
    whole.start_in(&run).unwrap();
    assert_eq!(whole.run().unwrap(), Outcome::Finished);
    let best = whole.kept_best().unwrap().clone();
    assert!(whole.step() < STEPS, "it went through all steps");
    assert_eq!(whole.step(), best.step + 9);
    let expected = (weights(&whole), figures(&run));

    // The lowest of all evaluations, at the weights that a run of so many steps has.
    let losses: Vec<(u64, f64)> = expected
        .1
        .iter()
        .filter(|metric| metric.name == HeldOutEvaluator::VALIDATION_LOSS && metric.step > 0)
        .map(|metric| (metric.step, metric.value.unwrap()))
        .collect();
    let lowest = losses
        .iter()
        .map(|(_, loss)| *loss)
        .fold(f64::INFINITY, f64::min);
    assert_eq!(best.value, lowest);
    let mut short = trainer(0, best.step, false);
    short.run().unwrap();
    assert_eq!(weights(&short), expected.0);
    // What is asked at the end is asked once, of these weights.
    let asked: Vec<&Metric> = expected
        .1
        .iter()
        .filter(|m| m.name == "test/mean")
        .collect();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].step, whole.step());

    let end = whole.step();
    drop(whole);
    for stop_at in [1, best.step - 1, best.step + 1, end - 1] {
        let run = RunDir::create(root.path().join(format!("stopped-{stop_at}"))).unwrap();
        let flag = Arc::new(AtomicI32::new(0));
        let mut first = trainer(1, STEPS, true)
            .with_stop(flag.clone())
            .with_observer(StopAt(stop_at, flag));
        first.start_in(&run).unwrap();
        let stopped = Outcome::Stopped {
            signal: 2,
            step: stop_at,
        };
        assert_eq!(first.run().unwrap(), stopped);
        drop(first);
        // Twice: a run that is over stays as it is.
        for _ in 0..2 {
            let mut second = trainer(2, STEPS, true);
            second.resume_in(&run).unwrap();
            assert_eq!(second.run().unwrap(), Outcome::Finished);
            assert_eq!(weights(&second), expected.0, "stopped at {stop_at}");
            assert_eq!(figures(&run), expected.1, "stopped at {stop_at}");
        }
    }
}
