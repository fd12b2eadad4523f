//! AdamW, through the kernel that updates a tensor in one pass.

use burn::optim::{LearningRate, Optimizer, RecordState, StateSink, StateSource};
use burn::tensor::{Device, Tensor};
use tinderbox_kernels::{self as kernels, AdamwStep};

/// The names of a state's entries in a checkpoint: those of Burn's AdamW.
const MOMENTS: [&str; 2] = ["momentum.moment_1", "momentum.moment_2"];
const TIME: &str = "momentum.time";

/// AdamW (Loshchilov and Hutter 2019, algorithm 2), as PyTorch has it.
#[derive(Debug, Clone)]
pub(crate) struct Adamw {
    pub(crate) betas: [f64; 2],
    pub(crate) epsilon: f64,
    /// Decoupled decay of tensors of rank 2 and more; biases and the parameters of normalisation have none.
    pub(crate) weight_decay: f64,
    pub(crate) gradient_scale: f64,
}

/// The moments of one tensor, and the updates it has had.
#[derive(Debug, Clone)]
pub(crate) struct AdamwState<const D: usize> {
    moments: [Tensor<D>; 2],
    time: u32,
}

// By hand: Burn's derive names paths that exist inside its own crate only.
impl<const D: usize> RecordState for AdamwState<D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        for (name, moment) in MOMENTS.into_iter().zip(&self.moments) {
            out.push_tensor(prefix, name, moment.to_data());
        }
        out.push_scalar(prefix, TIME, burn_pack::Scalar::from(self.time as usize));
    }

    fn state_unflatten(prefix: &str, src: &mut StateSource, device: &Device) -> Option<Self> {
        let [first, second] = MOMENTS.map(|name| src.take_tensor(prefix, name));
        let moment = |data| Tensor::from_data(data, device);
        Some(Self {
            moments: [moment(first?), moment(second?)],
            time: usize::try_from(src.take_scalar(prefix, TIME)?)
                .ok()?
                .try_into()
                .ok()?,
        })
    }
}

impl Optimizer for Adamw {
    type State<const D: usize> = AdamwState<D>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let (moments, before) = state.map_or((None, 0), |state| (Some(state.moments), state.time));
        let step = AdamwStep {
            rate,
            betas: self.betas,
            epsilon: self.epsilon,
            weight_decay: if D == 1 { 0.0 } else { self.weight_decay },
            gradient_scale: self.gradient_scale,
            time: before + 1,
        };
        let (tensor, moments) = kernels::adamw(tensor, grad, moments, step);
        let time = step.time;
        (tensor, Some(AdamwState { moments, time }))
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &Device) -> Self::State<D> {
        AdamwState {
            moments: state.moments.map(|moment| moment.to_device(device)),
            ..state
        }
    }
}
