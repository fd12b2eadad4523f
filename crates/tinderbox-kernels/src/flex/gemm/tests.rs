//! Tests of `gemm`.

use proptest::prelude::*;

use super::*;
use crate::flex::testing::numbers;

/// Both of a matrix's layouts, and all starts, against sums in double precision.
fn check([m, n, k]: [usize; 3], transposed: [bool; 2]) {
    let (a, b) = (numbers("a", m * k), numbers("b", k * n));
    let bias = numbers("bias", n);
    let matrix = |data, rows, columns, transposed| match transposed {
        true => Matrix::rows(data, rows).t(),
        false => Matrix::rows(data, columns),
    };
    let (a, b) = (
        matrix(&a, m, k, transposed[0]),
        matrix(&b, k, n, transposed[1]),
    );
    let at = |x: &Matrix, i, j| f64::from(x.data[i * x.row_stride + j * x.column_stride]);
    for start in [Start::Zero, Start::Sum, Start::Bias(&bias)] {
        let stride = n + 3;
        let before = numbers("c", m * stride);
        let mut c = before.clone();
        gemm([m, n, k], a, b, &mut c, stride, start);
        let mut alone = before.clone();
        gemm_here([m, n, k], a, b, &mut alone, stride, start);
        assert_eq!(c, alone, "one thread and several");
        for (i, (row, old)) in c.chunks(stride).zip(before.chunks(stride)).enumerate() {
            for j in 0..n {
                let from = match start {
                    Start::Zero => 0.0,
                    Start::Sum => old[j],
                    Start::Bias(bias) => bias[j],
                };
                let sum: f64 = (0..k).map(|p| at(&a, i, p) * at(&b, p, j)).sum();
                let expected = f64::from(from) + sum;
                // Rounding of a sum of `k` products below 1, twice a product where they are not fused.
                let bound = 2e-6 * (1.0 + (k as f64).sqrt());
                let error = (f64::from(row[j]) - expected).abs();
                assert!(error <= bound, "[{i}, {j}]: {} for {expected}", row[j]);
            }
            assert_eq!(row[n..], old[n..], "beyond the row");
        }
    }
}

#[test]
fn every_height_of_a_block_and_edges_of_panels() {
    for m in 1..=if cfg!(miri) { 13 } else { 30 } {
        check([m, 33, 17], [m % 2 == 0, m % 3 == 0]);
    }
    for transposed in [[false, false], [false, true], [true, false], [true, true]] {
        // Miri would take hours.
        if !cfg!(miri) {
            check([170, 520, 513], transposed);
            check([3, 1100, 2], transposed);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn random_shapes(m in 0usize..70, n in 1usize..70, k in 0usize..300, a: bool, b: bool) {
        check([m, n, k], [a, b]);
    }
}
