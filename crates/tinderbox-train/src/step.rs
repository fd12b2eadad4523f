//! The arithmetic of one step: forward, backward, averaged over micro-batches.

use std::path::Path;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{Bool, DType, Device, Int, Tensor};
use safetensors::tensor::{Dtype, TensorView};
use tinderbox_data::PlainBatch;
use tinderbox_objectives::{Objective, StepContext};

use crate::batch::FromPlain;
use crate::error::TrainError;
use crate::run_dir::write_atomic;
use crate::update::{global_norm, scalar};

/// What a step computed before any weight moved.
pub(crate) struct Computed {
    /// Mean loss over the micro-batches.
    pub(crate) loss: f64,
    /// Mean of each further figure.
    pub(crate) metrics: Vec<(&'static str, f64)>,
    /// Summed gradients: multiply by one over the number of micro-batches.
    pub(crate) grads: GradientsParams,
    /// Euclidean norm of the averaged gradient.
    pub(crate) grad_norm: f64,
    /// What each micro-batch leaves for after the update.
    pub(crate) carried: Vec<Vec<Tensor<2>>>,
}

/// Runs every micro-batch of a step. The random generator is seeded for each, so that the
/// result depends on the seed and the step alone.
pub(crate) fn compute<O>(
    objective: &O,
    batches: &[PlainBatch],
    seed: u64,
    at: StepContext,
    device: &Device,
) -> Computed
where
    O: Objective,
    O::Batch: FromPlain,
{
    let count = batches.len() as f64;
    let mut accumulator = GradientsAccumulator::new();
    let mut loss = 0.0;
    let mut metrics: Vec<(&'static str, f64)> = Vec::new();
    let mut carried = Vec::with_capacity(batches.len());
    for (micro_batch, batch) in (0..).zip(batches) {
        let at = StepContext { micro_batch, ..at };
        device.seed(step_seed(seed, at));
        let output = objective.step(O::Batch::from_plain(batch, device), at);
        loss += scalar(output.loss.clone().inner()) / count;
        for (index, (name, value)) in output.metrics.into_iter().enumerate() {
            let value = scalar(value.inner()) / count;
            match metrics.get_mut(index) {
                Some((_, sum)) => *sum += value,
                None => metrics.push((name, value)),
            }
        }
        carried.push(output.carry);
        let grads = GradientsParams::from_grads(output.loss.backward(), objective);
        accumulator.accumulate(objective, grads);
    }
    let grads = accumulator.grads();
    let grad_norm = global_norm(objective, &grads) / count;
    Computed {
        loss,
        metrics,
        grads,
        grad_norm,
        carried,
    }
}

/// Seeds the device, builds a module and draws its parameters at once, in the order of their
/// definition. Burn draws a parameter at its first use, from whatever state the generator is in then.
pub fn initialise<M: Module>(device: &Device, seed: u64, build: impl FnOnce() -> M) -> M {
    struct Draw;
    impl ModuleVisitor for Draw {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            param.val();
        }
        fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
            param.val();
        }
        fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<D, Bool>>) {
            param.val();
        }
    }
    device.seed(seed);
    let module = build();
    module.visit(&mut Draw);
    module
}

/// The seed of a micro-batch: its address, mixed by the finaliser of SplitMix64.
fn step_seed(seed: u64, at: StepContext) -> u64 {
    [at.step, u64::from(at.micro_batch)]
        .into_iter()
        .fold(mix(seed), |state, part| mix(state ^ part))
}

fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// Writes the batches of a step as one safetensors file, names `micro/name`.
pub(crate) fn write_batches(path: &Path, batches: &[PlainBatch]) -> Result<(), TrainError> {
    let mut views = Vec::new();
    let indices: Vec<Vec<u8>> = batches
        .iter()
        .map(|batch| batch.indices.iter().flat_map(|i| i.to_le_bytes()).collect())
        .collect();
    for (micro, batch) in batches.iter().enumerate() {
        let shape = vec![batch.indices.len()];
        views.push((
            format!("{micro}/index"),
            Dtype::U64,
            shape,
            &indices[micro][..],
        ));
        for (name, data) in &batch.tensors {
            let dtype = match data.dtype() {
                DType::I64 => Dtype::I64,
                DType::I32 => Dtype::I32,
                _ => Dtype::F32,
            };
            let shape = data.shape().as_slice().to_vec();
            views.push((format!("{micro}/{name}"), dtype, shape, data.as_bytes()));
        }
    }
    let failed = |error: safetensors::SafeTensorError| {
        TrainError::io("writing", path)(std::io::Error::other(error))
    };
    let views = views
        .into_iter()
        .map(|(name, dtype, shape, bytes)| {
            TensorView::new(dtype, shape, bytes)
                .map(|view| (name, view))
                .map_err(failed)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let bytes = safetensors::serialize(views, None).map_err(failed)?;
    write_atomic(path, &bytes)
}

/// Reads what [`write_batches`] wrote.
pub(crate) fn read_batches(path: &Path) -> Result<Vec<PlainBatch>, TrainError> {
    let bytes = std::fs::read(path).map_err(TrainError::io("reading", path))?;
    let file = safetensors::SafeTensors::deserialize(&bytes)
        .map_err(|error| TrainError::incompatible(path, error))?;
    let mut tensors = file.tensors();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    let mut batches: std::collections::BTreeMap<u64, PlainBatch> = Default::default();
    for (full_name, view) in tensors {
        let Some((micro, name)) = full_name
            .split_once('/')
            .and_then(|(micro, name)| Some((micro.parse().ok()?, name)))
        else {
            let reason = format!("unexpected tensor `{full_name}`");
            return Err(TrainError::incompatible(path, reason));
        };
        let batch = batches.entry(micro).or_insert_with(|| PlainBatch {
            indices: Vec::new(),
            tensors: Vec::new(),
        });
        let words = view.data().chunks_exact(8);
        if name == "index" {
            batch.indices = words
                .map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes")))
                .collect();
            continue;
        }
        let dtype = match view.dtype() {
            Dtype::I64 => DType::I64,
            Dtype::I32 => DType::I32,
            _ => DType::F32,
        };
        let bytes = burn::tensor::Bytes::from_bytes_vec(view.data().to_vec());
        let data = burn::tensor::TensorData::from_bytes(bytes, view.shape().to_vec(), dtype);
        batch.tensors.push((name.to_string(), data));
    }
    Ok(batches.into_values().collect())
}
