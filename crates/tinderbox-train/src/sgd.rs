//! Stochastic gradient descent with momentum, through the kernel that updates a tensor in one pass.

use burn::optim::{LearningRate, Optimizer, RecordState, StateSink, StateSource};
use burn::tensor::{Device, Tensor};
use tinderbox_kernels::{self as kernels, MomentumStep};

/// The velocity's name in a checkpoint: that of Burn's SGD.
const VELOCITY: &str = "momentum.velocity";

/// SGD as PyTorch has it, without dampening: `v <- momentum v + g + decay w`, `w <- w - rate v`.
#[derive(Debug, Clone)]
pub(crate) struct Sgd {
    pub(crate) momentum: f64,
    /// Decay of tensors of rank 2 and more; biases and the parameters of normalisation have none.
    pub(crate) weight_decay: f64,
    pub(crate) gradient_scale: f64,
}

/// The velocity of one tensor; without momentum there is none.
#[derive(Debug, Clone)]
pub(crate) struct SgdState<const D: usize> {
    velocity: Option<Tensor<D>>,
}

// By hand: Burn's derive names paths that exist inside its own crate only.
impl<const D: usize> RecordState for SgdState<D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        if let Some(velocity) = &self.velocity {
            out.push_tensor(prefix, VELOCITY, velocity.to_data());
        }
    }

    fn state_unflatten(prefix: &str, src: &mut StateSource, device: &Device) -> Option<Self> {
        let velocity = src.take_tensor(prefix, VELOCITY);
        Some(Self {
            velocity: velocity.map(|data| Tensor::from_data(data, device)),
        })
    }
}

impl Optimizer for Sgd {
    type State<const D: usize> = SgdState<D>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let step = MomentumStep {
            rate,
            momentum: self.momentum,
            weight_decay: if D == 1 { 0.0 } else { self.weight_decay },
            gradient_scale: self.gradient_scale,
        };
        let velocity = state.and_then(|state| state.velocity);
        let (tensor, velocity) = kernels::momentum(tensor, grad, velocity, step);
        (tensor, Some(SgdState { velocity }))
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &Device) -> Self::State<D> {
        SgdState {
            velocity: state.velocity.map(|velocity| velocity.to_device(device)),
        }
    }
}
