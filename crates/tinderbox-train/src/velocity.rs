//! The velocity of a tensor, which LARS keeps.

use burn::optim::{RecordState, StateSink, StateSource};
use burn::tensor::{Device, Tensor};

/// Its name in a checkpoint.
const NAME: &str = "velocity";

/// The velocity of one tensor.
#[derive(Debug, Clone)]
pub struct Velocity<const D: usize>(pub(crate) Tensor<D>);

impl<const D: usize> Velocity<D> {
    pub(crate) fn to_device(&self, device: &Device) -> Self {
        Self(self.0.clone().to_device(device))
    }
}

// By hand: Burn's derive names paths that exist inside its own crate only.
impl<const D: usize> RecordState for Velocity<D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        out.push_tensor(prefix, NAME, self.0.to_data());
    }

    fn state_unflatten(prefix: &str, src: &mut StateSource, device: &Device) -> Option<Self> {
        let data = src.take_tensor(prefix, NAME)?;
        Some(Self(Tensor::from_data(data, device)))
    }
}
