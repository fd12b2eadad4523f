//! GELU by vectors.

use super::math::{erf, exp, vectorised};

vectorised! {
    /// `y = x * Phi(x)`.
    pub(crate) fn gelu<'a>(x: &'a [f32], y: &'a mut [f32]) {
        for (x, y) in x.iter().zip(y) {
            *y = 0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2));
        }
    }
}

/// `1 / sqrt(2 pi)`.
const DENSITY: f32 = 0.398_942_3;

vectorised! {
    /// `dx = dy * (Phi(x) + x * phi(x))`.
    pub(crate) fn gelu_derivative<'a>(x: &'a [f32], dy: &'a [f32], dx: &'a mut [f32]) {
        for ((x, dy), dx) in x.iter().zip(dy).zip(dx) {
            let below = 0.5 * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2));
            *dx = dy * (below + x * DENSITY * exp(-0.5 * x * x));
        }
    }
}
