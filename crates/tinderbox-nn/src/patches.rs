//! Images as sequences of patches, and where each patch is.
//!
//! Shape letters: `B` batch, `C` channels, `N` patches, `P` pixels of a patch times channels, `E` width.

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};

/// The wavelengths of positions reach up to this times 2 pi (Vaswani et al. 2017, section 3.5).
const LONGEST: f64 = 10_000.0;

/// Cuts images into square patches, row by row; a patch's values are ordered by row, column, channel, as in the
/// code of MAE's authors.
///
/// # Shapes
/// - `images`: `[B, C, height, width]`
/// - output: `[B, N, P]`, `N = height / patch * width / patch`, `P = patch * patch * C`
///
/// # Panics
/// If `patch` does not divide height and width.
pub fn patchify(images: Tensor<4>, patch: usize) -> Tensor<3> {
    let [batch, channels, height, width] = images.dims();
    assert!(
        patch > 0 && height.is_multiple_of(patch) && width.is_multiple_of(patch),
        "patchify: patches of {patch} pixels do not divide images of {height} x {width}"
    );
    let (rows, columns) = (height / patch, width / patch);
    images
        .reshape([batch, channels, rows, patch, columns, patch])
        .permute([0, 2, 4, 3, 5, 1])
        .reshape([batch, rows * columns, patch * patch * channels])
}

/// Fixed positions of a square grid of patches after a class token, which has zeros (He et al. 2022, "Masked
/// Autoencoders Are Scalable Vision Learners", section 3, and its code): the first half of a vector is of the column,
/// the second of the row; each half is `sin(place * w_k)` for all `k`, then `cos`, with `w_k = 10000^(-4 k / E)`.
///
/// It is a parameter, so that weights files hold it under its published name, but a frozen one.
///
/// # Shapes
/// - output: `[1, 1 + side * side, E]`, `E = width`
pub(crate) fn positions(width: usize, side: usize, device: &Device) -> Param<Tensor<3>> {
    let waves = width / 4;
    let half = |place: usize| {
        let angle = move |k: usize| place as f64 * LONGEST.powf(-(k as f64) / waves as f64);
        let sines = (0..waves).map(move |k| angle(k).sin() as f32);
        sines.chain((0..waves).map(move |k| angle(k).cos() as f32))
    };
    let mut values = vec![0.0_f32; width];
    for row in 0..side {
        for column in 0..side {
            values.extend(half(column).chain(half(row)));
        }
    }
    let data = TensorData::new(values, [1, 1 + side * side, width]);
    Param::from_tensor(Tensor::from_data(data, device)).set_require_grad(false)
}
