//! GELU by vectors.

/// The error function, within 4 units in the last place.
///
/// The rational approximation of odd degree 13 over even degree 8 on [-4, 4] that Eigen and XLA use for floats.
#[inline(always)]
fn erf(x: f32) -> f32 {
    let x = x.clamp(-4.0, 4.0);
    let square = x * x;
    let above = [
        -2.726_142_3e-10,
        2.770_681_4e-8,
        -2.101_024e-6,
        -5.692_506_4e-5,
        -7.349_906_3e-4,
        -2.954_6e-3,
        -1.609_603_3e-2_f32,
    ];
    let below = [
        -1.456_607_2e-5,
        -2.133_740_6e-4,
        -1.682_827e-3,
        -7.373_329e-3,
        -1.426_473_9e-2_f32,
    ];
    let horner = |sum: f32, next: &f32| sum * square + next;
    x * above.iter().fold(0.0, horner) / below.iter().fold(0.0, horner)
}

/// `e^x`, within 2 units in the last place, 0 below -87.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    /// Adding and subtracting it rounds to an integer.
    const ROUND: f32 = 12_582_912.0;
    let bounded = x.clamp(-87.0, 88.0);
    let n = (bounded * std::f32::consts::LOG2_E + ROUND) - ROUND;
    // ln 2 in two parts, so that the difference is exact (Cody and Waite).
    let r = (bounded - n * 0.693_359_4) - n * -2.121_944_4e-4;
    // Cephes' polynomial for floats.
    let mut sum = 1.987_569_1e-4_f32;
    for c in [
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        0.166_666_65,
        0.5,
    ] {
        sum = sum * r + c;
    }
    let fraction = sum * r * r + r + 1.0;
    let power = f32::from_bits(((n as i32 + 127) << 23) as u32);
    if x < -87.0 { 0.0 } else { fraction * power }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_exp() {
        for i in -2000..2000 {
            let x = i as f32 * 0.0437;
            let expected = f64::from(x).exp();
            let error = (f64::from(exp(x)) - expected).abs() / expected;
            assert!(x < -87.0 || error < 3e-7, "{x}: {error}");
        }
        assert_eq!(exp(-1e30), 0.0);
    }
}
