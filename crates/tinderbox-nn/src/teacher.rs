//! A copy of a network that follows it: the teacher of distillation, the key encoder of MoCo, the target of BYOL.

use std::any::Any;

use burn::module::{
    Flag, Module, ModuleDisplay, ModuleMapper, ModuleVisitor, Param, ParamId, ParameterValue,
};
use burn::tensor::{Bool, Device, Int, Tensor};

use crate::encoder::{Encoder, Input};
use crate::untracked::Untracked;

/// In which mode a teacher runs, and so what becomes of its buffers, such as running means: the floats that the online network has
/// without a gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TeacherMode {
    /// As in training: a batch normalises itself, and dropout is active. The running statistics are those of the teacher's own
    /// batches. So MoCo (He et al. 2020), BYOL (Grill et al. 2020) and DINO (Caron et al. 2021) run theirs.
    #[default]
    Training,
    /// As in inference: running statistics normalise, and nothing is dropped. They follow the online network's.
    Evaluation(FollowBuffers),
}

/// How buffers follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowBuffers {
    /// They are the online network's.
    Copied,
    /// They are averaged like weights.
    Averaged,
}

/// A copy of a network, the only way for an objective to hold one.
///
/// Its parameters have ids of their own: a `clone()` shares them, so that the gradient's norm counts a parameter twice, an update goes to
/// whichever comes first, and averages by id mix the two. No gradient reaches a teacher, and `train.ema` takes it as it is. Its tensors
/// are in the records of the module that holds it, and so in checkpoints.
///
/// ```
/// use burn::nn::LinearConfig;
/// use burn::tensor::Device;
/// use tinderbox_nn::Teacher;
///
/// let device = Device::flex().autodiff();
/// let online = LinearConfig::new(4, 2).init(&device);
/// let teacher = Teacher::of(&online);
/// assert_ne!(teacher.network().weight.id, online.weight.id);
/// // After each update of `online`: teacher <- 0.99 teacher + 0.01 online.
/// let teacher = teacher.follow(&online, 0.99);
/// assert!(!teacher.network().weight.is_require_grad());
/// ```
#[derive(Module, Debug)]
pub struct Teacher<M: Module + ModuleDisplay> {
    network: Untracked<M>,
    #[module(skip)]
    mode: TeacherMode,
}

impl<M: Module + ModuleDisplay> Teacher<M> {
    /// A copy of `online` as it stands, which runs as in training. Weights that are not drawn yet are drawn.
    pub fn of(online: &M) -> Self {
        Self {
            network: Untracked::new(online.clone().map(&mut NewIds)),
            mode: TeacherMode::default(),
        }
    }

    /// Sets the mode.
    pub fn with_mode(self, mode: TeacherMode) -> Self {
        Self { mode, ..self }
    }

    /// The network, without gradients.
    pub fn network(&self) -> &M {
        self.network.get()
    }

    /// What `forward` makes of an input with the network, in the teacher's mode and without a gradient.
    pub fn apply<I: Input, const D: usize>(
        &self,
        input: I,
        forward: impl FnOnce(&M, I) -> Tensor<D>,
    ) -> Tensor<D> {
        let network = self.network();
        let training = network.devices().iter().any(Device::is_autodiff);
        match self.mode {
            TeacherMode::Evaluation(_) if training => {
                Tensor::from_inner(forward(&network.valid(), input.inner()))
            }
            _ => forward(network, input).detach(),
        }
    }

    /// `teacher <- momentum * teacher + (1 - momentum) * online`, weight by weight (He et al. 2020, equation 2). Buffers follow as the
    /// [mode](TeacherMode) says.
    ///
    /// # Panics
    /// If `momentum` is outside `0..=1`, or `online` has other tensors than the network it was made of or is without autodiff, where weights and
    /// buffers cannot be told apart.
    pub fn follow(self, online: &M, momentum: f64) -> Self {
        assert!(
            (0.0..=1.0).contains(&momentum),
            "a teacher's momentum is {momentum}, expected 0 to 1"
        );
        assert!(
            online.devices().iter().all(Device::is_autodiff),
            "a teacher follows a network in training"
        );
        let mut values = Values::default();
        online.visit(&mut values);
        let mut follow = Follow {
            online: values.0.into_iter(),
            momentum,
            mode: self.mode,
        };
        let network = Untracked::new(self.network.into_inner().map(&mut follow));
        assert!(follow.online.next().is_none(), "{DIFFERS}");
        Self { network, ..self }
    }
}

impl<E: Encoder> Teacher<E> {
    /// Features of a batch, without a gradient.
    ///
    /// # Shapes
    /// - output: `[batch, feature_dim]`
    pub fn forward(&self, input: E::Input) -> Tensor<2> {
        self.apply(input, E::forward)
    }
}

const DIFFERS: &str = "a teacher follows a network with other tensors than its own";

/// Gives every tensor and flag an id of its own.
struct NewIds;

fn renewed<T: ParameterValue>(param: Param<T>) -> Param<T> {
    let (_, value, mapper) = param.consume();
    Param::from_mapped_value(ParamId::new(), value, mapper)
}

impl ModuleMapper for NewIds {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        renewed(param)
    }

    fn map_int<const D: usize>(&mut self, param: Param<Tensor<D, Int>>) -> Param<Tensor<D, Int>> {
        renewed(param)
    }

    fn map_bool<const D: usize>(
        &mut self,
        param: Param<Tensor<D, Bool>>,
    ) -> Param<Tensor<D, Bool>> {
        renewed(param)
    }

    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        renewed(flag)
    }
}

/// A tensor of any kind and rank, and whether it is a weight.
type Value = (Box<dyn Any>, bool);

/// The tensors of a network, in the order of its fields.
#[derive(Default)]
struct Values(Vec<Value>);

impl ModuleVisitor for Values {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let weight = param.is_require_grad();
        self.0
            .push((Box::new(param.val().without_autodiff()), weight));
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        self.0
            .push((Box::new(param.val().without_autodiff()), false));
    }

    fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<D, Bool>>) {
        self.0
            .push((Box::new(param.val().without_autodiff()), false));
    }
}

struct Follow {
    online: std::vec::IntoIter<Value>,
    momentum: f64,
    mode: TeacherMode,
}

impl Follow {
    /// The next tensor of the online network, and how much of the teacher's own stays; none if it stays as it is.
    fn next<T: 'static>(&mut self) -> Option<(T, f64)> {
        let (value, weight) = self.online.next().expect(DIFFERS);
        let value = value.downcast::<T>().expect(DIFFERS);
        let momentum = match self.mode {
            _ if weight => self.momentum,
            TeacherMode::Training => return None,
            TeacherMode::Evaluation(FollowBuffers::Averaged) => self.momentum,
            TeacherMode::Evaluation(FollowBuffers::Copied) => 0.0,
        };
        Some((*value, momentum))
    }
}

impl ModuleMapper for Follow {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some((online, momentum)) = self.next::<Tensor<D>>() else {
            return param;
        };
        param.map(|own| {
            assert_eq!(own.dims(), online.dims(), "{DIFFERS}");
            let training = own.is_autodiff();
            let followed = match momentum {
                0.0 => online,
                momentum => own.inner() * momentum + online * (1.0 - momentum),
            };
            match training {
                true => followed.autodiff(),
                false => followed,
            }
        })
    }

    fn map_int<const D: usize>(&mut self, param: Param<Tensor<D, Int>>) -> Param<Tensor<D, Int>> {
        match self.next::<Tensor<D, Int>>() {
            Some((online, _)) => param.map(|own| match own.is_autodiff() {
                true => online.autodiff(),
                false => online,
            }),
            None => param,
        }
    }

    fn map_bool<const D: usize>(
        &mut self,
        param: Param<Tensor<D, Bool>>,
    ) -> Param<Tensor<D, Bool>> {
        match self.next::<Tensor<D, Bool>>() {
            Some((online, _)) => param.map(|own| match own.is_autodiff() {
                true => online.autodiff(),
                false => online,
            }),
            None => param,
        }
    }
}
