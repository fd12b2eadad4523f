//! An objective with a teacher and a queue, after MoCo (He et al. 2020), through everything the engine does.

use std::path::Path;
use std::sync::{Arc, Mutex};

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use tinderbox_nn::{BatchNorm, BatchNormConfig, Buffer, Encoder, StateDict, Teacher};
use tinderbox_objectives::{Objective, StepContext, StepOutput, info_nce};
use tinderbox_train::{
    CheckpointConfig, Checkpoints, EMA, METRICS, MODEL, Metric, Observer, OptimConfig, Outcome,
    RunDir, Schedule, StepReport, StopFlag, TrainConfigError, TrainError, Trainer, TrainerConfig,
    initialise, read_metrics, replay,
};

use crate::stop::StopAt;
use crate::table::{COLUMNS, RowBatch, Table, loader, table};

const MOMENTUM: f64 = 0.9;
const QUEUE: usize = 12;

#[derive(Module, Debug)]
struct Normed {
    linear: Linear,
    norm: BatchNorm,
}

impl Encoder for Normed {
    type Input = Tensor<2>;

    fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        self.norm.forward(self.linear.forward(input))
    }

    fn feature_dim(&self) -> usize {
        3
    }
}

#[derive(Module, Debug)]
struct Moco {
    encoder: Normed,
    teacher: Teacher<Normed>,
    queue: Buffer<2>,
}

impl Objective for Moco {
    type Batch = RowBatch;
    type Encoder = Normed;

    fn step(&self, batch: RowBatch, _at: StepContext) -> StepOutput {
        let queries = self.encoder.forward(batch.noisy);
        let keys = self.teacher.forward(batch.clean);
        let candidates = Tensor::cat(vec![keys.clone(), self.queue.value()], 0);
        StepOutput::new(info_nce(queries, candidates, 0.5)).with_carry(keys)
    }

    fn after_update(self, carried: Vec<Vec<Tensor<2>>>, _at: StepContext) -> Self {
        let newest = carried.into_iter().flatten();
        let all: Vec<Tensor<2>> = std::iter::once(self.queue.value()).chain(newest).collect();
        let all = Tensor::cat(all, 0);
        let oldest = all.dims()[0] - QUEUE;
        Self {
            teacher: self.teacher.follow(&self.encoder, MOMENTUM),
            queue: self.queue.set(all.narrow(0, oldest, QUEUE)),
            encoder: self.encoder,
        }
    }

    fn encoder(&self) -> &Normed {
        &self.encoder
    }
}

fn normed(device: &Device) -> Normed {
    Normed {
        linear: LinearConfig::new(COLUMNS, 3).init(device),
        norm: BatchNormConfig::new(3).init(device),
    }
}

fn moco(device: &Device) -> Moco {
    initialise(device, 7, || {
        let encoder = normed(device);
        Moco {
            teacher: Teacher::of(&encoder),
            encoder,
            queue: Buffer::new(Tensor::random(
                [QUEUE, 3],
                burn::tensor::Distribution::Default,
                device,
            )),
        }
    })
}

fn device() -> Device {
    Device::flex().autodiff()
}

/// Plain gradient descent at one rate, so that an update is the gradient times that.
fn descent(steps: u64) -> TrainerConfig {
    let optim = OptimConfig::Sgd {
        lr: 0.5,
        momentum: 0.0,
        weight_decay: 0.0,
    };
    TrainerConfig {
        accumulate: 2,
        schedule: Schedule::Constant { warmup: 0 },
        ..TrainerConfig::new(steps, optim)
    }
}

fn config() -> TrainerConfig {
    TrainerConfig {
        accumulate: 2,
        clip: Some(0.5),
        ema: Some(0.9),
        log_every: 1,
        checkpoint: CheckpointConfig {
            every: 5,
            keep: 2,
            best: None,
        },
        ..TrainerConfig::new(14, OptimConfig::adamw(0.02, 0.01))
    }
}

fn trainer<'a>(config: TrainerConfig) -> Trainer<'a, Moco> {
    let device = device();
    Trainer::new(moco(&device), loader(table(40), 4, 0), &device, config).unwrap()
}

struct Norms(Arc<Mutex<Vec<f64>>>);

impl Observer for Norms {
    fn step(&mut self, report: &StepReport) {
        self.0.lock().unwrap().push(report.grad_norm);
    }
}

/// The floats of a part of a module whose names begin so, but for running statistics, in the order of names.
fn weights<M: Module>(module: &M, under: &str) -> Vec<f32> {
    let dict = StateDict::of(module);
    let names = dict.names().filter(|name| name.starts_with(under));
    names
        .filter(|name| !name.contains("running"))
        .flat_map(|name| dict.get(name).unwrap().iter::<f32>().collect::<Vec<f32>>())
        .collect()
}

#[track_caller]
fn close(found: &[f32], expected: &[f32]) {
    assert!(!found.is_empty() && found.len() == expected.len());
    for (a, b) in found.iter().zip(expected) {
        // 1e-6: a product and a sum in single precision.
        assert!((a - b).abs() < 1e-6, "{found:?} for {expected:?}");
    }
}

#[test]
fn the_norm_is_of_the_encoder_and_the_update_goes_to_it() {
    let norms = Arc::new(Mutex::new(Vec::new()));
    let mut trainer = trainer(descent(1)).with_observer(Norms(norms.clone()));
    let before = weights(&moco(&device()), "encoder.");
    trainer.run().unwrap();
    let after = trainer.trained();
    let encoder = weights(&after, "encoder.");
    let moved = encoder.iter().zip(&before).map(|(a, b)| f64::from(a - b));
    let moved = moved.map(|step| step * step).sum::<f64>().sqrt();
    let norm = norms.lock().unwrap()[0];
    assert!(norm > 0.01, "{norm}");
    // 1e-4: the difference of weights in single precision.
    assert!(
        (moved / 0.5 / norm - 1.0).abs() < 1e-4,
        "{moved} / 0.5, {norm}"
    );
    // The teacher was equal to the encoder before, and followed it after the update.
    let followed = before.iter().zip(&encoder);
    let followed: Vec<f32> = followed.map(|(old, new)| 0.9 * old + 0.1 * new).collect();
    close(&weights(&after, "teacher."), &followed);
}

#[test]
fn the_queue_takes_the_keys_of_all_micro_batches_in_order() {
    let trained = |steps| {
        let mut trainer = trainer(descent(steps));
        trainer.run().unwrap();
        weights(&trainer.trained(), "queue.")
    };
    let before = weights(&moco(&device()), "queue.");
    let (one, two) = (trained(1), trained(2));
    // Two micro-batches of four keys of three numbers.
    assert_eq!(one[..3 * (QUEUE - 8)], before[3 * 8..]);
    assert_eq!(two[..3 * (QUEUE - 8)], one[3 * 8..]);
    assert_ne!(one[3 * (QUEUE - 8)..], before[3 * (QUEUE - 8)..]);
}

#[test]
fn the_average_takes_in_the_encoder_and_leaves_teacher_and_queue_as_they_stand() {
    let run = |steps, ema| {
        let config = TrainerConfig {
            ema,
            ..descent(steps)
        };
        let mut trainer = trainer(config);
        trainer.run().unwrap();
        trainer.trained()
    };
    let (plain, averaged) = (run(2, None), run(2, Some(0.9)));
    let start = weights(&moco(&device()), "encoder.");
    // The rate is constant, so the first of two steps is that of one.
    let first = weights(&run(1, None), "encoder.");
    let last = weights(&plain, "encoder.");
    // The decay is (1 + t) / (10 + t) at first: 1/10, then 2/11.
    let expected: Vec<f32> = (0..start.len())
        .map(|i| {
            let one = start[i] * 0.1 + first[i] * 0.9;
            one * (2.0 / 11.0) + last[i] * (9.0 / 11.0)
        })
        .collect();
    close(&weights(&averaged, "encoder."), &expected);
    for part in ["teacher.", "queue."] {
        assert_eq!(weights(&averaged, part), weights(&plain, part), "{part}");
    }
}

fn state(trainer: &Trainer<'_, Moco>) -> Vec<u8> {
    StateDict::of(&trainer.trained()).to_safetensors_bytes()
}

fn figures(run: &Path) -> Vec<Metric> {
    let mut metrics = read_metrics(&run.join(METRICS)).unwrap();
    metrics.iter_mut().for_each(|metric| metric.seconds = 0.0);
    metrics
}

/// All that the last checkpoint holds of the objective and of its average, by name.
fn saved(run: &Path) -> [Vec<u8>; 2] {
    let (checkpoint, _) = Checkpoints::of(run).latest().unwrap();
    [MODEL, EMA].map(|file| {
        let module = checkpoint.load_module(file, moco(&Device::flex())).unwrap();
        StateDict::of(&module).to_safetensors_bytes()
    })
}

#[test]
fn a_stopped_and_resumed_run_ends_with_the_same_bits() {
    let root = tempfile::tempdir().unwrap();
    let whole = RunDir::create(root.path().join("whole")).unwrap();
    let mut reference = trainer(config());
    reference.start_in(&whole).unwrap();
    assert_eq!(reference.run().unwrap(), Outcome::Finished);
    let expected = (
        state(&reference),
        figures(whole.path()),
        saved(whole.path()),
    );
    for stop_at in [1, 5, 8] {
        let path = root.path().join(format!("stopped-{stop_at}"));
        let run = RunDir::create(&path).unwrap();
        let flag = StopFlag::default();
        let mut first = trainer(config())
            .with_stop(flag.clone())
            .with_observer(StopAt(stop_at, flag));
        first.start_in(&run).unwrap();
        first.run().unwrap();
        drop(first);
        let mut second = trainer(config());
        assert_eq!(second.resume_in(&run).unwrap().step, stop_at);
        second.run().unwrap();
        let found = (state(&second), figures(&path), saved(&path));
        assert_eq!(found, expected, "stopped at {stop_at}");
    }
}

#[test]
fn a_step_that_is_not_finite_is_replayed_with_teacher_and_queue() {
    let root = tempfile::tempdir().unwrap();
    let run = RunDir::create(root.path().join("run")).unwrap();
    let device = device();
    let poisoned = Table {
        poisoned: Some(11),
        ..table(40)
    };
    let data = loader(poisoned, 4, 0);
    let mut trainer = Trainer::new(moco(&device), data, &device, config()).unwrap();
    trainer.start_in(&run).unwrap();
    let Err(TrainError::NotFinite { saved, step, .. }) = trainer.run() else {
        panic!("a poisoned row passed");
    };
    let found = replay(moco(&device), &saved.unwrap(), config().seed, &device).unwrap();
    assert_eq!(found.step, step);
    assert!(found.not_finite[0].starts_with("input clean of micro-batch"));
    let parameter = |name: &String| name.starts_with("parameter");
    assert!(
        !found.not_finite.iter().any(parameter),
        "{:?}",
        found.not_finite
    );
}

/// What a teacher is there to prevent: the encoder once more, with the same ids.
#[derive(Module, Debug)]
struct Cloned {
    encoder: Normed,
    copy: Normed,
}

impl Objective for Cloned {
    type Batch = RowBatch;
    type Encoder = Normed;

    fn step(&self, batch: RowBatch, _at: StepContext) -> StepOutput {
        let both = self.encoder.forward(batch.noisy) - self.copy.forward(batch.clean);
        StepOutput::new(both.square().mean())
    }

    fn encoder(&self) -> &Normed {
        &self.encoder
    }
}

#[test]
fn a_clone_beside_its_original_is_refused() {
    let device = device();
    let encoder = normed(&device);
    let objective = Cloned {
        copy: encoder.clone(),
        encoder,
    };
    let data = loader(table(8), 4, 0);
    let Err(error) = Trainer::new(objective, data, &device, descent(1)) else {
        panic!("a clone was taken");
    };
    let TrainConfigError::SharedParameter { first, second } = &error else {
        panic!("{error}");
    };
    assert_eq!(
        [first.as_str(), second.as_str()],
        ["encoder.linear.weight", "copy.linear.weight"]
    );
    assert!(error.to_string().contains("`Teacher`"), "{error}");
}
