//! GELU by vectors.

use super::math::{erf, exp};

/// `y = x * Phi(x)`.
pub(crate) fn gelu(x: &[f32], y: &mut [f32]) {
    pulp::Arch::new().dispatch(|| {
        for (x, y) in x.iter().zip(y) {
            *y = 0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2));
        }
    });
}

/// `dx = dy * (Phi(x) + x * phi(x))`.
pub(crate) fn gelu_derivative(x: &[f32], dy: &[f32], dx: &mut [f32]) {
    /// `1 / sqrt(2 pi)`.
    const DENSITY: f32 = 0.398_942_3;
    pulp::Arch::new().dispatch(|| {
        for ((x, dy), dx) in x.iter().zip(dy).zip(dx) {
            let below = 0.5 * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2));
            *dx = dy * (below + x * DENSITY * exp(-0.5 * x * x));
        }
    });
}
