//! Layer normalisation.

use burn::tensor::{Tensor, module};

/// `(x - mean) / sqrt(variance + epsilon) * weight + bias` over the last axis (Ba, Kiros and Hinton 2016), with the
/// biased variance.
///
/// # Shapes
/// - `input`, output: `[..., features]`
/// - `weight`, `bias`: `[features]`
///
/// # Panics
/// If the shapes do not fit.
pub fn layer_norm<const D: usize>(
    input: Tensor<D>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if crate::flex::fused::takes(&input) {
        return fast::layer_norm(input, weight, bias, epsilon);
    }
    plain(input, weight, bias, epsilon)
}

/// [`layer_norm`] by Burn's own operations.
pub(crate) fn plain<const D: usize>(
    input: Tensor<D>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
) -> Tensor<D> {
    module::layer_norm(input, weight, Some(bias), epsilon)
}

#[cfg(feature = "flex")]
mod fast {
    use burn::backend::flex::FlexTensor;
    use burn::tensor::Tensor;

    use crate::flex::buffer::Buffer;
    use crate::flex::fused::{Gradient, run};
    use crate::flex::math::{sum, sum_pairs, vectorised};
    use crate::flex::parallel::chunk_pairs_mut;
    use crate::flex::tensors::{add_rows, dense, floats};

    /// Rows that a task takes; the gradients of weight and bias are sums over the tasks, in their order.
    const ROWS: usize = 64;

    pub(super) fn layer_norm<const D: usize>(
        input: Tensor<D>,
        weight: Tensor<1>,
        bias: Tensor<1>,
        epsilon: f64,
    ) -> Tensor<D> {
        let features = input.dims()[D - 1];
        let parameters = (weight.dims(), bias.dims());
        assert_eq!(
            parameters,
            ([features], [features]),
            "layer norm: weight and bias for {features} features"
        );
        let operands = [
            input.into_dispatch(),
            weight.into_dispatch(),
            bias.into_dispatch(),
        ];
        run(operands.into(), move |operands, _| {
            forward(operands, features, epsilon as f32)
        })
    }

    fn forward(operands: Vec<FlexTensor>, features: usize, epsilon: f32) -> (FlexTensor, Gradient) {
        let [input, weight, bias] = operands
            .into_iter()
            .map(dense)
            .collect::<Vec<_>>()
            .try_into()
            .expect("three operands");
        let (x, w, b) = (floats(&input), floats(&weight), floats(&bias));
        // Of an axis without features there is nothing to normalise, but chunks have a length.
        let length = features.max(1);
        let mut output = Buffer::new(x.len());
        // The mean of each row and one over its deviation.
        let mut moments = Buffer::new(x.len() / length * 2);
        chunk_pairs_mut(
            [&mut output, &mut moments],
            [ROWS * length, ROWS * 2],
            |task, output, moments| {
                let from = task * ROWS * length;
                normalise(&x[from..], w, b, epsilon, output, moments);
            },
        );
        let output = output.into_tensor(input.layout().shape().clone());
        let gradient = move |gradient: FlexTensor, needed: &[bool]| {
            let gradient = dense(gradient);
            let (x, w, dy) = (floats(&input), floats(&weight), floats(&gradient));
            let mut dx = Buffer::new(x.len());
            let tasks = x.len().div_ceil(ROWS * length).max(1);
            let mut partial = Buffer::new(tasks * 2 * length);
            if x.is_empty() {
                partial.fill(0.0);
            }
            chunk_pairs_mut(
                [&mut dx, &mut partial],
                [ROWS * length, 2 * length],
                |task, dx, partial| {
                    let from = task * ROWS * length;
                    let (dw, db) = partial.split_at_mut(length);
                    dw.fill(0.0);
                    db.fill(0.0);
                    let moments = &moments[task * ROWS * 2..];
                    gradients(&x[from..], &dy[from..], moments, w, dx, dw, db);
                },
            );
            let sums = add_rows(&partial, 2 * length);
            let parameter = |sums: &[f32]| {
                let mut gradient = Buffer::new(features);
                gradient.copy_from_slice(&sums[..features]);
                gradient.into_tensor([features])
            };
            vec![
                needed[0].then(|| dx.into_tensor(input.layout().shape().clone())),
                needed[1].then(|| parameter(&sums[..length])),
                needed[2].then(|| parameter(&sums[length..])),
            ]
        };
        (output, Box::new(gradient))
    }

    vectorised! {
        fn normalise<'a>(
            x: &'a [f32], w: &'a [f32], b: &'a [f32], epsilon: f32, output: &'a mut [f32], moments: &'a mut [f32],
        ) {
            let count = w.len() as f32;
            let length = w.len().max(1);
            let rows = x.chunks_exact(length).zip(output.chunks_exact_mut(length));
            for ((x, y), moments) in rows.zip(moments.chunks_exact_mut(2)) {
                let mean = sum(x, |x| x) / count;
                let variance = sum(x, |x| (x - mean) * (x - mean)) / count;
                let scale = 1.0 / (variance + epsilon).sqrt();
                moments.copy_from_slice(&[mean, scale]);
                for ((y, x), (w, b)) in y.iter_mut().zip(x).zip(w.iter().zip(b)) {
                    *y = (x - mean) * scale * w + b;
                }
            }
        }
    }

    vectorised! {
        fn gradients<'a>(
            x: &'a [f32], dy: &'a [f32], moments: &'a [f32], w: &'a [f32],
            dx: &'a mut [f32], dw: &'a mut [f32], db: &'a mut [f32],
        ) {
            let length = w.len().max(1);
            let inputs = x.chunks_exact(length).zip(moments.chunks_exact(2));
            let outputs = dx.chunks_exact_mut(length).zip(dy.chunks_exact(length));
            for ((dx, dy), (x, moments)) in outputs.zip(inputs) {
                row_gradient([x, w, dy, moments], dx, dw, db);
            }
        }
    }

    /// `dx = scale (g - mean(g) - n mean(g n))` with `g = dy w` and the normalised row `n`; adds to the sums of
    /// `dw` and `db`.
    #[inline(always)]
    fn row_gradient(
        [x, w, dy, moments]: [&[f32]; 4],
        dx: &mut [f32],
        dw: &mut [f32],
        db: &mut [f32],
    ) {
        let (mean, scale) = (moments[0], moments[1]);
        let pairs = x.iter().zip(dy);
        for ((dw, db), (x, dy)) in dw.iter_mut().zip(&mut *db).zip(pairs) {
            *dw += dy * ((x - mean) * scale);
            *db += dy;
        }
        for (dx, (dy, w)) in dx.iter_mut().zip(dy.iter().zip(w)) {
            *dx = dy * w;
        }
        let count = x.len() as f32;
        let level = sum(dx, |g| g) / count;
        let slope = sum_pairs(dx, x, |g, x| g * ((x - mean) * scale)) / count;
        for (dx, x) in dx.iter_mut().zip(x) {
            *dx = scale * (*dx - level - (x - mean) * scale * slope);
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::Device;
    use proptest::prelude::*;

    use super::*;
    use crate::flex::testing::check;

    #[test]
    fn nothing_gives_nothing() {
        let device = Device::flex().autodiff();
        for (shape, features) in [([0, 3], 3), ([2, 0], 0)] {
            let x = Tensor::<2>::zeros(shape, &device).require_grad();
            let w = Tensor::<1>::ones([features], &device).require_grad();
            let y = layer_norm(x.clone(), w.clone(), w.clone(), 1e-5);
            assert_eq!(y.dims(), shape);
            let gradients = y.sum().backward();
            assert_eq!(x.grad(&gradients).expect("a leaf").dims(), shape);
            let dw = w.grad(&gradients).expect("a leaf");
            assert_eq!(dw.sum().into_scalar::<f32>(), 0.0);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn fast_is_plain(batch in 1usize..5, rows in 1usize..50, features in 2usize..150) {
            check(&[batch * rows * features, features, features], 1e-5, |leaves, fast| {
                let [x, w, b] = leaves.try_into().expect("three");
                let operation = if fast { layer_norm } else { plain };
                operation(x.reshape([batch, rows, features]), w, b, 1e-5)
            });
        }

        #[test]
        fn a_transposed_input_is_copied(rows in 1usize..9, features in 2usize..40) {
            check(&[rows * features, features, features], 1e-5, |leaves, fast| {
                let [x, w, b] = leaves.try_into().expect("three");
                let operation = if fast { layer_norm } else { plain };
                operation(x.reshape([features, rows]).transpose(), w, b, 1e-5)
            });
        }
    }
}
