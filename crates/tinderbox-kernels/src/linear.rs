//! A dense layer with its activation.

use burn::tensor::{Tensor, activation, module};

/// What a dense layer applies to its sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Activation {
    /// Nothing.
    #[default]
    Identity,
    /// `max(x, 0)`.
    Relu,
    /// `x * Phi(x)` with the error function, not its approximation by tanh (Hendrycks and Gimpel 2016).
    Gelu,
}

/// `activation(input * weight + bias)`.
///
/// # Shapes
/// - `input`: `[..., inputs]`
/// - `weight`: `[inputs, outputs]`, as Burn's `Linear` holds it
/// - `bias`: `[outputs]`
/// - output: `[..., outputs]`
///
/// # Panics
/// If the shapes do not fit.
pub fn linear<const D: usize>(
    input: Tensor<D>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    activation: Activation,
) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if crate::flex::fused::takes(&input) {
        return fast::linear(input, weight, bias, activation);
    }
    plain(input, weight, bias, activation)
}

/// [`linear`] by Burn's own operations.
pub(crate) fn plain<const D: usize>(
    input: Tensor<D>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    activation: Activation,
) -> Tensor<D> {
    let sum = module::linear(input, weight, bias);
    match activation {
        Activation::Identity => sum,
        Activation::Relu => activation::relu(sum),
        Activation::Gelu => activation::gelu(sum),
    }
}

#[cfg(feature = "flex")]
mod fast {
    use burn::backend::flex::FlexTensor;
    use burn::tensor::Tensor;

    use super::Activation;
    use crate::flex::buffer::Buffer;
    use crate::flex::fused::{Gradient, run};
    use crate::flex::gelu::{gelu, gelu_derivative};
    use crate::flex::gemm::{Matrix, Start, gemm};
    use crate::flex::parallel::chunks_mut;
    use crate::flex::tensors::{column_sums, dense, floats};

    /// Floats that a task of an element-wise pass takes.
    const TASK: usize = 1 << 14;

    pub(super) fn linear<const D: usize>(
        input: Tensor<D>,
        weight: Tensor<2>,
        bias: Option<Tensor<1>>,
        activation: Activation,
    ) -> Tensor<D> {
        let [inputs, outputs] = weight.dims();
        let mut shape = input.dims();
        assert_eq!(
            shape[D - 1],
            inputs,
            "linear: an input of shape {shape:?} for a weight of [{inputs}, {outputs}]"
        );
        shape[D - 1] = outputs;
        let mut operands = vec![input.into_dispatch(), weight.into_dispatch()];
        operands.extend(bias.map(Tensor::into_dispatch));
        run(operands, move |operands, tracked| {
            forward(operands, shape.to_vec(), activation, tracked)
        })
    }

    fn forward(
        operands: Vec<FlexTensor>,
        shape: Vec<usize>,
        activation: Activation,
        tracked: bool,
    ) -> (FlexTensor, Gradient) {
        let mut operands = operands.into_iter();
        let input = dense(operands.next().expect("the input"));
        let weight = operands.next().expect("the weight");
        let bias = operands.next().map(dense);
        let weight = if Matrix::of(&weight).is_some() {
            weight
        } else {
            dense(weight)
        };
        let (x, w) = (floats(&input), matrix(&weight));
        let [inputs, outputs] = [0, 1].map(|axis| weight.layout().shape()[axis]);
        let rows = x.len() / inputs;
        let mut sum = Buffer::new(rows * outputs);
        let start = bias
            .as_ref()
            .map_or(Start::Zero, |bias| Start::Bias(floats(bias)));
        gemm(
            [rows, outputs, inputs],
            Matrix::rows(x, inputs),
            w,
            &mut sum,
            outputs,
            start,
        );
        let (output, kept) = match activation {
            Activation::Identity => (sum.into_tensor(shape), None),
            Activation::Relu => {
                chunks_mut(&mut sum, TASK, |_, chunk| {
                    chunk.iter_mut().for_each(|x| *x = x.max(0.0));
                });
                let output = sum.into_tensor(shape);
                (output.clone(), tracked.then_some(output))
            }
            Activation::Gelu => {
                let mut output = Buffer::new(sum.len());
                chunks_mut(&mut output, TASK, |i, chunk| {
                    gelu(&sum[i * TASK..][..chunk.len()], chunk);
                });
                let kept = tracked.then(|| sum.into_tensor([rows, outputs]));
                (output.into_tensor(shape), kept)
            }
        };
        let has_bias = bias.is_some();
        let gradient = move |gradient: FlexTensor, needed: &[bool]| {
            let gradient = dense(gradient);
            let mut activated = None;
            if let Some(kept) = &kept {
                let (kept, dy) = (floats(kept), floats(&gradient));
                let mut dz = Buffer::new(dy.len());
                chunks_mut(&mut dz, TASK, |i, dz| {
                    let at = i * TASK..i * TASK + dz.len();
                    match activation {
                        Activation::Gelu => gelu_derivative(&kept[at.clone()], &dy[at], dz),
                        _ => {
                            let pairs = kept[at.clone()].iter().zip(&dy[at]);
                            for (dz, (y, dy)) in dz.iter_mut().zip(pairs) {
                                *dz = if *y > 0.0 { *dy } else { 0.0 };
                            }
                        }
                    }
                });
                activated = Some(dz);
            }
            let dz: &[f32] = activated.as_deref().unwrap_or_else(|| floats(&gradient));
            let (x, w) = (floats(&input), matrix(&weight));
            let dz_rows = Matrix::rows(dz, outputs);
            let dx = needed[0].then(|| {
                let mut dx = Buffer::new(x.len());
                gemm(
                    [rows, inputs, outputs],
                    dz_rows,
                    w.t(),
                    &mut dx,
                    inputs,
                    Start::Zero,
                );
                dx.into_tensor(input.layout().shape().clone())
            });
            let dw = needed[1].then(|| {
                let x = Matrix::rows(x, inputs);
                let mut dw = Buffer::new(inputs * outputs);
                // In the order of the weight, so that gradients of a shared one add up in place.
                if w.is_transposed() {
                    gemm(
                        [outputs, inputs, rows],
                        dz_rows.t(),
                        x,
                        &mut dw,
                        inputs,
                        Start::Zero,
                    );
                    let dw = dw.into_tensor([outputs, inputs]);
                    let layout = dw.layout().transpose(0, 1);
                    dw.with_layout(layout)
                } else {
                    gemm(
                        [inputs, outputs, rows],
                        x.t(),
                        dz_rows,
                        &mut dw,
                        outputs,
                        Start::Zero,
                    );
                    dw.into_tensor([inputs, outputs])
                }
            });
            let mut gradients = vec![dx, dw];
            if has_bias {
                gradients.push(needed[2].then(|| column_sums(dz, outputs).into_tensor([outputs])));
            }
            gradients
        };
        (output, Box::new(gradient))
    }

    fn matrix(tensor: &FlexTensor) -> Matrix<'_> {
        Matrix::of(tensor).expect("one stride is 1")
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::flex::testing::check;

    #[test]
    fn no_rows_give_no_rows() {
        use burn::tensor::Device;
        // Burn's own product of an empty matrix faults.
        let device = Device::flex().autodiff();
        let x = Tensor::<3>::zeros([2, 0, 3], &device);
        let w = Tensor::<2>::ones([3, 5], &device).require_grad();
        let b = Tensor::<1>::ones([5], &device);
        let y = linear(x, w.clone(), Some(b), Activation::Gelu);
        assert_eq!(y.dims(), [2, 0, 5]);
        let gradient = w.grad(&y.sum().backward()).expect("it is a leaf");
        assert_eq!(gradient.sum().into_scalar::<f32>(), 0.0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn fast_is_plain(
            batch in 1usize..4, rows in 1usize..20, inputs in 1usize..40, outputs in 1usize..40,
            bias: bool, transposed: bool, activation in 0usize..3,
        ) {
            use Activation::{Gelu, Identity, Relu};
            let lengths = [batch * rows * inputs, inputs * outputs, outputs];
            check(&lengths, 1e-5, |leaves, fast| {
                let [x, w, b] = leaves.try_into().expect("three");
                let w: Tensor<2> = match transposed {
                    true => w.reshape([outputs, inputs]).transpose(),
                    false => w.reshape([inputs, outputs]),
                };
                let operation = if fast { linear } else { plain };
                let activation = [Identity, Relu, Gelu][activation];
                operation(x.reshape([batch, rows, inputs]), w, bias.then_some(b), activation)
            });
        }
    }
}
