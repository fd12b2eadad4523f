//! Weights that a network starts from, in place there before anything is built on it.

use std::any::Any;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Int, Tensor};

/// A new network with the weights of another of the same shape, before its own are drawn: an objective that is built on it and
/// takes copies takes copies of these.
///
/// Its own are drawn all the same, when they would have been, so that what is drawn after them, such as a head, does not
/// depend on where the network starts. A weight that the other has not drawn stays as drawn here.
pub fn starting_from<M: Module>(fresh: M, weights: &M) -> M {
    let mut values = Values(Vec::new());
    weights.visit(&mut values);
    fresh.map(&mut Start(values.0.into_iter()))
}

/// The tensors of a network in the order of its fields; none for those that are not drawn.
struct Values(Vec<Option<Box<dyn Any>>>);

impl ModuleVisitor for Values {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = || Box::new(param.val().without_autodiff()) as Box<dyn Any>;
        self.0.push(param.is_initialized().then(value));
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        let value = || Box::new(param.val().without_autodiff()) as Box<dyn Any>;
        self.0.push(param.is_initialized().then(value));
    }
}

struct Start(std::vec::IntoIter<Option<Box<dyn Any>>>);

impl Start {
    fn next<T: 'static>(&mut self) -> Option<T> {
        const SAME: &str = "the networks are of the same shape";
        let value = self.0.next().expect(SAME)?;
        Some(*value.downcast::<T>().expect(SAME))
    }
}

impl ModuleMapper for Start {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(value) = self.next::<Tensor<D>>() else {
            return param;
        };
        param.init_mapper(move |drawn| {
            let value = value.clone().to_device(&drawn.device().inner());
            match drawn.is_autodiff() {
                true => value.autodiff().set_require_grad(drawn.is_require_grad()),
                false => value,
            }
        })
    }

    fn map_int<const D: usize>(&mut self, param: Param<Tensor<D, Int>>) -> Param<Tensor<D, Int>> {
        let Some(value) = self.next::<Tensor<D, Int>>() else {
            return param;
        };
        param.init_mapper(move |drawn| {
            let value = value.clone().to_device(&drawn.device().inner());
            match drawn.is_autodiff() {
                true => value.autodiff(),
                false => value,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use burn::nn::{Linear, LinearConfig};
    use burn::tensor::Device;
    use tinderbox::nn::{BatchNorm, BatchNormConfig, StateDict, Teacher, load_state_dict};
    use tinderbox::train::initialise;

    use super::*;

    #[derive(Module, Debug)]
    struct Net {
        linear: Linear,
        norm: BatchNorm,
    }

    /// An objective that copies its encoder when it is built.
    #[derive(Module, Debug)]
    struct Copies {
        encoder: Net,
        teacher: Teacher<Net>,
        head: Linear,
    }

    fn device() -> Device {
        Device::flex().autodiff()
    }

    fn net() -> Net {
        Net {
            linear: LinearConfig::new(3, 2).init(&device()),
            norm: BatchNormConfig::new(2).init(&device()),
        }
    }

    fn built(weights: Option<&Net>) -> Copies {
        initialise(&device(), 5, || {
            let encoder = match weights {
                Some(weights) => starting_from(net(), weights),
                None => net(),
            };
            Copies {
                teacher: Teacher::of(&encoder),
                encoder,
                head: LinearConfig::new(2, 2).init(&device()),
            }
        })
    }

    fn bytes<M: Module>(module: &M) -> Vec<u8> {
        StateDict::of(module).to_safetensors_bytes()
    }

    #[test]
    fn copies_are_of_the_weights_it_starts_from_and_heads_are_drawn_as_ever() {
        let weights = initialise(&device(), 77, net);
        weights
            .norm
            .forward(Tensor::<2>::from_data([[1.0, 5.0], [3.0, -2.0]], &device()));
        let (drawn, started) = (built(None), built(Some(&weights)));
        assert_eq!(bytes(&started.encoder), bytes(&weights));
        assert_eq!(bytes(started.teacher.network()), bytes(&weights));
        assert_ne!(bytes(&drawn.encoder), bytes(&weights));
        assert_eq!(bytes(&started.head), bytes(&drawn.head));
        assert!(started.encoder.linear.weight.is_require_grad());
        assert_ne!(started.encoder.linear.weight.id, weights.linear.weight.id);
    }

    #[test]
    fn what_is_not_loaded_is_as_drawn() {
        let mut dict = StateDict::default();
        let weight = Tensor::<2>::ones([2, 3], &device()) * 4.0;
        dict.insert("linear.weight", weight.into_data());
        let (weights, report) = load_state_dict(net(), &dict, true).unwrap();
        assert_eq!(report.missing.len(), 5);
        let (drawn, started) = (built(None), built(Some(&weights)));
        let values = |copies: &Copies, name: &str| {
            let dict = StateDict::of(copies);
            dict.get(name).unwrap().iter::<f32>().collect::<Vec<_>>()
        };
        for part in ["encoder", "teacher.network"] {
            let weight = format!("{part}.linear.weight");
            assert_eq!(values(&started, &weight), [4.0; 6]);
            let bias = format!("{part}.linear.bias");
            assert_eq!(values(&started, &bias), values(&drawn, &bias));
        }
        assert_eq!(bytes(&started.head), bytes(&drawn.head));
    }
}
