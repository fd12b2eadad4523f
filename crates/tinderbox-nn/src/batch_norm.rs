//! Batch normalisation with PyTorch's running statistics.

use std::fmt::{self, Display, Formatter};
use std::sync::{Mutex, PoisonError};

use burn::module::{
    Content, Devices, Flag, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper,
    ModuleVisitor, Param, ParamId,
};
use burn::tensor::{Device, Tensor};
use tinderbox_kernels::{Epilogue, batch_norm, batch_norm_train};

/// Configuration of [`BatchNorm`]; the defaults are PyTorch's.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchNormConfig {
    /// Number of channels or features.
    pub features: usize,
    /// Added to the variance before its root.
    pub epsilon: f64,
    /// Share of a batch in the running statistics, in `0..=1`.
    pub momentum: f64,
}

impl BatchNormConfig {
    /// PyTorch's defaults for this many features: epsilon 1e-5, momentum 0.1.
    pub fn new(features: usize) -> Self {
        Self {
            features,
            epsilon: 1e-5,
            momentum: 0.1,
        }
    }

    /// A layer with weight 1, bias 0, running mean 0 and running variance 1.
    pub fn init(&self, device: &Device) -> BatchNorm {
        let shape = [self.features];
        BatchNorm {
            weight: burn::nn::Initializer::Ones.init(shape, device),
            bias: burn::nn::Initializer::Zeros.init(shape, device),
            running_mean: RunningStatistic::new(Tensor::zeros(shape, device)),
            running_var: RunningStatistic::new(Tensor::ones(shape, device)),
            training: Param::from_bool(true),
            momentum: self.momentum,
            epsilon: self.epsilon,
        }
    }
}

/// Batch normalisation over every axis but the second (Ioffe and Szegedy 2015, algorithm 1).
///
/// `y = (x - mean) / sqrt(var + epsilon) * weight + bias`. It serves as PyTorch's `BatchNorm1d` and
/// `BatchNorm2d`, whose names its fields have.
///
/// **Training**, when the input's device is an autodiff device and the layer is not frozen: mean and
/// biased variance (divided by `n`) of the batch normalise, and
/// `running = (1 - momentum) * running + momentum * batch`, with the unbiased variance (divided by
/// `n - 1`) as PyTorch has it; Burn's own layer takes the biased one here.
/// **Evaluation**, otherwise: the running statistics normalise and stay.
///
/// The running statistics are up to date as soon as `forward` returns.
///
/// ```
/// use burn::module::Module;
/// use burn::tensor::{Device, Tensor};
/// use tinderbox_nn::BatchNormConfig;
///
/// let device = Device::flex().autodiff();
/// let norm = BatchNormConfig::new(1).init(&device);
/// let y = norm.forward(Tensor::<2>::from_data([[1.0], [3.0]], &device));
/// y.into_data().assert_approx_eq::<f32>(&[[-1.0], [1.0]].into(), Default::default());
/// // 0.9 * 1 + 0.1 * 2: the unbiased variance of 1 and 3 is 2.
/// let variance = norm.running_var.value().into_data();
/// variance.assert_approx_eq::<f32>(&[1.1].into(), Default::default());
/// ```
#[derive(Module, Debug)]
pub struct BatchNorm {
    /// Scale (gamma in the paper), `[features]`.
    pub weight: Param<Tensor<1>>,
    /// Shift (beta in the paper), `[features]`.
    pub bias: Param<Tensor<1>>,
    /// Running mean, `[features]`.
    pub running_mean: RunningStatistic,
    /// Running unbiased variance, `[features]`.
    pub running_var: RunningStatistic,
    /// Cleared by [`Module::freeze`] and [`Module::valid`]; the layer then evaluates.
    pub training: Param<Flag>,
    momentum: f64,
    epsilon: f64,
}

impl BatchNorm {
    /// Normalises `input`.
    ///
    /// # Shapes
    /// - `input`: `[batch, features, ...]`
    /// - output: the same
    ///
    /// # Panics
    /// If axis 1 is not `features`; in training, if there is one value a channel, of which there is no
    /// unbiased variance (PyTorch refuses it as well).
    pub fn forward<const D: usize>(&self, input: Tensor<D>) -> Tensor<D> {
        self.forward_with(input, Epilogue::default())
    }

    /// [`BatchNorm::forward`] and what follows it, in one pass: the sum with a residual, and a ReLU.
    pub fn forward_with<const D: usize>(
        &self,
        input: Tensor<D>,
        epilogue: Epilogue<D>,
    ) -> Tensor<D> {
        let (dims, [features]) = (input.dims(), self.weight.dims());
        assert!(
            D >= 2 && dims[1] == features,
            "batch norm over {features} features got an input of shape {dims:?}"
        );
        let device = input.device();
        if !(device.is_autodiff() && self.training.is_enabled()) {
            let statistics =
                [&self.running_mean, &self.running_var].map(|s| s.value().to_device(&device));
            let parameters = [self.weight.val(), self.bias.val()];
            return batch_norm(input, parameters, statistics, self.epsilon, epilogue);
        }
        let n = dims.iter().product::<usize>() / features;
        assert!(
            n > 1,
            "batch norm in training needs at least 2 values a channel, got shape {dims:?}"
        );
        let (weight, bias) = (self.weight.val(), self.bias.val());
        let batch = batch_norm_train(input, weight, bias, self.epsilon, epilogue);
        let unbiased = batch.variance * (n as f64 / (n - 1) as f64);
        self.running_mean.blend(batch.mean, self.momentum);
        self.running_var.blend(unbiased, self.momentum);
        batch.output
    }
}

/// A statistic of batches that `forward` updates through `&self`: part of the state, no parameter.
///
/// A clone, like any clone of a module, is independent: it starts from the present value and the two
/// go their own ways. Burn's `RunningState` shares its value between clones instead, so that training a
/// clone, loading weights into it or moving it to a device changes the original too.
#[derive(Debug)]
pub struct RunningStatistic {
    id: ParamId,
    value: Mutex<Tensor<1>>,
}

impl RunningStatistic {
    /// A statistic that starts from `value`.
    pub fn new(value: Tensor<1>) -> Self {
        Self::with_id(ParamId::new(), value)
    }

    fn with_id(id: ParamId, value: Tensor<1>) -> Self {
        let value = Mutex::new(value);
        Self { id, value }
    }

    /// The present value.
    pub fn value(&self) -> Tensor<1> {
        // A poisoned lock still holds a whole tensor: assignments below are the last thing done.
        self.value
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// `value = (1 - momentum) * value + momentum * batch`.
    fn blend(&self, batch: Tensor<1>, momentum: f64) {
        let mut value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        let old = value.clone().to_device(&batch.device());
        *value = (old * (1.0 - momentum) + batch * momentum).detach();
    }
}

impl Clone for RunningStatistic {
    fn clone(&self) -> Self {
        Self::with_id(self.id, self.value())
    }
}

impl Module for RunningStatistic {
    fn collect_devices(&self, mut devices: Devices) -> Devices {
        let device = self.value().device();
        if !devices.contains(&device) {
            devices.push(device);
        }
        devices
    }

    fn fork(self, device: &Device) -> Self {
        self.to_device(device)
    }

    fn to_device(self, device: &Device) -> Self {
        Self::with_id(self.id, self.value().to_device(device).detach())
    }

    fn train(self) -> Self {
        Self::with_id(self.id, self.value().autodiff())
    }

    fn valid(&self) -> Self {
        Self::with_id(self.id, self.value().without_autodiff())
    }

    fn materialize(self) -> Self {
        self
    }

    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        visitor.visit_float(&Param::initialized(self.id, self.value()));
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        let mapped = mapper.map_float(Param::initialized(self.id, self.value()));
        let (id, value, _) = mapped.consume();
        // `unfreeze` asks every float for its gradient; a statistic has none.
        Self::with_id(id, value.set_require_grad(false))
    }
}

impl Display for RunningStatistic {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "RunningStatistic(id={})", self.id)
    }
}

impl ModuleDisplayDefault for RunningStatistic {
    fn content(&self, content: Content) -> Option<Content> {
        content.add_formatted(&self.to_string()).optional()
    }
}

impl ModuleDisplay for RunningStatistic {}
