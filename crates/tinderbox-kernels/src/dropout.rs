//! Dropout.

use burn::tensor::{Distribution, Tensor};

/// Sets each entry to 0 with this probability and scales the others by `1 / (1 - probability)` (Srivastava et al.
/// 2014), on autodiff devices; elsewhere the input.
///
/// Burn's generator on the device determines which. The fast path takes two numbers from it and rounds the probability to a
/// multiple of 2^-24.
///
/// # Panics
/// If the probability is outside `0..1`.
pub fn dropout<const D: usize>(input: Tensor<D>, probability: f64) -> Tensor<D> {
    assert!(
        (0.0..1.0).contains(&probability),
        "dropout: the probability must be in 0..1, got {probability}"
    );
    if probability == 0.0 || !input.device().is_autodiff() {
        return input;
    }
    #[cfg(feature = "flex")]
    if crate::flex::fused::takes(&input) {
        return fast::dropout(input, probability);
    }
    plain(input, probability)
}

/// [`dropout`] by Burn's own operations.
pub(crate) fn plain<const D: usize>(input: Tensor<D>, probability: f64) -> Tensor<D> {
    let keep = 1.0 - probability;
    let kept = Tensor::<D>::random(
        input.shape(),
        Distribution::Bernoulli(keep),
        &input.device().inner(),
    );
    input * Tensor::from_inner(kept * keep.recip())
}

#[cfg(feature = "flex")]
mod fast {
    use burn::backend::flex::FlexTensor;
    use burn::tensor::Tensor;

    use crate::flex::buffer::Buffer;
    use crate::flex::fused::{Gradient, run};
    use crate::flex::math::vectorised;
    use crate::flex::parallel::chunks_mut;
    use crate::flex::random::{Mask, Row};
    use crate::flex::tensors::{dense, floats};

    /// Floats that a task takes: a row of the mask.
    const TASK: usize = 1 << 14;

    pub(super) fn dropout<const D: usize>(input: Tensor<D>, probability: f64) -> Tensor<D> {
        let mask = Mask::draw(probability, &input.device());
        run(vec![input.into_dispatch()], move |operands, _| {
            let [input] = operands.try_into().expect("one operand");
            let gradient: Gradient = Box::new(move |gradient, _| vec![Some(apply(mask, gradient))]);
            (apply(mask, input), gradient)
        })
    }

    /// The masked tensor, over the tensor itself if nobody else holds it.
    fn apply(mask: Mask, tensor: FlexTensor) -> FlexTensor {
        let mut tensor = dense(tensor);
        let whole = tensor.bytes().len() == size_of::<f32>() * tensor.layout().num_elements();
        if let Some(values) = tensor.try_storage_mut().filter(|_| whole) {
            chunks_mut(values, TASK, |i, values| drop_in_place(values, mask.row(i)));
            return tensor;
        }
        let values = floats(&tensor);
        let mut output = Buffer::new(values.len());
        chunks_mut(&mut output, TASK, |i, output| {
            drop_into(&values[i * TASK..], output, mask.row(i));
        });
        output.into_tensor(tensor.layout().shape().clone())
    }

    vectorised! {
        fn drop_in_place<'a>(values: &'a mut [f32], row: Row) {
            for (place, value) in (0..values.len() as u32).zip(values) {
                *value *= row.factor(place);
            }
        }
    }

    vectorised! {
        fn drop_into<'a>(values: &'a [f32], output: &'a mut [f32], row: Row) {
            let places = 0..output.len() as u32;
            for ((place, value), output) in places.zip(values).zip(output) {
                *output = value * row.factor(place);
            }
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::{Device, TensorData};
    use proptest::prelude::*;

    use super::*;
    use crate::flex::testing::{by_fast_path, numbers, on_one_and_two_threads};

    fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().try_into_vec().expect("floats")
    }

    #[test]
    fn elsewhere_and_at_0_it_is_the_input() {
        let x = Tensor::<1>::ones([100], &Device::flex());
        assert_eq!(dropout(x.clone(), 0.5).into_data(), x.clone().into_data());
        let tracked = Tensor::from_inner(x.clone()).require_grad();
        assert_eq!(dropout(tracked, 0.0).into_data(), x.into_data());
    }

    #[test]
    fn nothing_gives_nothing() {
        let x = Tensor::<2>::ones([0, 3], &Device::flex().autodiff()).require_grad();
        let y = dropout(x.clone(), 0.5);
        assert_eq!(y.dims(), [0, 3]);
        assert_eq!(x.grad(&y.sum().backward()).expect("a leaf").dims(), [0, 3]);
    }

    #[test]
    fn input_and_gradient_that_are_held_stay() {
        let device = Device::flex().autodiff();
        let leaf = Tensor::<1>::ones([1000], &device).require_grad();
        let (once, held) = (leaf.clone() * 2.0, leaf.clone() * 2.0);
        dropout(held.clone(), 0.5).sum().backward();
        assert_eq!(held.into_data(), once.into_data());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn forward_and_backward_have_one_mask(
            rows in 1usize..200, columns in 1usize..300, probability in 0.05f64..0.95, transposed: bool, seed: u64,
        ) {
            let device = Device::flex().autodiff();
            let len = rows * columns;
            let [one, two] = on_one_and_two_threads(|| {
                device.seed(seed);
                let data = TensorData::new(numbers("x", len), [rows, columns]);
                let x = Tensor::<2>::from_data(data, &device).require_grad();
                let leaf = if transposed { x.clone().transpose() } else { x.clone() };
                let y = by_fast_path(|| dropout(leaf.clone(), probability));
                let dx = x.grad(&y.clone().sum().backward()).expect("a leaf");
                let dx = if transposed { dx.transpose() } else { dx };
                (floats(leaf), floats(y), floats(dx))
            });
            prop_assert_eq!(&one, &two);
            let (x, y, mask) = one;
            let scale = (1.0 / (1.0 - probability)) as f32;
            for ((x, y), mask) in x.iter().zip(&y).zip(&mask) {
                prop_assert!(*mask == 0.0 || *mask == scale);
                prop_assert_eq!(*y, x * mask);
            }
            let kept = mask.iter().filter(|mask| **mask != 0.0).count() as f64;
            let deviation = (len as f64 * probability * (1.0 - probability)).sqrt();
            prop_assert!((kept - len as f64 * (1.0 - probability)).abs() <= 6.0 * deviation + 1.0);
        }
    }
}
