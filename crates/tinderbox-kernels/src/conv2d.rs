//! Convolution of images.

#[cfg(feature = "flex")]
mod im2col;
#[cfg(feature = "flex")]
mod winograd;

use burn::tensor::{Tensor, module, ops::ConvOptions};

/// Strides, padding, dilation and groups of [`conv2d`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2dOptions {
    /// Steps of the kernel, rows and columns.
    pub stride: [usize; 2],
    /// Zeros around the image: above and below, left and right.
    pub padding: [usize; 2],
    /// Distance of the kernel's taps.
    pub dilation: [usize; 2],
    /// Groups of channels that do not see each other.
    pub groups: usize,
}

impl Default for Conv2dOptions {
    fn default() -> Self {
        Self {
            stride: [1; 2],
            padding: [0; 2],
            dilation: [1; 2],
            groups: 1,
        }
    }
}

/// Cross-correlation, as PyTorch's `conv2d`.
///
/// # Shapes
/// - `input`: `[batch, channels, height, width]`
/// - `weight`: `[outputs, channels / groups, kernel height, kernel width]`
/// - `bias`: `[outputs]`
/// - output: `[batch, outputs, rows, columns]`, `rows = (height + 2 padding - dilation (kernel - 1) - 1) / stride + 1`
///
/// # Panics
/// If the shapes do not fit.
pub fn conv2d(
    input: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    options: Conv2dOptions,
) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if crate::flex::fused::takes(&input) {
        return fast::conv2d(input, weight, bias, options);
    }
    plain(input, weight, bias, options)
}

/// [`conv2d`] by Burn's own operations.
pub(crate) fn plain(
    input: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    options: Conv2dOptions,
) -> Tensor<4> {
    let Conv2dOptions {
        stride,
        padding,
        dilation,
        groups,
    } = options;
    let options = ConvOptions::new(stride, padding, dilation, groups);
    module::conv2d(input, weight, bias, options)
}

/// Sizes of a convolution.
#[cfg(feature = "flex")]
#[derive(Debug, Clone)]
struct Geometry {
    batch: usize,
    channels: usize,
    outputs: usize,
    /// Height and width of the input.
    size: [usize; 2],
    kernel: [usize; 2],
    /// Height and width of the output.
    out: [usize; 2],
    options: Conv2dOptions,
}

#[cfg(feature = "flex")]
impl Geometry {
    fn new(input: [usize; 4], weight: [usize; 4], options: Conv2dOptions) -> Self {
        let [batch, channels, height, width] = input;
        let [outputs, inner, kernel @ ..] = weight;
        let groups = options.groups;
        assert!(
            groups > 0 && channels == inner * groups && outputs.is_multiple_of(groups),
            "conv2d: {channels} channels in {groups} groups for a weight of shape {weight:?}"
        );
        let size = [height, width];
        let out = [0, 1].map(|i| {
            let padded = size[i] + 2 * options.padding[i];
            let reach = options.dilation[i] * (kernel[i] - 1) + 1;
            assert!(
                padded >= reach,
                "conv2d: a kernel of {reach} pixels for an image of {padded}, its padding included"
            );
            (padded - reach) / options.stride[i] + 1
        });
        Self {
            batch,
            channels,
            outputs,
            size,
            kernel,
            out,
            options,
        }
    }

    /// Taps of the kernel, channels and outputs of a group.
    fn per_group(&self) -> (usize, usize, usize) {
        let groups = self.options.groups;
        let taps = self.kernel[0] * self.kernel[1];
        (taps, self.channels / groups, self.outputs / groups)
    }
}

#[cfg(feature = "flex")]
mod fast {
    use burn::backend::flex::FlexTensor;
    use burn::tensor::Tensor;

    use super::{Conv2dOptions, Geometry, im2col, winograd};
    use crate::flex::fused::{Gradient, run};
    use crate::flex::tensors::{channels_last, column_sums, dense, floats};

    pub(super) fn conv2d(
        input: Tensor<4>,
        weight: Tensor<4>,
        bias: Option<Tensor<1>>,
        options: Conv2dOptions,
    ) -> Tensor<4> {
        let of = Geometry::new(input.dims(), weight.dims(), options);
        let mut operands = vec![input.into_dispatch(), weight.into_dispatch()];
        operands.extend(bias.map(Tensor::into_dispatch));
        run(operands, move |operands, _| forward(operands, of))
    }

    fn forward(operands: Vec<FlexTensor>, of: Geometry) -> (FlexTensor, Gradient) {
        let mut operands = operands.into_iter();
        let input = channels_last(operands.next().expect("the input"));
        let weight = dense(operands.next().expect("the weight"));
        let bias = operands.next().map(dense);
        let (x, w) = (input.storage(), floats(&weight));
        let b = bias.as_ref().map(floats);
        let by_winograd = winograd::fits(&of);
        let y = if by_winograd {
            winograd::forward(&of, x, w, b)
        } else {
            im2col::forward(&of, x, w, b)
        };
        let [rows, columns] = of.out;
        let output = y.into_channels_last([of.batch, of.outputs, rows, columns]);
        let has_bias = bias.is_some();
        let gradient = move |gradient: FlexTensor, needed: &[bool]| {
            let gradient = channels_last(gradient);
            let (dy, x, w): (&[f32], &[f32], _) =
                (gradient.storage(), input.storage(), floats(&weight));
            let dx = needed[0].then(|| {
                let dx = if by_winograd {
                    winograd::input_gradient(&of, dy, w)
                } else {
                    im2col::input_gradient(&of, dy, w)
                };
                let [height, width] = of.size;
                dx.into_channels_last([of.batch, of.channels, height, width])
            });
            let dw = needed[1].then(|| {
                let dw = if by_winograd {
                    winograd::weight_gradient(&of, x, dy)
                } else {
                    im2col::weight_gradient(&of, x, dy)
                };
                dw.into_tensor(weight.layout().shape().clone())
            });
            let mut gradients = vec![dx, dw];
            if has_bias {
                let db = needed[2].then(|| column_sums(dy, of.outputs).into_tensor([of.outputs]));
                gradients.push(db);
            }
            gradients
        };
        (output, Box::new(gradient))
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::flex::testing::check;

    /// The tolerances are those of the sums: see the crate's documentation.
    fn compare(
        input: [usize; 4],
        weight: [usize; 4],
        bias: bool,
        options: Conv2dOptions,
        tolerance: f32,
    ) {
        let lengths = [input.iter().product(), weight.iter().product(), weight[0]];
        check(&lengths, tolerance, |leaves, fast| {
            let [x, w, b] = leaves.try_into().expect("three");
            let operation = if fast { conv2d } else { plain };
            operation(
                x.reshape(input),
                w.reshape(weight),
                bias.then_some(b),
                options,
            )
        });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn patches_are_plain(
            batch in 1usize..4, size in [1usize..9, 1usize..9], kernel in [1usize..4, 1usize..4],
            stride in [1usize..3, 1usize..3], padding in [0usize..3, 0usize..3],
            dilation in [1usize..3, 1usize..3], groups in 1usize..4, inner in 1usize..4,
            outer in 1usize..6, bias: bool,
        ) {
            for i in 0..2 {
                let reach = dilation[i] * (kernel[i] - 1) + 1;
                prop_assume!(size[i] + 2 * padding[i] >= reach);
            }
            let options = Conv2dOptions { stride, padding, dilation, groups };
            let weight = [groups * outer, inner, kernel[0], kernel[1]];
            let input = [batch, groups * inner, size[0], size[1]];
            compare(input, weight, bias, options, 1e-5);
        }

        #[test]
        fn winograd_is_plain(
            batch in 1usize..4, size in [3usize..15, 3usize..15], padding in [0usize..3, 0usize..3],
            channels in 1usize..4, outputs in 1usize..4, bias: bool,
        ) {
            for i in 0..2 {
                prop_assume!(size[i] + 2 * padding[i] >= 5);
            }
            let options = Conv2dOptions { padding, ..Conv2dOptions::default() };
            let input = [batch, 16 * channels, size[0], size[1]];
            compare(input, [16 * outputs, 16 * channels, 3, 3], bias, options, 2e-5);
        }
    }
}
