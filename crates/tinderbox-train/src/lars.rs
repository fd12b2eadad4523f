//! LARS: layer-wise adaptive rate scaling (You, Gitman and Ginsburg 2017, Algorithm 1).

use burn::optim::{LearningRate, Optimizer, RecordState, StateSink, StateSource};
use burn::tensor::{Device, Tensor};

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

/// Euclidean norm of all entries, with every dimension kept at length 1.
fn norm<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    tensor.square().sum().sqrt().reshape([1; D])
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
        let update = if D == 1 {
            grad
        } else {
            let weight_norm = norm(tensor.clone());
            let denominator = norm(grad.clone()) + weight_norm.clone().mul_scalar(weight_decay);
            let undefined = weight_norm
                .clone()
                .mul(denominator.clone())
                .lower_equal_scalar(0.0);
            let local = weight_norm
                .mul_scalar(trust)
                .div(denominator)
                .mask_fill(undefined, 1.0);
            (grad + tensor.clone().mul_scalar(weight_decay)).mul(local)
        };
        let step = update.mul_scalar(lr);
        let velocity = match state {
            Some(state) => state.velocity.mul_scalar(momentum) + step,
            None => step,
        };
        (tensor - velocity.clone(), Some(LarsState { velocity }))
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &Device) -> Self::State<D> {
        LarsState {
            velocity: state.velocity.to_device(device),
        }
    }
}
