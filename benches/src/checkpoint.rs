//! Seconds in which a run stands still to save a checkpoint, and its bytes.

use std::cell::RefCell;
use std::error::Error;
use std::path::Path;
use std::time::Instant;

use tinderbox::burn::tensor::Device;
use tinderbox::train::{
    CheckpointConfig, Observer, OptimConfig, RunDir, StepReport, Trainer, TrainerConfig,
};

use crate::measurement::Measurement;
use crate::{step, synthetic};

/// The first save is not measured: it makes the folder, and there is none before it to remove.
const WARM_UP: usize = 1;
const RUNS: usize = 7;

/// ResNet-18 with a projection head and AdamW's two moments, saved after each step of a run in a run directory.
pub(crate) fn bench() -> Result<Vec<Measurement>, Box<dyn Error>> {
    let device = Device::flex().autodiff();
    // The steps are not measured; the smallest batches that the normalisation allows keep them short.
    let loader = synthetic::ready(synthetic::batch(2, 2, [3, 8, 8]))?;
    let config = TrainerConfig {
        checkpoint: CheckpointConfig {
            every: 1,
            keep: 1,
            best: None,
        },
        ..TrainerConfig::new((WARM_UP + RUNS) as u64, OptimConfig::adamw(1e-4, 1e-4))
    };
    // Beside the program, so that the files land on a disk and not in memory.
    let program = std::env::current_exe()?;
    let folder = tempfile::tempdir_in(program.parent().unwrap_or(Path::new(".")))?;
    let run = RunDir::create(folder.path().join("run"))?;
    let saves = RefCell::new(Vec::new());
    let mut trainer = Trainer::new(step::resnet18(&device), loader, &device, config)?
        .with_observer(Saves {
            stepped: Instant::now(),
            saves: &saves,
        });
    trainer.start_in(&run)?;
    trainer.run()?;
    drop(trainer);

    let saves = saves.into_inner();
    let bytes = saves.last().map_or(0, |save| save.bytes);
    let seconds: Vec<f64> = saves
        .iter()
        .skip(WARM_UP)
        .map(|save| save.seconds)
        .collect();
    let saved = Measurement::new("checkpoint", "s", seconds);
    let rate = bytes as f64 / saved.median() / 1e6;
    let note = format!(
        "ResNet-18, AdamW: serialise, hash, write, sync, remove the one before; {rate:.0} MB/s"
    );
    let size = Measurement::single("checkpoint/size", "bytes", bytes as f64)
        .with_note("weights, buffers, two moments");
    Ok(vec![saved.with_note(note), size])
}

struct Save {
    seconds: f64,
    bytes: u64,
}

/// The trainer saves right after it has told of a step, and tells of the checkpoint when it is whole.
struct Saves<'a> {
    stepped: Instant,
    saves: &'a RefCell<Vec<Save>>,
}

impl Observer for Saves<'_> {
    fn step(&mut self, _report: &StepReport) {
        self.stepped = Instant::now();
    }

    fn checkpoint(&mut self, _step: u64, path: &Path) {
        let seconds = self.stepped.elapsed().as_secs_f64();
        let files = std::fs::read_dir(path).into_iter().flatten().flatten();
        let bytes = files
            .filter_map(|file| file.metadata().ok())
            .map(|facts| facts.len())
            .sum();
        self.saves.borrow_mut().push(Save { seconds, bytes });
    }
}
