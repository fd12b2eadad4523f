//! Gradients to updated weights: averaging, global norm, clipping, rates by path, one pass.
//!
//! Burn's `ModuleOptimizer` keys its state by `ParamId`, which is random in each process, and
//! restores it through `Device::default()`, which may be a GPU that the run does not use. Here
//! the state is keyed by the parameter's path and restored onto the run's own device.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::{DynOptimizer, DynState, GradientsParams, StateSink, StateSource};
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use burn_pack::{Reader, Writer};
use tinderbox_kernels::sum_of_squares;

use crate::error::TrainConfigError;
use crate::optim::OptimConfig;

/// The rank of a parameter, kept beside its state.
const RANK: &str = "rank";

/// A factor on the learning rate for a parameter path; 0 freezes it.
pub type RateFactor = Arc<dyn Fn(&str) -> f64 + Send + Sync>;

/// Applies an optimiser to the parameters of a module.
pub(crate) struct Update {
    optim: OptimConfig,
    states: BTreeMap<String, DynState>,
    rate_factor: Option<RateFactor>,
}

impl Update {
    pub(crate) fn new(optim: OptimConfig, rate_factor: Option<RateFactor>) -> Self {
        Self {
            optim,
            states: BTreeMap::new(),
            rate_factor,
        }
    }

    /// One update with gradients multiplied by `scale`.
    pub(crate) fn step<M: Module>(
        &mut self,
        module: M,
        grads: GradientsParams,
        rate: f64,
        scale: f64,
    ) -> M {
        module.map(&mut UpdateMapper {
            optimizer: self.optim.init(scale),
            update: self,
            grads,
            rate,
            path: Path::default(),
        })
    }

    /// The state of all parameters, in the order of their paths.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, burn_pack::Error> {
        let optimizer = self.optim.init(1.0);
        let mut sink = StateSink::default();
        for (path, state) in &self.states {
            optimizer.state_flatten(path, state, &mut sink);
            sink.push_scalar(path, RANK, burn_pack::Scalar::from(state.rank()));
        }
        let tensors = sink
            .tensors
            .into_iter()
            .map(|(name, data)| {
                let (bytes, shape, dtype) = data.into_parts();
                burn_pack::Tensor::new(name, dtype, shape, None, bytes)
            })
            .collect();
        let mut writer = Writer::new(tensors);
        for (name, value) in &sink.scalars {
            writer = writer.with_scalar(name, *value);
        }
        Ok(writer.into_bytes()?.to_vec())
    }

    /// Restores what [`Update::to_bytes`] gave.
    pub(crate) fn load(&mut self, bytes: Vec<u8>, device: &Device) -> Result<(), String> {
        let reader = Reader::from_bytes(burn::tensor::Bytes::from_bytes_vec(bytes))
            .map_err(|error| error.to_string())?;
        let scalars = reader.scalars().clone();
        let mut source = StateSource::new(scalars.clone());
        for tensor in reader.into_tensors().map_err(|error| error.to_string())? {
            let (name, dtype, shape, _, bytes) =
                tensor.into_parts().map_err(|error| error.to_string())?;
            source.insert_tensor(name, TensorData::from_bytes(bytes, shape, dtype));
        }
        let suffix = format!(".{RANK}");
        let optimizer = self.optim.init(1.0);
        self.states.clear();
        for (name, value) in scalars {
            let Some(path) = name.strip_suffix(&suffix) else {
                continue;
            };
            let rank = usize::try_from(value).map_err(|_| format!("rank of `{path}`"))?;
            let state = optimizer
                .state_unflatten(rank, path, &mut source, device)
                .ok_or_else(|| format!("optimiser state of `{path}` is incomplete"))?;
            self.states.insert(path.to_string(), state);
        }
        Ok(())
    }
}

struct UpdateMapper<'a> {
    update: &'a mut Update,
    optimizer: Arc<dyn DynOptimizer>,
    grads: GradientsParams,
    rate: f64,
    path: Path,
}

impl ModuleMapper for UpdateMapper<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(grad) = self.grads.remove::<D>(param.id) else {
            return param;
        };
        let path = self.path.joined();
        let factor = match &self.update.rate_factor {
            Some(factor) => factor(&path),
            None => 1.0,
        };
        if factor == 0.0 {
            return param;
        }
        let (id, tensor, mapper) = param.consume();
        let strategy = tensor.gradient_checkpointing_strategy();
        let state = self.update.states.remove(&path);
        let (updated, state) = self.optimizer.step_dyn(
            D,
            self.rate * factor,
            tensor.inner().into_bridge(),
            grad.into_bridge(),
            state,
        );
        if let Some(state) = state {
            self.update.states.insert(path, state);
        }
        let mut updated = Tensor::<D>::from_inner(Tensor::<D>::from_bridge(updated));
        if let Some(strategy) = strategy {
            updated = updated.with_gradient_checkpointing_strategy(strategy);
        }
        Param::from_mapped_value(id, updated.require_grad(), mapper)
    }
}

/// Refuses a module with two parameters of one id, as a clone beside its original makes them.
pub(crate) fn check_ids<M: Module>(module: &M) -> Result<(), TrainConfigError> {
    #[derive(Default)]
    struct Ids {
        path: Path,
        seen: HashMap<ParamId, String>,
        shared: Option<(String, String)>,
    }
    impl Ids {
        fn see(&mut self, id: ParamId) {
            let path = self.path.joined();
            if let Some(first) = self.seen.insert(id, path.clone()) {
                self.shared.get_or_insert((first, path));
            }
        }
    }
    impl ModuleVisitor for Ids {
        fn enter_module(&mut self, name: &str, _container_type: &str) {
            self.path.enter(name);
        }
        fn exit_module(&mut self, _name: &str, _container_type: &str) {
            self.path.exit();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.see(param.id);
        }
        fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
            self.see(param.id);
        }
        fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<D, Bool>>) {
            self.see(param.id);
        }
    }
    let mut ids = Ids::default();
    module.visit(&mut ids);
    match ids.shared {
        Some((first, second)) => Err(TrainConfigError::SharedParameter { first, second }),
        None => Ok(()),
    }
}

/// The Euclidean norm over all gradients, summed in the order of `Module::visit`.
pub(crate) fn global_norm<M: Module>(module: &M, grads: &GradientsParams) -> f64 {
    struct Squares<'a> {
        grads: &'a GradientsParams,
        squares: Vec<Tensor<1>>,
    }
    impl ModuleVisitor for Squares<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(grad) = self.grads.get::<D>(param.id) {
                self.squares.push(sum_of_squares(grad));
            }
        }
    }
    let mut visitor = Squares {
        grads,
        squares: Vec::new(),
    };
    module.visit(&mut visitor);
    if visitor.squares.is_empty() {
        return 0.0;
    }
    scalar(Tensor::cat(visitor.squares, 0).sum()).sqrt()
}

/// The paths of parameters whose gradient holds a value that is not finite, in visit order.
pub(crate) fn non_finite_gradients<M: Module>(module: &M, grads: &GradientsParams) -> Vec<String> {
    struct Finite<'a> {
        grads: &'a GradientsParams,
        path: Path,
        found: Vec<String>,
    }
    impl ModuleVisitor for Finite<'_> {
        fn enter_module(&mut self, name: &str, _container_type: &str) {
            self.path.enter(name);
        }
        fn exit_module(&mut self, _name: &str, _container_type: &str) {
            self.path.exit();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(grad) = self.grads.get::<D>(param.id)
                && !is_finite(&grad.into_data())
            {
                self.found.push(self.path.joined());
            }
        }
    }
    let mut visitor = Finite {
        grads,
        path: Path::default(),
        found: Vec::new(),
    };
    module.visit(&mut visitor);
    visitor.found
}

/// The paths of parameters and buffers that hold a value that is not finite, in visit order.
pub(crate) fn non_finite_parameters<M: Module>(module: &M) -> Vec<String> {
    #[derive(Default)]
    struct Finite {
        path: Path,
        found: Vec<String>,
    }
    impl ModuleVisitor for Finite {
        fn enter_module(&mut self, name: &str, _container_type: &str) {
            self.path.enter(name);
        }
        fn exit_module(&mut self, _name: &str, _container_type: &str) {
            self.path.exit();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if !is_finite(&param.val().into_data()) {
                self.found.push(self.path.joined());
            }
        }
    }
    let mut visitor = Finite::default();
    module.visit(&mut visitor);
    visitor.found
}

/// Whether all values are finite.
pub(crate) fn is_finite(data: &TensorData) -> bool {
    data.iter::<f32>().all(f32::is_finite)
}

/// The one value of a tensor, read from its device.
pub(crate) fn scalar(tensor: Tensor<1>) -> f64 {
    tensor.into_data().iter::<f64>().next().unwrap_or(f64::NAN)
}

/// The path of the module that a visitor or mapper stands in.
#[derive(Default)]
pub(crate) struct Path(Vec<String>);

impl Path {
    pub(crate) fn enter(&mut self, name: &str) {
        self.0.push(name.to_string());
    }

    pub(crate) fn exit(&mut self) {
        self.0.pop();
    }

    pub(crate) fn joined(&self) -> String {
        self.0.join(".")
    }
}
