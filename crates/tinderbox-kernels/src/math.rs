//! Functions and sums that vectors compute: plain loops in a [`vectorised`] function.
//!
//! A sum keeps a fixed number of partial sums whatever the processor's vectors hold, so all processors agree on it.

/// Partial sums of [`sum`]: two of the widest vectors.
pub(crate) const LANES: usize = 32;

/// Defines a function whose loops use the widest vectors of this processor.
///
/// What it calls has to be small or `#[inline(always)]`: what is not inlined is compiled for the oldest processor. That
/// is also why this is a macro: a closure of more than a few lines, or a function by its name, is not inlined where
/// `pulp` calls it once for each kind of processor.
macro_rules! vectorised {
    (
        $(#[$attribute:meta])*
        $visibility:vis fn $name:ident<$lifetime:lifetime>(
            $($argument:ident: $type:ty),+ $(,)?
        ) $body:block
    ) => {
        $(#[$attribute])*
        $visibility fn $name<$lifetime>($($argument: $type),+) {
            struct Arguments<$lifetime> {
                $($argument: $type),+
            }
            impl pulp::WithSimd for Arguments<'_> {
                type Output = ();

                #[inline(always)]
                fn with_simd<S: pulp::Simd>(self, _: S) {
                    let Self { $($argument),+ } = self;
                    $body
                }
            }
            $crate::simd::arch().dispatch(Arguments { $($argument),+ });
        }
    };
}
pub(crate) use vectorised;

/// The error function, with a relative error below 4 epsilons (2^-23 each).
///
/// The rational approximation of odd degree 13 over even degree 8 on [-4, 4] that Eigen and XLA use for floats.
#[inline(always)]
pub(crate) fn erf(x: f32) -> f32 {
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
    let (mut numerator, mut denominator) = (0.0, 0.0);
    for c in above {
        numerator = square.mul_add(numerator, c);
    }
    for c in below {
        denominator = square.mul_add(denominator, c);
    }
    x * numerator / denominator
}

/// `e^x`, with a relative error below 2 epsilons (2^-23 each); 0 below -87, `e^88` above 88.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    /// Adding and subtracting it rounds to an integer.
    const ROUND: f32 = 12_582_912.0;
    let bounded = x.clamp(-87.0, 88.0);
    let shifted = bounded.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    // ln 2 in two parts, so that the difference is exact (Cody and Waite).
    let r = n.mul_add(2.121_944_4e-4, n.mul_add(-0.693_359_4, bounded));
    // Cephes' polynomial for floats.
    let mut sum = 1.987_569_1e-4_f32;
    for c in [
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        0.166_666_65,
        0.5,
    ] {
        sum = sum.mul_add(r, c);
    }
    let fraction = (sum * r).mul_add(r, r) + 1.0;
    // The last bits of the shifted number hold `n`; the shift drops all others.
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    if x < -87.0 { 0.0 } else { fraction * power }
}

/// The sum of `term` of each float.
#[inline(always)]
pub(crate) fn sum(values: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let mut sums = [0.0; LANES];
    let mut chunks = values.chunks_exact(LANES);
    for chunk in &mut chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += term(*value);
        }
    }
    for (sum, value) in sums.iter_mut().zip(chunks.remainder()) {
        *sum += term(*value);
    }
    fold(sums, |a, b| a + b)
}

/// The sum of `term` of each pair of floats.
#[inline(always)]
pub(crate) fn sum_pairs(left: &[f32], right: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut sums = [0.0; LANES];
    let (mut lefts, mut rights) = (left.chunks_exact(LANES), right.chunks_exact(LANES));
    for (left, right) in (&mut lefts).zip(&mut rights) {
        for (sum, (left, right)) in sums.iter_mut().zip(left.iter().zip(right)) {
            *sum += term(*left, *right);
        }
    }
    let rest = lefts.remainder().iter().zip(rights.remainder());
    for (sum, (left, right)) in sums.iter_mut().zip(rest) {
        *sum += term(*left, *right);
    }
    fold(sums, |a, b| a + b)
}

/// The largest float, minus infinity if there is none.
#[inline(always)]
pub(crate) fn max(values: &[f32]) -> f32 {
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let mut all = [f32::NEG_INFINITY; LANES];
    let mut chunks = values.chunks_exact(LANES);
    for chunk in &mut chunks {
        for (max, value) in all.iter_mut().zip(chunk) {
            *max = larger(*max, *value);
        }
    }
    for (max, value) in all.iter_mut().zip(chunks.remainder()) {
        *max = larger(*max, *value);
    }
    fold(all, larger)
}

#[inline(always)]
fn fold(mut lanes: [f32; LANES], join: impl Fn(f32, f32) -> f32) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] = join(lanes[i], lanes[i + half]);
        }
        half /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The error function in double precision: its series, and beyond 3 the continued fraction of its complement.
    fn erf_reference(x: f64) -> f64 {
        let square = x * x;
        if x.abs() < 3.0 {
            // 2 / sqrt(pi) e^(-x^2) sum of 2^n x^(2n + 1) / (1 3 5 .. (2n + 1)): no term is negative.
            let (mut term, mut sum) = (x, x);
            for n in 1..200 {
                term *= 2.0 * square / f64::from(2 * n + 1);
                sum += term;
            }
            std::f64::consts::FRAC_2_SQRT_PI * (-square).exp() * sum
        } else {
            let fraction = (1..200)
                .rev()
                .fold(x.abs(), |below, n| x.abs() + f64::from(n) / 2.0 / below);
            let complement = (-square).exp() / fraction / std::f64::consts::PI.sqrt();
            (1.0 - complement).copysign(x)
        }
    }

    #[test]
    fn the_reference_is_right() {
        // Abramowitz and Stegun, table 7.1.
        for (x, expected) in [
            (0.5, 0.520_499_877_8),
            (1.0, 0.842_700_792_9),
            (2.0, 0.995_322_265_0),
        ] {
            assert!((erf_reference(x) - expected).abs() < 1e-10);
        }
        let seam = erf_reference(3.0 - 1e-12) - erf_reference(3.0);
        assert!(seam.abs() < 1e-14, "{seam}");
    }

    #[test]
    fn erf_is_erf_within_4_epsilons() {
        for i in -60_000..60_000 {
            let x = i as f32 * 1e-4;
            let expected = erf_reference(f64::from(x));
            let error = (f64::from(erf(x)) - expected).abs();
            let unit = expected.abs() * f64::from(f32::EPSILON);
            assert!(
                error <= 4.0 * unit,
                "{x}: {error} is {} epsilons",
                error / unit
            );
        }
        assert_eq!(
            [erf(-1e30), erf(0.0), erf(1e30)],
            [-erf(4.0), 0.0, erf(4.0)]
        );
    }

    #[test]
    fn exp_is_exp_within_2_epsilons() {
        for i in -870_000..880_000 {
            let x = i as f32 * 1e-4;
            let expected = f64::from(x).exp();
            let error = (f64::from(exp(x)) - expected).abs() / expected;
            assert!(error <= 2.0 * f64::from(f32::EPSILON), "{x}: {error}");
        }
        assert_eq!(
            [exp(-1e30), exp(f32::NEG_INFINITY), exp(0.0)],
            [0.0, 0.0, 1.0]
        );
    }

    #[test]
    fn sums_and_maxima_take_every_float() {
        let pairs = |len: usize| -> Vec<f32> { (1..=len).map(|i| i as f32).collect() };
        for len in 0..100 {
            let values = pairs(len);
            let expected = (len * (len + 1) / 2) as f32;
            assert_eq!(sum(&values, |x| x), expected);
            assert_eq!(sum_pairs(&values, &values, |x, y| x + y), 2.0 * expected);
            let last = values.last().copied().unwrap_or(f32::NEG_INFINITY);
            assert_eq!(max(&values), last);
        }
    }
}
