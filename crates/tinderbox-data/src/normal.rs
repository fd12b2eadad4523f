//! Normal numbers of uniform ones, many at a time.
//!
//! Logarithm, sine and cosine are polynomials in 32 bits, so that loops over them become vectors and all machines give the same bits. The
//! coefficients are those of `logf`, `sinf` and `cosf` of the Cephes library (S. L. Moshier 1992).

use std::f32::consts::{FRAC_1_SQRT_2, FRAC_PI_2};

use crate::views::vectorised;

/// Numbers that are made at a time: those that ChaCha's four blocks at a time hold.
pub(crate) const BLOCK: usize = 64;

vectorised! {
    /// Makes uniform numbers in `[0, 1)`, multiples of 2^-24, independent normal ones (Box and Muller 1958, "A note on the generation of
    /// random normal deviates"). Each number of the first half is the radius of a pair, the one `BLOCK / 2` behind it is the angle.
    pub(crate) fn box_muller<'a>(uniform: &'a mut [f32; BLOCK]) {
        let (radii, angles) = uniform.split_at_mut(BLOCK / 2);
        for (first, second) in radii.iter_mut().zip(angles) {
            // 1 - u lies in (0, 1], so that the logarithm is finite.
            let radius = (-2.0 * ln(1.0 - *first)).sqrt();
            let (sine, cosine) = sine_and_cosine(*second);
            (*first, *second) = (radius * cosine, radius * sine);
        }
    }
}

/// The natural logarithm of a positive number that is not subnormal.
#[inline(always)]
fn ln(value: f32) -> f32 {
    const LEAST: u32 = FRAC_1_SQRT_2.to_bits();
    // value = 2^exponent (1 + x), with 1 + x from sqrt(1/2) to sqrt(2).
    let bits = value.to_bits().wrapping_sub(LEAST);
    let exponent = ((bits as i32) >> 23) as f32;
    let x = f32::from_bits((bits & 0x007f_ffff) + LEAST) - 1.0;
    let coefficients = [
        7.037_683_6e-2,
        -1.151_461e-1,
        1.167_699_9e-1,
        -1.242_014_1e-1,
        1.424_932_3e-1,
        -1.666_805_8e-1,
        2.000_071_5e-1,
        -2.499_999_4e-1,
        3.333_333e-1,
    ];
    let square = x * x;
    // The logarithm of 2 in two parts, of which the first is exact in products with whole numbers.
    let small = polynomial(coefficients, x) * x * square - 2.121_944_4e-4 * exponent - 0.5 * square;
    x + small + 0.693_359_4 * exponent
}

/// Sine and cosine of a share of a turn, from 0 to 1.
#[inline(always)]
fn sine_and_cosine(turn: f32) -> (f32, f32) {
    // In the sum, the last bits of the mantissa are the nearest whole number of quarter turns.
    const WHOLE: f32 = 12_582_912.0;
    let sum = 4.0 * turn + WHOLE;
    let quarter = sum.to_bits();
    let x = (4.0 * turn - (sum - WHOLE)) * FRAC_PI_2;
    let square = x * x;
    let sine = [-1.951_529_6e-4, 8.332_161e-3, -1.666_665_5e-1];
    let sine = polynomial(sine, square) * square * x + x;
    let cosine = [2.443_315_7e-5, -1.388_731_6e-3, 4.166_664_6e-2];
    let cosine = polynomial(cosine, square) * square * square - 0.5 * square + 1.0;
    let (first, second) = if quarter & 1 == 0 {
        (sine, cosine)
    } else {
        (cosine, sine)
    };
    let negative_if = |value: f32, bit: u32| f32::from_bits(value.to_bits() ^ (bit & 2) << 30);
    (
        negative_if(first, quarter),
        negative_if(second, quarter + 1),
    )
}

/// Horner's scheme, the highest power first.
#[inline(always)]
fn polynomial<const N: usize>(coefficients: [f32; N], x: f32) -> f32 {
    let mut sum = 0.0;
    for coefficient in coefficients {
        sum = sum * x + coefficient;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: u32 = 1 << 24;

    /// All values that a uniform number can have.
    fn uniform() -> impl Iterator<Item = f32> {
        (0..STEPS).map(|step| step as f32 / STEPS as f32)
    }

    #[test]
    fn the_logarithm_is_good_to_its_last_bits() {
        for value in uniform().map(|value| 1.0 - value) {
            let expected = f64::from(value).ln();
            let error = (f64::from(ln(value)) - expected).abs();
            // 2^-23 is the distance of neighbours at 1.
            assert!(error <= expected.abs() * 2.0_f64.powi(-23), "{value}");
        }
    }

    #[test]
    fn sine_and_cosine_are_good_to_their_last_bits() {
        for turn in uniform() {
            let (sine, cosine) = sine_and_cosine(turn);
            let expected = (f64::from(turn) * std::f64::consts::TAU).sin_cos();
            let error = (f64::from(sine) - expected.0)
                .abs()
                .max((f64::from(cosine) - expected.1).abs());
            assert!(error <= 2.0_f64.powi(-23), "{turn}: {error}");
        }
    }
}
