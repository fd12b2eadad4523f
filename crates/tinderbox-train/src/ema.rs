//! Exponential moving average of weights (Polyak averaging with decay).

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use tinderbox_nn::is_untracked;

/// `average <- d * average + (1 - d) * weights`, with `d = min(decay, (1 + t) / (10 + t))`, so
/// that the first steps do not weigh down the average. Running statistics are averaged like weights; teachers and
/// buffers are no weights, and are taken as they stand.
#[derive(Debug, Clone)]
pub(crate) struct Ema<M> {
    pub(crate) average: M,
    decay: f64,
}

impl<M: Module> Ema<M> {
    pub(crate) fn new(module: &M, decay: f64) -> Self {
        Self {
            average: module.valid(),
            decay,
        }
    }

    /// Takes in the weights after step `step` (from 0).
    pub(crate) fn update(self, module: &M, step: u64) -> Self {
        let decay = self.decay.min((1.0 + step as f64) / (10.0 + step as f64));
        let mut current = Values(GradientsParams::new());
        module.valid().visit(&mut current);
        let average = self.average.map(&mut Average {
            current: current.0,
            decay,
            untracked: 0,
        });
        Self { average, ..self }
    }
}

/// Float tensors of a module by parameter; the container of gradients serves as the map.
struct Values(GradientsParams);

impl ModuleVisitor for Values {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.register(param.id, param.val());
    }
}

struct Average {
    current: GradientsParams,
    decay: f64,
    /// How many containers without weights are around what is mapped.
    untracked: u32,
}

impl ModuleMapper for Average {
    fn enter_module(&mut self, _name: &str, container_type: &str) {
        self.untracked += u32::from(is_untracked(container_type));
    }

    fn exit_module(&mut self, _name: &str, container_type: &str) {
        self.untracked -= u32::from(is_untracked(container_type));
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(current) = self.current.remove::<D>(param.id) else {
            return param;
        };
        if self.untracked > 0 {
            return param.map(|_| current);
        }
        let decay = self.decay;
        param.map(|average| average.mul_scalar(decay) + current.mul_scalar(1.0 - decay))
    }
}
