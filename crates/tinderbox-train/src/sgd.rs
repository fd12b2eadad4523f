//! Stochastic gradient descent with momentum, through the kernel that updates a tensor in one pass.

use burn::optim::{LearningRate, Optimizer};
use burn::tensor::{Device, Tensor};
use tinderbox_kernels::{self as kernels, MomentumStep};

use crate::velocity::Velocity;

/// SGD as PyTorch has it, without dampening: `v <- momentum v + g + decay w`, `w <- w - rate v`.
#[derive(Debug, Clone)]
pub(crate) struct Sgd {
    pub(crate) momentum: f64,
    /// Decay of tensors of rank 2 and more; biases and the parameters of normalisation have none.
    pub(crate) weight_decay: f64,
    pub(crate) gradient_scale: f64,
}

impl Optimizer for Sgd {
    type State<const D: usize> = Velocity<D>;

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
        let velocity = state.map(|velocity| velocity.0);
        let (tensor, velocity) = kernels::momentum(tensor, grad, velocity, step);
        (tensor, velocity.map(Velocity))
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &Device) -> Self::State<D> {
        state.to_device(device)
    }
}
