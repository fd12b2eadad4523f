//! The mean of each channel of an image.

use burn::tensor::Tensor;

/// The mean over all pixels.
///
/// # Shapes
/// - `input`: `[batch, channels, height, width]`
/// - output: `[batch, channels]`
pub fn global_average_pool(input: Tensor<4>) -> Tensor<2> {
    #[cfg(feature = "flex")]
    if crate::flex::fused::takes(&input) {
        return fast::global_average_pool(input);
    }
    plain(input)
}

/// [`global_average_pool`] by Burn's own operations.
pub(crate) fn plain(input: Tensor<4>) -> Tensor<2> {
    let [batch, channels, height, width] = input.dims();
    input
        .reshape([batch, channels, height * width])
        .mean_dim(2)
        .reshape([batch, channels])
}

#[cfg(feature = "flex")]
mod fast {
    use burn::backend::flex::FlexTensor;
    use burn::tensor::Tensor;

    use crate::flex::buffer::Buffer;
    use crate::flex::fused::run;
    use crate::flex::parallel::chunks_mut;
    use crate::flex::tensors::{channels_last, dense, floats, sum_rows};

    pub(super) fn global_average_pool(input: Tensor<4>) -> Tensor<2> {
        let shape = input.dims();
        let [batch, channels, height, width] = shape;
        let pixels = height * width;
        let share = (pixels as f32).recip();
        run(vec![input.into_dispatch()], move |mut operands, _| {
            let input = channels_last(operands.remove(0));
            let x: &[f32] = input.storage();
            let mut y = Buffer::new(batch * channels);
            chunks_mut(&mut y, channels, |image, y| {
                let x = &x[image * pixels * channels..][..pixels * channels];
                sum_rows(x, y);
                y.iter_mut().for_each(|y| *y *= share);
            });
            let gradient = move |gradient: FlexTensor, _needed: &[bool]| {
                let gradient = dense(gradient);
                let dy = floats(&gradient);
                let mut dx = Buffer::new(batch * pixels * channels);
                chunks_mut(&mut dx, (pixels * channels).max(1), |image, dx| {
                    let dy = &dy[image * channels..][..channels];
                    for pixel in dx.chunks_exact_mut(channels) {
                        for (dx, dy) in pixel.iter_mut().zip(dy) {
                            *dx = dy * share;
                        }
                    }
                });
                vec![Some(dx.into_channels_last(shape))]
            };
            (y.into_tensor([batch, channels]), Box::new(gradient))
        })
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::flex::testing::check;

    #[test]
    fn fast_is_plain() {
        for shape in [[1, 1, 1, 1], [3, 5, 2, 7], [2, 33, 4, 4]] {
            check(&[shape.iter().product()], 1e-6, |mut leaves, fast| {
                let operation = if fast { global_average_pool } else { plain };
                operation(leaves.remove(0).reshape(shape))
            });
        }
    }
}
