//! A tensor that an objective keeps and does not learn.

use burn::module::{Module, Param, ParamId};
use burn::tensor::Tensor;

use crate::untracked::Untracked;

/// A tensor that is state and no weight, such as a queue of keys or a centre.
///
/// It is in the records of the module that holds it, and so in checkpoints; it has no gradient, and an average of weights takes it as
/// it is.
#[derive(Module, Debug)]
pub struct Buffer<const D: usize> {
    value: Untracked<Param<Tensor<D>>>,
}

impl<const D: usize> Buffer<D> {
    /// A buffer that holds `value`, without what led to it.
    pub fn new(value: Tensor<D>) -> Self {
        Self::with_id(ParamId::new(), value)
    }

    fn with_id(id: ParamId, value: Tensor<D>) -> Self {
        Self {
            value: Untracked::new(Param::initialized(id, value.detach())),
        }
    }

    /// What it holds.
    pub fn value(&self) -> Tensor<D> {
        self.value.get().val()
    }

    /// The same buffer with another value.
    pub fn set(self, value: Tensor<D>) -> Self {
        Self::with_id(self.value.get().id, value)
    }
}
