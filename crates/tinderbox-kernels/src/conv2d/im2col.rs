//! Any convolution, as a product of a matrix of patches with the weight. `unsafe` for parts that several threads write.
//!
//! Images are `[batch, height, width, channels]` in memory. A patch is a row `[kernel row, kernel column, channel]` of
//! one group; patches of a few images are made at a time, so that they stay in the cache.
#![allow(unsafe_code)]

use super::Geometry;
use crate::flex::buffer::Buffer;
use crate::flex::gemm::{Matrix, Start, gemm_here};
use crate::flex::parallel::{self, Shared};

/// Patches that are made at a time.
const PATCHES: usize = 256;
/// Partial sums of the gradient of the weight, the same for any number of threads.
const PARTS: usize = 8;

/// The weight `[outputs, channels / groups, kernel]` as `[groups, kernel, channels / groups, outputs / groups]`.
fn rows_of_taps(of: &Geometry, weight: &[f32]) -> Buffer {
    let (taps, inner, outer) = of.per_group();
    let mut rows = Buffer::new(weight.len());
    for (output, filter) in weight.chunks_exact(inner * taps).enumerate() {
        let (group, column) = (output / outer, output % outer);
        for (i, value) in filter.iter().enumerate() {
            let (channel, tap) = (i / taps, i % taps);
            rows[((group * taps + tap) * inner + channel) * outer + column] = *value;
        }
    }
    rows
}

/// Pixels of the output, in runs of [`PATCHES`] that do not cross images: image, first pixel, number.
fn run_of(of: &Geometry, index: usize) -> (usize, usize, usize) {
    let pixels = of.out[0] * of.out[1];
    let runs = pixels.div_ceil(PATCHES);
    let (image, first) = (index / runs, index % runs * PATCHES);
    (image, first, PATCHES.min(pixels - first))
}

fn runs(of: &Geometry) -> usize {
    of.batch * (of.out[0] * of.out[1]).div_ceil(PATCHES)
}

/// Calls `visit` with the offset of each tap's channels in the image and in the patches, if the tap is on the image.
#[inline(always)]
fn each_tap(
    of: &Geometry,
    first: usize,
    count: usize,
    mut visit: impl FnMut(usize, Option<usize>),
) {
    let (taps, inner, _) = of.per_group();
    let [height, width] = of.size;
    let options = &of.options;
    for pixel in 0..count {
        let (row, column) = ((first + pixel) / of.out[1], (first + pixel) % of.out[1]);
        for tap in 0..taps {
            let (i, j) = (tap / of.kernel[1], tap % of.kernel[1]);
            // Before the image is a number that wraps around to a large one.
            let y = (row * options.stride[0] + i * options.dilation[0])
                .wrapping_sub(options.padding[0]);
            let x = (column * options.stride[1] + j * options.dilation[1])
                .wrapping_sub(options.padding[1]);
            let on = y < height && x < width;
            let place = on.then(|| (y * width + x) * of.channels);
            visit((pixel * taps + tap) * inner, place);
        }
    }
}

fn patches(of: &Geometry, image: &[f32], group: usize, run: (usize, usize), to: &mut [f32]) {
    let (_, inner, _) = of.per_group();
    each_tap(of, run.0, run.1, |at, place| {
        let to = &mut to[at..at + inner];
        match place {
            Some(place) => to.copy_from_slice(&image[place + group * inner..][..inner]),
            None => to.fill(0.0),
        }
    });
}

/// The convolution of `x` with `weight` `[outputs, channels / groups, kernel]`.
pub(super) fn forward(of: &Geometry, x: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Buffer {
    let (taps, inner, outer) = of.per_group();
    let rows = rows_of_taps(of, weight);
    let depth = taps * inner;
    let image_floats = of.size[0] * of.size[1] * of.channels;
    let pixels = of.out[0] * of.out[1];
    let mut y = Buffer::new(of.batch * pixels * of.outputs);
    let shared = Shared::new(&mut y);
    parallel::for_each(runs(of), |index| {
        let (image, first, count) = run_of(of, index);
        let mut matrix = Buffer::new(count * depth);
        // SAFETY: the pixels of a run belong to one task.
        let y = unsafe { shared.part((image * pixels + first) * of.outputs, count * of.outputs) };
        let x = &x[image * image_floats..][..image_floats];
        for group in 0..of.options.groups {
            patches(of, x, group, (first, count), &mut matrix);
            gemm_here(
                [count, outer, depth],
                Matrix::rows(&matrix, depth),
                Matrix::rows(&rows[group * depth * outer..], outer),
                &mut y[group * outer..],
                of.outputs,
                bias.map_or(Start::Zero, |bias| {
                    Start::Bias(&bias[group * outer..][..outer])
                }),
            );
        }
    });
    y
}

/// The gradient of the input.
pub(super) fn input_gradient(of: &Geometry, dy: &[f32], weight: &[f32]) -> Buffer {
    let (taps, inner, outer) = of.per_group();
    let rows = rows_of_taps(of, weight);
    let depth = taps * inner;
    let image_floats = of.size[0] * of.size[1] * of.channels;
    let pixels = of.out[0] * of.out[1];
    let mut dx = Buffer::new(of.batch * image_floats);
    // Patches overlap, so an image belongs to one task.
    parallel::chunks_mut(&mut dx, image_floats.max(1), |image, dx| {
        dx.fill(0.0);
        let mut matrix = Buffer::new(PATCHES.min(pixels) * depth);
        for first in (0..pixels).step_by(PATCHES) {
            let count = PATCHES.min(pixels - first);
            let dy = &dy[(image * pixels + first) * of.outputs..][..count * of.outputs];
            for group in 0..of.options.groups {
                gemm_here(
                    [count, depth, outer],
                    Matrix::rows(&dy[group * outer..], of.outputs),
                    Matrix::rows(&rows[group * depth * outer..][..depth * outer], outer).t(),
                    &mut matrix,
                    depth,
                    Start::Zero,
                );
                each_tap(of, first, count, |at, place| {
                    if let Some(place) = place {
                        let to = &mut dx[place + group * inner..][..inner];
                        for (to, from) in to.iter_mut().zip(&matrix[at..at + inner]) {
                            *to += from;
                        }
                    }
                });
            }
        }
    });
    dx
}

/// The gradient of the weight, `[outputs, channels / groups, kernel]`.
pub(super) fn weight_gradient(of: &Geometry, x: &[f32], dy: &[f32]) -> Buffer {
    let (taps, inner, outer) = of.per_group();
    let depth = taps * inner;
    let (groups, floats) = (of.options.groups, of.options.groups * depth * outer);
    let image_floats = of.size[0] * of.size[1] * of.channels;
    let pixels = of.out[0] * of.out[1];
    let runs = runs(of);
    let parts = PARTS.min(runs).max(1);
    let mut sums = Buffer::new(parts * floats);
    parallel::chunks_mut(&mut sums, floats, |part, sums| {
        sums.fill(0.0);
        let mut matrix = Buffer::new(PATCHES.min(pixels) * depth);
        for index in part * runs / parts..(part + 1) * runs / parts {
            let (image, first, count) = run_of(of, index);
            let dy = &dy[(image * pixels + first) * of.outputs..][..count * of.outputs];
            let x = &x[image * image_floats..][..image_floats];
            for group in 0..groups {
                patches(of, x, group, (first, count), &mut matrix);
                gemm_here(
                    [depth, outer, count],
                    Matrix::rows(&matrix[..count * depth], depth).t(),
                    Matrix::rows(&dy[group * outer..], of.outputs),
                    &mut sums[group * depth * outer..][..depth * outer],
                    outer,
                    Start::Sum,
                );
            }
        }
    });
    let (total, others) = sums.split_at_mut(floats);
    for other in others.chunks_exact(floats) {
        for (total, other) in total.iter_mut().zip(other) {
            *total += other;
        }
    }
    let mut gradient = Buffer::new(floats);
    for (output, filter) in gradient.chunks_exact_mut(inner * taps).enumerate() {
        let (group, column) = (output / outer, output % outer);
        for (i, value) in filter.iter_mut().enumerate() {
            let (channel, tap) = (i / taps, i % taps);
            *value = total[((group * taps + tap) * inner + channel) * outer + column];
        }
    }
    gradient
}
