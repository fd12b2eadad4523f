//! LARS: layer-wise adaptive rate scaling (You, Gitman and Ginsburg 2017, Algorithm 1).

use burn::optim::{LearningRate, Optimizer, RecordState, StateSink, StateSource};
use burn::tensor::{Device, Tensor};
use tinderbox_kernels::{self as kernels, LarsStep, MomentumStep};

/// The name of the velocity in a checkpoint.
const VELOCITY: &str = "velocity";

/// Configuration of [`Lars`].
#[derive(Debug, Clone, PartialEq)]
pub struct LarsConfig {
    /// Momentum `m`; 0.9 in the paper.
    pub momentum: f64,
    /// Weight decay `beta`.
    pub weight_decay: f64,
    /// Trust coefficient `eta`; 0.001 in the paper.
    pub trust: f64,
}

impl LarsConfig {
    /// The optimiser.
    pub fn init(&self) -> Lars {
        Lars {
            config: self.clone(),
            gradient_scale: 1.0,
        }
    }
}

/// SGD with momentum whose rate is scaled for each tensor by `eta |w| / (|g| + beta |w|)`.
///
/// The velocity holds the scaled rate: `v <- m v + rate * local * (g + beta w)`, `w <- w - v`.
/// Tensors of rank 1, that is biases and the parameters of normalisation, take neither the
/// scaling nor the decay, as in SimCLR. Where a norm is zero the scaling is 1.
#[derive(Debug, Clone)]
pub struct Lars {
    config: LarsConfig,
    gradient_scale: f64,
}

impl Lars {
    /// The optimiser that multiplies gradients by this before all else.
    pub(crate) fn with_gradient_scale(self, gradient_scale: f64) -> Self {
        Self {
            gradient_scale,
            ..self
        }
    }
}

/// The velocity of one tensor.
#[derive(Debug, Clone)]
pub struct LarsState<const D: usize> {
    velocity: Tensor<D>,
}

// By hand: Burn's derive names paths that exist inside its own crate only.
impl<const D: usize> RecordState for LarsState<D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        out.push_tensor(prefix, VELOCITY, self.velocity.to_data());
    }

    fn state_unflatten(prefix: &str, src: &mut StateSource, device: &Device) -> Option<Self> {
        let data = src.take_tensor(prefix, VELOCITY)?;
        Some(Self {
            velocity: Tensor::from_data(data, device),
        })
    }
}

impl Optimizer for Lars {
    type State<const D: usize> = LarsState<D>;

    fn step<const D: usize>(
        &self,
        lr: LearningRate,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let LarsConfig {
            momentum,
            weight_decay,
            trust,
        } = self.config;
        let velocity = state.map(|state| state.velocity);
        if D > 1 {
            let step = LarsStep {
                rate: lr,
                momentum,
                weight_decay,
                trust,
                gradient_scale: self.gradient_scale,
            };
            let (tensor, velocity) = kernels::lars(tensor, grad, velocity, step);
            return (tensor, Some(LarsState { velocity }));
        }
        // `momentum` keeps a velocity without the rate, this method one with it.
        let step = MomentumStep {
            rate: 1.0,
            momentum,
            weight_decay: 0.0,
            gradient_scale: lr * self.gradient_scale,
        };
        let (tensor, velocity) = kernels::momentum(tensor, grad, velocity, step);
        (tensor, velocity.map(|velocity| LarsState { velocity }))
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &Device) -> Self::State<D> {
        LarsState {
            velocity: state.velocity.to_device(device),
        }
    }
}
