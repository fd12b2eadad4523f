//! The engine of Tinderbox: runs any [`Objective`](tinderbox_objectives::Objective).
//!
//! A [`Trainer`] takes an objective, a [`Loader`](tinderbox_data::Loader) and a
//! [`TrainerConfig`]. It is step-addressed: everything random in a step derives from the seed and
//! the step's number, so a run that was killed and resumed from a [`Checkpoint`] ends with the
//! same weights, bit for bit, as one that was not (on the CPU device `flex`).
//!
//! Nothing in the loop knows images: [`FromPlain`] says how an objective's batch is made of the
//! named tensors that a loader yields. Beside the loop stand [`LabelledItems`], the evaluators, and
//! [`label_efficiency`](label_efficiency()), which measures whether pre-training paid.
//!
//! The cost: one synchronisation with the device at every step, since a loss that is not finite
//! must be seen before it reaches the weights.
#![forbid(unsafe_code)]

mod adamw;
mod batch;
mod checkpoint;
mod early_stopping;
mod ema;
mod error;
mod evaluator;
mod label_efficiency;
mod labelled;
mod labelled_training;
mod lars;
mod metrics;
mod observer;
mod optim;
mod replay;
mod run_dir;
mod schedule;
mod sgd;
mod step;
mod tensorboard;
mod trainer;
mod trainer_config;
mod update;
#[cfg(feature = "text")]
pub mod word_vectors;

pub use batch::{FromPlain, PlainInput, named, view_data};
pub use checkpoint::{
    Best, Checkpoint, CheckpointConfig, CheckpointState, Checkpoints, SetAside, Watched,
};
pub use early_stopping::EarlyStopping;
pub use error::{TrainConfigError, TrainError};
pub use evaluator::{
    Evaluation, Evaluator, HealthEvaluator, HeldOutEvaluator, KnnEvaluator, ProbeEvaluator,
};
pub use label_efficiency::{
    Arm, Arms, Draw, Hits, LabelEfficiency, LabelEfficiencyConfig, Lead, Part, Readout, Score,
    Task, Tuned, label_efficiency,
};
pub use labelled::{LabelledItems, encode};
pub use labelled_training::{
    HoldOut, LEAST_PER_CLASS, LabelledTraining, LabelledTrainingConfig, LoadClean, LoadViews,
    TrainedOnLabels, Tuning, validation_share,
};
pub use lars::{Lars, LarsConfig, LarsState};
pub use metrics::{LostFigures, METRICS, Metric, TIMING, read_metrics};
pub use observer::{Observer, Outcome, Resumed, Silent, StepReport, Timing};
pub use optim::OptimConfig;
pub use replay::{Replay, replay};
pub use run_dir::{RunDir, write_atomic};
pub use schedule::Schedule;
pub use step::initialise;
pub use trainer::{EMA, MODEL, StopFlag, Trainer};
pub use trainer_config::TrainerConfig;
pub use update::RateFactor;
