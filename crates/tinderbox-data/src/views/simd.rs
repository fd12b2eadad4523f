//! Loops over floats, compiled for the vectors of each kind of processor and chosen when the program runs.

/// Defines a function whose loops use the widest vectors of this processor.
///
/// Products and sums are not fused and keep their order, so that all processors give the same bits. What the body calls has to be
/// `#[inline(always)]`: what is not inlined is compiled for the oldest processor.
macro_rules! vectorised {
    (
        $(#[$attribute:meta])*
        $visibility:vis fn $name:ident<$lifetime:lifetime>(
            $($argument:ident: $type:ty),+ $(,)?
        ) $(-> $output:ty)? $body:block
    ) => {
        $(#[$attribute])*
        $visibility fn $name<$lifetime>($($argument: $type),+) $(-> $output)? {
            struct Arguments<$lifetime> {
                $($argument: $type),+
            }
            impl pulp::WithSimd for Arguments<'_> {
                type Output = vectorised!(@output $($output)?);

                #[inline(always)]
                fn with_simd<S: pulp::Simd>(self, _: S) -> Self::Output {
                    let Self { $($argument),+ } = self;
                    $body
                }
            }
            pulp::Arch::new().dispatch(Arguments { $($argument),+ })
        }
    };
    (@output) => { () };
    (@output $output:ty) => { $output };
}
pub(crate) use vectorised;

/// Partial sums of [`sum`]: two of the widest vectors.
const LANES: usize = 32;

vectorised! {
    /// The sum of the values, in an order that does not depend on the processor.
    pub(super) fn sum<'a>(values: &'a [f32]) -> f32 {
        let mut sums = [0.0_f32; LANES];
        let (chunks, rest) = values.as_chunks::<LANES>();
        for chunk in chunks {
            for (sum, value) in sums.iter_mut().zip(chunk) {
                *sum += value;
            }
        }
        for (sum, value) in sums.iter_mut().zip(rest) {
            *sum += value;
        }
        // Halves are added, then halves of halves, which keeps the error small.
        let mut half = LANES / 2;
        while half > 0 {
            for lane in 0..half {
                sums[lane] += sums[lane + half];
            }
            half /= 2;
        }
        sums[0]
    }
}

vectorised! {
    /// The sum of `weights.len()` lines of equal length, each times its weight. The lines begin at `starts` in `values`.
    pub(super) fn weighted_lines<'a>(
        out: &'a mut [f32],
        values: &'a [f32],
        starts: &'a [usize],
        weights: &'a [f32],
    ) {
        const WIDE: usize = 32;
        let length = out.len();
        let mut place = 0;
        // As many sums as fit into registers, over all lines, before any is stored.
        let (chunks, rest) = out.as_chunks_mut::<WIDE>();
        for out in chunks {
            let mut sums = [0.0_f32; WIDE];
            for (start, weight) in starts.iter().zip(weights) {
                let line: &[f32; WIDE] = values[start + place..]
                    .first_chunk()
                    .expect("a line is as long as the result");
                for (sum, value) in sums.iter_mut().zip(line) {
                    *sum += weight * value;
                }
            }
            *out = sums;
            place += WIDE;
        }
        rest.fill(0.0);
        for (start, weight) in starts.iter().zip(weights) {
            let line = &values[start + place..start + length];
            for (out, value) in rest.iter_mut().zip(line) {
                *out += weight * value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_summed() {
        for length in 0..100_u16 {
            let values: Vec<f32> = (1..=length).map(f32::from).collect();
            let expected = f32::from(length) * f32::from(length + 1) / 2.0;
            assert_eq!(sum(&values), expected);
        }
    }

    #[test]
    fn lines_are_added_by_weight_whatever_their_length() {
        for length in 0..100_usize {
            let values: Vec<f32> = (0..2 * length + 1).map(|value| value as f32).collect();
            let mut out = vec![7.0; length];
            weighted_lines(&mut out, &values, &[1, length + 1], &[1.0, 2.0]);
            let expected = |place: usize| (1 + place + 2 * (length + 1 + place)) as f32;
            assert!((0..length).all(|place| out[place] == expected(place)));
        }
    }
}
