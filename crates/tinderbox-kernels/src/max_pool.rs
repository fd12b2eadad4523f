//! Max-pooling of images.

use burn::tensor::{Tensor, activation::relu, module, ops::MaxPoolOptions};

/// Windows of [`max_pool2d`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPool2dOptions {
    /// Height and width.
    pub kernel: [usize; 2],
    /// From one window to the next.
    pub stride: [usize; 2],
    /// Places around the image, which do not count.
    pub padding: [usize; 2],
    /// Whether a ReLU follows.
    pub relu: bool,
}

/// The largest value of each window, or 0 if that is larger and there is a ReLU; of equal ones the first gets the gradient.
///
/// # Shapes
/// - `input`: `[batch, channels, height, width]`
/// - output: `[batch, channels, rows, columns]`, `rows = (height + 2 padding - kernel) / stride + 1`
///
/// # Panics
/// If a window is larger than the padded image.
pub fn max_pool2d(input: Tensor<4>, options: MaxPool2dOptions) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if crate::flex::fused::takes(&input) {
        return fast::max_pool2d(input, options);
    }
    plain(input, options)
}

/// [`max_pool2d`] by Burn's own operations.
pub(crate) fn plain(input: Tensor<4>, options: MaxPool2dOptions) -> Tensor<4> {
    let windows = MaxPoolOptions::new(options.kernel)
        .with_stride(options.stride)
        .with_padding(options.padding);
    let largest = module::max_pool2d(input, windows);
    if options.relu { relu(largest) } else { largest }
}

#[cfg(feature = "flex")]
mod fast {
    use burn::backend::flex::FlexTensor;
    use burn::tensor::Tensor;
    use rayon::prelude::*;

    use super::MaxPool2dOptions;
    use crate::flex::buffer::Buffer;
    use crate::flex::fused::{Gradient, run};
    use crate::flex::math::vectorised;
    use crate::flex::parallel;
    use crate::flex::tensors::channels_last;

    pub(super) fn max_pool2d(input: Tensor<4>, options: MaxPool2dOptions) -> Tensor<4> {
        let shape = input.dims();
        let MaxPool2dOptions {
            kernel,
            stride,
            padding,
            ..
        } = options;
        let out = [0, 1].map(|i| {
            let padded = shape[i + 2] + 2 * padding[i];
            assert!(
                padded >= kernel[i] && 2 * padding[i] <= kernel[i],
                "max_pool2d: {options:?} of an image of {shape:?}"
            );
            (padded - kernel[i]) / stride[i] + 1
        });
        run(vec![input.into_dispatch()], move |mut operands, tracked| {
            forward(operands.remove(0), shape, out, options, tracked)
        })
    }

    fn forward(
        input: FlexTensor,
        shape: [usize; 4],
        out: [usize; 2],
        options: MaxPool2dOptions,
        tracked: bool,
    ) -> (FlexTensor, Gradient) {
        let [batch, channels, height, width] = shape;
        let [rows, columns] = out;
        let input = channels_last(input);
        let (image, pooled) = (height * width * channels, rows * columns * channels);
        let x: &[f32] = input.storage();
        let mut y = Buffer::new(batch * pooled);
        // The place of the largest value in each image, none if a ReLU made it 0.
        const NONE: u32 = u32::MAX;
        let mut places = vec![NONE; if tracked { y.len() } else { 0 }];
        let work = |number: usize, y: &mut [f32], places: &mut [u32]| {
            let x = &x[number * image..][..image];
            let mut unused = vec![0; channels];
            let lowest = if options.relu { 0.0 } else { f32::NEG_INFINITY };
            for (pixel, y) in y.chunks_exact_mut(channels).enumerate() {
                let window = window(pixel, out, [height, width], options);
                let places = places
                    .chunks_exact_mut(channels)
                    .nth(pixel)
                    .unwrap_or(&mut unused);
                y.fill(lowest);
                places.fill(NONE);
                for [row, column] in window {
                    let first = (row * width + column) * channels;
                    take_larger(&x[first..][..channels], first as u32, y, places);
                }
            }
        };
        if tracked {
            let images = y
                .par_chunks_mut(pooled.max(1))
                .zip(places.par_chunks_mut(pooled.max(1)));
            images
                .enumerate()
                .for_each(|(i, (y, places))| work(i, y, places));
        } else {
            parallel::chunks_mut(&mut y, pooled.max(1), |i, y| work(i, y, &mut []));
        }
        let gradient = move |gradient: FlexTensor, _needed: &[bool]| {
            let gradient = channels_last(gradient);
            let dy: &[f32] = gradient.storage();
            let mut dx = Buffer::new(batch * image);
            parallel::chunks_mut(&mut dx, image.max(1), |i, dx| {
                dx.fill(0.0);
                let at = i * pooled..(i + 1) * pooled;
                for (place, dy) in places[at.clone()].iter().zip(&dy[at]) {
                    if *place != NONE {
                        dx[*place as usize] += dy;
                    }
                }
            });
            vec![Some(dx.into_channels_last(shape))]
        };
        (
            y.into_channels_last([batch, channels, rows, columns]),
            Box::new(gradient),
        )
    }

    vectorised! {
        fn take_larger<'a>(x: &'a [f32], first: u32, y: &'a mut [f32], places: &'a mut [u32]) {
            for (place, (x, (y, kept))) in (first..).zip(x.iter().zip(y.iter_mut().zip(places))) {
                // A NaN is passed on.
                let larger = *x > *y || x.is_nan();
                *y = if larger { *x } else { *y };
                *kept = if larger { place } else { *kept };
            }
        }
    }

    /// The places of a window that are on the image, row by row.
    fn window(
        pixel: usize,
        out: [usize; 2],
        size: [usize; 2],
        options: MaxPool2dOptions,
    ) -> impl Iterator<Item = [usize; 2]> {
        let at = [pixel / out[1], pixel % out[1]];
        let [rows, columns] = [0, 1].map(|i| {
            let first = at[i] * options.stride[i];
            let end = first + options.kernel[i];
            let padding = options.padding[i];
            first.saturating_sub(padding)..end.saturating_sub(padding).min(size[i])
        });
        rows.flat_map(move |row| columns.clone().map(move |column| [row, column]))
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::flex::testing::check;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn fast_is_plain(
            batch in 1usize..4, channels in 1usize..20, size in [3usize..9, 3usize..9],
            kernel in [1usize..4, 1usize..4], stride in [1usize..4, 1usize..4],
            padded: bool, relu: bool,
        ) {
            let padding = kernel.map(|kernel| if padded { kernel / 2 } else { 0 });
            let options = MaxPool2dOptions { kernel, stride, padding, relu };
            let shape = [batch, channels, size[0], size[1]];
            check(&[shape.iter().product()], 1e-6, |mut leaves, fast| {
                let operation = if fast { max_pool2d } else { plain };
                operation(leaves.remove(0).reshape(shape), options)
            });
        }
    }
}
