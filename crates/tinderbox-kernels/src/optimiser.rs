//! Updates of parameters, in one pass over each tensor and in place.
//!
//! They work on tensors without gradients. Each is a plain composition on devices other than Burn's CPU backend.

use burn::tensor::Tensor;

/// Hyper-parameters of an AdamW update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamwStep {
    /// Learning rate.
    pub rate: f64,
    /// Decay of the first and of the second moment.
    pub betas: [f64; 2],
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// The gradient is multiplied by it before all else: averaging, clipping.
    pub gradient_scale: f64,
    /// The number of the update, from 1.
    pub time: u32,
}

/// One update by AdamW (Loshchilov and Hutter 2019, algorithm 2, with the decay times the rate as PyTorch has it):
///
/// ```text
/// m <- b1 m + (1 - b1) g        v <- b2 v + (1 - b2) g g
/// w <- (1 - rate decay) w - rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon)
/// ```
///
/// Gives the parameter and its moments; at first they are `None`, which stands for zeros.
///
/// # Panics
/// If the shapes differ.
pub fn adamw<const D: usize>(
    parameter: Tensor<D>,
    gradient: Tensor<D>,
    moments: Option<[Tensor<D>; 2]>,
    step: AdamwStep,
) -> (Tensor<D>, [Tensor<D>; 2]) {
    let moments = moments.unwrap_or_else(|| {
        let zeros = || Tensor::zeros(parameter.shape(), &parameter.device());
        [zeros(), zeros()]
    });
    #[cfg(feature = "flex")]
    if crate::flex::fused::takes(&parameter) {
        return fast::adamw(parameter, gradient, moments, step);
    }
    plain_adamw(parameter, gradient, moments, step)
}

/// [`adamw`] by Burn's own operations.
pub(crate) fn plain_adamw<const D: usize>(
    parameter: Tensor<D>,
    gradient: Tensor<D>,
    [first, second]: [Tensor<D>; 2],
    step: AdamwStep,
) -> (Tensor<D>, [Tensor<D>; 2]) {
    let [b1, b2] = step.betas;
    let gradient = scaled(gradient, step.gradient_scale);
    let first = first * b1 + gradient.clone() * (1.0 - b1);
    let second = second * b2 + gradient.square() * (1.0 - b2);
    let [unbiased_1, unbiased_2] = step.unbiased();
    let root = (second.clone() * unbiased_2).sqrt() + step.epsilon;
    let change = first.clone() * (unbiased_1 * step.rate) / root;
    let parameter = parameter * (1.0 - step.rate * step.weight_decay) - change;
    (parameter, [first, second])
}

/// The gradient times its scale.
fn scaled<const D: usize>(gradient: Tensor<D>, scale: f64) -> Tensor<D> {
    if scale == 1.0 {
        gradient
    } else {
        gradient * scale
    }
}

impl AdamwStep {
    /// What makes the moments unbiased.
    fn unbiased(&self) -> [f64; 2] {
        self.betas
            .map(|beta| 1.0 / (1.0 - beta.powi(self.time as i32)))
    }
}

/// Hyper-parameters of an update with momentum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MomentumStep {
    /// Learning rate.
    pub rate: f64,
    /// Share of the velocity that stays, 0 for no momentum.
    pub momentum: f64,
    /// Weight decay, added to the gradient.
    pub weight_decay: f64,
    /// The gradient is multiplied by it before all else: averaging, clipping.
    pub gradient_scale: f64,
}

/// Hyper-parameters of a LARS update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LarsStep {
    /// Learning rate.
    pub rate: f64,
    /// Share of the velocity that stays, 0 for no momentum.
    pub momentum: f64,
    /// Weight decay, added to the gradient.
    pub weight_decay: f64,
    /// Trust coefficient.
    pub trust: f64,
    /// The gradient is multiplied by it before all else: averaging, clipping.
    pub gradient_scale: f64,
}

/// One update by gradient descent with momentum, PyTorch's without dampening:
/// `v <- momentum v + g + decay w`, `w <- w - rate v`.
///
/// Gives the parameter and its velocity; at first it is `None`, which stands for zeros. Without momentum it stays `None`.
///
/// # Panics
/// If the shapes differ.
pub fn momentum<const D: usize>(
    parameter: Tensor<D>,
    gradient: Tensor<D>,
    velocity: Option<Tensor<D>>,
    step: MomentumStep,
) -> (Tensor<D>, Option<Tensor<D>>) {
    #[cfg(feature = "flex")]
    if crate::flex::fused::takes(&parameter) {
        return fast::momentum(parameter, gradient, velocity, step);
    }
    plain_momentum(parameter, gradient, velocity, step)
}

/// [`momentum`] by Burn's own operations.
pub(crate) fn plain_momentum<const D: usize>(
    parameter: Tensor<D>,
    gradient: Tensor<D>,
    velocity: Option<Tensor<D>>,
    step: MomentumStep,
) -> (Tensor<D>, Option<Tensor<D>>) {
    let push = scaled(gradient, step.gradient_scale) + parameter.clone() * step.weight_decay;
    let velocity = match velocity {
        Some(velocity) if step.momentum != 0.0 => velocity * step.momentum + push,
        _ => push,
    };
    let parameter = parameter - velocity.clone() * step.rate;
    (parameter, (step.momentum != 0.0).then_some(velocity))
}

/// One update by LARS (You, Gitman and Ginsburg 2017, algorithm 1):
/// `v <- momentum v + rate local (g + decay w)`, `w <- w - v`, `local = trust |w| / (|g| + decay |w|)`, and 1 where a norm is 0.
///
/// Gives the parameter and its velocity; at first it is `None`, which stands for zeros.
///
/// # Panics
/// If the shapes differ.
pub fn lars<const D: usize>(
    parameter: Tensor<D>,
    gradient: Tensor<D>,
    velocity: Option<Tensor<D>>,
    step: LarsStep,
) -> (Tensor<D>, Tensor<D>) {
    #[cfg(feature = "flex")]
    if crate::flex::fused::takes(&parameter) {
        return fast::lars(parameter, gradient, velocity, step);
    }
    plain_lars(parameter, gradient, velocity, step)
}

/// [`lars`] by Burn's own operations; no number leaves the device.
pub(crate) fn plain_lars<const D: usize>(
    parameter: Tensor<D>,
    gradient: Tensor<D>,
    velocity: Option<Tensor<D>>,
    step: LarsStep,
) -> (Tensor<D>, Tensor<D>) {
    let gradient = scaled(gradient, step.gradient_scale);
    let norm = |tensor: &Tensor<D>| tensor.clone().square().sum().sqrt().reshape([1; D]);
    let weight = norm(&parameter);
    let denominator = norm(&gradient) + weight.clone() * step.weight_decay;
    let undefined = (weight.clone() * denominator.clone()).lower_equal_scalar(0.0);
    let local = (weight * step.trust / denominator).mask_fill(undefined, 1.0);
    let push = (gradient + parameter.clone() * step.weight_decay) * local * step.rate;
    let velocity = match velocity {
        Some(velocity) => velocity * step.momentum + push,
        None => push,
    };
    (parameter - velocity.clone(), velocity)
}

/// The sum of the squares of all entries, `[1]`.
pub fn sum_of_squares<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    #[cfg(feature = "flex")]
    if crate::flex::fused::takes(&tensor) && !tensor.device().is_autodiff() {
        return fast::sum_of_squares(tensor);
    }
    tensor.square().sum()
}

#[cfg(feature = "flex")]
mod fast {
    use burn::backend::flex::FlexTensor;
    use burn::backend::{BackendTensor, DispatchTensor, DispatchTensorKind};
    use burn::tensor::{Tensor, TensorData};
    use rayon::prelude::*;

    use super::{AdamwStep, LarsStep, MomentumStep};
    use crate::flex::buffer::Buffer;
    use crate::flex::fused::taken;
    use crate::flex::math::{sum, vectorised};
    use crate::flex::parallel::chunks_mut;
    use crate::flex::tensors::{dense, floats};

    /// Floats of a task.
    const TASK: usize = 1 << 14;

    /// The memory of a tensor without a gradient, and how to make a tensor of it.
    fn open<const D: usize>(tensor: Tensor<D>) -> FlexTensor {
        taken();
        match tensor.into_dispatch().kind {
            DispatchTensorKind::Flex(BackendTensor::Float(tensor)) => dense(tensor),
            other => panic!("an update works on tensors without gradients, got {other:?}"),
        }
    }

    fn close<const D: usize>(tensor: FlexTensor) -> Tensor<D> {
        Tensor::from_dispatch(DispatchTensor {
            kind: DispatchTensorKind::Flex(BackendTensor::Float(tensor)),
            autodiff: Default::default(),
        })
    }

    /// The tensor itself if nobody else holds it, else a copy.
    fn owned(tensor: FlexTensor) -> FlexTensor {
        let length = tensor.layout().num_elements();
        let whole = tensor.bytes().len() == size_of::<f32>() * length;
        if tensor.is_unique() && whole {
            return tensor;
        }
        let from = floats(&tensor);
        let mut copy = Buffer::new(length);
        chunks_mut(&mut copy, TASK, |i, copy| {
            copy.copy_from_slice(&from[i * TASK..][..copy.len()]);
        });
        copy.into_tensor(tensor.layout().shape().clone())
    }

    pub(super) fn adamw<const D: usize>(
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        moments: [Tensor<D>; 2],
        step: AdamwStep,
    ) -> (Tensor<D>, [Tensor<D>; 2]) {
        for other in [&gradient, &moments[0], &moments[1]] {
            assert_eq!(other.dims(), parameter.dims(), "adamw: shapes");
        }
        let mut w = owned(open(parameter));
        let [mut m, mut v] = moments.map(|moment| owned(open(moment)));
        let g = open(gradient);
        let [unbiased_1, unbiased_2] = step.unbiased();
        let factors = Factors {
            betas: step.betas.map(|beta| beta as f32),
            rests: step.betas.map(|beta| (1.0 - beta) as f32),
            unbiased_2: unbiased_2 as f32,
            epsilon: step.epsilon as f32,
            keep: (1.0 - step.rate * step.weight_decay) as f32,
            rate: (step.rate * unbiased_1) as f32,
            scale: step.gradient_scale as f32,
        };
        let [ws, ms, vs] = [&mut w, &mut m, &mut v].map(|tensor| tensor.storage_mut::<f32>());
        ws.par_chunks_mut(TASK)
            .zip(ms.par_chunks_mut(TASK).zip(vs.par_chunks_mut(TASK)))
            .zip(floats(&g).par_chunks(TASK))
            .for_each(|((w, (m, v)), g)| update(w, m, v, g, factors));
        (close(w), [close(m), close(v)])
    }

    #[derive(Clone, Copy)]
    struct Factors {
        betas: [f32; 2],
        rests: [f32; 2],
        unbiased_2: f32,
        epsilon: f32,
        keep: f32,
        rate: f32,
        scale: f32,
    }

    vectorised! {
        fn update<'a>(
            w: &'a mut [f32], m: &'a mut [f32], v: &'a mut [f32], g: &'a [f32], by: Factors,
        ) {
            for ((w, g), (m, v)) in w.iter_mut().zip(g).zip(m.iter_mut().zip(v)) {
                let g = by.scale * g;
                *m = by.betas[0] * *m + by.rests[0] * g;
                *v = by.betas[1] * *v + by.rests[1] * g * g;
                let root = (*v * by.unbiased_2).sqrt() + by.epsilon;
                *w = by.keep * *w - by.rate * *m / root;
            }
        }
    }

    pub(super) fn momentum<const D: usize>(
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        velocity: Option<Tensor<D>>,
        step: MomentumStep,
    ) -> (Tensor<D>, Option<Tensor<D>>) {
        let MomentumStep {
            rate,
            momentum,
            weight_decay,
            gradient_scale,
        } = step;
        if momentum == 0.0 {
            assert_eq!(gradient.dims(), parameter.dims(), "momentum: shapes");
            let (mut w, g) = (owned(open(parameter)), open(gradient));
            let ws: &mut [f32] = w.storage_mut();
            let chunks = ws.par_chunks_mut(TASK).zip(floats(&g).par_chunks(TASK));
            let factors = [rate, weight_decay, gradient_scale].map(|factor| factor as f32);
            chunks.for_each(|(w, g)| descend(w, g, factors));
            return (close(w), None);
        }
        let factors = [rate, momentum, weight_decay, 1.0, gradient_scale];
        let (parameter, velocity) = rolled(parameter, open(gradient), velocity, factors);
        (parameter, Some(velocity))
    }

    pub(super) fn lars<const D: usize>(
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        velocity: Option<Tensor<D>>,
        step: LarsStep,
    ) -> (Tensor<D>, Tensor<D>) {
        let (w, g) = (open(parameter), open(gradient));
        let [weight, gradient] = [&w, &g].map(|tensor| squares_of(floats(tensor)).sqrt());
        let denominator = step.gradient_scale.abs() * gradient + step.weight_decay * weight;
        let local = match weight * denominator > 0.0 {
            true => step.trust * weight / denominator,
            false => 1.0,
        };
        let gain = step.rate * local;
        let factors = [
            1.0,
            step.momentum,
            step.weight_decay,
            gain,
            step.gradient_scale,
        ];
        rolled(close(w), g, velocity, factors)
    }

    /// `v <- share v + gain (scale g + decay w)`, `w <- w - rate v` with `[rate, share, decay, gain, scale]`.
    fn rolled<const D: usize>(
        parameter: Tensor<D>,
        gradient: FlexTensor,
        velocity: Option<Tensor<D>>,
        factors: [f64; 5],
    ) -> (Tensor<D>, Tensor<D>) {
        let shape = parameter.dims();
        assert_eq!(
            *gradient.layout().shape().as_slice(),
            shape,
            "momentum: shapes"
        );
        let mut w = owned(open(parameter));
        let mut v = match velocity {
            Some(velocity) => {
                assert_eq!(velocity.dims(), shape, "momentum: shapes");
                owned(open(velocity))
            }
            None => Buffer::zeroed(floats(&w).len()).into_tensor(shape),
        };
        let factors = factors.map(|factor| factor as f32);
        let [ws, vs] = [&mut w, &mut v].map(|tensor| tensor.storage_mut::<f32>());
        ws.par_chunks_mut(TASK)
            .zip(vs.par_chunks_mut(TASK))
            .zip(floats(&gradient).par_chunks(TASK))
            .for_each(|((w, v), g)| roll(w, v, g, factors));
        (close(w), close(v))
    }

    vectorised! {
        fn descend<'a>(w: &'a mut [f32], g: &'a [f32], by: [f32; 3]) {
            let [rate, decay, scale] = by;
            for (w, g) in w.iter_mut().zip(g) {
                *w -= rate * (scale * g + decay * *w);
            }
        }
    }

    vectorised! {
        fn roll<'a>(w: &'a mut [f32], v: &'a mut [f32], g: &'a [f32], by: [f32; 5]) {
            let [rate, share, decay, gain, scale] = by;
            for ((w, v), g) in w.iter_mut().zip(v).zip(g) {
                *v = share * *v + gain * (scale * g + decay * *w);
                *w -= rate * *v;
            }
        }
    }

    pub(super) fn sum_of_squares<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
        let device = tensor.device();
        let total = squares_of(floats(&open(tensor)));
        Tensor::from_data(TensorData::new(vec![total as f32], [1]), &device)
    }

    /// Sums of parts in single precision, added up in double.
    fn squares_of(x: &[f32]) -> f64 {
        let mut parts = Buffer::new(x.len().div_ceil(TASK));
        chunks_mut(&mut parts, 1, |i, part| {
            squares(&x[i * TASK..x.len().min((i + 1) * TASK)], &mut part[0]);
        });
        parts.iter().map(|part| f64::from(*part)).sum()
    }

    vectorised! {
        fn squares<'a>(x: &'a [f32], total: &'a mut f32) {
            *total = sum(x, |x| x * x);
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::flex::testing::{by_fast_path, numbers};

    fn tensor(name: &str, len: usize) -> Tensor<1> {
        Tensor::from_data(TensorData::new(numbers(name, len), [len]), &Device::flex())
    }

    #[track_caller]
    fn close_to(fast: Tensor<1>, plain: Tensor<1>) {
        let differences = (fast - plain).abs().into_data();
        // Not the largest of them: a maximum may drop what is not a number.
        assert!(
            differences
                .iter::<f32>()
                .all(|difference| difference < 1e-6)
        );
    }

    /// Lengths within a task, of a task, and beyond.
    const LENGTHS: [usize; 4] = [1, 100, 1 << 14, 40_001];

    #[test]
    fn adamw_is_plain() {
        for len in LENGTHS {
            let (mut fast, mut plain) = (tensor("w", len), tensor("w", len));
            let held = fast.clone();
            let (mut moments, mut plain_moments) = (None, None);
            for time in 1..5 {
                let step = AdamwStep {
                    rate: 1e-2,
                    betas: [0.9, 0.999],
                    epsilon: 1e-8,
                    weight_decay: 0.05,
                    gradient_scale: 0.3,
                    time,
                };
                let gradient = || tensor(&format!("g{time}"), len);
                let (w, m) = by_fast_path(|| adamw(fast, gradient(), moments, step));
                (fast, moments) = (w, Some(m));
                let zeros = || Tensor::zeros([len], &Device::flex());
                let before = plain_moments.unwrap_or_else(|| [zeros(), zeros()]);
                let (w, m) = plain_adamw(plain, gradient(), before, step);
                (plain, plain_moments) = (w, Some(m));
                close_to(fast.clone(), plain.clone());
            }
            close_to(held, tensor("w", len));
        }
    }

    #[test]
    fn momentum_is_plain() {
        for (len, share) in LENGTHS.into_iter().flat_map(|len| [(len, 0.0), (len, 0.9)]) {
            let (mut fast, mut plain) = (tensor("w", len), tensor("w", len));
            let (mut v, mut plain_v) = (None, None);
            let step = MomentumStep {
                rate: 0.1,
                momentum: share,
                weight_decay: 0.01,
                gradient_scale: 0.3,
            };
            for time in 1..4 {
                let gradient = || tensor(&format!("g{time}"), len);
                (fast, v) = by_fast_path(|| momentum(fast, gradient(), v, step));
                (plain, plain_v) = plain_momentum(plain, gradient(), plain_v, step);
                close_to(fast.clone(), plain.clone());
            }
            assert_eq!((v.is_some(), plain_v.is_some()), (share > 0.0, share > 0.0));
        }
    }

    #[test]
    fn lars_is_plain() {
        for len in LENGTHS {
            let (mut fast, mut plain) = (tensor("w", len), tensor("w", len));
            let (mut v, mut plain_v) = (None, None);
            let step = LarsStep {
                rate: 0.1,
                momentum: 0.9,
                weight_decay: 0.01,
                gradient_scale: 0.3,
                trust: 0.02,
            };
            for time in 1..4 {
                let gradient = || tensor(&format!("g{time}"), len);
                let (w, velocity) = by_fast_path(|| lars(fast, gradient(), v, step));
                (fast, v) = (w, Some(velocity));
                let (w, velocity) = plain_lars(plain, gradient(), plain_v, step);
                (plain, plain_v) = (w, Some(velocity));
                close_to(fast.clone(), plain.clone());
            }
        }
    }

    #[test]
    fn squares_add_up() {
        for len in LENGTHS {
            let exact: f64 = numbers("x", len)
                .iter()
                .map(|x| f64::from(*x).powi(2))
                .sum();
            let sum = by_fast_path(|| sum_of_squares(tensor("x", len)));
            let sum = f64::from(sum.into_scalar::<f32>());
            assert!((sum - exact).abs() <= 1e-6 * exact, "{sum} for {exact}");
        }
    }
}
